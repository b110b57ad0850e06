"""The header map: which variable which edition printed, in which table, under which words and in which unit.

`seeds/header_map.csv` is a grid: one row a variable, one column an edition (`edition_2024`). A cell is
`table|header|unit`, `not_printed` where the edition is known not to print the variable, or blank where nobody has
looked yet. `seeds/edition_rows.csv` keeps the number of place rows of each table. Both are made from landed editions.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pandas as pd

from landing.dictionary import Dictionary, parse_unit, read_seed
from landing.header_text import PATH_SEPARATOR, LevelParts, printed_units, split_path
from landing.headers import resolve_headers
from landing.load import land

NOT_PRINTED = "not_printed"
EDITION_PREFIX = "edition_"

_COLUMNS = """
    from (select
        f.path, o.sheet, o.table_id, o.entity_type, regexp_extract(o.cell, '^[A-Z]+') as letters,
        any_value(o.indicator_text) as indicator_text, any_value(o.scope) as scope, any_value(o.unit_text) as unit_text,
        coalesce(max(r.edition), any_value(f.edition), max(o.year) + 1) as edition,
        max(o.year) as year, max(r.variable) as variable, max(r.unit) as unit
    from raw.observations as o
    inner join raw.files as f using (file_id)
    left join raw.resolved as r using (file_id, sheet, cell)
    where f.kind = 'yearbook'
    group by all)
    order by path, sheet, length(letters), letters
"""
_PLACES = """
    select distinct o.table_id, o.entity_type, o.province_text, o.city_text, o.year
    from raw.observations as o inner join raw.files as f using (file_id)
    where f.kind = 'yearbook'
    order by all
"""


@dataclass(frozen=True)
class PrintedColumn:
    """A column of a yearbook table as it was read: where, under which words, and what the dictionary makes of it."""

    path: str
    sheet: str
    table_id: str
    letters: str
    header: str
    scope: str
    unit: str
    variable: str
    reason: str
    detail: str


@dataclass(frozen=True)
class Edition:
    """One landed edition: its columns (prefecture-level tables) and its places, one row a table and place."""

    edition: int
    columns: tuple[PrintedColumn, ...]
    places: pd.DataFrame
    county_tables: tuple[str, ...]


@dataclass(frozen=True)
class MapCell:
    """A cell of the header map."""

    table_id: str
    header: str
    unit: str

    @classmethod
    def parse(cls, text: str) -> MapCell | None:
        """None for a blank or `not_printed` cell."""
        parts = text.split("|")
        return cls(*parts) if len(parts) == 3 else None

    def __str__(self) -> str:
        return f"{self.table_id}|{self.header}|{self.unit}"


def read_edition(directory: Path, seeds: Path, dictionary: Dictionary) -> Edition:
    """Land `directory` into memory and describe its yearbook tables; raises ValueError unless it is one edition."""
    con = duckdb.connect()
    land([Path(directory)], con, seeds=Path(seeds))
    columns, places = con.execute(_COLUMNS).df(), con.execute(_PLACES).df()
    con.close()
    editions = sorted({int(edition) for edition in columns["edition"].dropna()})
    if len(editions) != 1:
        raise ValueError(f"{directory}: expected the sheets of one edition, found {editions or 'none'}")
    county = columns["entity_type"].eq("county")
    return Edition(
        edition=editions[0],
        columns=tuple(_printed(columns[~county].reset_index(drop=True), dictionary)),
        places=places[places["entity_type"].ne("county")].reset_index(drop=True),
        county_tables=tuple(sorted(set(columns.loc[county, "table_id"]))),
    )


def _printed(columns: pd.DataFrame, dictionary: Dictionary) -> Iterable[PrintedColumn]:
    """Columns with their variable; one without a resolved cell is resolved from its header alone."""
    asked = columns.rename(columns={"scope": "scope_text"}).assign(table_title=columns["path"])
    found = resolve_headers(dictionary, asked)
    for row, header in zip(columns.to_dict("records"), found.to_dict("records"), strict=True):
        landed = isinstance(row["variable"], str)
        levels = split_path(row["indicator_text"], dictionary.unit_of_label)
        yield PrintedColumn(
            path=row["path"],
            sheet=row["sheet"],
            table_id=row["table_id"],
            letters=row["letters"],
            header=PATH_SEPARATOR.join(level.name for level in levels if level.name),
            scope=_scope(row["scope"], header["scope"], levels),
            unit=row["unit"] if landed else header["unit"] or _unit(dictionary, levels, row["unit_text"]),
            variable=row["variable"] if landed else header["variable"],
            reason="" if landed else header["reason"],
            detail="" if landed else header["detail"],
        )


def _scope(landed: object, resolved: str, levels: tuple[LevelParts, ...]) -> str:
    """Scope as landed or resolved; of an unknown header as printed, the whole city where none is."""
    if isinstance(landed, str) and landed:
        return landed
    return resolved or next((scope for level in levels for scope in level.scopes), "city")


def _unit(dictionary: Dictionary, levels: tuple[LevelParts, ...], above: str) -> str:
    printed, _ = printed_units(levels)
    return printed[0] if len(printed) == 1 else parse_unit(dictionary, above or "")


def read_map(seeds: Path) -> pd.DataFrame:
    """seeds/header_map.csv, indexed by variable, columns named by edition (int)."""
    grid = read_seed(seeds, "header_map").set_index("variable")
    return grid.rename(columns=lambda name: int(name.removeprefix(EDITION_PREFIX)))


def map_column(edition: Edition) -> dict[str, str]:
    """Variable to the text of its cell for an edition; the first table that prints a variable wins."""
    cells: dict[str, str] = {}
    for column in edition.columns:
        if column.variable:
            cells.setdefault(column.variable, str(MapCell(column.table_id, column.header, column.unit)))
    return cells


def row_counts(edition: Edition) -> dict[str, int]:
    """Table to its number of place rows."""
    return {str(table): len(group) for table, group in edition.places.groupby("table_id")}
