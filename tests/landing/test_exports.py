"""Database exports and panels: one column a year, indicator named once, tidy long, tidy wide, Stata."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from landing.tabular import csv_sheet, dta_sheet
from tests.landing.sheets import Grid, land_folder, land_sheet, save

SHIJIAZHUANG, TANGSHAN = "130100", "130200"
GDP, LOANS = "gdp_100m_yuan", "loans_100m_yuan"
EXPECTED = {
    (SHIJIAZHUANG, 2023, GDP): 7534.0,
    (SHIJIAZHUANG, 2022, GDP): 7101.0,
    (TANGSHAN, 2023, GDP): 9133.0,
    (SHIJIAZHUANG, 2023, LOANS): 1.5e8,
    (TANGSHAN, 2022, LOANS): 9e7,
}
HEAD: list[Any] = ["指标名称(单位)", "地区", "2023年", "2022年"]
ROWS: list[list[Any]] = [
    ["GDP(亿元)", "石家庄市", "7534.0", "7101.0"],
    ["GDP(亿元)", "唐山市", "9133.0", None],
    ["金融机构各项贷款余额(万元)", "石家庄市", "150000000", None],
    ["金融机构各项贷款余额(万元)", "唐山市", None, "90000000"],
]


def test_one_column_a_year(tmp_path: Path) -> None:
    landed = land_sheet(tmp_path, Grid([HEAD, *ROWS]), "export/导出.xlsx")
    assert landed.values() == EXPECTED
    assert landed.report.unexplained == []
    assert landed.observations["missing_reason"].value_counts().to_dict() == {"blank": 3}


def test_indicator_only_on_its_first_row(tmp_path: Path) -> None:
    rows = [[name if place == "石家庄市" else None, place, *rest] for name, place, *rest in ROWS]
    assert land_sheet(tmp_path, Grid([HEAD, *rows]), "export/a.xlsx").values() == EXPECTED
    merged = Grid([HEAD, *rows], ["A2:A3", "A4:A5"])
    assert land_sheet(tmp_path / "merged", merged, "export/a.xlsx").values() == EXPECTED


def test_years_as_numbers_and_in_any_order(tmp_path: Path) -> None:
    grid = Grid([["指标", "地区", 2022, 2023.0], *[[a, b, d, c] for a, b, c, d in ROWS]])
    assert land_sheet(tmp_path, grid, "export/a.xlsx").values() == EXPECTED


def test_tidy_long(tmp_path: Path) -> None:
    rows: list[list[Any]] = [["年份", "城市", "指标", "单位", "数值"]]
    rows += [
        [2023, "石家庄市", "GDP", "亿元", 7534],
        ["2022年", "石家庄市", "GDP", "亿元", "7101"],
        [2023.0, "唐山市", "GDP", "亿元", 9133],
        [2023, "石家庄市", "金融机构各项贷款余额", "万元", 150000000],
        [2022, "唐山市", "金融机构各项贷款余额", "万元", 90000000],
    ]
    assert land_sheet(tmp_path, Grid(rows), "panel/long.xlsx").values() == EXPECTED


def test_tidy_wide_with_codes_of_every_form(tmp_path: Path) -> None:
    rows: list[list[Any]] = [
        ["年份", "城市代码", "所属地域", "GDP(亿元)", "金融机构各项贷款余额(万元)"],
        [2023, 130100.0, "东部", 7534, 150000000],
        [2022, "1301", "东部", 7101, None],
        [2023, "130200", "东部", 9133, None],
        [2022, 130200, "东部", None, 90000000],
    ]
    assert land_sheet(tmp_path, Grid(rows), "panel/wide.xlsx").values() == EXPECTED


def test_rows_of_one_city_merged(tmp_path: Path) -> None:
    rows: list[list[Any]] = [
        ["城市", "年份", "GDP(亿元)"],
        ["石家庄市", 2023, 7534],
        [None, 2022, 7101],
        ["唐山市", 2023, 9133],
    ]
    assert land_sheet(tmp_path, Grid(rows, ["A2:A3"]), "panel/m.xlsx").values() == {
        k: v for k, v in EXPECTED.items() if k[2] == GDP
    }
    unmerged = land_sheet(tmp_path / "unmerged", Grid(rows), "panel/m.xlsx")
    assert unmerged.quarantine[["cell", "reason"]].to_numpy().tolist() == [["C3", "unknown_city"]]


def test_bad_years_and_undeclared_sources(tmp_path: Path) -> None:
    rows: list[list[Any]] = [
        ["城市", "年份", "GDP(亿元)"],
        ["石家庄市", "前年", 7534],
        ["石家庄市", None, 5],
        ["唐山市", 2023, 9133],
    ]
    landed = land_sheet(tmp_path, Grid(rows), "panel/y.xlsx")
    assert landed.quarantine[["cell", "reason"]].to_numpy().tolist() == [["C2", "wrong_year"], ["C3", "wrong_year"]]
    landed = land_sheet(tmp_path / "other", Grid(rows[:1] + rows[3:]), "misc/y.xlsx")
    assert landed.reasons() == {"undeclared_source": 1}
    assert len(landed.observations) == 1


def test_stata(tmp_path: Path) -> None:
    frame = pd.DataFrame({"city": [1, 1, 2], "year": [2023, 2022, 2023], "gdp_100m": [7534.0, 7101.0, float("nan")]})
    path = tmp_path / "extracts" / "panel" / "p.dta"
    path.parent.mkdir(parents=True)
    labels = {"city": {1: "石家庄市", 2: "唐山市"}}
    frame.to_stata(path, write_index=False, value_labels=labels, variable_labels={"gdp_100m": "GDP"}, version=118)
    landed = land_folder(tmp_path / "extracts")
    assert landed.values() == {(SHIJIAZHUANG, 2023, GDP): 7534.0, (SHIJIAZHUANG, 2022, GDP): 7101.0}
    assert dta_sheet(path.read_bytes()).rows[1] == ["石家庄市", 2023.0, 7534.0]


def test_cells_of_a_csv_carry_column_letter_and_line(tmp_path: Path) -> None:
    text = 'city,year,gdp_100m\n\n"石家庄市",2023,7534\n'
    landed = land_sheet(tmp_path, text.encode(), "panel/lines.csv")
    assert landed.observations["cell"].tolist() == ["C3"]
    assert csv_sheet(b"a;b\n1;2\n").rows == [["a", "b"], ["1", "2"]]


@pytest.mark.parametrize("data", [b"\xff\xfe\x00\xd8\x00", b"a\x00b,c\n", b'a,b\n"open,1\n'])
def test_csv_that_is_no_table(tmp_path: Path, data: bytes) -> None:
    landed = land_sheet(tmp_path, data, "panel/x.csv")
    assert landed.reasons() == {"unreadable_file": 1}


def test_unsupported_file(tmp_path: Path) -> None:
    save(tmp_path / "extracts", "panel/scan.pdf", b"%PDF-1.4")
    save(tmp_path / "extracts", "README.md", b"# notes")
    landed = land_folder(tmp_path / "extracts")
    assert landed.reasons() == {"unreadable_file": 1}
    assert landed.report.files == 1


@pytest.mark.parametrize(("mark", "suffix"), [("\t", "tsv"), ("\t", "csv"), (";", "csv")])
def test_the_delimiter_is_that_of_most_lines(tmp_path: Path, mark: str, suffix: str) -> None:
    """A title line without any delimiter, and commas within numbers."""
    rows = [
        ["2-6 地区生产总值"],
        ["城市", "地区生产总值(亿元)"],
        ["", "全市"],
        ["北京市", "43,761"],
        ["石家庄市", "7,534"],
    ]
    text = "\n".join(mark.join(row) for row in rows)
    landed = land_sheet(tmp_path, text.encode(), f"yearbook/2024/2-6.{suffix}")
    assert landed.values() == {
        ("110000", 2023, "gdp_100m_yuan"): 43761.0,
        ("130100", 2023, "gdp_100m_yuan"): 7534.0,
    }
