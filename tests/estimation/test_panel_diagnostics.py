"""Printed moments, cross-section dependence, panel unit roots.

Tolerances: 1e-10 against statsmodels 0.15 `adfuller` and against loops over pairs; shares of rejections within three standard
errors at the number of draws. Printed numbers are those of industrial_upgrading, table 1.
"""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from statsmodels.datasets import grunfeld
from statsmodels.tsa.stattools import adfuller

from estimation.core.frame import EstimationError
from estimation.diagnostics.cross_section import pesaran_cd
from estimation.diagnostics.moments import check_moments, compare_moments, describe
from estimation.diagnostics.unit_root import panel_unit_root

PRINTED = pd.DataFrame(
    [
        ("stru", 3.0800, 22.2739, 1.4800, 3.9100),
        ("did", 0.1583, 0.3651, 0.0000, 1.0000),
        ("cac", 0.5124, 0.2357, 0.0000, 0.9996),
        ("ecol", 0.4089, 3.4531, 0.0012, 1.0000),
        ("eland", 0.9258, 1.6087, 0.0411, 7.2146),
        ("rel", 0.1869, 0.1615, 0.0277, 0.8512),
        ("eco", 4.7261, 10.6694, 0.0099, 42.1762),
        ("fix", 3.6098, 14.2245, 0.5546, 22.0000),
        ("mar", 1.1415, 0.9032, 2.3183, 26.6607),
        ("tech", 9.3089, 58.1594, 0.0000, 3.6473),
        ("open", 1.3840, 4.0574, 0.0000, 2.8542),
        ("gov", 10.0669, 47.0207, 3.0000, 25.3007),
        ("base", 2.1687, 2.0993, 0.9562, 2.4076),
    ],
    columns=["variable", "mean", "sd", "min", "max"],
).set_index("variable")


class TestMoments:
    def test_exactly_six_impossible_deviations_and_two_means(self):
        result = check_moments(PRINTED.assign(n=3960))
        assert set(result.index[result["sd_impossible"]]) == {"stru", "ecol", "fix", "open", "gov", "base"}
        assert set(result.index[result["mean_outside"]]) == {"mar", "tech"}
        assert result.loc["base", "sd_limit"] == pytest.approx(np.sqrt(0.2389 * 1.2125), rel=1e-3)
        assert np.isnan(result.loc["mar", "sd_limit"])
        assert result["checked"].all()

    def test_nothing_is_flagged_in_the_other_four_papers(self, oracles: Path):
        table = pd.read_csv(oracles.parent / "methods" / "published_tables.csv")
        table = table[(table["column"] == "desc") & (table["paper"] != "industrial_upgrading")]
        wide = table.pivot_table(index=["paper", "term"], columns="statistic", values="value", aggfunc="first")
        for paper, group in wide.groupby(level="paper"):
            for term, row in group.droplevel("paper")[["mean", "sd", "min", "max"]].iterrows():
                decimals = max(len(str(value).partition(".")[2]) for value in row.dropna())
                flags = check_moments(row.to_frame().T.astype(float), decimals=decimals)
                assert not flags[["mean_outside", "sd_impossible"]].any().any(), (paper, term)

    def test_limit_is_attained_by_a_dummy_and_by_no_real_data_exceeded(self):
        dummy = pd.DataFrame({"d": [1.0] * 158 + [0.0] * 842})
        result = check_moments(describe(dummy, ["d"]), decimals=None)
        assert not result["sd_impossible"].any()
        assert result.loc["d", "sd_limit"] == pytest.approx(dummy["d"].std(), rel=1e-12)
        rng = np.random.default_rng(0)
        many = pd.DataFrame(rng.lognormal(size=(30, 200))).add_prefix("x")
        assert not check_moments(describe(many, list(many)), decimals=None)["sd_impossible"].any()
        rounded = describe(many, list(many)).round(2)
        assert not check_moments(rounded, decimals=2)[["sd_impossible", "mean_outside"]].any().any()

    def test_extremes_and_missing_moments(self):
        table = pd.DataFrame({"mean": [10.461, 1], "sd": [8.925, 1], "min": [0.05, np.nan], "max": [530.0, np.nan]})
        result = check_moments(table)
        assert result.loc[0, "z_max"] == pytest.approx(58.2, abs=0.05)
        assert not result.loc[1, "checked"]
        assert not result.loc[1, "sd_impossible"]
        with pytest.raises(EstimationError, match="not in the table: sd"):
            check_moments(table.drop(columns="sd"))
        with pytest.raises(EstimationError, match="is negative"):
            check_moments(table.assign(sd=-1.0))

    def test_comparison_with_published(self):
        rng = np.random.default_rng(0)
        df = pd.DataFrame({"va": rng.normal(1.5, 0.5, 4000)})
        published = pd.DataFrame({"mean": [1.0, 2.0], "sd": [0.5, 1.0], "min": [0.0, np.nan]}, index=["VA", "NQ"])
        result = compare_moments(df, published, columns={"VA": "va"})
        assert result.loc["VA", "mean_distance"] == pytest.approx(1, abs=0.05)
        assert result.loc["VA", "log_sd_ratio"] == pytest.approx(0, abs=0.05)
        assert result.loc["VA", "below_min"] == (df["va"] < 0).mean()
        assert np.isnan(result.loc["VA", "above_max"])
        assert not result.loc["NQ", "built"]


