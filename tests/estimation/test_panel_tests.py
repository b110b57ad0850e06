"""Random effects, specification tests, variance inflation and stepwise columns.

Tolerances: 1e-10 against linearmodels 7.1 and statsmodels 0.15 and for identities. Stata's printed numbers: `xtreg lwage
expersq married union, re` and `hausman` are not at hand; the formulas are written out instead.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from linearmodels.datasets import wage_panel
from linearmodels.panel import RandomEffects
from statsmodels.stats.outliers_influence import variance_inflation_factor

from estimation.core.frame import EstimationError
from estimation.panel import fit_panel
from estimation.panel.random_effects import fit_random_effects
from estimation.panel.tests import Column, breusch_pagan, effects_test, hausman, mundlak, stepwise, vif

X = ["expersq", "married", "union"]
KEYS = {"entity": "nr", "time": "year"}


@pytest.fixture(scope="module")
def wages() -> pd.DataFrame:
    df = wage_panel.load()
    return df[df["nr"].isin(df["nr"].unique()[:150])].sample(frac=0.8, random_state=4)


@pytest.mark.parametrize("time_dummies", [False, True])
def test_random_effects_equal_linearmodels(wages, time_dummies) -> None:
    df = wages.assign(const=1.0)
    years = [f"time_{y}" for y in range(1981, 1988)] if time_dummies else []
    for year in years:
        df[year] = (df["year"] == int(year[-4:])).astype(float)
    x = [*X, "educ"]
    indexed = df.set_index(["nr", "year"])
    model = RandomEffects(indexed["lwage"], indexed[[*x, *years, "const"]])
    for vcov, options in {
        "iid": {"cov_type": "unadjusted"},
        "robust": {"cov_type": "robust"},
        "cluster": {"cov_type": "clustered", "cluster_entity": True, "group_debias": True},
    }.items():
        reference = model.fit(**options)
        fit = fit_random_effects(wages, "lwage", x, time_dummies=time_dummies, vcov=vcov, **KEYS)
        np.testing.assert_allclose(fit.coef[[*x, *years, "const"]], reference.params, rtol=1e-9)
        np.testing.assert_allclose(fit.se[[*x, *years, "const"]], reference.std_errors, rtol=1e-9)
    assert fit.corr2_overall == pytest.approx(reference.corr_squared_overall, rel=1e-10)
    assert fit.corr2_within == pytest.approx(reference.corr_squared_within, rel=1e-9)
    assert fit.corr2_between == pytest.approx(reference.corr_squared_between, rel=1e-9)
    np.testing.assert_allclose(fit.theta, reference.theta["theta"].sort_index(), rtol=1e-10)


def test_random_effects_without_effect_variance_are_pooled_ols() -> None:
    """Independent draws: s_u^2 is cut at zero, theta is zero and the estimates are pooled least squares."""
    rng = np.random.default_rng(1)
    df = pd.DataFrame({"city_code": np.repeat(range(30), 6), "year": np.tile(range(6), 30), "x": rng.normal(size=180)})
    alternating = np.tile([1.0, -1.0], 90)
    df["y"] = df["x"] + alternating + 0.01 * rng.normal(size=180)
    fit = fit_random_effects(df, "y", "x")
    assert fit.sigma_u == 0
    np.testing.assert_allclose(fit.coef, fit_panel(df, "y", "x", effects="none").coef, rtol=1e-12)


def test_hausman_written_out(wages) -> None:
    fixed = fit_panel(wages, "lwage", X, effects="entity", vcov="iid", **KEYS)
    random = fit_random_effects(wages, "lwage", X, vcov="iid", **KEYS)
    gap = (fixed.coef - random.coef[X]).to_numpy()
    own = gap @ np.linalg.solve(fixed.cov - random.cov.loc[X, X], gap)
    test = hausman(wages, "lwage", X, **KEYS)
    assert test.statistic == pytest.approx(own, rel=1e-10)
    scale = random.sigma_star**2 / (fixed.ssr / fixed.df_resid)
    more = gap @ np.linalg.solve(fixed.cov * scale - random.cov.loc[X, X], gap)
    assert hausman(wages, "lwage", X, variance="sigmamore", **KEYS).statistic == pytest.approx(more, rel=1e-10)
    assert hausman(wages, "lwage", X, effects="twoways", variance="sigmaless", **KEYS).df == 3


def test_mundlak_equals_fixed_effects_on_a_balanced_panel() -> None:
    """With entity means added, the slopes of x are the within estimates (Mundlak 1978)."""
    rng = np.random.default_rng(5)
    df = pd.DataFrame({"city_code": np.repeat(range(40), 5), "year": np.tile(range(5), 40)})
    effect = rng.normal(size=40)[df["city_code"]]
    df["x"] = effect + rng.normal(size=200)
    df["z"] = rng.normal(size=40)[df["city_code"]]
    df["y"] = df["x"] + 2 * effect + rng.normal(size=200)
    test, fit = mundlak(df, "y", ["x", "z"])
    assert fit.coef["x"] == pytest.approx(fit_panel(df, "y", "x", effects="entity").coef["x"], rel=1e-10)
    assert test.p_value < 1e-6
    assert "mean_z" not in fit.coef
    with pytest.raises(EstimationError, match="varies within"):
        mundlak(df, "y", "z")


@pytest.mark.slow
def test_hausman_and_mundlak_have_size_when_effects_are_random() -> None:
    """400 draws under random effects: rejection at 5 % inside the exact 99.9 % binomial band (2.0 % to 9.3 %)."""
    rng = np.random.default_rng(6)
    rejected = np.zeros(2)
    for _ in range(400):
        df = pd.DataFrame({"city_code": np.repeat(range(60), 4), "year": np.tile(range(4), 60)})
        df["x"] = rng.normal(size=240) + rng.normal(size=60)[df["city_code"]]
        df["y"] = df["x"] + rng.normal(size=60)[df["city_code"]] + rng.normal(size=240)
        rejected += [
            hausman(df, "y", "x", variance="sigmamore").p_value < 0.05,
            mundlak(df, "y", "x")[0].p_value < 0.05,
        ]
    assert ((rejected / 400 > 0.020) & (rejected / 400 < 0.093)).all()


def test_vif_equals_statsmodels(wages) -> None:
    x = [*X, "educ"]
    design = np.column_stack([wages[x], np.ones(len(wages))])
    expected = [variance_inflation_factor(design, i) for i in range(len(x))]
    np.testing.assert_allclose(vif(wages, x, **KEYS), expected, rtol=1e-10)
    within = vif(wages, X, effects="twoways", **KEYS)
    residual = fit_panel(wages, "union", ["expersq", "married"], **KEYS)
    assert within["union"] == pytest.approx(1 / (1 - residual.r2_within), rel=1e-10)


def test_effects_test_written_out(wages) -> None:
    full = fit_panel(wages, "lwage", X, effects="entity", **KEYS)
    pooled = fit_panel(wages, "lwage", X, effects="none", **KEYS)
    test = effects_test(wages, "lwage", X, **KEYS)
    assert test.df == (149, full.df_resid)
    assert test.statistic == pytest.approx((pooled.ssr - full.ssr) / 149 / (full.ssr / full.df_resid), rel=1e-12)


def test_breusch_pagan_is_the_balanced_textbook_formula() -> None:
    rng = np.random.default_rng(8)
    df = pd.DataFrame({"city_code": np.repeat(range(20), 5), "year": np.tile(range(5), 20), "x": rng.normal(size=100)})
    df["y"] = df["x"] + 0.3 * rng.normal(size=20)[df["city_code"]] + rng.normal(size=100)
    e = fit_panel(df, "y", "x", effects="none").residuals.to_numpy().reshape(20, 5)
    expected = 20 * 5 / (2 * 4) * (np.sum(e.sum(1) ** 2) / np.sum(e**2) - 1) ** 2
    assert breusch_pagan(df, "y", "x").statistic == pytest.approx(expected, rel=1e-12)


def test_stepwise_columns_share_the_sample(wages) -> None:
    df = wages.copy()
    df.iloc[:9, df.columns.get_loc("married")] = np.nan
    table = stepwise(df, "lwage", "union", ["expersq", "married"], **KEYS)
    assert [len(f.coef.drop("const", errors="ignore")) for f in table.values()] == [1, 3, 3, 3]
    assert [f.effects for f in table.values()] == ["none", "none", "entity", "twoways"]
    assert {f.nobs for f in table.values()} == {len(df) - 9}
    own = stepwise(df, "lwage", "union", ["married"], columns=[Column(False, "twoways")], same_sample=False, **KEYS)
    assert own["(1)"].nobs == len(df)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda d: vif(d, ["union"], **KEYS), "at least two"),
        (lambda d: vif(d.assign(z=d["union"] * 2), ["union", "z"], **KEYS), "is infinite|is a combination"),
        (lambda d: hausman(d, "lwage", X, effects="time", **KEYS), "entity, twoways"),
        (lambda d: hausman(d, "lwage", X, variance="more", **KEYS), "own, sigmamore, sigmaless"),
        (lambda d: breusch_pagan(d.drop_duplicates("nr"), "lwage", X, **KEYS), "observed once"),
        (
            lambda d: fit_random_effects(d.drop_duplicates("nr"), "lwage", X, **KEYS),
            "need more observations|does not vary",
        ),
        (lambda d: fit_random_effects(d.assign(z=1.0), "lwage", [*X, "z"], **KEYS), "z is a combination of const"),
        (lambda d: fit_random_effects(d, "lwage", X, vcov="conley", **KEYS), "conley"),
    ],
)
def test_bad_input_is_named(wages, call, message) -> None:
    with pytest.raises(EstimationError, match=message):
        call(wages)
