"""Tables read from sheets, gathered as columns of small dimension tables and one long table of cells.

A cell keeps only (line, head, text, value). What its row says (place, year, indicator) stands once a line, what its
header says once a head, both numbered through all tables, and join in SQL: the work a cell costs is a few integers.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain, islice, repeat
from typing import Any

import numpy as np
import pyarrow as pa

from landing.header_block import Column, Problem
from landing.layout import Block
from landing.numbers import cell_text, half_width
from landing.roles import plain
from landing.workbook import Position, Sheet, column_letters

PATH_SEPARATOR = ">"


@dataclass(frozen=True)
class Context:
    """What holds for a whole table: source, edition, year of its values, kind of place, unit and scope above it."""

    file_id: str
    kind: str
    naming: str
    source_rank: int
    edition: int | None
    year: int | None
    table_id: str
    title: str
    unit_text: str
    scope_text: str
    county: bool
    problem: Problem | None


@dataclass
class Table:
    """Rows gathered for one DuckDB table."""

    schema: pa.Schema
    columns: dict[str, list[Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.columns = {name: [] for name in self.schema.names}

    def add(self, *values: Any) -> None:
        for column, value in zip(self.columns.values(), values, strict=True):
            column.append(value)

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def arrow(self) -> pa.Table:
        return pa.table(
            [pa.array(v, t.type) for v, t in zip(self.columns.values(), self.schema, strict=True)], self.schema
        )


def _schema(**types: pa.DataType) -> pa.Schema:
    return pa.schema(list(types.items()))


TEXT, INT = pa.string(), pa.int32()
PROBLEM = {"reason": TEXT, "detail": TEXT, "hint": TEXT}
NOT_CALCULATED = Problem(
    "formula_not_calculated", "a formula without a stored value", "open and save it in a spreadsheet program"
)
SCALED = Problem(
    "ambiguous_unit",
    "its number format shows another number than the cell stores (per cent or cut-off thousands)",
    "store the number as it is to be read, in a copy",
)
MERGED_DATA = Problem("merged_data", "a value merged over data cells", "unmerge it in a copy")


class Collector:
    """Gathers blocks; `cells` are handed over in chunks, the dimension tables at the end."""

    def __init__(self) -> None:
        self.blocks = Table(
            _schema(
                block=INT,
                file_id=TEXT,
                sheet=TEXT,
                table_id=TEXT,
                naming=TEXT,
                kind=TEXT,
                source_rank=INT,
                edition=INT,
                year=INT,
                county=pa.bool_(),
                flags=TEXT,
                **PROBLEM,
            )
        )
        self.rows = Table(_schema(line=INT, block=INT, row=INT, row_key=INT, place=INT, year=INT, **PROBLEM))
        self.places = Table(_schema(place=INT, city_text=TEXT, province_text=TEXT, code_text=TEXT, naming=TEXT))
        self.heads = Table(
            _schema(
                head=INT, block=INT, row_key=INT, letters=TEXT, header=INT, year=INT, indicator_text=TEXT, **PROBLEM
            )
        )
        self.headers = Table(
            _schema(
                header=INT,
                indicator_text=TEXT,
                scope_text=TEXT,
                unit_text=TEXT,
                table_title=TEXT,
                edition=INT,
                table_id=TEXT,
                must_print_scope=pa.bool_(),
            )
        )
        self.marks = Table(_schema(line=INT, head=INT, flag=TEXT, **PROBLEM))
        self.loose = Table(_schema(file_id=TEXT, sheet=TEXT, cell=TEXT, value_text=TEXT, **PROBLEM))
        self._place_ids: dict[tuple[str, ...], int] = {}
        self._header_ids: dict[tuple[Any, ...], int] = {}
        self._cells: list[tuple[np.ndarray, np.ndarray, pa.Array, pa.Array]] = []
        self.pending = 0

    def add(self, sheet: Sheet, block: Block, context: Context) -> int:
        """Take over a table; returns the number of its data cells."""
        number = len(self.blocks)
        problem = context.problem
        self.blocks.add(
            number,
            context.file_id,
            sheet.name,
            context.table_id,
            context.naming,
            context.kind,
            context.source_rank,
            context.edition,
            context.year,
            context.county,
            "hidden_sheet" if sheet.hidden else "",
            *_fields(problem),
        )
        grid = _Grid(len(self.rows), len(self.heads), block)
        for key, (indicator, unit) in enumerate(grid.labels):
            for column in block.columns:
                self._add_head(number, key, indicator, unit, column, context)
        for position in block.stray:
            self.add_loose(
                context.file_id,
                sheet,
                position,
                Problem("outside_table", "a number outside any table", "move it, or accept it if it is a page number"),
            )
        self._add_rows(number, block, context, grid)
        self._mark(sheet, grid)
        return self._add_cells(sheet, grid)

    def _add_rows(self, number: int, block: Block, context: Context, grid: _Grid) -> None:
        rows, count = block.rows, len(block.rows.index)
        ids = self._place_ids
        wanted = zip(rows.place, rows.province, rows.code, repeat(context.naming))
        places = [ids.setdefault(names, len(ids)) for names in wanted]
        for names in islice(ids, len(self.places), None):
            self.places.add(ids[names], *names)
        columns = self.rows.columns
        columns["line"].extend(range(grid.line, grid.line + count))
        columns["block"].extend(repeat(number, count))
        columns["row"].extend(rows.index)
        columns["row_key"].extend(grid.keys)
        columns["place"].extend(places)
        years = {text: row_year(text) if text else (None, None) for text in dict.fromkeys(rows.year)}
        problems = {text: _fields(years[text][1]) for text in years}
        columns["year"].extend([years[text][0] for text in rows.year])
        for position, name in enumerate(PROBLEM):
            columns[name].extend([problems[text][position] for text in rows.year] if any(years) else repeat("", count))

    def _add_head(self, number: int, key: int, indicator: str, unit: str, column: Column, context: Context) -> None:
        own = () if column.role == "value" else (*column.parents, *column.levels)
        path = PATH_SEPARATOR.join(plain(text).replace(PATH_SEPARATOR, "＞") for text in (indicator, *own) if text)
        problem = column.problem
        if not path and problem is None:
            problem = Problem(
                "unknown_header", f"column {column_letters(column.index + 1)} names no indicator", "name it"
            )
        asked = (
            path,
            context.scope_text,
            unit or context.unit_text,
            context.title,
            context.edition,
            context.table_id,
            context.kind == "yearbook" and not context.county and not column.scope,
        )
        header = self._header_ids.get(asked)
        if header is None:
            header = self._header_ids[asked] = len(self._header_ids)
            self.headers.add(header, *asked)
        self.heads.add(
            len(self.heads),
            number,
            key,
            column_letters(column.index + 1),
            header,
            column.year,
            path,
            *_fields(problem),
        )

    def _add_cells(self, sheet: Sheet, grid: _Grid) -> int:
        rows, columns = grid.rows, grid.columns
        if not rows or not columns:
            return 0
        first, stop = columns[0], columns[-1] + 1
        adjacent = len(columns) == stop - first
        grid_rows = sheet.rows
        picked = [
            line[first:stop]
            if adjacent and len(line := grid_rows[row]) >= stop
            else [grid_rows[row][c] if c < len(grid_rows[row]) else "" for c in columns]
            for row in rows
        ]
        cells = list(chain.from_iterable(picked))
        lines = np.arange(grid.line, grid.line + len(rows), dtype=np.int32)
        heads = np.asarray(grid.keys, dtype=np.int32)[:, None] * len(columns) + np.arange(len(columns), dtype=np.int32)
        self._cells.append((np.repeat(lines, len(columns)), grid.head + heads.ravel(), *texts_and_values(cells)))
        self.pending += len(cells)
        return len(cells)

    def _mark(self, sheet: Sheet, grid: _Grid) -> None:
        """Formula cells (flagged, and a problem where no value is cached), formats that scale, values merged over
        several cells."""
        for row, column in sorted(sheet.formulas):
            if (row, column) in grid:
                self._mark_cell(grid, row, column, "formula", None if sheet.rows[row][column] != "" else NOT_CALCULATED)
        for row, column in sorted(sheet.scaled):
            if (row, column) in grid and isinstance(sheet.rows[row][column], float):
                self._mark_cell(grid, row, column, "scaled_format", SCALED)
        for (top, left), (bottom, right) in sheet.merges:
            inside = [c for c in range(left, min(right, left + 1000) + 1) if c in grid.column_at]
            covered = [r for r in range(top, min(bottom, top + 5000) + 1) if r in grid.row_at]
            if inside and covered and sheet.rows[top][left] != "":
                for row in covered:
                    for column in inside:
                        self._mark_cell(grid, row, column, "merged", MERGED_DATA)

    def _mark_cell(self, grid: _Grid, row: int, column: int, flag: str, problem: Problem | None) -> None:
        self.marks.add(*grid.numbers(row, column), flag, *_fields(problem))

    def add_loose(self, file_id: str, sheet: Sheet, position: Position, problem: Problem) -> None:
        row, column = position
        value = cell_text(sheet.rows[row][column])
        self.loose.add(file_id, sheet.name, f"{column_letters(column + 1)}{row + 1}", value, *_fields(problem))

    def add_unread(self, file_id: str, sheet: Sheet, position: Position) -> None:
        """A cell of a sheet whose layout is unknown: kept, its sheet is quarantined as a whole."""
        self.add_loose(file_id, sheet, position, Problem("", "", ""))

    def take_cells(self) -> pa.Table:
        """Cells gathered since the last call; text is null where the number itself says it, value where a text does."""
        parts, self._cells, self.pending = self._cells, [], 0
        lines, heads = (
            np.concatenate([part[i] for part in parts]) if parts else np.empty(0, np.int32) for i in range(2)
        )
        texts = pa.chunked_array([part[2] for part in parts], TEXT)
        values = pa.chunked_array([part[3] for part in parts], pa.float64())
        return pa.table({"line": lines, "head": heads, "value_text": texts, "value": values})


class _Grid:
    """Where the cells of one table stand: its rows and columns in the sheet, the numbers of its lines and heads.

    A row's key is the position of its (indicator, unit) among the distinct `labels`; every key has heads of its own.
    """

    def __init__(self, line: int, head: int, block: Block) -> None:
        self.line, self.head = line, head
        self.rows, self.columns = block.rows.index, [column.index for column in block.columns]
        labels: dict[tuple[str, str], int] = {("", ""): 0} if self.rows else {}
        self.keys = [0] * len(self.rows)
        if any(block.rows.indicator) or any(block.rows.unit):
            pairs = zip(block.rows.indicator, block.rows.unit, strict=True)
            labels = {pair: key for key, pair in enumerate(dict.fromkeys(pairs))}
            self.keys = [labels[pair] for pair in zip(block.rows.indicator, block.rows.unit, strict=True)]
        self.labels = list(labels)

    @cached_property
    def row_at(self) -> dict[int, int]:
        return {row: position for position, row in enumerate(self.rows)}

    @cached_property
    def column_at(self) -> dict[int, int]:
        return {column: position for position, column in enumerate(self.columns)}

    def __contains__(self, position: Position) -> bool:
        return position[0] in self.row_at and position[1] in self.column_at

    def numbers(self, row: int, column: int) -> tuple[int, int]:
        """(line, head) of a cell of the sheet."""
        at = self.row_at[row]
        return self.line + at, self.head + self.keys[at] * len(self.columns) + self.column_at[column]


def texts_and_values(cells: list[Any]) -> tuple[pa.Array, pa.Array]:
    """Texts of the cells that do not hold a number and values of those that do, null in the other array."""
    if set(map(type, cells)) == {float}:
        return pa.nulls(len(cells), TEXT), pa.array(np.array(cells))
    numbers = [type(cell) is float for cell in cells]
    texts = [None if number else cell_text(cell) for cell, number in zip(cells, numbers, strict=True)]
    values = [cell if number else None for cell, number in zip(cells, numbers, strict=True)]
    return pa.array(texts, TEXT), pa.array(values, pa.float64())


def row_year(text: str) -> tuple[int | None, Problem | None]:
    """The year a label cell names (`2003`, `2003.0`, `2003年`)."""
    digits = half_width(text).removesuffix("年").removesuffix("年度").removesuffix(".0")
    if digits.isdigit() and 1900 <= int(digits) <= 2100:
        return int(digits), None
    return None, Problem("wrong_year", f"{text!r} is not a year", "correct the year column")


def _fields(problem: Problem | None) -> tuple[str, str, str]:
    return (problem.reason, problem.detail, problem.hint) if problem else ("", "", "")
