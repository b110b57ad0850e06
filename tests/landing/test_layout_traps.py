"""Every trap of the yearbook's layouts, each on a sheet made by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.landing.sheets import CITIES, CITY, DISTRICTS, GDP, GDP_PC, Grid, gdp_sheet, land_folder, land_sheet, save

SHIJIAZHUANG, TANGSHAN, CHANGCHUN, JILIN, BEIJING = "130100", "130200", "220100", "220200", "110000"
EXPECTED = {
    (code, 2023, variable): float(row[column])
    for code, row in zip((BEIJING, SHIJIAZHUANG, TANGSHAN, CHANGCHUN, JILIN), (r for r in CITIES if r[2]), strict=True)
    for column, variable in enumerate(
        ("gdp_100m_yuan", "gdp_100m_yuan_districts", "gdp_pc_yuan", "gdp_pc_yuan_districts"), start=2
    )
}


def test_plain_sheet(tmp_path: Path) -> None:
    landed = land_sheet(tmp_path, gdp_sheet())
    assert landed.values() == EXPECTED
    assert landed.report.unexplained == []
    first = landed.observations[landed.observations["city_text"] == "石家庄市"].iloc[0]
    assert (first["cell"], first["province_text"], first["scope"], first["unit_text"]) == (
        "C10",
        "河北省",
        "city",
        "亿元",
    )
    assert (first["year"], first["value_text"], first["table_id"], first["entity_type"]) == (
        2023,
        "7534",
        "2-6",
        "prefecture",
    )


@pytest.mark.parametrize("extra", [0, 1, 4, 9])
def test_any_number_of_title_rows(tmp_path: Path, extra: int) -> None:
    grid = gdp_sheet()
    grid.rows = grid.rows[:4] + [["of Cities at Prefecture Level"]] * extra + grid.rows[4:]
    grid.merges = [m.translate(str.maketrans({})) for m in _moved(grid.merges, extra)]
    assert land_sheet(tmp_path, grid).values() == EXPECTED


def _moved(merges: list[str], down: int) -> list[str]:
    def move(corner: str) -> str:
        return corner[0] + str(int(corner[1:]) + down)

    return [":".join(move(corner) for corner in merge.split(":")) for merge in merges]


def test_header_over_three_rows_and_blank_rows_inside(tmp_path: Path) -> None:
    rows: list[list[Any]] = [
        ["中国2023年地级以上城市数据", None, "2-6 地区生产总值"],
        ["城 市", "City", "地区生产总值（当年价格） （亿元）", None, "人均地区生产总值 (元)", None],
        [None, None, "Gross Regional Product (100 000 000 yuan)", None, "Per Capita GRP (yuan)", None],
        [],
        [None, None, CITY, DISTRICTS, CITY, DISTRICTS],
        *CITIES,
    ]
    merges = ["A2:A5", "B2:B5", "C2:D2", "E2:F2", "C3:D3", "E3:F3"]
    assert land_sheet(tmp_path, Grid(rows, merges)).values() == EXPECTED


def test_headings_above_the_row_that_names_the_city(tmp_path: Path) -> None:
    rows: list[list[Any]] = [
        ["2-6地区生产总值"],
        [None, None, GDP, None, GDP_PC, None],
        ["城市", "City", CITY, DISTRICTS, CITY, DISTRICTS],
        *CITIES,
    ]
    assert land_sheet(tmp_path, Grid(rows, ["C2:D2", "E2:F2"])).values() == EXPECTED


def test_unmerged_headings_as_in_a_csv(tmp_path: Path) -> None:
    grid = gdp_sheet()
    lines = [",".join("" if cell is None else f'"{cell}"' for cell in row) for row in grid.rows]
    landed = land_sheet(tmp_path, "\n".join(lines).encode("gb18030"), "yearbook/2024/2-6_地区生产总值.csv")
    assert landed.values() == EXPECTED
    assert "C10" in set(landed.observations["cell"])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_csv_encodings(tmp_path: Path, encoding: str) -> None:
    text = "年份,城市,地区生产总值(亿元)\n2020,石家庄市,5935\n"
    landed = land_sheet(tmp_path, text.encode(encoding), "panel/some_panel.csv")
    assert landed.values() == {(SHIJIAZHUANG, 2020, "gdp_100m_yuan"): 5935.0}


def test_unit_in_a_line_above(tmp_path: Path) -> None:
    rows: list[list[Any]] = [
        ["2-10年末金融机构存贷款余额"],
        ["单位：万元", None, None, "(10 000 yuan)"],
        ["城 市", "City", "年末金融机构 人民币各项存款余额 Deposits", "年末金融机构人民币各项贷款余额 Loans"],
        [None, None, CITY, CITY],
        ["石家庄市", "Shijiazhuang", "231239891", "180869991"],
    ]
    landed = land_sheet(tmp_path, Grid(rows), "yearbook/2024/2-10.xlsx")
    assert landed.values() == {
        (SHIJIAZHUANG, 2023, "deposits_100m_yuan"): 231239891.0,
        (SHIJIAZHUANG, 2023, "loans_100m_yuan"): 180869991.0,
    }
    assert set(landed.resolved["unit"]) == {"10k_yuan"}


@pytest.mark.parametrize("unit_line", [["(万人)"], [None, None, None, "（万人）"], [None, None, "计量单位:万人"]])
def test_unit_alone_in_brackets_or_at_the_right(tmp_path: Path, unit_line: list[Any]) -> None:
    rows: list[list[Any]] = [
        ["2-1 人口状况(2004年)"],
        unit_line,
        ["城　市", "City", "年末总人口", None],
        [None, None, "全 市", "市 辖 区"],
        ["石 家 庄 市", "Shijiazhuang", 918, 217],
    ]
    landed = land_sheet(tmp_path, Grid(rows, ["C3:D3"]), "yearbook/2005/2-1.xlsx")
    assert landed.values() == {
        (SHIJIAZHUANG, 2004, "pop_yearend_10k"): 918.0,
        (SHIJIAZHUANG, 2004, "pop_yearend_10k_districts"): 217.0,
    }


@pytest.mark.parametrize("merge", [[], ["A6:A7", "C6:D6", "E6:F6"], ["A6:B7", "C6:D6", "E6:F6"]])
def test_english_names_without_a_heading_of_their_own(tmp_path: Path, merge: list[str]) -> None:
    grid = gdp_sheet()
    grid.rows[5][1], grid.merges = None, merge
    landed = land_sheet(tmp_path, grid)
    assert (landed.values(), landed.report.unexplained) == (EXPECTED, [])


def test_a_column_without_a_heading_is_reported_once(tmp_path: Path) -> None:
    """Marks for missing values are no translation, and neither are numbers."""
    grid = gdp_sheet()
    for number, row in enumerate(grid.rows[5:]):
        row.append("NA" if number == 2 else number if number > 2 else None)
    landed = land_sheet(tmp_path, grid)
    assert landed.values() == EXPECTED
    assert len(landed.report.unexplained) == 1
    assert "/Sheet49!G9 and 5 more cells: " in landed.report.unexplained[0]


def test_rows_of_totals_are_no_headers_and_no_cities(tmp_path: Path) -> None:
    """地级市 heads columns of places in other sheets; with numbers beside it it is the total of those cities."""
    totals = [
        ["全国总计", "National", 9, 9, 9, 9],
        ["地级及以上城市合计", "", 8, 8, 8, 8],
        ["东部地区", "", 4, 4, 4, 4],
        ["地级市", "", 3, 3, 3, 3],
    ]
    landed = land_sheet(tmp_path, gdp_sheet([*totals, *CITIES]))
    assert (landed.values(), landed.report.unexplained) == (EXPECTED, [])
    kinds = landed.observations.drop_duplicates("city_text").set_index("city_text")["entity_type"]
    assert kinds[[total[0] for total in totals]].tolist() == ["country", "group", "group", "group"]


def test_a_table_without_numbers_is_loud(tmp_path: Path) -> None:
    landed = land_sheet(tmp_path, gdp_sheet([]))
    assert landed.reasons() == {"unknown_layout": 1}


def test_headings_over_an_open_box(tmp_path: Path) -> None:
    """Science and education stand under expenditure only by the missing line between the boxes."""
    rows: list[list[Any]] = [
        ["2-8地方一般公共预算收支状况(全市)"],
        ["单位：万元"],
        ["城 市", "City", "地方一般公共 预算支出 Expenditure", None, None],
        [None, None, None, "科学技术支出 Expenditure for Science", "教育支出 Expenditure for Education"],
        ["石家庄市", "Shijiazhuang", 12000000, 250000, 2300000],
    ]
    landed = land_sheet(tmp_path, Grid(rows, ["A3:A4", "B3:B4", "C3:C4", "D3:E3"]), "yearbook/2024/2-8.xlsx")
    assert landed.values() == {
        (SHIJIAZHUANG, 2023, "fiscal_exp_100m_yuan"): 12000000.0,
        (SHIJIAZHUANG, 2023, "exp_science_100m_yuan"): 250000.0,
        (SHIJIAZHUANG, 2023, "exp_education_100m_yuan"): 2300000.0,
    }


NUMBERS = {
    "7534": 7534.0,
    "7,534": 7534.0,
    "７５３４": 7534.0,
    "７，５３４．５": 7534.5,
    "7 534": 7534.0,
    " 7534 ": 7534.0,
    "－5": -5.0,
    "+5": 5.0,
    "1.5e3": 1500.0,
    "5.20": 5.2,
}
MARKS = {
    None: "blank",
    "  ": "blank",
    "-": "dash",
    "—": "dash",
    "－": "dash",
    "…": "ellipsis",
    "……": "ellipsis",
    "...": "ellipsis",
    "NA": "not_available",
}
GARBLED = ["75O4", "143)413", "2604G40", "12.3.4", "7534*", "5%", "1,23", "约7534", "#N/A", "七千", "75 34"]
PLACES = [
    "石家庄市",
    "唐山市",
    "秦皇岛市",
    "邯郸市",
    "邢台市",
    "保定市",
    "张家口市",
    "承德市",
    "沧州市",
    "廊坊市",
    "衡水市",
]


def growth_sheet(texts: list[str | None]) -> Grid:
    """One cell of each text, in a column that may hold any number."""
    header: list[list[Any]] = [["2-6地区生产总值（全市）"], ["城市", "City", "地区生产总值增长率（%）"]]
    return Grid([*header, *[[place, "", text] for place, text in zip(PLACES, texts, strict=False)]])


def test_numbers_as_text(tmp_path: Path) -> None:
    landed = land_sheet(tmp_path, growth_sheet(list(NUMBERS)))
    assert landed.report.unexplained == []
    assert dict(zip(landed.resolved["cell"], landed.resolved["value"], strict=True)) == {
        f"C{row}": value for row, value in enumerate(NUMBERS.values(), start=3)
    }
    assert landed.observations.set_index("cell")["value_text"].to_dict() == {
        f"C{row}": text for row, text in enumerate(NUMBERS, start=3)
    }


def test_missing_marks_are_kept_apart(tmp_path: Path) -> None:
    landed = land_sheet(tmp_path, growth_sheet([*MARKS, "5.5"]))
    assert landed.observations.set_index("cell")["missing_reason"].dropna().to_dict() == {
        f"C{row}": reason for row, reason in enumerate(MARKS.values(), start=3)
    }
    assert landed.report.unexplained == []
    assert list(landed.values().values()) == [5.5]


def test_text_where_a_number_belongs(tmp_path: Path) -> None:
    landed = land_sheet(tmp_path, growth_sheet(list(GARBLED)))
    assert set(landed.reasons()) == {"not_a_number"}
    assert dict(zip(landed.quarantine["cell"], landed.quarantine["value_text"], strict=True)) == {
        f"C{row}": text for row, text in enumerate(GARBLED, start=3)
    }
    assert landed.resolved.empty
    assert len(landed.report.unexplained) == len(GARBLED)
    assert any("2-6_地区生产总值.xlsx/Sheet49!C3: not_a_number: '75O4'" in line for line in landed.report.unexplained)


def test_footnotes_above_and_below(tmp_path: Path) -> None:
    grid = gdp_sheet()
    grid.rows[4] = ["注：本表按当年价格计算。"]
    grid.rows += [[None], ["注：1.吉林市数据不含下辖县级市，为年报数。"], ["资料来源：国家统计局城市社会经济调查司"]]
    landed = land_sheet(tmp_path, grid)
    assert landed.values() == EXPECTED
    assert landed.report.unexplained == []
    assert not landed.observations["city_text"].str.contains("注|来源").any()


def test_table_continued_below_and_beside(tmp_path: Path) -> None:
    below: list[list[Any]] = [
        *gdp_sheet(CITIES[:4]).rows,
        [None],
        ["续表"],
        ["城 市", "City", GDP, None, GDP_PC, None],
        [None, None, CITY, DISTRICTS, CITY, DISTRICTS],
        *CITIES[4:],
    ]
    landed = land_sheet(tmp_path, Grid(below, ["C6:D6", "E6:F6"]))
    assert landed.values() == EXPECTED
    assert set(landed.observations["table_id"]) == {"2-6"}

    beside: list[list[Any]] = [
        ["2-28邮政、电信业发展情况(全市)"],
        ["城市", "City", "邮政行业业务收入(万元)", "城市", "City", "电信业务收入(万元)"],
        ["石家庄市", "Shijiazhuang", 1225910, "唐山市", "Tangshan", 645454],
    ]
    landed = land_sheet(tmp_path / "beside", Grid(beside), "yearbook/2024/2-28.xlsx")
    assert landed.values() == {
        (SHIJIAZHUANG, 2023, "postal_revenue_100m_yuan"): 1225910.0,
        (TANGSHAN, 2023, "telecom_revenue_100m_yuan"): 645454.0,
    }


def test_same_name_in_two_provinces_and_levels(tmp_path: Path) -> None:
    rows = [
        ["吉林省", "Jilin", None, None, None, None],
        ["  吉林", "  Jilin", 1558, 880, 44012, 45555],
        ["江苏省", "Jiangsu", None, None, None, None],
        ["  苏州", "  Suzhou", 24653, 20000, 190000, 200000],
        ["安徽省", "Anhui", None, None, None, None],
        ["  宿州", "  Suzhou", 2291, 900, 43000, 50000],
    ]
    landed = land_sheet(tmp_path, gdp_sheet(rows))
    gdp = {key[0]: value for key, value in landed.values().items() if key[2] == "gdp_100m_yuan"}
    assert gdp == {JILIN: 1558.0, "320500": 24653.0, "341300": 2291.0}


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("3-3地区生产总值", "yearbook/2024/3-3_地区生产总值.xlsx"),
        ("中国2023年县级市数据 地区生产总值", "yearbook/2024/sheet.xlsx"),
    ],
)
def test_county_level_cities_are_another_entity(tmp_path: Path, title: str, name: str) -> None:
    rows: list[list[Any]] = [
        [title],
        ["单位：万元"],
        ["城 市", "City", "地区生产总值 Gross Regional Product"],
        ["安徽省", "Anhui", None],
        ["  巢湖市", "  Chaohu", 5472000],
        ["  无为市", "  Wuwei", 6000000],
    ]
    landed = land_sheet(tmp_path, Grid(rows), name)
    assert set(landed.observations["entity_type"]) == {"county"}
    assert landed.resolved.empty
    assert landed.report.unexplained == []


@pytest.mark.parametrize(
    ("edition", "header", "variable"),
    [
        (2021, "常住人口", "pop_resident_10k"),
        (2022, "户籍人口（万人）", "pop_yearend_10k"),
        (2024, "常住人口（万人）", "pop_resident_10k"),
    ],
)
def test_a_quantity_changes_under_one_table_number(tmp_path: Path, edition: int, header: str, variable: str) -> None:
    rows: list[list[Any]] = [
        ["2-1人口数"],
        ["城 市", "City", header],
        [None, None, CITY],
        ["石家庄市", "Shijiazhuang", 1124],
    ]
    landed = land_sheet(tmp_path, Grid(rows), f"yearbook/{edition}/2-1_人口数.xlsx")
    assert landed.values() == {(SHIJIAZHUANG, edition - 1, variable): 1124.0}


def test_year_of_the_title_must_be_that_of_the_edition(tmp_path: Path) -> None:
    grid = gdp_sheet()
    grid.rows[0] = ["中国2020年地级以上城市数据"]
    landed = land_sheet(tmp_path, grid)
    assert landed.values() == {}
    assert set(landed.reasons()) == {"wrong_year"}
    landed = land_sheet(tmp_path / "other", grid, "yearbook/2024/2021_2021-2-7.xlsx")
    assert set(landed.reasons()) == {"wrong_year"}


def test_edition_only_in_the_title(tmp_path: Path) -> None:
    grid = gdp_sheet()
    grid.rows[0] = ["中国2023年地级以上城市数据"]
    assert land_sheet(tmp_path, grid, "2-6_地区生产总值.xlsx").values() == EXPECTED


def test_without_any_year(tmp_path: Path) -> None:
    landed = land_sheet(tmp_path, gdp_sheet(), "2-6_地区生产总值.xlsx")
    assert landed.values() == {}
    assert set(landed.reasons()) == {"wrong_year"}


def test_column_numbers_under_the_header(tmp_path: Path) -> None:
    grid = gdp_sheet()
    grid.rows.insert(7, [None, None, 1, 2, 3, 4])
    assert land_sheet(tmp_path, grid).values() == EXPECTED


def test_unknown_city_and_header_are_located(tmp_path: Path) -> None:
    grid = gdp_sheet(
        [["石家庄市", "", 7534, 4710, 67099, 81615], ["不存在市", "", 1, 2, 3, 4], [None, None, 5, None, None, None]]
    )
    grid.rows[5][4] = "某个没有的指标（元）"
    landed = land_sheet(tmp_path, grid)
    found = dict(zip(landed.quarantine["cell"], landed.quarantine["reason"], strict=True))
    assert found == {
        "E8": "unknown_header",
        "F8": "unknown_header",
        "E9": "unknown_header",
        "F9": "unknown_header",
        "C9": "unknown_city",
        "D9": "unknown_city",
        "C10": "unknown_city",
    }
    assert landed.quarantine["hint"].ne("").all()


def test_scope_must_be_told(tmp_path: Path) -> None:
    rows: list[list[Any]] = [
        ["2-6地区生产总值"],
        ["城市", "City", "地区生产总值（亿元）"],
        ["石家庄市", "Shijiazhuang", 7534],
    ]
    assert land_sheet(tmp_path, Grid(rows)).reasons() == {"ambiguous_scope": 1}
    rows[0] = ["2-6地区生产总值（全市）"]
    assert land_sheet(tmp_path / "told", Grid(rows)).values() == {(SHIJIAZHUANG, 2023, "gdp_100m_yuan"): 7534.0}


def test_units_that_contradict_each_other(tmp_path: Path) -> None:
    grid = gdp_sheet()
    grid.rows[5][2] = GDP.replace("亿元", "万元")
    landed = land_sheet(tmp_path, grid)
    assert landed.reasons() == {"ambiguous_unit": 10}
    assert not [key for key in landed.values() if key[2].startswith("gdp_100m")]


def test_duplicate_city_with_another_value(tmp_path: Path) -> None:
    landed = land_sheet(tmp_path, gdp_sheet([*CITIES[:3], CITIES[2], ["石家庄市", "", 9999, 4710, 67099, 81615]]))
    cells = landed.quarantine[landed.quarantine["reason"] == "duplicate_cell"]["cell"].tolist()
    assert cells == ["C10", "C11", "C12"]
    assert (SHIJIAZHUANG, 2023, "gdp_100m_yuan") not in landed.values()
    assert landed.values()[SHIJIAZHUANG, 2023, "gdp_pc_yuan"] == 67099.0


def test_the_same_table_in_two_files_with_another_value(tmp_path: Path) -> None:
    """As two downloads leave it; the same numbers in another table of the edition are another matter."""
    other = [["北京市", "Beijing", 43761, 43000, 200278, 200278]]
    save(tmp_path / "extracts", "yearbook/2024/2-6.xlsx", gdp_sheet())
    save(tmp_path / "extracts", "yearbook/2024/2-6 (1).xlsx", gdp_sheet(other))
    save(tmp_path / "extracts", "yearbook/2024/2-66.xlsx", gdp_sheet(other, "2-66"))
    landed = land_folder(tmp_path / "extracts")
    assert landed.reasons() == {"duplicate_cell": 2}
    assert set(landed.quarantine["cell"]) == {"D8"}
    assert (BEIJING, 2023, "gdp_100m_yuan") in landed.values()


@pytest.mark.parametrize("span", ["2022-2023年", "2022年、2023年", "2022—2023年", "2022至2023年"])
def test_a_title_with_two_years(tmp_path: Path, span: str) -> None:
    grid = gdp_sheet()
    grid.rows[1] = [f"2-6 地区生产总值({span})"]
    assert set(land_sheet(tmp_path, grid).reasons()) == {"wrong_year"}


def test_value_merged_over_two_cells(tmp_path: Path) -> None:
    grid = gdp_sheet()
    grid.rows[9][3] = None
    grid.merges.append("C10:D10")
    landed = land_sheet(tmp_path, grid)
    assert landed.quarantine[["cell", "reason"]].to_numpy().tolist() == [["C10", "merged_data"], ["D10", "merged_data"]]


def test_number_outside_the_table(tmp_path: Path) -> None:
    grid = gdp_sheet()
    grid.rows[0] = [None, None, 123.5]
    landed = land_sheet(tmp_path, grid)
    assert landed.quarantine[["cell", "reason"]].to_numpy().tolist() == [["C1", "outside_table"]]
    assert landed.values() == EXPECTED


def test_sheet_without_a_table_keeps_its_cells(tmp_path: Path) -> None:
    landed = land_sheet(tmp_path, Grid([["a", 1.5], ["b", 2.5]]), "yearbook/2024/2-6_x.xlsx")
    assert landed.quarantine[["sheet", "cell", "reason"]].to_numpy().tolist() == [["Sheet49", "", "unknown_layout"]]
    assert landed.observations["value_text"].tolist() == ["a", "1.5", "b", "2.5"] or len(landed.observations) == 4
