"""Arithmetic for proofs about printed numbers: each stands for every number that rounds to it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from demo.planting.published import decimals, published
from demo.roster import SEEDS
from demo.tables import records


@dataclass(frozen=True)
class Interval:
    """Every number from `low` to `high`."""

    low: float
    high: float

    def __add__(self, other: Interval | float) -> Interval:
        other = exactly(other)
        return Interval(self.low + other.low, self.high + other.high)

    def __sub__(self, other: Interval | float) -> Interval:
        other = exactly(other)
        return Interval(self.low - other.high, self.high - other.low)

    def __mul__(self, other: Interval | float) -> Interval:
        other = exactly(other)
        ends = [a * b for a in (self.low, self.high) for b in (other.low, other.high)]
        return Interval(min(ends), max(ends))

    def __truediv__(self, other: Interval | float) -> Interval:
        other = exactly(other)
        assert other.low > 0 or other.high < 0
        return self * Interval(1 / other.high, 1 / other.low)

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high

    def meets(self, other: Interval) -> bool:
        """Whether some number lies in both."""
        return self.low <= other.high and other.low <= self.high

    @property
    def furthest(self) -> float:
        """Largest absolute value."""
        return max(abs(self.low), abs(self.high))


def exactly(value: Interval | float) -> Interval:
    """A number without rounding error."""
    return value if isinstance(value, Interval) else Interval(value, value)


def rounded(text: str) -> Interval:
    """Every number that is printed as `text`."""
    half = 0.5 * 10.0 ** -decimals(text)
    return Interval(float(text) - half, float(text) + half)


def coefficient(paper: str, table: str, column: str, term: str) -> Interval:
    """A printed coefficient."""
    found = next(item for item in published(paper) if (item.table, item.column, item.term) == (table, column, term))
    half = 0.5 * 10.0**-found.digits
    return Interval(found.estimate - half, found.estimate + half)


def standard_error(paper: str, table: str, column: str, term: str) -> Interval:
    """A printed standard error, or the one that the printed t value gives."""
    found = next(
        row for row in records(SEEDS / "published_coefficients.csv")
        if (row["paper"], row["table"], row["column"], row["term"]) == (paper, table, column, term)
    )  # fmt: skip
    half = 0.5 * 10.0 ** -max(
        decimals(found["se"]), decimals(found["estimate"])
    )  # a trailing zero is lost in the table
    return Interval(float(found["se"]) - half, float(found["se"]) + half)


def moment(paper: str, variable: str, what: str) -> Interval:
    """A printed mean, sd, min or max."""
    found = next(
        row for row in records(SEEDS / "published_moments.csv") if (row["study"], row["printed"]) == (paper, variable)
    )
    half = 0.5 * 10.0 ** -int(found["decimals"])
    return Interval(float(found[what]) - half, float(found[what]) + half)


def log(value: Interval) -> Interval:
    """Natural logarithm."""
    return Interval(math.log(value.low), math.log(value.high))
