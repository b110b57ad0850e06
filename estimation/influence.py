"""Inference from influence functions: analytic and by multiplier bootstrap."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from estimation.covariance import group_sums
from estimation.results import critical_value

MAMMEN = (1 + np.sqrt(5)) / 2


@dataclass(frozen=True)
class Inference:
    """How to turn influence functions into standard errors.

    Attributes:
        clusters: (N,) cluster codes of the units. draws: bootstrap draws, 0 for analytic. rng: generator of the draws.
        level: confidence level.
    """

    clusters: np.ndarray
    draws: int
    rng: np.random.Generator | None
    level: float


@dataclass(frozen=True)
class Inferred:
    """Covariance (m, m), standard errors (m,) and the critical value of (simultaneous, if bootstrapped) intervals."""

    cov: np.ndarray
    se: np.ndarray
    critical_value: float


def infer(influence: np.ndarray, inference: Inference) -> Inferred:
    """Standard errors of m estimates with (N, m) influence functions (estimate = truth + mean of the influence).

    Analytic: the sum over clusters of squared cluster sums, over N^2. Bootstrap (Callaway and Sant'Anna 2021, algorithm 1):
    cluster sums multiplied by Mammen's two-point weights; the standard error is the interquartile range over that of the
    standard normal; the critical value is the quantile of the largest absolute t statistic.
    """
    n = len(influence)
    sums = group_sums(influence, inference.clusters) / n
    cov = sums.T @ sums
    se = np.sqrt(np.diag(cov))
    se = np.where(se > 1e-12, se, np.nan)
    if not inference.draws or inference.rng is None:
        return Inferred(cov, se, critical_value(inference.level, np.inf))
    high = inference.rng.random((inference.draws, len(sums))) >= MAMMEN / np.sqrt(5)
    draws = np.where(high, MAMMEN, 1 - MAMMEN) @ sums
    q75, q25 = np.quantile(draws, [0.75, 0.25], axis=0)
    se = (q75 - q25) / (stats.norm.ppf(0.75) - stats.norm.ppf(0.25))
    se = np.where(se > 1e-12, se, np.nan)
    usable = ~np.isnan(se)
    if not usable.any():
        return Inferred(cov, se, np.nan)
    largest = np.abs(draws[:, usable] / se[usable]).max(axis=1)
    return Inferred(cov, se, float(np.quantile(largest, inference.level)))
