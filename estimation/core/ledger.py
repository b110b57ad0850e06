"""A cleaned frame and the ledger of the cells that cleaning changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from estimation.core.frame import EstimationError


@dataclass(frozen=True)
class Cleaned:
    """A cleaned copy and what was changed.

    Attributes:
        data: copy of the frame: same rows, order and index.
        ledger: one row a changed cell: entity, time, ``variable``, ``old_value`` (NaN for a gap), ``new_value``, ``status``.
        limits: the limits or cuts used, one row a variable (and group); empty where the method has none.
    """

    data: pd.DataFrame
    ledger: pd.DataFrame
    limits: pd.DataFrame


def numeric_columns(df: pd.DataFrame, columns: Sequence[str], keys: Sequence[str]) -> dict[str, np.ndarray]:
    """The columns as float arrays; the keys must be there, complete and unique.

    Raises:
        EstimationError: a column is absent, not numeric or infinite, or a key is missing or duplicated.
    """
    absent = [c for c in [*keys, *columns] if c not in df.columns]
    if absent:
        raise EstimationError(f"column(s) not in the data: {', '.join(absent)}")
    names = list(keys)
    if df[names].isna().any().any():
        raise EstimationError(
            f"key ({', '.join(names)}) is missing in {int(df[names].isna().any(axis=1).sum())} row(s)"
        )
    twice = df.duplicated(names) if names else pd.Series(False, index=df.index)
    if twice.any():
        first = ", ".join(str(v) for v in df.loc[twice.to_numpy(), names].iloc[0].tolist())
        raise EstimationError(f"duplicated key ({', '.join(names)}): {first}; keep one row each")
    arrays = {}
    for column in columns:
        try:
            arrays[column] = df[column].to_numpy(dtype=float, na_value=np.nan, copy=True)
        except (TypeError, ValueError) as error:
            raise EstimationError(f"{column} is not numeric: {error}") from error
        if np.isinf(arrays[column]).any():
            raise EstimationError(f"{column} is infinite in {int(np.isinf(arrays[column]).sum())} row(s); correct it")
    return arrays


def entries(
    df: pd.DataFrame, keys: Sequence[str], column: str, old: np.ndarray, new: np.ndarray, status: np.ndarray
) -> pd.DataFrame:
    """Ledger rows of one column: the rows with a status."""
    changed = status != ""
    table = df.loc[changed, list(keys)].reset_index(drop=True)
    values: dict[str, Any] = {
        "variable": column,
        "old_value": old[changed],
        "new_value": new[changed],
        "status": status[changed].astype(str),
    }
    return table.assign(**values)


def joined(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """One ledger from those of the columns; empty without columns."""
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def row_groups(df: pd.DataFrame, by: str | None) -> dict[Any, np.ndarray]:
    """Row positions by the values of a column; all rows under ``"all"`` without one.

    Raises:
        EstimationError: the column is absent or has missing values.
    """
    if by is None:
        return {"all": np.arange(len(df))}
    if by not in df.columns or df[by].isna().any():
        raise EstimationError(f"by={by!r} must be a column without missing values")
    return {group: np.asarray(rows) for group, rows in df.groupby(by, sort=True).indices.items()}
