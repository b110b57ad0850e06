"""The constant of a regression with effects, under both conventions, with its standard error.

Each constant is that of a regression that prints it. Grand mean: outcome and regressors with the effects removed and their means
added back, on a constant (all effects average to zero over the observations; linearmodels' constant, Stata's ``xtreg, fe`` with
demeaned year dummies). Base year: the same with entity effects only and a dummy for every period but the first, as
``xtreg y x i.year, fe`` prints. Residuals, and so the sandwich, are those of the fit itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import qr, solve_triangular

from estimation.core.covariance import ErrorStructure, meat
from estimation.core.design import CONSTANT, PanelDesign
from estimation.core.within import Within


@dataclass(frozen=True)
class Constant:
    """Value and standard error."""

    value: float
    std_error: float


def grand_mean_constant(
    design: PanelDesign, beta: np.ndarray, residuals: np.ndarray, structure: ErrorStructure, factor: float
) -> Constant:
    """mean(y) - mean(x)b.

    Args:
        beta: (k,) estimates of ``design.terms``. residuals: (n,). factor: small-sample factor of the fit.
    """
    slopes = [i for i, term in enumerate(design.terms) if term != CONSTANT]
    X, mass = design.X[:, slopes], design.mass
    value = float(np.average(design.y - X @ beta[slopes], weights=mass))
    inner = design.X_within[:, slopes] if design.effects != "none" else X
    weights = _constant_row(_recentred(inner, X, mass), mass)
    return Constant(value, _std_error(weights, residuals, mass, structure, factor))


def base_period_constant(
    design: PanelDesign, beta: np.ndarray, residuals: np.ndarray, structure: ErrorStructure, factor: float
) -> Constant:
    """mean(y - xb - d_t) with d of the first period zero; NaN where periods cannot be compared.

    Arguments as in `grand_mean_constant`.
    """
    if design.effects in ("none", "entity"):
        return grand_mean_constant(design, beta, residuals, structure, factor)
    if not design.is_connected:
        return Constant(np.nan, np.nan)
    frame, mass, outcome = design.frame, design.mass, design.y[:, None]
    dummies = (frame.time_codes[:, None] == np.arange(1, len(frame.times))).astype(float)
    columns = np.column_stack([design.X, dummies])
    if design.effects == "twoways":
        within = Within(frame.entity_codes, frame.time_codes, "entity", design.weights)
        columns = _recentred(within.transform(columns), columns, mass)
        outcome = _recentred(within.transform(outcome), outcome, mass)
    weights = _constant_row(columns, mass)
    return Constant(float(weights @ outcome[:, 0]), _std_error(weights, residuals, mass, structure, factor))


def _recentred(inner: np.ndarray, raw: np.ndarray, mass: np.ndarray) -> np.ndarray:
    """Columns without effects, with the (weighted) mean of the raw columns."""
    return inner - np.average(inner, axis=0, weights=mass) + np.average(raw, axis=0, weights=mass)


def _constant_row(columns: np.ndarray, mass: np.ndarray) -> np.ndarray:
    """(n,) weights on the outcome that give the constant of the regression on ``columns`` and a constant."""
    root = np.sqrt(mass)
    scale = np.linalg.norm(columns * root[:, None], axis=0)
    Z = np.column_stack([columns / np.where(scale > 0, scale, 1.0), np.ones(len(columns))]) * root[:, None]
    Q, R = qr(Z, mode="economic")
    last = np.zeros(R.shape[1])
    last[-1] = 1.0
    return Q @ solve_triangular(R, last, trans="T") * root


def _std_error(
    weights: np.ndarray, residuals: np.ndarray, mass: np.ndarray, structure: ErrorStructure, factor: float
) -> float:
    """Standard error of the linear estimate weights'y: the sandwich of its scalar scores, or sigma^2 sum(weights^2 / w)."""
    if structure.kind == "iid":
        variance = float(mass @ residuals**2) / len(residuals) * float(np.sum(weights**2 / mass))
    else:
        variance = float(meat((weights * residuals)[:, None], structure)[0, 0])
    return float(np.sqrt(max(variance * factor, 0.0)))
