"""Maximum likelihood of spatial panels: the likelihood concentrated on rho and lambda, and its maximum.

(I - lambda W)[(I - rho W) y_t - X_t b] = effects + e_t,  e ~ N(0, s2):
ln L = T'[ln|I - rho W| + ln|I - lambda W|] - m/2 [ln(2 pi s2) + 1],  s2 = SSR(rho, lambda)/m.
Without the Lee-Yu transformation T' = T, m = N T (Elhorst 2014, ch. 3). With it T' = T - 1 for entity effects; with
time effects m has N - 1 units and ln(1 - rho c) comes off the determinant, c the common row sum of W (Lee and Yu 2010).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq, minimize, root

from estimation.core.frame import EstimationError
from estimation.spatial.data import SpatialDesign
from estimation.spatial.logdet import LogDeterminant

_GRID_ONE = 41
_GRID_TWO = 21


@dataclass(frozen=True)
class Degrees:
    """Effective numbers of the likelihood.

    Attributes:
        periods: T'. observations: m. row_sum: c where ln(1 - rho c) comes off the determinant, else None.
    """

    periods: int
    observations: int
    row_sum: float | None


@dataclass(frozen=True)
class Maximum:
    """Maximum of the likelihood: rho, lambda_ (zero where absent), beta (k,), s2, ln L; number of local maxima."""

    rho: float
    lambda_: float
    beta: np.ndarray
    sigma2: float
    loglik: float
    n_maxima: int


@dataclass(frozen=True)
class Profile:
    """The likelihood as a function of (rho, lambda) alone.

    Attributes:
        compressed: (p, 3 + 2k) R of the QR decomposition of [y0, y1, y2, X0, X1]: sums of squares of combinations of
            these columns are those of the data, without their size. scale: (k,) norms by which X0, X1 are divided.
        has_rho, has_lambda: which of the two is estimated.
    """

    compressed: np.ndarray
    scale: np.ndarray
    degrees: Degrees
    logdet: LogDeterminant
    has_rho: bool
    has_lambda: bool

    def filtered(self, rho: float, lambda_: float) -> tuple[np.ndarray, np.ndarray]:
        """Compressed outcome (p,) and regressors (p, k) filtered by (I - rho W) and (I - lambda W)."""
        k = len(self.scale)
        y0, y1, y2 = self.compressed[:, :3].T
        X0, X1 = self.compressed[:, 3 : 3 + k], self.compressed[:, 3 + k :]
        y = y0 - rho * y1 - lambda_ * (y1 - rho * y2)
        return (y, X0 - lambda_ * X1) if self.has_lambda else (y, X0)

    def regress(self, rho: float, lambda_: float) -> tuple[np.ndarray, np.ndarray]:
        """Scaled coefficients (k,) and compressed residuals (p,)."""
        y, X = self.filtered(rho, lambda_)
        beta = np.linalg.lstsq(X, y, rcond=None)[0]
        return beta, y - X @ beta

    def loglik(self, rho: float, lambda_: float) -> float:
        """ln L maximised over beta and s2."""
        residuals = self.regress(rho, lambda_)[1]
        m = self.degrees.observations
        determinants = self._log_jacobian(rho, self.has_rho) + self._log_jacobian(lambda_, self.has_lambda)
        return self.degrees.periods * determinants - m / 2 * (np.log(2 * np.pi * (residuals @ residuals) / m) + 1)

    def score(self, rho: float, lambda_: float) -> np.ndarray:
        """(2,) derivatives of ``loglik`` in rho and lambda (envelope theorem)."""
        beta, residuals = self.regress(rho, lambda_)
        k, m, periods = len(self.scale), self.degrees.observations, self.degrees.periods
        _, y1, y2 = self.compressed[:, :3].T
        along_rho = y1 - lambda_ * y2
        along_lambda = y1 - rho * y2 - self.compressed[:, 3 + k :] @ beta if self.has_lambda else y1
        fit = m / (residuals @ residuals) * np.array([residuals @ along_rho, residuals @ along_lambda])
        traces = np.array([self._trace(rho, self.has_rho), self._trace(lambda_, self.has_lambda)])
        return fit - periods * traces

    def _log_jacobian(self, value: float, present: bool) -> float:
        if not present:
            return 0.0
        c = self.degrees.row_sum
        return float(self.logdet.value(value)) - (0.0 if c is None else float(np.log1p(-value * c)))

    def _trace(self, value: float, present: bool) -> float:
        if not present:
            return 0.0
        c = self.degrees.row_sum
        return float(self.logdet.trace(value)) - (0.0 if c is None else c / (1 - value * c))


def profile(
    design: SpatialDesign, degrees: Degrees, logdet: LogDeterminant, *, has_rho: bool, has_lambda: bool
) -> Profile:
    """Compress the data of a design to its triangular factor."""
    k = len(design.terms)
    X0 = design.X0.reshape(-1, k)
    scale = np.linalg.norm(X0, axis=0)
    columns = [np.column_stack([v.ravel() for v in (design.y0, design.y1, design.y2)]), X0 / scale]
    if has_lambda:
        if design.X1 is None:
            raise EstimationError("a spatial error needs the spatial lags of the regressors")
        columns.append(design.X1.reshape(-1, k) / scale)
    return Profile(triangular(np.column_stack(columns)), scale, degrees, logdet, has_rho, has_lambda)


def triangular(columns: np.ndarray) -> np.ndarray:
    """(min(n, p), p) R of the QR decomposition of (n, p) columns."""
    return np.asarray(np.linalg.qr(columns, mode="r"))


def maximise(likelihood: Profile) -> Maximum:
    """The global maximum over the admissible interval of rho and lambda.

    Raises:
        EstimationError: a perfect fit, or a likelihood that rises up to the end of the interval.
    """
    y, residuals = likelihood.compressed[:, 0], likelihood.regress(0.0, 0.0)[1]
    if residuals @ residuals <= 1e-20 * (y @ y):
        raise EstimationError("the regressors fit the outcome perfectly: the likelihood has no maximum")
    rho, lambda_, n_maxima = 0.0, 0.0, 1
    if likelihood.has_rho and likelihood.has_lambda:
        rho, lambda_, n_maxima = _maximise_both(likelihood)
    elif likelihood.has_rho:
        rho, n_maxima = _maximise_one(
            lambda r: likelihood.loglik(r, 0.0),
            lambda r: float(likelihood.score(r, 0.0)[0]),
            likelihood.logdet.bounds,
            "rho",
        )
    elif likelihood.has_lambda:
        lambda_, n_maxima = _maximise_one(
            lambda r: likelihood.loglik(0.0, r),
            lambda r: float(likelihood.score(0.0, r)[1]),
            likelihood.logdet.bounds,
            "lambda",
        )
    beta, residuals = likelihood.regress(rho, lambda_)
    sigma2 = float(residuals @ residuals) / likelihood.degrees.observations
    return Maximum(rho, lambda_, beta / likelihood.scale, sigma2, likelihood.loglik(rho, lambda_), n_maxima)


def _grid(bounds: tuple[float, float], size: int) -> np.ndarray:
    """Points inside the interval, denser towards its ends (Chebyshev nodes)."""
    lower, upper = bounds
    nodes = np.cos(np.pi * (np.arange(size, 0, -1) - 0.5) / size)
    return (lower + upper) / 2 + (upper - lower) / 2 * nodes


def _maximise_one(
    value: Callable[[float], float], slope: Callable[[float], float], bounds: tuple[float, float], name: str
) -> tuple[float, int]:
    """Best grid point, then the root of the score beside it; also the number of local maxima on the grid."""
    inner = _grid(bounds, _GRID_ONE)
    width = bounds[1] - bounds[0]
    points = np.concatenate([[bounds[0] + 1e-9 * width], inner, [bounds[1] - 1e-9 * width]])
    values = np.array([value(float(p)) for p in inner])
    peaks = (values >= np.r_[-np.inf, values[:-1]]) & (values > np.r_[values[1:], -np.inf])
    best = int(np.argmax(values)) + 1
    left, right = float(points[best - 1]), float(points[best + 1])
    if slope(left) <= 0 or slope(right) >= 0:
        # A second bend inside the bracket, or a rise up to the end of the interval.
        left, right = (left, float(points[best])) if slope(float(points[best])) < 0 else (float(points[best]), right)
        if slope(left) <= 0 or slope(right) >= 0:
            raise EstimationError(
                f"the likelihood has no maximum inside the admissible interval of {name}, "
                f"({bounds[0]:.4f}, {bounds[1]:.4f})"
            )
    return float(brentq(slope, left, right, xtol=1e-15, rtol=1e-14)), int(peaks.sum())


def _maximise_both(likelihood: Profile) -> tuple[float, float, int]:
    """Every local maximum of a grid over (rho, lambda) is climbed; the highest wins."""
    bounds = likelihood.logdet.bounds
    grid = _grid(bounds, _GRID_TWO)
    values = np.array([[likelihood.loglik(float(r), float(s)) for s in grid] for r in grid])
    padded = np.pad(values, 1, constant_values=-np.inf)
    around = [np.roll(padded, (i, j), (0, 1))[1:-1, 1:-1] for i in (-1, 0, 1) for j in (-1, 0, 1) if (i, j) != (0, 0)]
    starts = np.argwhere(np.all([values >= other for other in around], axis=0))
    climbed = [_climb(likelihood, float(grid[i]), float(grid[j])) for i, j in starts]
    found = [point for point in climbed if point is not None]
    if not found:
        lower, upper = bounds
        raise EstimationError(
            "the likelihood has no maximum inside the admissible interval of rho and lambda "
            f"({lower:.4f}, {upper:.4f}): the two are not identified apart in these data"
        )
    rho, lambda_ = max(found, key=lambda point: likelihood.loglik(*point))
    return rho, lambda_, len(found)


def _climb(likelihood: Profile, rho: float, lambda_: float) -> tuple[float, float] | None:
    """The maximum above a starting point, or None if the climb ends at the end of the interval."""
    lower, upper = likelihood.logdet.bounds
    margin = 1e-9 * (upper - lower)
    box = [(lower + margin, upper - margin)] * 2
    rough = minimize(
        lambda p: -likelihood.loglik(*p), [rho, lambda_], jac=lambda p: -likelihood.score(*p),
        method="L-BFGS-B", bounds=box, options={"ftol": 1e-15, "gtol": 1e-10, "maxiter": 500},
    )  # fmt: skip
    if any(abs(value - end) <= 10 * margin for value in rough.x for end in (lower, upper)):
        return None
    exact = root(lambda p: likelihood.score(*p), rough.x, method="hybr", tol=1e-14)
    inside = ((exact.x > lower) & (exact.x < upper)).all()
    better = inside and likelihood.loglik(*exact.x) >= likelihood.loglik(*rough.x) - 1e-9
    best = exact.x if better else rough.x
    return float(best[0]), float(best[1])
