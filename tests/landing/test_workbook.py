"""Bytes to grids: merges, formulas, errors, hidden sheets, protection, formats that scale, and bounds."""

from __future__ import annotations

import io
import random
import zipfile
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook
from openpyxl.styles import NamedStyle

from landing.limits import LandingError, Limits
from landing.sheet import column_letters, column_number
from landing.workbook import read_workbook
from landing.xlsx_package import scales
from tests.landing.sheets import CITIES, Grid, gdp_sheet, land_sheet, save
from tests.landing.xls_writer import ErrorCell, Formula, xls_bytes


def saved(book: Workbook) -> bytes:
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def parts_of(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def package(parts: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return stream.getvalue()


def test_values_merges_and_hidden_sheets() -> None:
    book = gdp_sheet().workbook()
    hidden = book.create_sheet("back")
    hidden["B2"] = 5
    hidden.sheet_state = "hidden"
    book.create_chartsheet("chart")
    first, second = read_workbook(saved(book))
    assert first.rows[9][:3] == ["  石家庄市", "  Shijiazhuang", 7534.0]
    assert ((5, 2), (5, 3)) in first.merges
    assert (first.hidden, second.hidden, second.rows[1]) == (False, True, ["", 5.0])


def test_formulas_keep_their_cached_value_and_are_never_evaluated(tmp_path: Path) -> None:
    book = gdp_sheet().workbook()
    assert book.active is not None
    book.active["C10"] = "=7000+534"
    data = saved(book)
    parts = parts_of(data)
    sheet = "xl/worksheets/sheet1.xml"
    cached = dict(parts)
    cached[sheet] = parts[sheet].replace(b"<f>7000+534</f><v></v>", b"<f>7000+534</f><v>7534</v>")
    cached[sheet] = cached[sheet].replace(b"<f>7000+534</f><v />", b"<f>7000+534</f><v>7534</v>")
    assert cached[sheet] != parts[sheet]
    landed = land_sheet(tmp_path, package(cached))
    cell = landed.observations.set_index("cell").loc["C10"]
    assert (cell["value_text"], cell["flags"]) == ("7534", "formula")
    assert landed.report.unexplained == []
    landed = land_sheet(tmp_path / "uncached", data)
    assert landed.quarantine[["cell", "reason"]].to_numpy().tolist() == [["C10", "formula_not_calculated"]]
    assert "C10" not in set(landed.resolved["cell"])


def test_error_cells_are_not_blanks(tmp_path: Path) -> None:
    book = gdp_sheet().workbook()
    assert book.active is not None
    book.active["C10"] = "#DIV/0!"
    assert book.active["C10"].data_type == "e"
    landed = land_sheet(tmp_path, saved(book))
    assert landed.quarantine[["cell", "value_text", "reason"]].to_numpy().tolist() == [
        ["C10", "#DIV/0!", "not_a_number"]
    ]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("General", False),
        ("#,##0.00", False),
        ("0.00%", True),
        ('0.00"%"', False),
        ("0.00\\%", False),
        ("#,##0,", True),
        ("0.0,,", True),
        ("#,##0_);(#,##0)", False),
        ("yyyy-mm-dd", False),
        ("0,000", False),
    ],
)
def test_formats_that_scale(code: str, expected: bool) -> None:
    assert scales(code) is expected


@pytest.mark.parametrize("number_format", ["0.00%", "0%", "#,##0,"])
def test_cells_that_show_another_number_are_quarantined(tmp_path: Path, number_format: str) -> None:
    book = gdp_sheet().workbook()
    assert book.active is not None
    book.active["C10"].number_format = number_format
    book.active["C11"].number_format = "#,##0.0"
    landed = land_sheet(tmp_path, saved(book))
    assert landed.quarantine[["cell", "reason"]].to_numpy().tolist() == [["C10", "ambiguous_unit"]]


def test_dates_are_no_numbers(tmp_path: Path) -> None:
    book = gdp_sheet().workbook()
    assert book.active is not None
    style = NamedStyle("day", number_format="yyyy-mm-dd")
    book.active["C10"].style = style
    landed = land_sheet(tmp_path, saved(book))
    assert landed.quarantine[["cell", "reason"]].to_numpy().tolist() == [["C10", "not_a_number"]]


def xls_rows() -> list[list[Any]]:
    return [list(row) for row in gdp_sheet().rows]


