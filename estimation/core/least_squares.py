"""Weighted least squares by one QR decomposition, with collinear columns named instead of dropped in silence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import qr, solve_triangular

from estimation.core.frame import EstimationError

COLLINEAR_TOLERANCE = 1e-9


@dataclass(frozen=True)
class LeastSquares:
    """Solution of min (y - Xb)'W(y - Xb).

    Attributes:
        beta: (k,) or (k, m) for several left-hand sides.
        residuals: y - Xb, same shape as y.
        bread: (k, k) (X'WX)^-1.
    """

    beta: np.ndarray
    residuals: np.ndarray
    bread: np.ndarray


def least_squares(y: np.ndarray, X: np.ndarray, weights: np.ndarray | None = None) -> LeastSquares:
    """Weighted least squares of (n,) or (n, m) ``y`` on full-rank (n, k) ``X`` with (n,) positive weights."""
    root = np.ones(len(X)) if weights is None else np.sqrt(weights)
    scale = np.linalg.norm(X * root[:, None], axis=0)
    Q, R = qr(X * (root[:, None] / scale), mode="economic")
    weighted_y = y * (root if y.ndim == 1 else root[:, None])
    R_inverse = solve_triangular(R, np.eye(X.shape[1])) / scale[:, None]
    beta = R_inverse @ (Q.T @ weighted_y)
    return LeastSquares(beta, y - X @ beta, R_inverse @ R_inverse.T)


def dependent_columns(X: np.ndarray, original: np.ndarray, weights: np.ndarray | None = None) -> dict[int, list[int]]:
    """Columns of ``X`` that earlier columns (or the effects already removed) explain.

    Args:
        X: (n, k) columns after the effects are removed. original: (n, k) the same columns before.

    Returns:
        {column: earlier columns it is a combination of}; an empty list means that the effects absorb it.
        A column counts as dependent when less than 1e-9 of its norm is left.
    """
    root = np.ones(len(X)) if weights is None else np.sqrt(weights)
    scaled = X * root[:, None]
    before = np.linalg.norm(original * root[:, None], axis=0)
    norms = np.linalg.norm(scaled, axis=0)
    found: dict[int, list[int]] = {}
    kept: list[int] = []
    basis = np.empty((len(X), 0))
    for j in range(X.shape[1]):
        if norms[j] <= COLLINEAR_TOLERANCE * before[j]:
            found[j] = []
            continue
        rest = scaled[:, j] / norms[j]
        for _ in range(2):
            rest = rest - basis @ (basis.T @ rest)
        if np.linalg.norm(rest) <= COLLINEAR_TOLERANCE * max(1.0, before[j] / norms[j]):
            shares = np.linalg.lstsq(scaled[:, kept] / norms[kept], scaled[:, j] / norms[j], rcond=None)[0]
            found[j] = [kept[i] for i in np.flatnonzero(np.abs(shares) > 1e-6)]
            continue
        basis = np.column_stack([basis, rest / np.linalg.norm(rest)])
        kept.append(j)
    return found


def describe_dependence(found: dict[int, list[int]], names: Sequence[str]) -> str:
    """The dependent columns in words, e.g. ``"z is absorbed by the effects; w is a combination of a, b"``."""
    parts = [
        f"{names[j]} is a combination of {', '.join(names[i] for i in others)}"
        if others
        else f"{names[j]} does not vary once the constant or effects are removed"
        for j, others in found.items()
    ]
    return "; ".join(parts)


def check_full_rank(
    X: np.ndarray, original: np.ndarray, names: Sequence[str], weights: np.ndarray | None = None
) -> None:
    """Raise an EstimationError that names every column which is absorbed or collinear."""
    found = dependent_columns(X, original, weights)
    if found:
        raise EstimationError(f"not identified: {describe_dependence(found, names)}; leave the column(s) out")
