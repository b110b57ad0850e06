"""Quadratic relations: turning point and its intervals, tests of a U shape, a moderated U.

Turning point of y = b1 v + b2 v^2 + ...: -b1 / (2 b2). Delta interval: gradient (-1/(2 b2), b1/(2 b2^2)). Fieller
interval: all r with |b1 + 2 r b2| <= c se(b1 + 2 r b2), exact for a ratio of normals; unbounded when b2 is not
significant. Sources: Fieller (1954); Lind and Mehlum (2010), Oxford Bulletin of Economics and Statistics 72(1);
Simonsohn (2018), AMPPS 1(4); Haans, Pieters and He (2016), Strategic Management Journal 37(7) for the shift of the
turning point.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Unpack

import numpy as np
import pandas as pd
from scipy import stats

from estimation.core.options import PanelOptions
from estimation.core.results import Estimates, HypothesisTest, critical_value
from estimation.core.terms import block, estimation_sample, inherited, names, square_name, with_columns
from estimation.nonlinear.two_lines import TwoLines, two_lines_test
from estimation.panel.fit import PanelFit, fit_panel

Interval = tuple[float, float]


@dataclass(frozen=True)
class UTest(HypothesisTest):
    """Lind-Mehlum test of a U (or inverse U) between the ends of the data.

    Attributes:
        statistic, p_value: the smaller |t| of the two ends and its one-sided p-value (NaN, 1 when the turning point
            lies outside: trivially not rejected). shape: ``U`` or ``inverse U``.
        slope_low, slope_high: slopes at the smallest and largest value; t_low, t_high; p_low, p_high one-sided.
    """

    shape: str = ""
    slope_low: float = np.nan
    slope_high: float = np.nan
    t_low: float = np.nan
    t_high: float = np.nan
    p_low: float = np.nan
    p_high: float = np.nan


@dataclass(frozen=True, kw_only=True)
class Quadratic(Estimates):
    """Regression on a variable and its square.

    Attributes:
        turning_point: -b1/(2 b2). turning_point_se: by the delta method.
        delta_ci, fieller_ci: intervals of the turning point. A Fieller set that is not an interval is (-inf, inf)
            here and exact in ``fieller_set``.
        inside_range: whether the turning point lies between the smallest and largest value.
        lind_mehlum: test of the shape. two_lines: interrupted regression at a chosen break (None unless asked for).
        share_beyond: share of observations above the turning point. range: smallest and largest value.
        curve: fitted curve for plotting, ``x``, ``y`` (relative to the middle of the range), ``lower``, ``upper``.
        fit: the regression.
    """

    turning_point: float
    turning_point_se: float
    delta_ci: Interval
    fieller_ci: Interval
    fieller_set: tuple[Interval, ...]
    inside_range: bool
    lind_mehlum: UTest
    two_lines: TwoLines | None
    share_beyond: float
    range: Interval
    curve: pd.DataFrame
    fit: PanelFit


def turning_point(b1: float, b2: float) -> float:
    """-b1 / (2 b2); NaN when b2 is zero."""
    return -b1 / (2 * b2) if b2 != 0 else float("nan")


def delta_interval(b1: float, b2: float, V: np.ndarray, critical: float) -> tuple[float, Interval]:
    """Delta-method standard error and interval of the turning point; V is the (2, 2) covariance of (b1, b2)."""
    if b2 == 0:
        return float("nan"), (float("nan"), float("nan"))
    gradient = np.array([-1 / (2 * b2), b1 / (2 * b2**2)])
    se = float(np.sqrt(gradient @ V @ gradient))
    centre = turning_point(b1, b2)
    return se, (centre - critical * se, centre + critical * se)


def fieller_interval(b1: float, b2: float, V: np.ndarray, critical: float) -> tuple[Interval, ...]:
    """Exact confidence set of -b1/(2 b2): one interval, two half lines, or the whole line.

    r belongs to it when (b1 + 2 r b2)^2 <= c^2 (V11 + 4 r V12 + 4 r^2 V22).
    """
    c2 = critical**2
    square = 4 * (b2**2 - c2 * V[1, 1])
    linear = 4 * (b1 * b2 - c2 * V[0, 1])
    constant = b1**2 - c2 * V[0, 0]
    disc = linear**2 - 4 * square * constant
    whole: tuple[Interval, ...] = ((-np.inf, np.inf),)
    if square == 0:
        if linear == 0:
            return whole
        edge = -constant / linear
        return ((-np.inf, edge),) if linear > 0 else ((edge, np.inf),)
    if disc < 0:
        return whole
    low, high = sorted(float((-linear + sign * np.sqrt(disc)) / (2 * square)) for sign in (-1, 1))
    return ((low, high),) if square > 0 else ((-np.inf, low), (high, np.inf))


def lind_mehlum_test(b1: float, b2: float, V: np.ndarray, low: float, high: float, df_t: float = np.inf) -> UTest:
    """Whether the slope has opposite, significant signs at the ends (intersection-union test, Stata's ``utest``).

    Args:
        V: (2, 2) covariance of (b1, b2). low, high: ends of the data. df_t: degrees of freedom of t (inf: normal).
    """
    slopes = np.array([b1 + 2 * b2 * low, b1 + 2 * b2 * high])
    se = np.array([np.sqrt(V[0, 0] + 4 * v * V[0, 1] + 4 * v**2 * V[1, 1]) for v in (low, high)])
    t = slopes / se
    sign = 1.0 if b2 > 0 else -1.0
    distribution = stats.norm if np.isinf(df_t) else stats.t(df_t)
    # One-sided in the direction of the shape: falling then rising for a U.
    p = distribution.sf(np.array([-1.0, 1.0]) * sign * t)
    shape = "U" if b2 > 0 else "inverse U"
    inside = slopes[0] * slopes[1] < 0
    outside_note = "the turning point lies outside the data: trivially not rejected"
    return UTest(
        statistic=float(np.abs(t).min()) if inside else np.nan,
        df=df_t,
        p_value=float(p.max()) if inside else 1.0,
        note=f"H1: {shape} within the data" if inside else outside_note,
        shape=shape,
        slope_low=float(slopes[0]),
        slope_high=float(slopes[1]),
        t_low=float(t[0]),
        t_high=float(t[1]),
        p_low=float(p[0]),
        p_high=float(p[1]),
    )


def fit_quadratic(
    df: pd.DataFrame,
    y: str,
    term: str,
    x: str | Sequence[str] = (),
    *,
    two_lines: bool = True,
    level: float = 0.95,
    points: int = 101,
    **options: Unpack[PanelOptions],
) -> Quadratic:
    """Panel regression on ``term`` and its square (named ``<term>_sq``), with the analysis of the turning point.

    Args:
        df: long frame, one row an (entity, time). x: controls.
        two_lines: also run Simonsohn's two-lines test (several more regressions).
        points: of the curve. options: as `estimation.panel.fit_panel`.

    Raises:
        EstimationError: as `fit_panel`.
    """
    controls, squared = names(x), square_name(term)
    controls = [name for name in controls if name != squared]
    sample = estimation_sample(df, [y, term, *controls], options, keep=[squared] if squared in df.columns else [])
    data = with_columns(sample.data, {squared: sample.data[term] ** 2})
    fit = replace(fit_panel(data, y, [term, squared, *controls], **options), n_dropped=sample.n_dropped)
    values = data[term].to_numpy(float)
    b1, b2 = float(fit.coef[term]), float(fit.coef[squared])
    V, critical = block(fit, [term, squared]), critical_value(level, fit.df_t)
    low, high = float(values.min()), float(values.max())
    point = turning_point(b1, b2)
    se, delta = delta_interval(b1, b2, V, critical)
    pieces = fieller_interval(b1, b2, V, critical)
    return Quadratic(
        **inherited(fit),
        estimator="quadratic",
        convention=f"{fit.convention} Turning point -b1/(2 b2); intervals with the critical value {critical:.4f}.",
        n_dropped=sample.n_dropped,
        turning_point=point,
        turning_point_se=se,
        delta_ci=delta,
        fieller_ci=(pieces[0][0], pieces[-1][1]),
        fieller_set=pieces,
        inside_range=bool(low < point < high),
        lind_mehlum=lind_mehlum_test(b1, b2, V, low, high, fit.df_t),
        two_lines=two_lines_test(data, y, term, controls, shape_up=b2 > 0, **options) if two_lines else None,
        share_beyond=float(np.mean(values > point)),
        range=(low, high),
        curve=_curve(b1, b2, V, np.linspace(low, high, points), critical),
        fit=fit,
    )


def _curve(b1: float, b2: float, V: np.ndarray, grid: np.ndarray, critical: float) -> pd.DataFrame:
    """b1 v + b2 v^2 less its value at the middle of the grid, with pointwise limits."""
    middle = grid.mean()
    weights = np.column_stack([grid - middle, grid**2 - middle**2])
    height = weights @ np.array([b1, b2])
    half = critical * np.sqrt(np.einsum("ij,jk,ik->i", weights, V, weights))
    return pd.DataFrame({"x": grid, "y": height, "lower": height - half, "upper": height + half})
