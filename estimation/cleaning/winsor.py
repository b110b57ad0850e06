"""Winsorising: values beyond two quantiles are set to them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd

from estimation.cleaning.interpolation import row_mask
from estimation.core.frame import EstimationError
from estimation.core.ledger import Cleaned, entries, joined, numeric_columns, row_groups
from estimation.core.terms import names

Quantile = Literal["linear", "averaged_inverted_cdf"]
LIMITS = (0.01, 0.99)
QUANTILE: Quantile = "linear"  # the one default of winsorising and trimming
WINSORISED = "winsorised"


def winsorise(
    df: pd.DataFrame,
    columns: str | Sequence[str],
    *,
    limits: tuple[float, float] = LIMITS,
    by: str | None = None,
    base: Any = None,
    quantile: Quantile = QUANTILE,
    entity: str = "city_code",
    time: str = "year",
) -> Cleaned:
    """Set values below the lower and above the upper quantile to these quantiles.

    Args:
        columns: continuous columns; dummies (two values at most, or only 0 and 1) are left as they are.
        limits: the two quantiles. by: None pools all rows, a column (e.g. the year) takes quantiles within its groups.
        base: mask of the rows that set the quantiles (a frozen base); None: all.
        quantile: ``linear`` between order statistics (SQL's ``quantile_cont``; the default here and in trimming), or
            ``averaged_inverted_cdf`` (Stata's ``_pctile``, used by ``winsor2``).

    ``limits`` of the result has one row a column and group: variable, group, low, high, n_changed. Missing stays missing.

    Raises:
        EstimationError: quantiles that do not rise within [0, 1], a base of the wrong length or without a value in a group,
            or unusable columns or keys.
    """
    check_limits(limits, quantile)
    keys = [entity, time]
    arrays = numeric_columns(df, names(columns), keys)
    chosen = row_mask(base, len(df))
    groups = row_groups(df, by)
    data, ledger, table = df.copy(), [], []
    for column, values in arrays.items():
        if is_dummy(values):
            continue
        new, status = values.copy(), np.full(len(values), "", dtype=object)
        for group, rows in groups.items():
            bottom, top = quantile_pair(values[rows][chosen[rows]], limits, quantile, column, group)
            new[rows] = np.clip(values[rows], bottom, top)
            status[rows[(new[rows] != values[rows]) & ~np.isnan(values[rows])]] = WINSORISED
            changed = int((status[rows] != "").sum())
            table.append({"variable": column, "group": group, "low": bottom, "high": top, "n_changed": changed})
        data[column] = new
        ledger.append(entries(df, keys, column, values, new, status))
    return Cleaned(data, joined(ledger), pd.DataFrame(table))


def check_limits(limits: tuple[float, float], quantile: str) -> None:
    """Raise an EstimationError for limits that do not rise within [0, 1] or an unknown definition."""
    low, high = limits
    if not 0 <= low < high <= 1:
        raise EstimationError(f"limits={limits} must rise within [0, 1]")
    if quantile not in get_args(Quantile):
        raise EstimationError(f"quantile={quantile!r} is not one of {', '.join(get_args(Quantile))}")


def is_dummy(values: np.ndarray) -> bool:
    """Whether a column has at most two different values (missing ones aside)."""
    return len(np.unique(values[~np.isnan(values)])) <= 2


def quantile_pair(
    values: np.ndarray, limits: tuple[float, float], quantile: Quantile, column: str, group: Any
) -> tuple[float, float]:
    """The two quantiles of the values that are not missing."""
    known = values[~np.isnan(values)]
    if len(known) == 0:
        raise EstimationError(f"{column} has no base value in group {group}: no limits can be set")
    bottom, top = np.quantile(known, limits, method=quantile)
    return float(bottom), float(top)
