"""Tables read from sheets, gathered as columns of small dimension tables and one long table of cells.

A cell keeps only (block, row, column, text). What its row says (place, year, indicator) and what its header says stand
once a row and once a header, and join in SQL: the work a cell costs is a few integers.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import chain, repeat
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
        self.rows = Table(_schema(block=INT, row=INT, row_key=INT, place=INT, year=INT, **PROBLEM))
        self.places = Table(_schema(place=INT, city_text=TEXT, province_text=TEXT, code_text=TEXT, naming=TEXT))
        self.heads = Table(
            _schema(block=INT, row_key=INT, col=INT, letters=TEXT, header=INT, year=INT, indicator_text=TEXT, **PROBLEM)
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
        self.marks = Table(_schema(block=INT, row=INT, col=INT, flag=TEXT, **PROBLEM))
        self.loose = Table(_schema(file_id=TEXT, sheet=TEXT, cell=TEXT, value_text=TEXT, **PROBLEM))
        self._place_ids: dict[tuple[str, ...], int] = {}
        self._header_ids: dict[tuple[Any, ...], int] = {}
        self._cells: list[tuple[np.ndarray, np.ndarray, np.ndarray, list[str]]] = []
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
        keys = self._add_rows(number, block, context)
        for key, (indicator, unit) in enumerate(keys):
            for column in block.columns:
                self._add_head(number, key, indicator, unit, column, context)
        for position in block.stray:
            self.add_loose(
                context.file_id,
                sheet,
                position,
                Problem("outside_table", "a number outside any table", "move it, or accept it if it is a page number"),
            )
        return self._add_cells(number, sheet, block)

    def _add_rows(self, number: int, block: Block, context: Context) -> list[tuple[str, str]]:
        """Row dimension; returns the distinct (indicator, unit) labels, whose position is the row key."""
        rows, count = block.rows, len(block.rows.index)
        ids = self._place_ids
        wanted = list(zip(rows.place, rows.province, rows.code, repeat(context.naming)))
        for names in wanted:
            if names not in ids:
                ids[names] = len(ids)
                self.places.add(ids[names], *names)
        keys: dict[tuple[str, str], int] = {}
        columns = self.rows.columns
        columns["block"].extend(repeat(number, count))
        columns["row"].extend(rows.index)
        columns["row_key"].extend(
            [keys.setdefault(pair, len(keys)) for pair in zip(rows.indicator, rows.unit, strict=True)]
        )
        columns["place"].extend([ids[names] for names in wanted])
        years = {text: row_year(text) if text else (None, None) for text in dict.fromkeys(rows.year)}
        columns["year"].extend([years[text][0] for text in rows.year])
        problems = {text: _fields(years[text][1]) for text in years}
        for position, name in enumerate(PROBLEM):
            columns[name].extend([problems[text][position] for text in rows.year])
        return list(keys)

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
            number, key, column.index, column_letters(column.index + 1), header, column.year, path, *_fields(problem)
        )

    def _add_cells(self, number: int, sheet: Sheet, block: Block) -> int:
        rows, columns = block.rows.index, [column.index for column in block.columns]
        if not rows or not columns:
            return 0
        first, stop = columns[0], columns[-1] + 1
        adjacent = len(columns) == stop - first
        picked = [
            line[first:stop] if adjacent and len(line) >= stop else [line[c] if c < len(line) else "" for c in columns]
            for line in (sheet.rows[row] for row in rows)
        ]
        texts = [
            value
            if type(value) is str
            else (text[:-2] if (text := repr(value))[-2:] == ".0" else text)
            if type(value) is float  # cell_text, inlined
            else cell_text(value)
            for value in chain.from_iterable(picked)
        ]
        self._cells.append(
            (
                np.full(len(texts), number, dtype=np.int32),
                np.repeat(np.asarray(rows, dtype=np.int32), len(columns)),
                np.tile(np.asarray(columns, dtype=np.int32), len(rows)),
                texts,
            )
        )
        self._mark(number, sheet, block)
        self.pending += len(texts)
        return len(texts)

    def _mark(self, number: int, sheet: Sheet, block: Block) -> None:
        """Formula cells (flagged, and a problem where no value is cached) and values merged over several cells."""
        rows, columns = set(block.rows.index), {column.index for column in block.columns}
        for row, column in sorted(sheet.formulas):
            if row in rows and column in columns:
                value = sheet.rows[row][column]
                problem = (
                    None
                    if value != ""
                    else Problem(
                        "formula_not_calculated",
                        "a formula without a stored value",
                        "open and save it in a spreadsheet program",
                    )
                )
                self.marks.add(number, row, column, "formula", *_fields(problem))
        for row, column in sorted(sheet.scaled):
            if row in rows and column in columns and isinstance(sheet.rows[row][column], float):
                self.marks.add(
                    number,
                    row,
                    column,
                    "scaled_format",
                    *_fields(
                        Problem(
                            "ambiguous_unit",
                            "its number format shows another number than the cell stores (per cent or cut-off thousands)",
                            "store the number as it is to be read, in a copy",
                        )
                    ),
                )
        for (top, left), (bottom, right) in sheet.merges:
            inside = [c for c in range(left, min(right, left + 1000) + 1) if c in columns]
            covered = [r for r in range(top, min(bottom, top + 5000) + 1) if r in rows]
            if inside and covered and sheet.rows[top][left] != "":
                problem = Problem("merged_data", "a value merged over data cells", "unmerge it in a copy")
                for row in covered:
                    for column in inside:
                        self.marks.add(number, row, column, "merged", *_fields(problem))

    def add_loose(self, file_id: str, sheet: Sheet, position: Position, problem: Problem) -> None:
        row, column = position
        value = cell_text(sheet.rows[row][column])
        self.loose.add(file_id, sheet.name, f"{column_letters(column + 1)}{row + 1}", value, *_fields(problem))

    def add_unread(self, file_id: str, sheet: Sheet, position: Position) -> None:
        """A cell of a sheet whose layout is unknown: kept, its sheet is quarantined as a whole."""
        self.add_loose(file_id, sheet, position, Problem("", "", ""))

    def take_cells(self) -> pa.Table:
        """Cells gathered since the last call."""
        parts, self._cells, self.pending = self._cells, [], 0
        blocks, rows, columns = (
            np.concatenate([part[i] for part in parts]) if parts else np.empty(0, np.int32) for i in range(3)
        )
        texts = pa.chunked_array([pa.array(part[3], TEXT) for part in parts], TEXT)
        return pa.table({"block": blocks, "row": rows, "col": columns, "value_text": texts})


def row_year(text: str) -> tuple[int | None, Problem | None]:
    """The year a label cell names (`2003`, `2003.0`, `2003年`)."""
    digits = half_width(text).removesuffix("年").removesuffix("年度").removesuffix(".0")
    if digits.isdigit() and 1900 <= int(digits) <= 2100:
        return int(digits), None
    return None, Problem("wrong_year", f"{text!r} is not a year", "correct the year column")


def _fields(problem: Problem | None) -> tuple[str, str, str]:
    return (problem.reason, problem.detail, problem.hint) if problem else ("", "", "")