@pytest.mark.parametrize("password", ["", "VelvetSweatshop"])
def test_xls_plain_and_with_the_default_password(tmp_path: Path, password: str) -> None:
    rows = xls_rows()
    rows[9][2], rows[9][3], rows[10][2] = Formula(7534), ErrorCell(), Formula(None)
    data = xls_bytes(rows, merges=[(5, 5, 2, 3), (5, 5, 4, 5), (5, 6, 0, 0)], name="数据", password=password)
    landed = land_sheet(tmp_path, data, "yearbook/2024/2-6_地区生产总值.xls")
    found = dict(zip(landed.quarantine["cell"], landed.quarantine["value_text"], strict=True))
    assert found == {"D10": "#N/A", "C11": "#N/A"}
    assert landed.values()["130100", 2023, "gdp_100m_yuan"] == 7534.0
    assert landed.values()["220200", 2023, "gdp_pc_yuan_districts"] == 45555.0
    flags = landed.observations.set_index("cell")["flags"]
    assert (flags["C10"], flags["C11"], flags["E10"]) == ("formula", "formula", "")


def test_xls_with_a_password_of_its_own_is_one_quarantine_row(tmp_path: Path) -> None:
    save(tmp_path / "extracts", "yearbook/2024/2-6_地区生产总值.xlsx", gdp_sheet())
    landed = land_sheet(tmp_path, xls_bytes(xls_rows(), password="secret"), "yearbook/2023/2-6.xls")
    assert landed.quarantine[["sheet", "cell", "reason"]].to_numpy().tolist() == [["", "", "encrypted_file"]]
    assert len(landed.resolved) == 20


@pytest.mark.parametrize("damage", ["empty", "text", "cut", "no workbook", "missing sheet", "doctype", "xls cut"])
def test_unreadable_files_are_located_and_the_rest_lands(tmp_path: Path, damage: str) -> None:
    data = gdp_sheet().bytes()
    parts = parts_of(data)
    damaged = {
        "empty": b"",
        "text": b"this is no workbook",
        "cut": data[: len(data) // 2],
        "no workbook": package({"a.txt": b"a"}),
        "missing sheet": package({name: part for name, part in parts.items() if "worksheets" not in name}),
        "doctype": package({**parts, "xl/workbook.xml": b"<!DOCTYPE x [<!ENTITY a 'b'>]>" + parts["xl/workbook.xml"]}),
        "xls cut": xls_bytes(xls_rows())[:3000],
    }[damage]
    save(tmp_path / "extracts", "yearbook/2024/2-6_地区生产总值.xlsx", data)
    landed = land_sheet(tmp_path, damaged, "yearbook/2023/2-6_地区生产总值.xlsx")
    assert landed.reasons() == {"unreadable_file": 1}
    assert landed.report.unexplained[0].startswith("yearbook/2023/2-6_地区生产总值.xlsx: unreadable_file: ")
    assert len(landed.resolved) == 20


def test_a_far_cell_is_refused_before_it_is_allocated() -> None:
    book = gdp_sheet().workbook()
    assert book.active is not None
    book.active["XFD1048576"] = 1
    with pytest.raises(LandingError, match=r"too_large.*1,048,576 rows x 16,384 columns"):
        read_workbook(saved(book))
    with pytest.raises(LandingError, match="too_large"):
        read_workbook(xls_bytes([[1.0] * 250] * 3), Limits(cells=700))


def test_a_bomb_is_refused_before_it_is_unpacked() -> None:
    parts = parts_of(gdp_sheet().bytes())
    bomb = package({**parts, "xl/media/zeros.bin": bytes(64 * 2**20)})
    assert len(bomb) < 200_000
    with pytest.raises(LandingError, match=r"too_large.*unpacks"):
        read_workbook(bomb)


def test_a_member_that_lies_about_its_size_fails() -> None:
    parts = parts_of(gdp_sheet().bytes())
    data = package({**parts, "xl/sharedStrings.xml": random.Random(1).randbytes(400_000)})
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        info = archive.getinfo("xl/sharedStrings.xml")
    declared = info.file_size.to_bytes(4, "little")
    assert data.count(declared) >= 1
    with pytest.raises(LandingError, match="unreadable_file"):
        read_workbook(data.replace(declared, (1000).to_bytes(4, "little")))


@pytest.mark.parametrize(
    ("letters", "number"), [("A", 1), ("Z", 26), ("AA", 27), ("ZZ", 702), ("AAA", 703), ("XFD", 16384)]
)
def test_column_letters(letters: str, number: int) -> None:
    assert (column_number(letters), column_letters(number)) == (number, letters)


def test_sheet_names_mean_nothing(tmp_path: Path) -> None:
    grid = Grid(gdp_sheet().rows, gdp_sheet().merges, title="工作表 1'x")
    landed = land_sheet(tmp_path, grid)
    assert len(landed.resolved) == 4 * sum(row[2] is not None for row in CITIES)
    assert set(landed.observations["sheet"]) == {"工作表 1'x"}


class Stopped(BaseException):
    """As the orchestrator raises it where the run is told to end."""


def test_a_signal_while_reading_is_no_damage_of_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object) -> None:
        raise Stopped

    monkeypatch.setattr("landing.workbook._sheet", stop)
    with pytest.raises(Stopped):
        read_workbook(saved(gdp_sheet().workbook()))
