"""Outliers by a named rule, and their replacement by interpolation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd

from estimation.cleaning.interpolation import entity_rows, line_of_base, row_mask
from estimation.core.frame import EstimationError
from estimation.core.ledger import Cleaned, entries, joined, numeric_columns, row_groups

Rule = Literal["iqr", "mad", "zscore"]
THRESHOLDS = {"iqr": 3.0, "mad": 5.0, "zscore": 3.0}
_NORMAL_MAD = 1.4826
REPLACED, NOT_REPLACED = "outlier_interpolated", "outlier_left_missing"


def replace_outliers(
    df: pd.DataFrame,
    columns: Sequence[str],
    *,
    rule: Rule = "iqr",
    threshold: float | None = None,
    by: str | None = None,
    log: bool = False,
    max_gap: int | None = None,
    base: Any = None,
    entity: str = "city_code",
    time: str = "year",
) -> Cleaned:
    """Find outliers and replace them on the line between the neighbouring years of the same entity.

    Args:
        rule: ``iqr``: beyond quartile -/+ threshold x interquartile range (default 3); ``mad``: farther from the median than
            threshold x 1.4826 x median absolute deviation (5); ``zscore``: farther from the mean than threshold x standard
            deviation (3).
        by: None pools all rows; a column (the entity, the year) judges within its groups.
        log: judge logs (values must be above zero). max_gap: as in `estimation.cleaning.interpolation.interpolate`.
        base: mask of the rows that set the limits and whose outliers are replaced from each other only (a frozen base: a year that is
            added changes no earlier value); None: all.

    Gaps that were there before are not filled. Status: ``outlier_interpolated``, or ``outlier_left_missing`` where there is no
    line (first or last year, gap too long). ``limits``: variable, group, low, high, n_outliers.

    Raises:
        EstimationError: an unknown rule, a threshold not above zero, values without a log, a base of the wrong length, unusable columns or
            keys.
    """
    if rule not in get_args(Rule):
        raise EstimationError(f"rule={rule!r} is not one of {', '.join(get_args(Rule))}")
    width = THRESHOLDS[rule] if threshold is None else threshold
    if not width > 0:
        raise EstimationError(f"threshold={threshold} must be above zero")
    keys = [entity, time]
    arrays = numeric_columns(df, columns, keys)
    years = numeric_columns(df, [time], keys)[time]
    cities = entity_rows(df[entity], years)
    groups = row_groups(df, by)
    chosen = row_mask(base, len(df))
    data, ledger, table = df.copy(), [], []
    for column, values in arrays.items():
        odd, limits = _outliers(values, chosen, groups, rule, width, log, column)
        new, status = _replaced(years, values, odd, chosen, cities, max_gap)
        data[column] = new
        ledger.append(entries(df, keys, column, values, new, status))
        table += limits
    return Cleaned(data, joined(ledger), pd.DataFrame(table))


def _outliers(
    values: np.ndarray,
    base: np.ndarray,
    groups: dict[Any, np.ndarray],
    rule: str,
    width: float,
    log: bool,
    column: str,
) -> tuple[np.ndarray, list[dict[str, Any]]]:
    """Mask of outliers and the limits of each group, which its base rows set."""
    if log and (values <= 0).any():
        raise EstimationError(
            f"{column} is not above zero in {int((values <= 0).sum())} row(s): no logs; pass log=False"
        )
    judged = np.log(values) if log else values
    odd, table = np.zeros(len(values), dtype=bool), []
    for group, rows in groups.items():
        low, high = outlier_limits(judged[rows][base[rows]], rule, width)
        odd[rows] = (judged[rows] < low) | (judged[rows] > high)
        shown = (np.exp(low), np.exp(high)) if log else (low, high)
        table.append(
            {"variable": column, "group": group, "low": shown[0], "high": shown[1], "n_outliers": int(odd[rows].sum())}
        )
    return odd, table


def outlier_limits(values: np.ndarray, rule: str, width: float) -> tuple[float, float]:
    """Limits beyond which a value is an outlier; infinite where fewer than four values or no spread allow a judgement."""
    known = values[~np.isnan(values)]
    if len(known) < 4:
        return -np.inf, np.inf
    if rule == "iqr":
        first, third = np.quantile(known, [0.25, 0.75])
        low, high, spread = first, third, third - first
    elif rule == "mad":
        low = high = float(np.median(known))
        spread = _NORMAL_MAD * float(np.median(np.abs(known - low)))
    else:
        low = high = float(known.mean())
        spread = float(known.std(ddof=1))
    if not spread > 0:
        return -np.inf, np.inf
    return float(low - width * spread), float(high + width * spread)


def _replaced(
    years: np.ndarray,
    values: np.ndarray,
    odd: np.ndarray,
    base: np.ndarray,
    cities: list[np.ndarray],
    max_gap: int | None,
) -> tuple[np.ndarray, np.ndarray]:
    blanked = np.where(odd, np.nan, values)
    new, status = blanked.copy(), np.full(len(values), "", dtype=object)
    for rows in cities:
        if odd[rows].any():
            filled, _ = line_of_base(years[rows], blanked[rows], base[rows], max_gap, "none")
            new[rows] = np.where(odd[rows], filled, blanked[rows])
    status[odd] = np.where(np.isnan(new[odd]), NOT_REPLACED, REPLACED)
    return new, status
