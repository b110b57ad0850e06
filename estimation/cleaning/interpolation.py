"""Linear interpolation of gaps within an entity, with a ledger of every cell it fills."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd

from estimation.core.frame import EstimationError
from estimation.core.ledger import Cleaned, entries, joined, numeric_columns

Extrapolate = Literal["none", "linear", "hold"]
MAX_GAP = 3
INTERPOLATED, EXTRAPOLATED = "interpolated", "extrapolated"


def interpolate(
    df: pd.DataFrame,
    columns: Sequence[str],
    *,
    entity: str = "city_code",
    time: str = "year",
    max_gap: int | None = MAX_GAP,
    extrapolate: Extrapolate = "none",
    base: Any = None,
) -> Cleaned:
    """Fill missing cells on the straight line between the nearest observed years of the same entity.

    Args:
        df: long panel; the missing years must be there as rows. columns: numeric columns to fill.
        max_gap: longest run of missing years between two observations that is filled (None: any); a longer one stays missing
            altogether.
        extrapolate: cells before the first and after the last observation: ``none`` leaves them missing; ``linear`` carries on
            the line through the two nearest observations, ``hold`` the nearest value; over at most ``max_gap`` years.
        base: mask of rows that are filled from each other only (a frozen base: a year that is added fills no gap before it); None: all.

    The ledger's status is ``interpolated`` or ``extrapolated``.

    Raises:
        EstimationError: absent or non-numeric columns, missing or duplicated keys, a base of the wrong length, or unknown options.
    """
    if extrapolate not in get_args(Extrapolate):
        raise EstimationError(f"extrapolate={extrapolate!r} is not one of {', '.join(get_args(Extrapolate))}")
    if max_gap is not None and max_gap < 1:
        raise EstimationError(f"max_gap={max_gap} must be at least 1, or None for any length")
    keys = [entity, time]
    old = numeric_columns(df, columns, keys)
    chosen = row_mask(base, len(df))
    years = numeric_columns(df, [time], keys)[time]
    groups = entity_rows(df[entity], years)
    data, ledger = df.copy(), []
    for column, values in old.items():
        new, status = values.copy(), np.full(len(values), "", dtype=object)
        for rows in groups:
            new[rows], status[rows] = line_of_base(years[rows], values[rows], chosen[rows], max_gap, extrapolate)
        data[column] = new
        ledger.append(entries(df, keys, column, values, new, status))
    return Cleaned(data, joined(ledger), pd.DataFrame())


def entity_rows(labels: pd.Series, years: np.ndarray) -> list[np.ndarray]:
    """Row positions of each entity in order of time."""
    codes, _ = pd.factorize(labels, sort=True)
    order = np.lexsort((years, codes))
    return np.split(order, np.flatnonzero(np.diff(codes[order])) + 1)


def row_mask(base: Any, n: int) -> np.ndarray:
    """(n,) mask of the base rows; all of them for None. Raises an EstimationError for anything else than a mask of length n."""
    chosen = np.ones(n, dtype=bool) if base is None else np.asarray(base)
    if chosen.shape != (n,) or chosen.dtype.kind != "b":
        raise EstimationError(f"base must be a mask of length {n}")
    return chosen


def line_of_base(
    years: np.ndarray, values: np.ndarray, base: np.ndarray, max_gap: int | None, extrapolate: str
) -> tuple[np.ndarray, np.ndarray]:
    """Values and status of one entity, years rising, as `fill_line`; the base rows know each other only."""
    filled, status = fill_line(years, values, max_gap, extrapolate)
    if base.all():
        return filled, status
    filled = filled.copy()
    filled[base], status[base] = fill_line(years[base], values[base], max_gap, extrapolate)
    return filled, status


def fill_line(
    years: np.ndarray, values: np.ndarray, max_gap: int | None, extrapolate: str
) -> tuple[np.ndarray, np.ndarray]:
    """Values and status of one entity, years rising."""
    status = np.full(len(values), "", dtype=object)
    known = np.flatnonzero(~np.isnan(values))
    if len(known) in (0, len(values)):
        return values, status
    filled = values.copy()
    before = np.searchsorted(years[known], years, side="right") - 1
    inside = np.isnan(values) & (before >= 0) & (before < len(known) - 1)
    left, right = known[before[inside]], known[before[inside] + 1]
    missing_years = years[right] - years[left] - 1
    short = np.ones(len(left), dtype=bool) if max_gap is None else missing_years <= max_gap
    rows = np.flatnonzero(inside)[short]
    left, right = left[short], right[short]
    share = (years[rows] - years[left]) / (years[right] - years[left])
    filled[rows] = values[left] + share * (values[right] - values[left])
    status[rows] = INTERPOLATED
    if extrapolate != "none":
        _extend(years, values, filled, status, known, max_gap, extrapolate)
    return filled, status


def _extend(
    years: np.ndarray,
    values: np.ndarray,
    filled: np.ndarray,
    status: np.ndarray,
    known: np.ndarray,
    max_gap: int | None,
    how: str,
) -> None:
    """Fill the ends in place."""
    for edge, inner, outside in (
        (known[0], known[min(1, len(known) - 1)], np.arange(known[0])),
        (known[-1], known[max(-2, -len(known))], np.arange(known[-1] + 1, len(values))),
    ):
        away = years[outside] - years[edge]
        near = np.ones(len(outside), dtype=bool) if max_gap is None else np.abs(away) <= max_gap
        slope = 0.0
        if how == "linear":
            if edge == inner:
                continue
            slope = (values[edge] - values[inner]) / (years[edge] - years[inner])
        rows = outside[near]
        filled[rows] = values[edge] + slope * away[near]
        status[rows] = EXTRAPOLATED
