"""The estimate without one city, one province or any other group at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Unpack

import numpy as np
import pandas as pd

from estimation.core.frame import EstimationError
from estimation.core.options import PanelOptions
from estimation.core.terms import estimation_sample, key_names, names
from estimation.panel.fit import PanelFit, fit_panel


@dataclass(frozen=True)
class LeaveOneOut:
    """Estimates of one term.

    Attributes:
        table: one row a left-out group: ``estimate``, ``std_error``, ``p_value``, ``n_obs``, ``change`` from the full
            estimate and ``reason`` (not empty where nothing could be estimated).
        full: the regression on all rows. low, high: smallest and largest estimate. most_influential: group with the
            largest change.
        sign_changes: groups whose removal changes the sign. significance_changes: groups whose removal moves p across
            5 %.
    """

    table: pd.DataFrame
    full: PanelFit
    low: float
    high: float
    most_influential: Any
    sign_changes: tuple[Any, ...]
    significance_changes: tuple[Any, ...]


def leave_one_out(
    df: pd.DataFrame,
    y: str,
    term: str,
    x: str | Sequence[str] = (),
    *,
    by: str | None = None,
    **options: Unpack[PanelOptions],
) -> LeaveOneOut:
    """Refit leaving out every value of ``by`` (default: every entity) in turn.

    Raises:
        EstimationError: as `estimation.panel.fit_panel` on all rows; fewer than three groups; a missing group label.
    """
    group = by or key_names(options)[0]
    regressors = [term, *names(x)]
    keep = [] if group in key_names(options) else [group]
    sample = estimation_sample(df, [y, *regressors], options, keep=keep)
    labels = sample.data[group]
    if labels.isna().any() or labels.nunique() < 3:
        raise EstimationError(f"{group} needs at least three groups and no missing label; found {labels.nunique()}")
    full = fit_panel(sample.data, y, regressors, **options)
    rows = []
    for label in sorted(labels.unique()):
        part = sample.data[(labels != label).to_numpy()]
        try:
            fit = fit_panel(part, y, regressors, **options)
            row = {
                "estimate": float(fit.coef[term]),
                "std_error": float(fit.se[term]),
                "p_value": float(fit.p_values[term]),
            }
            rows.append({"left_out": label, **row, "n_obs": fit.nobs, "reason": ""})
        except EstimationError as error:
            empty = dict.fromkeys(("estimate", "std_error", "p_value"), np.nan)
            rows.append({"left_out": label, **empty, "n_obs": len(part), "reason": str(error)})
    table = pd.DataFrame(rows).set_index("left_out")
    table.insert(4, "change", table["estimate"] - float(full.coef[term]))
    known = table.dropna(subset=["estimate"])
    if known.empty:
        raise EstimationError(f"no regression without a group of {group} can be estimated: {table['reason'].iloc[0]}")
    flips = known.index[np.sign(known["estimate"]) != np.sign(full.coef[term])]
    crossed = known.index[(known["p_value"] < 0.05) != (full.p_values[term] < 0.05)]
    return LeaveOneOut(
        table=table,
        full=full,
        low=float(known["estimate"].min()),
        high=float(known["estimate"].max()),
        most_influential=known["change"].abs().idxmax(),
        sign_changes=tuple(flips),
        significance_changes=tuple(crossed),
    )
