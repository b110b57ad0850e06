"""From a long data frame to clean arrays: the one place where estimators check their input."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd


class EstimationError(ValueError):
    """Input an estimator cannot use; the message names the variable, the rows and what to do."""


@dataclass(frozen=True)
class PanelFrame:
    """A checked long panel, sorted by (entity, time).

    Attributes:
        data: the used columns, original labels, index 0..n-1, no missing or infinite value in ``columns``.
        entity_codes: (n,) integers 0..N-1 in sorted order of the entity labels.
        time_codes: (n,) integers 0..T-1 in sorted order of the time labels.
        entities: (N,) entity labels.
        times: (T,) time labels.
        n_dropped: rows removed by listwise deletion.
    """

    data: pd.DataFrame
    entity_codes: np.ndarray
    time_codes: np.ndarray
    entities: np.ndarray
    times: np.ndarray
    n_dropped: int

    def array(self, columns: str | Sequence[str]) -> np.ndarray:
        """(n,) or (n, k) float64 copy of one column or several."""
        return self.data[columns].to_numpy(dtype=float, copy=True)

    @property
    def is_balanced(self) -> bool:
        """Whether every entity is observed in every period."""
        return len(self.data) == len(self.entities) * len(self.times)


def panel_frame(
    df: pd.DataFrame,
    columns: Iterable[str],
    *,
    entity: str = "city_code",
    time: str = "year",
    keep: Iterable[str] = (),
    allow_missing: Iterable[str] = (),
) -> PanelFrame:
    """Check and sort a long panel; the caller's frame is never changed.

    Rows with a missing value in ``columns`` are dropped (listwise deletion) and counted.

    Args:
        df: long frame, one row an (entity, time).
        columns: numeric columns the estimator uses.
        entity, time: key columns.
        keep: further columns carried along unchecked (cluster labels, groups); must exist.
        allow_missing: numeric columns that may hold NaN (e.g. a cohort of a never-treated unit).

    Raises:
        EstimationError: a column is absent, named twice or not numeric, a key is missing or duplicated, a value is infinite,
            or no row is left.
    """
    used = list(dict.fromkeys(columns))
    loose = [c for c in dict.fromkeys(allow_missing) if c not in used]
    extra = [c for c in dict.fromkeys(keep) if c not in used and c not in loose and c not in (entity, time)]
    absent = [c for c in [entity, time, *used, *loose, *extra] if c not in df.columns]
    if absent:
        raise EstimationError(
            f"column(s) not in the data: {', '.join(absent)}; present: {', '.join(map(str, df.columns))}"
        )
    twice = [c for c in [entity, time, *used, *loose, *extra] if (df.columns == c).sum() > 1]
    if twice:
        raise EstimationError(
            f"several columns of the data are named {', '.join(map(str, twice))}; rename or drop them"
        )
    values = [c for c in [*used, *loose] if c not in (entity, time)]
    data = df[[entity, time, *values, *extra]].copy()
    if data[[entity, time]].isna().any().any():
        rows = data.index[data[[entity, time]].isna().any(axis=1)]
        raise EstimationError(f"key ({entity}, {time}) is missing in {len(rows)} row(s): {_some(rows)}")
    for name in values:
        data[name] = _as_float(data[name], name)
    missing = data[[c for c in used if c not in (entity, time)]].isna().any(axis=1)
    data = data.loc[~missing].sort_values([entity, time], kind="stable").reset_index(drop=True)
    if data.empty:
        raise EstimationError(f"no complete row in {', '.join(used)}: {len(df)} row(s) given, all have a missing value")
    duplicated = data.duplicated([entity, time], keep=False)
    if duplicated.any():
        keys = data.loc[duplicated, [entity, time]].drop_duplicates().itertuples(index=False, name=None)
        raise EstimationError(f"duplicated key ({entity}, {time}): {_some(keys)}; keep one row each")
    entity_codes, entities = pd.factorize(data[entity], sort=True)
    time_codes, times = pd.factorize(data[time], sort=True)
    return PanelFrame(data, entity_codes, time_codes, np.asarray(entities), np.asarray(times), int(missing.sum()))


def _as_float(column: pd.Series, name: str) -> pd.Series:
    """Column as float64; text and infinite values are errors that name the rows."""
    try:
        numeric = column.astype("float64")
    except (TypeError, ValueError) as error:
        bad = column[pd.to_numeric(column, errors="coerce").isna() & column.notna()]
        raise EstimationError(f"{name} is not numeric in row(s) {_some(bad.index)}: {_some(bad.unique())}") from error
    infinite = np.isinf(numeric)
    if infinite.any():
        raise EstimationError(f"{name} is infinite in row(s) {_some(column.index[infinite])}; drop or correct them")
    return numeric


def _some(items: Iterable[object], most: int = 5) -> str:
    """The first few items as text, with the count of those left out."""
    listed = list(items)
    text = ", ".join(str(item) for item in listed[:most])
    return text if len(listed) <= most else f"{text} and {len(listed) - most} more"
