"""A few honest dirty cells, the kind that real editions hold, and the list of them for the truth file.

Cells of `dirt.csv` must be quarantined; those of `extremes.csv` stand in the world already and are only found here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from demo.extremes import EXTREMES
from demo.sheet import Layout
from demo.tables import Table, records
from demo.xlsx import Cell, column_letters

DIRT = Path(__file__).with_name("dirt.csv")
SECOND = 1.04


@dataclass(frozen=True)
class Dirty:
    """One dirty cell: where it stands, what is printed, and the reason it must be quarantined for (or the status it gets)."""

    id: str
    path: str
    sheet: str
    cell: str
    text: str
    reason: str
    explanation: str


def soil(
    layout: Layout, table: Table, edition: int, editions: range, places: pd.DataFrame, path: str
) -> tuple[Layout, list[Dirty]]:
    """The sheet with its dirty cells, and these; rows of `dirt.csv` whose city or neighbouring editions are absent do nothing."""
    found: list[Dirty] = []
    for entry in records(DIRT):
        if int(entry["edition"]) != edition or entry["table"] != table.kind:
            continue
        if entry["kind"] == "unknown_row":
            layout, cells = _strange_row(layout, entry["text"])
        elif (at := _position(places, entry["city_code"])) is None:
            continue
        elif entry["kind"] == "second_row":
            layout, cells = _second_row(layout, layout.places[at])
        elif entry["kind"] == "tenfold" and not {edition - 1, edition + 1} <= set(editions):
            continue
        else:
            layout, cells = _cell(layout, layout.places[at], entry)
        found += [Dirty(entry["id"], path, layout.name, *cell, entry["reason"], entry["explanation"]) for cell in cells]
    return layout, found + _extremes(layout, table, edition, places, path)


def _extremes(layout: Layout, table: Table, edition: int, places: pd.DataFrame, path: str) -> list[Dirty]:
    """The extremes that the sheet prints."""
    found = []
    for entry in records(EXTREMES):
        at = _position(places, entry["city_code"])
        if (entry["table"], int(entry["year"])) != (table.kind, edition - 1) or at is None:
            continue
        row, column = layout.places[at], _column(layout, entry)
        cell = (f"{column_letters(column)}{row + 1}", str(layout.rows[row][column]))
        found.append(Dirty(entry["id"], path, layout.name, *cell, entry["reason"], entry["explanation"]))
    return found


def _position(places: pd.DataFrame, code: str) -> int | None:
    codes = places["city_code"].tolist()
    return codes.index(code) if code in codes else None


def _column(layout: Layout, entry: dict[str, Any]) -> int:
    wanted = (entry["indicator"], entry["scope"])
    return 2 + [(column.indicator, scope) for column, scope in layout.columns].index(wanted)


def _cell(layout: Layout, row: int, entry: dict[str, Any]) -> tuple[Layout, list[tuple[str, str]]]:
    column = _column(layout, entry)
    before = layout.rows[row][column]
    value: Cell = entry["text"] or 10 * int(str(before))
    rows = [list(line) for line in layout.rows]
    rows[row][column] = value
    return replace(layout, rows=rows), [(f"{column_letters(column)}{row + 1}", str(value))]


def _strange_row(layout: Layout, name: str) -> tuple[Layout, list[tuple[str, str]]]:
    """A city that does not exist, below the last city, with that city's numbers."""
    last = layout.places[-1]
    indent = "  " if str(layout.rows[last][0]).startswith(" ") else ""
    line: list[Cell] = [f"{indent}{name}", f"{indent}Nowhere", *layout.rows[last][2:]]
    return _insert(layout, last + 1, line)


def _second_row(layout: Layout, row: int) -> tuple[Layout, list[tuple[str, str]]]:
    """The same city again, with other numbers: neither of the two rows can be trusted."""
    line = layout.rows[row]
    other: list[Cell] = [round(value * SECOND) if isinstance(value, (int, float)) else value for value in line]
    soiled, cells = _insert(layout, row + 1, other)
    first = [(f"{column_letters(at)}{row + 1}", str(v)) for at, v in enumerate(line) if at >= 2 and v is not None]
    return soiled, [*first, *cells]


def _insert(layout: Layout, row: int, line: list[Cell]) -> tuple[Layout, list[tuple[str, str]]]:
    rows = [*layout.rows[:row], line, *layout.rows[row:]]
    places = [at + 1 if at >= row else at for at in layout.places]
    cells = [(f"{column_letters(at)}{row + 1}", str(v)) for at, v in enumerate(line) if at >= 2 and v is not None]
    return replace(layout, rows=rows, places=places), cells
