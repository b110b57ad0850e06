"""Indicators of a composite index: names, directions, base rows and standardisation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd

from estimation.core.frame import EstimationError
from estimation.core.labels import by_name

Missing = Literal["error", "drop"]
Directions = Sequence[str | float] | Mapping[str, str | float] | pd.Series | None

_SIGNS = {"+": 1.0, "-": -1.0, "−": -1.0, 1: 1.0, -1: -1.0}


@dataclass(frozen=True)
class Indicators:
    """Checked indicators.

    Attributes:
        table: (n, p) as given. names: (p,). signs: (p,) +1 (more is better) or -1.
        complete: (n,) rows without a missing value. base: (n,) rows that set means, limits and weights; a part of
            ``complete``.
    """

    table: np.ndarray
    names: tuple[str, ...]
    signs: np.ndarray
    complete: np.ndarray
    base: np.ndarray

    @property
    def base_values(self) -> np.ndarray:
        """(n_base, p) values of the base rows."""
        return self.table[self.base]

    @property
    def n_base(self) -> int:
        """Number of base rows."""
        return int(self.base.sum())

    def spread(self, scores: np.ndarray) -> np.ndarray:
        """(n, ...) scores of the complete rows at their places, NaN elsewhere."""
        result = np.full((len(self.complete), *scores.shape[1:]), np.nan)
        result[self.complete] = scores
        return result


def indicators(I: Any, directions: Directions = None, *, base: Any = None, missing: Missing = "error") -> Indicators:  # noqa: E741
    """Check a table of indicators.

    Args:
        I: (n, p) array or frame. directions: ``"+"``/``"-"`` or 1/-1 a column, in order, or by column name (a dict, or a Series with text labels);
            None: all ``+``.
        base: mask or positions of the rows that set means, limits and weights (a frozen base); None: all.
        missing: ``error`` refuses missing values, ``drop`` leaves their rows out of the base and without a score.

    Raises:
        EstimationError: not numeric, infinite or missing cells, an unknown direction, a constant indicator, or fewer than
            two complete base rows.
    """
    if missing not in get_args(Missing):
        raise EstimationError(f"missing={missing!r} is not one of {', '.join(get_args(Missing))}")
    values, names = _table(I)
    complete = ~np.isnan(values).any(axis=1)
    if missing == "error" and not complete.all():
        row = int(np.flatnonzero(~complete)[0])
        column = names[int(np.flatnonzero(np.isnan(values[row]))[0])]
        raise EstimationError(
            f"{int((~complete).sum())} row(s) have a missing indicator, first {column} in row {row}; fill them or pass "
            "missing='drop' (their index is then missing)"
        )
    chosen = complete & _mask(base, len(values))
    if chosen.sum() < 2:
        raise EstimationError(f"an index needs at least two complete base rows; there are {int(chosen.sum())}")
    flat = [name for name, spread in zip(names, np.ptp(values[chosen], axis=0), strict=True) if spread == 0]
    if flat:
        raise EstimationError(f"indicator(s) constant over the base rows: {', '.join(flat)}; leave them out")
    return Indicators(values, names, _signs(directions, names), complete, chosen)


def _table(I: Any) -> tuple[np.ndarray, tuple[str, ...]]:  # noqa: E741
    try:
        values = np.array(I, dtype=float)
    except (TypeError, ValueError) as error:
        raise EstimationError(f"the indicators are not numeric: {error}") from error
    if values.ndim != 2 or values.shape[1] == 0:
        raise EstimationError(f"the indicators must be a table (rows by indicators); the shape is {values.shape}")
    names = tuple(str(c) for c in I.columns) if isinstance(I, pd.DataFrame) else tuple(map(str, range(values.shape[1])))
    infinite = np.isinf(values)
    if infinite.any():
        row, column = np.argwhere(infinite)[0]
        raise EstimationError(f"{names[column]} is infinite in row {row}; correct it")
    return values, names


def _mask(base: Any, n: int) -> np.ndarray:
    if base is None:
        return np.ones(n, dtype=bool)
    chosen = np.asarray(base)
    if chosen.dtype.kind == "b" and chosen.shape == (n,):
        return chosen
    if chosen.dtype.kind in "ui" and chosen.ndim == 1 and np.isin(chosen, np.arange(n)).all():
        return np.isin(np.arange(n), chosen)
    raise EstimationError(f"base must be a mask of length {n} or positions of rows")


def _signs(directions: Directions, names: tuple[str, ...]) -> np.ndarray:
    """(p,) +1 or -1."""
    if directions is None:
        return np.ones(len(names))
    if isinstance(directions, Mapping):
        absent, unknown = set(names) - set(directions), set(directions) - set(names)
        if absent or unknown:
            raise EstimationError(f"directions and indicators differ: {', '.join(sorted(map(str, absent | unknown)))}")
        listed = [directions[name] for name in names]
    elif isinstance(directions, Sequence | np.ndarray | pd.Series) and not isinstance(directions, str):
        listed = list(by_name(directions, names, "directions"))
    else:
        raise EstimationError(f"directions={directions!r} is not a sequence or mapping of '+', '-', 1, -1")
    if len(listed) != len(names):
        raise EstimationError(f"{len(listed)} direction(s) for {len(names)} indicators")
    wrong = [d for d in listed if d not in list(_SIGNS)]
    if wrong:
        raise EstimationError(f"direction {wrong[0]!r} is not one of '+', '-', 1, -1")
    return np.array([_SIGNS[d] for d in listed])


def zscores(data: Indicators) -> np.ndarray:
    """(n, p) directed z-scores with mean and population standard deviation of the base rows."""
    base = data.base_values
    return data.signs * (data.table - base.mean(axis=0)) / base.std(axis=0)


def minmax(data: Indicators) -> np.ndarray:
    """(n, p) directed min-max scores: 0 worst and 1 best over the base rows (rows outside the base may pass the limits)."""
    base = data.base_values
    low, width = base.min(axis=0), np.ptp(base, axis=0)
    rising = (data.table - low) / width
    return np.where(data.signs > 0, rising, 1 - rising)
