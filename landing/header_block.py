"""The header rows of a table to its columns: each data column's path of header texts, top to bottom."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from landing.limits import LandingError
from landing.numbers import cell_text
from landing.roles import CJK, LABEL_ROLES, Roles, plain
from landing.workbook import Position, Sheet, column_letters

YEAR_ONLY = re.compile(r"((?:19|20)\d{2})(?:年度|年末|年|度)?")
YEAR_FIRST = re.compile(r"((?:19|20)\d{2})年(?!不变|可比|价|为|=)(.+)")


@dataclass(frozen=True)
class Problem:
    """Why cells cannot be used: machine-readable reason, what stands there, what to edit."""

    reason: str
    detail: str
    hint: str = ""


@dataclass(frozen=True)
class Column:
    """A column of a table. `levels` are its own header texts from top to bottom, `parents` headings inherited from
    the left (a heading over an open box, as 地方一般公共预算支出 over 教育支出), `year` a year in the header."""

    index: int
    levels: tuple[str, ...] = ()
    parents: tuple[str, ...] = ()
    year: int | None = None
    scope: str = ""
    role: str = ""
    problem: Problem | None = None


class MergeMap:
    """Which merged range covers a position."""

    def __init__(self, merges: Iterable[tuple[Position, Position]], rows: range) -> None:
        self.anchor: dict[Position, Position] = {}
        for (top, left), (bottom, right) in merges:
            if bottom < rows.start or top >= rows.stop or (bottom - top + 1) * (right - left + 1) > 1_000_000:
                continue
            for row in range(max(top, rows.start), min(bottom, rows.stop - 1) + 1):
                for column in range(left, right + 1):
                    self.anchor[row, column] = (top, left)


def header_columns(sheet: Sheet, header: range, columns: range, roles: Roles) -> list[Column]:
    """Columns of the table whose header stands in rows `header`, label columns first recognised by their role."""
    merges = MergeMap(sheet.merges, header)
    texts = {(row, column): cell_text(_cell(sheet, row, column)) for row in header for column in columns}
    built: list[Column] = []
    for index in columns:
        built.append(_column(texts, merges, header, columns, index, roles, built))
    return built


def _cell(sheet: Sheet, row: int, column: int) -> object:
    cells = sheet.rows[row]
    return cells[column] if column < len(cells) else ""


def _column(
    texts: dict[Position, str],
    merges: MergeMap,
    header: range,
    columns: range,
    index: int,
    roles: Roles,
    left: list[Column],
) -> Column:
    try:
        own = _own_levels(texts, merges, header, columns, index, roles)
    except LandingError as error:
        return Column(index, problem=Problem(error.reason, error.detail, error.hint))
    role = next((roles.of(text) for _, text in own if roles.of(text) in LABEL_ROLES | {"value"}), "")
    if role:
        return Column(index, tuple(text for _, text in own), role=role)
    year, own = _split_year(own)
    scope = next((roles.scope(text) for _, text in own if roles.scope(text)), "")
    named = [(row, text) for row, text in own if not roles.scope(text)]
    first = named[0][0] if named else header.stop
    parents, problem = _inherited(texts, merges, header, columns, index, roles, first, bool(named))
    levels = tuple(text for _, text in own)
    if not named and parents:
        problem = problem or _repeats(left, parents, scope, year, index)
    if not named and not parents and year is None:
        problem = problem or Problem("unknown_header", f"column {column_letters(index + 1)} has no header", "name it")
    return Column(index, levels, parents, year, scope, "", problem)


def _own_levels(
    texts: dict[Position, str], merges: MergeMap, header: range, columns: range, index: int, roles: Roles
) -> list[tuple[int, str]]:
    """(row, text) of the header cells above a column, merged headings included, repeats once."""
    levels: list[tuple[int, str]] = []
    for row in header:
        anchor = merges.anchor.get((row, index), (row, index))
        text, hidden = texts.get(anchor, ""), texts[row, index]
        if hidden.strip() and plain(hidden) != plain(text):
            where = f"{column_letters(index + 1)}{row + 1}"
            raise LandingError(
                "ambiguous_header", f"{plain(hidden)!r} is hidden under a merged cell at {where}", "unmerge"
            )
        if anchor[1] != index and roles.of(text) in LABEL_ROLES:
            raise LandingError(
                "ambiguous_header",
                f"{plain(text)!r} is merged over a data column ({column_letters(index + 1)})",
                "unmerge",
            )
        text = plain(text)
        if text and not any(text == seen for _, seen in levels):
            levels.append((row, text))
    return levels


def _split_year(levels: list[tuple[int, str]]) -> tuple[int | None, list[tuple[int, str]]]:
    year, rest = None, []
    for row, text in levels:
        only, first = YEAR_ONLY.fullmatch(text), YEAR_FIRST.fullmatch(text)
        if only:
            year = int(only.group(1))
        elif first:
            year = int(first.group(1))
            rest.append((row, first.group(2)))
        else:
            rest.append((row, text))
    return year, rest


def _inherited(
    texts: dict[Position, str],
    merges: MergeMap,
    header: range,
    columns: range,
    index: int,
    roles: Roles,
    first: int,
    named: bool,
) -> tuple[tuple[str, ...], Problem | None]:
    """Headings left of the blank header cells above the column's own name: the box they open reaches this column."""
    parents: list[str] = []
    for row in range(header.start, first):
        anchor = merges.anchor.get((row, index), (row, index))
        if texts.get(anchor, "").strip():
            continue
        for neighbour in range(index - 1, columns.start - 1, -1):
            text = plain(texts.get(merges.anchor.get((row, neighbour), (row, neighbour)), ""))
            if not text:
                continue
            heading = not (roles.of(text) in LABEL_ROLES or roles.scope(text) or YEAR_ONLY.fullmatch(text))
            if heading and CJK.search(text) and text not in parents:
                parents.append(text)
            break
    covered = merges.anchor.get((header.start, index))
    if not named and parents and covered is not None and covered != (header.start, index):
        return (), Problem(
            "unknown_header",
            f"column {column_letters(index + 1)} stands under a blank merged heading",
            "check the merge",
        )
    return tuple(parents), None


def _repeats(left: list[Column], parents: tuple[str, ...], scope: str, year: int | None, index: int) -> Problem | None:
    """A column named only by the heading to its left must differ from that group in scope or year."""
    for column in left:
        if column.role or column.problem or column.index >= index:
            continue
        name = tuple(text for text in column.levels if text in parents) or column.parents
        if name and name[-1] == parents[-1] and (column.scope, column.year) == (scope, year):
            return Problem(
                "unknown_header",
                f"column {column_letters(index + 1)} has no name of its own beside {parents[-1]!r}",
                "name the column",
            )
    return None
