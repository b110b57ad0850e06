"""Two-stage least squares and the tests of its instruments.

References: ivreg2r 0.0.0.9000 and AER 1.2.10 on the Mroz data (``oracles/iv``); linearmodels 7.1 on data sets it ships.
Both compute in double precision by other decompositions: relative 1e-6 for the printed oracle (it has 15 digits; the
tolerance is the one the project promises), 1e-8 against linearmodels.
"""

from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from linearmodels.datasets import card, wage_panel
from linearmodels.iv import IV2SLS, IVGMM
from scipy import stats

from estimation.core.frame import EstimationError
from estimation.iv import anderson_rubin_bias_reduced, fit_iv
from estimation.iv.anderson_rubin import anderson_rubin_test
from estimation.iv.arrays import iv_arrays
from estimation.iv.plausibly_exogenous import local_to_zero, union_of_intervals
from estimation.iv.stock_yogo import stock_yogo_values
from estimation.iv.tf_critical import tf_critical_value
from estimation.panel import fit_bias_reduced, fit_panel


def keyed(df: pd.DataFrame) -> pd.DataFrame:
    """A cross-section with the key columns every function asks for."""
    return df.assign(city_code=np.arange(len(df)), year=1)


@pytest.fixture(scope="module")
def mroz(oracles):
    folder = oracles / "iv"
    expected = json.loads((folder / "expected.json").read_text())
    return keyed(pd.read_csv(folder / "mroz_428.csv")), expected


@pytest.fixture(scope="module")
def card_data() -> pd.DataFrame:
    columns = ["lwage", "educ", "exper", "expersq", "black", "nearc4", "nearc2", "fatheduc", "motheduc", "age"]
    return keyed(card.load()[columns].dropna().reset_index(drop=True)).assign(const=1.0)


def simulated(rng: np.random.Generator, n_city: int = 40, n_year: int = 6, strength: float = 1.0) -> pd.DataFrame:
    """Panel with one endogenous variable (true effect 0.5) and two instruments; errors independent and normal."""
    n = n_city * n_year
    city, year = np.repeat(np.arange(n_city), n_year), np.tile(np.arange(2000, 2000 + n_year), n_city)
    effects = rng.normal(size=n_city)[city] + rng.normal(size=n_year)[year - 2000]
    z1, z2, x, common = rng.normal(size=(4, n))
    d = strength * (0.6 * z1 + 0.4 * z2) + 0.5 * x + effects + common + rng.normal(size=n)
    y = 0.5 * d - 0.3 * x + effects + common + rng.normal(size=n)
    return pd.DataFrame({"city_code": city, "year": year, "y": y, "d": d, "x": x, "z1": z1, "z2": z2})


@pytest.fixture(scope="module")
def df() -> pd.DataFrame:
    return simulated(np.random.default_rng(1))


class TestOracle:
    def fit(self, mroz, ssc):
        names = ("lwage", ["exper", "expersq"], "educ", ["motheduc", "fatheduc"])
        return fit_iv(mroz[0], *names, effects="none", vcov="iid", ssc=ssc)

    @pytest.mark.parametrize(("ssc", "key"), [("none", "mroz_iid"), ("fixest", "mroz_AER"), ("lsdv", "mroz_AER")])
    def test_coefficients_and_errors(self, mroz, ssc, key):
        fit, expected = self.fit(mroz, ssc), mroz[1][key]
        for term, value in expected["coef"].items():
            name = "const" if term == "(Intercept)" else term
            assert fit.coef[name] == pytest.approx(value, rel=1e-6)
            assert fit.se[name] == pytest.approx(expected["se"][term], rel=1e-6)

    def test_diagnostics(self, mroz):
        fit, expected = self.fit(mroz, "none"), mroz[1]["mroz_iid"]["diagnostics"]
        assert fit.sargan.statistic == pytest.approx(expected["overid"]["stat"], rel=1e-6)
        assert fit.sargan.p_value == pytest.approx(expected["overid"]["p"], rel=1e-6)
        assert fit.anderson_lm.statistic == pytest.approx(expected["underid"]["stat"], rel=1e-6)
        assert fit.anderson_lm.p_value == pytest.approx(expected["underid"]["p"], rel=1e-5)
        assert fit.cragg_donald_f == pytest.approx(expected["weak_id"]["stat"], rel=1e-6)
        for row in expected["weak_id_sy"]:
            assert fit.stock_yogo[f"size_{row['threshold'][:-1]}"] == row["critical_value"]
        rubin = expected["anderson_rubin"]
        assert fit.tests["anderson_rubin"].statistic == pytest.approx(rubin["chi2_stat"], rel=1e-6)
        assert fit.tests["endogeneity"].statistic == pytest.approx(expected["endogeneity"]["stat"], rel=1e-6)

    def test_small_sample_diagnostics(self, mroz):
        fit, diag = self.fit(mroz, "fixest"), {row["_row"]: row for row in mroz[1]["mroz_AER"]["diag"]}
        assert fit.first_stage["educ"].partial_f == pytest.approx(diag["Weak instruments"]["statistic"], rel=1e-6)
        assert fit.first_stage["educ"].partial_p == pytest.approx(diag["Weak instruments"]["p-value"], rel=1e-5)
        assert fit.tests["wu_hausman"].statistic == pytest.approx(diag["Wu-Hausman"]["statistic"], rel=1e-6)
        assert fit.tests["wu_hausman"].df == (1.0, 423.0)
        rubin = mroz[1]["mroz_iid"]["diagnostics"]["anderson_rubin"]
        assert fit.tests["anderson_rubin"].statistic == pytest.approx(rubin["f_stat"], rel=1e-6)
        assert fit.tests["anderson_rubin"].p_value == pytest.approx(rubin["f_p"], rel=1e-6)


