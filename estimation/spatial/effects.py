"""Direct, indirect and total effects of a spatial model (LeSage and Pace 2009, 2.7), simulated and by the delta method.

With S = I - rho W, G = W S^-1, t = tr(G)/N, w = 1'G1/N, the mean effects of a regressor with coefficients b (own) and
theta (lagged) are direct = b (1 + rho t) + theta t, total = b (1 + rho w) + theta w, indirect = total - direct.
Without rho t = 0 and w is the mean row sum of W.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from scipy.interpolate import BarycentricInterpolator

from estimation.core.draws import generator_of
from estimation.core.frame import EstimationError
from estimation.core.results import critical_value, two_sided_p
from estimation.spatial.data import LAG_PREFIX
from estimation.spatial.inverse import resolvent
from estimation.spatial.logdet import EigenLogDeterminant
from estimation.spatial.result import SpatialResult

EFFECTS = ("direct", "indirect", "total")


@dataclass(frozen=True, kw_only=True)
class Impacts:
    """Mean effects of each regressor on the outcome.

    Attributes:
        direct, indirect, total: (v,) effects at the estimates, by regressor.
        se_simulated, se_delta: (v, 3) standard errors, columns direct, indirect, total.
        mean_simulated: (v, 3) means of the draws. conf_low, conf_high: (v, 3) 2.5 % and 97.5 % points of the draws.
        draws: (R, 3, v) simulated effects. n_rejected: draws of rho outside its bounds, drawn again.
        convention: how the draws were made.
    """

    direct: pd.Series
    indirect: pd.Series
    total: pd.Series
    se_simulated: pd.DataFrame
    se_delta: pd.DataFrame
    mean_simulated: pd.DataFrame
    conf_low: pd.DataFrame
    conf_high: pd.DataFrame
    draws: np.ndarray = field(repr=False)
    n_rejected: int
    convention: str
    result: SpatialResult = field(repr=False)

    def to_rows(self, inference: str = "simulated") -> list[dict[str, Any]]:
        """One dict an effect and regressor (term ``direct(x)`` and so on), with the columns of ``results.estimates``.

        Args:
            inference: ``simulated`` (percentile interval) or ``delta`` (normal interval).
        """
        if inference not in ("simulated", "delta"):
            raise EstimationError(f"inference={inference!r} is not one of simulated, delta")
        rows = []
        errors = self.se_simulated if inference == "simulated" else self.se_delta
        for effect in EFFECTS:
            for name in self.direct.index:
                estimate, se = float(getattr(self, effect)[name]), float(errors.loc[name, effect])
                half = critical_value(0.95, np.inf) * se
                low, high = estimate - half, estimate + half
                if inference == "simulated":
                    low, high = (float(limit.loc[name, effect]) for limit in (self.conf_low, self.conf_high))
                z = estimate / se if se > 0 else np.nan
                rows.append({
                    "dependent": self.result.dependent, "term": f"{effect}({name})", "estimate": estimate,
                    "std_error": se, "statistic": z, "p_value": float(two_sided_p(np.array(z), np.inf)),
                    "conf_low": low, "conf_high": high, "n_obs": self.result.nobs,
                    "n_entities": self.result.n_entities, "estimator": f"{self.result.estimator}_impacts",
                    "vcov": inference,
                })  # fmt: skip
        return rows


@dataclass(frozen=True)
class _Coefficients:
    """The parameters that matter for the effects.

    Attributes:
        names: (v,) regressors. point (p,) and cov (p, p): estimates of ``terms``.
        own, lagged: (v, p) selections of b and theta from the parameters. rho: position of rho, or None.
    """

    names: list[str]
    point: np.ndarray
    cov: np.ndarray
    own: np.ndarray
    lagged: np.ndarray
    rho: int | None


def impacts(result: SpatialResult, *, draws: int = 1000, rng: np.random.Generator | None = None) -> Impacts:
    """Direct, indirect and total effects with simulated and delta-method inference.

    Draws of (b, theta, rho) come from the normal distribution with the estimated covariance; a draw whose rho leaves
    its bounds is drawn again and counted. The numbers depend on ``rng`` alone, never on threads or workers.

    Args:
        draws: number of draws, at least 2. rng: generator; None takes ``default_rng(0)``.

    Raises:
        EstimationError: fewer than 2 draws, or a model without regressors besides the constant.
    """
    if draws < 2 or draws != int(draws):
        raise EstimationError(f"draws={draws}: a whole number of at least 2 draws is needed for a standard error")
    draws = int(draws)
    coefficients = _coefficients(result)
    at_estimate = _effects(result, coefficients, coefficients.point[None, :])[0]
    sample, rejected = _draw(result, coefficients, draws, generator_of(rng))
    simulated = _effects(result, coefficients, sample)
    gradient = _gradient(result, coefficients)
    variances = np.einsum("evp,pq,evq->ev", gradient, coefficients.cov, gradient)

    def table(values: np.ndarray) -> pd.DataFrame:
        return pd.DataFrame(values.T, index=coefficients.names, columns=list(EFFECTS))

    low, high = np.quantile(simulated, [0.025, 0.975], axis=0)
    return Impacts(
        **{
            effect: pd.Series(row, index=coefficients.names, name=effect)
            for effect, row in zip(EFFECTS, at_estimate, strict=True)
        },
        se_simulated=table(simulated.std(axis=0, ddof=1)), se_delta=table(np.sqrt(variances)),
        mean_simulated=table(simulated.mean(axis=0)), conf_low=table(low), conf_high=table(high),
        draws=simulated, n_rejected=rejected, result=result,
        convention=f"{draws} draws from the normal distribution of the estimates, {rejected} drawn again because rho "
        f"left its bounds; percentile intervals. {result.convention}",
    )  # fmt: skip


def _coefficients(result: SpatialResult) -> _Coefficients:
    names = list(dict.fromkeys([*result.own, *result.lagged]))
    terms = [*result.own, *(LAG_PREFIX + name for name in result.lagged)] + (["rho"] if result.parts.rho else [])
    own, lagged = np.zeros((len(names), len(terms))), np.zeros((len(names), len(terms)))
    for row, name in enumerate(names):
        if name in result.own:
            own[row, terms.index(name)] = 1
        if name in result.lagged:
            lagged[row, terms.index(LAG_PREFIX + name)] = 1
    return _Coefficients(
        names, result.coef[terms].to_numpy(), result.cov.loc[terms, terms].to_numpy(), own, lagged,
        terms.index("rho") if result.parts.rho else None,
    )  # fmt: skip


def _effects(result: SpatialResult, c: _Coefficients, parameters: np.ndarray) -> np.ndarray:
    """(R, 3, v) direct, indirect, total effects at (R, p) parameters."""
    own, lagged = parameters @ c.own.T, parameters @ c.lagged.T
    rho = np.zeros(len(parameters)) if c.rho is None else parameters[:, c.rho]
    t, w = (part[:, None] for part in _mean_feedback(result, rho))
    direct = own * (1 + rho[:, None] * t) + lagged * t
    total = own * (1 + rho[:, None] * w) + lagged * w
    return np.stack([direct, total - direct, total], axis=1)


def _mean_feedback(result: SpatialResult, rho: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """t = tr(G)/N and w = 1'G1/N at (R,) values of rho."""
    weights, logdet = result.weights, result.logdet
    n, c = weights.n, weights.row_sum
    if not result.parts.rho:
        return np.zeros(len(rho)), np.full(len(rho), float(weights.matrix.sum()) / n)
    trace = logdet.trace(rho) if isinstance(logdet, EigenLogDeterminant) else interpolated(logdet.trace, rho)
    if c is not None:
        return trace / n, c / (1 - rho * c)
    ones = np.ones((n, 1))

    def total(values: np.ndarray) -> np.ndarray:
        return np.array([resolvent(weights, float(r), logdet).lagged(ones).mean() for r in values])

    return trace / n, interpolated(total, rho)


