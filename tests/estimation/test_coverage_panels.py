"""Coverage by simulation: 1,000 fixed-seed draws under each estimator's own assumptions.

The share of 95 % intervals that hold the truth must lie inside the exact 99.9 % binomial band of 1,000 draws, 92.6 to 97.1 %.
Estimators whose standard errors are conservative by construction (imputation averages the effects within cohort and event time,
de Chaisemartin-D'Haultfoeuille recentres by cohort) may exceed the upper limit when effects differ within cohorts; the designs
here have homogeneous cells, where they are exact. Clustered errors are tested with 100 clusters, where their reference
distributions hold; both placebo and permutation tests have their own size tests.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from estimation.did import att_gt, did_multiplegt, event_study, imputation, sun_abraham, two_stage
from estimation.panel import fit_panel
from estimation.panel.random_effects import fit_random_effects
from tests.estimation.staggered_world import staggered_panel

DRAWS = 1000
BAND = (0.926, 0.971)


def test_band_is_the_exact_binomial_one() -> None:
    low, high = stats.binom.ppf([0.0005, 0.9995], DRAWS, 0.95) / DRAWS
    assert (round(low, 3), round(high, 3)) == BAND


def coverage(simulate: Callable[[np.random.Generator], tuple[float, float, float]], seed: int) -> float:
    """Share of draws whose interval (low, high) holds the truth."""
    rng = np.random.default_rng(seed)
    inside = [low <= truth <= high for low, high, truth in (simulate(rng) for _ in range(DRAWS))]
    return float(np.mean(inside))


def interval(fit, term: str) -> tuple[float, float]:
    limits = fit.conf_int().loc[term]
    return float(limits["conf_low"]), float(limits["conf_high"])


def panel(
    rng: np.random.Generator, n: int, t: int, errors: np.ndarray, spread: np.ndarray | float = 1.0
) -> pd.DataFrame:
    """y = x + city and year effects + errors, x autocorrelated within the city."""
    df = pd.DataFrame({"city_code": np.repeat(range(n), t), "year": np.tile(range(t), n)})
    x = rng.normal(size=(n, t)) * spread + rng.normal(size=(n, 1))
    df["x"] = x.ravel()
    df["y"] = df["x"] + rng.normal(size=n)[df["city_code"]] + rng.normal(size=t)[df["year"]] + errors.ravel()
    return df


def autocorrelated(rng: np.random.Generator, n: int, t: int, rho: float) -> np.ndarray:
    e = rng.normal(size=(n, t))
    for j in range(1, t):
        e[:, j] = rho * e[:, j - 1] + np.sqrt(1 - rho**2) * e[:, j]
    return e


def simulate_panel(rng: np.random.Generator, vcov: str, effects: str) -> tuple[float, float, float]:
    n, t = 100, 8
    errors = rng.normal(size=(n, t))
    if vcov == "robust":
        errors = errors * np.exp(0.3 * rng.normal(size=(n, t)))
    elif vcov == "cluster":
        errors = autocorrelated(rng, n, t, 0.6)
    elif vcov == "twoway":
        t = 60
        errors = autocorrelated(rng, n, t, 0.6) + autocorrelated(rng, t, n, 0.6).T
    df = panel(rng, n, t, errors)
    fit = fit_panel(df, "y", "x", effects=effects, vcov=vcov)
    return *interval(fit, "x"), 1.0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("vcov", "effects"),
    [("iid", "twoways"), ("robust", "twoways"), ("cluster", "twoways"), ("cluster", "entity"), ("twoway", "twoways")],
)
def test_panel_ols(vcov, effects) -> None:
    share = coverage(lambda rng: simulate_panel(rng, vcov, effects), 101)
    assert BAND[0] <= share <= BAND[1], share


@pytest.mark.slow
def test_driscoll_kraay_with_common_shocks() -> None:
    """150 periods, errors and regressor share shocks across cities: what the estimator is made for."""

    def simulate(rng: np.random.Generator) -> tuple[float, float, float]:
        n, t = 20, 150
        loading = rng.normal(size=(n, 1))
        df = pd.DataFrame({"city_code": np.repeat(range(n), t), "year": np.tile(range(t), n)})
        df["x"] = (loading * rng.normal(size=(1, t)) + rng.normal(size=(n, t))).ravel()
        df["y"] = df["x"] + (loading * rng.normal(size=(1, t)) + 0.3 * rng.normal(size=(n, t))).ravel()
        return *interval(fit_panel(df, "y", "x", vcov="driscoll_kraay", effects="entity"), "x"), 1.0

    share = coverage(simulate, 102)
    assert BAND[0] <= share <= BAND[1], share


@pytest.mark.slow
def test_random_effects() -> None:
    def simulate(rng: np.random.Generator) -> tuple[float, float, float]:
        df = pd.DataFrame({"city_code": np.repeat(range(60), 5), "year": np.tile(range(5), 60)})
        df["x"] = rng.normal(size=300) + rng.normal(size=60)[df["city_code"]]
        df["y"] = df["x"] + rng.normal(size=60)[df["city_code"]] + rng.normal(size=300)
        return *interval(fit_random_effects(df, "y", "x"), "x"), 1.0

    share = coverage(simulate, 103)
    assert BAND[0] <= share <= BAND[1], share


def dynamic_interval(estimator: str, df: pd.DataFrame) -> tuple[float, float]:
    """Interval of the effect one period after treatment."""
    if estimator == "event_study":
        row = event_study(df, "y", "cohort", window=(-3, 3)).dynamic.loc[1]
    elif estimator == "att_gt":
        row = att_gt(df, "y", "cohort").dynamic.table.loc[1]
    elif estimator == "did_multiplegt":
        row = did_multiplegt(df, "y", "treat", effects=2).dynamic.loc[1]
    else:
        functions = {"sun_abraham": sun_abraham, "imputation": imputation, "two_stage": two_stage}
        row = functions[estimator](df, "y", "cohort").dynamic.loc[1]
    return float(row["conf_low"]), float(row["conf_high"])


@pytest.mark.slow
@pytest.mark.parametrize(
    "estimator", ["event_study", "att_gt", "did_multiplegt", "sun_abraham", "imputation", "two_stage"]
)
def test_staggered(estimator) -> None:
    """100 cities, two waves, autocorrelated errors, effects that depend on event time only."""

    def simulate(rng: np.random.Generator) -> tuple[float, float, float]:
        df = staggered_panel(
            rng, n=100, periods=range(2010, 2017), waves={2013: 0.3, 2014: 0.3}, effect=lambda k, g: 1 + k, serial=0.4
        )
        return *dynamic_interval(estimator, df), 2.0

    share = coverage(simulate, 104)
    assert BAND[0] <= share <= BAND[1], share


@pytest.mark.slow
def test_doubly_robust_with_covariate_trends() -> None:
    """Trends and treatment depend on a covariate: parallel only given it."""

    def simulate(rng: np.random.Generator) -> tuple[float, float, float]:
        n, t = 200, 4
        z = rng.normal(size=n)
        treated = rng.random(n) < 1 / (1 + np.exp(-0.5 * z))
        df = pd.DataFrame({"city_code": np.repeat(range(n), t), "year": np.tile(range(t), n)})
        df["z"], df["cohort"] = z[df["city_code"]], np.where(treated, 2.0, np.nan)[df["city_code"]]
        df["y"] = df["z"] * df["year"] + (df["year"] >= df["cohort"]) * 1.0 + rng.normal(size=n * t)
        table = att_gt(df, "y", "cohort", ["z"]).simple.table.loc["att"]
        return float(table["conf_low"]), float(table["conf_high"]), 1.0

    share = coverage(simulate, 105)
    assert BAND[0] <= share <= BAND[1], share