class TestAgainstLinearmodels:
    exog = ("exper", "expersq", "black")

    @pytest.mark.parametrize("endog", [("educ",), ("educ", "age")])
    @pytest.mark.parametrize(
        ("vcov", "cov_type"), [("iid", "unadjusted"), ("robust", "robust"), ("cluster", "clustered")]
    )
    def test_everything(self, card_data, endog, vcov, cov_type):
        exog = [name for name in self.exog if not ("age" in endog and name == "exper")]
        excluded = ["nearc4", "nearc2", "fatheduc", "motheduc"]
        data = card_data.assign(group=(np.arange(len(card_data)) * 7919) % 97)
        config = {"clusters": data["group"]} if vcov == "cluster" else {}
        other = IV2SLS(data["lwage"], data[["const", *exog]], data[list(endog)], data[excluded])
        theirs = other.fit(cov_type=cov_type, **config)
        cluster = "group" if vcov == "cluster" else None
        ours = fit_iv(
            data, "lwage", exog, list(endog), excluded, effects="none", vcov=vcov, ssc="none", cluster=cluster
        )
        for name in [*endog, *exog, "const"]:
            assert ours.coef[name] == pytest.approx(theirs.params[name], rel=1e-7)
            assert ours.se[name] == pytest.approx(theirs.std_errors[name], rel=1e-7)
        first = theirs.first_stage
        assert ours.cragg_donald_f == pytest.approx(first.cragg_donald_f, rel=1e-7)
        assert ours.kleibergen_paap_f == pytest.approx(first.kleibergen_paap_f, rel=1e-7)
        assert ours.kleibergen_paap_lm.statistic == pytest.approx(first.kleibergen_paap.stat, rel=1e-7)
        assert ours.sargan.statistic == pytest.approx(theirs.sargan.stat, rel=1e-7)
        assert ours.first_stage["educ"].partial_r2 == pytest.approx(
            first.diagnostics.loc["educ", "partial.rsquared"], rel=1e-7
        )

    @pytest.mark.parametrize(("vcov", "weight_type"), [("robust", "robust"), ("cluster", "clustered")])
    def test_hansen_is_the_objective_of_two_step_gmm(self, card_data, vcov, weight_type):
        excluded, group = ["nearc4", "nearc2", "fatheduc"], (np.arange(len(card_data)) * 7919) % 97
        data = card_data.assign(group=group)
        config = {"clusters": data["group"]} if vcov == "cluster" else {}
        arrays = (data["lwage"], data[["const", *self.exog]], data[["educ"]], data[excluded])
        model = IVGMM(*arrays, weight_type=weight_type, **config)
        cluster = "group" if vcov == "cluster" else None
        ours = fit_iv(data, "lwage", list(self.exog), "educ", excluded, effects="none", vcov=vcov, cluster=cluster)
        assert ours.hansen.statistic == pytest.approx(model.fit(iter_limit=2).j_stat.stat, rel=1e-6)
        assert ours.hansen.df == 2

    def test_effects_equal_dummies_and_absorbed_effects_are_counted(self):
        df = wage_panel.load()[["nr", "year", "lwage", "hours", "union", "married", "expersq"]]
        df = df[df["nr"].isin(df["nr"].unique()[:60])].reset_index(drop=True)
        keys = {"entity": "nr", "time": "year"}
        ours = fit_iv(df, "lwage", "expersq", "hours", ["union", "married"], vcov="iid", ssc="lsdv", **keys)
        dummies = pd.get_dummies(df[["nr", "year"]].astype(str), drop_first=True, dtype=float).assign(const=1.0)
        exog = pd.concat([df[["expersq"]], dummies], axis=1)
        theirs = IV2SLS(df["lwage"], exog, df[["hours"]], df[["union", "married"]]).fit(
            cov_type="unadjusted", debiased=True
        )
        assert ours.coef["hours"] == pytest.approx(theirs.params["hours"], rel=1e-7)
        assert ours.se["hours"] == pytest.approx(theirs.std_errors["hours"], rel=1e-7)
        assert ours.cragg_donald_f == pytest.approx(theirs.first_stage.cragg_donald_f, rel=1e-7)
        absorbed = 60 + 8 - 1
        n = len(df)
        square = theirs.first_stage.kleibergen_paap.stat / n
        assert ours.anderson_lm.statistic == pytest.approx((n - absorbed) * square, rel=1e-7)
        assert ours.sargan.statistic == pytest.approx((n - absorbed) / n * theirs.sargan.stat, rel=1e-6)


