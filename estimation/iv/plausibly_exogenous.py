"""Bounds for two-stage least squares when the instruments may enter the equation a little (plausibly exogenous).

The model is y = D b + x g + Z c + u with c near zero. For a given c the estimate is b(c) = b - A c, A = (R^'R^)^-1
R^'Z, where R^ are the projected regressors. Source: Conley, Hansen and Rossi (2012), "Plausibly exogenous", Review of
Economics and Statistics 94(1): union of confidence intervals (UCI) and local to zero (LTZ).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Unpack

import numpy as np
import pandas as pd

from estimation.core.frame import EstimationError
from estimation.core.least_squares import least_squares
from estimation.core.options import CovarianceOptions
from estimation.core.results import critical_value
from estimation.core.within import Effects
from estimation.iv.arrays import IVArrays, prepare
from estimation.iv.fit import two_stage_least_squares


@dataclass(frozen=True)
class PlausiblyExogenous:
    """Bounds of the endogenous coefficients.

    Attributes:
        method: ``uci`` or ``ltz``. level: of the intervals. bounds: one row an endogenous variable, columns
            ``estimate`` (of 2SLS; for ``ltz`` shifted by the mean of c), ``conf_low`` and ``conf_high``.
        convention: the prior of c and the covariance in words.
    """

    method: str
    level: float
    bounds: pd.DataFrame
    convention: str


def union_of_intervals(
    df: pd.DataFrame,
    y: str,
    x: str | Sequence[str] | None,
    endog: str | Sequence[str],
    instruments: str | Sequence[str],
    *,
    support: Mapping[str, tuple[float, float]],
    grid: int = 51,
    level: float = 0.95,
    effects: Effects = "twoways",
    **options: Unpack[CovarianceOptions],
) -> PlausiblyExogenous:
    """Union over c in ``support`` of the usual confidence intervals of b(c).

    Args:
        support: smallest and largest direct effect of each instrument; instruments left out have none.
        grid: values of c tried an instrument, ends included.

    Raises:
        EstimationError: as `fit_iv`; a support that names another variable, is not an interval, or a grid below 2.
    """
    arrays = prepare(df, y, x, endog, instruments, effects, options)
    _check_names(arrays, support)
    if grid < 2 or any(not low <= high for low, high in support.values()):
        raise EstimationError("support needs low <= high for every instrument and grid at least 2")
    axes = [np.unique(np.linspace(*support.get(name, (0.0, 0.0)), grid)) for name in arrays.instruments]
    K = len(arrays.endog)
    low, high = np.full(K, np.inf), np.full(K, -np.inf)
    for c in product(*axes):
        beta, _, covariance = two_stage_least_squares(_shifted(arrays, np.array(c)))
        half = critical_value(level, covariance.df_t) * np.sqrt(np.diag(covariance.matrix)[:K])
        low, high = np.minimum(low, beta[:K] - half), np.maximum(high, beta[:K] + half)
    beta, _, covariance = two_stage_least_squares(arrays)
    prior = ", ".join(f"{name} in [{a:g}, {b:g}]" for name, (a, b) in support.items())
    convention = f"Direct effects {prior}; {grid} points each. {covariance.sentence}"
    return PlausiblyExogenous("uci", level, _bounds(arrays, beta, low, high), convention)


def local_to_zero(
    df: pd.DataFrame,
    y: str,
    x: str | Sequence[str] | None,
    endog: str | Sequence[str],
    instruments: str | Sequence[str],
    *,
    mean: Mapping[str, float] | None = None,
    sd: Mapping[str, float],
    level: float = 0.95,
    effects: Effects = "twoways",
    **options: Unpack[CovarianceOptions],
) -> PlausiblyExogenous:
    """Bounds under c ~ N(mean, diag(sd^2)), independent of the errors: b ~ N(b - A mean, V + A diag(sd^2) A').

    Raises:
        EstimationError: as `fit_iv`; a prior that names another variable or a negative standard deviation.
    """
    arrays = prepare(df, y, x, endog, instruments, effects, options)
    centre = {} if mean is None else dict(mean)
    _check_names(arrays, {**centre, **sd})
    if any(value < 0 for value in sd.values()):
        raise EstimationError(f"sd must not be negative: {dict(sd)}")
    beta, _, covariance = two_stage_least_squares(arrays)
    A = direct_effect_shift(arrays)
    mu = np.array([centre.get(name, 0.0) for name in arrays.instruments])
    omega = np.diag([sd.get(name, 0.0) ** 2 for name in arrays.instruments])
    K = len(arrays.endog)
    estimate = (beta - A @ mu)[:K]
    variance = np.diag(covariance.matrix + A @ omega @ A.T)[:K]
    half = critical_value(level, covariance.df_t) * np.sqrt(variance)
    prior = ", ".join(f"{name} ~ N({centre.get(name, 0.0):g}, {value:g}^2)" for name, value in sd.items())
    table = _bounds(arrays, estimate, estimate - half, estimate + half)
    return PlausiblyExogenous("ltz", level, table, f"Direct effects {prior}. {covariance.sentence}")


def direct_effect_shift(arrays: IVArrays) -> np.ndarray:
    """(K + k, L) A: how far the 2SLS estimates move per unit of direct effect of each instrument."""
    fitted = arrays.regressors - least_squares(arrays.regressors, arrays.all_instruments).residuals
    return least_squares(arrays.Z, fitted).beta


def _shifted(arrays: IVArrays, c: np.ndarray) -> IVArrays:
    return replace(arrays, y=arrays.y - arrays.Z @ c)


def _check_names(arrays: IVArrays, given: Mapping[str, object]) -> None:
    unknown = [name for name in given if name not in arrays.instruments]
    if unknown:
        raise EstimationError(
            f"direct effects of {', '.join(unknown)}, not an instrument; instruments: {', '.join(arrays.instruments)}"
        )


def _bounds(arrays: IVArrays, estimate: np.ndarray, low: np.ndarray, high: np.ndarray) -> pd.DataFrame:
    K = len(arrays.endog)
    columns = {"estimate": estimate[:K], "conf_low": low, "conf_high": high}
    return pd.DataFrame(columns, index=list(arrays.endog))
