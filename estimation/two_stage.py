"""Two-stage difference in differences (Gardner 2022): residuals of the untreated model on treatment dummies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from estimation.cohorts import cohort_frame, event_label
from estimation.covariance import group_sums
from estimation.dynamic_effects import effects_table
from estimation.error_structure import carried_columns, error_structure
from estimation.frame import EstimationError
from estimation.least_squares import least_squares
from estimation.panel import wald_test
from estimation.panel_design import regressors
from estimation.results import Estimates, HypothesisTest
from estimation.untreated_model import UntreatedModel, untreated_model, why_not_imputable


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
    controls = regressors(x, y) if x is not None and len(x) else []
    carried = carried_columns("cluster", cluster, entity, time)
    numeric = [y, *controls, *([weights] if weights else [])]
    cohorts = cohort_frame(df, numeric, cohort, entity=entity, time=time, keep=carried)
    structure = error_structure(cohorts.frame, "cluster", cluster, entity=entity, time=time)
    mass = cohorts.frame.array(weights) if weights else np.ones(len(cohorts.periods))
    model = untreated_model(cohorts, cohorts.frame.array(controls), controls, mass)
    rows = model.imputable
    if not (rows & cohorts.treated).any():
        raise EstimationError(f"no treated observation can be predicted: {why_not_imputable(model, cohorts)}")
    outcome = cohorts.frame.array(y)
    gap = outcome - np.nan_to_num(model.fitted(outcome))
    relative = cohorts.relative
    event_times = np.unique(relative[rows & ~np.isnan(relative)])
    event_times = event_times[event_times != base]
    dummies = (rows[:, None] & (relative[:, None] == event_times)).astype(float)
    static = (rows & cohorts.treated).astype(float)[:, None]
    used = np.where(rows, mass, 0.0)
    beta, V = _second_stage(model, dummies, gap, used, structure.groups[0])
    att, att_V = _second_stage(model, static, gap, used, structure.groups[0])
    dynamic = effects_table(
        event_times, "event_time", beta, np.sqrt(np.diag(V)), dummies.sum(axis=0).astype(int), np.inf, level
    )
    overall = effects_table(
        np.array([0]), "att", att, np.sqrt(np.diag(att_V)), static.sum(axis=0).astype(int), np.inf, level
    )
    leads = event_times < 0
    pretrend = (
        wald_test(beta[leads], V[np.ix_(leads, leads)], np.inf)
        if leads.any()
        else HypothesisTest(np.nan, None, np.nan, "no lead is estimated")
    )
    labels = [event_label(k) for k in event_times]
    return TwoStage(
        dependent=y,
        estimator="two_stage",
        vcov=structure.label,
        convention=f"Two-stage (Gardner), base {base}, covariance {structure.label} with the first stage accounted for, no "
        "small-sample factor, normal reference.",
        coef=pd.Series(beta, index=labels, name="estimate"),
        cov=pd.DataFrame(V, index=labels, columns=labels),
        nobs=int(rows.sum()),
        n_entities=len(cohorts.frame.entities),
        df_resid=np.inf,
        tests={"pretrend": pretrend},
        n_dropped=cohorts.frame.n_dropped,
        att=overall.set_axis(["att"], axis=0),
        dynamic=dynamic,
        pretrend=pretrend,
        unidentified=why_not_imputable(model, cohorts),
    )


def _second_stage(
    model: UntreatedModel, dummies: np.ndarray, gap: np.ndarray, mass: np.ndarray, clusters: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients and covariance of the first-stage residuals on (n, m) dummies; ``mass`` is zero on rows left out."""
    kept = mass > 0
    second = least_squares(gap[kept], dummies[kept], mass[kept])
    u2 = np.zeros(len(gap))
    u2[kept] = second.residuals
    first = model.pull_back(mass[:, None] * dummies) * gap[:, None]
    influence = (dummies * (mass * u2)[:, None] - first) @ second.bread
    sums = group_sums(influence, clusters)
    return second.beta, sums.T @ sums
