"""Event study by two-way fixed effects: dummies of the periods since treatment, relative to a base period."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from estimation.core.covariance import Ssc, Vcov
from estimation.core.error_structure import COORDINATES, carried_columns
from estimation.core.frame import EstimationError
from estimation.core.results import Estimates, HypothesisTest
from estimation.did.cohorts import Cohorts, cohort_frame, event_label
from estimation.did.staggered_input import control_names, leads_test
from estimation.panel.fit import PanelFit, fit_panel


@dataclass(frozen=True, kw_only=True)
class EventStudy(Estimates):
    """Event-study estimates; ``coef`` has the terms ``event_<k>`` and the controls.

    Attributes:
        window, base: as asked for; ``base`` is a tuple.
        dynamic: one row an event time in the window: estimate, std_error, conf_low, conf_high, n_obs, status (``estimated``,
            ``base`` with estimate 0, ``unidentified`` with NaN). Index ``event_time``.
        unidentified: event times of the window that no observation can identify, with the reason.
        pretrend: joint test that all estimated leads (event time below 0) are zero.
        fit: the regression behind it.
    """

    window: tuple[int, int]
    base: tuple[int, ...]
    dynamic: pd.DataFrame
    unidentified: Mapping[int, str]
    pretrend: HypothesisTest
    fit: PanelFit


def event_study(
    df: pd.DataFrame,
    y: str,
    cohort: str,
    x: str | Sequence[str] | None = None,
    *,
    window: tuple[int, int],
    base: int | Sequence[int] | None = -1,
    bin_ends: bool = True,
    vcov: Vcov = "cluster",
    cluster: str | Sequence[str] | None = None,
    ssc: Ssc = "fixest",
    weights: str | None = None,
    level: float = 0.95,
    entity: str = "city_code",
    time: str = "year",
    **options: Any,
) -> EventStudy:
    """y_it = sum_k b_k 1{t - g_i = k} + x_it c + entity and time effects + u_it.

    Never-treated entities have no event dummy and serve, with the base period, as the reference.

    Args:
        cohort: column with the first treated period g_i; NaN, 0 or inf mean never treated.
        x: controls, or None.
        window: first and last event time.
        base: event time(s) left out; without never-treated entities two may be needed. None leaves out none.
        bin_ends: the first and last dummy also hold everything before and after. Otherwise observations outside the window
            have no dummy and join the reference; their number is stated in ``convention``.
        level: confidence level of ``dynamic``.
        options: further options of `estimation.panel.fit_panel`.

    Raises:
        EstimationError: a window without the base, or event times that are collinear (say so and name them).
    """
    low, high = _check_window(window)
    bases = _check_base(base, low, high, bin_ends)
    controls = control_names(x, y)
    carried = carried_columns(vcov, cluster, entity, time, options.get("coordinates", COORDINATES))
    numeric = [y, *controls, *([weights] if weights else [])]
    cohorts = cohort_frame(df, numeric, cohort, entity=entity, time=time, keep=carried)
    event_time = cohorts.relative
    outside = (event_time < low) | (event_time > high)
    if bin_ends:
        event_time = np.clip(event_time, low, high)
    dummies, unidentified = _event_dummies(cohorts, event_time, low, high, bases)
    data = cohorts.frame.data.drop(columns=[c for c in dummies.columns if c in cohorts.frame.data])
    data = pd.concat([data, dummies], axis=1)
    try:
        fit = fit_panel(
            data, y, [*dummies.columns, *controls], effects="twoways", vcov=vcov, cluster=cluster, ssc=ssc,
            weights=weights, entity=entity, time=time, **options,
        )  # fmt: skip
    except EstimationError as error:
        raise EstimationError(f"{error}{_collinearity_hint(error, cohorts)}") from error
    rule = f"window {low}..{high}, base {', '.join(map(str, bases)) or 'none'}, "
    rule += "ends binned" if bin_ends else f"{int(outside.sum())} observations outside the window in the reference"
    return _assemble(fit, rule, (low, high), bases, unidentified, event_time, level)


def _assemble(
    fit: PanelFit,
    rule: str,
    window: tuple[int, int],
    bases: tuple[int, ...],
    unidentified: Mapping[int, str],
    event_time: np.ndarray,
    level: float,
) -> EventStudy:
    leads = fit.coef.index.isin([event_label(k) for k in range(window[0], 0)])
    pretrend = leads_test(fit.coef.to_numpy(), fit.cov.to_numpy(), leads, fit.df_t)
    return EventStudy(
        dependent=fit.dependent,
        estimator="event_study",
        vcov=fit.vcov,
        convention=f"Event study, {rule}. {fit.convention}",
        coef=fit.coef,
        cov=fit.cov,
        nobs=fit.nobs,
        n_entities=fit.n_entities,
        df_resid=fit.df_resid,
        df_t=fit.df_t,
        tests={**fit.tests, "pretrend": pretrend},
        n_dropped=fit.n_dropped,
        window=window,
        base=bases,
        dynamic=_dynamic_table(fit, window, bases, unidentified, event_time, level),
        unidentified=dict(unidentified),
        pretrend=pretrend,
        fit=fit,
    )


def _check_window(window: tuple[int, int]) -> tuple[int, int]:
    low, high = (int(limit) for limit in window)
    if low > high:
        raise EstimationError(f"window={window} must run from the first to the last event time")
    return low, high


def _check_base(base: int | Sequence[int] | None, low: int, high: int, bin_ends: bool) -> tuple[int, ...]:
    bases = () if base is None else (int(base),) if isinstance(base, (int, np.integer)) else tuple(map(int, base))
    outside = [k for k in bases if not low <= k <= high]
    if outside:
        raise EstimationError(f"base {', '.join(map(str, outside))} lies outside the window {low}..{high}")
    if bin_ends and (low in bases or high in bases) and low != high:
        raise EstimationError(
            f"base {', '.join(map(str, bases))} is a binned end of the window {low}..{high}: widen it"
        )
    return bases


def _event_dummies(
    cohorts: Cohorts, event_time: np.ndarray, low: int, high: int, bases: tuple[int, ...]
) -> tuple[pd.DataFrame, dict[int, str]]:
    """Dummy columns of the event times that occur, and those that do not with the reason."""
    columns, unidentified = {}, {}
    for k in range(low, high + 1):
        present = event_time == k
        if not present.any():
            where = " or later" if k == high else " or earlier" if k == low else ""
            unidentified[k] = (
                f"no entity is observed {abs(k)} period(s) {'after' if k >= 0 else 'before'} treatment{where}"
            )
        elif k not in bases:
            columns[event_label(k)] = present.astype(float)
    if not columns:
        raise EstimationError(f"no event time in {low}..{high} is observed besides the base")
    return pd.DataFrame(columns, index=cohorts.frame.data.index), unidentified


def _collinearity_hint(error: EstimationError, cohorts: Cohorts) -> str:
    if "not identified" not in str(error) or "event_" not in str(error):
        return ""
    if np.isnan(cohorts.entity_first).any():
        return ""
    return " (there is no never-treated entity: bin the ends, or give more base periods)"


def _dynamic_table(
    fit: PanelFit,
    window: tuple[int, int],
    bases: tuple[int, ...],
    unidentified: Mapping[int, str],
    event_time: np.ndarray,
    level: float,
) -> pd.DataFrame:
    limits = fit.conf_int(level)
    rows = []
    for k in range(window[0], window[1] + 1):
        term = event_label(k)
        row: dict[str, Any] = {"event_time": k, "n_obs": int((event_time == k).sum())}
        if term in fit.coef.index:
            row |= {"estimate": fit.coef[term], "std_error": fit.se[term], **limits.loc[term], "status": "estimated"}
        elif k in bases and k not in unidentified:
            row |= {"estimate": 0.0, "std_error": 0.0, "conf_low": 0.0, "conf_high": 0.0, "status": "base"}
        else:
            row |= dict.fromkeys(("estimate", "std_error", "conf_low", "conf_high"), np.nan) | {
                "status": "unidentified"
            }
        rows.append(row)
    order = ["event_time", "estimate", "std_error", "conf_low", "conf_high", "n_obs", "status"]
    return pd.DataFrame(rows)[order].set_index("event_time")
