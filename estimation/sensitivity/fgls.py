"""Feasible generalised least squares: panel-specific variances and a common first-order autocorrelation.

Two steps: residuals of the panel regression give the autocorrelation r (pooled over entities, consecutive periods
only) and, after the Prais-Winsten transformation, the variance of each entity; the transformed data are then
regressed by weighted least squares. A transformed entity dummy is the dummy times c (1 - r, or sqrt(1 - r^2) at the
start of a spell), so entity effects are removed by demeaning v/c with weights c^2. Sources: Parks (1967); Kmenta
(1986), ch. 12; Stata's ``xtgls``, whose variance (n in the denominator, normal reference) is followed; Beck and Katz
(1995) for its optimism when periods are few.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Unpack, get_args

import numpy as np
import pandas as pd

from estimation.core.design import CONSTANT, panel_design, regressors
from estimation.core.frame import EstimationError, PanelFrame, panel_frame
from estimation.core.least_squares import LeastSquares, check_full_rank, least_squares
from estimation.core.options import KeyOptions, check_options
from estimation.core.results import Estimates
from estimation.core.within import Effects, Within

Panels = Literal["hetero", "iid"]
Autocorrelation = Literal["none", "ar1"]


@dataclass(frozen=True, kw_only=True)
class Fgls(Estimates):
    """Feasible generalised least squares.

    Attributes:
        rho: estimated autocorrelation (0 without). variances: error variance of each entity (all equal with ``iid``).
    """

    rho: float
    variances: pd.Series


def fit_fgls(
    df: pd.DataFrame,
    y: str,
    x: str | Sequence[str],
    *,
    effects: Effects = "twoways",
    panels: Panels = "hetero",
    corr: Autocorrelation = "none",
    **keys: Unpack[KeyOptions],
) -> Fgls:
    """Two-step FGLS with effects.

    Args:
        panels: ``hetero`` one error variance an entity, ``iid`` one for all. corr: ``ar1`` a common autocorrelation;
            the time column must then be whole numbers.

    Raises:
        EstimationError: unknown options, an entity whose residuals vanish (too few periods for its own variance), or as
            `estimation.panel.fit_panel`.
    """
    check_options(keys, KeyOptions)
    if panels not in get_args(Panels) or corr not in get_args(Autocorrelation):
        raise EstimationError(f"panels={panels!r}, corr={corr!r}: allowed are hetero, iid and none, ar1")
    entity, time = keys.get("entity", "city_code"), keys.get("time", "year")
    names = regressors(x, y)
    frame = panel_frame(df, [y, *names], entity=entity, time=time)
    design = panel_design(frame, y, names, effects)
    check_full_rank(design.X_within, design.X, list(design.terms))
    residuals = least_squares(design.y_within, design.X_within).residuals
    follows = _follows(frame, time, corr)
    rho = _autocorrelation(residuals, follows) if corr == "ar1" else 0.0
    ones = np.ones(len(frame.data))
    columns, terms = _columns(frame, names, effects)
    transformed = _prais_winsten(np.column_stack([design.y, columns, ones]), follows, rho)
    first = _regress(frame, transformed, effects, ones)
    variances = _variances(frame, first.residuals, panels)
    fit = _regress(frame, transformed, effects, 1 / variances[frame.entity_codes])
    scale = 1.0
    if panels == "iid":
        scale = float(np.mean(fit.residuals**2 / variances[frame.entity_codes]))
    kept = [i for i, name in enumerate(terms) if name in (*names, CONSTANT)]
    labels = [terms[i] for i in kept]
    return Fgls(
        dependent=y,
        estimator="fgls",
        vcov=f"{panels}, {corr}",
        convention=(
            f"FGLS, effects: {effects}, panels: {panels}, autocorrelation: {corr} (pooled r = {rho:.4f}); variances divide by "
            "the number of periods; normal reference distribution."
        ),
        coef=pd.Series(fit.beta[kept], index=labels, name="estimate"),
        cov=pd.DataFrame(fit.bread[np.ix_(kept, kept)] * scale, index=labels, columns=labels),
        nobs=len(frame.data),
        n_entities=len(frame.entities),
        df_resid=float(len(frame.data) - len(kept) - design.absorbed.rank),
        n_dropped=frame.n_dropped,
        rho=rho,
        variances=pd.Series(variances, index=frame.entities, name="variance"),
    )


def _follows(frame: PanelFrame, time: str, corr: Autocorrelation) -> np.ndarray:
    """(n,) whether a row is the same entity one period after the row before it."""
    if corr == "none":
        return np.zeros(len(frame.data), dtype=bool)
    try:
        when = frame.data[time].to_numpy(dtype=float)
    except (TypeError, ValueError) as error:
        raise EstimationError(f"corr='ar1' needs numeric periods; {time} is not") from error
    same = np.concatenate([[False], np.diff(frame.entity_codes) == 0])
    return same & (np.concatenate([[np.nan], np.diff(when)]) == 1)


def _autocorrelation(residuals: np.ndarray, follows: np.ndarray) -> float:
    """Regression of a residual on its predecessor, pooled, kept inside (-.99, .99)."""
    now, before = residuals[follows], residuals[np.flatnonzero(follows) - 1]
    if len(now) == 0:
        raise EstimationError("no two consecutive periods of one entity: an autocorrelation cannot be estimated")
    return float(np.clip(now @ before / (before @ before), -0.99, 0.99))


def _prais_winsten(values: np.ndarray, follows: np.ndarray, rho: float) -> np.ndarray:
    """v_t - r v_{t-1}, and sqrt(1 - r^2) v_t at the start of a spell."""
    result = values * np.sqrt(1 - rho**2)
    at = np.flatnonzero(follows)
    result[at] = values[at] - rho * values[at - 1]
    return result


def _columns(frame: PanelFrame, names: Sequence[str], effects: Effects) -> tuple[np.ndarray, list[str]]:
    """Regressors, constant (no effects) and period dummies (time and two-way effects), with their names."""
    blocks, terms = [frame.array(list(names))], list(names)
    if effects == "none":
        blocks.append(np.ones((len(frame.data), 1)))
        terms.append(CONSTANT)
    if effects in ("time", "twoways"):
        start = 1 if effects == "twoways" else 0
        dummies = frame.time_codes[:, None] == np.arange(start, len(frame.times))
        blocks.append(dummies.astype(float))
        terms += [f"period {t}" for t in range(start, len(frame.times))]
    return np.column_stack(blocks), terms


def _regress(frame: PanelFrame, transformed: np.ndarray, effects: Effects, weights: np.ndarray) -> LeastSquares:
    """Weighted least squares of the transformed outcome; residuals are those of the transformed model."""
    c = transformed[:, -1]
    y, X = transformed[:, 0], transformed[:, 1:-1]
    if effects not in ("entity", "twoways"):
        return least_squares(y, X, weights)
    within = Within(frame.entity_codes, frame.time_codes, "entity", weights * c**2)
    inside = within.transform(np.column_stack([y, X]) / c[:, None]) * c[:, None]
    return least_squares(inside[:, 0], inside[:, 1:], weights)


def _variances(frame: PanelFrame, residuals: np.ndarray, panels: Panels) -> np.ndarray:
    """(N,) mean squared residual of each entity, or of all."""
    if panels == "iid":
        return np.full(len(frame.entities), float(np.mean(residuals**2)))
    count = np.bincount(frame.entity_codes)
    own = np.bincount(frame.entity_codes, residuals**2) / count
    vanishing = own <= 1e-12 * np.mean(residuals**2)
    if vanishing.any():
        bad = ", ".join(map(str, frame.entities[vanishing][:5]))
        raise EstimationError(f"residuals of {bad} vanish: too few periods for its own variance; use panels='iid'")
    return own
