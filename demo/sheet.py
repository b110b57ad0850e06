"""From a table and its values to a sheet as an edition lays it out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from demo.csvfile import NOTICE_ZH
from demo.printing import printed
from demo.tables import UNIT_EN, Column, Table
from demo.world import Values
from demo.xlsx import Cell, Merge

SCOPE = {"city": "全市", "districts": "市辖区"}
SCOPE_OLD = {"city": "全市", "districts": "市区"}
SCOPE_EN = {"city": "Total City", "districts": "Districts under City"}
LABEL: tuple[str, str] = ("城 市", "City")
GAP = " " * 8


@dataclass(frozen=True)
class Style:
    """How an edition lays out its sheets.

    Attributes:
        title: `year` names the data year beside the title, `first` opens with number and title, `spread` leaves blank rows.
        english_rows: headers repeat in English on a row of their own.
        text: numbers are stored as text.
        indent: names of cities stand two blanks in.
        sheet_names: sheets have meaningless names.
        old_scopes: the districts are called 市区.
        missing: mark of a missing value.
    """

    title: str
    english_rows: bool = False
    text: bool = False
    indent: bool = True
    sheet_names: bool = False
    old_scopes: bool = False
    missing: str = ""


def style_of(edition: int) -> Style:
    """Layout of an edition: those of 2021, 2022 and 2024 are the real ones, older editions follow the first."""
    if edition >= 2023:
        return Style("spread", text=True, sheet_names=True)
    if edition == 2022:
        return Style("first", indent=False)
    missing = "-" if edition % 3 == 0 else "…" if edition % 3 == 1 else ""
    return Style("year", english_rows=edition >= 2017, old_scopes=edition <= 2012, missing=missing)


@dataclass(frozen=True)
class Layout:
    """A finished sheet.

    Attributes:
        name: name of the sheet.
        rows: rows of cells.
        merges: merged ranges.
        places: row of each unit, by the position of the unit in the places given.
        columns: printed column and scope, by position; the first stands in the third column of the sheet.
    """

    name: str
    rows: list[list[Cell]]
    merges: list[Merge]
    places: list[int]
    columns: list[tuple[Column, str]]


def lay_out(table: Table, edition: int, values: Values, places: pd.DataFrame) -> Layout:
    """The sheet of `table`: titles, header, then `places` (province_zh, province_en, name, name_en) with their values.

    `values` map (indicator, scope) to an array aligned with `places`, in the unit of the world; NaN prints as an empty cell.
    """
    style = style_of(edition)
    columns = [(column, scope) for column in table.columns for scope in column.scopes]
    rows, merges = _titles(table, edition, style, len(columns) + 2)
    _header(table, columns, style, rows, merges)
    body, at = _body(columns, values, places, style)
    starts = [len(rows) + row for row in at]
    body.append([f"注：{NOTICE_ZH}。", *[None] * (len(columns) + 1)])
    name = f"Sheet{sum(table.number.encode()) % 59 + 2}" if style.sheet_names else "Sheet1"
    return Layout(name, rows + body, merges, starts, columns)


def _titles(table: Table, edition: int, style: Style, width: int) -> tuple[list[list[Cell]], list[Merge]]:
    blank: list[Cell] = [None] * width
    english = UNIT_EN.get(table.unit, "")
    if style.title == "year":
        line = f"{table.number} {table.zh}"
        rows = [list(blank), [f"中国{edition - 1}年地级以上城市数据", None, line, *blank[3:]], list(blank)]
        if table.unit_line:
            rows.append([*blank[1:], f"单位:{table.unit}"])
        return rows, [(1, 0, 2, 1), (1, 2, 2, width - 1)]
    if style.title == "first":
        rows = [[f"{table.number}{table.zh} {table.en}", *blank[1:]], list(blank)]
        if table.unit_line:
            rows.append([f"单位：{table.unit}{' ' * 60}({english})", *blank[1:]])
        return rows, []
    lines = [f"{table.number}{table.zh}", table.en]
    if table.unit_line:
        lines += [f"单位：{table.unit}", f"({english})"]
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
    labels = SCOPE_OLD if style.old_scopes else SCOPE
    for index, (column, scope) in enumerate(columns):
        first = index == 0 or columns[index - 1][0] is not column
        text = _heading(table, column, style) if first else None
        names.append(None if column.part else text)
        parts.append(text if column.part else None)
        english.append(column.en if first and style.english_rows and not column.part else None)
        scopes.append(f"{labels[scope]}{GAP}{SCOPE_EN[scope]}")
    rows.append(names)
    if any(parts):
        rows.append(parts)
    elif style.english_rows:
        rows.append(english)
    if _needs_scopes(table):
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


def _needs_scopes(table: Table) -> bool:
    """A row of scopes stands under the headers unless the title says that all is 全市 or all 市辖区."""
    title = table.zh.replace("（", "(")
    return not ("(全市" in title or "(市辖区" in title)


def _heading(table: Table, column: Column, style: Style) -> str:
    in_header = column.unit and not (table.unit_line and column.unit == table.unit)
    zh = f"{column.zh}（{column.unit}）" if in_header else column.zh
    if style.english_rows and not column.part:
        return zh
    english = f"{column.en} （{UNIT_EN[column.unit]}）" if in_header else column.en
    return f"{zh} {english}".rstrip()


def _body(
    columns: list[tuple[Column, str]], values: Values, places: pd.DataFrame, style: Style
) -> tuple[list[list[Cell]], list[int]]:
    """Rows of provinces and cities, and the row of each city."""
    cells = [_cells(values[column.indicator, scope], column, style) for column, scope in columns]
    indent = "  " if style.indent else ""
    blank: list[Cell] = [None] * len(columns)
    rows: list[list[Cell]] = []
    at: list[int] = []
    province = ""
    for row, (own, own_en, name, name_en) in enumerate(
        places[["province_zh", "province_en", "name", "name_en"]].itertuples(index=False)
    ):
        municipality = own == name
        if own != province and not municipality:
            rows.append([own, own_en, *blank])
        province = own
        margin = "" if municipality else indent
        at.append(len(rows))
        rows.append([f"{margin}{name}", f"{margin}{name_en}", *(column[row] for column in cells)])
    return rows, at


def _cells(values: np.ndarray, column: Column, style: Style) -> list[Cell]:
    """Values as the edition prints them, numbers or texts; what is missing is blank or marked, as the edition does."""
    rounded = printed(values, column).tolist()
    missing: Cell = style.missing or None
    if style.text:
        return [missing if value != value else f"{value:.{column.decimals}f}" for value in rounded]
    if column.decimals == 0:
        return [missing if value != value else int(value) for value in rounded]
    return [missing if value != value else value for value in rounded]
