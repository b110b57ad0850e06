"""How likely a pre-trend test is to detect a trend, and what passing it does to the estimates (Roth 2022)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.stats import chi2, multivariate_normal, ncx2

from estimation.core.frame import EstimationError
from estimation.core.results import critical_value
from estimation.did.callaway import GroupTimeEffects
from estimation.did.event_study import EventStudy
from estimation.did.honest import EventCoefficients, event_coefficients
from estimation.did.sun_abraham import SunAbraham

Test = Literal["individual", "joint"]


@dataclass(frozen=True)
class PretrendPower:
    """Power of a pre-trend test against a linear difference in trends.

    Attributes:
        slope: the trend per period that is examined (given, or the one detected with probability ``power``).
        power: probability that the test rejects under that trend.
        table: index event_time: trend (the bias of the estimate), trend_after_passing (the bias given that the test does not
            reject), estimate.
        likelihood_ratio: density of the estimated leads under the trend over that under no trend.
        test, level, convention: what was computed.
    """

    slope: float
    power: float
    table: pd.DataFrame
    likelihood_ratio: float
    test: str
    level: float
    convention: str


def pretrend_power(
    result: EventStudy | SunAbraham | GroupTimeEffects | EventCoefficients,
    *,
    slope: float | None = None,
    power: float = 0.5,
    test: Test = "individual",
    level: float = 0.95,
    draws: int = 100_000,
    rng: np.random.Generator | None = None,
) -> PretrendPower:
    """Power against the trend delta_k = slope * (k + 1), zero at the base period -1.

    Args:
        slope: trend per period; None finds the one that the test detects with probability ``power``.
        test: ``individual`` rejects if any lead is significant (what is read off a figure), ``joint`` by the Wald test.
        draws, rng: simulation of the bias after passing; without ``rng`` a fixed seed, so that the result repeats.

    Raises:
        EstimationError: a result that `estimation.did.honest.event_coefficients` refuses, or a power not above the size.
    """
    if test not in get_args(Test):
        raise EstimationError(f"test={test!r} is not one of {', '.join(get_args(Test))}")
    events = event_coefficients(result)
    n_pre = int((events.event_times < -1).sum())
    distance = events.event_times + 1.0
    pre_cov = events.cov[:n_pre, :n_pre]

    def rejection(size: float) -> float:
        return rejection_probability(size * distance[:n_pre], pre_cov, test, level)

    if slope is None:
        if not rejection(0.0) < power < 1:
            raise EstimationError(f"power={power} must lie between the size of the test, {rejection(0.0):.4f}, and 1")
        unit = float(np.sqrt(np.diag(pre_cov)).min() / np.abs(distance[:n_pre]).max())
        high = unit
        while rejection(high) < power:
            high *= 2
        slope = float(brentq(lambda size: rejection(size) - power, 0.0, high, xtol=1e-6 * unit))
    trend = slope * distance
    generator = np.random.default_rng(0) if rng is None else rng
    after = _mean_after_passing(trend, events.cov, n_pre, test, level, draws, generator)
    leads = events.beta[:n_pre]
    log_ratio = multivariate_normal.logpdf(leads, trend[:n_pre], pre_cov) - multivariate_normal.logpdf(
        leads, np.zeros(n_pre), pre_cov
    )
    index = pd.Index(events.event_times, name="event_time")
    return PretrendPower(
        slope=slope,
        power=rejection(slope),
        table=pd.DataFrame({"trend": trend, "trend_after_passing": after, "estimate": events.beta}, index=index),
        likelihood_ratio=float(np.exp(log_ratio)),
        test=test,
        level=level,
        convention=f"Roth (2022), {test} test of {n_pre} leads at {1 - level:g}, normal approximation, linear trend.",
    )


def rejection_probability(mean: np.ndarray, cov: np.ndarray, test: Test, level: float) -> float:
    """Probability that leads ~ N(mean, cov) fail the pre-trend test.

    ``individual``: 1 - P(all |b_k| <= z se_k), the normal rectangle probability by Genz's method with a fixed seed (error about
    1e-5). ``joint``: noncentral chi-squared.
    """
    if test == "joint":
        q = len(mean)
        return float(ncx2.sf(chi2.ppf(level, q), q, mean @ np.linalg.solve(cov, mean) + 1e-300))
    limit = critical_value(level, np.inf) * np.sqrt(np.diag(cov))
    inside = multivariate_normal.cdf(
        limit - mean, cov=cov, lower_limit=-limit - mean, abseps=1e-6, releps=1e-6, rng=np.random.default_rng(0)
    )
    return float(1 - inside)


def _mean_after_passing(
    trend: np.ndarray, cov: np.ndarray, n_pre: int, test: Test, level: float, draws: int, rng: np.random.Generator
) -> np.ndarray:
    """(p,) mean of the estimates given that the leads pass: trend + cov_.,pre cov_pre^-1 (E[leads | pass] - trend_pre)."""
    pre = cov[:n_pre, :n_pre]
    leads = trend[:n_pre] + rng.standard_normal((draws, n_pre)) @ np.linalg.cholesky(pre).T
    if test == "joint":
        statistic = np.einsum("ij,ij->i", leads, np.linalg.solve(pre, leads.T).T)
        passed = statistic <= chi2.ppf(level, n_pre)
    else:
        passed = (np.abs(leads) <= critical_value(level, np.inf) * np.sqrt(np.diag(pre))).all(axis=1)
    if passed.sum() < 100:
        return np.full(len(trend), np.nan)
    gap = leads[passed].mean(axis=0) - trend[:n_pre]
    return trend + cov[:, :n_pre] @ np.linalg.solve(pre, gap)
