"""Sensitivity analyses and robustness checks.

References: R konfound 1.0.3 (``oracles/mediation_sensitivity``, 15 digits: relative 1e-9); the printed RIR of the
digital-industry paper; everything else is recomputed the long way (refits, rows resampled by hand) or checked by
simulation with a known truth.
"""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from estimation import sensitivity
from estimation.core.frame import EstimationError
from estimation.panel import fit_panel
from estimation.panel.tests import hausman, mundlak
from estimation.sensitivity import (
    alternative_outcomes,
    itcv,
    lagged,
    lagged_controls,
    leave_one_out,
    oster_delta,
    other_policies,
    outlier_treatments,
    sample_windows,
    specification_curve,
    trim,
    wild_bootstrap,
    winsorise,
    without_units,
)
from estimation.sensitivity.oster import bias_adjusted, delta_for, oster_moments


def panel(rng: np.random.Generator, n_city: int = 20, n_year: int = 6, effect: float = 0.3) -> pd.DataFrame:
    n = n_city * n_year
    city, year = np.repeat(np.arange(n_city), n_year), np.tile(np.arange(2010, 2010 + n_year), n_city)
    d, x, policy = rng.normal(size=(3, n))
    common = rng.normal(size=n_city)[city] * rng.normal(size=n_city)[city]
    y = effect * d + 0.2 * x + common + rng.normal(size=n_year)[year - 2010] + rng.normal(size=n)
    return pd.DataFrame(
        {
            "city_code": city, "year": year, "y": y, "d": d, "x": x, "policy": policy, "other": (policy > 1) * 1.0,
            "province": city // 5, "y2": y + rng.normal(size=n),
        }
    )  # fmt: skip


@pytest.fixture(scope="module")
def df() -> pd.DataFrame:
    return panel(np.random.default_rng(1)).drop(index=[5, 17]).reset_index(drop=True)


class TestItcv:
    def expected(self, oracles) -> dict:
        return json.loads((oracles / "mediation_sensitivity" / "expected.json").read_text())

    def check(self, result, out) -> None:
        pairs = {
            "itcv": "itcvGz", "r_critical": "critical_r", "threshold": "beta_threshold", "r_xcv": "rxcvGz",
            "r_ycv": "rycvGz", "rir_pct": "RIR_perc", "r_observed": "act_r",
        }  # fmt: skip
        for ours, theirs in pairs.items():
            assert getattr(result, ours) == pytest.approx(out[theirs], rel=1e-9), ours
        assert result.rir == out["RIR_primary"]

    @pytest.mark.parametrize("case", ["pk1", "pk2", "pk3", "pk4", "pk5", "pk6", "pk7"])
    def test_konfound(self, oracles, case):
        entry = self.expected(oracles)[case]
        self.check(itcv(*entry["args"]), entry["out"])

    @pytest.mark.parametrize(
        ("case", "options"), [("pk_nu", {"null": 1}), ("pk_alpha01", {"alpha": 0.01}), ("pk_1tail", {"tails": 1})]
    )
    def test_konfound_options(self, oracles, case, options):
        entry = self.expected(oracles)[case]
        self.check(itcv(*(entry["args"][str(i)] for i in range(1, 5)), **options), entry["out"])

    @pytest.mark.parametrize("case", ["konfound_mtcars_wt", "konfound_mtcars_hp"])
    def test_model_based(self, oracles, case):
        entry = self.expected(oracles)[case]
        out = entry["out"]
        result = itcv(entry["coef"], entry["se"], 32, 1, r2_xz=out["r2xz"], r2_yz=out["r2yz"])
        self.check(result, out)
        assert result.itcv_unconditional == pytest.approx(out["itcv"], rel=1e-9)
        assert result.r_xcv_unconditional == pytest.approx(out["rxcv"], rel=1e-9)
        assert result.r_ycv_unconditional == pytest.approx(out["rycv"], rel=1e-9)

    def test_digital_industry(self):
        """t = 10.36 with df = N - k - effects = 2504: RIR 81.07 %, correlations .41, impact their product (.170)."""
        result = itcv(10.36, 1.0, 2800, 2800 - 2504 - 2)
        assert result.df == 2504
        assert result.rir_pct == pytest.approx(81.07, abs=0.005)
        assert result.r_xcv == pytest.approx(0.41, abs=0.005) and result.r_ycv == pytest.approx(0.41, abs=0.005)
        assert result.itcv == pytest.approx(result.r_xcv * result.r_ycv) == pytest.approx(0.1702, abs=5e-5)
        assert itcv(10.36, 1.0, 2800, 14).itcv == pytest.approx(0.1615, abs=5e-5)

    def test_insignificant_estimates_are_sustained(self):
        """t = 1 with 95 df: below the threshold, so r - r# is negative and the divisor 1 + r#."""
        result = itcv(0.4, 0.4, 100, 3)
        assert not result.significant and result.itcv < 0
        r, limit = 1 / np.sqrt(96), result.r_critical
        assert result.itcv == pytest.approx((r - limit) / (1 + limit))
        assert result.rir_pct == pytest.approx(100 * (1 - 0.4 / result.threshold))

    def test_the_threshold_is_where_significance_ends(self):
        result = itcv(2.0, 0.4, 100, 3)
        assert abs(itcv(result.threshold * (1 + 1e-12), 0.4, 100, 3).itcv) < 1e-10

    def test_errors(self):
        with pytest.raises(EstimationError, match="se > 0"):
            itcv(1.0, 0.0, 100, 3)
        with pytest.raises(EstimationError, match="tails"):
            itcv(1.0, 1.0, 100, 3, tails=3)


