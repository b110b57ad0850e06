"""Green productivity and land efficiency of cities: the frontier functions on landed tables."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from estimation.cities.productivity import (
    constant_gdp,
    frontier_identities,
    green_productivity,
    land_efficiency,
    with_year_before,
)
from estimation.core.frame import EstimationError
from estimation.dea import dea


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

    @pytest.mark.parametrize("column", ["so2_industrial_t", "electricity_10k_kwh", "gdp_100m_yuan"])
    def test_a_city_year_with_a_zero_has_a_status_and_takes_no_part(self, column):
        """One city that emitted nothing in one year does not stop the others; it has no index in that year and the next."""
        frame = economy()
        zero = (frame["city_code"] == "000002") & (frame["year"] == 2014)
        found = green_productivity(frame.assign(**{column: frame[column].mask(zero, 0.0)}), GREEN)
        without = green_productivity(frame[~zero], GREEN)
        assert found[["city_code", "year"]].equals(frame[["city_code", "year"]])
        assert found.loc[zero, "status"].eq("zero input or output").all() and found.loc[zero, "gtfp"].isna().all()
        pd.testing.assert_frame_equal(found[~zero].reset_index(drop=True), without)
        after = (found["city_code"] == "000002") & (found["year"] == 2015)
        assert found.loc[after, "status"].eq("previous period missing").all() and found.loc[after, "gtfp"].isna().all()

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

    def test_a_city_year_with_a_zero_ends_its_chain_and_takes_no_part(self):
        frame = economy()
        zero = (frame["city_code"] == "000002") & (frame["year"] == 2014)
        found = land_efficiency(frame.assign(so2_district=frame["so2_district"].mask(zero, 0.0)), LAND)
        pd.testing.assert_frame_equal(found[~zero].reset_index(drop=True), land_efficiency(frame[~zero], LAND))
        assert found.loc[zero, "status"].eq("zero input or output").all()
        assert found.loc[found["city_code"] == "000002", "eland"].notna().tolist() == [True, False, False]

    def test_absent_inputs(self):
        assert land_efficiency(economy().assign(so2_district=np.nan), LAND).empty
