"""Indices of cities from panel, prices, firms, trade and robots: the wrappers that models call.

Tolerance 1e-12 against hand values and closed forms; frontier scores 1e-7 (linear programs).
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from estimation.cities.allocation import city_allocation
from estimation.cities.capital import city_capital, province_price_level
from estimation.cities.markets import market_integration
from estimation.cities.productivity import (
    constant_gdp,
    frontier_identities,
    green_productivity,
    land_efficiency,
    with_year_before,
)
from estimation.cities.robots import base_employment, city_robots, with_groups
from estimation.cities.sophistication import city_sophistication, group_complexity, product_complexity
from estimation.cities.weights import MATRICES, city_weights
from estimation.core.frame import EstimationError
from estimation.dea import dea
from estimation.economy.market import market_segmentation

CAPITAL = {
    "capital_delta": "0.096",
    "capital_initial": "growth",
    "price_base_year": "2013",
    "fai_price_after_2019": "hold",
}


def prices_of(province: str, values: dict[int, float]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "place_code": province,
            "year": list(values),
            "variable": "fai_price_index_prev100",
            "value": list(values.values()),
        }
    )


class TestCapital:
    provinces = pd.DataFrame({"city_code": ["a", "b"], "province_code": ["p", "q"]})

    def test_perpetual_inventory_by_hand(self):
        """Prices 125 in 2014: real investment 10, 12/1.25; growth is their mean growth; then 0.904 K + I."""
        panel = pd.DataFrame({"city_code": "a", "year": [2013, 2014], "fai_100m_yuan": [10.0, 12.0]})
        series = prices_of("p", {2013: 99, 2014: 125, **dict.fromkeys(range(2015, 2020), 100)})
        tenth = city_capital(panel, self.provinces, series, CAPITAL | {"capital_initial": "tenth"})
        np.testing.assert_allclose(tenth["real_investment"], [10, 9.6])
        np.testing.assert_allclose(tenth["capital"], [100, 0.904 * 100 + 9.6])
        other = city_capital(
            panel, self.provinces, series, CAPITAL | {"capital_initial": "tenth", "capital_delta": "0.05"}
        )
        np.testing.assert_allclose(other["capital"], [100, 0.95 * 100 + 9.6])

    def test_constant_growth_keeps_capital_over_investment(self):
        """I grows by g: K_0 = I_0 / (g + delta) and K / I falls to (1 + g) / (g + delta), the steady state."""
        years = list(range(2006, 2020))
        panel = pd.DataFrame({"city_code": "a", "year": years, "fai_100m_yuan": [5 * 1.1 ** (t - 2006) for t in years]})
        series = prices_of("p", dict.fromkeys(years, 100.0))
        found = city_capital(panel, self.provinces, series, CAPITAL)
        ratio = found["capital"] / found["real_investment"]
        assert ratio.iloc[0] == pytest.approx(1 / (0.1 + 0.096))
        gap = (ratio - 1.1 / 0.196).abs().to_numpy()
        np.testing.assert_allclose(gap[1:] / gap[:-1], 0.904 / 1.1)

    def test_opening_stocks_of_a_frozen_base_do_not_know_later_years(self):
        years = range(2008, 2014)
        panel = pd.DataFrame({"city_code": "a", "year": years, "fai_100m_yuan": [10, 12, 13, 15, 16, 40.0]})
        series = prices_of("p", dict.fromkeys(range(2008, 2020), 100.0))
        short, long = panel[panel["year"] < 2013], panel
        before, after = (city_capital(f, self.provinces, series, CAPITAL, 2010)["capital"] for f in (short, long))
        np.testing.assert_array_equal(before, after[:-1])
        assert after[0] == pytest.approx(10 / ((13 / 10) ** 0.5 - 1 + 0.096))
        free, freer = (city_capital(f, self.provinces, series, CAPITAL)["capital"] for f in (short, long))
        assert (free - freer[:-1]).abs().min() > 1

    def test_prices_after_the_last_published_year(self):
        prices = pd.DataFrame({"province_code": "p", "year": range(2012, 2020), "price_index": 110.0})
        hold, average = (
            province_price_level(prices, range(2013, 2022), base_year=2013, rule=rule).set_index("year")["price_level"]
            for rule in ("hold", "average")
        )
        assert hold[2013] == average[2013] == 1
        np.testing.assert_allclose(hold[[2014, 2019, 2021]], [1.1, 1.1**6, 1.1**6])
        np.testing.assert_allclose(average[[2019, 2021]], [1.1**6, 1.1**8])

    def test_a_base_year_outside_the_years_of_investment(self):
        panel = pd.DataFrame({"city_code": "a", "year": [2008, 2009], "fai_100m_yuan": 10.0})
        series = prices_of("p", dict.fromkeys(range(2009, 2020), 110.0))
        found = city_capital(panel, self.provinces, series, CAPITAL)
        np.testing.assert_allclose(found["real_investment"], 10 * 1.1 ** np.array([5, 4.0]))

    def test_another_base_year_is_one_there(self):
        panel = pd.DataFrame({"city_code": "a", "year": range(2008, 2012), "fai_100m_yuan": 10.0})
        series = prices_of("p", dict.fromkeys(range(2009, 2020), 110.0))
        found = city_capital(panel, self.provinces, series, CAPITAL | {"price_base_year": "2010"}).set_index("year")
        np.testing.assert_allclose(found["real_investment"], 10 / 1.1 ** np.array([-2, -1, 0, 1.0]))

    def test_gaps_and_absent_prices(self):
        """A city with a gap in investment and a province with a hole in its prices have no capital."""
        panel = pd.DataFrame(
            {"city_code": ["a", "a", "b", "b"], "year": [2013, 2015, 2013, 2014], "fai_100m_yuan": [1.0, 2, 3, 4]}
        )
        both = pd.concat([
            prices_of("p", dict.fromkeys(range(2013, 2020), 100.0)), prices_of("q", dict.fromkeys(range(2016, 2020), 100.0)),
        ])  # fmt: skip
        assert city_capital(panel, self.provinces, both, CAPITAL).empty
        assert city_capital(panel, self.provinces, both.iloc[:0], CAPITAL).columns.tolist() == [
            "city_code", "year", "real_investment", "capital",
        ]  # fmt: skip


def economy(years: range = range(2013, 2016), cities: int = 6, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    keys = pd.MultiIndex.from_product([[f"{k:06d}" for k in range(cities)], years], names=["city_code", "year"])
    columns = [
        "capital", "emp_total_10k", "electricity_10k_kwh", "gdp_100m_yuan", "so2_industrial_t", "co2_emissions_10k_t",
        "dust_industrial_t", "wastewater_industrial_10k_t", "construction_land_km2_districts", "emp_nonagri_10k_districts",
        "va_nonagri_100m_yuan_districts", "wage_avg_yuan", "wage_avg_yuan_districts", "green_coverage_pct_districts", "so2_district",
    ]  # fmt: skip
    frame = pd.DataFrame(rng.uniform(1, 3, (len(keys), len(columns))), index=keys, columns=columns).reset_index()
    return frame.assign(gdp_index_prev100=110.0)


GREEN = {
    "ebm_orientation": "none", "ebm_rts": "crs", "gml_first_year": "one", "ebm_undesirable": "so2", "gdp_prices": "current",
    "price_base_year": "2013", "index_base_years": "all",
}  # fmt: skip


class TestGreenProductivity:
    def test_index_is_the_ratio_of_efficiencies_and_circular(self):
        found = green_productivity(economy(), GREEN)
        by_city = found.groupby("city_code")["efficiency"]
        later = found["year"] > 2013
        np.testing.assert_allclose(found.loc[later, "gtfp"], (found["efficiency"] / by_city.shift())[later])
        np.testing.assert_allclose(found["gtfp_cumulated"], found["efficiency"] / by_city.transform("first"))
        assert (found.loc[~later, "gtfp"] == 1).all()
        assert found["efficiency"].max() == pytest.approx(1, abs=1e-7)
        assert found[["frontier_first_year", "frontier_last_year"]].drop_duplicates().to_numpy().tolist() == [
            [2013, 2015]
        ]

    def test_scale_of_units_does_not_matter_under_constant_returns(self):
        frame = economy()
        scaled = frame.assign(capital=frame["capital"] * 1000, gdp_100m_yuan=frame["gdp_100m_yuan"] / 7)
        first, second = (green_productivity(f, GREEN)["efficiency"] for f in (frame, scaled))
        np.testing.assert_allclose(first, second, atol=1e-7)

    @pytest.mark.parametrize(
        ("switch", "value"),
        [("ebm_undesirable", "co2"), ("gdp_prices", "constant"), ("ebm_rts", "vrs"), ("ebm_orientation", "in")],
    )
    def test_every_switch_changes_the_score(self, switch, value):
        frame = economy()
        base, other = (green_productivity(frame, GREEN | change) for change in ({}, {switch: value}))
        assert (base["efficiency"] - other["efficiency"]).abs().max() > 1e-6

    def test_a_frozen_frontier_leaves_old_values_when_a_year_is_added(self):
        """Whatever the added year is like, the earlier values stay; a city beyond the frozen frontier has no score and is counted."""
        longer = economy(range(2013, 2017))
        longer.loc[(longer["year"] == 2016) & (longer["city_code"] == "000000"), "gdp_100m_yuan"] *= 100
        frozen = GREEN | {"index_base_years": "frozen"}
        before = green_productivity(longer[longer["year"] < 2016], frozen, (2013, 2015))
        after = green_productivity(longer, frozen, (2013, 2015))
        pd.testing.assert_frame_equal(before, after[after["year"] < 2016].reset_index(drop=True))
        assert after["frontier_last_year"].eq(2015).all()
        beyond = after[(after["year"] == 2016) & (after["city_code"] == "000000")].iloc[0]
        assert beyond["status"] == "infeasible (global)" and np.isnan(beyond["gtfp"])

    def test_unfrozen_the_added_year_moves_old_values(self):
        longer = economy(range(2013, 2017))
        longer.loc[longer["year"] == 2016, "gdp_100m_yuan"] *= 100
        before, after = (green_productivity(f, GREEN) for f in (longer[longer["year"] < 2016], longer))
        old = after[after["year"] < 2016].reset_index(drop=True)
        assert (before["efficiency"] - old["efficiency"]).abs().max() > 0.1

    def test_constant_prices_may_be_chained_from_a_year_outside_the_sample(self):
        whole = economy(range(2010, 2016))
        sample = constant_gdp(whole, 2010).query("year >= 2013")
        switches = GREEN | {"gdp_prices": "constant", "price_base_year": "2010"}
        found = green_productivity(sample, switches)
        assert found["year"].min() == 2013 and found["gtfp"].notna().all()
        with pytest.raises(EstimationError, match="2010"):
            green_productivity(sample.drop(columns="gdp_constant"), switches)

    def test_first_year_may_be_missing(self):
        found = green_productivity(economy(), GREEN | {"gml_first_year": "missing"})
        assert found.loc[found["year"] == 2013, "gtfp"].isna().all()
        assert found.loc[found["year"] > 2013, "gtfp"].notna().all()

    def test_the_first_year_against_the_year_before(self):
        keys = pd.DataFrame({"city_code": ["a", "a", "b", "b"], "year": [2013, 2014, 2013, 2014]})
        assert sorted(with_year_before(keys)["year"]) == [2012, 2012, 2013, 2013, 2014, 2014]
        found = green_productivity(economy(range(2012, 2016)), GREEN | {"gml_first_year": "year_before"})
        ratio = found["efficiency"] / found.groupby("city_code")["efficiency"].shift()
        np.testing.assert_allclose(found["gtfp"], ratio)
        assert found.loc[found["year"] == 2013, "gtfp"].notna().all()

    def test_gdp_at_constant_prices(self):
        """GDP of the base year times the chained volume index, whatever nominal GDP does."""
        frame = pd.DataFrame({
            "city_code": "a", "year": [2012, 2013, 2014], "gdp_100m_yuan": [80.0, 100, 300], "gdp_index_prev100": [105.0, 110, 120],
        })  # fmt: skip
        np.testing.assert_allclose(constant_gdp(frame, 2013)["gdp_constant"], [100 / 1.1, 100, 120])
        with pytest.raises(EstimationError, match="base year 2010"):
            constant_gdp(frame, 2010)

    def test_absent_inputs_and_unknown_choices(self):
        empty = green_productivity(economy().assign(electricity_10k_kwh=np.nan), GREEN)
        assert empty.empty and "gtfp" in empty
        with pytest.raises(EstimationError, match="so2, co2"):
            green_productivity(economy(), GREEN | {"ebm_undesirable": "nox"})


class TestFrontierIdentities:
    def test_they_hold(self):
        found = frontier_identities(economy(cities=12))
        assert len(found) == 4 and found["year"].eq(2015).all() and found["n_units"].eq(12).all()
        assert (found["largest_difference"] < 1e-8).all()

    def test_they_are_not_trivial(self):
        """Between the two ends EBM is neither model."""
        X, Y = economy(cities=12)[["capital", "emp_total_10k"]], economy(cities=12)[["gdp_100m_yuan"]]
        between = dea(X, Y, model="ebm", eps=0.5, weights="equal").score
        for model in ("radial", "sbm"):
            assert np.abs(between - dea(X, Y, model=model).score).max() > 1e-2

    def test_nothing_complete(self):
        assert frontier_identities(economy().assign(capital=np.nan)).empty


LAND = {
    "land_frontier": "contemporaneous", "land_wage_scope": "districts", "eland_base": "one", "index_base_years": "all",
}  # fmt: skip


class TestLandEfficiency:
    def test_cumulated_index_is_the_product(self):
        found = land_efficiency(economy(), LAND)
        product = found.assign(ml=found["ml"].fillna(1.0)).groupby("city_code")["ml"].cumprod()
        np.testing.assert_allclose(found["eland"], product)
        assert (found.groupby("city_code")["eland"].first() == 1).all()

    def test_programs_beyond_the_other_frontier_are_counted(self):
        """A city ten times as productive in 2015 lies beyond the frontier of 2014, and is scored above one by super-SBM."""
        frame = economy()
        best = (frame["city_code"] == "000000") & (frame["year"] == 2015)
        frame.loc[
            best, ["va_nonagri_100m_yuan_districts", "wage_avg_yuan_districts", "green_coverage_pct_districts"]
        ] *= 10
        found = land_efficiency(frame, LAND).set_index(["city_code", "year"])
        assert found.loc[("000000", 2015), "n_beyond"] >= 1 and found.loc[("000000", 2015), "ml"] > 1
        assert found["n_beyond"].between(0, 2).all() and (found.xs(2013, level="year")["n_beyond"] == 0).all()

    def test_a_frozen_global_frontier(self):
        longer, frozen = economy(range(2013, 2017)), LAND | {"land_frontier": "global", "index_base_years": "frozen"}
        before = land_efficiency(longer[longer["year"] < 2016], frozen, (2013, 2015))
        after = land_efficiency(longer, frozen, (2013, 2015))
        pd.testing.assert_frame_equal(before, after[after["year"] < 2016].reset_index(drop=True))

    def test_stationary_economy_has_index_one(self):
        frame = economy()
        still = frame.groupby("city_code").transform("first").assign(city_code=frame["city_code"], year=frame["year"])
        np.testing.assert_allclose(land_efficiency(still, LAND)["eland"], 1, atol=1e-6)

    @pytest.mark.parametrize(
        ("switch", "value"), [("land_frontier", "global"), ("land_wage_scope", "city"), ("eland_base", "efficiency")]
    )
    def test_every_switch_changes_the_index(self, switch, value):
        base, other = (land_efficiency(economy(), LAND | change) for change in ({}, {switch: value}))
        assert (base["eland"] - other["eland"]).abs().max() > 1e-6
        with pytest.raises(EstimationError, match=switch):
            land_efficiency(economy(), LAND | {switch: "other"})

    def test_absent_inputs(self):
        assert land_efficiency(economy().assign(so2_district=np.nan), LAND).empty


MARKETS = {"mar_scale": "1", "market_demean": "all_pairs", "market_partners": "all"}


class TestMarkets:
    adjacency = pd.DataFrame({"city_code_i": ["a", "b"], "city_code_j": ["b", "c"]})

    def prices(self) -> pd.DataFrame:
        rng = np.random.default_rng(0)
        keys = pd.MultiIndex.from_product(
            [list("abcd"), [2013, 2014], ["rpi_01", "rpi_02", "rpi_03"]], names=["city_code", "year", "category"]
        )
        frame = pd.DataFrame({"price_index": 100 + rng.normal(size=len(keys))}, index=keys).reset_index()
        return frame.assign(province_fallback=frame["city_code"] == "d")

    def samples(self, cities: str = "abcd") -> pd.DataFrame:
        rows = [("green_development", c, y) for c in cities for y in (2013, 2014)]
        return pd.DataFrame(rows, columns=["study", "city_code", "year"])

    def test_only_the_cities_of_the_study_are_compared(self):
        found = market_integration(self.prices(), self.samples("abc"), self.adjacency, MARKETS)
        wide = self.prices().pivot(index=["city_code", "year"], columns="category", values="price_index").reset_index()
        direct = market_segmentation(wide[wide["city_code"] != "d"], ["rpi_01", "rpi_02", "rpi_03"]).table
        np.testing.assert_allclose(found["integration"], direct["integration"])
        np.testing.assert_allclose(found["integration"], found["segmentation"] ** -0.5)
        assert set(found["partners"]) == {2} and set(found["study"]) == {"green_development"}

    def test_categories_of_the_province_are_counted(self):
        found = market_integration(self.prices(), self.samples(), self.adjacency, MARKETS)
        assert found.groupby("city_code")["categories_from_province"].first().to_dict() == {
            "a": 0,
            "b": 0,
            "c": 0,
            "d": 3,
        }
        fewer = self.prices().query("not (city_code == 'a' and category == 'rpi_03')")
        counted = (
            market_integration(fewer, self.samples(), self.adjacency, MARKETS)
            .groupby("city_code")["categories"]
            .first()
        )
        assert counted.to_dict() == {"a": 2, "b": 3, "c": 3, "d": 3}

    def test_scale_and_partners(self):
        default = market_integration(self.prices(), self.samples(), self.adjacency, MARKETS)
        scaled = market_integration(self.prices(), self.samples(), self.adjacency, MARKETS | {"mar_scale": "0.01"})
        np.testing.assert_allclose(scaled["integration"], default["integration"] / 100)
        near = market_integration(
            self.prices(), self.samples(), self.adjacency, MARKETS | {"market_partners": "contiguous"}
        ).set_index(["city_code", "year"])
        assert near.loc["d", "integration"].isna().all()
        assert near.loc["a", "partners"].tolist() == [1, 1] and near.loc["b", "partners"].tolist() == [2, 2]

    def test_no_prices_and_unknown_choices(self):
        assert market_integration(self.prices().iloc[:0], self.samples(), self.adjacency, MARKETS).empty
        with pytest.raises(EstimationError, match="all, contiguous"):
            market_integration(self.prices(), self.samples(), self.adjacency, MARKETS | {"market_partners": "near"})


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


ALLOCATION = {"ecol_normalise": "none", "ecol_missing": "fill", "interpolation_max_gap": "3", "index_base_years": "all"}


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

    def test_no_firms(self):
        assert city_allocation(self.firms().iloc[:0], self.sample(), self.provinces, ALLOCATION).empty


WEIGHTS = {
    "island_rule": "nearest", "distance_weight_power": "1", "distance_weight_cutoff_km": "none", "economic_weight": "plain",
    "index_base_years": "all",
}  # fmt: skip


class TestWeights:
    """Four cities: a-b-c share borders in a row, d is an island 1 km from c; mean incomes 1, 2, 4, 4."""

    adjacency = pd.DataFrame({"city_code_i": ["a", "b", "c", "x"], "city_code_j": ["b", "c", "x", "a"]})

    def inputs(self) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.DataFrame]:
        cities = list("abcd")
        samples = pd.DataFrame(
            [("common_prosperity", c, y) for c in cities for y in (2010, 2011)], columns=["study", "city_code", "year"]
        )
        at = dict(zip(cities, (0.0, 10, 20, 21), strict=True))
        distances = pd.DataFrame(
            [(i, j, abs(at[i] - at[j])) for i in cities for j in cities],
            columns=["city_code_i", "city_code_j", "distance_km"],
        )
        incomes = pd.DataFrame(
            {"city_code": cities * 2, "year": [2010] * 4 + [2011] * 4, "gdp_pc_yuan": [1.0, 2, 3, 4, 1, 2, 5, 4]}
        )
        return samples, distances, self.adjacency, incomes

    def weights(self, **changes: str) -> pd.DataFrame:
        table, _ = city_weights(*self.inputs(), WEIGHTS | changes)
        return table.set_index(["matrix", "city_code_i", "city_code_j"])

    def test_three_matrices_by_hand(self):
        found = self.weights()
        assert set(found.index.get_level_values("matrix")) == set(MATRICES["common_prosperity"])
        near = found.loc["contiguity"]["weight_row"].sort_index()
        assert near["b", "a"] == near["b", "c"] == 0.5 and near["a", "b"] == 1
        assert found.loc[("inverse_distance", "a", "c"), "weight"] == pytest.approx(1 / 20)
        assert found.loc[("economic_distance", "a", "c"), "weight"] == pytest.approx(1 / 3)
        assert (found.groupby(["matrix", "city_code_i"])["weight_row"].sum() - 1).abs().max() < 1e-12

    def test_equal_incomes_count_as_one_yuan_apart(self):
        assert self.weights().loc[("economic_distance", "c", "d"), "weight"] == pytest.approx(1)

    def test_incomes_of_the_base_years(self):
        """2011 leaves the weight of a and c at the incomes of 2010: 1 / (3 - 1)."""
        choices = WEIGHTS | {"index_base_years": "frozen"}
        table, _ = city_weights(*self.inputs(), choices, {"common_prosperity": (2010, 2010)})
        found = table.set_index(["matrix", "city_code_i", "city_code_j"])["weight"]
        assert found["economic_distance", "a", "c"] == pytest.approx(1 / 2)
        assert found["economic_distance", "c", "d"] == pytest.approx(1)

    def test_islands_by_rule(self):
        found = self.weights().loc["contiguity"]
        assert found.index[found["by_island_rule"]].tolist() == [("c", "d"), ("d", "c")]
        assert "d" not in self.weights(island_rule="zero").loc["contiguity"].index.get_level_values("city_code_i")
        with pytest.raises(EstimationError, match="without a neighbour: d"):
            self.weights(island_rule="error")

    def test_forms(self):
        assert self.weights(distance_weight_power="2").loc[("inverse_distance", "a", "c"), "weight"] == pytest.approx(
            1 / 400
        )
        far = self.weights(distance_weight_cutoff_km="1000").loc["inverse_distance"]
        assert len(far) == 12
        both = self.weights(economic_weight="with_distance")
        assert both.loc[("economic_distance", "a", "c"), "weight"] == pytest.approx(1 / 60)
        with pytest.raises(EstimationError, match="plain, with_distance"):
            self.weights(economic_weight="squared")

    def test_eigenvalues_of_what_is_stored(self):
        table, roots = city_weights(*self.inputs(), WEIGHTS)
        for (matrix, how), group in roots.groupby(["matrix", "normalisation"]):
            column = "weight" if how == "none" else f"weight_{how}"
            rows = table[table["matrix"] == matrix]
            W = rows.pivot(index="city_code_i", columns="city_code_j", values=column).fillna(0).to_numpy()
            expected = np.sort(np.linalg.eigvals(W).real)
            np.testing.assert_allclose(group.sort_values("position")["eigenvalue"], expected, atol=1e-10)
        largest = roots[roots["normalisation"] != "none"].groupby(["matrix", "normalisation"])["eigenvalue"].max()
        np.testing.assert_allclose(largest, 1)

    def test_no_sample_and_missing_income(self):
        samples, distances, adjacency, incomes = self.inputs()
        table, roots = city_weights(samples.iloc[:0], distances, adjacency, incomes, WEIGHTS)
        assert table.empty and roots.empty and table["weight"].dtype == float
        with pytest.raises(EstimationError, match="no GDP per head for d"):
            city_weights(samples, distances, adjacency, incomes[incomes["city_code"] != "d"], WEIGHTS)
