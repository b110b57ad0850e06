"""Tobit, PPML and FGLS.

References: Wooldridge (2010), Econometric Analysis, Table 17.1 (Tobit of hours on the Mroz data; digits printed);
statsmodels 0.15.0 with dummy variables for PPML and for generalised least squares with given weights (relative 1e-7).
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from linearmodels.datasets import mroz

from estimation.core.frame import EstimationError
from estimation.panel import fit_panel
from estimation.sensitivity import fit_fgls, fit_ppml, fit_tobit


def panel(rng: np.random.Generator, n_city: int = 30, n_year: int = 8, rho: float = 0.0) -> pd.DataFrame:
    n = n_city * n_year
    city, year = np.repeat(np.arange(n_city), n_year), np.tile(np.arange(n_year), n_city)
    x, z = rng.normal(size=(2, n))
    error = rng.normal(size=(n_city, n_year))
    error[:, 0] /= np.sqrt(1 - rho**2)
    for t in range(1, n_year):
        error[:, t] += rho * error[:, t - 1]
    index = 0.5 * x - 0.3 * z + 0.4 * rng.normal(size=n_city)[city] + 0.2 * rng.normal(size=n_year)[year]
    y = index + error.ravel()
    counts = rng.poisson(np.exp(0.7 + index))
    return pd.DataFrame({"city_code": city, "year": year, "y": y, "x": x, "z": z, "index": index, "n": counts})


@pytest.fixture(scope="module")
def df() -> pd.DataFrame:
    return panel(np.random.default_rng(1)).drop(index=[4, 99]).reset_index(drop=True)


def dummies(frame: pd.DataFrame) -> pd.DataFrame:
    years = pd.get_dummies(frame["year"], prefix="t", dtype=float).iloc[:, 1:]
    return pd.concat([pd.get_dummies(frame["city_code"], prefix="c", dtype=float), years], axis=1)


class TestTobit:
    def test_hours_of_married_women(self):
        data = mroz.load().assign(city_code=range(753), year=1)
        names = ["nwifeinc", "educ", "exper", "expersq", "age", "kidslt6", "kidsge6"]
        fit = fit_tobit(data, "hours", names, effects="none")
        printed = [-8.81, 80.65, 131.56, -1.86, -54.41, -894.02, -16.22, 965.31]
        errors = [4.46, 21.58, 17.28, 0.54, 7.42, 111.88, 38.64, 446.44]
        assert fit.coef.to_numpy() == pytest.approx(printed, abs=0.01)
        assert fit.se.to_numpy() == pytest.approx(errors, abs=0.006)
        assert fit.sigma == pytest.approx(1122.02, abs=0.006) and fit.loglik == pytest.approx(-3819.09, abs=0.006)
        assert (fit.n_left, fit.n_right) == (325, 0)

    @pytest.mark.parametrize("effects", ["none", "twoways"])
    def test_equals_ols_without_censoring(self, df, effects):
        fit = fit_tobit(df, "y", ["x", "z"], lower=None, effects=effects)
        ols = fit_panel(df, "y", ["x", "z"], effects=effects, vcov="iid", ssc="none")
        assert fit.coef.to_numpy() == pytest.approx(ols.coef.to_numpy(), rel=1e-8)
        assert fit.se.to_numpy() == pytest.approx(ols.se.to_numpy(), rel=1e-8)
        assert fit.sigma == pytest.approx(np.sqrt(ols.ssr / ols.nobs), rel=1e-8)
        assert fit.marginal_effects.to_numpy() == pytest.approx(fit.coef[["x", "z"]].to_numpy())

    def test_likelihood_is_maximal_from_both_sides(self, df):
        """The gradient in (b, s), by differences of an independently written likelihood, vanishes."""
        from scipy.stats import norm

        data = df.assign(y=df["y"].clip(-0.5, 1.0))
        fit = fit_tobit(data, "y", ["x", "z"], lower=-0.5, upper=1.0, effects="none")
        X = np.column_stack([data[["x", "z"]], np.ones(len(data))])

        def loglik(par):
            b, s, y = par[:-1], par[-1], data["y"].to_numpy()
            m = X @ b
            middle = norm.logpdf((y - m) / s) - np.log(s)
            parts = [norm.logcdf((-0.5 - m) / s), norm.logsf((1.0 - m) / s), middle]
            return np.select([y == -0.5, y == 1.0], parts[:2], parts[2]).sum()

        at, h = np.append(fit.coef.to_numpy(), fit.sigma), 1e-5
        assert fit.loglik == pytest.approx(loglik(at))
        for e in np.eye(4):
            assert (loglik(at + h * e) - loglik(at - h * e)) / (2 * h) == pytest.approx(0, abs=1e-5)
        second = [(loglik(at + 1e-3 * e) - 2 * loglik(at) + loglik(at - 1e-3 * e)) / 1e-6 for e in np.eye(4)]
        assert max(second) < 0

    def test_sandwich_and_marginal_effects(self, df):
        data = df.assign(y=df["y"].clip(lower=0))
        fit = fit_tobit(data, "y", ["x", "z"], effects="none", vcov="cluster")
        assert fit.coef.equals(fit_tobit(data, "y", ["x", "z"], effects="none").coef)
        assert (fit.se > 0).all() and "cluster(city_code)" in fit.convention
        share = fit.marginal_effects["x"] / fit.coef["x"]
        assert share == pytest.approx(1 - fit.n_left / fit.nobs, abs=0.05)

    def test_groups_censored_throughout_are_reported(self, df):
        data = df.assign(y=np.where(df["city_code"] == 5, 0.0, df["y"].clip(lower=0)))
        fit = fit_tobit(data, "y", ["x", "z"], effects="entity")
        stuck = (data["y"] == 0).groupby(data["city_code"]).transform("all")
        assert stuck[data["city_code"] == 5].all() and fit.n_uninformative == stuck.sum()
        without = fit_tobit(data[data["city_code"] != 5], "y", ["x", "z"], effects="entity")
        assert fit.coef.to_numpy() == pytest.approx(without.coef.to_numpy(), rel=1e-9)

    def test_errors(self, df):
        with pytest.raises(EstimationError, match="beyond the limits"):
            fit_tobit(df, "y", ["x"])
        with pytest.raises(EstimationError, match="iid, robust, cluster"):
            fit_tobit(df, "n", ["x"], vcov="conley")
        with pytest.raises(EstimationError, match="censored"):
            fit_tobit(df.assign(y=0.0), "y", ["x"], effects="none")


class TestPpml:
    @pytest.mark.parametrize("vcov", ["robust", "cluster"])
    def test_equals_poisson_with_dummies(self, df, vcov):
        ours = fit_ppml(df, "n", ["x", "z"], vcov=vcov, ssc="none")
        design = pd.concat([df[["x", "z"]], dummies(df)], axis=1)
        options = {"cov_type": "HC0"} if vcov == "robust" else {
            "cov_type": "cluster", "cov_kwds": {"groups": df["city_code"], "use_correction": False},
        }  # fmt: skip
        theirs = sm.GLM(df["n"], design, family=sm.families.Poisson()).fit(tol=1e-14, maxiter=200, **options)
        assert ours.coef.to_numpy() == pytest.approx(theirs.params[:2].to_numpy(), rel=1e-7)
        assert ours.se.to_numpy() == pytest.approx(theirs.bse[:2].to_numpy(), rel=1e-6)
        assert ours.deviance == pytest.approx(theirs.deviance, rel=1e-9)
        assert ours.fitted.to_numpy() == pytest.approx(theirs.fittedvalues.to_numpy(), rel=1e-6)

    def test_without_effects_has_a_constant(self, df):
        ours = fit_ppml(df, "n", ["x"], effects="none", vcov="robust", ssc="none")
        theirs = sm.GLM(df["n"], sm.add_constant(df[["x"]]), family=sm.families.Poisson()).fit(tol=1e-14)
        assert ours.coef["const"] == pytest.approx(theirs.params["const"], rel=1e-8)

    def test_groups_that_are_zero_throughout_are_left_out_and_counted(self, df):
        data = df.assign(n=np.where(df["city_code"] == 3, 0, df["n"]))
        fit = fit_ppml(data, "n", ["x", "z"])
        assert fit.n_separated == 8 and "zero throughout" in fit.convention
        assert fit.coef.equals(fit_ppml(data[data["city_code"] != 3], "n", ["x", "z"]).coef)

    def test_continuous_outcomes_are_allowed(self, df):
        fit = fit_ppml(df.assign(v=np.exp(df["index"])), "v", ["x", "z"])
        assert fit.coef.to_numpy() == pytest.approx([0.5, -0.3], rel=1e-8)

    def test_errors(self, df):
        with pytest.raises(EstimationError, match="negative"):
            fit_ppml(df, "y", "x")
        with pytest.raises(EstimationError, match="use robust, cluster"):
            fit_ppml(df, "n", "x", vcov="iid")
        with pytest.raises(EstimationError, match="no finite estimate"):
            fit_ppml(df.assign(s=(df["n"] > 0) * 1.0), "n", "s", effects="none")


class TestFgls:
    @pytest.mark.parametrize("panels", ["iid", "hetero"])
    @pytest.mark.parametrize("corr", ["none", "ar1"])
    @pytest.mark.parametrize("effects", ["none", "entity", "time", "twoways"])
    def test_equals_least_squares_on_transformed_dummies(self, df, panels, corr, effects):
        """Given the estimated autocorrelation and variances: transform everything, dummies included, and regress."""
        fit = fit_fgls(df, "y", ["x", "z"], effects=effects, panels=panels, corr=corr)
        blocks = [df[["x", "z"]]]
        if effects == "none":
            blocks.append(pd.DataFrame({"const": np.ones(len(df))}))
        if effects in ("entity", "twoways"):
            blocks.append(pd.get_dummies(df["city_code"], dtype=float))
        if effects in ("time", "twoways"):
            years = pd.get_dummies(df["year"], dtype=float)
            blocks.append(years.iloc[:, 1:] if effects == "twoways" else years)
        values = np.column_stack([df["y"], *[block.to_numpy() for block in blocks]])
        follows = (df["city_code"].diff() == 0) & (df["year"].diff() == 1)
        moved = values * np.sqrt(1 - fit.rho**2)
        for i in np.flatnonzero(follows):
            moved[i] = values[i] - fit.rho * values[i - 1]
        weights = 1 / fit.variances.loc[df["city_code"]].to_numpy()
        theirs = sm.WLS(moved[:, 0], moved[:, 1:], weights=weights).fit()
        assert fit.coef.to_numpy()[:2] == pytest.approx(theirs.params[:2], rel=1e-7)
        scale = theirs.ssr / len(df) if panels == "iid" else 1.0
        bread = np.sqrt(np.diag(theirs.normalized_cov_params)[:2] * scale)
        assert fit.se.to_numpy()[:2] == pytest.approx(bread, rel=1e-6)

    def test_iid_without_autocorrelation_is_ols(self, df):
        fit = fit_fgls(df, "y", ["x", "z"], panels="iid")
        ols = fit_panel(df, "y", ["x", "z"], vcov="iid", ssc="none")
        assert fit.coef.to_numpy() == pytest.approx(ols.coef.to_numpy(), rel=1e-9)
        assert fit.se.to_numpy() == pytest.approx(ols.se.to_numpy(), rel=1e-9)

    def test_autocorrelation_is_found(self):
        fit = fit_fgls(panel(np.random.default_rng(3), n_city=60, n_year=60, rho=0.6), "y", ["x", "z"], corr="ar1")
        assert fit.rho == pytest.approx(0.6, abs=0.05)

    def test_errors(self, df):
        with pytest.raises(EstimationError, match="hetero, iid and none, ar1"):
            fit_fgls(df, "y", "x", panels="correlated")
        text = df.assign(year=df["year"].map(lambda t: f"y{t}"))
        with pytest.raises(EstimationError, match="numeric periods"):
            fit_fgls(text, "y", "x", corr="ar1")
        alone = df[(df["city_code"] > 3) | (df["year"] == 1)]
        with pytest.raises(EstimationError, match="residuals of 0, 1, 2, 3 vanish"):
            fit_fgls(alone, "y", "x", effects="entity")


@pytest.mark.slow
def test_coverage_of_tobit_and_ppml():
    """1,000 draws, pooled models, inside the exact 99.9 % band of a 95 % interval."""
    tobit, ppml = 0, 0
    for draw in range(1000):
        rng = np.random.default_rng([81, draw])
        x, n = rng.normal(size=300), 300
        frame = pd.DataFrame({"city_code": np.arange(n), "year": 1, "x": x})
        frame["y"] = np.maximum(0, 0.3 + 0.5 * x + rng.normal(size=n))
        frame["n"] = rng.poisson(np.exp(0.3 + 0.5 * x))
        low, high = fit_tobit(frame, "y", "x", effects="none").conf_int().loc["x"]
        tobit += low <= 0.5 <= high
        low, high = fit_ppml(frame, "n", "x", effects="none", vcov="robust").conf_int().loc["x"]
        ppml += low <= 0.5 <= high
    assert 926 <= tobit <= 971
    assert 926 <= ppml <= 971


@pytest.mark.slow
def test_coverage_of_fgls_with_many_periods():
    """1,000 draws with 10 entities and 60 periods, inside the exact 99.9 % band."""
    covered = 0
    for draw in range(1000):
        frame = panel(np.random.default_rng([82, draw]), n_city=10, n_year=60, rho=0.5)
        low, high = fit_fgls(frame, "y", "x", corr="ar1").conf_int().loc["x"]
        covered += low <= 0.5 <= high
    assert 926 <= covered <= 971
