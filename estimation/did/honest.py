"""Honest inference under bounded violations of parallel trends (Rambachan and Roth 2023).

Event-study estimates are beta = tau + delta, delta the difference in trends (zero at the base period -1 and tau zero before
treatment). Two restrictions on delta:

- relative magnitudes: |delta_t+1 - delta_t| after treatment <= M max over pre-periods |delta_s+1 - delta_s|;
- smoothness: |delta_t+1 - 2 delta_t + delta_t-1| <= M everywhere.

The target is theta = l'tau_post. Intervals: for relative magnitudes the conditional test with least-favourable first step
(C-LF, Andrews, Roth and Pakes 2023), inverted; for smoothness the shortest fixed-length interval. Both are the defaults of the
authors' R package HonestDiD.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import pandas as pd

from estimation.core.frame import EstimationError
from estimation.core.results import critical_value
from estimation.did.callaway import GroupTimeEffects
from estimation.did.event_study import EventStudy
from estimation.did.honest_magnitudes import magnitudes_bounds, magnitudes_interval, magnitudes_reject_zero
from estimation.did.honest_smoothness import smoothness_bounds, smoothness_interval
from estimation.did.sun_abraham import SunAbraham

Restriction = Literal["relative_magnitudes", "smoothness"]
DEFAULT_M = {"relative_magnitudes": (0.0, 0.5, 1.0, 1.5, 2.0), "smoothness": (0.0,)}


@dataclass(frozen=True)
class EventCoefficients:
    """Event-study estimates without the base period -1.

    Attributes:
        event_times: (p,) consecutive integers but for -1. beta: (p,) estimates. cov: (p, p).
    """

    event_times: np.ndarray
    beta: np.ndarray
    cov: np.ndarray


@dataclass(frozen=True)
class HonestBounds:
    """Robust intervals for theta under growing violations of parallel trends.

    Attributes:
        table: one row a value of ``m``: conf_low, conf_high (robust interval), id_low, id_high (identified set at the
            estimates; NaN where the estimated pre-trends contradict the restriction).
        original: estimate, conf_low, conf_high under exact parallel trends.
        breakdown: largest m at which zero is rejected; NaN if it is not rejected at m = 0, inf beyond 1,000 (times the
            standard error, for smoothness).
        restriction, level, weights: what was asked for; ``weights`` are l by event time.
        convention: what was computed, in a sentence.
    """

    table: pd.DataFrame
    original: dict[str, float]
    breakdown: float
    restriction: str
    level: float
    weights: dict[int, float]
    convention: str

    def to_rows(self) -> list[dict[str, object]]:
        """One dict a value of m."""
        return [{"restriction": self.restriction, **{str(k): v for k, v in row.items()}} for row in self._records()]

    def _records(self) -> list[dict]:
        return self.table.reset_index().to_dict("records")


def honest_did(
    result: EventStudy | SunAbraham | GroupTimeEffects | EventCoefficients,
    *,
    restriction: Restriction = "relative_magnitudes",
    m: Sequence[float] | None = None,
    event_time: int | Mapping[int, float] = 0,
    level: float = 0.95,
    draws: int = 10_000,
    rng: np.random.Generator | None = None,
) -> HonestBounds:
    """Robust intervals for an effect after treatment.

    Args:
        result: event study, Sun-Abraham, Callaway-Sant'Anna with ``base_period="universal"``, or coefficients.
        m: bounds M; default 0, .5, 1, 1.5, 2 (relative magnitudes). Smoothness is in units of the outcome: by default only 0.
        event_time: the effect of interest, or weights by event time (e.g. ``{0: .5, 1: .5}``).
        draws, rng: simulation of the least-favourable critical value; without ``rng`` a fixed seed, so that the result repeats.

    Raises:
        EstimationError: another kind of result, event times with gaps, no lead, or an effect that is not estimated.
    """
    if restriction not in get_args(Restriction):
        raise EstimationError(f"restriction={restriction!r} is not one of {', '.join(get_args(Restriction))}")
    events = event_coefficients(result)
    n_pre = int((events.event_times < -1).sum())
    l_vec, weights = _target(events, event_time)
    values = tuple(DEFAULT_M[restriction] if m is None else m)
    if any(value < 0 for value in values):
        raise EstimationError(f"m must not be negative: {values}")
    generator = np.random.default_rng(0) if rng is None else rng
    smooth = restriction == "smoothness"
    noise = generator.standard_normal((0 if smooth else draws, len(events.beta)))
    estimates = (events.beta, events.cov, n_pre, l_vec)

    def interval(value: float) -> tuple[float, float]:
        if smooth:
            return smoothness_interval(*estimates, value, level)
        return magnitudes_interval(*estimates, value, level, noise)

    def rejects_zero(value: float) -> bool:
        if smooth:
            low, high = smoothness_interval(*estimates, value, level)
            return low > 0 or high < 0
        return magnitudes_reject_zero(*estimates, value, level, noise)

    bounds = smoothness_bounds if smooth else magnitudes_bounds
    rows = [(value, *interval(value), *bounds(events.beta, n_pre, l_vec, value)) for value in values]
    error = float(np.sqrt(l_vec @ events.cov[n_pre:, n_pre:] @ l_vec))
    method = "fixed-length intervals" if smooth else f"C-LF intervals, {draws} draws"
    return HonestBounds(
        table=pd.DataFrame(rows, columns=["m", "conf_low", "conf_high", "id_low", "id_high"]).set_index("m"),
        original=_original(float(l_vec @ events.beta[n_pre:]), error, level),
        breakdown=_breakdown(rejects_zero, error if smooth else 1.0),
        restriction=restriction,
        level=level,
        weights=weights,
        convention=f"Rambachan-Roth, {restriction}, {method}, {n_pre} leads, normal approximation.",
    )


def event_coefficients(result: EventStudy | SunAbraham | GroupTimeEffects | EventCoefficients) -> EventCoefficients:
    """Estimates by event time relative to -1, sorted, with their covariance.

    Raises:
        EstimationError: the result has no common base period -1, a gap in its event times, or no lead.
    """
    if isinstance(result, EventCoefficients):
        times, beta, cov = result.event_times, result.beta, result.cov
    elif isinstance(result, GroupTimeEffects):
        times, beta, cov = _of_group_time(result)
    elif isinstance(result, (EventStudy, SunAbraham)):
        terms = [term for term in result.coef.index if str(term).startswith("event_")]
        times = np.array([int(str(term).removeprefix("event_")) for term in terms])
        beta, cov = result.coef[terms].to_numpy(), result.cov.loc[terms, terms].to_numpy()
    else:
        raise EstimationError(
            f"honest_did takes an event study, Sun-Abraham, Callaway-Sant'Anna or EventCoefficients, not {type(result).__name__}"
        )
    order = np.argsort(times)
    times, beta, cov = np.asarray(times)[order], np.asarray(beta)[order], np.asarray(cov)[np.ix_(order, order)]
    if -1 in times:
        raise EstimationError("event time -1 must be the base period of the estimates")
    if not (times < -1).any() or not (times >= 0).any():
        raise EstimationError(f"honest_did needs estimates before -1 and from 0 on; got event times {times.tolist()}")
    expected = np.setdiff1d(np.arange(times[0], times[-1] + 1), [-1])
    if not np.array_equal(times, expected):
        raise EstimationError(f"event times have a gap: {times.tolist()}")
    return EventCoefficients(times, beta, cov)


def _of_group_time(result: GroupTimeEffects) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    if "base period universal" not in result.convention:
        raise EstimationError("honest_did needs att_gt(..., base_period='universal'): leads relative to the same base")
    dynamic = result.dynamic
    return dynamic.coef.index.to_numpy(), dynamic.coef.to_numpy(), dynamic.cov.to_numpy()


def _original(estimate: float, error: float, level: float) -> dict[str, float]:
    half = critical_value(level, np.inf) * error
    return {"estimate": estimate, "conf_low": estimate - half, "conf_high": estimate + half}


def _target(events: EventCoefficients, event_time: int | Mapping[int, float]) -> tuple[np.ndarray, dict[int, float]]:
    """(L,) weights on the estimates from event time 0 on."""
    weights = dict(event_time) if isinstance(event_time, Mapping) else {int(event_time): 1.0}
    after = events.event_times[events.event_times >= 0]
    absent = [k for k in weights if k not in after]
    if absent or not any(weights.values()):
        raise EstimationError(f"event_time {absent or weights} is not among the estimated effects {after.tolist()}")
    return np.array([float(weights.get(int(k), 0.0)) for k in after]), weights


def _breakdown(rejects_zero: Callable[[float], bool], scale: float, most: float = 1000.0) -> float:
    """Largest m at which zero is rejected, to 1e-4 of ``scale``, found by bisection."""
    if not rejects_zero(0.0):
        return float(np.nan)
    low, high = 0.0, scale
    while rejects_zero(high):
        low, high = high, 2 * high
        if high > most * scale:
            return float(np.inf)
    while high - low > 1e-4 * scale:
        middle = (low + high) / 2
        low, high = (middle, high) if rejects_zero(middle) else (low, middle)
    return low