class TestIdentities:
    @pytest.mark.parametrize("vcov", ["iid", "robust", "cluster"])
    def test_one_instrument_all_f_statistics_agree(self, df, vcov):
        fit = fit_iv(df, "y", "x", "d", "z1", vcov=vcov)
        stage = fit_panel(df, "d", ["z1", "x"], vcov=vcov)
        squared_t = stage.statistics["z1"] ** 2
        assert fit.first_stage["d"].partial_f == pytest.approx(squared_t, rel=1e-9)
        assert fit.kleibergen_paap_f == pytest.approx(squared_t, rel=1e-9)
        assert fit.effective_f == pytest.approx(squared_t, rel=1e-9)
        assert fit.first_stage["d"].conditional_f == pytest.approx(squared_t, rel=1e-9)
        if vcov == "iid":
            assert fit.cragg_donald_f == pytest.approx(squared_t, rel=1e-9)

    def test_manual_two_stages_after_within_transform(self, df):
        from estimation.core.frame import panel_frame
        from estimation.core.within import Within

        frame = panel_frame(df, ["y", "d", "x", "z1", "z2"])
        y, d, x, z1, z2 = (
            Within(frame.entity_codes, frame.time_codes, "twoways")
            .transform(frame.array(["y", "d", "x", "z1", "z2"]))
            .T
        )
        W = np.column_stack([z1, z2, x])
        fitted = W @ np.linalg.lstsq(W, d, rcond=None)[0]
        manual = np.linalg.lstsq(np.column_stack([fitted, x]), y, rcond=None)[0]
        assert fit_iv(df, "y", "x", "d", ["z1", "z2"]).coef.to_numpy() == pytest.approx(manual, rel=1e-9)

    def test_homoskedastic_rank_tests_reduce_to_anderson_and_cragg_donald(self, df):
        data = df.assign(d2=df["d"] ** 2, z3=df["z1"] ** 2)
        fit = fit_iv(data, "y", "x", ["d", "d2"], ["z1", "z2", "z3"], vcov="iid")
        assert fit.kleibergen_paap_lm.statistic == fit.anderson_lm.statistic
        assert fit.kleibergen_paap_f == fit.cragg_donald_f
        assert np.isnan(fit.effective_f) and np.isnan(fit.ar_interval[0]) and np.isnan(fit.tf_critical)

    @pytest.mark.parametrize("vcov", ["iid", "robust", "cluster"])
    @pytest.mark.parametrize("strength", [0.02, 0.2, 1.0])
    def test_anderson_rubin_set_is_the_inverted_test(self, vcov, strength):
        """Membership of every point of a grid equals non-rejection, whatever the shape of the set."""
        df = simulated(np.random.default_rng(7), strength=strength)
        fit = fit_iv(df, "y", "x", "d", ["z1", "z2"], vcov=vcov)
        from estimation.core.error_structure import error_structure
        from estimation.core.frame import panel_frame

        frame = panel_frame(df, ["y", "d", "x", "z1", "z2"])
        arrays = iv_arrays(frame, "y", ["x"], ["d"], ["z1", "z2"], "twoways", error_structure(frame, vcov), "fixest")
        edges = [edge for piece in fit.ar_set for edge in piece if np.isfinite(edge)]
        grid = np.concatenate([np.tan(np.linspace(-1.55, 1.55, 61)), *[[e - 1e-5, e + 1e-5] for e in edges]])
        for b in grid:
            inside = any(low <= b <= high for low, high in fit.ar_set)
            assert inside == (anderson_rubin_test(arrays, np.array([b])).p_value >= 0.05), b
        for edge in edges:
            assert anderson_rubin_test(arrays, np.array([edge])).p_value == pytest.approx(0.05, abs=1e-6)
        if fit.ar_set:
            assert fit.ar_interval == (fit.ar_set[0][0], fit.ar_set[-1][1])
        assert all(a[1] < b[0] for a, b in pairwise(fit.ar_set))

    def test_just_identified_set_holds_the_estimate(self, df):
        fit = fit_iv(df, "y", "x", "d", "z1")
        assert any(low < fit.coef["d"] < high for low, high in fit.ar_set)
        assert fit.sargan.statistic == 0 and np.isnan(fit.hansen.p_value)

    def test_row_order_and_scale_do_not_matter(self, df):
        fit = fit_iv(df, "y", "x", "d", ["z1", "z2"])
        shuffled = fit_iv(df.sample(frac=1, random_state=3), "y", "x", "d", ["z1", "z2"])
        assert shuffled.coef["d"] == pytest.approx(fit.coef["d"], rel=1e-12)
        scaled = fit_iv(df.assign(z1=df["z1"] * 1e6, d=df["d"] * 1e-3), "y", "x", "d", ["z1", "z2"])
        assert scaled.kleibergen_paap_f == pytest.approx(fit.kleibergen_paap_f, rel=1e-8)
        assert np.array(scaled.ar_interval) / 1e3 == pytest.approx(np.array(fit.ar_interval), rel=1e-6)

    def test_own_first_stages_change_the_print_only(self, df):
        data = df.assign(d2=df["d"] ** 2, z3=df["z1"] ** 2)
        both = fit_iv(data, "y", "x", ["d", "d2"], ["z1", "z3"])
        own = fit_iv(data, "y", "x", ["d", "d2"], ["z1", "z3"], first_stages="own")
        assert list(both.first_stage["d2"].coef.index) == ["z1", "z3", "x"]
        assert list(own.first_stage["d2"].coef.index) == ["z3", "x"]
        assert own.coef.equals(both.coef) and own.cragg_donald_f == both.cragg_donald_f

    def test_without_controls_and_effects_it_is_the_ratio_of_covariances(self, df):
        fit = fit_iv(df, "y", None, "d", "z1", effects="none")
        wald = np.cov(df["z1"], df["y"])[0, 1] / np.cov(df["z1"], df["d"])[0, 1]
        assert fit.coef["d"] == pytest.approx(wald, rel=1e-10) and list(fit.coef.index) == ["d", "const"]

    def test_rows_carry_both_variables(self, df):
        rows = fit_iv(df, "y", None, "d", "z1").to_rows()
        assert [row["term"] for row in rows] == ["d"] and rows[0]["estimator"] == "iv_2sls"


