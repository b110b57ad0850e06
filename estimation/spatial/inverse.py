"""What the information matrix and the effects need of (I - rho W)^-1, without more of it in memory than necessary."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy.linalg import lu_factor, lu_solve
from scipy.sparse.linalg import LinearOperator, cg

from estimation.core.frame import EstimationError
from estimation.spatial.logdet import ChebyshevLogDeterminant, LogDeterminant, factorise
from estimation.spatial.weights import SpatialWeights

_BLOCK = 256
_PROBES = 100
Solve = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Resolvent:
    """(I - rho W)^-1 and its transpose as functions of (n, ...) values.

    Attributes:
        exact: whether traces may be computed by n solves; otherwise they are estimated with random probes.
    """

    weights: SpatialWeights
    rho: float
    solve: Solve
    solve_transposed: Solve
    exact: bool

    def lagged(self, values: np.ndarray) -> np.ndarray:
        """G v with G = W (I - rho W)^-1, same shape as ``values``."""
        flat = values.reshape(len(values), -1)
        return np.asarray(self.weights.matrix @ self.solve(flat)).reshape(values.shape)

    def lagged_transposed(self, values: np.ndarray) -> np.ndarray:
        """G'v, same shape as ``values``."""
        flat = values.reshape(len(values), -1)
        return self.solve_transposed(np.asarray(self.weights.matrix.T @ flat)).reshape(values.shape)


def resolvent(weights: SpatialWeights, rho: float, logdet: LogDeterminant) -> Resolvent:
    """Factorise I - rho W once (conjugate gradients where the log-determinant is approximated too)."""
    if isinstance(logdet, ChebyshevLogDeterminant):
        return _conjugate_gradients(weights, rho)
    if weights.is_sparse:
        factors, root = factorise(weights, rho)
        # factors are of D^(1/2) (I - rho W) D^(-1/2)
        return Resolvent(
            weights,
            rho,
            lambda v: factors.solve(v * root[:, None]) / root[:, None],
            lambda v: factors.solve(v / root[:, None], trans="T") * root[:, None],
            True,
        )
    dense = lu_factor(np.eye(weights.n) - rho * np.asarray(weights.matrix))
    return Resolvent(weights, rho, lambda v: lu_solve(dense, v), lambda v: lu_solve(dense, v, trans=1), True)


def _conjugate_gradients(weights: SpatialWeights, rho: float) -> Resolvent:
    if weights.scale is None:
        raise EstimationError("conjugate gradients need a W that is similar to a symmetric matrix")
    similar, root = weights.symmetric(), np.sqrt(weights.scale)[:, None]
    operator = LinearOperator((weights.n, weights.n), matvec=lambda v: v - rho * (similar @ v), dtype=float)

    def inverse(values: np.ndarray) -> np.ndarray:
        columns = [cg(operator, column, rtol=1e-12, atol=0.0) for column in values.T]
        if any(code != 0 for _, code in columns):
            raise EstimationError(f"conjugate gradients did not converge at rho={rho:.6f}; use logdet='lu'")
        return np.column_stack([solution for solution, _ in columns])

    return Resolvent(
        weights, rho, lambda v: inverse(v * root) / root, lambda v: inverse(v / root) * root, False
    )  # fmt: skip


@dataclass(frozen=True)
class InverseTraces:
    """Traces of G = W (I - rho W)^-1 and H = W (I - lambda W)^-1.

    Attributes:
        g, h: tr(G), tr(H). gg, hh: tr(GG), tr(HH). gtg, hth: tr(G'G), tr(H'H). hg, htg: tr(HG), tr(H'G).
        ones_g, ones_h: (n,) G'1 and H'1.
    """

    g: float
    h: float
    gg: float
    hh: float
    gtg: float
    hth: float
    hg: float
    htg: float
    ones_g: np.ndarray
    ones_h: np.ndarray


def inverse_traces(at_rho: Resolvent, at_lambda: Resolvent | None) -> InverseTraces:
    """All traces in one pass over blocks of columns; without ``at_lambda`` those of H equal those of G."""
    n = at_rho.weights.n
    ones = np.ones((n, 1))
    other = at_rho if at_lambda is None else at_lambda
    sums = np.zeros(8)
    for block, weight in _columns(n, at_rho.exact):
        G, Gt = at_rho.lagged(block), at_rho.lagged_transposed(block)
        H, Ht = (G, Gt) if at_lambda is None else (other.lagged(block), other.lagged_transposed(block))
        pairs = [(block, G), (block, H), (Gt, G), (Ht, H), (G, G), (H, H), (Ht, G), (H, G)]
        sums += weight * np.array([float((a * b).sum()) for a, b in pairs])
    ones_g = at_rho.lagged_transposed(ones)[:, 0]
    ones_h = ones_g if at_lambda is None else other.lagged_transposed(ones)[:, 0]
    g, h, gg, hh, gtg, hth, hg, htg = (float(value) for value in sums)
    return InverseTraces(g, h, gg, hh, gtg, hth, hg, htg, ones_g, ones_h)


def _columns(n: int, exact: bool) -> Iterator[tuple[np.ndarray, float]]:
    """Blocks u with sum of weight * u'Au = tr(A): unit vectors, or random signs of a fixed seed."""
    if not exact:
        signs = np.random.default_rng(1).choice([-1.0, 1.0], size=(n, _PROBES))
        yield signs, 1 / _PROBES
        return
    for start in range(0, n, _BLOCK):
        yield np.eye(n, min(_BLOCK, n - start), k=-start), 1.0
