"""One- and two-step linear GMM on a stacked panel system, with the finite-sample correction of Windmeijer (2005).

Notation: Z'X and Z'y are sums over entities; A is a weighting matrix; the estimator is
b = (X'Z A Z'X)^-1 X'Z A Z'y. Sources: Arellano and Bond (1991), Blundell and Bond (1998), Windmeijer (2005, J. Econometrics
126:25-51, eq. 2.8), Roodman (2009, sec. 2-3).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from estimation.core.frame import EstimationError
from estimation.gmm.arrays import transform_matrix
from estimation.gmm.system import System

RANK_TOLERANCE = 1e-12


@dataclass(frozen=True)
class Moments:
    """Sums the estimator needs.

    Attributes:
        ZX: (j, k) and Zy: (j,) sums over entities.
        ZiXi: (N, j, k) and Ziyi: (N, j) by entity.
        ZHZ: (j, j) sum of Z_i' H Z_i.
    """

    ZX: np.ndarray
    Zy: np.ndarray
    ZiXi: np.ndarray
    Ziyi: np.ndarray
    ZHZ: np.ndarray


@dataclass(frozen=True)
class Step:
    """One GMM step.

    Attributes:
        coef: (k,); A: (j, j) weighting matrix; bread: (k, k) inverse of X'Z A Z'X.
        residuals: (N, R), zero on unused rows; Zu: (N, j) Z_i' u_i.
        rank: rank of the matrix that A inverts (below j: a generalised inverse was used).
    """

    coef: np.ndarray
    A: np.ndarray
    bread: np.ndarray
    residuals: np.ndarray
    Zu: np.ndarray
    rank: int


def generalized_inverse(S: np.ndarray) -> tuple[np.ndarray, int]:
    """Inverse of a symmetric positive semi-definite (j, j) matrix, generalised where singular, and its rank.

    The matrix is scaled to a unit diagonal first, so that neither the inverse nor the rank depends on units of measurement.
    """
    scale = np.sqrt(np.clip(np.diag(S), 0.0, None))
    scale = np.where(scale > 0, scale, 1.0)
    values, vectors = np.linalg.eigh(S / np.outer(scale, scale))
    kept = values > RANK_TOLERANCE * max(values[-1], 0.0)
    basis = vectors[:, kept] / scale[:, None]
    return (basis / values[kept]) @ basis.T, int(kept.sum())


def error_covariance(system: System, h: int) -> np.ndarray:
    """(R, R) matrix H, the a-priori covariance of the stacked errors of one entity (xtabond2's ``h``).

    h=1: identity. h=2: M M' for the transformed errors, identity for levels. h=3: also their covariance M.
    """
    length = system.length
    identity = np.eye(length)
    M = identity if h == 1 else transform_matrix(system.transform, length)
    if not system.is_system:
        return M @ M.T
    if h == 3:
        stacked = np.vstack([M, identity])
        return stacked @ stacked.T
    zero = np.zeros((length, length))
    return np.block([[M @ M.T, zero], [zero, identity]])


def moments(system: System, h: int) -> Moments:
    """Cross-products of the system."""
    Zt = system.Z.transpose(0, 2, 1)
    ZiXi = Zt @ system.X
    Ziyi = (Zt @ system.y[:, :, None])[:, :, 0]
    HZ = error_covariance(system, h) @ system.Z
    ZHZ = np.tensordot(system.Z, HZ, axes=([0, 1], [0, 1]))
    return Moments(ZiXi.sum(axis=0), Ziyi.sum(axis=0), ZiXi, Ziyi, (ZHZ + ZHZ.T) / 2)


def solve(system: System, m: Moments, S: np.ndarray) -> Step:
    """GMM with the inverse of S (j, j) as weighting matrix.

    Raises:
        EstimationError: the instruments do not identify every coefficient.
    """
    A, rank = generalized_inverse(S)
    XZA = m.ZX.T @ A
    bread, identified = generalized_inverse(XZA @ m.ZX)
    if identified < len(system.terms):
        raise EstimationError(
            f"not identified: the instruments determine {identified} of {len(system.terms)} coefficients"
            f" ({', '.join(system.terms)}); add instruments or drop regressors"
        )
    coef = bread @ (XZA @ m.Zy)
    residuals = np.where(system.used, system.y - system.X @ coef, 0.0)
    return Step(coef, A, bread, residuals, m.Ziyi - m.ZiXi @ coef, rank)


def robust_covariance(step: Step, m: Moments) -> np.ndarray:
    """(k, k) sandwich, clustered by entity: B X'Z A (sum Z_i'u_i u_i'Z_i) A Z'X B."""
    influence = step.bread @ m.ZX.T @ step.A
    return influence @ (step.Zu.T @ step.Zu) @ influence.T


def windmeijer_covariance(first: Step, second: Step, m: Moments) -> np.ndarray:
    """(k, k) two-step covariance corrected for the estimated weighting matrix.

    V + D V + V D' + D V1 D' with column l of D equal to B2 X'Z A2 sum_i Z_i'(x_il u1_i' + u1_i x_il')Z_i A2 Z'u2.
    """
    weighted = second.A @ second.Zu.sum(axis=0)
    scalars = first.Zu @ weighted
    slopes = np.einsum("njk,j->nk", m.ZiXi, weighted)
    derivative = np.einsum("n,njk->jk", scalars, m.ZiXi) + first.Zu.T @ slopes
    D = second.bread @ m.ZX.T @ second.A @ derivative
    V = second.bread
    cross = D @ V
    return V + cross + cross.T + D @ robust_covariance(first, m) @ D.T


def error_variance(system: System, step: Step, h: int) -> tuple[float, int]:
    """Variance of the idiosyncratic error from first-step residuals (divided by N), and that N.

    Residuals of the transformed equation, halved when they are first differences (their variance is twice that of the
    levels errors); with h=1 in a system, of the levels equation.
    """
    levels = system.is_system and h == 1
    rows = slice(system.length, None) if levels else slice(0, system.length)
    count = int(system.used[:, rows].sum())
    doubled = system.transform == "fd" and h != 1
    return float((step.residuals[:, rows] ** 2).sum() / (count * (2 if doubled else 1))), count