class TestCriticalValues:
    def test_stock_yogo_printed_values(self):
        assert stock_yogo_values(2, 2)["size_10"] == 7.03
        assert stock_yogo_values(1, 1)["size_10"] == 16.38
        assert stock_yogo_values(1, 3)["bias_05"] == 13.91
        assert np.isnan(stock_yogo_values(1, 2)["bias_05"]) and np.isnan(stock_yogo_values(3, 4)["size_10"])

    def test_effective_f_critical_value_of_one_instrument(self):
        """23.1 at 10 % bias (Montiel Olea and Pflueger 2013, Table 1; printed 23.11)."""
        fit = fit_iv(simulated(np.random.default_rng(2)), "y", "x", "d", "z1")
        assert fit.effective_f_critical[0.10] == pytest.approx(23.11, abs=0.005)

    def test_tf_worked_example(self):
        """A first stage of F = 10 needs |t| > 3.43 (Lee et al. 2022, abstract and Table 3)."""
        assert tf_critical_value(10.0) == pytest.approx(3.43, abs=0.005)
        assert tf_critical_value(104.67) == 1.96 and tf_critical_value(1e6) == 1.96
        assert tf_critical_value(3.9) == np.inf

    def test_tf_keeps_its_size_in_the_worst_case(self):
        """With perfectly correlated errors |t| = |z||f0 + z|/f0, f = f0 + z: the rejection rate is at most 5 %."""
        z = stats.norm.ppf((np.arange(200_000) + 0.5) / 200_000)
        rates = []
        for f0 in np.arange(0.1, 14, 0.1):
            limit = np.array([tf_critical_value(f) for f in np.square(f0 + z[::40])])
            rates.append(np.mean(np.abs(z[::40] * (f0 + z[::40]) / f0) > limit))
        assert max(rates) < 0.0515
        assert max(rates) > 0.045


