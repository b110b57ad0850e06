"""Gate 2 against the published release: jumps and losses stop it unless accepted; small revisions pass and are shown."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest

from expectations.changes import SUITES, write_changes
from expectations.gate import failures, run_suites
from flows.query import _study_changes

SHA = "0" * 63


def sample(shift: float = 0.0, years: int = 4, shifted: int = 10) -> pd.DataFrame:
    """Ten cities; the first `shifted` of them moved by `shift`."""
    rows = [
        (f"{c:06d}", 2013 + t, "east", 0.5 + 0.01 * t + shift * (c < shifted), 1)
        for c in range(10)
        for t in range(years)
    ]
    return pd.DataFrame(rows, columns=["city_code", "year", "region3", "cp_index", "did"])


def database(
    path: Path, frame: pd.DataFrame, files: str = "ab", synthetic: bool = True, accepted: str = "", scale: str = "plain"
) -> Path:
    """A release with one study and one switch."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(str(path)) as con:
        con.register("frame", frame)
        con.execute("create schema raw; create schema seeds; create schema studies; create schema audit")
        con.execute("create table studies.common_prosperity as select * from frame")
        con.execute("create table audit.switches as select 'scale' as switch, ? as value", [scale])
        con.execute(
            "create table raw.files as select unnest(?) as sha256, ? as synthetic",
            [[SHA + f for f in files], synthetic],
        )
        con.execute(
            """
            create table audit.variable_ranges as
            select 'common_prosperity' as study, unnest(['cp_index', 'did']) as column_name, unnest([0.05, null]) as max_jump
            """
        )
        con.execute(
            "create table seeds.accepted_changes (id varchar, study varchar, variable varchar, explanation varchar, until date)"
        )
        if accepted:
            con.execute(
                "insert into seeds.accepted_changes values ('A1', 'common_.*', 'cp_index', 'a reason', ?)", [accepted]
            )
    return path


@pytest.fixture
def compared(tmp_path: Path) -> Callable[..., tuple[list[str], pd.DataFrame]]:
    """Failures of the gate and the rows of audit.study_changes for a published and a new sample."""

    def compare(before: pd.DataFrame | None, now: pd.DataFrame, **options: Any) -> tuple[list[str], pd.DataFrame]:
        published = (
            None
            if before is None
            else database(tmp_path / "R1" / "warehouse.duckdb", before, synthetic=options.get("synthetic", True))
        )
        with duckdb.connect(str(database(tmp_path / "new" / "warehouse.duckdb", now, **options))) as con:
            write_changes(con, published)
            rows = con.execute("from audit.study_changes").df()
            return failures(run_suites("panel", SUITES, lambda query: con.execute(query).df())), rows

    return compare


def test_the_first_release_has_nothing_to_compare_with(compared):
    lines, rows = compared(None, sample())
    assert lines == [] and len(rows) == 0


def test_an_added_year_and_small_revisions_pass_and_are_shown(compared):
    lines, rows = compared(sample(), sample(shift=0.001, years=5))
    assert lines == []
    cp = rows.set_index("variable").loc["cp_index"]
    assert cp["previous_release"] == "R1" and cp["largest_change"] == pytest.approx(0.001)
    assert cp[["n_before", "n_now", "n_added", "n_lost", "n_changed", "n_jumps"]].tolist() == [40, 50, 10, 0, 40, 0]
    assert rows.set_index("variable").loc["did", "n_changed"] == 0


def test_jumps_stop_the_gate_and_name_variable_and_place(compared):
    (line,), rows = compared(sample(), sample(shift=0.2, shifted=1))
    assert "jumped against the published release" in line and "accepted_changes.csv" in line
    assert "variable=cp_index largest_at=000000 20" in line
    assert rows.set_index("variable").loc["cp_index", "n_jumps"] == 4


def test_any_change_of_a_dummy_is_a_jump(compared):
    (line,), _ = compared(sample(), sample().assign(did=lambda f: f["did"].where(f["year"] > 2013, 0)))
    assert "variable=did" in line


def test_lost_values_stop_the_gate(compared):
    now = sample()
    now.loc[now["city_code"] < "000004", "cp_index"] = None
    (line,), _ = compared(sample(), now)
    assert "are lost" in line and "variable=cp_index" in line


