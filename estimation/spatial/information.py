"""Information matrix of spatial panels and the Lee-Yu bias correction of the direct estimates.

Order of the parameters: beta (k), rho, lambda, s2. With G = W (I - rho W)^-1, H = W (I - lambda W)^-1,
X* = (I - lambda W) X, v = (I - lambda W) G X b (Elhorst 2014, eq. 3.11-3.13; Anselin 1988 for both parameters):
I_bb = X*'X*/s2, I_b,rho = X*'v/s2, I_rho,rho = T'[tr GG + tr G'G] + v'v/s2, I_rho,lambda = T'[tr HG + tr H'G],
I_lambda,lambda = T'[tr HH + tr H'H], I_rho,s2 = T' tr G/s2, I_lambda,s2 = T' tr H/s2, I_s2,s2 = m/(2 s2^2).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from estimation.core.frame import EstimationError
from estimation.spatial.data import SpatialDesign
from estimation.spatial.inverse import InverseTraces, Resolvent, inverse_traces, resolvent
from estimation.spatial.likelihood import Degrees
from estimation.spatial.logdet import LogDeterminant


@dataclass(frozen=True)
class Parameters:
    """beta (k,), rho and lambda_ (zero where absent), sigma2, and which of the two exist."""

    beta: np.ndarray
    rho: float
    lambda_: float
    sigma2: float
    has_rho: bool
    has_lambda: bool

    def vector(self) -> np.ndarray:
        """(k + p + 1,) beta, rho, lambda, s2 without the absent ones."""
        spatial = [value for value, has in ((self.rho, self.has_rho), (self.lambda_, self.has_lambda)) if has]
        return np.concatenate([self.beta, spatial, [self.sigma2]])

    def updated(self, vector: np.ndarray) -> Parameters:
        """The same parameters with the values of ``vector``."""
        k = len(self.beta)
        rest = list(vector[k:-1])
        return replace(
            self,
            beta=vector[:k],
            rho=float(rest.pop(0)) if self.has_rho else 0.0,
            lambda_=float(rest.pop(0)) if self.has_lambda else 0.0,
            sigma2=float(vector[-1]),
        )


@dataclass(frozen=True)
class Information:
    """Expected information.

    Attributes:
        matrix: (k + p + 1, k + p + 1). traces: of the inverses behind it.
        score_bias: (k + p + 1,) what the expected score loses per period because one effect a period is estimated:
            (0, 1'G1/N, 1'H1/N, 1/(2 s2)).
    """

    matrix: np.ndarray
    traces: InverseTraces
    score_bias: np.ndarray


def information(
    design: SpatialDesign, parameters: Parameters, degrees: Degrees, logdet: LogDeterminant, *, transformed: bool
) -> Information:
    """Expected information at given parameters.

    Args:
        transformed: use the traces and means of the Lee-Yu transformed model instead of those of the direct one.
    """
    p = parameters
    at_rho = resolvent(design.panel.weights, p.rho, logdet)
    at_lambda = resolvent(design.panel.weights, p.lambda_, logdet) if p.has_lambda else None
    traces = inverse_traces(at_rho, at_lambda)
    centred = transformed and design.effects in ("time", "twoways")
    first, squares = _spatial_traces(traces, degrees, centred)
    X_star = design.X0 if design.X1 is None or not p.has_lambda else design.X0 - p.lambda_ * design.X1
    means = _mean_derivatives(design, p, at_rho, at_lambda)
    if transformed:
        means = design.without_effects(np.moveaxis(means, 0, -1))
        means = np.moveaxis(means, -1, 0)
    k, keep = len(p.beta), np.flatnonzero([p.has_rho, p.has_lambda])
    flat_X, flat_means = X_star.reshape(-1, k), means.reshape(2, -1)[keep]
    size = k + len(keep) + 1
    matrix = np.zeros((size, size))
    columns = np.column_stack([flat_X, flat_means.T])
    matrix[:-1, :-1] = columns.T @ columns / p.sigma2
    matrix[k:-1, k:-1] += degrees.periods * squares[np.ix_(keep, keep)]
    matrix[k:-1, -1] = matrix[-1, k:-1] = degrees.periods * first[keep] / p.sigma2
    matrix[-1, -1] = degrees.observations / (2 * p.sigma2**2)
    ones = np.array([traces.ones_g.mean(), traces.ones_h.mean()])
    return Information(matrix, traces, np.concatenate([np.zeros(k), ones[keep], [1 / (2 * p.sigma2)]]))


def _spatial_traces(traces: InverseTraces, degrees: Degrees, centred: bool) -> tuple[np.ndarray, np.ndarray]:
    """(2,) tr G, tr H and (2, 2) sums of traces of products; ``centred`` takes F'GF, F orthonormal to the ones.

    For W 1 = c 1: tr F'GF = tr G - 1'G1/N, tr (F'GF)(F'HF) = tr GH - (1'G1/N)(1'H1/N),
    tr (F'HF)'(F'GF) = tr H'G - (G'1)'(H'1)/N.
    """
    t = traces
    first = np.array([t.g, t.h])
    squares = np.array([[t.gg + t.gtg, t.hg + t.htg], [t.hg + t.htg, t.hh + t.hth]])
    if centred:
        ones = np.column_stack([t.ones_g, t.ones_h])
        mean = ones.mean(axis=0)
        first = first - mean
        squares = squares - np.outer(mean, mean) - ones.T @ ones / len(ones)
    return first, squares


def _mean_derivatives(
    design: SpatialDesign, p: Parameters, at_rho: Resolvent, at_lambda: Resolvent | None
) -> np.ndarray:
    """(2, N, T) minus the derivatives of the mean of the filtered outcome in rho and lambda.

    The first is (I - lambda W) G X b. Where W has unequal row sums, time effects do not drop out of G and H when the
    raw outcome is lagged (convention A), so that their part is added.
    """
    weights, zero = design.panel.weights, np.zeros(design.shape)
    along_rho, along_lambda = zero, zero
    if p.has_rho:
        along_rho = at_rho.lagged(design.X0 @ p.beta)
        along_rho = along_rho - p.lambda_ * weights.lag(along_rho)
    leaks = weights.row_sum is None and design.time_convention == "A" and design.effects in ("time", "twoways")
    if leaks and (p.has_rho or p.has_lambda):
        y, X = design.raw[:, :, 0], design.raw[:, :, 1:]
        unfiltered = y - p.rho * weights.lag(y) - X @ p.beta
        filtered = unfiltered - p.lambda_ * weights.lag(unfiltered)
        effects = filtered - design.without_effects(filtered)
        if p.has_rho:
            along_rho = along_rho + design.without_effects(at_rho.lagged(effects))
        if at_lambda is not None:
            along_lambda = design.without_effects(at_lambda.lagged(effects))
    return np.stack([along_rho, along_lambda])


def covariance(info: Information) -> np.ndarray:
    """Inverse of the information, scaled to unit diagonal first.

    Raises:
        EstimationError: the information is singular.
    """
    scale = np.sqrt(np.diag(info.matrix))
    scaled = info.matrix / np.outer(scale, scale)
    if np.linalg.cond(scaled) > 1e14:
        raise EstimationError("the information matrix is singular: the parameters are not identified apart")
    return np.linalg.inv(scaled) / np.outer(scale, scale)


def bias_corrected(
    design: SpatialDesign, parameters: Parameters, degrees: Degrees, logdet: LogDeterminant
) -> Parameters:
    """Lee and Yu's (2010) correction of the direct estimates (Elhorst 2014, section 3.3.3).

    Entity effects: s2 times T/(T - 1). Time effects: theta + T I^-1 a, a the loss of expected score per period,
    evaluated at the variance already scaled by T/(T - 1), or by N/(N - 1) where there are time effects only. The scale
    N/(N - 1) serves the evaluation only: the correction itself adds s2/N, and applying both would count it twice.
    """
    n, periods = design.shape
    entity = design.effects in ("entity", "twoways")
    scaled = replace(parameters, sigma2=parameters.sigma2 * (periods / (periods - 1) if entity else n / (n - 1)))
    if design.effects == "entity":
        return scaled
    info = information(design, scaled, degrees, logdet, transformed=False)
    start = scaled if entity else parameters
    corrected = start.updated(start.vector() + periods * covariance(info) @ info.score_bias)
    for name, value, has in (
        ("rho", corrected.rho, corrected.has_rho),
        ("lambda", corrected.lambda_, corrected.has_lambda),
    ):
        if has and not logdet.bounds[0] < value < logdet.bounds[1]:
            raise EstimationError(
                f"the bias-corrected {name} {value:.4f} leaves the admissible interval "
                f"({logdet.bounds[0]:.4f}, {logdet.bounds[1]:.4f}); use lee_yu='transform' or 'none'"
            )
    return corrected
