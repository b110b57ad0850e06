"""Inference from influence functions: analytic and by multiplier bootstrap."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from estimation.core.covariance import group_sums
from estimation.core.frame import EstimationError
from estimation.core.results import critical_value

MAMMEN = (1 + np.sqrt(5)) / 2


@dataclass(frozen=True)
class Inference:
    """How to turn influence functions into standard errors.

    Attributes:
        clusters: (N,) cluster codes of the units. level: confidence level.
        high: (draws, clusters) whether a cluster gets the larger of Mammen's two weights, the same for all estimates; no rows
            for analytic inference.
    """

    clusters: np.ndarray
    level: float
    high: np.ndarray

    @property
    def draws(self) -> int:
        """Bootstrap draws; 0 for analytic inference."""
        return len(self.high)


def inference(clusters: np.ndarray, level: float, draws: int = 0, rng: np.random.Generator | None = None) -> Inference:
    """Analytic inference, or multiplier-bootstrap inference with weights drawn from ``rng``.

    Raises:
        EstimationError: negative ``draws``, or draws without ``rng``.
    """
    if draws < 0:
        raise EstimationError(f"draws={draws} must not be negative")
    if draws and rng is None:
        raise EstimationError("draws needs rng, a numpy Generator")
    n_clusters = int(clusters.max()) + 1
    high = np.empty((draws, n_clusters), dtype=bool)
    if rng is not None:
        for row in high:
            row[:] = rng.random(n_clusters) >= MAMMEN / np.sqrt(5)
    return Inference(clusters, level, high)


@dataclass(frozen=True)
class Inferred:
    """Covariance (m, m), standard errors (m,) and the critical value of (simultaneous, if bootstrapped) intervals.

    ``cov`` is analytic; ``reported_cov`` has the same correlations and the (possibly bootstrapped) standard errors.
    """

    cov: np.ndarray
    se: np.ndarray
    critical_value: float

    @property
    def reported_cov(self) -> np.ndarray:
        """(m, m) covariance whose diagonal is ``se`` squared; NaN where an estimate has no sampling error."""
        analytic = np.sqrt(np.diag(self.cov))
        scale = np.divide(self.se, analytic, out=np.full_like(analytic, np.nan), where=analytic > 0)
        return self.cov * np.outer(scale, scale)


def infer(influence: np.ndarray, how: Inference) -> Inferred:
    """Standard errors of m estimates with (N, m) influence functions (estimate = truth + mean of the influence).

    Analytic: the sum over clusters of squared cluster sums, over N^2. Bootstrap (Callaway and Sant'Anna 2021, algorithm 1):
    cluster sums multiplied by Mammen's two-point weights; the standard error is the interquartile range over that of the
    standard normal; the critical value is the quantile of the largest absolute t statistic.
    """
    n = len(influence)
    sums = group_sums(influence, how.clusters) / n
    cov = sums.T @ sums
    se = np.sqrt(np.diag(cov))
    se = np.where(se > 1e-12, se, np.nan)
    if not how.draws:
        return Inferred(cov, se, critical_value(how.level, np.inf))
    draws = np.vstack([_weighted(block, sums) for block in np.array_split(how.high, -(-how.draws // 100))])
    q75, q25 = np.quantile(draws, [0.75, 0.25], axis=0)
    se = (q75 - q25) / (stats.norm.ppf(0.75) - stats.norm.ppf(0.25))
    se = np.where(se > 1e-12, se, np.nan)
    usable = ~np.isnan(se)
    if not usable.any():
        return Inferred(cov, se, np.nan)
    largest = np.abs(draws[:, usable] / se[usable]).max(axis=1)
    return Inferred(cov, se, float(np.quantile(largest, how.level)))


def _weighted(high: np.ndarray, sums: np.ndarray) -> np.ndarray:
    """(b, m) sums over clusters weighted by Mammen's two points."""
    return np.where(high, MAMMEN, 1 - MAMMEN) @ sums
