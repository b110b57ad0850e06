"""A new edition against the header map: every difference is named, the proposed lines make it land, nothing else does."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import duckdb
import pytest
from openpyxl import Workbook, load_workbook

from landing.dictionary import load_dictionary
from landing.edition_map import map_column, read_edition, read_map
from landing.edition_patch import write_patch
from landing.history import roster
from landing.load import land
from landing.new_edition import EditionReport, compare_edition

SEEDS = Path(__file__).resolve().parents[2] / "seeds"
ROW = {"地区生产总值": 1234.5, "人均": 56789, "增长": 6.1, "人口": 432, "支出": 765432}


@pytest.fixture
def seeds(tmp_path: Path) -> Path:
    """A copy of the seeds in a folder of their name, as `git apply` sees it."""
    return Path(shutil.copytree(SEEDS, tmp_path / "repository" / "seeds"))


def sheet(
    path: Path, title: str, headers: list[list[str]], unit: str = "", cities: list[str] | None = None, year: int = 2024
) -> None:
    """A yearbook sheet: title, unit line, header rows below 城市, province rows, one number a cell."""
    book = Workbook()
    active = book.active
    active.append([title])
    active.append([unit])
    for number, row in enumerate(headers):
        active.append([("城 市", "")[number > 0], ("City", "")[number > 0], *row])
    units = roster(SEEDS, year)
    names = units["name_zh"].tolist() if cities is None else cities
    for position, name in enumerate(names):
        active.append([name, "", *[100 + position + 0.5 * column for column in range(len(headers[0]))]])
    path.parent.mkdir(parents=True, exist_ok=True)
    book.save(path)


def edition_2025(folder: Path, cities: list[str] | None = None) -> Path:
    """Tables of an edition 2025 against the map of 2024: moved, reworded, added, missing, in another unit and scope."""
    own = folder / "2025"
    sheet(
        own / "2-5_地区生产总值.xlsx",
        "2-5 地区生产总值",
        [
            [
                "地区生产总值(当年价格)(万元)",
                "",
                "人均地区生产总值水平(元)",
                "地区生产总值增长率(%)",
                "非农业人口(万人)",
            ],
            ["全市", "市辖区", "全市", "全市", "全市"],
        ],
        cities=cities,
    )
    sheet(
        own / "2-8_地方一般公共预算收支状况(全市).xlsx",
        "2-8地方一般公共预算收支状况(全市)",
        [
            ["地方本级一般公共预算收入", "地方一般公共预算支出", "地方一般公共预算支出", "奇异指标"],
            ["", "", "科学技术支出", ""],
        ],
        unit="单位：万元",
    )
    sheet(
        own / "2-28_邮政业务.xlsx",
        "2-28 邮政、电信业发展情况",
        [["邮政行业业务收入(万元)", "电信业务收入(万元)", "移动电话年末用户数(万户)"], ["全市", "全市", "市辖区"]],
    )
    return own


def kinds(report: EditionReport, table: str) -> dict[str, set[str]]:
    """Kind to the headers or variables it was found for."""
    found: dict[str, set[str]] = {}
    for entry in next(t for t in report.tables if t.table_id == table).differences:
        found.setdefault(entry.kind, set()).add(entry.variable or entry.header)
    return found


def test_each_difference_is_named(tmp_path: Path) -> None:
    report = compare_edition(edition_2025(tmp_path), SEEDS)
    assert (report.edition, report.previous) == (2025, 2024)
    assert kinds(report, "2-5") == {
        "moved": {"gdp_100m_yuan", "gdp_100m_yuan_districts", "gdp_growth_pct"},
        "unit_changed": {"gdp_100m_yuan", "gdp_100m_yuan_districts"},
        "reworded": {"gdp_pc_yuan"},
        "added": {"pop_nonagricultural_10k"},
        "missing": {"gdp_pc_yuan_districts", "gdp_growth_pct_districts"},
    }
    assert kinds(report, "2-8") == {
        "known": {"fiscal_rev_100m_yuan", "fiscal_exp_100m_yuan", "exp_science_100m_yuan"},
        "unknown_header": {"奇异指标"},
        "missing": {"exp_education_100m_yuan"},
    }
    assert kinds(report, "2-28") == {
        "known": {"postal_revenue_100m_yuan", "telecom_revenue_100m_yuan"},
        "ambiguous_scope": {"移动电话年末用户数"},
        "missing": {"mobile_users_10k_households"},
    }
    assert "2-1" in report.absent_tables
    assert not report.clean
    text = "\n".join(report.lines())
    assert "gdp_100m_yuan from 100m_yuan to 10k_yuan" in text
    assert "table 2-5, before 2-6" in text
    assert "like '人均地区生产总值'" in text


def test_a_scope_change_is_named(tmp_path: Path) -> None:
    sheet(
        tmp_path / "2025" / "2-26_市政.xlsx",
        "2-26 市政公用事业",
        [["排水管道长度(公里)", "年末实有城市道路面积(万平方米)"], ["市辖区", "市辖区"]],
    )
    sheet(tmp_path / "2025" / "2-10_存款.xlsx", "2-10 存款", [["年末金融机构人民币各项存款余额(万元)"], ["市辖区"]])
    report = compare_edition(tmp_path / "2025", SEEDS)
    assert kinds(report, "2-10")["known"] == {"deposits_100m_yuan_districts"}
    assert kinds(report, "2-10")["missing"] >= {"deposits_100m_yuan"}
    sheet(tmp_path / "2026" / "2-28_邮政.xlsx", "2-28 邮政业", [["邮政行业业务收入(万元)"], ["全市"]], year=2024)
    sheet(
        tmp_path / "2025" / "2-18_工资.xlsx",
        "2-18 工资",
        [["城镇非私营单位在岗职工平均工资(元)", "城镇非私营单位从业人员期末人数(人)"], ["市辖区", "全市"]],
    )
    changed = compare_edition(tmp_path / "2025", SEEDS, previous=2022)
    assert kinds(changed, "2-18")["scope_changed"] == {"wage_avg_yuan_districts"}
    assert "wage_avg_yuan" not in kinds(changed, "2-18")["missing"]


def test_cities_are_checked_against_the_roster_of_their_year(tmp_path: Path) -> None:
    names = roster(SEEDS, 2024)["name_zh"].tolist()
    cities = [name for name in names if name not in ("三沙市", "拉萨市")] + ["恩施土家族苗族自治州", "荷泽新市"]
    report = compare_edition(edition_2025(tmp_path, cities), SEEDS)
    table = next(t for t in report.tables if t.table_id == "2-5")
    assert table.cities_missing == ("三沙市", "拉萨市")
    assert table.cities_added == ("恩施土家族苗族自治州",)
    assert [name for name, _ in table.unknown_places] == ["荷泽新市"]
    assert (table.rows, table.previous_rows) == (len(cities), 297)


def test_the_patch_is_taken_by_git_and_makes_the_edition_land(tmp_path: Path, seeds: Path) -> None:
    folder = edition_2025(tmp_path)
    shutil.rmtree(folder)
    sheet(
        folder / "2-5_地区生产总值.xlsx",
        "2-5 地区生产总值",
        [["地区生产总值(当年价格)(万元)", "", "人均地区生产总值水平(元)", ""], ["全市", "市辖区", "全市", "市辖区"]],
    )
    before = landed(folder, seeds)
    assert before["reasons"] == {"unknown_header"}
    report = compare_edition(folder, seeds)
    patch = tmp_path / "edition_2025.patch"
    assert write_patch(report, seeds, patch) == 3
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@x"]
    subprocess.run([*git, "init", "-q"], cwd=seeds.parent, check=True)
    subprocess.run([*git, "apply", str(patch)], cwd=seeds.parent, check=True)
    after = landed(folder, seeds)
    assert after["reasons"] == set()
    assert after["variables"] == {"gdp_100m_yuan", "gdp_100m_yuan_districts", "gdp_pc_yuan", "gdp_pc_yuan_districts"}
    assert compare_edition(folder, seeds).clean
    grid = read_map(seeds)
    assert grid.loc["gdp_pc_yuan", 2025] == "2-5|人均地区生产总值水平|yuan"
    assert grid.loc["gdp_100m_yuan", 2025] == "2-5|地区生产总值(当年价格)|10k_yuan"
    assert grid.drop(columns=2025).equals(read_map(SEEDS))
    assert (seeds / "edition_rows.csv").read_text(encoding="utf-8").endswith("2025,2-5,297\n")


def landed(folder: Path, seeds: Path) -> dict[str, set[str]]:
    con = duckdb.connect()
    land([folder], con, seeds=seeds)
    reasons = {reason for (reason,) in con.execute("select distinct reason from audit.quarantine").fetchall()}
    variables = {variable for (variable,) in con.execute("select distinct variable from raw.resolved").fetchall()}
    return {"reasons": reasons - {"magnitude_jump"}, "variables": variables}


def test_nothing_is_applied_without_a_person(tmp_path: Path, seeds: Path) -> None:
    contents = {path.name: path.read_bytes() for path in seeds.iterdir()}
    report = compare_edition(edition_2025(tmp_path), seeds)
    write_patch(report, seeds, tmp_path / "x.patch")
    assert {path.name: path.read_bytes() for path in seeds.iterdir()} == contents


def test_a_known_edition_is_clean_and_its_patch_empty(tmp_path: Path, seeds: Path, extracts: Path) -> None:
    report = compare_edition(extracts / "yearbook" / "2024", seeds)
    assert report.clean
    assert write_patch(report, seeds, tmp_path / "x.patch") == 0
    assert (tmp_path / "x.patch").read_text(encoding="utf-8") == ""


@pytest.mark.parametrize("edition", [2021, 2022, 2024])
def test_the_map_says_what_the_sheets_print(extracts: Path, edition: int) -> None:
    printed = map_column(read_edition(extracts / "yearbook" / str(edition), SEEDS, load_dictionary(SEEDS)))
    grid = read_map(SEEDS)[edition]
    assert grid[grid.ne("") & grid.ne("not_printed")].to_dict() == printed


def test_real_editions_differ_as_known(extracts: Path) -> None:
    report = compare_edition(extracts / "yearbook" / "2024", SEEDS)
    assert report.previous == 2022
    moved = kinds(report, "2-6")["moved"]
    assert {"gdp_100m_yuan", "gdp_pc_yuan", "gdp_growth_pct"} <= moved
    assert kinds(report, "2-1")["missing"] >= {"pop_yearend_10k"}
    assert kinds(report, "2-1")["added"] >= {"pop_resident_10k"}
    assert report.absent_tables == ("2-18",)
    assert next(t for t in report.tables if t.table_id == "2-3").cities_missing == ("上海市",)
    first = compare_edition(extracts / "yearbook" / "2022", SEEDS, previous=extracts / "yearbook" / "2021")
    assert (first.previous, first.county_tables) == (2021, ("3-1", "3-3"))
    assert kinds(first, "2-7")["known"] >= {"gdp_100m_yuan"}


def test_an_edition_made_from_2024_is_handled_by_map_edits_alone(tmp_path: Path, seeds: Path, extracts: Path) -> None:
    folder = tmp_path / "2025"
    folder.mkdir()
    changes = {
        "2-6_地区生产总值.xlsx": ("2-9_地区生产总值.xlsx", {"2-6": "2-9", "人均地区生产总值": "人均地区生产总值数额"}),
        "2-10_年末金融机构存贷款余额.xlsx": (
            "2-12_存贷款余额.xlsx",
            {"2-10": "2-12", "人民币各项贷款余额": "本币各项贷款余额"},
        ),
    }
    for name, (new, words) in changes.items():
        book = load_workbook(extracts / "yearbook" / "2024" / name)
        for row in book.active.iter_rows(max_row=12):
            for cell in row:
                if isinstance(cell.value, str):
                    for old, word in words.items():
                        cell.value = cell.value.replace(old, word)
        book.save(folder / new)
    report = compare_edition(folder, seeds)
    assert {d.proposal for t in report.tables for d in t.differences if d.proposal} == {"gdp_pc", "loans"}
    assert kinds(report, "2-9")["moved"] == {
        "gdp_100m_yuan",
        "gdp_100m_yuan_districts",
        "gdp_growth_pct",
        "gdp_growth_pct_districts",
    }
    write_patch(report, seeds, tmp_path / "x.patch")
    subprocess.run(["git", "init", "-q"], cwd=seeds.parent, check=True)
    subprocess.run(["git", "apply", str(tmp_path / "x.patch")], cwd=seeds.parent, check=True)
    after = landed(folder, seeds)
    assert "unknown_header" not in after["reasons"]
    assert {"gdp_pc_yuan", "loans_100m_yuan", "deposits_100m_yuan_districts"} <= after["variables"]


def test_what_cannot_be_compared_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="one edition"):
        compare_edition(tmp_path / "empty", SEEDS)
    edition_2025(tmp_path)
    sheet(tmp_path / "2023" / "2-1_人口数.xlsx", "2-1 人口数", [["常住人口(万人)"], ["全市"]], year=2022)
    with pytest.raises(ValueError, match="one edition"):
        compare_edition(tmp_path, SEEDS)
    with pytest.raises(ValueError, match="holds no headers of edition 2012"):
        compare_edition(tmp_path / "2025", SEEDS, previous=2012)
