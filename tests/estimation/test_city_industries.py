"""Indices of cities from rows of industries, robots and firms: complexity, robots, allocation efficiency."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from estimation.cities.allocation import city_allocation
from estimation.cities.robots import base_employment, city_robots, with_groups
from estimation.cities.sophistication import city_sophistication, group_complexity, product_complexity
from estimation.core.frame import EstimationError


class TestSophistication:
    """Two exporters with incomes 1 and 3 (thousand): A exports k1 100; B exports k1 50 and k2 50.

    Shares: k1 1 and 1/2, k2 0 and 1/2. PRODY k1 = (1 x 1 + 3 x 1/2) / 1.5 = 5/3, k2 = 3.
    """

    def exports(self) -> pd.DataFrame:
        rows = [
            (2013, 1, "k1", "g1", 100.0, 1000.0), (2013, 1, "k1", "g2", 100.0, 1000.0), (2013, 2, "k1", "g1", 50.0, 3000.0),
            (2013, 2, "k1", "g2", 50.0, 3000.0), (2013, 2, "k2", "g2", 50.0, 3000.0), (2013, 3, "k2", "g2", 70.0, np.nan),
        ]  # fmt: skip
        return pd.DataFrame(
            rows, columns=["year", "exporter", "product_code", "group_code", "value_1k_usd", "gdp_pc_usd"]
        )

    industries = pd.DataFrame(
        {
            "standard": [2002, 2002, 2017, 2017],
            "industry_code": ["10", "20", "11", "20"],
            "group_code": ["g1", "g2", "g1", "g2"],
        }
    )

    def test_products_and_groups(self):
        found = product_complexity(self.exports()).set_index("product_code")["prody"]
        np.testing.assert_allclose(found[["k1", "k2"]], [5 / 3, 3])
        groups = group_complexity(self.exports())[2013]
        np.testing.assert_allclose(groups[["g1", "g2"]], [5 / 3, (5 / 3 + 3) / 2])

    def test_products_without_a_group_count_in_the_shares(self):
        """A third product of B halves its share of the others and has a complexity, but no group."""
        farm = self.exports().iloc[[4]].assign(product_code="k3", group_code=None, value_1k_usd=100.0)
        found = product_complexity(pd.concat([self.exports(), farm])).set_index("product_code")["prody"]
        assert found["k1"] == pytest.approx((1 + 3 * 0.25) / 1.25)
        assert set(group_complexity(pd.concat([self.exports(), farm])).index) == {"g1", "g2"}

    def test_cities_by_their_output(self):
        """Output 3 in industry 10 (2002: g1) and 1 in 20 (g2): (3 x 5/3 + 7/3) / 4; unknown industries are left out."""
        output = pd.DataFrame({
            "city_code": ["a"] * 3, "year": 2006, "standard": 2002, "industry_code": ["10", "20", "99"],
            "output_100m_yuan": [3.0, 1, 4],
        })  # fmt: skip
        found = city_sophistication(self.exports(), output, self.industries).iloc[0]
        assert found["stru"] == pytest.approx((3 * 5 / 3 + 7 / 3) / 4)
        assert found["lnstru"] == pytest.approx(np.log(found["stru"]))
        assert found["share_matched"] == pytest.approx(0.5)

    def test_the_printed_slash(self):
        """Output 3 over a complexity of 5/3 and 1 over 7/3: (9/5 + 3/7) / 4 = 78/140, below one, so that the log is negative."""
        output = pd.DataFrame({
            "city_code": "a", "year": 2006, "standard": 2002, "industry_code": ["10", "20", "99"], "output_100m_yuan": [3.0, 1, 4],
        })  # fmt: skip
        found = city_sophistication(self.exports(), output, self.industries, form="printed").iloc[0]
        assert found[["stru", "lnstru", "share_matched"]].to_list() == pytest.approx([78 / 140, np.log(78 / 140), 0.5])
        with pytest.raises(EstimationError, match="standard, printed"):
            city_sophistication(self.exports(), output, self.industries, form="slash")

    def test_industries_are_those_of_the_edition(self):
        """Number 11 means g1 in the edition of 2017 and nothing in that of 2002: a city with no other output has no value."""
        output = pd.DataFrame({
            "city_code": ["a", "b"], "year": [2018, 2010], "standard": [2017, 2002], "industry_code": "11", "output_100m_yuan": 1.0,
        })  # fmt: skip
        found = city_sophistication(self.exports(), output, self.industries)
        assert found[["city_code", "year"]].to_numpy().tolist() == [["a", 2018]]
        assert found["stru"].iloc[0] == pytest.approx(5 / 3)

    def test_trade_of_a_frozen_base(self):
        """Trade of 2020 is closer to 2018 than that of 2013, but no trade year after 2018 enters a base that ends there; 2019 may take it."""
        later = self.exports().assign(year=2020, gdp_pc_usd=lambda f: f["gdp_pc_usd"] * 2)
        output = pd.DataFrame({
            "city_code": "a", "year": [2018, 2019], "standard": 2017, "industry_code": "11", "output_100m_yuan": 1.0,
        })  # fmt: skip
        both = pd.concat([self.exports(), later])
        assert city_sophistication(both, output, self.industries)["stru"].tolist() == pytest.approx([10 / 3, 10 / 3])
        frozen = city_sophistication(both, output, self.industries, 2018)
        assert frozen["stru"].tolist() == pytest.approx([5 / 3, 10 / 3])
        only_later = city_sophistication(later, output, self.industries, 2018)
        assert only_later["stru"].tolist() == pytest.approx([10 / 3, 10 / 3]), "better than none"

    def test_absent_inputs(self):
        no_income = self.exports().assign(gdp_pc_usd=np.nan)
        output = pd.DataFrame(
            {"city_code": ["a"], "year": [2006], "standard": [2002], "industry_code": ["10"], "output_100m_yuan": [3.0]}
        )
        assert city_sophistication(no_income, output, self.industries).empty
        assert city_sophistication(self.exports(), output.iloc[:0], self.industries).empty
        assert product_complexity(self.exports().iloc[:0]).columns.tolist() == ["year", "product_code", "prody"]


class TestRobots:
    """Robots: 100 in group g1, 10 in g2 (edition 2011: numbers 30 and 31). Base employment by the edition of 2002, whose 31 is g1."""

    industries = pd.DataFrame({
        "standard": [2002, 2002, 2011, 2011], "industry_code": ["31", "32", "30", "31"], "group_code": ["g1", "g2", "g1", "g2"],
    })  # fmt: skip
    robots = pd.DataFrame({
        "year": 2015, "standard": "GB/T 4754-2011", "industry_code": ["30", "31"], "robots_stock_machines": [100.0, 10.0],
    })  # fmt: skip
    staff = pd.DataFrame({
        "city_code": ["a", "a", "b", "a"], "year": [2006, 2006, 2006, 2007], "standard": 2002, "industry_code": ["31", "32", "31", "31"],
        "employed_10k": [3.0, 1.0, 1.0, 50.0],
    })  # fmt: skip
    panel = pd.DataFrame({"city_code": ["b", "a", "c"], "year": 2015, "emp_industry_10k": [2.0, 4.0, np.nan]})
    series = pd.DataFrame(
        {"place_code": ["national"], "year": [2015], "variable": ["emp_total_national_10k"], "value": [1000.0]}
    )

    def test_numbers_of_different_editions_are_matched_by_group(self):
        """a has 3/4 of g1 and all of g2: 75 + 10; b 25. Together the nation's 110. A later year does not change the base."""
        found = city_robots(self.robots, self.staff, self.industries, self.panel, self.series).set_index("city_code")
        np.testing.assert_allclose(found.loc[["a", "b"], "robots_by_employment"], [85, 25])
        assert np.isnan(found.loc["c", "robots_by_employment"])
        assert (found.loc[["a", "b"], "share_allocated"] == 1).all()

    def test_printed_formula(self):
        found = city_robots(self.robots, self.staff, self.industries, self.panel, self.series).set_index("city_code")
        np.testing.assert_allclose(found.loc[["a", "b"], "robots_printed"], [110 * 4 / 1000, 110 * 2 / 1000])
        assert np.isnan(found.loc["c", "robots_printed"])

    def test_a_city_founded_later_has_none_and_takes_none(self):
        later = pd.concat([self.staff, self.staff.tail(1).assign(city_code="c", year=2011, employed_10k=4.0)])
        base = base_employment(with_groups(later, self.industries))
        assert base.index.tolist() == ["a", "b"] and base.loc["a", "g1"] == 3
        found = city_robots(self.robots, later, self.industries, self.panel, self.series).set_index("city_code")
        assert np.isnan(found.loc["c", "robots_by_employment"])
        assert found["robots_by_employment"].sum() == pytest.approx(110)

    def test_robots_that_cannot_be_placed_are_told(self):
        only = self.staff[self.staff["industry_code"] == "31"]
        found = city_robots(self.robots, only, self.industries, self.panel, self.series).set_index("city_code")
        assert found["robots_by_employment"].sum() == pytest.approx(100)
        assert found.loc["a", "share_allocated"] == pytest.approx(100 / 110)

    def test_absent_inputs_and_editions_nobody_can_read(self):
        for robots, staff in ((self.robots.iloc[:0], self.staff), (self.robots, self.staff.iloc[:0])):
            found = city_robots(robots, staff, self.industries, self.panel, self.series)
            assert found["robots_by_employment"].isna().all() and len(found) == 3
        with pytest.raises(EstimationError, match="names no edition"):
            with_groups(self.robots.assign(standard="GB/T"), self.industries)