class TestOster:
    @pytest.mark.parametrize("delta", [0.5, 1.0, 2.0])
    def test_population_truth(self, delta):
        """Proportional selection with a known delta: with the true R2 both delta and the effect 0.8 are recovered."""
        rng, n = np.random.default_rng(1), 400_000
        w1, w2 = rng.normal(size=n), 0.7 * rng.normal(size=n)
        d = 0.4 * w1 + delta * 0.4 * w2 + rng.normal(size=n)
        y = 0.8 * d + w1 + w2 + 0.3 * rng.normal(size=n)
        y, d, w1, w2 = (v - v.mean() for v in (y, d, w1, w2))
        full = np.column_stack([d, w1, w2])
        r2 = 1 - np.var(y - full @ np.linalg.lstsq(full, y, rcond=None)[0]) / np.var(y)
        moments = oster_moments(y, d, w1[:, None])
        assert delta_for(moments, 0.8, r2) == pytest.approx(delta, rel=0.02)
        assert min(abs(root - 0.8) for root in bias_adjusted(moments, delta, r2)) < 0.01

    @pytest.mark.parametrize("delta", [0.3, 1.0, 1.7])
    def test_delta_and_effect_are_inverse(self, df, delta):
        data = df.assign(d=df["d"] + 0.5 * df["x"])
        result = oster_delta(data, "y", "d", ["x", "policy"], delta=delta)
        for root in result.roots:
            assert oster_delta(data, "y", "d", ["x", "policy"], beta=root).delta == pytest.approx(delta, rel=1e-6)
        assert result.beta_star in result.bound and result.long in result.bound

    def test_pieces_are_panel_regressions(self, df):
        result = oster_delta(df, "y", "d", "x")
        short, long = fit_panel(df, "y", "d"), fit_panel(df, "y", ["d", "x"])
        assert result.short == pytest.approx(short.coef["d"]) and result.long == pytest.approx(long.coef["d"])
        assert result.r2_short == pytest.approx(short.r2_within) and result.r2_long == pytest.approx(long.r2_within)
        assert result.r2_max == pytest.approx(1.3 * long.r2_within)

    def test_controls_that_are_always_in_are_partialled_out(self, df):
        result = oster_delta(df, "y", "d", "x", always="policy")
        assert result.short == pytest.approx(fit_panel(df, "y", ["d", "policy"]).coef["d"])
        assert result.long == pytest.approx(fit_panel(df, "y", ["d", "x", "policy"]).coef["d"])

    def test_errors(self, df):
        with pytest.raises(EstimationError, match="no control"):
            oster_delta(df, "y", "d", [])
        with pytest.raises(EstimationError, match="r2_max"):
            oster_delta(df, "y", "d", "x", r2_max=0.0001)


