"""What is done to and said about the samples of studies: cleaning, printed moments, diagnostics. Tolerance 1e-12 (closed forms)."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from estimation.cleaning.samples import clean_sample, typed
from estimation.core.frame import EstimationError
from estimation.diagnostics.cross_section import pesaran_cd
from estimation.diagnostics.moment_registry import COLUMNS, moment_registry
from estimation.diagnostics.samples import study_diagnostics
from estimation.diagnostics.unit_root import panel_unit_root
from estimation.panel.tests import vif

SWITCHES = {
    "winsor_by": "pooled", "winsor_share": "0.01", "winsor_quantile": "averaged_inverted_cdf", "outlier_rule": "iqr", "outlier_width": "2.2", "outlier_scale": "log",
    "interpolation_max_gap": "3", "index_base_years": "all",
}  # fmt: skip


def panel(cities: int = 40, years: range = range(2013, 2023), seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    keys = pd.MultiIndex.from_product([[f"{k:06d}" for k in range(cities)], years], names=["city_code", "year"])
    n = len(keys)
    values = {
        "unemployed_rate": rng.lognormal(-4.5, 0.6, n), "human": rng.lognormal(1, 1, n), "did": rng.integers(0, 2, n),
        "empty": np.full(n, np.nan),
    }  # fmt: skip
    return pd.DataFrame(values, index=keys).reset_index()


class TestWinsorising:
    def test_pooled_quantiles_and_a_ledger(self):
        sample = panel()
        found = clean_sample(sample, ["human", "did", "empty"], "winsorise", SWITCHES)
        low, high = np.quantile(sample["human"], [0.01, 0.99], method="averaged_inverted_cdf")
        np.testing.assert_allclose(found.data["human"], np.clip(sample["human"], low, high))
        assert (found.data["human"] != sample["human"]).mean() <= 0.02
        assert (
            set(found.ledger["variable"]) == {"human"}
            and len(found.ledger) == (found.data["human"] != sample["human"]).sum()
        )
        pd.testing.assert_series_equal(found.data["did"], sample["did"])

    def test_by_year_share_and_off(self):
        sample = panel()
        yearly = clean_sample(
            sample, ["human"], "winsorise", SWITCHES | {"winsor_by": "year", "winsor_share": "0.05"}
        ).data
        for year, rows in sample.groupby("year"):
            low, high = np.quantile(rows["human"], [0.05, 0.95], method="averaged_inverted_cdf")
            np.testing.assert_allclose(yearly.loc[yearly["year"] == year, "human"], np.clip(rows["human"], low, high))
        off = clean_sample(sample, ["human"], "winsorise", SWITCHES | {"winsor_by": "none"})
        pd.testing.assert_frame_equal(off.data, sample)
        assert off.ledger.empty

    def test_no_more_than_the_share_changes_and_the_ends_are_the_quantiles(self):
        """F022: with 264 cities and 15 years, 1 % of 3,960 is no whole number; between order statistics 80 values (2.02 %) would change."""
        values = np.random.default_rng(0).permutation(np.arange(3960.0))
        keys = pd.MultiIndex.from_product([range(264), range(2006, 2021)], names=["city_code", "year"])
        sample = pd.DataFrame({"human": values}, index=keys).reset_index()
        changed = {}
        for quantile in ("averaged_inverted_cdf", "linear"):
            found = clean_sample(sample, ["human"], "winsorise", SWITCHES | {"winsor_quantile": quantile})
            changed[quantile] = len(found.ledger)
            limits = found.limits.iloc[0]
            assert (found.data["human"].min(), found.data["human"].max()) == (limits["low"], limits["high"])
        assert changed == {"averaged_inverted_cdf": 78, "linear": 80}

    def test_frozen_limits_leave_old_values_untouched(self):
        longer = panel()
        longer.loc[longer["year"] == 2022, "human"] *= 50
        shorter = longer[longer["year"] < 2022]
        frozen = SWITCHES | {"index_base_years": "frozen"}
        before = clean_sample(shorter, ["human"], "winsorise", frozen, (2013, 2021)).data
        after = clean_sample(longer, ["human"], "winsorise", frozen, (2013, 2021)).data
        old = after[after["year"] < 2022].reset_index(drop=True)
        pd.testing.assert_frame_equal(old, before.reset_index(drop=True))
        unfrozen = clean_sample(longer, ["human"], "winsorise", SWITCHES).data
        assert (
            not unfrozen.loc[unfrozen["year"] < 2022, "human"]
            .reset_index(drop=True)
            .equals(before["human"].reset_index(drop=True))
        )
        first = clean_sample(longer, ["human"], "winsorise", SWITCHES | {"index_base_years": "first"})
        assert first.limits["high"].iloc[0] == pytest.approx(
            np.quantile(longer.loc[longer["year"] == 2013, "human"], 0.99, method="averaged_inverted_cdf")
        )
        with pytest.raises(EstimationError, match="study_samples"):
            clean_sample(longer, ["human"], "winsorise", frozen)


class TestOutliers:
    def test_a_planted_cell_is_replaced_by_its_line_and_listed(self):
        sample = panel(seed=1)
        row = sample.index[(sample["city_code"] == "000007") & (sample["year"] == 2017)][0]
        sample.loc[row, "unemployed_rate"] = 0.2548
        found = clean_sample(sample, ["unemployed_rate", "human"], "replace_outliers", SWITCHES)
        neighbours = sample.loc[[row - 1, row + 1], "unemployed_rate"].mean()
        assert found.data.loc[row, "unemployed_rate"] == pytest.approx(neighbours)
        columns = ["unemployed_rate", "human"]
        assert (found.data[columns] != sample[columns]).to_numpy().sum() == 1
        assert found.ledger[["city_code", "year", "old_value"]].to_numpy().tolist() == [["000007", 2017, 0.2548]]

    def test_a_frozen_base_leaves_old_values_when_a_year_is_added(self):
        """Limits are those of the base years, and an outlier in the last of them stays missing: no later year draws a line to it."""
        longer = panel()
        last = (longer["city_code"] == "000007") & (longer["year"] == 2021)
        longer.loc[last, "human"] = 1e6
        longer.loc[longer["year"] == 2022, "human"] *= np.geomspace(1e-4, 1e4, (longer["year"] == 2022).sum())
        shorter = longer[longer["year"] < 2022]
        frozen = SWITCHES | {"index_base_years": "frozen"}
        before = clean_sample(shorter, ["human"], "replace_outliers", frozen, (2013, 2021))
        after = clean_sample(longer, ["human"], "replace_outliers", frozen, (2013, 2021))
        assert before.limits.drop(columns="n_outliers").equals(after.limits.drop(columns="n_outliers"))
        assert after.limits["n_outliers"].iloc[0] > before.limits["n_outliers"].iloc[0]
        old = after.data[after.data["year"] < 2022].reset_index(drop=True)
        pd.testing.assert_frame_equal(old, before.data.reset_index(drop=True))
        assert np.isnan(after.data.loc[last, "human"].iloc[0])
        unfrozen = clean_sample(longer, ["human"], "replace_outliers", SWITCHES)
        assert unfrozen.limits["high"].iloc[0] > after.limits["high"].iloc[0]
        with pytest.raises(EstimationError, match="study_samples"):
            clean_sample(longer, ["human"], "replace_outliers", frozen)

    def test_zeros_are_left_alone_in_logs(self):
        sample = panel().assign(human=lambda f: f["human"].where(f["year"] > 2013, 0.0))
        found = clean_sample(sample, ["human"], "replace_outliers", SWITCHES)
        assert (found.data.loc[found.data["year"] == 2013, "human"] == 0).all()

    @pytest.mark.parametrize(
        "change",
        [{"outlier_scale": "level"}, {"outlier_width": "1.5"}, {"outlier_rule": "zscore"}, {"outlier_rule": "mad"}],
    )
    def test_every_choice_judges_differently(self, change):
        sample = panel(seed=1)
        counts = [len(clean_sample(sample, ["human"], "replace_outliers", SWITCHES | c).ledger) for c in ({}, change)]
        assert counts[0] == 0 and (counts[1] > 0 or change == {"outlier_rule": "mad"})

    def test_off_and_unknown(self):
        sample = panel()
        off = clean_sample(sample, ["human"], "replace_outliers", SWITCHES | {"outlier_rule": "none"})
        pd.testing.assert_frame_equal(off.data, sample)
        pd.testing.assert_frame_equal(clean_sample(sample, ["human"], "none", SWITCHES).data, sample)
        with pytest.raises(EstimationError, match="none, winsorise, replace_outliers"):
            clean_sample(sample, ["human"], "trim", SWITCHES)

    def test_column_types_survive(self):
        frame = pd.DataFrame({"a": ["x"], "b": [1.0], "c": [None], "d": [2.5], "e": [True]})
        kinds = {"a": "VARCHAR", "b": "BIGINT", "c": "VARCHAR", "d": "DOUBLE", "e": "BOOLEAN"}
        found = typed(frame, kinds)
        assert [str(t) for t in found.dtypes] == ["str", "Int64", "str", "float64", "boolean"]
        assert [str(t) for t in typed(frame.iloc[:0], kinds).dtypes] == ["str", "Int64", "str", "float64", "boolean"]


class TestMoments:
    published = pd.DataFrame({
        "study": "s", "table_id": "Table 1", "printed": ["Human", "Impossible", "Absent"], "n": 400, "mean": [4.0, 3.08, 1.0],
        "sd": [2.0, 22.27, 1.0], "min": [0.5, 1.48, np.nan], "max": [9.0, 3.91, np.nan], "decimals": [1, 4, 1], "note": None,
    })  # fmt: skip
    variables = pd.DataFrame(
        {"study": "s", "printed": ["Human", "Impossible", "Absent"], "column_name": ["human", "did", "gone"]}
    )

    def test_distances_by_hand(self):
        sample = panel()
        found = moment_registry({"s": sample}, self.published, self.variables)
        assert found.columns.tolist() == COLUMNS
        row = found.set_index("printed").loc["Human"]
        assert row["built_mean"] == pytest.approx(sample["human"].mean()) and row["built_n"] == 400
        assert row["mean_distance"] == pytest.approx((sample["human"].mean() - 4) / 2)
        assert row["log_sd_ratio"] == pytest.approx(np.log(sample["human"].std() / 2))
        assert row["above_max"] == pytest.approx((sample["human"] > 9).mean())
        assert row["published_n"] == 400 and row["column_name"] == "human"

    def test_impossible_print_and_unbuilt_variables(self):
        found = moment_registry({"s": panel()}, self.published, self.variables).set_index("printed")
        assert found["sd_impossible"].tolist() == [False, True, False]
        assert found.loc["Impossible", "sd_limit"] == pytest.approx(1.1527, abs=2e-3)
        assert np.isnan(found.loc["Absent", "built_mean"])

    def test_an_empty_sample_has_no_moments(self):
        found = moment_registry({"s": panel().iloc[:0]}, self.published, self.variables)
        assert found["built_mean"].isna().all() and (found["built_n"].fillna(0) == 0).all()


class TestDiagnostics:
    variables = pd.DataFrame({
        "column_name": ["human", "unemployed_rate", "did", "empty"], "kind": ["continuous", "continuous", "dummy", "continuous"],
        "role": ["outcome", "control", "treatment", "group"],
    })  # fmt: skip

    def test_numbers_are_those_of_the_tests(self):
        sample = panel()
        found = study_diagnostics("s", sample, self.variables).set_index(["variable", "test"])
        factors = vif(sample, ["unemployed_rate", "did"])
        assert found.loc[("did", "vif"), "statistic"] == pytest.approx(factors["did"])
        assert found.loc[("human", "pesaran_cd"), "statistic"] == pytest.approx(
            pesaran_cd(sample, "human").test.statistic
        )
        roots = panel_unit_root(sample, "unemployed_rate").tests
        for name, test in roots.items():
            np.testing.assert_allclose(found.loc[("unemployed_rate", name), "p_value"], test.p_value)
        assert ("empty", "pesaran_cd") not in found.index and ("did", "ips") not in found.index

    def test_what_cannot_be_computed_says_why(self):
        gap = {"human": lambda f: f["human"].where((f["year"] != 2016) | (f["city_code"] != "000003"))}
        holed = panel().assign(**gap, unemployed_rate=1.0)
        found = study_diagnostics("s", holed, self.variables)
        reasons = found[found["statistic"].isna()]
        assert {"vif", "unit_roots"} <= set(reasons["test"])
        assert reasons["note"].str.len().gt(10).all()
        assert "hole" in reasons.loc[reasons["variable"] == "human", "note"].iloc[0]

    def test_series_of_zeros_are_skipped(self):
        """A variable that is zero in all years of some cities, as the variables of types are, still has a statistic."""
        sample = panel().assign(human=lambda f: f["human"].where(f["city_code"] > "000009", 0.0))
        found = panel_unit_root(sample, "human")
        assert found.n_skipped == 10
        assert np.isfinite(found.tests["fisher_p"].statistic)

    def test_a_whole_and_its_parts_have_factors_apart(self):
        """va_nq is the sum of v1 to v5: together every factor would be infinite. By hand: 1 / (1 - R2) of the regression on the others."""
        draws = np.random.default_rng(3)
        frame = panel()[["city_code", "year"]]
        parts = [f"v{k}" for k in range(1, 6)]
        frame = frame.assign(**{c: draws.exponential(size=len(frame)) for c in [*parts, "ms", "ti"]})
        frame = frame.assign(va_nq=frame[parts].sum(axis=1), ti=frame["ti"] + frame["v1"])
        names = ["va_nq", *parts, "ms", "ti"]
        roles = ["explanatory"] * 6 + ["control"] * 2
        variables = pd.DataFrame({"column_name": names, "kind": "continuous", "role": roles})
        found = study_diagnostics("s", frame, variables)
        factors = found[found["test"] == "vif"].set_index("variable")["statistic"]
        assert sorted(factors.index) == sorted(names)
        for column, others in (("va_nq", ["ms", "ti"]), ("ti", ["va_nq", "ms"]), ("v1", [*parts[1:], "ms", "ti"])):
            x = np.column_stack([np.ones(len(frame)), frame[others]])
            residual = frame[column] - x @ np.linalg.lstsq(x, frame[column], rcond=None)[0]
            assert factors[column] == pytest.approx(frame[column].var(ddof=0) / residual.var(ddof=0))

    def test_empty_sample(self):
        found = study_diagnostics("s", panel().iloc[:0], self.variables)
        assert found.empty and found["statistic"].dtype == float
