"""Typology of virtual agglomeration: share in the nation by growth, five types.

The figure that defines the types is missing from the paper; the rule here is the one its examples and moments imply
(switches ``share_cut``, ``growth_cuts``, ``low_middle``, ``level``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import pandas as pd

from estimation.core.frame import EstimationError, panel_frame

Level = Literal["city", "city_year"]

ALIKE = 1e-9  # relative: shares that differ by less are equal
NAMES = {1: "前沿发展", 2: "稳定推进", 3: "潜力激发", 4: "高基础调整", 5: "低迷停滞"}


@dataclass(frozen=True)
class VaTypes:
    """Types of virtual agglomeration, one row an observation of the input with a value, sorted by entity and time.

    Attributes:
        table: entity, time, the index, share, growth, ``va_type`` (1..5) and V1..V5, which sum to the index. With
            ``level="city_year"`` the first period of a city has no growth: its type is missing and V1..V5 are too.
        cuts: the cut of the share and the two cuts of growth.
        level: whether types are fixed per city or vary by year.
    """

    table: pd.DataFrame
    cuts: tuple[float, float, float]
    level: str


def va_types(
    df: pd.DataFrame,
    va: str = "va",
    *,
    entity: str = "city_code",
    time: str = "year",
    share_cut: float = 0.5,
    growth_cuts: tuple[float, float] = (1 / 3, 2 / 3),
    low_middle: int = 3,
    level: Level = "city",
    base: tuple[int, int] | None = None,
) -> VaTypes:
    """Five types: 1 high share, high growth; 2 high, middle; 3 low, high; 4 high, low; 5 low, low.

    Where no two units differ in their share (an index that is constant over them), nobody has a type.

    Args:
        df: long panel with the index ``va`` (above zero).
        share_cut: quantile of the share in the nation above which it is high.
        growth_cuts: quantiles of growth: above the second it is high, at or below the first it is low.
        low_middle: type (3 or 5) of low share with middle growth, which the paper leaves open.
        level: ``city``: share of the mean over the years and average annual growth from a city's first to its last year;
            ``city_year``: share and growth of each year, quantiles pooled.
        base: first and last period whose rows set the cuts, and at level ``city`` share and growth too, so that a later period moves no city to
            another type; None: all.

    Raises:
        EstimationError: unusable data, cuts outside (0, 1) or not rising, or an unknown option.
    """
    low, high = growth_cuts
    if level not in get_args(Level) or low_middle not in (3, 5):
        raise EstimationError(f"level={level!r} must be one of city, city_year; low_middle={low_middle!r} one of 3, 5")
    if not (0 < share_cut < 1 and 0 < low < high < 1):
        raise EstimationError(f"cuts must lie between 0 and 1 and rise; they are {share_cut} and {growth_cuts}")
    frame = panel_frame(df, [va], entity=entity, time=time)
    if (frame.data[va] <= 0).any():
        raise EstimationError(
            f"{va} must be above zero for shares and growth; it is not in {(frame.data[va] <= 0).sum()} row(s)"
        )
    table = frame.data[[entity, time, va]].copy()
    inside = table[time].between(*(base or (table[time].min(), table[time].max())))
    one_each = ~table.duplicated(entity) if level == "city" else inside
    table["share"] = _share(table, inside, va, entity, time, level)
    table["growth"] = _growth(table, inside, va, entity, time, level)
    share = table["share"]
    known = one_each & table["growth"].notna()
    cut = float(share[known].quantile(share_cut))
    slow, fast = (float(table.loc[known, "growth"].quantile(q)) for q in (low, high))
    table["va_type"] = _types(share > cut, table["growth"], slow, fast, low_middle)
    if np.ptp(share[known]) <= ALIKE * share[known].max():
        table["va_type"] = pd.Series(pd.NA, index=table.index, dtype="Int64")
    for k in NAMES:
        member = table["va_type"] == k
        table[f"V{k}"] = table[va].where(member, 0.0).where(table["va_type"].notna())
    return VaTypes(table, (cut, slow, fast), level)


def _share(table: pd.DataFrame, inside: pd.Series, va: str, entity: str, time: str, level: str) -> pd.Series:
    """Share in the nation: of the mean over the base years, or of each year."""
    if level == "city_year":
        return table[va] / table.groupby(time)[va].transform("sum")
    means = table[inside].groupby(entity)[va].mean()
    return table[entity].map(means / means.sum())


def _growth(table: pd.DataFrame, inside: pd.Series, va: str, entity: str, time: str, level: str) -> pd.Series:
    """Average annual growth of a city over the base years, or growth from the year before (missing after a gap)."""
    if level == "city_year":
        groups = table.groupby(entity)
        return (table[va] / groups[va].shift() - 1).where(groups[time].diff() == 1)
    groups = table[inside].groupby(entity)
    years = groups[time].last() - groups[time].first()
    if (years == 0).any():
        single = years.index[years == 0]
        raise EstimationError(f"growth needs two years; {len(single)} unit(s) have one, e.g. {single[0]}: drop them")
    return table[entity].map((groups[va].last() / groups[va].first()) ** (1 / years) - 1)


def _types(is_high: pd.Series, growth: pd.Series, slow: float, fast: float, low_middle: int) -> pd.Series:
    rows = [
        growth.isna(),
        is_high & (growth > fast),
        is_high & (growth <= slow),
        is_high,
        growth > fast,
        growth <= slow,
    ]
    kinds = np.select([row.to_numpy() for row in rows], [np.nan, 1, 4, 2, 3, 5], default=low_middle)
    return pd.Series(kinds, index=growth.index).astype("Int64")
