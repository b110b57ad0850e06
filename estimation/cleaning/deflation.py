"""Price levels from chained indices, their extension by a stated rule, and deflation to a base year."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
import pandas as pd

from estimation.core.frame import EstimationError
from estimation.core.ledger import numeric_columns

ExtendRule = Literal["hold", "average", "substitute"]
_AVERAGE_YEARS = 5


def price_level(
    df: pd.DataFrame, index: str, base_year: int, *, entity: str = "city_code", time: str = "year"
) -> pd.Series:
    """Level P_t / P_base by entity from an index with the previous year = 100: the product of index/100 since the base year.

    Years before the base are divided back. The index of an entity's first year is not needed unless the base lies before it.

    Returns:
        Series on the index of ``df``; 1 in the base year.

    Raises:
        EstimationError: the base year is absent for an entity, a year is missing in between, or an index that is needed is
            missing or not above zero.
    """
    values = numeric_columns(df, [index, time], [entity, time])
    result = np.full(len(df), np.nan)
    for label, rows in df.groupby(entity, sort=True).indices.items():
        order = rows[np.argsort(values[time][rows])]
        result[order] = _chained(values[time][order], values[index][order], base_year, index, label)
    return pd.Series(result, index=df.index, name=f"{index}_level_{base_year}")


def _chained(years: np.ndarray, index: np.ndarray, base_year: int, name: str, label: object) -> np.ndarray:
    """(T,) levels of one entity, years rising."""
    if base_year not in years:
        raise EstimationError(f"{label} has no row for the base year {base_year}: its price level cannot be anchored")
    if (np.diff(years) != 1).any():
        hole = int(years[:-1][np.diff(years) != 1][0]) + 1
        raise EstimationError(f"{label} has no row for {hole}: {name} cannot be chained over a missing year")
    needed = index[1:]
    if not (needed > 0).all():
        year = int(years[1:][~(needed > 0)][0])
        raise EstimationError(f"{name} is missing or not above zero for {label} in {year}; extend or correct it first")
    level = np.concatenate([[1.0], np.cumprod(needed / 100)])
    return np.asarray(level / level[int(np.flatnonzero(years == base_year)[0])])


def deflate(
    df: pd.DataFrame, value: str, index: str, base_year: int, *, entity: str = "city_code", time: str = "year"
) -> pd.Series:
    """Value in prices of the base year: value / `price_level`; equal to the nominal value in the base year.

    Raises:
        EstimationError: as `price_level`, or an unusable value column.
    """
    numeric_columns(df, [value], [entity, time])
    real = df[value].astype(float) / price_level(df, index, base_year, entity=entity, time=time)
    return real.rename(f"{value}_prices_{base_year}")


def extend_index(
    df: pd.DataFrame,
    index: str,
    last_year: int,
    rule: ExtendRule,
    *,
    substitute: str | None = None,
    entity: str = "city_code",
    time: str = "year",
) -> pd.DataFrame:
    """Continue a discontinued index (previous year = 100) after its last published year.

    Args:
        last_year: last year that is published (2019 for the investment price index). Values after it are replaced.
        rule: ``hold``: 100 (prices stay); ``average``: geometric mean of the entity's last five published years;
            ``substitute``: another index column (e.g. the implicit GDP deflator).

    Returns:
        Frame on the index of ``df``: the index column, and ``status`` (``observed`` or ``extended_<rule>``).

    Raises:
        EstimationError: an unknown rule, no published year, or a substitute that is absent, missing or not above zero.
    """
    if rule not in get_args(ExtendRule):
        raise EstimationError(f"rule={rule!r} is not one of {', '.join(get_args(ExtendRule))}")
    if (rule == "substitute") != (substitute is not None):
        raise EstimationError("substitute is the column for rule='substitute', and for no other rule")
    columns = [index, time] if substitute is None else [index, time, substitute]
    arrays = numeric_columns(df, columns, [entity, time])
    after = arrays[time] > last_year
    values = arrays[index]
    if rule == "hold":
        values[after] = 100.0
    elif rule == "average":
        values[after] = _recent_mean(df, arrays[index], arrays[time], last_year, entity)[after]
    else:
        values[after] = arrays[str(substitute)][after]
    if not (values[after] > 0).all():
        row = int(np.flatnonzero(after)[~(values[after] > 0)][0])
        raise EstimationError(f"no value to extend {index} with for {df[entity].iloc[row]} in {df[time].iloc[row]}")
    status = np.where(after, f"extended_{rule}", "observed")
    return pd.DataFrame({index: values, "status": status}, index=df.index)


def _recent_mean(df: pd.DataFrame, values: np.ndarray, years: np.ndarray, last_year: int, entity: str) -> np.ndarray:
    """(n,) geometric mean of the entity's last five published years, on every row of the entity."""
    recent = (years <= last_year) & (years > last_year - _AVERAGE_YEARS) & (values > 0)
    logs = pd.Series(np.where(recent, np.log(np.where(values > 0, values, 1.0)), np.nan), index=df.index)
    return np.exp(logs.groupby(df[entity].to_numpy()).transform("mean").to_numpy())
