"""The panel of a dynamic model as entity x period grids: lags, first differences, forward orthogonal deviations.

Gaps stay gaps: a grid has one column a calendar period, NaN where a value is missing, and a lag exists only on a row that
is itself in the data (as Stata's ``L.`` after ``xtset``), so a subset of rows takes its lags inside the subset.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from estimation.core.frame import EstimationError, panel_frame

MAX_PERIODS = 10_000
_LAG = re.compile(r"^L(\d*)\.(.+)$")


@dataclass(frozen=True)
class Grid:
    """Columns of a long panel laid out on entity x period.

    Attributes:
        columns: name -> (N, T) float, NaN where absent or missing.
        exists: (N, T) whether the row is in the data.
        entities: (N,) labels in sorted order.
        periods: (T,) consecutive integers from the first to the last period.
    """

    columns: dict[str, np.ndarray]
    exists: np.ndarray
    entities: np.ndarray
    periods: np.ndarray

    def term(self, name: str) -> np.ndarray:
        """(N, T) values of a column or of its lag: ``"n"``, ``"L.n"``, ``"L1.n"``, ``"L2.n"``.

        A column that is itself called ``"L.n"`` takes precedence over the lag of ``"n"``.
        """
        if name in self.columns:
            return self.columns[name]
        order, inner = split_lag(name)
        return np.where(self.exists, shift(self.term(inner), order), np.nan)


def split_lag(name: str) -> tuple[int, str]:
    """Order and inner name of a lag term: ``"L2.n"`` -> (2, "n"); (0, name) when there is no operator."""
    match = _LAG.match(name)
    return (int(match[1] or 1), match[2]) if match else (0, name)


def base_columns(names: Iterable[str], present: Iterable[str]) -> list[str]:
    """The data columns behind terms with lag operators, each once, in order of first use."""
    have = set(present)
    found = []
    for name in names:
        while name not in have and split_lag(name)[0]:
            name = split_lag(name)[1]
        found.append(name)
    return list(dict.fromkeys(found))


def build_grid(df: pd.DataFrame, terms: Iterable[str], *, entity: str, time: str) -> Grid:
    """Lay out the columns behind ``terms``; missing values stay NaN (no listwise deletion: lags and instruments use them).

    Raises:
        EstimationError: from ``panel_frame``; or periods that are not integers (a lag is one calendar period).
    """
    names = base_columns(terms, df.columns)
    frame = panel_frame(df, (), entity=entity, time=time, allow_missing=names)
    raw = frame.data[time]
    if pd.api.types.is_datetime64_any_dtype(raw):
        raise EstimationError(f"{time} holds dates: lags need integer periods, e.g. df[{time!r}].dt.year")
    try:
        years = raw.to_numpy(dtype=float)
    except (TypeError, ValueError) as error:
        raise EstimationError(f"{time} is not a number: lags need integer periods, e.g. 2005") from error
    if not np.array_equal(years, np.round(years)):
        raise EstimationError(f"{time} has fractional values: lags need integer periods, e.g. 2005")
    span = int(years.max()) - int(years.min()) + 1
    if span > MAX_PERIODS:
        raise EstimationError(f"{time} spans {span} periods (at most {MAX_PERIODS}): lags need consecutive integers")
    periods = np.arange(int(years.min()), int(years.max()) + 1)
    rows, cols = frame.entity_codes, years.astype(int) - periods[0]
    shape = (len(frame.entities), len(periods))
    exists = np.zeros(shape, dtype=bool)
    exists[rows, cols] = True
    columns = {}
    for name in names:
        grid = np.full(shape, np.nan)
        grid[rows, cols] = frame.data[name].to_numpy(dtype=float)
        columns[name] = grid
    return Grid(columns, exists, frame.entities, periods)


def shift(values: np.ndarray, order: int) -> np.ndarray:
    """(N, T) values ``order`` periods earlier (negative: later), NaN where they fall outside the grid."""
    moved = np.full(values.shape, np.nan)
    length = values.shape[1]
    if order >= 0:
        moved[:, order:] = values[:, : max(length - order, 0)]
    else:
        moved[:, :order] = values[:, -order:]
    return moved


def first_difference(values: np.ndarray) -> np.ndarray:
    """(N, T) change from the period before, NaN unless both are there."""
    return values - shift(values, 1)


def forward_orthogonal(values: np.ndarray, complete: np.ndarray) -> np.ndarray:
    """(N, T) forward orthogonal deviations, stored one period late as xtabond2 does.

    The deviation of period t from the mean of its n later complete periods, times sqrt(n / (n + 1)), stands at t + 1, so
    that the same lags are valid instruments as after differencing (Arellano and Bover 1995; Roodman 2009, sec. 3.1).

    Args:
        values: (N, T).
        complete: (N, T) periods that enter the means: every variable of the model is observed.
    """
    kept = np.where(complete, values, 0.0)
    later_count = _sum_after(complete.astype(float))
    later_sum = _sum_after(kept)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = later_sum / later_count
        deviation = np.sqrt(later_count / (later_count + 1)) * (values - mean)
    return shift(np.where(later_count > 0, deviation, np.nan), 1)


def _sum_after(values: np.ndarray) -> np.ndarray:
    """(N, T) sums over the strictly later periods."""
    reversed_sum = np.cumsum(values[:, ::-1], axis=1)[:, ::-1]
    return np.concatenate([reversed_sum[:, 1:], np.zeros((len(values), 1))], axis=1)


def transform_matrix(transform: str, length: int) -> np.ndarray:
    """(T, T) matrix M with M v the transformed errors of a complete unit, first row zero (nothing is stored there)."""
    matrix = np.zeros((length, length))
    if transform == "fd":
        matrix[1:] = np.eye(length)[1:] - np.eye(length)[:-1]
        return matrix
    for row in range(1, length):
        later = length - row
        matrix[row, row - 1] = 1.0
        matrix[row, row:] = -1.0 / later
        matrix[row] *= np.sqrt(later / (later + 1))
    return matrix
