"""Two-stage difference in differences (Gardner 2022): residuals of the untreated model on treatment dummies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from estimation.core.covariance import group_sums
from estimation.core.frame import EstimationError
from estimation.core.least_squares import least_squares
from estimation.core.results import Estimates, HypothesisTest
from estimation.did.cohorts import event_label
from estimation.did.dynamic_effects import effects_table
from estimation.did.staggered_input import StaggeredInput, leads_test, listed, staggered_input
from estimation.did.untreated_model import UntreatedModel, untreated_model, why_not_imputable


@dataclass(frozen=True, kw_only=True)
class TwoStage(Estimates):
    """Two-stage estimates; ``coef`` has the terms ``event_<k>``.

    Attributes:
        att: coefficient of the single treatment dummy (one row ``att``).
        dynamic: index ``event_time``: estimate, std_error, conf_low, conf_high, n_obs.
        pretrend: joint test of the leads. Their second stage has no effects of its own: they are mean first-stage residuals.
        unidentified: treated observations left out because their untreated outcome cannot be predicted, with the reason.
    """

    att: pd.DataFrame
    dynamic: pd.DataFrame
    pretrend: HypothesisTest
    unidentified: Mapping[str, str]


def two_stage(
    df: pd.DataFrame,
    y: str,
    cohort: str,
    x: str | Sequence[str] | None = None,
    *,
    base: int = -1,
    cluster: str | None = None,
    weights: str | None = None,
    level: float = 0.95,
    entity: str = "city_code",
    time: str = "year",
) -> TwoStage:
    """First stage: effects and controls on untreated rows. Second: y less the prediction on event-time dummies.

    The reference of the second stage is the base period and the never treated. The covariance accounts for the first stage:
    sum over clusters of (X2'X2)^-1 (X2'u2 - X2'X1 (X10'X10)^-1 X10'u1), without small-sample factor (R's did2s).

    Args:
        base: event time without a dummy. cluster: column to cluster by, default the entity.

    Raises:
        EstimationError: unusable input, or no treated observation with a predicted untreated outcome.
    """
    data = staggered_input(df, y, cohort, x, cluster=cluster, weights=weights, entity=entity, time=time)
    cohorts = data.cohorts
    model = untreated_model(cohorts, data.X, data.controls, data.mass)
    reasons = why_not_imputable(model, cohorts)
    rows = model.imputable
    if not (rows & cohorts.treated).any():
        raise EstimationError(f"no treated observation can be predicted: {listed(reasons)}")
    relative = cohorts.relative
    event_times = np.unique(relative[rows & ~np.isnan(relative)])
    event_times = event_times[event_times != base]
    dummies = (rows[:, None] & (relative[:, None] == event_times)).astype(float)
    static = (rows & cohorts.treated).astype(float)[:, None]
    dynamic, V = _second_stage(model, data, dummies, event_times, "event_time", level)
    att, _ = _second_stage(model, data, static, np.array([0]), "att", level)
    estimate = dynamic["estimate"].to_numpy()
    pretrend = leads_test(estimate, V, event_times < 0, np.inf)
    labels = [event_label(k) for k in event_times]
    return TwoStage(
        dependent=y,
        estimator="two_stage",
        vcov=data.structure.label,
        convention=f"Two-stage (Gardner), base {base}, covariance {data.structure.label} with the first stage accounted for, "
        "no small-sample factor, normal reference.",
        coef=pd.Series(estimate, index=labels, name="estimate"),
        cov=pd.DataFrame(V, index=labels, columns=labels),
        nobs=int(rows.sum()),
        n_entities=len(cohorts.frame.entities),
        df_resid=np.inf,
        tests={"pretrend": pretrend},
        n_dropped=cohorts.frame.n_dropped,
        att=att.set_axis(["att"], axis=0),
        dynamic=dynamic,
        pretrend=pretrend,
        unidentified=reasons,
    )


def _second_stage(
    model: UntreatedModel, data: StaggeredInput, dummies: np.ndarray, labels: np.ndarray, name: str, level: float
) -> tuple[pd.DataFrame, np.ndarray]:
    """Table and covariance of the coefficients of first-stage residuals on (n, m) dummies, on imputable rows."""
    kept = model.imputable
    mass = np.where(kept, data.mass, 0.0)
    gap = data.outcome - np.nan_to_num(model.fitted(data.outcome))
    second = least_squares(gap[kept], dummies[kept], mass[kept])
    u2 = np.zeros(len(gap))
    u2[kept] = second.residuals
    first = model.pull_back(mass[:, None] * dummies) * gap[:, None]
    influence = (dummies * (mass * u2)[:, None] - first) @ second.bread
    sums = group_sums(influence, data.structure.groups[0])
    cov = sums.T @ sums
    counts = dummies.sum(axis=0).astype(int)
    return effects_table(labels, name, second.beta, np.sqrt(np.diag(cov)), counts, np.inf, level), cov