ALLOCATION = {
    "ecol_normalise": "none",
    "ecol_missing": "fill",
    "xi_est": "one",
    "interpolation_max_gap": "3",
    "index_base_years": "all",
}


class TestAllocation:
    """City a in 2006: marginal products 2 and 4, shares 0.1 and 0.3: covariance (-1)(-0.1) + (1)(0.1) = 0.2; 2007: a single firm, 0."""

    provinces = pd.DataFrame({"city_code": ["a", "b", "c"], "province_code": ["p", "p", "q"]})

    def firms(self) -> pd.DataFrame:
        rows = [
            ("a", 2006, 20.0, 10.0, 100.0), ("a", 2006, 120.0, 30.0, 100.0), ("a", 2009, 20.0, 10.0, 100.0),
            ("z", 2006, 900.0, 10.0, 20.0), ("z", 2006, 9.0, 10.0, 90.0),
        ]  # fmt: skip
        return pd.DataFrame(rows, columns=["city_code", "year", "revenue_100m_yuan", "rd_staff", "employees"])

    def sample(self) -> pd.DataFrame:
        return pd.DataFrame([(c, y) for c in "abc" for y in range(2006, 2011)], columns=["city_code", "year"])

    def found(self, **changes: str) -> pd.DataFrame:
        table = city_allocation(self.firms(), self.sample(), self.provinces, ALLOCATION | changes)
        return table.set_index(["city_code", "year"])

    def test_covariance_line_and_province(self):
        found = self.found()
        assert found.loc[("a", 2006), "ecol"] == pytest.approx(0.2)
        np.testing.assert_allclose(found.loc[("a", 2007), "ecol"], 0.2 * 2 / 3)
        assert found.loc["a", "status"].tolist() == ["firms", "interpolated", "interpolated", "firms", "missing"]
        assert found.loc["b", "status"].tolist() == ["province_mean", "missing", "missing", "province_mean", "missing"]
        assert found.loc[("b", 2006), "ecol"] == pytest.approx(0.2)
        assert found.loc["c", "ecol"].isna().all()
        assert len(found) == 15

    def test_rules(self):
        assert set(self.found(ecol_missing="line")["status"]) == {"firms", "interpolated", "missing"}
        assert set(self.found(ecol_missing="none")["status"]) == {"firms", "missing"}
        assert self.found(interpolation_max_gap="1").loc[("a", 2007), "status"] == "missing"
        assert self.found(interpolation_max_gap="0").loc[("a", 2007), "status"] == "missing"
        with pytest.raises(EstimationError, match="fill, line, none"):
            self.found(ecol_missing="zero")

    def test_scaled_over_the_sample_only(self):
        """Firms of cities outside the sample do not set the scale: lowest 0.001, highest 1."""
        found = self.found(ecol_normalise="minmax", ecol_missing="none")["ecol"].dropna()
        assert found.min() == pytest.approx(0.001) and found.max() == 1

    def test_an_estimated_elasticity(self):
        """Revenue of (2 or 3) K^.3 (other staff)^.4 staff^.25 in two years: xi = .25 scales the covariance, and min-max removes it."""
        rng = np.random.default_rng(1)
        firms = pd.DataFrame({
            "city_code": np.repeat(["a", "b", "c"], 8), "year": np.tile([2006, 2007], 12), "rd_staff": rng.uniform(5, 40, 24),
            "fixed_assets_100m_yuan": rng.uniform(1, 9, 24), "others": rng.uniform(50, 90, 24),
        })  # fmt: skip
        firms["employees"] = firms["rd_staff"] + firms["others"]
        firms["revenue_100m_yuan"] = (firms["year"] - 2004) * (
            firms["fixed_assets_100m_yuan"] ** 0.3 * firms["others"] ** 0.4 * firms["rd_staff"] ** 0.25
        )
        for normalise, scale in (("none", 0.25), ("minmax", 1.0)):
            rules = ALLOCATION | {"ecol_normalise": normalise, "ecol_missing": "none"}
            one, estimated = (
                city_allocation(firms, self.sample(), self.provinces, rules | {"xi_est": value}).dropna()
                for value in ("one", "estimated")
            )
            assert len(one) == 6
            np.testing.assert_allclose(estimated["covariance"], 0.25 * one["covariance"], rtol=1e-10)
            np.testing.assert_allclose(estimated["ecol"], scale * one["ecol"], rtol=1e-10)

    def test_an_elasticity_of_the_base_years(self):
        """Later firms with another technology move xi of all years, not that of a frozen base."""
        rng = np.random.default_rng(2)
        firms = pd.DataFrame({
            "city_code": "a", "year": np.tile([2006, 2007], 10), "rd_staff": rng.uniform(5, 40, 20),
            "fixed_assets_100m_yuan": rng.uniform(1, 9, 20), "employees": rng.uniform(60, 90, 20),
        })  # fmt: skip
        power = firms["year"].map({2006: 0.5, 2007: 2.0})
        firms["revenue_100m_yuan"] = firms["fixed_assets_100m_yuan"] * firms["rd_staff"] ** power
        rules = ALLOCATION | {"xi_est": "estimated", "ecol_missing": "none"}
        first = {
            rule: city_allocation(
                firms, self.sample(), self.provinces, rules | {"index_base_years": rule}, (2006, 2006)
            )
            for rule in ("all", "frozen")
        }
        one = city_allocation(firms, self.sample(), self.provinces, rules | {"xi_est": "one"})
        ratio = {rule: found["covariance"][0] / one["covariance"][0] for rule, found in first.items()}
        assert ratio["frozen"] == pytest.approx(0.5) and ratio["all"] > 0.8

    def test_an_elasticity_that_cannot_be_used(self):
        falling = self.firms().assign(
            city_code="a", year=2006, fixed_assets_100m_yuan=[1.0, 2, 4, 8, 3], rd_staff=[1.0, 3, 2, 5, 4],
            employees=[9.0, 11, 18, 12, 30], revenue_100m_yuan=lambda f: 10 / f["rd_staff"],
        )  # fmt: skip
        for firms, words in ((falling, "is -1, not above zero"), (falling[:3], "too few or too similar")):
            with pytest.raises(EstimationError, match=words):
                city_allocation(firms, self.sample(), self.provinces, ALLOCATION | {"xi_est": "estimated"})

    def test_frozen_limits(self):
        """The covariance of 2009 sets no limit: 2006 keeps its value, and 2009 counts as standing on the limit."""
        added = pd.DataFrame(
            [("b", 2006, 10.0, 10.0, 100.0), ("a", 2009, 900.0, 30.0, 100.0)], columns=self.firms().columns
        )
        firms, frozen = (
            pd.concat([self.firms(), added]),
            ALLOCATION | {"ecol_normalise": "minmax", "index_base_years": "frozen"},
        )
        before = city_allocation(firms[firms["year"] < 2009], self.sample(), self.provinces, frozen, (2006, 2008))
        after = city_allocation(firms, self.sample(), self.provinces, frozen | {"ecol_missing": "none"}, (2006, 2008))
        old, new = (f.set_index(["city_code", "year"])["ecol"] for f in (before, after))
        assert old[("a", 2006)] == new[("a", 2006)] == 1 and new[("a", 2009)] == 1
        unfrozen = city_allocation(firms, self.sample(), self.provinces, frozen | {"index_base_years": "all"})
        assert unfrozen.set_index(["city_code", "year"])["ecol"][("a", 2006)] < 0.5

    def test_a_year_that_is_added_draws_no_line_through_the_base(self):
        """Firms of 2010 make 2009 a gap between two years; with a frozen base 2009 keeps the mean of the province."""
        sample = pd.DataFrame([(c, y) for c in "ab" for y in range(2006, 2011)], columns=["city_code", "year"])
        rows = [("a", 2008, 10.0, 10.0, 100.0), ("a", 2010, 30.0, 10.0, 100.0), ("b", 2009, 10.0, 10.0, 100.0)]
        firms = pd.DataFrame(rows, columns=self.firms().columns)
        one = self.provinces.iloc[[0, 0]].assign(city_code=["a", "b"])
        status = {
            rule: city_allocation(firms, sample, one, ALLOCATION | {"index_base_years": rule}, (2006, 2009))
            .set_index(["city_code", "year"])["status"]["a", 2009]
            for rule in ("all", "frozen")
        }  # fmt: skip
        assert status == {"all": "interpolated", "frozen": "province_mean"}

    def test_firms_that_cannot_be_used_stop_nothing(self):
        """No research staff anywhere: nothing; one firm a city: covariances of zero, which have no scale."""
        for staff in (np.nan, 0.0):
            assert city_allocation(self.firms().assign(rd_staff=staff), self.sample(), self.provinces, ALLOCATION).empty
        alone = self.firms().drop_duplicates(["city_code", "year"])
        found = city_allocation(alone, self.sample(), self.provinces, ALLOCATION | {"ecol_normalise": "minmax"})
        assert found["covariance"].dropna().eq(0).all() and found["ecol"].isna().all()
        assert set(found["status"]) == {"missing"}

    def test_a_negative_value_is_located(self):
        wrong = self.firms().assign(revenue_100m_yuan=[20.0, 120.0, -1.0, 900.0, 9.0])
        with pytest.raises(EstimationError, match=r"1 firm\(s\), first in a in 2009"):
            city_allocation(wrong, self.sample(), self.provinces, ALLOCATION)

    def test_no_firms(self):
        assert city_allocation(self.firms().iloc[:0], self.sample(), self.provinces, ALLOCATION).empty
