"""Splits, interactions and tests of group differences.

References are identities: separate regressions equal a fully interacted one with dummies (statsmodels 0.15.0),
differences of disjoint groups add their variances, permutations are recomputed regression by regression. Closed-form,
so relative 1e-8.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from estimation.core.frame import EstimationError
from estimation.heterogeneity import fit_groups, fit_interaction
from estimation.heterogeneity.group_difference import group_difference
from estimation.heterogeneity.groups import city_size_class, coordination_bin, cut_groups, quantile_groups
from estimation.panel import fit_panel


def panel(rng: np.random.Generator, n_city: int = 40, n_year: int = 6, gap: float = 0.5) -> pd.DataFrame:
    """Effect of d is 0.3 in the east, 0.3 + gap in the west."""
    n = n_city * n_year
    city, year = np.repeat(np.arange(n_city), n_year), np.tile(np.arange(n_year), n_city)
    d, x, moving = rng.normal(size=(3, n))
    west = (city % 5 < 2).astype(int)
    y = (0.3 + gap * west) * d + 0.2 * x + rng.normal(size=n_city)[city] + rng.normal(size=n_year)[year]
    y = y + rng.normal(size=n)
    return pd.DataFrame(
        {
            "city_code": city, "year": year, "y": y, "d": d, "x": x, "west": west, "moving": (moving > 0) * 1,
            "region": np.where(west == 1, "west", "east"), "index": rng.normal(size=n) + city,
        }
    )  # fmt: skip


@pytest.fixture(scope="module")
def df() -> pd.DataFrame:
    return panel(np.random.default_rng(1)).drop(index=[7, 8, 100]).reset_index(drop=True)


class TestLabels:
    def test_high_is_strictly_above_the_median(self):
        frame = pd.DataFrame({"city_code": 1, "year": range(5), "v": [1.0, 2.0, 3.0, 4.0, 5.0]})
        assert quantile_groups(frame, "v").tolist() == ["low", "low", "low", "high", "high"]
        assert quantile_groups(frame.assign(v=1.0), "v").tolist() == ["low"] * 5

    def test_scopes(self, df):
        pooled = quantile_groups(df, "index")
        assert (pooled == "high").sum() == (df["index"] > df["index"].median()).sum()
        yearly = quantile_groups(df, "index", scope="time")
        medians = df.groupby("year")["index"].transform("median")
        assert (yearly == "high").equals(df["index"] > medians)
        fixed = quantile_groups(df, "index", scope="entity")
        assert fixed.groupby(df["city_code"]).nunique().max() == 1
        means = df.groupby("city_code")["index"].mean()
        assert set(df.loc[fixed == "high", "city_code"]) == set(means.index[means > means.median()])

    def test_tertiles_and_missing(self):
        frame = pd.DataFrame({"city_code": 1, "year": range(7), "v": [1.0, 2, 3, 4, 5, 6, np.nan]})
        groups = quantile_groups(frame, "v", 3)
        assert groups[:6].tolist() == ["low", "low", "mid", "mid", "high", "high"] and groups.isna().tolist()[6]

    def test_city_size_boundaries(self):
        sizes = city_size_class(pd.Series([99.99, 100, 299.9, 300, 499, 500, 999.9, 1000, 3000, np.nan]))
        assert sizes[:9].tolist() == [
            "<100", "100-300", "100-300", "300-500", "300-500", "500-1000", "500-1000", ">=1000", ">=1000",
        ]  # fmt: skip
        assert sizes.isna()[9]

    def test_coordination_boundaries(self):
        bins = coordination_bin(pd.Series([0, 0.29, 0.3, 0.5, 0.7, 1.0], name="rel"))
        assert bins.tolist() == ["0-0.3", "0-0.3", "0.3-0.5", "0.5-0.7", "0.7-1", "0.7-1"]
        with pytest.raises(EstimationError, match="rel must lie in"):
            coordination_bin(pd.Series([0.5, 1.2], name="rel"))

    def test_errors(self, df):
        with pytest.raises(EstimationError, match="pooled, time, entity"):
            quantile_groups(df, "index", scope="city")
        with pytest.raises(EstimationError, match="rising edges"):
            cut_groups(df["index"], [2, 1], ["a", "b", "c"])


class TestGroupFits:
    def test_each_cell_is_its_own_regression(self, df):
        result = fit_groups(df, "y", ["d", "x"], "region")
        assert result.cells["n_obs"].sum() == len(df)
        for region, fit in result.fits.items():
            alone = fit_panel(df[df["region"] == region], "y", ["d", "x"])
            assert fit.coef.equals(alone.coef) and fit.cov.equals(alone.cov)
        table = result.table("d")
        assert table.loc["west", "estimate"] == result.fits["west"].coef["d"]

    def test_small_and_empty_cells_are_reported(self, df):
        size = np.where(df["city_code"] < 2, "tiny", np.where(df["west"] == 1, "big", "mid"))
        result = fit_groups(df.assign(size=size), "y", ["d", "x"], ["region", "size"], min_obs=30)
        assert len(result.cells) == 2 * 3
        assert not result.cells.loc[("east", "big"), "estimable"]
        assert "0 rows, fewer than 30" in result.cells.loc[("east", "big"), "reason"]
        assert "fewer than" in result.cells.loc[("west", "tiny"), "reason"]
        table = result.table("d")
        assert np.isnan(table.loc[("west", "tiny"), "estimate"]) and table.loc[("west", "big"), "estimable"]

    def test_a_failing_cell_keeps_its_row(self, df):
        data = df.assign(d=np.where(df["region"] == "west", 1.0, df["d"]))
        result = fit_groups(data, "y", ["d", "x"], "region")
        assert "d does not vary" in result.cells.loc["west", "reason"]
        assert list(result.fits) == ["east"]

    def test_missing_groups_are_counted(self, df):
        result = fit_groups(df.assign(region=df["region"].where(df.index > 9)), "y", ["d", "x"], "region")
        assert result.n_ungrouped == 10

    def test_no_cell(self, df):
        with pytest.raises(EstimationError, match="no cell of region"):
            fit_groups(df, "y", ["d", "x"], "region", min_obs=10_000)


class TestInteraction:
    def test_dummy_with_main_effects(self, df):
        fit = fit_interaction(df, "y", "d", "moving", "x")
        assert list(fit.coef.index) == ["d", "d#moving", "moving", "x"]
        data = df.assign(p=df["d"] * df["moving"])
        assert fit.coef.to_numpy() == pytest.approx(fit_panel(data, "y", ["d", "p", "moving", "x"]).coef.to_numpy())
        assert fit.group_effects.loc[1, "effect"] == pytest.approx(fit.coef["d"] + fit.coef["d#moving"])
        V = fit.cov.loc[["d", "d#moving"], ["d", "d#moving"]].to_numpy()
        assert fit.group_effects.loc[1, "std_error"] == pytest.approx(np.sqrt(V.sum()))
        assert fit.group_effects.loc[0, "std_error"] == pytest.approx(fit.se["d"])

    def test_group_absorbed_by_city_effects(self, df):
        fit = fit_interaction(df, "y", "d", "west", "x")
        assert list(fit.coef.index) == ["d", "d#west", "x"] and "Left out" in fit.convention

    def test_without_main_effects(self, df):
        fit = fit_interaction(df, "y", "d", "west", "x", main_effects=False)
        assert list(fit.coef.index) == ["d#west", "x"] and "without main effects" in fit.convention
        assert fit.reference is None and list(fit.group_effects.index) == [1]

    def test_labels_and_reference(self, df):
        fit = fit_interaction(df, "y", "d", "region", "x", reference="west")
        assert "d#region=east" in fit.coef.index
        numeric = fit_interaction(df, "y", "d", "west", "x")
        assert fit.coef["d#region=east"] == pytest.approx(-numeric.coef["d#west"], rel=1e-9)
        with pytest.raises(EstimationError, match="reference 'north'"):
            fit_interaction(df, "y", "d", "region", "x", reference="north")


class TestGroupDifference:
    def test_interaction(self, df):
        test = group_difference(df, "y", "d", "west", "x", method="interaction")
        fit = fit_interaction(df, "y", "d", "west", "x")
        assert test.difference == fit.coef["d#west"] and test.p_value == fit.p_values["d#west"]

    def test_chow_equals_the_interacted_dummy_regression(self, df):
        """Everything times the group, cities and years as dummies: same difference, variance and joint F."""
        test = group_difference(df, "y", "d", "west", "x", method="chow", vcov="iid", ssc="lsdv")
        west = df["west"].to_numpy()[:, None]
        slopes = df[["d", "x"]].to_numpy()
        cities = pd.get_dummies(df["city_code"], dtype=float).to_numpy()
        years = pd.get_dummies(df["year"], dtype=float).to_numpy()[:, 1:]
        design = np.column_stack([slopes * west, slopes, cities, years, years * west])
        fit = sm.OLS(df["y"].to_numpy(), design).fit()
        assert test.difference == pytest.approx(fit.params[0], rel=1e-8)
        assert test.std_error == pytest.approx(fit.bse[0], rel=1e-8)
        joint = fit.f_test(np.eye(design.shape[1])[:2])
        assert test.joint.statistic == pytest.approx(float(joint.fvalue), rel=1e-8)
        assert test.joint.df == (2.0, fit.df_resid)
        assert test.joint.p_value == pytest.approx(float(joint.pvalue), rel=1e-6)

    @pytest.mark.parametrize("vcov", ["iid", "robust", "cluster"])
    def test_sur_of_disjoint_groups_adds_variances(self, df, vcov):
        test = group_difference(df, "y", "d", "west", "x", method="sur", vcov=vcov)
        east, west = (fit_panel(df[df["west"] == g], "y", ["d", "x"], vcov=vcov) for g in (0, 1))
        assert test.difference == pytest.approx(west.coef["d"] - east.coef["d"])
        assert test.std_error == pytest.approx(np.hypot(east.se["d"], west.se["d"]), rel=1e-9)
        assert test.estimates.tolist() == pytest.approx([east.coef["d"], west.coef["d"]])

    def test_sur_of_groups_that_share_cities_uses_their_covariance(self, df):
        """With a label that changes within cities the clustered scores of both fits are added city by city."""
        test = group_difference(df, "y", "d", "moving", "x", method="sur", effects="time", ssc="none")
        influence = []
        for g in (0, 1):
            part = df[df["moving"] == g]
            demeaned = part[["d", "x"]] - part.groupby("year")[["d", "x"]].transform("mean")
            fit = fit_panel(part, "y", ["d", "x"], effects="time")
            residual = fit.residuals.reset_index()["residual"].to_numpy()
            bread = np.linalg.inv(demeaned.T.to_numpy() @ demeaned.to_numpy())
            scores = (demeaned.to_numpy() * residual[:, None]) @ bread
            influence.append(pd.Series(scores[:, 0]).groupby(part["city_code"].to_numpy()).sum())
        gap = influence[1].sub(influence[0], fill_value=0)
        assert test.std_error == pytest.approx(np.sqrt((gap**2).sum()), rel=1e-8)

    def test_permutation_of_cities_equals_refitting(self, df):
        rng = np.random.default_rng(5)
        test = group_difference(df, "y", "d", "west", "x", method="permutation", draws=6, rng=rng)
        label = df.groupby("city_code")["west"].first().to_numpy().astype(float)
        again = np.random.default_rng(5)
        for drawn in test.draws:
            shuffled = df["city_code"].map(dict(enumerate(again.permutation(label))))
            parts = [fit_panel(df[shuffled == g], "y", ["d", "x"]).coef["d"] for g in (0, 1)]
            assert drawn == pytest.approx(parts[1] - parts[0], rel=1e-8)
        assert test.p_value == (1 + np.sum(np.abs(test.draws) >= abs(test.difference))) / 7

    @pytest.mark.parametrize("effects", ["none", "twoways"])
    def test_permutation_of_rows_equals_refitting(self, df, effects):
        rng = np.random.default_rng(6)
        test = group_difference(df, "y", "d", "moving", "x", method="permutation", draws=3, rng=rng, effects=effects)
        again, label = np.random.default_rng(6), df["moving"].to_numpy() == 1
        for drawn in test.draws:
            second = again.permutation(label)
            parts = [fit_panel(df[rows], "y", ["d", "x"], effects=effects).coef["d"] for rows in (~second, second)]
            assert drawn == pytest.approx(parts[1] - parts[0], rel=1e-8)
        assert "row" in test.convention

    def test_row_order_does_not_matter(self, df):
        options = {"method": "permutation", "draws": 50}
        one = group_difference(df, "y", "d", "west", "x", rng=np.random.default_rng(1), **options)
        shuffled = df.sample(frac=1, random_state=2)
        two = group_difference(shuffled, "y", "d", "west", "x", rng=np.random.default_rng(1), **options)
        assert two.p_value == one.p_value and two.difference == pytest.approx(one.difference, rel=1e-10)

    @pytest.mark.parametrize("method", ["interaction", "chow", "sur", "permutation"])
    def test_a_planted_gap_is_found(self, method):
        data = panel(np.random.default_rng(7), n_city=100)
        test = group_difference(data, "y", "d", "west", "x", method=method, draws=199, rng=np.random.default_rng(1))
        assert test.difference == pytest.approx(0.5, abs=0.2) and test.p_value < 0.01

    def test_errors(self, df):
        with pytest.raises(EstimationError, match="interaction, permutation, sur, chow"):
            group_difference(df, "y", "d", "west", method="t")
        with pytest.raises(EstimationError, match="exactly two groups, found 6"):
            group_difference(df, "y", "d", "year")
        with pytest.raises(EstimationError, match="needs rng"):
            group_difference(df, "y", "d", "west", method="permutation")
        with pytest.raises(EstimationError, match="labels constant within"):
            group_difference(df, "y", "d", "moving", method="permutation", unit="entity", rng=np.random.default_rng(1))


@pytest.mark.slow
@pytest.mark.parametrize("method", ["interaction", "chow", "sur", "permutation"])
def test_size_of_the_difference_tests(method):
    """1,000 draws without a difference: not rejected at 5 % in 92.6-97.1 % of them (exact 99.9 % band)."""
    kept = 0
    for draw in range(1000):
        data = panel(np.random.default_rng([61, draw]), n_city=60, gap=0.0)
        test = group_difference(
            data, "y", "d", "west", "x", method=method, draws=199, rng=np.random.default_rng([62, draw]), vcov="iid"
        )
        kept += test.p_value > 0.05
    assert 926 <= kept <= 971
