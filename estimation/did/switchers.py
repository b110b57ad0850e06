"""De Chaisemartin and D'Haultfoeuille: effects of switching treatment, compared with units that have not switched yet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from estimation.core.design import check_varies
from estimation.core.frame import EstimationError, PanelFrame, panel_frame
from estimation.core.results import Estimates, HypothesisTest
from estimation.did.cohorts import event_label
from estimation.did.dynamic_effects import effects_table
from estimation.did.staggered_input import leads_test

CONVENTION = (
    "de Chaisemartin-D'Haultfoeuille DID_l, comparison: same first treatment, not switched yet; no controls; "
    "cohort-recentred plug-in variance, normal reference."
)


@dataclass(frozen=True, kw_only=True)
class SwitcherEffects(Estimates):
    """Effects by periods since the first switch; ``coef`` has the terms ``event_<k>``.

    Attributes:
        dynamic: index ``event_time`` (0 is the first switched period, -1-l the placebo of lag l): estimate, std_error,
            conf_low, conf_high, n_obs (switchers).
        did_m: the one-period estimator DID_M over all switches, on and off (one row ``did_m``).
        pretrend: joint test of the placebos.
        unidentified: event times without switchers that have a comparison, and entities left out.
    """

    dynamic: pd.DataFrame
    did_m: pd.DataFrame
    pretrend: HypothesisTest
    unidentified: Mapping[str, str]


def did_multiplegt(
    df: pd.DataFrame,
    y: str,
    treat: str,
    *,
    effects: int = 1,
    placebos: int = 0,
    level: float = 0.95,
    entity: str = "city_code",
    time: str = "year",
) -> SwitcherEffects:
    """DID_l of de Chaisemartin and D'Haultfoeuille (2024) and DID_M of (2020), 0/1 treatment that may switch on and off.

    For an entity that first switches at F: S (Y_{F-1+l} - Y_{F-1}), S = +1 on, -1 off, less the mean change of entities with
    the same first treatment that have not switched by F-1+l; averaged over switchers. Placebos replace Y_{F-1+l} by Y_{F-1-l}.
    Variance: squared deviations of each entity's contribution from the mean of its cohort (first treatment, first switch), the
    cohort-recentred plug-in of the paper; normal reference. Entities not observed in every period are left out.

    Args:
        effects, placebos: number of horizons l = 1, 2, ... after and before the switch.

    Raises:
        EstimationError: ``treat`` is not 0/1, nobody switches, or no switcher has a comparison.
    """
    if effects < 1 or placebos < 0:
        raise EstimationError(f"effects={effects} must be at least 1 and placebos={placebos} not negative")
    frame = panel_frame(df, [y, treat], entity=entity, time=time)
    outcome, treatment, left_out = _balanced(frame, y, treat, entity)
    first, cohorts = _histories(treatment)
    if (first == treatment.shape[1]).all():
        raise EstimationError(f"nobody switches {treat}: there is no effect to estimate")
    horizons = (*range(-placebos, 0), *range(1, effects + 1))
    switches = {h - 1: _first_switches(treatment[:, 0], first, outcome, h) for h in horizons}
    found = {k: _contributions(comparisons, len(first)) for k, comparisons in switches.items()}
    left_out |= {event_label(k): "no switcher with a comparison" for k, (_, count) in found.items() if not count}
    found = {k: contributions for k, contributions in found.items() if contributions[1]}
    if not found:
        raise EstimationError(f"no switcher of {treat} has a comparison within {effects} period(s)")
    event_times, counts = np.array(list(found), dtype=float), np.array([count for _, count in found.values()])
    estimate, cov = _recentred(np.column_stack([values for values, _ in found.values()]), cohorts)
    pretrend = leads_test(estimate, cov, event_times < 0, np.inf)
    labels, error = [event_label(k) for k in event_times], np.sqrt(np.diag(cov))
    return SwitcherEffects(
        dependent=y,
        estimator="did_multiplegt",
        vcov=f"cohort-recentred({entity})",
        convention=CONVENTION,
        coef=pd.Series(estimate, index=labels, name="estimate"),
        cov=pd.DataFrame(cov, index=labels, columns=labels),
        nobs=outcome.size,
        n_entities=len(outcome),
        df_resid=np.inf,
        tests={"pretrend": pretrend},
        n_dropped=frame.n_dropped + len(frame.data) - outcome.size,
        dynamic=effects_table(event_times, "event_time", estimate, error, counts, np.inf, level),
        did_m=_did_m(outcome, treatment, cohorts, level),
        pretrend=pretrend,
        unidentified=left_out,
    )


def _histories(treatment: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(N,) index of the first switch (T if none) and cohort codes (first treatment, first switch)."""
    changed = treatment != treatment[:, :1]
    first = np.where(changed.any(axis=1), changed.argmax(axis=1), treatment.shape[1])
    cohorts = np.unique(np.column_stack([treatment[:, 0], first]), axis=0, return_inverse=True)[1].ravel()
    return first, cohorts