def panel(values: np.ndarray) -> pd.DataFrame:
    n, periods = values.shape
    keys = {"city_code": np.repeat(np.arange(n), periods), "year": np.tile(np.arange(2000, 2000 + periods), n)}
    return pd.DataFrame(keys).assign(y=values.ravel())


class TestCrossSection:
    def test_balanced_formula(self):
        values = np.random.default_rng(0).normal(size=(8, 12))
        r = np.corrcoef(values)[np.triu_indices(8, 1)]
        result = pesaran_cd(panel(values), "y")
        assert result.test.statistic == pytest.approx(np.sqrt(2 * 12 / (8 * 7)) * r.sum(), abs=1e-10)
        assert result.mean_correlation == pytest.approx(r.mean())
        assert result.mean_abs_correlation == pytest.approx(np.abs(r).mean())
        assert result.n_pairs == 28

    def test_unbalanced_equals_the_pairs(self):
        rng = np.random.default_rng(1)
        df = panel(rng.normal(size=(6, 10)) + 1e4).sample(frac=0.8, random_state=0)
        wide = df.pivot_table(index="year", columns="city_code", values="y")
        total, used = 0.0, 0
        for a, b in combinations(wide.columns, 2):
            both = wide[[a, b]].dropna()
            if len(both) >= 3:
                total += np.sqrt(len(both)) * both.corr().iloc[0, 1]
                used += 1
        assert pesaran_cd(df, "y").test.statistic == pytest.approx(total / np.sqrt(used), abs=1e-9)

    def test_size_and_power(self):
        rng = np.random.default_rng(2)
        null = [pesaran_cd(panel(rng.normal(size=(30, 8))), "y").test.p_value < 0.05 for _ in range(200)]
        assert np.mean(null) == pytest.approx(0.05, abs=0.046)
        common = rng.normal(size=8)
        assert pesaran_cd(panel(rng.normal(size=(30, 8)) + common), "y").test.p_value < 1e-6

    def test_unusable(self):
        with pytest.raises(EstimationError, match="no pair"):
            pesaran_cd(panel(np.ones((4, 5))), "y")
        with pytest.raises(EstimationError, match="at least 2"):
            pesaran_cd(panel(np.ones((4, 5))), "y", min_common=1)
        one_constant = np.random.default_rng(3).normal(size=(4, 6))
        one_constant[0] = 5.0
        assert pesaran_cd(panel(one_constant), "y").n_pairs == 3