class TestPlausiblyExogenous:
    args = ("y", "x", "d", "z1")

    def test_no_direct_effect_gives_the_usual_interval(self, df):
        fit = fit_iv(df, *self.args)
        usual = fit.conf_int().loc["d"].to_numpy()
        union = union_of_intervals(df, *self.args, support={"z1": (0.0, 0.0)}).bounds.loc["d"]
        near = local_to_zero(df, *self.args, sd={"z1": 0.0}).bounds.loc["d"]
        assert union[["conf_low", "conf_high"]].to_numpy() == pytest.approx(usual, rel=1e-9)
        assert near[["conf_low", "conf_high"]].to_numpy() == pytest.approx(usual, rel=1e-9)

    def test_just_identified_shift(self, df):
        """b(c) = b - c/p with p the first-stage coefficient, so the LTZ variance is se^2 + sd^2/p^2."""
        fit = fit_iv(df, *self.args)
        p = fit.first_stage["d"].coef["z1"]
        shifted = local_to_zero(df, *self.args, mean={"z1": 0.1}, sd={"z1": 0.05})
        row = shifted.bounds.loc["d"]
        assert row["estimate"] == pytest.approx(fit.coef["d"] - 0.1 / p, rel=1e-9)
        half = stats.t.ppf(0.975, fit.df_t) * np.hypot(fit.se["d"], 0.05 / p)
        assert row["conf_high"] - row["estimate"] == pytest.approx(half, rel=1e-9)

    def test_union_grows_with_the_support(self, df):
        narrow = union_of_intervals(df, *self.args, support={"z1": (-0.05, 0.05)}, grid=5).bounds.loc["d"]
        wide = union_of_intervals(df, *self.args, support={"z1": (-0.1, 0.1)}, grid=5).bounds.loc["d"]
        assert wide["conf_low"] < narrow["conf_low"] < narrow["conf_high"] < wide["conf_high"]

    def test_errors(self, df):
        with pytest.raises(EstimationError, match="not an instrument"):
            union_of_intervals(df, *self.args, support={"x": (0, 1)})
        with pytest.raises(EstimationError, match="negative"):
            local_to_zero(df, *self.args, sd={"z1": -1.0})


class TestErrors:
    def test_order_condition(self, df):
        with pytest.raises(EstimationError, match="at least as many instruments"):
            fit_iv(df.assign(d2=df["d"] ** 2), "y", "x", ["d", "d2"], "z1")

    def test_collinear_instruments_are_named(self, df):
        with pytest.raises(EstimationError, match="z3 is a combination of z1, z2"):
            fit_iv(df.assign(z3=df["z1"] + df["z2"]), "y", "x", "d", ["z1", "z2", "z3"])

    def test_instrument_absorbed_by_effects(self, df):
        with pytest.raises(EstimationError, match="z3 does not vary"):
            fit_iv(df.assign(z3=df["city_code"] * 1.0), "y", "x", "d", "z3")

    def test_name_twice(self, df):
        with pytest.raises(EstimationError, match="more than once"):
            fit_iv(df, "y", "x", "d", ["z1", "x"])

    def test_infinite_and_duplicated(self, df):
        with pytest.raises(EstimationError, match="z1 is infinite"):
            fit_iv(df.assign(z1=np.where(df.index == 3, np.inf, df["z1"])), "y", "x", "d", "z1")
        with pytest.raises(EstimationError, match="duplicated key"):
            fit_iv(pd.concat([df, df.head(1)]), "y", "x", "d", "z1")

    def test_unknown_options_list_the_allowed(self, df):
        with pytest.raises(EstimationError, match="iid, robust, cluster"):
            fit_iv(df, "y", "x", "d", "z1", vcov="hc3")
        with pytest.raises(EstimationError, match="own needs one instrument"):
            fit_iv(df, "y", "x", "d", ["z1", "z2"], first_stages="own")

    def test_missing_rows_are_counted(self, df):
        fit = fit_iv(df.assign(z1=df["z1"].where(df.index != 5)), "y", "x", "d", "z1")
        assert fit.n_dropped == 1 and fit.nobs == len(df) - 1


