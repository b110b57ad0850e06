"""What a trace says of interpolated values and of values that studies build."""

from __future__ import annotations

import duckdb
import pytest

from flows.trace import BUILT, _built, _neighbours, _rows, _studies


@pytest.mark.parametrize("year", [2020, 2021, 2022])
def test_neighbours_enclose_the_gap_wherever_in_it_the_year_lies(year: int) -> None:
    with duckdb.connect() as connection:
        connection.execute("""
            create schema panel;
            create table panel.long as
            select '130100' as city_code, 'gdp' as variable, y as year, y::double as value,
                case when y between 2020 and 2022 then 'interpolated' else 'observed' end as status
            from range(2015, 2026) as t (y)
        """)
        lines = list(_neighbours(connection, "130100", year, "gdp"))
    assert [line.strip().split(" [")[0] for line in lines] == [
        "interpolated between 2019: 2019",
        "interpolated between 2023: 2023",
    ]


@pytest.fixture
def studies() -> duckdb.DuckDBPyConnection:
    con = duckdb.connect()
    con.execute("""
        create schema studies; create schema audit; create schema seeds;
        create table studies.a as select '130100' as city_code, 2020 as year, 3.25 as lnstru;
        create table studies.a_built as select '130100' as city_code, 2020 as year, 9.5 as lnstru;
        create table studies.b as select '110000' as city_code, 2020 as year, null::double as lnstru;
        create table audit.study_cell_status as
            from (values ('a', '130100', 2020, 'lnstru', 'winsorised', 'was 9.5'), ('a', '130100', 2021, 'lnstru', 'winsorised', 'was 8'))
                as t (study, city_code, year, variable, status, detail);
        create schema panel;
        create table panel.long as
        select '130100' as city_code, 2020 as year, 'output' as variable, 4.5 as value, 'observed' as status;
        create table seeds.indicators as
            from (values ('output', 'city'), ('staff', 'districts'), ('prices', 'province')) as t (variable, scope);
        create table seeds.study_variables as
            from (values ('a', 'lnstru', 'Stru', 'lnSTRU')) as t (study, column_name, printed, constructed_id);
        create table seeds.constructed_variables as
            from (values ('lnSTRU', 'idx_complexity', 'prices|output|staff')) as t (id, model, made_from);
    """)
    return con


def test_samples_and_what_cleaning_changed_there(studies: duckdb.DuckDBPyConnection) -> None:
    assert [" ".join(line.split()) for line in _studies(studies, "130100", 2020)] == [
        "study a: in the sample",
        "winsorised lnstru: was 9.5",
        "study b: not in the sample",
    ]


def test_a_built_value_says_what_it_is_and_what_it_was(studies: duckdb.DuckDBPyConnection) -> None:
    row = {"study": "a", "column_name": "lnstru", "description": "complexity", "model": "", "made_from": ""}
    lines = [" ".join(line.split()) for line in _built(studies, row, "130100", 2020)]
    assert lines == ["a.lnstru: 3.25", "what complexity", "winsorised was 9.5"]
    assert next(iter(_built(studies, row | {"study": "b"}, "110000", 2020))) == "  b.lnstru: missing"
    assert next(iter(_built(studies, row | {"study": "b"}, "130100", 2020))) == "  b.lnstru: not in the sample"


@pytest.mark.parametrize("name", ["lnstru", "stru", "LNSTRU"])
def test_a_built_value_is_found_by_the_names_of_the_paper_and_leads_on_to_its_inputs(studies, name: str) -> None:
    found = [row for row in _rows(studies, BUILT, [name]) if row["study"] == "a"]
    assert [row["column_name"] for row in found] == ["lnstru"]
    lines = [" ".join(line.split()) for line in _built(studies, found[0], "130100", 2020)]
    assert lines[2:6] == [
        "model idx_complexity",
        "from prices (of the province)",
        "from output: 4.5 [observed]",
        "from staff: none",
    ]
