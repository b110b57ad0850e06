"""Instrument specifications of dynamic panels and the columns they generate (xtabond2's gmmstyle() and ivstyle()).

Source: Roodman (2009), How to do xtabond2, Stata Journal 9(1), sec. 3.2-3.4 and 4.1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np

from estimation.core.frame import EstimationError
from estimation.gmm.arrays import Grid, first_difference, shift

Equation = Literal["diff", "level", "both"]


@dataclass(frozen=True)
class Gmm:
    """GMM-style instruments: lags a..b of a variable, one column a period and lag, or one a lag when collapsed.

    Args:
        var: column or columns (each may carry a lag operator, e.g. ``"L.n"``).
        lags: (a, b). Levels dated t-a to t-b instrument the transformed equation; the first difference dated t-a+1
            instruments the levels equation. ``b=None`` means as deep as the data go; one integer means a = b.
        eq: ``"both"``, ``"diff"`` (transformed equation only) or ``"level"`` (levels equation only: all differences
            dated t-a to t-b, since none is redundant then).
        collapse: one column a lag instead of one a lag and period.
    """

    var: str | Sequence[str]
    lags: tuple[int, int | None] | int = (1, None)
    eq: Equation = "both"
    collapse: bool = False

    def __post_init__(self) -> None:
        _check_equation(self.eq)
        first, last = self.window
        if first < 0 or (last is not None and last < first):
            raise EstimationError(
                f"lags={self.lags!r}: use (a, b) with integers 0 <= a <= b, or b=None for all deeper lags"
            )

    @property
    def names(self) -> tuple[str, ...]:
        """The instrumenting variables."""
        return (self.var,) if isinstance(self.var, str) else tuple(self.var)

    @property
    def window(self) -> tuple[int, int | None]:
        """(first lag, last lag or None)."""
        lags = (self.lags, self.lags) if isinstance(self.lags, int) else tuple(self.lags)
        if len(lags) != 2:
            raise EstimationError(f"lags={self.lags!r} is not a pair (first, last)")
        first, last = lags
        unlimited = last is None or last == np.inf
        whole = [lag for lag in (first, None if unlimited else last) if lag is not None]
        if first is None or any(lag != int(lag) for lag in whole):
            raise EstimationError(f"lags={self.lags!r}: the limits are whole numbers of periods (last may be None)")
        return int(first), None if unlimited or last is None else int(last)

    @property
    def label(self) -> str:
        """Text in the manner of Stata, the key of the group's difference-in-Hansen test."""
        first, last = self.window
        parts = [f"lag({first} {'.' if last is None else last})"]
        parts += ["collapse"] if self.collapse else []
        parts += [f"eq({self.eq})"] if self.eq != "both" else []
        return f"gmm({' '.join(self.names)}, {' '.join(parts)})"


@dataclass(frozen=True)
class Iv:
    """Standard instruments: one column a variable, transformed in the transformed equation, as it is in the levels equation.

    Args:
        vars: column or columns (each may carry a lag operator).
        eq: equations that use it: ``"both"``, ``"diff"`` or ``"level"``.
    """

    vars: str | Sequence[str]
    eq: Equation = "both"

    def __post_init__(self) -> None:
        _check_equation(self.eq)

    @property
    def names(self) -> tuple[str, ...]:
        """The instrumenting variables."""
        return (self.vars,) if isinstance(self.vars, str) else tuple(self.vars)

    @property
    def label(self) -> str:
        """Text in the manner of Stata, the key of the group's difference-in-Hansen test."""
        suffix = "" if self.eq == "both" else f", eq({self.eq})"
        return f"iv({' '.join(self.names)}{suffix})"


@dataclass
class Columns:
    """Instrument columns being collected: two (N, T) blocks each, the transformed and the levels equation."""

    transformed: list[np.ndarray] = field(default_factory=list)
    level: list[np.ndarray] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    gmm_level: list[bool] = field(default_factory=list)

    def add(self, transformed: np.ndarray, level: np.ndarray, name: str, group: str, gmm_level: bool = False) -> None:
        """Append one column."""
        self.transformed.append(transformed)
        self.level.append(level)
        self.names.append(name)
        self.groups.append(group)
        self.gmm_level.append(gmm_level)


def _check_equation(eq: str) -> None:
    if eq not in get_args(Equation):
        raise EstimationError(f"eq={eq!r} is not one of {', '.join(get_args(Equation))}")


def add_standard(
    columns: Columns,
    iv: Iv,
    grid: Grid,
    transform: Callable[[np.ndarray], np.ndarray],
    system: bool,
    label: str | None = None,
) -> None:
    """Append the columns of one ``Iv``; missing values stay NaN here (their rows leave the equation that uses them)."""
    for name in iv.names:
        values = grid.term(name)
        blank = np.zeros(values.shape)
        transformed = blank if iv.eq == "level" else transform(values)
        level = values if system and iv.eq != "diff" else blank
        columns.add(transformed, level, name, label or iv.label)


def add_gmm_style(columns: Columns, gmm: Gmm, grid: Grid, used: tuple[np.ndarray, np.ndarray], system: bool) -> None:
    """Append the columns of one ``Gmm``; missing values are zeros, columns without a non-zero used row are left out.

    Args:
        used: (N, T) rows used in the transformed and in the levels equation.
    """
    first, last = gmm.window
    deepest = grid.exists.shape[1] - 1
    stop = deepest if last is None else min(last, deepest)
    for name in gmm.names:
        values = grid.term(name)
        change = first_difference(values)
        if gmm.eq != "level":
            for lag in range(first, stop + 1):
                _add_lag(columns, values, lag, used[0], gmm, f"L{lag}.{name}", level=False)
        if system and gmm.eq == "level":
            for lag in range(first, min(stop, deepest - 1) + 1):
                _add_lag(columns, change, lag, used[1], gmm, f"L{lag}.D.{name}", level=True)
        if system and gmm.eq == "both":
            lag = _extra_lag(first, stop)
            _add_lag(columns, change, lag, used[1], gmm, f"L{lag}.D.{name}", level=True)


def _extra_lag(first: int, last: int) -> int:
    """Lag of the difference that instruments the levels equation: a-1, or 0 when the window starts at the present."""
    if first > 0:
        return first - 1
    return 0 if last > 0 else -1


def _add_lag(
    columns: Columns, values: np.ndarray, lag: int, used: np.ndarray, gmm: Gmm, name: str, *, level: bool
) -> None:
    moved = np.where(used, np.nan_to_num(shift(values, lag)), 0.0)
    blank = np.zeros(moved.shape)

    def append(column: np.ndarray, column_name: str) -> None:
        transformed, in_levels = (blank, column) if level else (column, blank)
        columns.add(transformed, in_levels, column_name, gmm.label, gmm_level=level and gmm.eq == "both")

    if gmm.collapse:
        if moved.any():
            append(moved, name)
        return
    for period in np.flatnonzero(moved.any(axis=0)):
        column = np.zeros(moved.shape)
        column[:, period] = moved[:, period]
        append(column, f"{name}@{period}")
