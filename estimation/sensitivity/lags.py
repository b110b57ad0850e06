"""Lags within entities, by time value."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from estimation.core.frame import EstimationError


def lagged(
    df: pd.DataFrame,
    columns: str | Sequence[str],
    *,
    periods: int = 1,
    entity: str = "city_code",
    time: str = "year",
) -> pd.DataFrame:
    """A copy with ``L.<column>`` (``L2.<column>`` ...): the value of the same entity ``periods`` time units earlier.

    A gap in the years gives a missing lag, never the value of an earlier year.

    Raises:
        EstimationError: an absent column, a duplicated key, or a lag below 1.
    """
    chosen = [columns] if isinstance(columns, str) else list(columns)
    absent = [name for name in [entity, time, *chosen] if name not in df.columns]
    if absent or periods < 1:
        raise EstimationError(f"lag {periods} (at least 1) of column(s) not in the data: {', '.join(absent) or 'none'}")
    if df.duplicated([entity, time]).any():
        raise EstimationError(f"duplicated key ({entity}, {time}): a lag is not unique")
    prefix = "L." if periods == 1 else f"L{periods}."
    earlier = df[[entity, time, *chosen]].copy()
    earlier[time] = earlier[time] + periods
    names = {name: f"{prefix}{name}" for name in chosen}
    merged = df.merge(earlier.rename(columns=names), on=[entity, time], how="left")
    return merged.set_index(df.index)
