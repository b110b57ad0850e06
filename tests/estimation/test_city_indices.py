"""Indices of cities from panel, prices, firms, trade and robots: the wrappers that models call.

Tolerance 1e-12 against hand values and closed forms; frontier scores 1e-7 (linear programs)."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from estimation.cities.capital import city_capital, province_price_level
from estimation.cities.markets import market_integration
from estimation.cities.weights import MATRICES, city_weights
from estimation.core.frame import EstimationError
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

    def test_a_city_whose_investment_collapsed_stops_no_other(self):
        """a shrinks by 15 % a year, more than the 9.6 % of depreciation: I_0 / (g + delta) is no stock; b keeps its own."""
        years = range(2010, 2018)
        panel = pd.concat([
            pd.DataFrame({"city_code": c, "year": years, "fai_100m_yuan": [100 * rate ** (t - 2010) for t in years]})
            for c, rate in (("a", 0.85), ("b", 1.1))
        ])  # fmt: skip
        series = pd.concat(prices_of(p, dict.fromkeys(range(2010, 2020), 100.0)) for p in "pq")
        found = city_capital(panel, self.provinces, series, CAPITAL)
        assert set(found["city_code"]) == {"b"} and found["capital"].iloc[0] == pytest.approx(100 / 0.196)
        tenth = city_capital(panel, self.provinces, series, CAPITAL | {"capital_initial": "tenth"})
        assert tenth.groupby("city_code")["capital"].first().tolist() == pytest.approx([1000, 1000])
        assert city_capital(panel[panel["city_code"] == "a"], self.provinces, series, CAPITAL).empty


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

    def test_one_category_and_no_neighbours_stop_nothing(self):
        one = self.prices().query("category == 'rpi_01'")
        assert market_integration(one, self.samples(), self.adjacency, MARKETS).empty
        near = MARKETS | {"market_partners": "contiguous"}
        apart = market_integration(self.prices(), self.samples("ac"), self.adjacency, near)
        assert len(apart) == 4 and apart["integration"].isna().all() and apart["partners"].eq(0).all()

    def test_no_prices_and_unknown_choices(self):
        assert market_integration(self.prices().iloc[:0], self.samples(), self.adjacency, MARKETS).empty
        with pytest.raises(EstimationError, match="all, contiguous"):
            market_integration(self.prices(), self.samples(), self.adjacency, MARKETS | {"market_partners": "near"})


WEIGHTS = {
    "island_rule": "nearest", "distance_weight_power": "1", "distance_weight_cutoff_km": "none", "economic_weight": "plain",
    "index_base_years": "all", "digital_weights": "contiguity",
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

    @pytest.mark.parametrize(
        ("choice", "stored"),
        [
            ("contiguity", {"contiguity"}),
            ("contiguity_distance", {"contiguity_distance"}),
            ("both", {"contiguity", "contiguity_distance"}),
        ],
    )
    def test_weights_of_the_digital_industry(self, choice, stored):
        """Borders a-b of 10 km and b-c of 4 km: weights 1/10 and 1/4, so that b gives 2/7 and 5/7; d takes c, at the largest weight."""
        samples, distances, adjacency, incomes = self.inputs()
        samples = samples.assign(study="digital_industry")
        at = dict(zip("abcd", (0.0, 10, 14, 15), strict=True))
        gaps = [abs(at[i] - at[j]) for i, j in distances[["city_code_i", "city_code_j"]].itertuples(index=False)]
        inputs = (samples, distances.assign(distance_km=gaps), adjacency, incomes)
        table, roots = city_weights(*inputs, WEIGHTS | {"digital_weights": choice})
        assert set(table["matrix"]) == set(roots["matrix"]) == stored
        found = table.set_index(["matrix", "city_code_i", "city_code_j"])
        if "contiguity_distance" in stored:
            own = found.loc["contiguity_distance"]
            weights = {
                ("a", "b"): 0.1,
                ("b", "a"): 0.1,
                ("b", "c"): 0.25,
                ("c", "b"): 0.25,
                ("c", "d"): 0.25,
                ("d", "c"): 0.25,
            }
            assert own["weight"].to_dict() == pytest.approx(weights)
            assert own["weight_row"][[("b", "a"), ("b", "c")]].tolist() == pytest.approx([2 / 7, 5 / 7])
        if "contiguity" in stored:
            assert (found.loc["contiguity"]["weight"] == 1).all() and len(found.loc["contiguity"]) == 6
        with pytest.raises(EstimationError, match="contiguity, contiguity_distance, both"):
            city_weights(*inputs, WEIGHTS | {"digital_weights": "queen"})

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
