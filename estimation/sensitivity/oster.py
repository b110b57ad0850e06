"""Selection on unobservables relative to observables (Oster's delta and bias-adjusted effect).

With short regression (b0, R0), long regression (b1, R1), largest R2 R_max, variances s_y, s_x of outcome and
treatment and t_x of the treatment less its projection on the controls, the bias v = b1 - b* solves

    (d - 1)(t_x s_x - t_x^2) v^3 + t_x (b0 - b1) s_x (d - 2) v^2
      + [d (R_max - R1) s_y (s_x - t_x) - (R1 - R0) s_y t_x - s_x t_x (b0 - b1)^2] v + d (R_max - R1) s_y (b0 - b1)
      s_x = 0,

linear in d given b*, cubic in v given d. Source: Oster (2019), Journal of Business & Economic Statistics 37(2),
Propositions 2-3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Unpack

import numpy as np
import pandas as pd

from estimation.core.design import panel_design
from estimation.core.frame import EstimationError, PanelFrame, panel_frame
from estimation.core.least_squares import check_full_rank, least_squares
from estimation.core.options import KeyOptions, check_options
from estimation.core.terms import names
from estimation.core.within import Effects


@dataclass(frozen=True)
class OsterMoments:
    """Short and long regression: slopes b0, b1, shares explained R0, R1, variances s_y, s_x, t_x."""

    b0: float
    R0: float
    b1: float
    R1: float
    s_y: float
    s_x: float
    t_x: float


@dataclass(frozen=True)
class Oster:
    """Oster's robustness to unobservables.

    Attributes:
        delta: selection on unobservables, relative to observables, at which the effect equals ``beta``.
        beta_star: effect at the assumed delta (the root nearest to the long estimate). roots: all real solutions.
        bound: identified set between the long estimate and ``beta_star``, sorted.
        short, long: coefficients without and with the controls. r2_short, r2_long, r2_max: their R2.
        convention: the choices in words.
    """

    delta: float
    beta_star: float
    roots: tuple[float, ...]
    bound: tuple[float, float]
    short: float
    long: float
    r2_short: float
    r2_long: float
    r2_max: float
    convention: str


def oster_delta(
    df: pd.DataFrame,
    y: str,
    treat: str,
    x: str | Sequence[str] | None,
    *,
    r2_max: float | None = None,
    beta: float = 0.0,
    delta: float = 1.0,
    always: str | Sequence[str] = (),
    effects: Effects = "twoways",
    **keys: Unpack[KeyOptions],
) -> Oster:
    """Oster's delta for ``beta`` and the effect at ``delta``.

    Absorbed effects and ``always`` controls are partialled out of everything first, so both R2 refer to the variation
    they leave.

    Args:
        x: controls whose selection is compared. r2_max: R2 with all unobservables; default min(1.3 R2 of the long
            model, 1).
        beta: effect whose delta is asked for. delta: selection at which the effect is computed.

    Raises:
        EstimationError: as `estimation.panel.fit_panel`; no control; r2_max not between the long R2 and 1.
    """
    check_options(keys, KeyOptions)
    controls = names(x)
    fixed = [always] if isinstance(always, str) else list(always)
    if not controls:
        raise EstimationError("x names no control: there is no selection on observables to compare with")
    keyed = panel_frame(
        df, [y, treat, *controls, *fixed], entity=keys.get("entity", "city_code"), time=keys.get("time", "year")
    )
    moments = _partialled_moments(keyed, y, treat, controls, fixed, effects)
    largest = min(1.3 * moments.R1, 1.0) if r2_max is None else r2_max
    if not moments.R1 <= largest <= 1:
        raise EstimationError(f"r2_max={largest:g} must lie between the R2 with controls ({moments.R1:.4f}) and 1")
    roots = bias_adjusted(moments, delta, largest)
    star = min(roots, key=lambda root: abs(root - moments.b1))
    return Oster(
        delta=delta_for(moments, beta, largest),
        beta_star=star,
        roots=roots,
        bound=(min(star, moments.b1), max(star, moments.b1)),
        short=moments.b0,
        long=moments.b1,
        r2_short=moments.R0,
        r2_long=moments.R1,
        r2_max=largest,
        convention=(
            f"Oster (2019): R2 of the variation left by {effects} effects"
            + (f" and {', '.join(fixed)}" if fixed else "")
            + f", R2 max {largest:.4f}; delta for an effect of {beta:g}, effect at delta {delta:g}."
        ),
    )


def _partialled_moments(
    frame: PanelFrame, y: str, treat: str, controls: Sequence[str], fixed: Sequence[str], effects: Effects
) -> OsterMoments:
    """Moments after effects (or the constant) and the controls that are always in are partialled out."""
    design = panel_design(frame, y, [treat, *controls, *fixed], effects)
    check_full_rank(design.X_within, design.X, list(design.terms))
    nuisance = design.X_within[:, 1 + len(controls) :]
    block = np.column_stack([design.y_within, design.X_within[:, : 1 + len(controls)]])
    if nuisance.shape[1]:
        block = least_squares(block, nuisance).residuals
    return oster_moments(block[:, 0], block[:, 1], block[:, 2:])


def oster_moments(y: np.ndarray, d: np.ndarray, controls: np.ndarray) -> OsterMoments:
    """Moments from (n,) outcome and treatment and (n, k) controls, all without mean."""
    n = len(y)
    s_y, s_x = float(y @ y) / n, float(d @ d) / n
    b0 = float(d @ y) / float(d @ d)
    long = least_squares(y, np.column_stack([d, controls]))
    left = least_squares(d, controls).residuals
    residual = y - d * b0
    R0, R1 = 1 - float(residual @ residual) / n / s_y, 1 - float(long.residuals @ long.residuals) / n / s_y
    return OsterMoments(b0, R0, float(long.beta[0]), R1, s_y, s_x, float(left @ left) / n)


def _coefficients(m: OsterMoments, r2_max: float) -> tuple[np.ndarray, np.ndarray]:
    """(p, q), each highest power first, such that the cubic in v is d p(v) - q(v)."""
    gap, extra = m.b0 - m.b1, (r2_max - m.R1) * m.s_y
    cubic = m.t_x * m.s_x - m.t_x**2
    p = np.array([cubic, m.t_x * gap * m.s_x, extra * (m.s_x - m.t_x), extra * gap * m.s_x])
    q = np.array([cubic, 2 * m.t_x * gap * m.s_x, (m.R1 - m.R0) * m.s_y * m.t_x + m.s_x * m.t_x * gap**2, 0.0])
    return p, q


def delta_for(m: OsterMoments, beta: float, r2_max: float) -> float:
    """Delta at which the effect equals ``beta``; NaN when no selection can bring it there."""
    p, q = _coefficients(m, r2_max)
    denominator = float(np.polyval(p, m.b1 - beta))
    return float(np.polyval(q, m.b1 - beta)) / denominator if denominator != 0 else float("nan")


def bias_adjusted(m: OsterMoments, delta: float, r2_max: float) -> tuple[float, ...]:
    """All real effects consistent with ``delta``, sorted."""
    p, q = _coefficients(m, r2_max)
    roots = np.roots(np.trim_zeros(delta * p - q, "f"))
    real = roots[np.abs(roots.imag) <= 1e-9 * np.maximum(np.abs(roots.real), 1e-12)].real
    if len(real) == 0:
        raise EstimationError(f"no effect is consistent with delta={delta:g} and r2_max={r2_max:g}")
    return tuple(sorted(float(m.b1 - v) for v in real))
