"""Callaway and Sant'Anna (2021): effects by cohort and period, and their averages with influence-function inference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import pandas as pd

from estimation.core.covariance import is_nested
from estimation.core.design import check_varies
from estimation.core.frame import EstimationError
from estimation.core.results import Estimates, HypothesisTest
from estimation.did.callaway_averages import Averages, GroupTime, aggregate_all
from estimation.did.cohorts import Cohorts, cohort_frame
from estimation.did.doubly_robust import Method, two_period_effect
from estimation.did.influence import Inference, infer, inference
from estimation.did.staggered_input import control_names, leads_test, listed

Control = Literal["never", "notyet"]
BasePeriod = Literal["varying", "universal"]
SMALL_COHORT = 5


@dataclass(frozen=True, kw_only=True)
class GroupTimeEffects(Estimates):
    """Group-time effects; ``coef`` has the terms ``att(<group>,<time>)``.

    Attributes:
        att_gt: one row a (group, time): att, se, conf_low, conf_high, n_treated, n_control, n_trimmed, post. ``se`` is NaN at the
            base period of ``base_period="universal"``.
        simple: mean over all treated cells. dynamic: by event time; group: by cohort; calendar: by period. Each has
            ``overall_att``, ``overall_se`` and a table (index egt: att_egt, se_egt, conf_low, conf_high).
        pretrend: Wald test that all effects before treatment are zero (chi2).
        unidentified: cells and cohorts that cannot be estimated, with the reason.
        critical_value: of the intervals of ``att_gt``; simultaneous if bootstrapped.
    """

    att_gt: pd.DataFrame
    simple: Averages
    dynamic: Averages
    group: Averages
    calendar: Averages
    pretrend: HypothesisTest
    unidentified: Mapping[str, str]
    critical_value: float


def att_gt(
    df: pd.DataFrame,
    y: str,
    cohort: str,
    x: str | Sequence[str] | None = None,
    *,
    control: Control = "never",
    method: Method = "dr",
    base_period: BasePeriod = "varying",
    anticipation: int = 0,
    cluster: str | None = None,
    draws: int = 0,
    rng: np.random.Generator | None = None,
    level: float = 0.95,
    entity: str = "city_code",
    time: str = "year",
) -> GroupTimeEffects:
    """ATT(g, t): change of cohort g since its base period less that of the control group, covariates at the earlier period.

    Entities not observed in every period are left out and counted (as R's did does). Cohorts treated in the first period are
    left out, cohorts treated after the last one count as never treated.

    Args:
        control: ``never`` treated, or ``notyet`` (also entities not treated by either period).
        method: ``dr``, ``reg`` or ``ipw`` (see `estimation.did.doubly_robust`); identical without covariates.
        base_period: before treatment compare with the period before (``varying``) or with the last period before treatment
            (``universal``). After treatment it is always the latter.
        anticipation: periods before treatment that may already be affected.
        cluster: entity-constant column to cluster by (default: the entity).
        draws: multiplier-bootstrap draws (Mammen weights); needs ``rng``. 0: analytic standard errors, pointwise intervals.

    Raises:
        EstimationError: unusable input, no never-treated entity with ``control="never"``, or no cell can be estimated.
    """
    _check_options(control, base_period)
    controls = control_names(x, y)
    keep = [cluster] if cluster else []
    everyone = cohort_frame(df, [y, *controls], cohort, entity=entity, time=time, keep=keep)
    cohorts, unidentified = _usable(everyone, control, anticipation)
    shape = (len(cohorts.frame.entities), len(cohorts.frame.times))
    outcome = _varying(cohorts.frame.array(y).reshape(shape), y)
    covariates = cohorts.frame.array(controls).reshape(*shape, len(controls))
    cells, problems = group_time_effects(
        outcome,
        covariates,
        controls,
        cohorts.entity_first,
        np.unique(cohorts.periods),
        control,
        method,
        base_period,
        anticipation,
    )
    caveats = _caveats(unidentified, cohorts.entity_first, len(controls))
    unidentified |= problems
    how = inference(_entity_clusters(cohorts, cluster, entity), level, draws, rng)
    dropped = everyone.frame.n_dropped + len(everyone.periods) - len(cohorts.periods)
    options = f"method {method}, control {control}, base period {base_period}{caveats}"
    return _assemble(cells, how, cohorts, unidentified, y, dropped, cluster or entity, options)


def _varying(outcome: np.ndarray, y: str) -> np.ndarray:
    check_varies(y, outcome, outcome - outcome.mean(1, keepdims=True) - outcome.mean(0) + outcome.mean())
    return outcome


def _check_options(control: str, base_period: str) -> None:
    if control not in get_args(Control):
        raise EstimationError(f"control={control!r} is not one of {', '.join(get_args(Control))}")
    if base_period not in get_args(BasePeriod):
        raise EstimationError(f"base_period={base_period!r} is not one of {', '.join(get_args(BasePeriod))}")


def _usable(everyone: Cohorts, control: str, anticipation: int) -> tuple[Cohorts, dict[str, str]]:
    """Entities and periods that can be used, and what was left out."""
    left_out = {}
    counts = np.bincount(everyone.frame.entity_codes)
    short = counts < len(everyone.frame.times)
    early = everyone.entity_first <= everyone.periods.min() + anticipation
    for name, which in (("not observed in every period", short), ("treated from the first period on", early & ~short)):
        if which.any():
            examples = ", ".join(map(str, everyone.frame.entities[which][:5]))
            left_out[name] = f"{int(which.sum())} entities, e.g. {examples}"
    rows = ~(short | early)[everyone.frame.entity_codes]
    if not rows.any():
        raise EstimationError(f"no usable entity: {listed(left_out)}")
    cohorts = everyone.subset(rows)
    last = cohorts.periods.max() + anticipation
    first = np.where(cohorts.entity_first > last, np.nan, cohorts.entity_first)
    if np.isnan(first).all():
        raise EstimationError(f"no usable entity is treated within the panel: {listed(left_out)}")
    if not np.isnan(first).any():
        if control == "never":
            raise EstimationError("control='never' needs never-treated entities; there are none: use control='notyet'")
        final = float(np.nanmax(first))
        left_out["no comparison left"] = f"periods from {final - anticipation:g} on: the last cohort serves as control"
        cohorts = cohorts.subset(cohorts.periods < final - anticipation)
        first = np.where(first == final, np.nan, first)
    return Cohorts(cohorts.frame, cohorts.periods, first[cohorts.frame.entity_codes], first), left_out


def group_time_effects(
    outcome: np.ndarray,
    covariates: np.ndarray,
    names: Sequence[str],
    first: np.ndarray,
    periods: np.ndarray,
    control: Control,
    method: Method,
    base_period: BasePeriod,
    anticipation: int,
) -> tuple[GroupTime, dict[str, str]]:
    """All cells of a balanced panel.

    Args:
        outcome: (N, T). covariates: (N, T, k), named ``names``. first: (N,) first treated period, NaN never. periods: (T,) sorted.
    """
    n = len(first)
    rows, influence, problems = [], [], {}
    for group in np.unique(first[~np.isnan(first)]):
        before = np.flatnonzero(periods + anticipation < group)
        if not len(before):
            problems[f"group {group:g}"] = "no period before treatment"
            continue
        last_before = int(before[-1])
        for t in range(0 if base_period == "universal" else 1, len(periods)):
            post = periods[t] + anticipation >= group
            base = last_before if post or base_period == "universal" else t - 1
            if t == base:
                rows.append((group, periods[t], 0.0, int((first == group).sum()), 0, 0, False))
                influence.append(np.full(n, np.nan))
                continue
            treated = first == group
            pool = treated | _control_units(first, periods[max(t, base)] + anticipation, control)
            X = np.concatenate([np.ones((n, 1)), covariates[:, min(t, base)]], axis=1)
            try:
                change = outcome[:, t] - outcome[:, base]
                effect = two_period_effect(change[pool], treated[pool], X[pool], method, names)
            except EstimationError as error:
                problems[f"att({group:g},{periods[t]:g})"] = str(error)
                continue
            spread = np.zeros(n)
            spread[pool] = effect.influence * n / pool.sum()
            influence.append(spread)
            n_treated, after = int(treated.sum()), periods[t] >= group
            rows.append(
                (group, periods[t], effect.att, n_treated, int(pool.sum()) - n_treated, effect.n_trimmed, after)
            )
    columns = ["group", "time", "att", "n_treated", "n_control", "n_trimmed", "post"]
    table = pd.DataFrame(rows, columns=columns)
    if not rows:
        raise EstimationError(f"no group-time effect can be estimated: {listed(problems) or 'no period to compare'}")
    return GroupTime(table, table["att"].to_numpy(dtype=float), np.column_stack(influence), first), problems


def _caveats(left_out: Mapping[str, str], first: np.ndarray, n_controls: int) -> str:
    """What was left out, and cohorts too small for normal inference (below 5 + controls, the warning of R's did)."""
    text = f"; left out: {listed(left_out)}" if left_out else ""
    groups, sizes = np.unique(first[~np.isnan(first)], return_counts=True)
    small = [f"{g:g} ({size})" for g, size in zip(groups, sizes, strict=True) if size < SMALL_COHORT + n_controls]
    return text + (f"; cohorts of few entities, standard errors unreliable: {', '.join(small)}" if small else "")


def _control_units(first: np.ndarray, latest: float, control: Control) -> np.ndarray:
    never = np.isnan(first)
    return never if control == "never" else never | (first > latest)


def _entity_clusters(cohorts: Cohorts, cluster: str | None, entity: str) -> np.ndarray:
    """(N,) cluster codes of the entities."""
    if cluster is None or cluster == entity:
        return np.arange(len(cohorts.frame.entities))
    labels = cohorts.frame.data[cluster]
    if labels.isna().any():
        raise EstimationError(f"{cluster} is missing in {int(labels.isna().sum())} row(s)")
    codes = pd.factorize(labels, sort=True)[0]
    if not is_nested(cohorts.frame.entity_codes, codes):
        raise EstimationError(f"{cluster} must be one value for each {entity}; it changes over time for some")
    by_entity = np.empty(len(cohorts.frame.entities), dtype=int)
    by_entity[cohorts.frame.entity_codes] = codes
    return by_entity


def _assemble(
    cells: GroupTime,
    how: Inference,
    cohorts: Cohorts,
    unidentified: dict[str, str],
    y: str,
    n_dropped: int,
    cluster: str,
    options: str,
) -> GroupTimeEffects:
    estimated = ~np.isnan(cells.influence).any(axis=0)
    result = infer(cells.influence[:, estimated], how)
    table = cells.table.copy()
    table["se"] = np.nan
    table.loc[estimated, "se"] = result.se
    table["conf_low"] = table["att"] - result.critical_value * table["se"]
    table["conf_high"] = table["att"] + result.critical_value * table["se"]
    order = ["group", "time", "att", "se", "conf_low", "conf_high", "n_treated", "n_control", "n_trimmed", "post"]
    for name in ("group", "time"):
        if (table[name] == table[name].round()).all():
            table[name] = table[name].astype(int)
    labels = [
        f"att({g:g},{t:g})" for g, t in zip(table.loc[estimated, "group"], table.loc[estimated, "time"], strict=True)
    ]
    leads = estimated & ~table["post"].to_numpy(dtype=bool)
    inside = leads[estimated]
    pretrend = leads_test(cells.att[estimated], result.cov, inside, np.inf)
    trimmed = int(table["n_trimmed"].sum())
    kind = f"multiplier bootstrap, {how.draws} draws" if how.draws else "analytic influence functions"
    averages = aggregate_all(cells, how, y)
    return GroupTimeEffects(
        dependent=y,
        estimator="callaway_santanna",
        vcov=f"cluster({cluster})",
        convention=f"Callaway-Sant'Anna, {options}; {kind}, clustered by {cluster}, no small-sample factor, normal reference; "
        f"{trimmed} control cells trimmed at propensity 0.995.",
        coef=pd.Series(cells.att[estimated], index=labels, name="estimate"),
        cov=pd.DataFrame(result.reported_cov, index=labels, columns=labels),
        nobs=len(cohorts.periods),
        n_entities=len(cohorts.frame.entities),
        df_resid=np.inf,
        tests={"pretrend": pretrend},
        n_dropped=n_dropped,
        att_gt=table[order],
        simple=averages["simple"],
        dynamic=averages["dynamic"],
        group=averages["group"],
        calendar=averages["calendar"],
        pretrend=pretrend,
        unidentified=unidentified,
        critical_value=result.critical_value,
    )
