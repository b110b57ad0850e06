"""A sheet as a grid of values, and what stands beside the values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from landing.limits import LandingError

Position = tuple[int, int]


@dataclass(frozen=True)
class Sheet:
    """One sheet as a rectangle of values; positions are zero-based (row, column), merges are inclusive corners.

    `scaled` cells show another number than they store (per cent, thousands cut off).
    """

    name: str
    rows: list[list[Any]]
    merges: list[tuple[Position, Position]] = field(default_factory=list)
    formulas: frozenset[Position] = frozenset()
    errors: dict[Position, str] = field(default_factory=dict)
    scaled: frozenset[Position] = frozenset()
    hidden: bool = False


@dataclass
class SheetMarks:
    """What is read beside the values: used size, formula cells, error cells."""

    height: int = 0
    width: int = 0
    formulas: set[Position] = field(default_factory=set)
    errors: dict[Position, str] = field(default_factory=dict)
    scaled: set[Position] = field(default_factory=set)


def column_number(letters: str) -> int:
    """Number of a column from its letters: A is 1, AA is 27."""
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number


def column_letters(number: int) -> str:
    """Letters of a column from its number: 1 is A, 27 is AA."""
    letters = ""
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def unreadable(detail: str) -> LandingError:
    return LandingError(
        "unreadable_file", detail, "open it in a spreadsheet program and save it again, or fetch it anew"
    )
