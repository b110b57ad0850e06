"""Imputation estimator of Borusyak, Jaravel and Spiess (2024): impute untreated outcomes, average the differences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from estimation.core.covariance import group_sums
from estimation.core.frame import EstimationError
from estimation.core.results import Estimates, HypothesisTest
from estimation.did.cohorts import Cohorts, event_label
from estimation.did.dynamic_effects import Targets, effects_table, targets
from estimation.did.staggered_input import StaggeredInput, listed, staggered_input
from estimation.did.untreated_model import UntreatedModel, untreated_model, why_not_imputable
from estimation.panel.fit import fit_panel, wald_test

CONVENTION = (
    "Imputation (Borusyak, Jaravel and Spiess), conservative covariance {}, averaged within cohort and event time, no "
    "small-sample factor, normal reference; leads by two-way least squares on untreated rows, small-sample factor of fixest."
)


@dataclass(frozen=True, kw_only=True)
class Imputation(Estimates):
    """Imputation estimates; ``coef`` has the terms ``event_<k>`` for k >= 0.

    Attributes:
        att: mean effect over all imputable treated observations (one row ``att``).
        dynamic, group, calendar: means by event time (leads included, see ``pretrend``), cohort and period:
            estimate, std_error, conf_low, conf_high, n_obs.
        pretrend: joint test of the leads, estimated on untreated observations only.
        unidentified: treated observations whose untreated outcome cannot be imputed, with the reason and counts.
        effects: (rows) estimated effect of every imputable treated observation, indexed by (entity, time).
    """

    att: pd.DataFrame
    dynamic: pd.DataFrame
    group: pd.DataFrame
    calendar: pd.DataFrame
    pretrend: HypothesisTest
    unidentified: Mapping[str, str]
    effects: pd.Series


def imputation(
    df: pd.DataFrame,
    y: str,
    cohort: str,
    x: str | Sequence[str] | None = None,
    *,
    leads: Sequence[int] | None = None,
    cluster: str | None = None,
    weights: str | None = None,
    level: float = 0.95,
    entity: str = "city_code",
    time: str = "year",
) -> Imputation:
    """Effects tau_it = y_it - (alpha_i + gamma_t + x_it b), the model fitted on untreated observations, then averaged.

    Standard errors are the conservative ones of the paper's theorem 3: with v the weights of a mean on all observations,
    V = sum over clusters (sum v_it e_it)^2, where e is the residual on untreated rows and, on treated rows, the effect less the
    v^2-weighted mean effect of its cohort and event time. Normal reference, no small-sample factor (R's didimputation).

    Args:
        leads: event times (negative) of the pre-trend regression on untreated observations; default all but the earliest.
        cluster: column to cluster by, default the entity.

    Raises:
        EstimationError: unusable input, no untreated observation, or no treated observation that can be imputed.
    """
    data = staggered_input(df, y, cohort, x, cluster=cluster, weights=weights, entity=entity, time=time)
    cohorts = data.cohorts
    model = untreated_model(cohorts, data.X, data.controls, data.mass)
    reasons = why_not_imputable(model, cohorts)
    rows = cohorts.treated & model.imputable
    if not rows.any():
        raise EstimationError(f"no treated observation can be imputed: {listed(reasons)}")
    gap = data.outcome - np.nan_to_num(model.fitted(data.outcome))
    tables, cov = _averages(model, data, gap, rows, level, time)
    labels = [event_label(k) for k in tables["dynamic"].index]
    before, pretrend = _leads(data, y, leads, cluster, weights, level, (entity, time))
    pairs = pd.MultiIndex.from_frame(cohorts.frame.data.loc[rows, [entity, time]])
    return Imputation(
        dependent=y,
        estimator="imputation",
        vcov=data.structure.label,
        convention=CONVENTION.format(data.structure.label),
        coef=pd.Series(tables["dynamic"]["estimate"].to_numpy(), index=labels, name="estimate"),
        cov=pd.DataFrame(cov, index=labels, columns=labels),
        nobs=int((rows | ~cohorts.treated).sum()),
        n_entities=len(cohorts.frame.entities),
        df_resid=np.inf,
        tests={"pretrend": pretrend},
        n_dropped=cohorts.frame.n_dropped,
        att=tables["att"].set_axis(["att"], axis=0),
        dynamic=pd.concat([before, tables["dynamic"]]) if len(before) else tables["dynamic"],
        group=tables["group"],
        calendar=tables["calendar"],
        pretrend=pretrend,
        unidentified=reasons,
        effects=pd.Series(gap[rows], index=pairs, name="effect"),
    )


def _averages(
    model: UntreatedModel, data: StaggeredInput, gap: np.ndarray, rows: np.ndarray, level: float, time: str
) -> tuple[dict[str, pd.DataFrame], np.ndarray]:
    """Tables of the mean effects by kind, and the covariance of those by event time."""
    cohorts = data.cohorts
    keys = {
        "group": ("cohort", cohorts.first),
        "calendar": (time, cohorts.periods),
        "att": ("att", np.zeros(len(gap))),
        "dynamic": ("event_time", cohorts.relative),
    }
    tables = {}
    for kind, (name, key) in keys.items():
        target = targets(key, rows, data.mass)
        cov = _covariance(model, cohorts, target, gap, data.structure.groups[0])
        error = np.sqrt(np.diag(cov))
        tables[kind] = effects_table(target.labels, name, target.weights.T @ gap, error, target.counts, np.inf, level)
    return tables, cov


def _covariance(
    model: UntreatedModel, cohorts: Cohorts, target: Targets, gap: np.ndarray, clusters: np.ndarray
) -> np.ndarray:
    """(m, m) conservative covariance of the means of ``target``."""
    v = target.weights - model.pull_back(target.weights)
    cells = np.unique(
        np.column_stack([np.nan_to_num(cohorts.first, nan=-1), np.nan_to_num(cohorts.relative, nan=-1)]),
        axis=0, return_inverse=True,
    )[1].ravel()  # fmt: skip
    squared = v**2 * cohorts.treated[:, None]
    total = group_sums(squared, cells)
    mean = np.divide(group_sums(squared * gap[:, None], cells), total, out=np.zeros_like(total), where=total > 0)
    error = gap[:, None] - np.where(cohorts.treated[:, None], mean[cells], 0)
    sums = group_sums(v * error, clusters)
    return sums.T @ sums


def _leads(
    data: StaggeredInput,
    y: str,
    leads: Sequence[int] | None,
    cluster: str | None,
    weights: str | None,
    level: float,
    keys: tuple[str, str],
) -> tuple[pd.DataFrame, HypothesisTest]:
    """Table and joint test of the pre-trend regression on untreated observations."""
    relative = data.cohorts.relative
    before = np.unique(relative[relative < 0])
    wanted = before[1:] if leads is None else np.asarray(sorted(leads), dtype=float)
    absent = np.setdiff1d(wanted, before)
    if len(absent):
        raise EstimationError(f"no untreated observation at event time {', '.join(f'{k:g}' for k in absent)}")
    if not len(wanted):
        return pd.DataFrame(), HypothesisTest(np.nan, None, np.nan, "no lead is estimated")
    rows = ~data.cohorts.treated
    dummies = pd.DataFrame({event_label(k): (relative == k).astype(float) for k in wanted})
    untreated = pd.concat([data.cohorts.frame.data, dummies], axis=1).loc[rows]
    terms = list(dummies.columns)
    try:
        fit = fit_panel(
            untreated, y, [*data.controls, *terms], cluster=cluster, weights=weights, entity=keys[0], time=keys[1],
            collinear="drop",
        )  # fmt: skip
    except EstimationError as problem:
        # Without a comparison the untreated rows may leave no lead; the effects themselves do not need any.
        return pd.DataFrame(), HypothesisTest(np.nan, None, np.nan, f"no lead is estimated: {problem}")
    terms = [term for term in terms if term in fit.coef.index]
    wanted = np.array([float(term.removeprefix("event_")) for term in terms])
    estimate, error = fit.coef[terms].to_numpy(), fit.se[terms].to_numpy()
    counts = dummies.loc[rows, terms].sum().to_numpy().astype(int)
    test = wald_test(estimate, fit.cov.loc[terms, terms].to_numpy(), fit.df_t)
    if fit.dropped:
        test = replace(test, note=f"leads left out: {'; '.join(fit.dropped.values())}")
    return effects_table(wanted, "event_time", estimate, error, counts, np.inf, level), test