class TestLeaveOneOut:
    def test_equals_refitting(self, df):
        result = leave_one_out(df, "y", "d", "x")
        assert len(result.table) == 20
        for city in (0, 7, 19):
            fit = fit_panel(df[df["city_code"] != city], "y", ["d", "x"])
            row = result.table.loc[city]
            assert (row["estimate"], row["std_error"]) == (fit.coef["d"], fit.se["d"])
            assert row["change"] == pytest.approx(fit.coef["d"] - result.full.coef["d"])
        assert (result.low, result.high) == (result.table["estimate"].min(), result.table["estimate"].max())
        assert result.most_influential == result.table["change"].abs().idxmax()

    def test_by_province(self, df):
        result = leave_one_out(df, "y", "d", "x", by="province")
        assert list(result.table.index) == [0, 1, 2, 3]
        assert result.table.loc[2, "n_obs"] == (df["province"] != 2).sum()

    def test_an_unestimable_row_is_kept_with_its_reason(self, df):
        data = df.assign(d=np.where(df["city_code"] == 3, df["d"], 0.0))
        table = leave_one_out(data, "y", "d", "x").table
        assert np.isnan(table.loc[3, "estimate"]) and "d does not vary" in table.loc[3, "reason"]
        assert table["estimate"].notna().sum() == 19

    def test_two_groups_are_too_few(self, df):
        with pytest.raises(EstimationError, match="at least three groups"):
            leave_one_out(df.assign(half=df["city_code"] % 2), "y", "d", by="half")


class TestWildBootstrap:
    @pytest.mark.parametrize("imposed", [True, False])
    @pytest.mark.parametrize("effects", ["none", "twoways"])
    def test_equals_refitting_every_draw(self, df, imposed, effects):
        """Draw by draw: restricted fit, residuals times cluster signs, new outcome, new clustered t ratio."""
        null = 0.1
        result = wild_bootstrap(
            df, "y", "d", "x", draws=6, rng=np.random.default_rng(3), impose_null=imposed, null=null,
            effects=effects, cluster="province", weights_type="webb",
        )  # fmt: skip
        points = np.sqrt([1.5, 1.0, 0.5])
        V = np.random.default_rng(3).choice(np.concatenate([-points, points]), size=(4, 6))
        options = {"effects": effects, "cluster": "province", "ssc": "none"}
        full = fit_panel(df, "y", ["d", "x"], **options)
        base = null if imposed else full.coef["d"]
        rest = fit_panel(df.assign(rest=df["y"] - base * df["d"]), "rest", ["x"], **options)
        u = rest.residuals.to_numpy() if imposed else full.residuals.to_numpy()
        assert result.statistic == pytest.approx((full.coef["d"] - null) / full.se["d"], rel=1e-8)
        for draw in range(6):
            y_star = df["y"] - u + u * V[df["province"], draw]
            refit = fit_panel(df.assign(y=y_star), "y", ["d", "x"], **options)
            assert result.draws[draw] == pytest.approx((refit.coef["d"] - base) / refit.se["d"], rel=1e-7)

    def test_all_sign_patterns_are_enumerated(self, df):
        result = wild_bootstrap(df, "y", "d", "x", draws=999, rng=np.random.default_rng(1), cluster="province")
        assert result.enumerated and len(result.draws) == 16
        again = wild_bootstrap(df, "y", "d", "x", draws=500, rng=np.random.default_rng(9), cluster="province")
        assert again.p_value == result.p_value and result.p_value >= 2 / 16

    def test_the_interval_inverts_the_test(self, df):
        options = {"draws": 399, "weights_type": "webb"}
        result = wild_bootstrap(df, "y", "d", "x", rng=np.random.default_rng(2), **options)
        low, high = result.ci
        assert low < result.estimate < high
        for end, inward in ((low, 1), (high, -1)):
            step = inward * 0.02 * (high - low)
            inside, outside = (
                wild_bootstrap(df, "y", "d", "x", rng=np.random.default_rng(2), null=end + s, **options).p_value
                for s in (step, -step)
            )
            assert inside > 0.05 >= outside

    def test_weights_and_row_order(self, df):
        weighted = df.assign(w=1.0 + df["city_code"] % 3)
        first = wild_bootstrap(weighted, "y", "d", "x", draws=99, rng=np.random.default_rng(1), weights="w")
        fit = fit_panel(weighted, "y", ["d", "x"], weights="w", ssc="none")
        assert first.statistic == pytest.approx(fit.statistics["d"], rel=1e-9)
        shuffled = weighted.sample(frac=1, random_state=1)
        second = wild_bootstrap(shuffled, "y", "d", "x", draws=99, rng=np.random.default_rng(1), weights="w")
        assert second.p_value == first.p_value and second.ci == pytest.approx(first.ci, rel=1e-6)

    def test_mammen_weights_have_mean_zero_and_variance_one(self):
        from estimation.sensitivity.wild_bootstrap import _multipliers

        for kind in ("mammen", "webb", "rademacher"):
            V, _ = _multipliers(np.random.default_rng(1), 40, 50_000, kind)
            assert V.mean() == pytest.approx(0, abs=0.003) and (V**2).mean() == pytest.approx(1, abs=0.003)

    def test_errors(self, df):
        with pytest.raises(EstimationError, match="rademacher, webb, mammen"):
            wild_bootstrap(df, "y", "d", rng=np.random.default_rng(1), weights_type="normal")
        with pytest.raises(EstimationError, match="single cluster"):
            wild_bootstrap(df.assign(one=1), "y", "d", rng=np.random.default_rng(1), cluster="one")


