"""Templates of the row-shaped sources, from `seeds/row_templates.csv`, and the tables they land in."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from pathlib import Path

import duckdb

from landing.header_text import alias_key

TYPES = {
    "text": "varchar",
    "integer": "integer",
    "year": "integer",
    "number": "double",
    "flag": "boolean",
    "product": "varchar",
    "stock": "varchar",
    "code2": "varchar",
    "code4": "varchar",
    "city": "varchar",
    "province": "varchar",
    "place": "varchar",
}
CODE_WIDTH = {"product": 6, "stock": 6, "code2": 2, "code4": 4}
SERIES_COLUMNS = (
    ("cell", "varchar"),
    ("place_text", "varchar"),
    ("place_type", "varchar"),
    ("province_code", "varchar"),
    ("city_code", "varchar"),
    ("year", "integer"),
    ("indicator_text", "varchar"),
    ("indicator", "varchar"),
    ("scope", "varchar"),
    ("variable", "varchar"),
    ("unit", "varchar"),
    ("value_text", "varchar"),
    ("value", "double"),
)


@dataclass(frozen=True)
class Column:
    """A column of a template: its name in the warehouse, how it is read, and the headers it is known by.

    `default_unit` is assumed where the header prints no unit; where it is blank, the header has to print one.
    `required` columns must have a header, `filled` ones also a value in every row.
    """

    name: str
    type: str
    unit: str
    default_unit: str
    required: bool
    filled: bool
    aliases: frozenset[str]
    description: str


@dataclass(frozen=True)
class Template:
    """The columns of a kind of row-shaped source; `reader` is table, series, bulk or reports."""

    kind: str
    reader: str
    columns: tuple[Column, ...]

    def column(self, name: str) -> Column:
        return next(column for column in self.columns if column.name == name)


def load_templates(seeds: Path) -> dict[str, Template]:
    """Kind to template; raises ValueError for an unknown type."""
    with (Path(seeds) / "row_templates.csv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    templates = {}
    for (kind, reader), members in groupby(rows, key=itemgetter("kind", "reader")):
        columns = tuple(_column(row) for row in members)
        templates[kind] = Template(kind, reader, columns)
    return templates


def _column(row: dict[str, str]) -> Column:
    if row["type"] not in TYPES:
        raise ValueError(f"row_templates.csv: type {row['type']!r} of {row['column_name']!r}; allowed: {sorted(TYPES)}")
    aliases = frozenset(alias_key(alias) for alias in (row["column_name"], *row["aliases"].split("|")) if alias)
    return Column(
        name=row["column_name"],
        type=row["type"],
        unit=row["unit"],
        default_unit=row["default_unit"],
        required=row["required"] in ("true", "header"),
        filled=row["required"] == "true",
        aliases=aliases,
        description=row["description"],
    )


def table_columns(template: Template) -> list[tuple[str, str]]:
    """(name, SQL type) of `raw.<kind>`, keys first; `problem` says what could not be used of a row."""
    keys = [("file_id", "varchar"), ("row_number", "bigint")]
    if template.reader == "series":
        return [*keys, *SERIES_COLUMNS, ("problem", "varchar")]
    columns: list[tuple[str, str]] = []
    for column in template.columns:
        if column.type in ("city", "province"):
            columns += [(f"{column.name}_text", "varchar"), (f"{column.name}_code", "varchar")]
        else:
            columns.append((column.name, TYPES[column.type]))
    extra = {"bulk": [("quantity_missing", "varchar"), ("hs_revision", "varchar")]}.get(template.reader, [])
    return [*keys, *columns, *extra, ("problem", "varchar")]


def create_row_tables(con: duckdb.DuckDBPyConnection, seeds: Path) -> None:
    """Create every `raw.<kind>` empty, whether or not a source of the kind is landed."""
    con.execute("create schema if not exists raw")
    for template in load_templates(seeds).values():
        columns = ", ".join(f"{name} {kind}" for name, kind in table_columns(template))
        con.execute(f"create or replace table raw.{template.kind} ({columns})")
    con.execute(
        "create or replace table raw.report_words (file_id varchar, row_number bigint, city_code varchar, year integer, "
        "word_list varchar, word varchar, occurrences integer)"
    )
