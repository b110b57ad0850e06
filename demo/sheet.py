"""From a table and its values to a sheet as an edition lays it out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from demo.tables import UNIT_EN, Column, Table
from demo.xlsx import Cell, Merge

SCOPE = {"city": "全市", "districts": "市辖区"}
SCOPE_OLD = {"city": "全市", "districts": "市区"}
SCOPE_EN = {"city": "Total City", "districts": "Districts under City"}
LABEL = ["城 市", "City"]


@dataclass(frozen=True)
class Style:
    """How an edition lays out its sheets.

    `title`: 'year' names the data year beside the title, 'first' opens with number and title, 'spread' leaves blank rows.
    `english_rows` repeats headers in English on a row of their own; `text` stores numbers as text; `indent` names with two
    blanks; `sheet_names` are meaningless.
    """

    title: str
    english_rows: bool = False
    text: bool = False
    indent: bool = True
    sheet_names: bool = False
    old_scopes: bool = False


def style_of(edition: int) -> Style:
    """Layout of an edition: those of 2021, 2022 and 2024 are the real ones, older editions follow the first."""
    if edition >= 2023:
        return Style("spread", text=True, sheet_names=True)
    if edition == 2022:
        return Style("first", indent=False)
    return Style("year", english_rows=edition >= 2017, old_scopes=edition <= 2012)


@dataclass(frozen=True)
class Layout:
    """A finished sheet: name, rows of cells, merged ranges and where its data stand."""

    name: str
    rows: list[list[Cell]]
    merges: list[Merge]
    first_row: int
    columns: list[tuple[Column, str]]


def lay_out(table: Table, edition: int, values: dict[tuple[str, str], np.ndarray], places: pd.DataFrame) -> Layout:
    """The sheet of `table`: titles, header, then `places` (province_zh, province_en, name, name_en) with their values.

    `values` map (name, scope) to an array aligned with `places`, in the unit of the world; NaN prints as an empty cell.
    """
    style = style_of(edition)
    columns = [(column, scope) for column in table.columns for scope in column.scopes]
    rows, merges = _titles(table, edition, style, len(columns) + 2)
    _header(table, columns, style, rows, merges)
    first = len(rows)
    rows += _body(columns, values, places, style)
    sheet = f"Sheet{sum(table.number.encode()) % 59 + 2}" if style.sheet_names else "Sheet1"
    return Layout(sheet, rows, merges, first, columns)


def _titles(table: Table, edition: int, style: Style, width: int) -> tuple[list[list[Cell]], list[Merge]]:
    blank: list[Cell] = [None] * width
    unit = table.columns[0].unit
    english = UNIT_EN.get(unit, "")
    if style.title == "year":
        line = f"{table.number} {table.zh}"
        rows = [list(blank), [f"中国{edition - 1}年地级以上城市数据", None, line, *blank[3:]], list(blank)]
        if table.unit_line:
            rows.append([*blank[1:], f"单位:{unit}"])
        return rows, [(1, 0, 2, 1), (1, 2, 2, width - 1)]
    if style.title == "first":
        rows = [[f"{table.number}{table.zh} {table.en}", *blank[1:]], list(blank)]
        if table.unit_line:
            rows.append([f"单位：{unit}{' ' * 60}({english})", *blank[1:]])
        return rows, []
    lines = [f"{table.number}{table.zh}", table.en]
    if table.unit_line:
        lines += [f"单位：{unit}", f"({english})"]
    rows = [list(blank)]
    for line in lines:
        rows += [[line, *blank[1:]], list(blank)]
    return rows, []


def _header(
    table: Table, columns: list[tuple[Column, str]], style: Style, rows: list[list[Cell]], merges: list[Merge]
) -> None:
    """Append the header rows: names, parts below their whole, English where it has its own row, scopes."""
    top = len(rows)
    names: list[Cell] = list(LABEL)
    parts: list[Cell] = [None, None]
    english: list[Cell] = [None, None]
    scopes: list[Cell] = [None, None]
    for index, (column, scope) in enumerate(columns):
        first = index == 0 or columns[index - 1][0] is not column
        text = _heading(table, column, style) if first else None
        names.append(None if column.part else text)
        parts.append(text if column.part else None)
        english.append(column.en if first and style.english_rows and not column.part else None)
        labels = SCOPE_OLD if style.old_scopes else SCOPE
        scopes.append(f"{labels[scope]}{' ' * 8}{SCOPE_EN[scope]}")
    rows.append(names)
    if any(parts):
        rows.append(parts)
    elif style.english_rows:
        rows.append(english)
    if any(len(column.scopes) > 1 for column, _ in columns):
        rows.append(scopes)
    bottom = len(rows) - 1
    if bottom > top:
        merges += [(top, 0, bottom, 0), (top, 1, bottom, 1)]
    start = 2
    for column in table.columns:
        width = len(column.scopes)
        if width > 1:
            line = top + 1 if column.part else top
            merges.append((line, start, line, start + width - 1))
        start += width


def _heading(table: Table, column: Column, style: Style) -> str:
    in_header = not table.unit_line and column.unit
    zh = f"{column.zh}（{column.unit}）" if in_header else column.zh
    if style.english_rows and not column.part:
        return zh
    english = f"{column.en} （{UNIT_EN[column.unit]}）" if in_header else column.en
    return f"{zh} {english}"


def _body(
    columns: list[tuple[Column, str]], values: dict[tuple[str, str], np.ndarray], places: pd.DataFrame, style: Style
) -> list[list[Cell]]:
    printed = [_printed(values[column.indicator, scope], column, style.text) for column, scope in columns]
    indent = "  " if style.indent else ""
    blank: list[Cell] = [None] * len(columns)
    rows: list[list[Cell]] = []
    province = ""
    for row, (own, own_en, name, name_en) in enumerate(
        places[["province_zh", "province_en", "name", "name_en"]].itertuples(index=False)
    ):
        municipality = own == name
        if own != province and not municipality:
            rows.append([own, own_en, *blank])
        province = own
        margin = "" if municipality else indent
        rows.append([f"{margin}{name}", f"{margin}{name_en}", *(cells[row] for cells in printed)])
    return rows


def _printed(values: np.ndarray, column: Column, text: bool) -> list[Cell]:
    """Values as the edition prints them: rounded in the printed unit, numbers or texts, None where missing."""
    scaled = values * column.factor
    if text:
        return [None if value != value else f"{value:.{column.decimals}f}" for value in scaled.tolist()]
    rounded = np.round(scaled, column.decimals)
    if column.decimals == 0:
        return [None if value != value else int(value) for value in rounded.tolist()]
    return [None if value != value else value for value in rounded.tolist()]
