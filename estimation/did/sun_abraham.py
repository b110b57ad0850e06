"""Sun and Abraham (2021): cohort-by-event-time effects in one regression, averaged with the cohorts' shares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from estimation.core.covariance import Ssc, Vcov
from estimation.core.error_structure import COORDINATES, carried_columns
from estimation.core.frame import EstimationError
from estimation.core.results import Estimates, HypothesisTest, critical_value
from estimation.did.cohorts import Cohorts, cohort_frame, event_label
from estimation.did.staggered_input import control_names, leads_test
from estimation.panel.fit import PanelFit, fit_panel


@dataclass(frozen=True, kw_only=True)
class SunAbraham(Estimates):
    """Interaction-weighted estimates; ``coef`` has the terms ``event_<k>``.

    Attributes:
        dynamic: index ``event_time``: estimate, std_error, conf_low, conf_high, n_obs.
        att: mean effect over all treated observations, as a one-row frame (estimate, std_error, conf_low, conf_high).
        group: the same by cohort.
        interactions: one row a (cohort, event_time): estimate, std_error, n_obs.
        pretrend: joint test of all leads of all cohorts.
        unidentified: entities or event times left out, with the reason.
        control_group: ``never`` or ``last`` (the last cohort, before it is treated).
        fit: the saturated regression.
    """

    dynamic: pd.DataFrame
    att: pd.DataFrame
    group: pd.DataFrame
    interactions: pd.DataFrame
    pretrend: HypothesisTest
    unidentified: Mapping[str, str]
    control_group: str
    fit: PanelFit


def sun_abraham(
    df: pd.DataFrame,
    y: str,
    cohort: str,
    x: str | Sequence[str] | None = None,
    *,
    base: int = -1,
    vcov: Vcov = "cluster",
    cluster: str | Sequence[str] | None = None,
    ssc: Ssc = "fixest",
    weights: str | None = None,
    level: float = 0.95,
    entity: str = "city_code",
    time: str = "year",
    **options: Any,
) -> SunAbraham:
    """y_it = sum_g sum_k b_gk 1{g_i = g, t - g = k} + x c + effects; b_k = sum_g share_g(k) b_gk.

    Shares are those of cohort g among the (weighted) observations at event time k and are taken as fixed, as fixest's ``sunab``
    does. Always-treated entities are left out (no period before treatment). Without never-treated entities the last cohort is
    the comparison and its treated periods are left out.

    Args:
        base: event time left out of every cohort.

    Raises:
        EstimationError: unusable input, or a cohort that is not observed at the base.
    """
    controls = control_names(x, y)
    carried = carried_columns(vcov, cluster, entity, time, options.get("coordinates", COORDINATES))
    numeric = [y, *controls, *([weights] if weights else [])]
    everyone = cohort_frame(df, numeric, cohort, entity=entity, time=time, keep=carried)
    cohorts, comparison, unidentified = _comparison(everyone)
    cells = _interactions(cohorts, comparison, base)
    data = pd.concat([cohorts.frame.data, cells], axis=1)
    fit = fit_panel(
        data, y, [*cells.columns, *controls], effects="twoways", vcov=vcov, cluster=cluster, ssc=ssc,
        weights=weights, entity=entity, time=time, **options,
    )  # fmt: skip
    mass = cohorts.frame.array(weights) if weights else np.ones(len(data))
    return _assemble(fit, cells, mass, "never" if comparison is None else "last", unidentified, base, level)


def _comparison(cohorts: Cohorts) -> tuple[Cohorts, float | None, dict[str, str]]:
    """Rows used, the cohort that serves as comparison (None: the never treated), and what was left out."""
    left_out = {}
    always = cohorts.always
    if always.any():
        names = ", ".join(map(str, cohorts.frame.entities[always][:5]))
        left_out["always treated"] = f"{int(always.sum())} entities without a period before treatment, e.g. {names}"
        rows = ~always[cohorts.frame.entity_codes]
        if not rows.any():
            raise EstimationError("every entity is treated in every period: nothing to compare")
        cohorts = cohorts.subset(rows)
    if np.isnan(cohorts.entity_first).any():
        return cohorts, None, left_out
    last = float(cohorts.groups[-1])
    if len(cohorts.groups) < 2:
        raise EstimationError("one cohort and no never-treated entity: there is no comparison group")
    left_out["treated periods of the last cohort"] = f"periods from {last:g} on: no comparison is left"
    return cohorts.subset(cohorts.periods < last), last, left_out


def _interactions(cohorts: Cohorts, comparison: float | None, base: int) -> pd.DataFrame:
    """(n, cells) dummies of every treated (cohort, event time) but the base, columns ``cohort_<g>:event_<k>``."""
    columns = {}
    for group in cohorts.groups:
        if group == comparison:
            continue
        times = np.unique(cohorts.relative[cohorts.first == group])
        if base not in times:
            raise EstimationError(
                f"cohort {group:g} is not observed at the base {base}: it has event times {', '.join(f'{k:g}' for k in times[:8])}"
            )
        for k in times[times != base]:
            cell = (cohorts.first == group) & (cohorts.relative == k)
            columns[f"cohort_{group:g}:{event_label(k)}"] = cell.astype(float)
    if not columns:
        raise EstimationError("no treated cohort is observed besides the base period")
    return pd.DataFrame(columns, index=cohorts.frame.data.index)


def _assemble(
    fit: PanelFit,
    cells: pd.DataFrame,
    mass: np.ndarray,
    control_group: str,
    unidentified: dict[str, str],
    base: int,
    level: float,
) -> SunAbraham:
    terms = list(cells.columns)
    group, event = (
        np.array([float(part.split("_")[1]) for part in parts])
        for parts in zip(*(t.split(":") for t in terms), strict=True)
    )
    beta, V = fit.coef[terms].to_numpy(), fit.cov.loc[terms, terms].to_numpy()
    share, n_obs = mass @ cells.to_numpy(), cells.to_numpy().sum(axis=0)
    event_times = np.unique(event)
    by_event = np.array([np.where(event == k, share, 0) for k in event_times])
    by_group = np.array([np.where((group == g) & (event >= 0), share, 0) for g in np.unique(group)])
    overall = np.where(event >= 0, share, 0)[None, :]
    dynamic_cov, dynamic = _averages(by_event, beta, V, fit.df_t, level)
    pretrend = leads_test(beta, V, event < 0, fit.df_t)
    labels = [event_label(k) for k in event_times]
    dynamic.index = pd.Index(event_times.astype(int), name="event_time")
    dynamic["n_obs"] = [(n_obs[event == k]).sum().astype(int) for k in event_times]
    att = _averages(overall, beta, V, fit.df_t, level)[1].set_axis(["att"], axis=0)
    by_cohort = _averages(by_group, beta, V, fit.df_t, level)[1].set_axis(
        pd.Index(np.unique(group), name="cohort"), axis=0
    )
    sentence = f"Sun-Abraham, comparison: {control_group} treated, base {base}, shares taken as fixed. {fit.convention}"
    return SunAbraham(
        dependent=fit.dependent,
        estimator="sun_abraham",
        vcov=fit.vcov,
        convention=sentence,
        coef=pd.Series(dynamic["estimate"].to_numpy(), index=labels, name="estimate"),
        cov=pd.DataFrame(dynamic_cov, index=labels, columns=labels),
        nobs=fit.nobs,
        n_entities=fit.n_entities,
        df_resid=fit.df_resid,
        df_t=fit.df_t,
        tests={"pretrend": pretrend},
        n_dropped=fit.n_dropped,
        dynamic=dynamic,
        att=att,
        group=by_cohort,
        interactions=pd.DataFrame(
            {"cohort": group, "event_time": event.astype(int), "estimate": beta, "std_error": np.sqrt(np.diag(V)),
             "n_obs": n_obs.astype(int)}
        ),
        pretrend=pretrend,
        unidentified=unidentified,
        control_group=control_group,
        fit=fit,
    )  # fmt: skip


def _averages(
    shares: np.ndarray, beta: np.ndarray, V: np.ndarray, df_t: float, level: float
) -> tuple[np.ndarray, pd.DataFrame]:
    """Covariance and table of weighted means of ``beta``, one a row of ``shares``."""
    weights = shares / shares.sum(axis=1, keepdims=True)
    cov = weights @ V @ weights.T
    estimate, error = weights @ beta, np.sqrt(np.diag(cov))
    half = critical_value(level, df_t) * error
    limits = {"conf_low": estimate - half, "conf_high": estimate + half}
    return cov, pd.DataFrame({"estimate": estimate, "std_error": error, **limits})