class TestSpecificationCurve:
    def test_every_combination(self, df):
        curve = specification_curve(
            df, "d", outcomes=["y", "y2"], controls={"none": [], "x": ["x"]}, effects=["entity", "twoways"],
            vcov=["cluster", "robust"], samples={"all": None, "late": lambda f: f["year"] > 2011},
        )  # fmt: skip
        assert len(curve.table) == 2**5 and curve.table["estimate"].is_monotonic_increasing
        row = curve.table.query("outcome == 'y2' and controls == 'x' and effects == 'twoways' and sample == 'late'")
        fit = fit_panel(df[df["year"] > 2011], "y2", ["d", "x"])
        assert row.loc[row["vcov"] == "cluster", "estimate"].item() == fit.coef["d"]
        assert row.loc[row["vcov"] == "cluster", "std_error"].item() == fit.se["d"]
        assert curve.summary["n_specifications"] == 32 and curve.summary["share_positive"] == 1.0
        assert curve.summary["median"] == curve.table["estimate"].median()

    def test_what_cannot_be_estimated_keeps_its_row(self, df):
        sets = {"x": ["x"], "twice": ["x", "copy"]}
        curve = specification_curve(df.assign(copy=df["x"] * 2), "d", outcomes=["y"], controls=sets)
        assert curve.summary["n_estimated"] == 1 and curve.table["reason"].str.contains("combination of x").sum() == 1

    def test_errors(self, df):
        with pytest.raises(EstimationError, match="at least one value"):
            specification_curve(df, "d", outcomes=[], controls={"x": ["x"]})
        with pytest.raises(EstimationError, match="one True or False a row"):
            specification_curve(df, "d", outcomes=["y"], controls={"x": []}, samples={"bad": lambda f: f["year"]})


class TestVariations:
    def test_other_policies(self, df):
        result = other_policies(df, "y", ["d", "x"], ["policy", "other"])
        assert result.order == ("base", "policy", "other", "all")
        assert result.fits["all"].coef.equals(fit_panel(df, "y", ["d", "x", "policy", "other"]).coef)
        table = result.table("other")
        assert table["estimate"].isna().tolist() == [True, True, False, False]
        assert table.loc["base", "reason"] == "other is not in this regression"

    def test_alternative_outcomes(self, df):
        result = alternative_outcomes(df, ["y", "y2"], ["d", "x"])
        assert result.fits["y2"].dependent == "y2"

    def test_lagged_controls_lose_the_first_year(self):
        data = panel(np.random.default_rng(2), n_city=277, n_year=13)
        result = lagged_controls(data, "y", "d", "x", periods=(1, 2))
        assert result.fits["base"].nobs == 277 * 13
        assert result.fits["lag 1"].nobs == 277 * 12 == 3324
        assert result.fits["lag 2"].nobs == 277 * 11

    def test_windows_and_units(self, df):
        result = sample_windows(df, "y", ["d", "x"], {"2011-2013": (2011, 2013)})
        assert result.fits["2011-2013"].nobs == df["year"].between(2011, 2013).sum()
        result = without_units(df, "y", ["d", "x"], {"without 3": [3]})
        assert result.fits["without 3"].n_entities == 19
        by_province = without_units(df, "y", ["d", "x"], {"without 0": [0]}, column="province")
        assert by_province.fits["without 0"].n_entities == 15
        with pytest.raises(EstimationError, match="never takes the value"):
            without_units(df, "y", ["d", "x"], {"typo": [999]})

    def test_outliers(self, df):
        for quantile in ("linear", "averaged_inverted_cdf"):
            result = outlier_treatments(df, "y", ["d", "x"], ["y", "x"], quantile=quantile)
            cut = winsorise(df, ["y", "x"], quantile=quantile).data
            assert result.fits["winsorised 1 %"].coef.equals(fit_panel(cut, "y", ["d", "x"]).coef)
        assert result.fits["trimmed 1 %"].nobs < result.fits["base"].nobs
        with pytest.raises(EstimationError, match="winsorise, trim"):
            outlier_treatments(df, "y", ["d"], "y", treatments={"a": ("drop", 0.1, 0.9)})

    def test_a_failing_variation_is_reported(self, df):
        result = other_policies(df.assign(copy=df["x"]), "y", ["d", "x"], ["policy", "copy"])
        assert "copy is a combination of x" in result.reasons["copy"]
        assert result.table("d").loc["copy", "reason"] == result.reasons["copy"]


