"""The main job on the real extracts, read in place: every figure of the sheets arrives, every known error is found."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
import python_calamine

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def release(extracts: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    place = tmp_path_factory.mktemp("real")
    done = subprocess.run(
        [sys.executable, "-m", "flows.cli", "refresh", "--extracts", str(extracts), "--home", str(place / "home")],
        capture_output=True, text=True, cwd=ROOT, check=False, env=os.environ | {"CI": "true"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    with duckdb.connect(str(place / "home" / "current" / "warehouse.duckdb"), read_only=True) as connection:
        yield connection


def gdp_cells(extracts: Path, edition: int, pattern: str) -> dict[str, float]:
    """Whole-city GDP of one sheet, read independently: the first data column, by cell."""
    (path,) = (extracts / "yearbook" / str(edition)).glob(pattern)
    rows = python_calamine.CalamineWorkbook.from_path(path).get_sheet_by_index(0).to_python(skip_empty_area=False)
    cells = {}
    for number, row in enumerate(rows, 1):
        text = str(row[2]).strip()
        if str(row[0]).strip() and text.replace(".", "", 1).isdigit():
            cells[f"C{number}"] = float(text)
    return cells


@pytest.mark.parametrize(
    ("edition", "pattern", "at_least"), [(2021, "*2-7*", 296), (2022, "*2-7*", 294), (2024, "2-6_*", 296)]
)
def test_every_whole_city_gdp_cell_stands_in_the_panel(release, extracts, edition, pattern, at_least) -> None:  # type: ignore[no-untyped-def]
    printed = gdp_cells(extracts, edition, pattern)
    panel = release.execute(
        """
        select p.cell, p.value from panel.long as p inner join raw.files as f using (file_id)
        where f.kind = 'yearbook' and f.edition = ? and p.year = ? and p.variable = 'gdp_100m_yuan' and p.status = 'observed'
        """,
        [edition, edition - 1],
    ).fetchall()
    assert len(printed) >= at_least
    assert dict(panel) == printed


@pytest.mark.parametrize(
    ("city", "year", "variable", "status"),
    [
        ("230800", 2011, "gdp_100m_yuan", "corrected"),
        ("141100", 2011, "loans_100m_yuan", "corrected"),
        ("141100", 2012, "loans_100m_yuan", "corrected"),
        ("320800", 2010, "loans_100m_yuan", "corrected"),
        ("140800", 2014, "loans_100m_yuan", "corrected"),
        ("620900", 2023, "loans_100m_yuan", "corrected"),
        ("220300", 2019, "deposits_100m_yuan", "corrected"),
        ("520500", 2007, "emp_unit_10k", "entity_not_valid"),
        ("520600", 2009, "emp_unit_10k", "entity_not_valid"),
        ("130100", 2017, "va_secondary_100m_yuan", "upstream_interpolated"),
        ("520500", 2006, "gdp_100m_yuan", "upstream_interpolated"),
    ],
)
def test_known_errors_of_the_extracts_carry_their_status(release, city, year, variable, status) -> None:  # type: ignore[no-untyped-def]
    found = release.execute(
        "select status from audit.cell_status where city_code = ? and year = ? and variable = ?", [city, year, variable]
    ).fetchall()
    assert found == [(status,)]


def test_county_level_values_of_2007_are_set_aside_without_replacement(release) -> None:  # type: ignore[no-untyped-def]
    chosen = release.execute(
        """
        select c.city_code, f.kind from panel.candidates as c inner join raw.files as f using (file_id)
        where c.city_code in ('520500', '520600') and c.year = 2007 and c.variable = 'gdp_100m_yuan' and c.chosen
        """
    ).fetchall()
    aside = release.execute(
        """
        select count(*) from panel.candidates
        where city_code in ('520500', '520600') and year = 2007 and variable = 'gdp_100m_yuan'
            and source_kind = 'export' and reason = 'quarantined: entity_not_valid'
        """
    ).fetchall()
    assert {kind for _, kind in chosen} <= {"panel"}
    assert aside == [(2,)]


def test_straight_lines_of_2017_are_found_in_nearly_every_city(release) -> None:  # type: ignore[no-untyped-def]
    counts = dict(
        release.execute(
            "select variable, count(distinct city_code) from panel.straight_lines where year = 2017 group by 1"
        ).fetchall()
    )
    assert counts["va_secondary_100m_yuan"] >= 286
    assert counts["va_tertiary_100m_yuan"] >= 286
    assert counts["gdp_100m_yuan"] >= 38


def test_study_has_the_sample_it_should(release) -> None:  # type: ignore[no-untyped-def]
    rows = release.execute("select count(*), count(distinct city_code) from studies.broadband_structure").fetchall()
    balanced = release.execute(
        "select count(*) from (select city_code from studies.broadband_structure group by 1 having count(*) = 15)"
    ).fetchall()
    cohorts = release.execute(
        "select cohort, count(distinct city_code) from studies.broadband_structure where cohort is not null group by 1 order by 1"
    ).fetchall()
    assert rows == [(4355, 299)]
    assert balanced == [(284,)]
    assert cohorts == [(2014, 37), (2015, 36), (2016, 36)]


def test_nothing_is_in_quarantine_without_an_explanation(release) -> None:  # type: ignore[no-untyped-def]
    assert release.execute("select count(*) from audit.quarantine where accepted_by is null").fetchall() == [(0,)]
    assert release.execute("select count(*) from audit.quarantine").fetchall()[0][0] > 100