def interpolated(function: Callable[[np.ndarray], np.ndarray], points: np.ndarray) -> np.ndarray:
    """A smooth function at many points from few exact values.

    Chebyshev nodes over the range of the points are doubled until the polynomial agrees with exact values at five other
    points to 1e-11 relative; where 129 nodes do not suffice, every point is computed exactly.
    """
    low, high = float(points.min()), float(points.max())
    if len(points) <= 9 or high == low:
        return function(points)
    checks = low + (high - low) * np.array([0.011, 0.24, 0.51, 0.77, 0.989])
    known = function(checks)
    for size in (9, 17, 33, 65, 129):
        if size >= len(points):
            break
        nodes = (low + high) / 2 + (high - low) / 2 * np.cos(np.pi * (np.arange(size) + 0.5) / size)
        polynomial = BarycentricInterpolator(nodes, function(nodes), rng=0)
        if np.abs(polynomial(checks) - known).max() <= 1e-11 * max(np.abs(known).max(), 1e-300):
            return polynomial(points)
    return function(points)


def _draw(result: SpatialResult, c: _Coefficients, draws: int, rng: np.random.Generator) -> tuple[np.ndarray, int]:
    """(R, p) draws of the parameters with rho inside its bounds, and how many were rejected."""
    scale = np.sqrt(np.diag(c.cov))
    root = np.linalg.cholesky(c.cov / np.outer(scale, scale)) * scale[:, None]
    lower, upper = result.rho_bounds
    kept, rejected = np.empty((0, len(c.point))), 0
    while len(kept) < draws:
        sample = c.point + np.einsum("rq,pq->rp", rng.standard_normal((draws - len(kept), len(root))), root)
        inside = (
            np.ones(len(sample), bool) if c.rho is None else (sample[:, c.rho] > lower) & (sample[:, c.rho] < upper)
        )
        kept, rejected = np.concatenate([kept, sample[inside]]), rejected + int((~inside).sum())
        if rejected > 10 * draws:
            raise EstimationError(
                f"rho={result.rho:.4f} is so uncertain (se {result.se['rho']:.4f}) that most draws leave its bounds"
            )
    return kept, rejected


def _gradient(result: SpatialResult, c: _Coefficients) -> np.ndarray:
    """(3, v, p) derivatives of the effects in the parameters; dt/d rho = tr(GG)/N, dw/d rho = 1'GG1/N."""
    rho = 0.0 if c.rho is None else float(c.point[c.rho])
    t, w = (float(part[0]) for part in _mean_feedback(result, np.array([rho])))
    direct, total = c.own * (1 + rho * t) + c.lagged * t, c.own * (1 + rho * w) + c.lagged * w
    if c.rho is not None:
        at_rho = resolvent(result.weights, rho, result.logdet)
        ones = np.ones((result.weights.n, 1))
        t_slope = result.trace_gg / len(ones)
        w_slope = float((at_rho.lagged_transposed(ones) * at_rho.lagged(ones)).mean())
        own, lagged = c.own @ c.point, c.lagged @ c.point
        direct[:, c.rho] = own * (t + rho * t_slope) + lagged * t_slope
        total[:, c.rho] = own * (w + rho * w_slope) + lagged * w_slope
    return np.stack([direct, total - direct, total])
