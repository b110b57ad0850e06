"""Capital stocks by the perpetual inventory method."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from estimation.core.frame import EstimationError, panel_frame

DEPRECIATION = 0.096
_TENTH = 0.10


@dataclass(frozen=True)
class CapitalStock:
    """Capital by entity and year.

    Attributes:
        table: entity, time, ``real_investment`` and ``capital``, sorted by entity and time, from each entity's first year
            with investment. growth: (N,) growth rate used for the first stock, by entity (NaN if the rule needs none).
        delta: depreciation. initial: rule of the first stock.
    """

    table: pd.DataFrame
    growth: pd.Series
    delta: float
    initial: str


def perpetual_inventory(
    df: pd.DataFrame,
    investment: str,
    price: str | None = None,
    *,
    entity: str = "city_code",
    time: str = "year",
    delta: float = DEPRECIATION,
    initial: Literal["growth", "tenth"] = "growth",
    growth: float | Literal["own", "pooled"] = "own",
    growth_until: int | None = None,
    no_opening: Literal["error", "drop"] = "error",
) -> CapitalStock:
    """K_t = (1 - delta) K_{t-1} + I_t / P_t, from K_0 = I_0 / (g + delta) in an entity's first year.

    Args:
        investment: nominal investment, above zero. price: price level of investment (1 in the base year); None if
            ``investment`` is real already.
        delta: yearly depreciation (Zhang Jun et al. 2004: 9.6 %).
        initial: ``growth`` as above, or ``tenth``: K_0 = I_0 / 0.10 (Young 2003).
        growth: g: ``own``: average annual growth of the entity's real investment from its first to its last year;
            ``pooled``: the mean of these over entities; or a number.
        growth_until: last period that enters g, so that a later period changes no earlier stock (entities with fewer than two periods until
            then: all of theirs); None: all.
        no_opening: entities whose g + delta is not above zero, so that they have no first stock, are an ``error``, or dropped.

    Under constant growth g the opening stock K_{t-1} / I_t tends to 1/(g + delta), the closing one to (1 + g)/(g + delta).

    Raises:
        EstimationError: missing years or values inside an entity's span, investment or prices that are not above zero,
            g + delta not above zero, unknown options.
    """
    if initial not in ("growth", "tenth"):
        raise EstimationError(f"initial={initial!r} is not one of growth, tenth")
    if no_opening not in ("error", "drop"):
        raise EstimationError(f"no_opening={no_opening!r} is not one of error, drop")
    if not 0 <= delta < 1:
        raise EstimationError(f"delta={delta} must lie in [0, 1)")
    used = [investment] if price is None else [investment, price]
    frame = panel_frame(df, used, entity=entity, time=time)
    table = frame.data[[entity, time]].copy()
    _positive(frame.data, used, entity, time)
    table["real_investment"] = frame.data[investment] / (1.0 if price is None else frame.data[price])
    _no_holes(table, entity, time)
    rates = pd.Series(np.nan, index=frame.entities)
    divisor = pd.Series(_TENTH, index=frame.entities)
    if initial == "growth":
        rates = _growth(_until(table, entity, time, growth_until), entity, time, growth)
        divisor = rates + delta
        bad = divisor[~(divisor > 0)]
        if no_opening == "drop":
            table = table[~table[entity].isin(bad.index)].reset_index(drop=True)
        elif len(bad):
            raise EstimationError(
                f"growth + depreciation is not above zero for {len(bad)} unit(s), e.g. {bad.index[0]} ({bad.iloc[0]:.4g}): "
                "pass growth='pooled' or a number, or initial='tenth'"
            )
    stocks = [
        _accumulate(own["real_investment"].to_numpy(), divisor[label], delta)
        for label, own in table.groupby(entity, sort=True)
    ]
    table["capital"] = np.concatenate(stocks) if stocks else np.empty(0)
    return CapitalStock(table, rates.rename("growth"), delta, initial)


def _accumulate(investment: np.ndarray, divisor: float, delta: float) -> np.ndarray:
    """(T,) closing stocks."""
    stock = np.empty(len(investment))
    stock[0] = investment[0] / divisor
    for t in range(1, len(investment)):
        stock[t] = (1 - delta) * stock[t - 1] + investment[t]
    return stock


def _until(table: pd.DataFrame, entity: str, time: str, last: int | None) -> pd.DataFrame:
    """Rows that enter growth: those up to the last period, all rows of entities with fewer than two such."""
    if last is None:
        return table
    early = table[time] <= last
    enough = early.groupby(table[entity]).transform("sum") >= 2
    return table[early | ~enough]


def _growth(table: pd.DataFrame, entity: str, time: str, rule: float | str) -> pd.Series:
    groups = table.groupby(entity, sort=True)
    labels = groups[time].first().index
    if not isinstance(rule, str):
        return pd.Series(float(rule), index=labels)
    if rule not in ("own", "pooled"):
        raise EstimationError(f"growth={rule!r} is not own, pooled or a number")
    years = groups[time].last() - groups[time].first()
    if (years == 0).any():
        raise EstimationError(
            f"{int((years == 0).sum())} unit(s) have one year of investment, e.g. {years.index[years == 0][0]}: growth needs two; "
            "pass a number or initial='tenth'"
        )
    own = (groups["real_investment"].last() / groups["real_investment"].first()) ** (1 / years) - 1
    return own if rule == "own" else pd.Series(float(own.mean()), index=labels)


def _positive(data: pd.DataFrame, columns: list[str], entity: str, time: str) -> None:
    for column in columns:
        wrong = data[data[column] <= 0]
        if len(wrong):
            label, when, value = (wrong[name].to_list()[0] for name in (entity, time, column))
            raise EstimationError(
                f"{column} must be above zero; it is {value} for {label} in {when} ({len(wrong)} row(s) in all)"
            )


def _no_holes(table: pd.DataFrame, entity: str, time: str) -> None:
    step = table.groupby(entity)[time].diff()
    hole = table[step.notna() & (step != 1)]
    if len(hole):
        label, when = (hole[name].to_list()[0] for name in (entity, time))
        raise EstimationError(
            f"investment is missing before {when} for {label} ({len(hole)} hole(s) in all): a stock cannot be "
            "carried over a missing year; interpolate first"
        )
