"""Any table file as one grid of text with its header row found."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import duckdb
import pandas as pd

from landing.dictionary import Dictionary
from landing.header_text import alias_key, split_level
from landing.limits import LandingError, check_file_size
from landing.numbers import cell_text
from landing.rows.source import RowSource
from landing.rows.templates import Column, Template
from landing.tabular import csv_sheet, dta_sheet
from landing.workbook import Sheet, read_workbook

HEADER_ROWS = 15


@dataclass(frozen=True)
class Grid:
    """Rows below the header as text; `first_line` is the line number of the first of them (1-based).

    `columns` maps a template column to its position; `others` are the remaining non-blank headers by position.
    """

    sheet: str
    frame: pd.DataFrame
    first_line: int
    columns: dict[str, int]
    headers: dict[int, str]

    @property
    def others(self) -> dict[int, str]:
        taken = set(self.columns.values())
        return {position: text for position, text in self.headers.items() if position not in taken}


def read_grids(source: RowSource, template: Template, dictionary: Dictionary) -> list[Grid]:
    """The tables of a file that hold the template's required columns; raises LandingError where none does."""
    sheets = _sheets(source)
    grids = [grid for sheet in sheets if (grid := _grid(sheet, template, dictionary)) is not None]
    if grids:
        return grids
    needed = ", ".join(sorted(column.name for column in template.columns if column.required))
    raise LandingError(
        "unknown_layout", f"no header row with the columns {needed}", f"see docs/templates/{template.kind}.csv"
    )


def _sheets(source: RowSource) -> list[Sheet]:
    suffix = source.disk.suffix.lower()
    readers = {
        ".xlsx": read_workbook,
        ".xlsm": read_workbook,
        ".xls": read_workbook,
        ".csv": None,
        ".tsv": None,
        ".dta": None,
    }
    if suffix not in readers:
        raise LandingError(
            "unreadable_file", f"no reader for {suffix or 'a file without suffix'}", "save it as csv or xlsx"
        )
    check_file_size(source.disk.stat().st_size, source.limits.file_bytes)
    data = source.disk.read_bytes()
    if suffix == ".dta":
        return [dta_sheet(data, source.limits)]
    if suffix in (".csv", ".tsv"):
        return [csv_sheet(data, source.limits)]
    return read_workbook(data, source.limits)


def _grid(sheet: Sheet, template: Template, dictionary: Dictionary) -> Grid | None:
    required = [column for column in template.columns if column.required]
    for index, row in enumerate(sheet.rows[:HEADER_ROWS]):
        headers = {position: cell_text(value) for position, value in enumerate(row) if cell_text(value).strip()}
        columns = match_columns(headers, template.columns, dictionary)
        if all(column.name in columns for column in required):
            body = [[cell_text(value) for value in line] for line in sheet.rows[index + 1 :]]
            width = max((len(line) for line in body), default=len(row))
            frame = pd.DataFrame(
                [line + [""] * (width - len(line)) for line in body], columns=range(width), dtype=object
            )
            return Grid(sheet.name, frame, index + 2, columns, headers)
    return None


def match_columns(headers: dict[int, str], columns: Collection[Column], dictionary: Dictionary) -> dict[str, int]:
    """Template column to header position, by the whole header or its name without unit; the first match wins."""
    keys = {
        position: (alias_key(text), alias_key(split_level(text, dictionary.unit_of_label).name))
        for position, text in headers.items()
    }
    found: dict[str, int] = {}
    for column in columns:
        for position, names in keys.items():
            if position not in found.values() and not column.aliases.isdisjoint(names):
                found[column.name] = position
                break
    return found


def insert_frame(
    con: duckdb.DuckDBPyConnection, table: str, frame: pd.DataFrame, columns: list[tuple[str, str]]
) -> None:
    """Append a frame of the given columns to `raw.<table>`, cast to the declared types."""
    con.register("incoming_rows", frame[[name for name, _ in columns]])
    casts = ", ".join(f"cast({name} as {kind}) as {name}" for name, kind in columns)
    con.execute(f"insert into raw.{table} by name select {casts} from incoming_rows")
    con.unregister("incoming_rows")