class TestTransformations:
    def test_a_lag_does_not_cross_a_gap(self):
        frame = pd.DataFrame({"city_code": [1, 1, 1, 2], "year": [2012, 2010, 2011, 2012], "v": [3.0, 1.0, 2.0, 9.0]})
        assert lagged(frame, "v")["L.v"].tolist()[:3] == [2.0, pytest.approx(np.nan, nan_ok=True), 1.0]
        holed = frame.drop(index=2)
        assert lagged(holed, "v")["L.v"].isna().all()
        assert lagged(holed, "v", periods=2)["L2.v"].tolist()[0] == 1.0
        with pytest.raises(EstimationError, match="duplicated key"):
            lagged(pd.concat([frame, frame]), "v")

    def test_trimming_follows_stata(self):
        """Ten values at 10 %: n p = 1 is whole, so the percentile is the mean of the 1st and 2nd value."""
        frame = pd.DataFrame({"v": [1.0, 2, 3, 4, 5, 6, 7, 8, 9, 100]})
        trimmed = trim(frame, "v", limits=(0.1, 0.9), quantile="averaged_inverted_cdf")["v"]
        assert trimmed.isna().tolist() == [True] + [False] * 8 + [True] and frame["v"].notna().all()

    def test_trimming_and_winsorising_share_their_limits(self):
        rng = np.random.default_rng(8)
        frame = pd.DataFrame({"city_code": range(200), "year": 2010, "v": rng.normal(size=200), "d": [1] + [0] * 199})
        limits = winsorise(frame, ["v", "d"]).limits.set_index("variable")
        assert list(limits.index) == ["v"]
        assert limits.loc["v", ["low", "high"]].tolist() == frame["v"].quantile([0.01, 0.99]).tolist()
        trimmed = trim(frame, ["v", "d"])
        assert trimmed["d"].tolist() == frame["d"].tolist(), "a rare dummy is no outlier"
        kept = frame["v"].between(*limits.loc["v", ["low", "high"]])
        assert trimmed["v"].notna().tolist() == kept.tolist()
        with pytest.raises(EstimationError, match="v is infinite"):
            trim(frame.assign(v=np.inf), "v")

    def test_trimming_by_group(self):
        frame = pd.DataFrame({"g": list("aaabbb"), "v": [1.0, 2, 30, 100, np.nan, 300]})
        trimmed = trim(frame, "v", limits=(0.34, 0.66), by="g", quantile="averaged_inverted_cdf")["v"]
        assert trimmed.isna().tolist() == [True, False, True, False, True, False]
        with pytest.raises(EstimationError, match="must rise"):
            trim(frame, "v", limits=(0.9, 0.1))


@pytest.mark.parametrize(
    "call",
    [
        lambda df: oster_delta(df, "y", "d", "x", vcov="robust"),
        lambda df: wild_bootstrap(df, "y", "d", rng=np.random.default_rng(1), ssc="none"),
        lambda df: sensitivity.fit_fgls(df, "y", "d", vcov="robust"),
        lambda df: sensitivity.fit_ppml(df, "y", "d", weights="x"),
        lambda df: sensitivity.fit_tobit(df, "y", "d", weights="x"),
        lambda df: sensitivity.group_difference(df, "y", "d", "other", method="chow", kernal="bartlett"),
    ],
)
def test_no_option_is_ignored_in_silence(df, call):
    with pytest.raises(EstimationError, match="unknown option"):
        call(df)


def test_everything_is_importable_from_one_module():
    assert sensitivity.hausman is hausman and sensitivity.mundlak is mundlak
    for name in sensitivity.__all__:
        assert getattr(sensitivity, name).__doc__


@pytest.mark.slow
@pytest.mark.parametrize(("n_city", "weights_type"), [(12, "rademacher"), (8, "webb")])
def test_wild_bootstrap_with_few_clusters(n_city, weights_type):
    """1,000 draws; coverage is reported, not asked to be exact (measured: 93.6 % in both cases)."""
    covered = 0
    for draw in range(1000):
        rng = np.random.default_rng([71, n_city, draw])
        result = wild_bootstrap(
            panel(rng, n_city=n_city), "y", "d", "x", draws=199, rng=rng, weights_type=weights_type, null=0.3
        )
        covered += result.p_value > 0.05
    assert 0.90 <= covered / 1000 <= 0.98, covered