def _balanced(frame: PanelFrame, y: str, treat: str, entity: str) -> tuple[np.ndarray, np.ndarray, dict[str, str]]:
    """(N, T) outcome and treatment of the entities observed in every period."""
    treatment = frame.array(treat)
    if not np.isin(treatment, (0, 1)).all():
        raise EstimationError(f"{treat} must be 0 or 1; found {np.setdiff1d(treatment, (0, 1))[:5]}")
    complete = np.bincount(frame.entity_codes) == len(frame.times)
    left_out = {}
    if not complete.all():
        names = ", ".join(map(str, frame.entities[~complete][:5]))
        left_out["not observed in every period"] = f"{int((~complete).sum())} {entity}, e.g. {names}"
    if not complete.any():
        raise EstimationError(f"no {entity} is observed in all {len(frame.times)} periods")
    rows = complete[frame.entity_codes]
    shape = (int(complete.sum()), len(frame.times))
    outcome = frame.array(y)[rows].reshape(shape)
    check_varies(y, outcome, outcome - outcome.mean(1, keepdims=True) - outcome.mean(0) + outcome.mean())
    return outcome, treatment[rows].reshape(shape), left_out


Comparison = tuple[np.ndarray, np.ndarray, np.ndarray, float]


def _first_switches(baseline: np.ndarray, first: np.ndarray, outcome: np.ndarray, horizon: int) -> Iterator[Comparison]:
    """(switchers, controls, (N,) change, sign) of every cohort that has a comparison at a horizon (negative: placebo)."""
    n_times = outcome.shape[1]
    for start in np.unique(first[first < n_times]):
        target, latest = start - 1 + horizon, start - 1 + abs(horizon)
        if target < 0 or latest >= n_times:
            continue
        change = outcome[:, target] - outcome[:, start - 1]
        for status in (0, 1):
            switchers = (first == start) & (baseline == status)
            controls = (first > latest) & (baseline == status)
            if switchers.any() and controls.any():
                yield switchers, controls, change, 1.0 - 2 * status


def _every_switch(outcome: np.ndarray, treatment: np.ndarray) -> Iterator[Comparison]:
    """The comparisons of DID_M: all switches between consecutive periods with units that keep the same treatment."""
    for t in range(1, outcome.shape[1]):
        change = outcome[:, t] - outcome[:, t - 1]
        before, now = treatment[:, t - 1], treatment[:, t]
        for status in (0, 1):
            switchers, controls = (before == status) & (now != status), (before == status) & (now == status)
            if switchers.any() and controls.any():
                yield switchers, controls, change, 1.0 - 2 * status


def _contributions(comparisons: Iterator[Comparison], n: int) -> tuple[np.ndarray, int]:
    """(N,) contributions whose mean is the estimate, and the number of switchers."""
    total, n_switchers = np.zeros(n), 0
    for switchers, controls, change, sign in comparisons:
        total += sign * change * (switchers - controls * switchers.sum() / controls.sum())
        n_switchers += int(switchers.sum())
    return (total * n / n_switchers if n_switchers else total), n_switchers


def _recentred(contributions: np.ndarray, cohorts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means of (N, m) contributions and their cohort-recentred covariance."""
    n = len(contributions)
    sizes = np.bincount(cohorts)
    means = np.column_stack([np.bincount(cohorts, column) for column in contributions.T]) / sizes[:, None]
    deviation = contributions - means[cohorts]
    return contributions.mean(axis=0), deviation.T @ deviation / n**2


def _did_m(outcome: np.ndarray, treatment: np.ndarray, cohorts: np.ndarray, level: float) -> pd.DataFrame:
    contributions, n_switchers = _contributions(_every_switch(outcome, treatment), len(outcome))
    if not n_switchers:
        values = dict.fromkeys(("estimate", "std_error", "conf_low", "conf_high"), np.nan)
        return pd.DataFrame(values | {"n_obs": 0}, index=["did_m"])
    estimate, cov = _recentred(contributions[:, None], cohorts)
    error, counts = np.sqrt(np.diag(cov)), np.array([n_switchers])
    return effects_table(np.array([0]), "did_m", estimate, error, counts, np.inf, level).set_axis(["did_m"], axis=0)
