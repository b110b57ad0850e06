"""Reader of row-shaped tables that follow a template: one row in, one row of `raw.<kind>` out."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import duckdb
import pandas as pd

from landing.dictionary import Dictionary, DictionaryError, base_factors, load_dictionary
from landing.header_text import split_level
from landing.numbers import parse_number
from landing.places import Places, load_places, normalise_place, resolve_places
from landing.rows.grid import Grid, insert_frame, read_grids
from landing.rows.source import RowProblem, RowSource, refuse
from landing.rows.templates import CODE_WIDTH, Column, Template, load_templates, table_columns
from landing.workbook import column_letters

FLAGS = {
    **dict.fromkeys(("1", "1.0", "是", "true", "y", "yes", "st", "*st", "pt"), True),
    **dict.fromkeys(("0", "0.0", "否", "false", "n", "no", ""), False),
}
_YEAR = re.compile(r"^(\d{4})(?:\.0+|年|[-/]\d.*)?$")
_ST_NAME = re.compile(r"^S?\*?ST|^PT", re.IGNORECASE)


@dataclass(frozen=True)
class Reading:
    """What the columns of a grid are read with; `problems` gathers the cells that cannot be used."""

    grid: Grid
    dictionary: Dictionary
    places: Places
    naming: str
    problems: list[RowProblem]

    def texts(self, column: Column) -> pd.Series:
        position = self.grid.columns[column.name]
        return self.grid.frame[position].fillna("").astype(str).str.strip()

    def cells(self, column: Column, rows: pd.Index) -> list[str]:
        letters = column_letters(self.grid.columns[column.name] + 1)
        return [f"{letters}{int(row) + self.grid.first_line}" for row in rows]

    def refuse(self, column: Column, mask: pd.Series, reason: str, detail: str | pd.Series, hint: str = "") -> None:
        details = detail[mask].tolist() if isinstance(detail, pd.Series) else [detail] * int(mask.sum())
        cells = self.cells(column, mask.index[mask])
        self.problems.extend(RowProblem(cell, reason, text, hint) for cell, text in zip(cells, details, strict=True))


def land_table(kind: str, con: duckdb.DuckDBPyConnection, source: RowSource) -> int:
    """Land a file of `kind` into `raw.<kind>`; returns the number of rows."""
    template = load_templates(source.seeds)[kind]
    dictionary, places = load_dictionary(source.seeds), load_places(source.seeds)
    count = 0
    for grid in read_grids(source, template, dictionary):
        frame, problems = read_rows(grid, template, dictionary, places, source.naming)
        frame["file_id"], frame["row_number"] = source.file_id, range(count + 1, count + 1 + len(frame))
        insert_frame(con, kind, frame, table_columns(template))
        refuse(con, source, problems, grid.sheet)
        count += len(frame)
    return count


def read_rows(
    grid: Grid, template: Template, dictionary: Dictionary, places: Places, naming: str
) -> tuple[pd.DataFrame, list[RowProblem]]:
    """The rows of a grid in the template's columns and the cells that cannot be used.

    Blank rows are left out. Numbers are converted from the unit in their header, else from the default unit of the
    column, to the template's unit.
    """
    grid = _without_blank_rows(grid)
    reading = Reading(grid, dictionary, places, naming, [])
    out = pd.DataFrame(index=grid.frame.index)
    when = next((column for column in template.columns if column.type == "year" and column.name in grid.columns), None)
    year = _years(reading, when) if when else pd.Series(-1, index=out.index)
    for column in template.columns:
        if column.name not in grid.columns:
            names = (
                [f"{column.name}_text", f"{column.name}_code"] if column.type in ("city", "province") else [column.name]
            )
            out[names] = None
        elif column.type in ("city", "province"):
            out[f"{column.name}_text"], out[f"{column.name}_code"] = _place(reading, column, year)
        else:
            out[column.name] = year.where(year.ge(0)) if column is when else READERS[column.type](reading, column)
    if "special_treatment" in out and "firm_name" in grid.columns:
        out["special_treatment"] = out["special_treatment"].eq(True) | out["firm_name"].str.match(_ST_NAME)
    for column in template.columns:
        if column.filled and column.name in grid.columns:
            reading.refuse(column, reading.texts(column).eq(""), "blank_key", f"{column.name} is blank")
    out["problem"] = _problem_column(reading)
    return out.reset_index(drop=True), reading.problems


def _without_blank_rows(grid: Grid) -> Grid:
    filled = grid.frame.map(lambda value: bool(str(value).strip())).any(axis=1)
    return Grid(grid.sheet, grid.frame[filled], grid.first_line, grid.columns, grid.headers)


def _problem_column(reading: Reading) -> pd.Series:
    """Problems of each row, joined; the row is the digits of the cell."""
    by_row: dict[int, list[str]] = {}
    for problem in reading.problems:
        line = int(re.sub(r"\D", "", problem.cell))
        by_row.setdefault(line - reading.grid.first_line, []).append(
            f"{problem.cell}: {problem.reason}: {problem.detail}"
        )
    texts = {row: "; ".join(found) for row, found in by_row.items()}
    return pd.Series(
        [texts.get(int(row)) for row in reading.grid.frame.index], index=reading.grid.frame.index, dtype=object
    )


def _text(reading: Reading, column: Column) -> pd.Series:
    texts = reading.texts(column)
    return texts.where(texts.ne(""))


def _years(reading: Reading, column: Column) -> pd.Series:
    texts = reading.texts(column)
    years = pd.to_numeric(texts.str.extract(_YEAR, expand=False), errors="coerce")
    wrong = years.isna() & texts.ne("")
    reading.refuse(column, wrong, "wrong_year", texts.map(lambda text: f"{text!r} is not a year"))
    return years.fillna(-1).astype("int64").where(years.notna(), -1)


def _integer(reading: Reading, column: Column) -> pd.Series:
    values = _parsed(reading, column)
    broken = values.notna() & values.mod(1).ne(0)
    reading.refuse(column, broken, "not_a_number", reading.texts(column).map(lambda text: f"{text!r} is not whole"))
    return values.where(~broken)


def _number(reading: Reading, column: Column) -> pd.Series:
    numerator, denominator = _base_factors(reading, column)
    return _parsed(reading, column) * numerator / denominator


def _parsed(reading: Reading, column: Column) -> pd.Series:
    texts = reading.texts(column)
    parsed = {text: parse_number(text) for text in texts.unique()}
    problems = texts.map({text: f"{text!r}: {found[2]}" for text, found in parsed.items() if found[2]})
    reading.refuse(column, problems.notna(), "not_a_number", problems, "correct the cell at its source")
    return texts.map({text: found[0] for text, found in parsed.items()}).astype("float64")


def _base_factors(reading: Reading, column: Column) -> tuple[float, float]:
    """Factors of the printed (or default) and of the template's unit; NaN, with a problem, where they do not convert."""
    header = reading.grid.headers[reading.grid.columns[column.name]]
    units = split_level(header, reading.dictionary.unit_of_label).units or (column.default_unit,)
    try:
        if len(units) == 1 and units[0]:
            indicator = reading.dictionary.indicator_of_variable.get(column.name, "")
            return base_factors(reading.dictionary, units[0], column.unit, indicator)
        detail = f"{header!r} prints {'several units' if units[0] else 'no unit'}"
    except DictionaryError as error:
        detail = f"{header!r}: {error}"
    cell = f"{column_letters(reading.grid.columns[column.name] + 1)}{reading.grid.first_line - 1}"
    reading.problems.append(RowProblem(cell, "unknown_unit", detail, f"print a unit that converts to {column.unit}"))
    return math.nan, math.nan


