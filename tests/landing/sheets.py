"""Small sheets in the yearbook's layouts, written by openpyxl, and what landing makes of them."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
from openpyxl import Workbook

from landing.load import LandingReport, land

SEEDS = Path(__file__).resolve().parents[2] / "seeds"
GDP = "地区生产总值（当年价格）（亿元） Gross Regional Product (100 000 000 yuan)"
GDP_PC = "人均地区生产总值 (元) Per Capita GRP (yuan)"
CITY, DISTRICTS = "全市 Total City", "市辖区 Districts under City"
# rows: place, English name, GDP and GDP per capita, whole city and districts
CITIES: list[list[Any]] = [
    ["北京市", "Beijing", 43761, 43761, 200278, 200278],
    ["河北省", "Hebei", None, None, None, None],
    ["  石家庄市", "  Shijiazhuang", 7534, 4710, 67099, 81615],
    ["  唐山市", "  Tangshan", 9133, 5301, 118418, 139772],
    ["吉林省", "Jilin", None, None, None, None],
    ["  长春市", "  Changchun", 7002, 5900, 76923, 91000],
    ["  吉林市", "  Jilin", 1558, 880, 44012, 45555],
]


@dataclass
class Grid:
    """Cells of a sheet with its merges (A1 notation)."""

    rows: list[list[Any]]
    merges: list[str] = field(default_factory=list)
    title: str = "Sheet49"

    def workbook(self) -> Workbook:
        book = Workbook()
        sheet = book.active
        assert sheet is not None
        sheet.title = self.title
        for row in self.rows:
            sheet.append(row)
        for merge in self.merges:
            sheet.merge_cells(merge)
        return book

    def bytes(self) -> bytes:
        stream = io.BytesIO()
        self.workbook().save(stream)
        return stream.getvalue()


def gdp_sheet(cities: Sequence[Sequence[Any]] = CITIES, table: str = "2-6") -> Grid:
    """Table 2-6 as the edition of 2024 prints it: title, two header rows, merged heads, provinces as rows."""
    rows: list[list[Any]] = [
        [None],
        [f"{table}地区生产总值"],
        [None],
        ["Gross Regional Product"],
        [None],
        ["城 市", "City", GDP, None, GDP_PC, None],
        [None, None, CITY, DISTRICTS, CITY, DISTRICTS],
        *[list(city) for city in cities],
    ]
    return Grid(rows, ["A6:A7", "B6:B7", "C6:D6", "E6:F6"])


def save(folder: Path, name: str, content: bytes | Grid) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.bytes())
    return path


@dataclass
class Landed:
    """Tables of one landing."""

    report: LandingReport
    observations: pd.DataFrame
    resolved: pd.DataFrame
    quarantine: pd.DataFrame

    def values(self) -> dict[tuple[str, int, str], float]:
        """(city, year, variable) to value in the printed unit, quarantined cells left out."""
        keys = set(zip(self.quarantine["file_id"], self.quarantine["sheet"], self.quarantine["cell"], strict=True))
        rows = self.resolved
        kept = [key not in keys for key in zip(rows["file_id"], rows["sheet"], rows["cell"], strict=True)]
        clean = rows.loc[np.array(kept, dtype=bool)]
        names = zip(clean["city_code"], clean["year"].astype(int), clean["variable"], strict=True)
        return dict(zip(names, clean["value"], strict=True))

    def reasons(self) -> dict[str, int]:
        return {str(reason): int(count) for reason, count in self.quarantine["reason"].value_counts().items()}


def land_folder(folder: Path, seeds: Path = SEEDS, **options: Any) -> Landed:
    with duckdb.connect() as con:
        report = land([folder], con, seeds=seeds, **options)
        tables = (
            con.execute(f"select * from {name} order by all").df()
            for name in ("raw.observations", "raw.resolved", "audit.quarantine")
        )
        return Landed(report, *tables)


def land_sheet(tmp_path: Path, grid: Grid | bytes, name: str = "yearbook/2024/2-6_地区生产总值.xlsx") -> Landed:
    """Land one sheet of an edition on its own."""
    save(tmp_path / "extracts", name, grid)
    return land_folder(tmp_path / "extracts")