def test_planted_endogeneity_is_removed():
    df = simulated(np.random.default_rng(5), n_city=200, n_year=8)
    ols, iv = fit_panel(df, "y", ["d", "x"]), fit_iv(df, "y", "x", "d", ["z1", "z2"])
    assert ols.coef["d"] - 0.5 > 10 * ols.se["d"]
    assert abs(iv.coef["d"] - 0.5) < 3 * iv.se["d"]
    assert iv.tests["wu_hausman"].p_value < 1e-6


@pytest.mark.slow
def test_coverage_of_two_stage_least_squares_and_anderson_rubin():
    """1,000 draws: coverage inside the exact 99.9 % band of a 95 % interval; AR also with a very weak instrument."""
    strong, rubin, weak = 0, 0, 0
    for draw in range(1000):
        rng = np.random.default_rng([11, draw])
        fit = fit_iv(simulated(rng), "y", "x", "d", ["z1", "z2"], vcov="iid")
        low, high = fit.conf_int().loc["d"]
        strong += low <= 0.5 <= high
        rubin += any(a <= 0.5 <= b for a, b in fit.ar_set)
        faint = fit_iv(simulated(rng, strength=0.05), "y", "x", "d", ["z1", "z2"], vcov="iid")
        weak += any(a <= 0.5 <= b for a, b in faint.ar_set)
    assert 926 <= strong <= 971
    assert 926 <= rubin <= 971
    assert 926 <= weak <= 971


@pytest.mark.slow
def test_coverage_of_the_local_to_zero_interval():
    """The instrument has a direct effect drawn from the stated prior, anew in each of 1,000 draws."""
    covered = 0
    for draw in range(1000):
        rng = np.random.default_rng([12, draw])
        data = simulated(rng, n_city=30)
        data["y"] += 0.1 * rng.normal() * data["z1"]
        row = local_to_zero(data, "y", "x", "d", "z1", sd={"z1": 0.1}, vcov="iid").bounds.loc["d"]
        covered += row["conf_low"] <= 0.5 <= row["conf_high"]
    assert 926 <= covered <= 971


def test_bias_reduced_anderson_rubin_is_the_test_of_the_instruments_in_the_reduced_form(df: pd.DataFrame) -> None:
    """With one instrument a t-test; with equal clusters close to the usual test, whose set holds the estimate."""
    left = df.assign(left=df["y"] - 0.2 * df["d"])
    fit = fit_bias_reduced(left, "left", ["z1", "x"])
    test = anderson_rubin_bias_reduced(df, "y", ["x"], ["d"], ["z1"], [0.2])
    assert test.p_value == pytest.approx(fit.p_values["z1"], rel=1e-8)
    just = fit_iv(df, "y", "x", "d", "z1")
    assert anderson_rubin_bias_reduced(df, "y", ["x"], ["d"], ["z1"], [just.coef["d"]]).p_value == pytest.approx(1.0)
    low, high = fit_iv(df, "y", "x", "d", ["z1", "z2"]).ar_interval
    for limit in (low, high):
        near = anderson_rubin_bias_reduced(df, "y", ["x"], ["d"], ["z1", "z2"], [limit])
        assert 0.03 < near.p_value < 0.08
        assert near.df is not None


def test_bias_reduced_anderson_rubin_needs_a_value_for_each_endogenous_variable(df: pd.DataFrame) -> None:
    with pytest.raises(EstimationError, match="beta has 1 value"):
        anderson_rubin_bias_reduced(df, "y", [], ["d", "x"], ["z1", "z2"], [0.2])