def _flag(reading: Reading, column: Column) -> pd.Series:
    texts = reading.texts(column).str.lower()
    unknown = ~texts.isin(FLAGS.keys())
    reading.refuse(column, unknown, "not_a_flag", texts.map(lambda text: f"{text!r} is neither 0 nor 1"))
    return texts.map(FLAGS).where(~unknown)


def _code(width: int, reading: Reading, column: Column) -> pd.Series:
    digits = reading.texts(column).str.replace(r"\.0+$", "", regex=True)
    fine = digits.str.fullmatch(rf"\d{{1,{width}}}").astype(bool)
    reading.refuse(
        column, ~fine & digits.ne(""), "wrong_code", digits.map(lambda text: f"{text!r} has no {width} digits")
    )
    return digits.str.zfill(width).where(fine)


def _place(reading: Reading, column: Column, year: pd.Series) -> tuple[pd.Series, pd.Series]:
    texts = reading.texts(column)
    if column.type == "province":
        codes = texts.map(
            {text: reading.places.province_of_name.get(normalise_place(text), "") for text in texts.unique()}
        )
        unknown = codes.eq("") & texts.ne("")
        reading.refuse(column, unknown, "unknown_province", texts.map(lambda text: f"{text!r} is no province"))
        return texts, codes.where(codes.ne(""))
    naming = reading.naming if year.ge(0).any() else "current"
    asked = pd.DataFrame({"city_text": texts, "year": year, "naming": naming})
    found = resolve_places(reading.places, asked)
    reading.refuse(column, found["reason"].ne("") & texts.ne(""), "unknown_city", found["detail"])
    fine = found["city_code"].ne("") & found["reason"].eq("")
    return texts, found["city_code"].where(fine)


READERS: dict[str, Callable[[Reading, Column], pd.Series]] = {
    "text": _text,
    "integer": _integer,
    "year": _years,
    "number": _number,
    "flag": _flag,
    **{kind: partial(_code, width) for kind, width in CODE_WIDTH.items()},
}