def test_an_accepted_change_passes_until_its_day(compared):
    lines, rows = compared(sample(), sample(shift=0.2), accepted="2999-12-31")
    assert lines == [] and rows.set_index("variable").loc["cp_index", "accepted_by"] == "A1"


def test_another_value_of_a_switch_explains_what_it_changes(compared):
    lines, rows = compared(sample(), sample(shift=0.2), scale="raw")
    assert lines == []
    assert set(rows["accepted_by"]) == {"switch scale: plain to raw"}
    assert rows.set_index("variable").loc["cp_index", "n_jumps"] == 40


def test_an_acceptance_expires(compared):
    lines, _ = compared(sample(), sample(shift=0.2), accepted="2001-01-01")
    assert len(lines) == 1


def test_invented_economies_that_share_no_files_are_shown_but_not_judged(compared):
    lines, rows = compared(sample(), sample(shift=0.2), files="cde")
    assert lines == [] and not rows["same_sources"].any() and rows["n_jumps"].max() == 40


def test_real_releases_are_judged_whatever_their_files(compared):
    lines, _ = compared(sample(), sample(shift=0.2), files="cde", synthetic=False)
    assert len(lines) == 1


def with_panel(path: Path, cities: int) -> Path:
    """A release whose panel and one study, not one of the papers, hold so many cities."""
    database(path, sample())
    with duckdb.connect(str(path)) as con:
        con.execute("create schema panel")
        con.execute(
            f"create table panel.long as select c::varchar as city_code, 2020 as year, 'gdp' as variable, 1.0 as value from range({cities}) as t (c)"
        )
        con.execute("create table studies.own as select city_code, year from panel.long")
    return path


@pytest.mark.parametrize(("left", "stops"), [(100, False), (96, False), (76, True)])
def test_cities_lost_from_the_panel_or_from_any_study_stop_the_gate(tmp_path: Path, left: int, stops: bool) -> None:
    published = with_panel(tmp_path / "R1" / "warehouse.duckdb", 100)
    with duckdb.connect(str(with_panel(tmp_path / "new" / "warehouse.duckdb", left))) as con:
        write_changes(con, published)
        lines = failures(run_suites("panel", SUITES, lambda query: con.execute(query).df()))
        lost = con.execute(
            "select study, n_lost from audit.study_changes where n_before = 100 order by study"
        ).fetchall()
    assert lost == [("own", 100 - left), ("panel", 100 - left)]
    assert bool(lines) == stops
    assert not stops or ("variable=city_years" in lines[0] and "variable=gdp" in lines[0])


def test_changed_values_are_listed_with_what_was_and_what_is(compared, tmp_path):
    """Numbers, classes and lost rows; nothing that was added."""
    now = sample(years=5)
    now.loc[0, "cp_index"] = 0.6
    now.loc[1, "region3"] = "west"
    compared(sample(), now.drop(index=2))
    with duckdb.connect() as con:
        con.execute(f"attach '{tmp_path}/R1/warehouse.duckdb' as old (read_only)")
        con.execute(f"attach '{tmp_path}/new/warehouse.duckdb' as new (read_only)")
        rows = con.execute(
            """
            select variable, city_code, year, round(value_before, 6), value_now, class_before, class_now
            from new.audit.changed_values order by year, variable
            """
        ).fetchall()
        lines = list(_study_changes(con))
    assert rows == [
        ("cp_index", "000000", 2013, 0.5, 0.6, None, None),
        ("region3", "000000", 2014, None, None, "east", "west"),
        ("cp_index", "000000", 2015, 0.52, None, None, None),
        ("did", "000000", 2015, 1.0, None, None, None),
        ("region3", "000000", 2015, None, None, "east", None),
    ]
    assert "study: common_prosperity.region3: 1 changed class, 1 lost" in lines


def test_nothing_is_listed_between_invented_economies(compared, tmp_path):
    compared(sample(), sample(shift=0.2), files="cde")
    with duckdb.connect(str(tmp_path / "new" / "warehouse.duckdb"), read_only=True) as con:
        assert con.execute("select count(*) from audit.changed_values").fetchall() == [(0,)]
