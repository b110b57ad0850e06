"""Choosing and checking a panel model: Hausman, Mundlak, effects tests, variance inflation, stepwise columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy import stats

from estimation.core.design import identified, panel_design, regressors
from estimation.core.frame import EstimationError, panel_frame
from estimation.core.least_squares import least_squares
from estimation.core.results import HypothesisTest
from estimation.core.within import Effects
from estimation.panel.fit import PanelFit, fit_panel, wald_test
from estimation.panel.random_effects import RandomEffectsFit, entity_means, fit_random_effects


@dataclass(frozen=True)
class Column:
    """One column of a stepwise table: with or without controls, and its effects."""

    controls: bool
    effects: Effects


STEPWISE = (Column(False, "none"), Column(True, "none"), Column(True, "entity"), Column(True, "twoways"))


def stepwise(
    df: pd.DataFrame,
    y: str,
    x: str | Sequence[str],
    controls: Sequence[str],
    *,
    columns: Sequence[Column] = STEPWISE,
    same_sample: bool = True,
    entity: str = "city_code",
    time: str = "year",
    **options: Any,
) -> dict[str, PanelFit]:
    """Regressions of one table, keyed ``"(1)"``, ``"(2)"``, ...: by default none / controls / + entity / + time effects.

    Args:
        same_sample: use only rows complete in every variable of the table, so that the columns can be compared.
        options: passed to `estimation.panel.fit_panel`.
    """
    names = [x] if isinstance(x, str) else list(x)
    data = df
    if same_sample:
        complete = panel_frame(df, [y, *names, *controls], entity=entity, time=time).data[[entity, time]]
        data = complete.merge(df, on=[entity, time], how="left", validate="one_to_one")
    fits = {}
    for number, column in enumerate(columns, start=1):
        terms = [*names, *controls] if column.controls else names
        fits[f"({number})"] = fit_panel(data, y, terms, effects=column.effects, entity=entity, time=time, **options)
    return fits


def vif(
    df: pd.DataFrame,
    x: Sequence[str],
    *,
    effects: Effects = "none",
    entity: str = "city_code",
    time: str = "year",
) -> pd.Series:
    """Variance inflation factors 1 / (1 - R_j^2), R_j^2 of each column on the others (and a constant, or the effects).

    Raises:
        EstimationError: a column is constant or an exact combination of others.
    """
    if len(list(x)) < 2:
        raise EstimationError("variance inflation needs at least two columns")
    frame = panel_frame(df, x, entity=entity, time=time)
    factors = {}
    for name in x:
        others = [other for other in x if other != name]
        design, _ = identified(panel_design(frame, name, others, effects))
        residuals = least_squares(design.y_within, design.X_within).residuals
        spread = design.y_within - design.y_within.mean()
        total, left = float(spread @ spread), float(residuals @ residuals)
        if left <= 1e-18 * total:
            raise EstimationError(f"{name} is an exact combination of {', '.join(others)}: its VIF is infinite")
        factors[name] = total / left
    return pd.Series(factors, name="vif")


def hausman(
    df: pd.DataFrame,
    y: str,
    x: str | Sequence[str],
    *,
    effects: Literal["entity", "twoways"] = "entity",
    variance: Literal["own", "sigmamore", "sigmaless"] = "own",
    entity: str = "city_code",
    time: str = "year",
) -> HypothesisTest:
    """Hausman's test of random against fixed effects: (b_F - b_R)'(V_F - V_R)^-1(b_F - b_R), chi2.

    With ``twoways`` both models have period effects (dummies). Covariances are the conventional ones; ``sigmamore`` takes the
    error variance of the random-effects, ``sigmaless`` that of the fixed-effects model in both (Stata's options), which makes
    the difference positive definite. Source: Hausman (1978); Stata's ``hausman``.

    Returns:
        A test with NaN and a note where V_F - V_R is not positive definite.
    """
    if effects not in ("entity", "twoways"):
        raise EstimationError(f"effects={effects!r} is not one of entity, twoways")
    if variance not in ("own", "sigmamore", "sigmaless"):
        raise EstimationError(f"variance={variance!r} is not one of own, sigmamore, sigmaless")
    names = regressors(x, y)
    fixed = fit_panel(df, y, names, effects=effects, vcov="iid", entity=entity, time=time)
    random = fit_random_effects(df, y, names, time_dummies=effects == "twoways", vcov="iid", entity=entity, time=time)
    ratio = _error_variance(random) / _error_variance(fixed)
    scale_fixed = ratio if variance == "sigmamore" else 1.0
    scale_random = 1 / ratio if variance == "sigmaless" else 1.0
    gap = (fixed.coef[names] - random.coef[names]).to_numpy()
    V = scale_fixed * fixed.cov.loc[names, names] - scale_random * random.cov.loc[names, names]
    if np.linalg.eigvalsh(V.to_numpy())[0] <= 0:
        note = f"V_F - V_R is not positive definite with variance={variance!r}; use sigmamore or Mundlak's test"
        return HypothesisTest(np.nan, float(len(names)), np.nan, note)
    statistic = float(gap @ np.linalg.solve(V.to_numpy(), gap))
    return HypothesisTest(statistic, float(len(names)), float(stats.chi2.sf(statistic, len(names))))


def _error_variance(fit: PanelFit | RandomEffectsFit) -> float:
    """Residual variance u'u / df behind a conventional covariance matrix."""
    if isinstance(fit, PanelFit):
        return fit.ssr / fit.df_resid
    return fit.sigma_star**2


def mundlak(
    df: pd.DataFrame,
    y: str,
    x: str | Sequence[str],
    *,
    time_dummies: bool = False,
    vcov: Literal["iid", "robust", "cluster"] = "cluster",
    entity: str = "city_code",
    time: str = "year",
) -> tuple[HypothesisTest, RandomEffectsFit]:
    """Mundlak's test: random effects with entity means of x added; the means are jointly zero if effects are random.

    Columns whose mean varies as they do (constant within entities) have no separate mean and are left out of it.

    Returns:
        The joint test of the means (robust to whatever ``vcov`` allows) and the augmented fit, means named ``mean_<x>``.
    """
    names = regressors(x, y)
    frame = panel_frame(df, [y, *names], entity=entity, time=time)
    data = frame.data.copy()
    means = []
    for name in names:
        mean = entity_means(frame.array(name), frame.entity_codes)
        if np.allclose(mean, frame.array(name), rtol=1e-12, atol=0):
            continue
        data[f"mean_{name}"] = mean
        means.append(f"mean_{name}")
    if not means:
        raise EstimationError(
            f"none of {', '.join(names)} varies within {entity}: Mundlak's test has nothing to compare"
        )
    fit = fit_random_effects(data, y, [*names, *means], time_dummies=time_dummies, vcov=vcov, entity=entity, time=time)
    return wald_test(fit.coef[means].to_numpy(), fit.cov.loc[means, means].to_numpy(), fit.df_t), fit


def effects_test(
    df: pd.DataFrame,
    y: str,
    x: str | Sequence[str],
    *,
    effects: Literal["entity", "time", "twoways"] = "entity",
    entity: str = "city_code",
    time: str = "year",
) -> HypothesisTest:
    """F test that all effects are zero: ((SSR_pooled - SSR) / q) / (SSR / df)."""
    full = fit_panel(df, y, x, effects=effects, vcov="iid", entity=entity, time=time)
    pooled = fit_panel(df, y, x, effects="none", vcov="iid", entity=entity, time=time)
    q = pooled.df_resid - full.df_resid
    statistic = (pooled.ssr - full.ssr) / q / (full.ssr / full.df_resid)
    return HypothesisTest(statistic, (q, full.df_resid), float(stats.f.sf(statistic, q, full.df_resid)))


def breusch_pagan(
    df: pd.DataFrame, y: str, x: str | Sequence[str], *, entity: str = "city_code", time: str = "year"
) -> HypothesisTest:
    """Lagrange multiplier test for random entity effects, one-sided (Breusch and Pagan 1980; Baltagi and Li 1990).

    LM = (sum_it e)^2 form for unbalanced panels: n^2 / (2 (sum T_i^2 - n)) * (sum_i (sum_t e_it)^2 / sum e^2 - 1)^2; the
    p-value is half that of chi2(1), because a variance cannot be negative (Stata's ``xttest0``).
    """
    pooled = fit_panel(df, y, x, effects="none", vcov="iid", entity=entity, time=time)
    residuals = pooled.residuals
    sums = residuals.groupby(level=0).sum().to_numpy()
    counts = residuals.groupby(level=0).size().to_numpy()
    n = len(residuals)
    if (counts == 1).all():
        raise EstimationError("every entity is observed once: there is no entity effect to test")
    excess = float(sums @ sums) / pooled.ssr - 1
    statistic = n**2 / (2 * (float(counts @ counts) - n)) * excess**2
    p_value = float(stats.chi2.sf(statistic, 1)) / 2 if excess > 0 else 1.0
    note = "one-sided" if excess > 0 else "one-sided; the estimated variance of the effects is zero"
    return HypothesisTest(statistic, 1.0, p_value, note)
