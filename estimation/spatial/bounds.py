"""The values of rho that a weights matrix admits, and what to say of a printed rho outside them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.linalg import eigs, eigsh

from estimation.core.frame import EstimationError
from estimation.spatial.weights import SpatialWeights, spatial_weights

_REAL = 1e-9


@dataclass(frozen=True)
class RhoCheck:
    """Whether a value of rho can be a maximum-likelihood estimate for a weights matrix.

    Attributes:
        rho: the value in question.
        bounds: the interval around zero in which I - rho W is nonsingular: (1/smallest, 1/largest real eigenvalue).
        possible: whether rho lies inside.
        message: one sentence saying so, with the eigenvalue that W would need.
    """

    rho: float
    bounds: tuple[float, float]
    possible: bool
    message: str


def check_rho(rho: float, W: Any) -> RhoCheck:
    """Say whether a printed rho (or lambda) can occur for W.

    Likelihood estimation keeps rho where I - rho W stays nonsingular on the way from zero. For a row-standardised W the
    upper end is 1 and the lower end 1/omega_min, which is -1 or below but rarely far below.

    Raises:
        EstimationError: rho is not finite or W is unusable (see `estimation.spatial.weights.spatial_weights`).
    """
    if not np.isfinite(rho):
        raise EstimationError(f"rho={rho} is not a finite number")
    weights = W if isinstance(W, SpatialWeights) else spatial_weights(W, islands="allow")
    lower, upper = rho_interval(extreme_eigenvalues(weights))
    interval = f"({lower:.4f}, {upper:.4f}) = (1/{1 / lower:.4f}, 1/{1 / upper:.4f})"
    if lower < rho < upper:
        return RhoCheck(rho, (lower, upper), True, f"rho = {rho:.4f} lies inside the admissible interval {interval}")
    needed = "smallest real eigenvalue above" if rho < 0 else "largest real eigenvalue below"
    message = (
        f"rho = {rho:.4f} cannot occur for this W: the admissible interval is {interval}; "
        f"it would need a W with {needed} {1 / rho:.4f}"
    )
    return RhoCheck(rho, (lower, upper), False, message)


def rho_interval(eigenvalues: np.ndarray) -> tuple[float, float]:
    """(1/smallest, 1/largest) real eigenvalue: the interval around zero in which I - rho W is nonsingular.

    Args:
        eigenvalues: all eigenvalues, or the extreme ones; complex ones bound nothing (LeSage and Pace 2009, 4.3.2).
            Without a negative (positive) real eigenvalue that end is set to -1 (+1) over the spectral radius.
    """
    radius = float(np.abs(eigenvalues).max())
    if radius <= _REAL:
        raise EstimationError("all eigenvalues of W are zero (no two units influence each other): rho has no bound")
    real = eigenvalues[np.abs(np.imag(eigenvalues)) <= _REAL * radius].real
    negative, positive = real[real < -_REAL * radius], real[real > _REAL * radius]
    lower = 1 / negative.min() if len(negative) else -1 / radius
    upper = 1 / positive.max() if len(positive) else 1 / radius
    return float(lower), float(upper)


def all_eigenvalues(weights: SpatialWeights) -> np.ndarray:
    """(n,) eigenvalues of W: real where W is similar to a symmetric matrix, else complex."""
    matrix = weights.matrix if weights.scale is None else weights.symmetric()
    dense = matrix if isinstance(matrix, np.ndarray) else matrix.toarray()
    return np.linalg.eigvals(dense) if weights.scale is None else np.linalg.eigvalsh(dense)


def extreme_eigenvalues(weights: SpatialWeights) -> np.ndarray:
    """Eigenvalues at both ends of the spectrum; all of them for a small or dense W."""
    if not weights.is_sparse or weights.n <= 200:
        return all_eigenvalues(weights)
    start = np.random.default_rng(0).standard_normal(weights.n)
    if weights.scale is not None:
        return eigsh(csr_array(weights.symmetric()), k=2, which="BE", v0=start, return_eigenvectors=False, tol=1e-12)
    matrix = csr_array(weights.matrix)
    ends = [eigs(matrix, k=6, which=w, v0=start, return_eigenvectors=False) for w in ("LM", "SR")]
    return np.concatenate(ends)
