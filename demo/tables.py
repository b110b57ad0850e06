"""What the demo prints: yearbook tables with their columns as editions change them, and database exports.

The layouts are data: `tables.csv` (number and title by edition), `columns.csv` (headers, units and decimals by edition) and
`exports.csv` (indicators that yearbooks do not print). Printed units convert through `seeds/units.csv`.
"""

from __future__ import annotations

import csv
import functools
from dataclasses import dataclass
from pathlib import Path

from demo.roster import SEEDS

HERE = Path(__file__).parent
UNIT_EN = {
    "亿元": "100 000 000 yuan",
    "万元": "10 000 yuan",
    "元": "yuan",
    "万美元": "10 000 USD",
    "%": "%",
    "万人": "10 000 persons",
    "人": "persons",
    "吨": "ton",
    "万吨": "10 000 tons",
    "万户": "10 000 households",
    "平方公里": "sq.km",
    "公里": "km",
    "公顷": "hectare",
    "张": "beds",
    "件": "piece",
    "万千瓦时": "10 000 kWh",
    "吨/人": "ton/person",
    "立方米/人": "cu.m/person",
    "平方米/人": "sq.m/person",
}


@dataclass(frozen=True)
class Column:
    """A printed column: an indicator of the world times `factor`, for each of `scopes`, under the header `zh`/`en`.

    `part` columns stand one header row lower, as parts of the column to their left.
    """

    indicator: str
    zh: str
    en: str
    unit: str
    scopes: tuple[str, ...]
    factor: float
    decimals: int
    part: bool = False


@dataclass(frozen=True)
class Table:
    """One table of one edition. `unit_line` prints the common unit above the table instead of in the headers."""

    kind: str
    number: str
    zh: str
    en: str
    columns: tuple[Column, ...]
    unit_line: bool

    @property
    def unit(self) -> str:
        """Unit of the first column."""
        return self.columns[0].unit


@dataclass(frozen=True)
class Export:
    """One indicator of a database export: rows of cities, a column a year from `first` to `last`."""

    file: str
    indicator: str
    scope: str
    label: str
    unit: str
    factor: float
    decimals: int
    first: int
    last: int
    synthetic: bool


@functools.cache
def tables_of(edition: int) -> tuple[Table, ...]:
    """Every table the demo prints in an edition, in the order of `tables.csv`."""
    columns = [row for row in records(HERE / "columns.csv") if _holds(row, edition)]
    return tuple(
        Table(
            kind=row["table"],
            number=row["number"],
            zh=row["zh"],
            en=row["en"],
            columns=tuple(_column(column) for column in columns if column["table"] == row["table"]),
            unit_line=row["unit_line"] == "1",
        )
        for row in records(HERE / "tables.csv")
        if _holds(row, edition)
    )


@functools.cache
def exports() -> tuple[Export, ...]:
    """Indicators of the database exports, in the order of `exports.csv`."""
    return tuple(
        Export(
            file=row["file"],
            indicator=row["indicator"],
            scope=row["scope"],
            label=row["label"],
            unit=row["unit"],
            factor=unit_factor(row["indicator"], row["unit"]),
            decimals=int(row["decimals"]),
            first=int(row["first"]),
            last=int(row["last"]),
            synthetic=row["synthetic"] == "1",
        )
        for row in records(HERE / "exports.csv")
    )


@functools.cache
def records(path: Path) -> tuple[dict[str, str], ...]:
    """Rows of a CSV file."""
    with path.open(encoding="utf-8", newline="") as lines:
        return tuple(csv.DictReader(lines))


def _holds(row: dict[str, str], edition: int) -> bool:
    return int(row["first"]) <= edition <= int(row["last"])


def _column(row: dict[str, str]) -> Column:
    return Column(
        indicator=row["indicator"],
        zh=row["zh"],
        en=row["en"],
        unit=row["unit"],
        scopes=tuple(row["scopes"].split("+")),
        factor=unit_factor(row["indicator"], row["unit"]),
        decimals=int(row["decimals"]),
        part=row["part"] == "1",
    )


def unit_factor(indicator: str, unit: str) -> float:
    """Printed number over the value in the dictionary's unit; a column without a unit prints the dictionary's.

    Raises:
        ValueError: the unit is unknown or of another dimension than the indicator's.
    """
    if not unit:
        return 1.0
    own = {row["indicator"]: row["unit"] for row in records(SEEDS / "indicators.csv")}[indicator]
    units = {row["unit"]: row for row in records(SEEDS / "units.csv")}
    label = next((row for row in units.values() if unit in row["label_zh"].split("|")), None)
    if label is None or label["dimension"] != units[own]["dimension"]:
        raise ValueError(f"{indicator} cannot be printed in {unit!r}: its unit is {own}")
    return float(units[own]["factor_to_base"]) / float(label["factor_to_base"])