class TestUnitRoot:
    @pytest.mark.parametrize("lags", [0, 1, 3])
    @pytest.mark.parametrize("trend", ["constant", "trend"])
    def test_series_equal_statsmodels(self, lags, trend):
        data = grunfeld.load_pandas().data
        result = panel_unit_root(data, "invest", lags=lags, trend=trend, entity="firm")
        for row in result.series.itertuples():
            series = data[data["firm"] == row.entity].sort_values("year")["invest"].to_numpy()
            code = {"constant": "c", "trend": "ct"}[trend]
            t, p, _, n_obs, *_ = adfuller(series, maxlag=lags, regression=code, autolag=None, result_object=False)
            assert row.t == pytest.approx(t, rel=1e-9)
            assert row.p_value == pytest.approx(p, rel=1e-9)
            assert row.n_obs == n_obs

    def test_combinations_by_hand(self):
        data = grunfeld.load_pandas().data
        result = panel_unit_root(data, "invest", entity="firm")
        p, t = result.series["p_value"], result.series["t"]
        n = len(p)
        assert result.tests["fisher_p"].statistic == pytest.approx(-2 * np.log(p).sum())
        assert result.tests["fisher_p"].df == 2 * n
        assert result.tests["fisher_pm"].statistic == pytest.approx((-2 * np.log(p) - 2).sum() / (2 * np.sqrt(n)))
        # 19 observations, no lags: moments interpolated between T = 15 and T = 20.
        mean, variance = -1.514 + 0.8 * (-0.008), 0.923 + 0.8 * (0.851 - 0.923)
        assert result.tests["ips"].statistic == pytest.approx(np.sqrt(n) * (t.mean() - mean) / np.sqrt(variance))

    @pytest.mark.parametrize(("periods", "tests"), [(9, ["harris_tzavalis"]), (16, ["harris_tzavalis", "ips"])])
    def test_size_and_power(self, periods, tests):
        rng = np.random.default_rng(periods)
        null, power = {name: [] for name in tests}, {name: [] for name in tests}
        for _ in range(40):
            shocks, effect = rng.normal(size=(60, periods)), rng.normal(size=(60, 1))
            walk = panel_unit_root(panel(shocks.cumsum(axis=1) + 5 * effect), "y").tests
            noise = panel_unit_root(panel(shocks + 5 * effect), "y").tests
            for name in tests:
                null[name].append(walk[name].statistic)
                power[name].append(noise[name].p_value)
        for name in tests:
            # 3 standard errors at 40 draws, and a bias of 0.1 with 60 series.
            assert np.mean(null[name]) == pytest.approx(0, abs=0.6)
            assert np.std(null[name]) == pytest.approx(1, abs=0.35)
            assert np.max(power[name]) < 1e-3

    @pytest.mark.slow
    @pytest.mark.parametrize("trend", ["constant", "trend"])
    def test_nominal_size(self, trend):
        rng = np.random.default_rng(5)
        rejected = {"ips": [], "harris_tzavalis": []}
        for _ in range(500):
            tests = panel_unit_root(panel(rng.normal(size=(80, 18)).cumsum(axis=1)), "y", trend=trend).tests
            for name, hits in rejected.items():
                hits.append(tests[name].p_value < 0.05)
        for name, hits in rejected.items():
            assert np.mean(hits) == pytest.approx(0.05, abs=0.03), name

    def test_a_common_shock_is_removed_by_demeaning(self):
        rng = np.random.default_rng(6)
        values = rng.normal(size=(20, 15)).cumsum(axis=1)
        shocked = values + 30 * rng.normal(size=15)
        first = panel_unit_root(panel(values), "y", demean=True).tests["ips"].statistic
        second = panel_unit_root(panel(shocked), "y", demean=True).tests["ips"].statistic
        assert first == pytest.approx(second)

    def test_outside_the_tables_the_reason_is_given(self):
        values = np.random.default_rng(7).normal(size=(10, 8)).cumsum(axis=1)
        tests = panel_unit_root(panel(values), "y").tests
        assert np.isnan(tests["ips"].statistic)
        assert "tabulated from 10" in tests["ips"].note
        assert np.isfinite(tests["harris_tzavalis"].statistic)
        lagged = panel_unit_root(panel(values), "y", lags=1).tests
        assert "no lags" in lagged["harris_tzavalis"].note

    def test_short_and_constant_series_are_counted(self):
        values = np.random.default_rng(8).normal(size=(5, 14)).cumsum(axis=1)
        values[2] = 3.0
        df = panel(values)
        result = panel_unit_root(df[(df["city_code"] != 4) | (df["year"] > 2011)], "y")
        assert result.n_skipped == 2
        assert result.series["entity"].tolist() == [0, 1, 3]
        assert "balanced" in result.tests["harris_tzavalis"].note

    def test_unusable(self):
        df = panel(np.random.default_rng(9).normal(size=(5, 14)))
        with pytest.raises(EstimationError, match="series of 0 has a hole"):
            panel_unit_root(df[(df["city_code"] != 0) | (df["year"] != 2005)], "y")
        with pytest.raises(EstimationError, match="constant, trend"):
            panel_unit_root(df, "y", trend="none")
        with pytest.raises(EstimationError, match="whole number"):
            panel_unit_root(df, "y", lags=1.5)
        with pytest.raises(EstimationError, match="long enough for 12"):
            panel_unit_root(df, "y", lags=12)
