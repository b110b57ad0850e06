"""Treatment cohorts: who is treated from when, checked once for every staggered design."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from estimation.core.frame import EstimationError, PanelFrame, panel_frame


@dataclass(frozen=True)
class Cohorts:
    """A panel frame with the treatment history of its entities.

    Attributes:
        frame: the checked panel.
        periods: (n,) time label of every row as a number.
        first: (n,) first treated period of the row's entity; NaN if never treated.
        entity_first: (N,) the same by entity.
    """

    frame: PanelFrame
    periods: np.ndarray
    first: np.ndarray
    entity_first: np.ndarray

    @property
    def relative(self) -> np.ndarray:
        """(n,) periods since the first treated one; NaN if never treated."""
        return self.periods - self.first

    @property
    def treated(self) -> np.ndarray:
        """(n,) whether the row is treated."""
        return self.relative >= 0

    @property
    def groups(self) -> np.ndarray:
        """Sorted first treated periods that occur."""
        return np.unique(self.entity_first[~np.isnan(self.entity_first)])

    @property
    def always(self) -> np.ndarray:
        """(N,) whether an entity is treated in every period of the panel."""
        return self.entity_first <= self.periods.min()

    def subset(self, rows: np.ndarray) -> Cohorts:
        """The cohorts of some rows only; codes are renumbered."""
        data = self.frame.data.loc[rows].reset_index(drop=True)
        entity_codes, entities = _renumber(self.frame.entity_codes[rows], self.frame.entities)
        time_codes, times = _renumber(self.frame.time_codes[rows], self.frame.times)
        frame = PanelFrame(data, entity_codes, time_codes, entities, times, self.frame.n_dropped)
        kept = np.unique(self.frame.entity_codes[rows])
        return Cohorts(frame, self.periods[rows], self.first[rows], self.entity_first[kept])


def _renumber(codes: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    used, codes = np.unique(codes, return_inverse=True)
    return codes.ravel(), labels[used]


def cohort_frame(
    df: pd.DataFrame,
    columns: Iterable[str],
    cohort: str,
    *,
    entity: str = "city_code",
    time: str = "year",
    keep: Iterable[str] = (),
) -> Cohorts:
    """Check a panel with a cohort column.

    Args:
        columns: numeric columns that must be complete (listwise deletion).
        cohort: column with the first treated period; NaN, 0 or inf mean never treated.

    Raises:
        EstimationError: the cohort is not numeric, negative, between two periods, differs within an entity, or no entity
            is treated; the time is not numeric; or the panel itself is unusable.
    """
    if cohort not in df.columns:
        raise EstimationError(f"column(s) not in the data: {cohort}; present: {', '.join(map(str, df.columns))}")
    cleaned = df.assign(**{cohort: _clean_cohort(df[cohort], cohort)})
    frame = panel_frame(cleaned, columns, entity=entity, time=time, keep=keep, allow_missing=[cohort])
    periods = _numeric_periods(frame.data[time], time)
    first = frame.array(cohort)
    _check_on_scale(first, periods, cohort, time)
    never = np.isnan(first)
    low, high = _entity_range(np.where(never, -np.inf, first), frame.entity_codes)
    mixed = low != high
    if mixed.any():
        names = ", ".join(map(str, frame.entities[mixed][:5]))
        raise EstimationError(
            f"{cohort} differs within {int(mixed.sum())} {entity}, e.g. {names}; it must be one value each"
        )
    if never.all():
        raise EstimationError(f"no treated entity: {cohort} is missing, 0 or infinite in every row")
    cohorts = Cohorts(frame, periods, first, np.where(np.isinf(low), np.nan, low))
    if not cohorts.treated.any():
        raise EstimationError(f"no treated observation: every {cohort} lies after the last {time}, {periods.max():g}")
    return cohorts


def _numeric_periods(column: pd.Series, time: str) -> np.ndarray:
    """(n,) periods as numbers; dates are refused, since nanoseconds are no periods."""
    try:
        if column.dtype.kind in "mM":
            raise TypeError(column.dtype)
        return column.to_numpy(dtype=float)
    except (TypeError, ValueError) as error:
        raise EstimationError(
            f"{time} must be numeric to count periods since treatment, not {column.dtype}; give the year"
        ) from error


def _check_on_scale(first: np.ndarray, periods: np.ndarray, cohort: str, time: str) -> None:
    """Raise an EstimationError for first treated periods that cannot be meant in the unit of the periods."""
    known = np.unique(first[~np.isnan(first)])
    between = known[known != np.round(known)] if (periods == np.round(periods)).all() else known[:0]
    if len(between):
        raise EstimationError(
            f"{cohort} {between[0]:g} lies between two periods of {time}: give the first treated period"
        )
    if len(known) and known[0] < 0 <= periods.min():
        raise EstimationError(f"{cohort} {known[0]:g} is negative; never treated is missing, 0 or infinite")


def _clean_cohort(column: pd.Series, name: str) -> pd.Series:
    """First treated period as float, NaN for never treated (missing, 0 or infinite)."""
    try:
        values = column.astype("float64")
    except (TypeError, ValueError) as error:
        raise EstimationError(
            f"{name} is not numeric; give the first treated period, empty for never treated"
        ) from error
    return values.where(np.isfinite(values) & (values != 0))


def _entity_range(values: np.ndarray, codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    size = int(codes.max()) + 1
    low, high = np.full(size, np.inf), np.full(size, -np.inf)
    np.minimum.at(low, codes, values)
    np.maximum.at(high, codes, values)
    return low, high


def event_label(period: float) -> str:
    """Term name of an event time, e.g. ``event_-2``."""
    return f"event_{period:g}"
