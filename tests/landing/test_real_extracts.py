"""The real extracts: everything lands, every cell is accounted for, every measured error is found by rule.

The numbers asked for here were measured on the files and are listed with them; the cells are counted with openpyxl and
the csv module, independently of the readers.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pandas as pd
import pytest
from openpyxl import load_workbook

from landing.load import LandingReport, land
from tests.landing.sheets import SEEDS

LABELS = {
    "panel/city_panel_2003_2023.csv": 5,
    "index/PKU_DFIIC_city.csv": 6,
    "panel/经济发展水平（2003-2023）209缺失.xlsx": 6,
    "panel/中介变量.xlsx": 2,
    "panel/导出详情单locate1.xlsx": 2,
}


@pytest.fixture(scope="module")
def landed(extracts: Path) -> Iterator[tuple[duckdb.DuckDBPyConnection, LandingReport]]:
    with duckdb.connect() as con:
        yield con, land([extracts], con, seeds=SEEDS)


@pytest.fixture(scope="module")
def con(landed: tuple[duckdb.DuckDBPyConnection, LandingReport]) -> duckdb.DuckDBPyConnection:
    return landed[0]


@pytest.fixture(scope="module")
def found(con: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    """Quarantined cells with their city, variable and year."""
    return con.execute("""
        select f.path, q.sheet, q.cell, q.value_text, q.reason, q.detail, q.accepted_by, r.city_code, r.variable, r.year, r.value
        from audit.quarantine q join raw.files f using (file_id) left join raw.resolved r using (file_id, sheet, cell)
    """).df()


def test_nothing_is_unexplained(landed: tuple[duckdb.DuckDBPyConnection, LandingReport], extracts: Path) -> None:
    report = landed[1]
    assert report.unexplained == []
    assert report.quarantined == report.accepted
    assert report.files == sum(path.is_file() and path.suffix != ".md" for path in extracts.rglob("*"))


def filled_cells(path: Path, labels: int | None) -> int:
    """Cells that are not blank right of the label columns; in yearbook sheets from the row of the first place on."""
    if path.suffix == ".csv":
        with path.open(encoding="utf-8-sig", newline="") as lines:
            rows = list(csv.reader(lines))
        return sum(bool(cell.strip()) for row in rows[1:] for cell in row[labels or 0 :])
    sheet = load_workbook(path, data_only=True).worksheets[0]
    cells = [[cell.value for cell in row] for row in sheet.iter_rows()]
    first = 1
    if labels is None:
        first = next(i for i, row in enumerate(cells) if str(row[0]).strip() in ("北京市", "河北省") and row[1])
        labels = 2
    return sum(value is not None and str(value).strip() != "" for row in cells[first:] for value in row[labels:])


def test_every_filled_cell_is_an_observation(con: duckdb.DuckDBPyConnection, extracts: Path) -> None:
    rows = con.execute("""
        select f.path, count(*) filter (o.missing_reason is distinct from 'blank') as filled
        from raw.observations o join raw.files f using (file_id) group by f.path
    """).fetchall()
    counted = {path: filled_cells(extracts / path, LABELS.get(path)) for path, _ in rows}
    assert dict(rows) == counted
    assert sum(path.startswith("yearbook/") for path in counted) == 22


def test_keys_and_subsets(con: duckdb.DuckDBPyConnection) -> None:
    def count(query: str) -> int:
        row = con.execute(query).fetchone()
        return int(row[0]) if row else -1

    keyed = "select file_id, sheet, cell from raw.observations"
    assert count("select count(*) - count(distinct (file_id, sheet, cell)) from raw.observations") == 0
    assert count("select count(*) - count(distinct (file_id, sheet, cell)) from raw.resolved") == 0
    assert count("select count(*) - count(distinct (file_id, sheet, cell)) from audit.quarantine") == 0
    assert count(f"select count(*) from (select file_id, sheet, cell from raw.resolved except {keyed})") == 0
    assert (
        count(
            f"select count(*) from (select file_id, sheet, cell from audit.quarantine where cell <> '' except {keyed})"
        )
        == 0
    )
    assert (
        count("""
        select count(*) from raw.resolved r join raw.observations o using (file_id, sheet, cell)
        where try_cast(o.value_text as double) is distinct from r.value
    """)
        == 0
    )


def test_gdp_cells_of_the_sheets_equal_the_compiled_panel(con: duckdb.DuckDBPyConnection) -> None:
    rows = con.execute("""
        with sheets as (select * from raw.resolved where variable = 'gdp_100m_yuan' and source_kind = 'yearbook'),
        compiled as (select * from raw.resolved where variable = 'gdp_100m_yuan' and source_kind = 'panel')
        select s.edition, count(*), count(c.value), sum((s.value = c.value)::integer)
        from sheets s left join compiled c using (city_code, year) group by 1 order by 1
    """).fetchall()
    assert rows == [(2021, 296, 296, 296), (2022, 295, 295, 295), (2024, 296, 296, 296)]
    cell = con.execute("""
        select o.sheet || '!' || o.cell, r.value, r.year, o.province_text, f.path
        from raw.resolved r join raw.observations o using (file_id, sheet, cell) join raw.files f using (file_id)
        where r.city_code = '130100' and r.variable = 'gdp_100m_yuan' and r.edition = 2021
    """).fetchall()
    assert cell == [("Sheet1!C10", 5935.0, 2020, "河北省", "yearbook/2021/2021_2021-2-7.xlsx")]


def test_population_changes_its_meaning_under_one_table_number(con: duckdb.DuckDBPyConnection) -> None:
    rows = con.execute("""
        select distinct edition, indicator, unit from raw.resolved join raw.observations using (file_id, sheet, cell)
        where source_kind = 'yearbook' and table_id = '2-1' and indicator in ('pop_resident', 'pop_yearend') order by 1
    """).fetchall()
    assert rows == [
        (2021, "pop_resident", "10k_persons"),
        (2022, "pop_yearend", "10k_persons"),
        (2024, "pop_resident", "10k_persons"),
    ]


def test_county_tables_and_misprints(con: duckdb.DuckDBPyConnection) -> None:
    rows = con.execute("""
        select distinct table_id, entity_type from raw.observations join raw.files using (file_id)
        where kind = 'yearbook' and table_id like '3-%'
    """).fetchall()
    assert sorted(rows) == [("3-1", "county"), ("3-3", "county")]
    assert con.execute("""
        select distinct city_code from raw.observations join raw.resolved using (file_id, sheet, cell)
        where city_text like '%荷泽%' and raw.observations.flags like '%misprint%'
    """).fetchall() == [("371700",)]


def cells(found: pd.DataFrame, variable: str, reason: str, part: str) -> set[tuple[str, int]]:
    hit = found[
        found["variable"].eq(variable) & found["reason"].eq(reason) & found["path"].str.contains(part, regex=False)
    ]
    return set(zip(hit["city_code"], hit["year"].astype(int), strict=True))


EXPORT, COMPILED = "导出详情单locate1", "city_panel"


def test_garbled_cells(found: pd.DataFrame) -> None:
    garbled = found[found["reason"].eq("not_a_number")]
    assert set(garbled["cell"]) == {"D298", "E325", "E389", "E405"}
    assert set(garbled["path"]) == {"yearbook/2021/2021_2021-3-3.xlsx"}


def test_magnitude_errors(found: pd.DataFrame) -> None:
    def jumps(variable: str, part: str) -> set[tuple[str, int]]:
        return cells(found, variable, "magnitude_jump", part)

    assert ("230800", 2011) in jumps("gdp_100m_yuan", EXPORT)
    assert jumps("loans_100m_yuan", COMPILED) >= {
        ("141100", 2011),
        ("141100", 2012),
        ("320800", 2010),
        ("140800", 2014),
        ("620900", 2023),
    }
    assert jumps("loans_100m_yuan", "2-10_年末金融机构存贷款余额") == {("620900", 2023)}
    assert ("220300", 2019) in jumps("deposits_100m_yuan", COMPILED)
    in_10k = found[found["variable"].eq("emp_unit_10k") & found["year"].eq(2009) & found["value"].lt(1000)]
    assert len(in_10k) == 32
    assert set(in_10k["city_code"].str[:2]) == {"46", "50", "51", "52", "53"}


def test_values_of_namesakes(found: pd.DataFrame) -> None:
    invalid = found[found["reason"].eq("entity_not_valid")]
    for city in ("520500", "520600"):
        assert (city, 2007) in cells(invalid, "gdp_100m_yuan", "entity_not_valid", EXPORT)
        assert {(city, year) for year in range(2007, 2011)} <= cells(
            invalid, "emp_unit_10k", "entity_not_valid", EXPORT
        )
    assert not cells(invalid, "gdp_100m_yuan", "entity_not_valid", COMPILED) & {
        ("520500", y) for y in range(2003, 2012)
    }


def test_growth_rates_and_breaks_are_left_alone(con: duckdb.DuckDBPyConnection, found: pd.DataFrame) -> None:
    """A plain rule, ten times above or below the median of the city's own series, flags 338 cells of the export, 134 of
    them growth rates (the list of the extracts counts 338 and 154); GDP of 32 cities fell by more than a tenth in 2019.
    """
    plain = con.execute("""
        with series as (
            select o.indicator_text, try_cast(o.value_text as double) as value,
                median(try_cast(o.value_text as double)) over (partition by o.indicator_text, o.city_text) as middle
            from raw.observations o join raw.files f using (file_id) where f.path like '%导出详情单%'
        )
        select count(*), count(*) filter (indicator_text like 'GDP增长率%') from series
        where value / middle > 10 or value / middle < 0.1
    """).fetchone()
    assert plain == (338, 134)
    flagged = found[
        found["path"].str.contains(EXPORT, regex=False) & found["reason"].isin(["magnitude_jump", "impossible_value"])
    ]
    assert len(flagged[flagged["variable"].eq("gdp_growth_pct")]) <= 2
    gdp = found[found["variable"].eq("gdp_100m_yuan") & found["reason"].eq("magnitude_jump")]
    assert set(gdp["year"]) == {2011}


def test_more_errors_than_were_listed(found: pd.DataFrame) -> None:
    """Found beyond the list: lost decimal points, tenfold wage bills, county-level values of three more cities."""
    keys = set(zip(found["city_code"], found["year"], found["variable"], strict=True))
    assert keys >= {
        ("330200", 2020, "va_tertiary_share_pct_districts"),
        ("430600", 2023, "urbanization_rate_pct"),
        ("420600", 2020, "gdp_growth_pct"),
        ("350400", 2020, "wage_bill_100m_yuan"),
        ("520300", 2020, "wage_avg_yuan"),
        ("650400", 2013, "gdp_100m_yuan"),
        ("650500", 2013, "gdp_100m_yuan"),
        ("540200", 2013, "gdp_100m_yuan"),
        ("130100", 2013, "students_higher_rate_per_10k_persons"),
    }


def test_formula_cells_are_flagged(con: duckdb.DuckDBPyConnection) -> None:
    rows = con.execute("""
        select count(*), count(*) filter (value_text = '#NUM!') from raw.observations where flags like '%formula%'
    """).fetchone()
    assert rows == (6300, 209)
