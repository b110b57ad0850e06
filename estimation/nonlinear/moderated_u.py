"""A U-shaped relation whose turning point depends on another variable.

y = t1 v + t2 v^2 + t3 v W + t4 v^2 W + t5 W + controls. Turning point v*(W) = -(t1 + t3 W) / (2 (t2 + t4 W)); its
derivative (t1 t4 - t2 t3) / (2 (t2 + t4 W)^2) has the sign of t1 t4 - t2 t3, which is tested. Source: Haans, Pieters
and He (2016).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Unpack

import numpy as np
import pandas as pd

from estimation.core.entity_bootstrap import bootstrap_moments, percentile_interval
from estimation.core.entity_moments import solve_moments
from estimation.core.frame import EstimationError
from estimation.core.options import PanelOptions
from estimation.core.results import Estimates, HypothesisTest, critical_value, two_sided_p
from estimation.core.terms import (
    PERCENTILES,
    Sample,
    block,
    estimation_sample,
    inherited,
    names,
    percentile_values,
    product_name,
    square_name,
    with_columns,
)
from estimation.mediation.moderation import fit_with_main_effect
from estimation.panel.fit import PanelFit

Interval = tuple[float, float]


@dataclass(frozen=True)
class Shift(HypothesisTest):
    """Test that the turning point does not move with the moderator (delta method, normal).

    Attributes:
        numerator: t1 t4 - t2 t3. std_error: its delta-method standard error. ci: normal interval.
        bootstrap_ci: percentile interval over entities (NaN without draws).
        direction: ``left`` (numerator < 0) or ``right``, as the moderator rises.
    """

    numerator: float = np.nan
    std_error: float = np.nan
    ci: Interval = (np.nan, np.nan)
    bootstrap_ci: Interval = (np.nan, np.nan)
    direction: str = ""


@dataclass(frozen=True, kw_only=True)
class ModeratedU(Estimates):
    """Moderated quadratic regression.

    Attributes:
        shift: see `Shift`.
        steepening: test of t4 = 0 (the curve neither flattens nor steepens).
        turning_points: one row a percentile of the moderator (and its mean): moderator ``value``, ``turning_point``
            with delta-method ``std_error`` and interval, ``curvature`` t2 + t4 W, ``derivative`` of the turning point
            and its ``derivative_se``.
        flips_at: moderator value where t2 + t4 W = 0, beyond which the U turns over; flips_inside: whether the sample
            reaches it.
        fit: the regression.
    """

    shift: Shift
    steepening: HypothesisTest
    turning_points: pd.DataFrame
    flips_at: float
    flips_inside: bool
    fit: PanelFit


def shift_numerator(t1: float, t2: float, t3: float, t4: float) -> float:
    """t1 t4 - t2 t3: negative when the turning point moves left as the moderator rises."""
    return t1 * t4 - t2 * t3


def fit_moderated_u(
    df: pd.DataFrame,
    y: str,
    term: str,
    moderator: str,
    x: str | Sequence[str] = (),
    *,
    percentiles: Sequence[float] = PERCENTILES,
    draws: int = 0,
    rng: np.random.Generator | None = None,
    level: float = 0.95,
    **options: Unpack[PanelOptions],
) -> ModeratedU:
    """Quadratic in ``term`` with both parts interacted with ``moderator``.

    Args:
        draws, rng: bootstrap over entities for the shift. options: as `estimation.panel.fit_panel`.

    Raises:
        EstimationError: as `fit_panel`; draws without rng.
    """
    controls, squared = names(x), square_name(term)
    tw, sw = product_name(term, moderator), product_name(squared, moderator)
    sample = estimation_sample(df, [y, term, moderator, *controls], options)
    v, w = sample.data[term], sample.data[moderator]
    data = with_columns(sample.data, {squared: v**2, tw: v * w, sw: v**2 * w})
    terms = [term, squared, tw, sw]
    fit = fit_with_main_effect(data, y, [*terms, moderator, *controls], moderator, options)
    theta, V = fit.coef[terms].to_numpy(float), block(fit, terms)
    drawn = _bootstrap(Sample(sample.frame, data, 0), fit, terms, moderator, controls, draws, rng, options)
    values = w.to_numpy(float)
    flips = -theta[1] / theta[3] if theta[3] != 0 else np.nan
    return ModeratedU(
        **inherited(fit),
        estimator="moderated_u",
        convention=f"{fit.convention} Shift: delta method" + (f" and {draws} bootstrap draws." if draws else "."),
        n_dropped=sample.n_dropped,
        shift=_shift(theta, V, drawn, level),
        steepening=_t_test(fit, sw),
        turning_points=_turning_points(theta, V, percentile_values(values, percentiles), level),
        flips_at=float(flips),
        flips_inside=bool(values.min() <= flips <= values.max()),
        fit=fit,
    )


def _shift(theta: np.ndarray, V: np.ndarray, drawn: np.ndarray, level: float) -> Shift:
    t1, t2, t3, t4 = (float(value) for value in theta)
    numerator = shift_numerator(t1, t2, t3, t4)
    gradient = np.array([t4, -t3, -t2, t1])
    se = float(np.sqrt(gradient @ V @ gradient))
    half = critical_value(level, np.inf) * se
    boot = percentile_interval(drawn[:, 0] * drawn[:, 3] - drawn[:, 1] * drawn[:, 2], level)
    return Shift(
        statistic=numerator / se,
        df=None,
        p_value=float(two_sided_p(np.array(numerator / se), np.inf)),
        note="H0: t1 t4 = t2 t3, the turning point does not move with the moderator",
        numerator=numerator,
        std_error=se,
        ci=(numerator - half, numerator + half),
        bootstrap_ci=boot,
        direction="left" if numerator < 0 else "right",
    )


def _turning_points(theta: np.ndarray, V: np.ndarray, at: dict[str, float], level: float) -> pd.DataFrame:
    t1, t2, t3, t4 = theta
    rows, critical = [], critical_value(level, np.inf)
    for w in at.values():
        slope, curvature = t1 + t3 * w, t2 + t4 * w
        point = -slope / (2 * curvature)
        step = np.array([-1.0, slope / curvature, -w, slope / curvature * w]) / (2 * curvature)
        derivative = shift_numerator(t1, t2, t3, t4) / (2 * curvature**2)
        turn = np.array([t4, -t3, -t2, t1]) / (2 * curvature**2)
        turn = turn - 2 * derivative / curvature * np.array([0.0, 1.0, 0.0, w])
        se, derivative_se = (float(np.sqrt(g @ V @ g)) for g in (step, turn))
        rows.append(
            {
                "value": w, "turning_point": point, "std_error": se,
                "conf_low": point - critical * se, "conf_high": point + critical * se,
                "curvature": curvature, "derivative": derivative, "derivative_se": derivative_se,
            }
        )  # fmt: skip
    return pd.DataFrame(rows, index=pd.Index(list(at), name="at"))


def _t_test(fit: PanelFit, term: str) -> HypothesisTest:
    return HypothesisTest(float(fit.statistics[term]), fit.df_t, float(fit.p_values[term]), f"H0: {term} = 0")


def _bootstrap(
    sample: Sample,
    fit: PanelFit,
    terms: Sequence[str],
    moderator: str,
    controls: Sequence[str],
    draws: int,
    rng: np.random.Generator | None,
    options: PanelOptions,
) -> np.ndarray:
    """(draws, 4) t1..t4 on samples of entities."""
    if draws == 0:
        return np.empty((0, 4))
    if fit.dependent in terms:
        raise EstimationError(f"{fit.dependent} is also a regressor")
    core = [fit.dependent, *terms]
    kept = [moderator] if moderator in fit.coef.index else []
    moments = bootstrap_moments(sample, core, [*kept, *controls], draws, rng, options)
    return solve_moments(moments, 0, list(range(1, 5)))
