"""log|I - rho W| and tr(W (I - rho W)^-1) as functions of rho: by eigenvalues, sparse factorisation or approximation.

Every method gives both functions, since the score of the likelihood and the effects need the trace:
d/d rho log|I - rho W| = -tr(W (I - rho W)^-1). Sources: Ord (1975) for eigenvalues; Pace and Barry (1997) for sparse
factorisation; Pace and LeSage (2004) and Han, Malioutov and Shin (2015) for Chebyshev expansions with random probes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, Protocol, get_args

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import splu

from estimation.core.frame import EstimationError
from estimation.spatial.bounds import all_eigenvalues, extreme_eigenvalues, rho_interval
from estimation.spatial.weights import SpatialWeights

LogdetMethod = Literal["auto", "eigen", "lu", "chebyshev"]
_SPARSE_FROM = 800
_IMAGINARY_STEP = 1e-30


class LogDeterminant(Protocol):
    """The two functions of rho, for a scalar or an array of values inside ``bounds``."""

    @property
    def bounds(self) -> tuple[float, float]:
        """Open interval of admissible rho."""
        ...

    def value(self, rho: np.ndarray | float) -> np.ndarray:
        """log|I - rho W|, same shape as ``rho``."""
        ...

    def trace(self, rho: np.ndarray | float) -> np.ndarray:
        """tr(W (I - rho W)^-1), same shape as ``rho``."""
        ...

    def describe(self) -> str:
        """The method in words, with its error where it is an approximation."""
        ...


@dataclass(frozen=True)
class EigenLogDeterminant:
    """Exact: sum of log|1 - rho omega_i| over the (real or complex) eigenvalues of W."""

    eigenvalues: np.ndarray
    bounds: tuple[float, float]

    def value(self, rho: np.ndarray | float) -> np.ndarray:
        r = np.asarray(rho, dtype=float)
        return np.log(np.abs(1 - r[..., None] * self.eigenvalues)).sum(axis=-1)

    def trace(self, rho: np.ndarray | float) -> np.ndarray:
        r = np.asarray(rho, dtype=float)
        return (self.eigenvalues / (1 - r[..., None] * self.eigenvalues)).sum(axis=-1).real

    def describe(self) -> str:
        return "log-determinant exact by eigenvalues"


@dataclass(frozen=True)
class LuLogDeterminant:
    """Exact: sparse LU factors of I - rho W at each rho; the trace by a complex step, exact to rounding.

    Values are kept by rho, since nested models ask for the same points.
    """

    weights: SpatialWeights
    bounds: tuple[float, float]
    _values: dict[float, float] = field(default_factory=dict, repr=False)

    def value(self, rho: np.ndarray | float) -> np.ndarray:
        return self._each(rho, self._value)

    def trace(self, rho: np.ndarray | float) -> np.ndarray:
        return self._each(rho, self._trace)

    def describe(self) -> str:
        return "log-determinant exact by sparse LU factors"

    def _each(self, rho: np.ndarray | float, function: Callable[[float], float]) -> np.ndarray:
        r = np.asarray(rho, dtype=float)
        return np.array([function(float(one)) for one in r.ravel()]).reshape(r.shape)

    def _value(self, rho: float) -> float:
        if rho not in self._values:
            self._values[rho] = float(np.log(np.abs(self._diagonal(rho))).sum())
        return self._values[rho]

    def _trace(self, rho: float) -> float:
        pivots = self._diagonal(complex(rho, _IMAGINARY_STEP))
        return float(-(pivots.imag / pivots.real).sum() / _IMAGINARY_STEP)

    def _diagonal(self, rho: complex) -> np.ndarray:
        factors, _ = factorise(self.weights, rho)
        return factors.U.diagonal()


def factorise(weights: SpatialWeights, rho: complex) -> tuple[sparse.linalg.SuperLU, np.ndarray]:
    """Sparse LU factors of D^(1/2) (I - rho W) D^(-1/2), and (n,) D^(1/2).

    D is the symmetrising scale (the identity where there is none): the scaled matrix is symmetric positive definite
    between the bounds of rho, so it needs no pivoting and fills in least.
    """
    if weights.scale is None:
        similar, root, options = sparse.csr_array(weights.matrix), np.ones(weights.n), {}
    else:
        similar, root = sparse.csr_array(weights.symmetric()), np.sqrt(weights.scale)
        options = {
            "permc_spec": "MMD_AT_PLUS_A",
            "diag_pivot_thresh": 0.0,
            "options": {"SymmetricMode": True},
        }
    return splu((sparse.eye_array(weights.n) - rho * similar).tocsc(), **options), root


@dataclass(frozen=True)
class ChebyshevLogDeterminant:
    """Approximation for large W with real eigenvalues in [-radius, radius].

    With q = (1 - sqrt(1 - r^2))/r and r = rho * radius: log|I - rho W| = -n log(1 + q^2) - 2 sum_k q^k tr(T_k)/k,
    T_k the Chebyshev polynomials of W/radius. The traces of T_0, T_1, T_2 are exact, higher ones are means of
    u'T_k u over random signs u, drawn with a fixed seed.

    Attributes:
        traces: (K,) tr(T_1), ..., tr(T_K). per_probe: (m, K) the estimate of each probe.
    """

    n: int
    radius: float
    traces: np.ndarray
    per_probe: np.ndarray
    bounds: tuple[float, float]

    def value(self, rho: np.ndarray | float) -> np.ndarray:
        q = self._q(rho)
        return -self.n * np.log1p(q**2) - 2 * self._powers(q) @ (self.traces / np.arange(1, len(self.traces) + 1))

    def trace(self, rho: np.ndarray | float) -> np.ndarray:
        q, r = self._q(rho), np.asarray(rho, dtype=float) * self.radius
        slope = (1 + q**2) / (2 * (1 - r * q))
        powers_below = self._powers(q) / np.where(q == 0, 1, q)[..., None]
        powers_below = np.where((q == 0)[..., None], np.eye(1, len(self.traces))[0], powers_below)
        return self.radius * slope * (2 * self.n * q / (1 + q**2) + 2 * powers_below @ self.traces)

    def standard_error(self, rho: float) -> float:
        """Standard error of ``value(rho)`` from the spread over the probes."""
        terms = -2 * self.per_probe @ (self._powers(self._q(rho)) / np.arange(1, len(self.traces) + 1))
        return float(terms.std(ddof=1) / np.sqrt(len(terms)))

    def describe(self) -> str:
        return (
            f"log-determinant approximated by a Chebyshev expansion of order {len(self.traces)} "
            f"with {len(self.per_probe)} random probes"
        )

    def _q(self, rho: np.ndarray | float) -> np.ndarray:
        r = np.asarray(rho, dtype=float) * self.radius
        return r / (1 + np.sqrt(1 - r**2))

    def _powers(self, q: np.ndarray) -> np.ndarray:
        return q[..., None] ** np.arange(1, len(self.traces) + 1)


def log_determinant(weights: SpatialWeights, method: LogdetMethod = "auto") -> LogDeterminant:
    """The log-determinant of I - rho W.

    Args:
        method: ``eigen`` and ``lu`` are exact; ``chebyshev`` is an approximation, never chosen by itself; ``auto``
            factorises a sparse W with more than 800 units and takes eigenvalues otherwise.

    Raises:
        EstimationError: unknown method, or ``chebyshev`` for a W that is not similar to a symmetric matrix.
    """
    if method not in get_args(LogdetMethod):
        raise EstimationError(f"logdet={method!r} is not one of {', '.join(get_args(LogdetMethod))}")
    if method == "auto":
        method = "lu" if weights.is_sparse and weights.n > _SPARSE_FROM else "eigen"
    if method == "eigen":
        values = all_eigenvalues(weights)
        return EigenLogDeterminant(values, rho_interval(values))
    bounds = rho_interval(extreme_eigenvalues(weights))
    if method == "lu":
        return LuLogDeterminant(weights, bounds)
    return _chebyshev(weights, bounds)


def _chebyshev(
    weights: SpatialWeights, bounds: tuple[float, float], order: int = 60, probes: int = 60
) -> ChebyshevLogDeterminant:
    if weights.scale is None:
        raise EstimationError(
            "logdet='chebyshev' needs a W that is similar to a symmetric matrix (this one is not); use 'lu' or 'eigen'"
        )
    similar = weights.symmetric()
    radius = 1 / min(abs(bounds[0]), abs(bounds[1]))
    scaled = similar / radius
    signs = np.random.default_rng(0).choice([-1.0, 1.0], size=(weights.n, probes))
    per_probe = np.empty((probes, order))
    before, now = signs, np.asarray(scaled @ signs)
    for k in range(1, order + 1):
        per_probe[:, k - 1] = (signs * now).sum(axis=0)
        before, now = now, 2 * np.asarray(scaled @ now) - before
    # The first two traces are known: tr(W) = 0 and tr(W^2) = sum of squares of the symmetric form.
    values = scaled if isinstance(scaled, np.ndarray) else scaled.data
    per_probe[:, 0], per_probe[:, 1] = 0.0, 2 * float((values**2).sum()) - weights.n
    return ChebyshevLogDeterminant(weights.n, radius, per_probe.mean(axis=0), per_probe, (-1 / radius, 1 / radius))
