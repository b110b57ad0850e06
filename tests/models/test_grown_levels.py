"""Investment that is no longer printed, carried on by growth rates: on a warehouse of a few cells, from the cell to the trace."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from flows.trace import _chain
from landing.load import land
from tests.models.test_dbt_models import ROOT, dbt
from tests.models.test_declarations import seed

SHIJIAZHUANG, TANGSHAN, QINHUANGDAO = "130100", "130200", "130300"
JINAN, LAIWU = "370100", "371200"  # Laiwu is part of Jinan since the data of 2019
LEVEL, GROWTH = "fai_100m_yuan", "fai_growth_pct"
# city, year, variable, printed value, its unit, source kind
CELLS = [
    (SHIJIAZHUANG, 2016, LEVEL, 55_000_000, "10k_yuan", "yearbook"),
    (SHIJIAZHUANG, 2017, LEVEL, 60_000_000, "10k_yuan", "yearbook"),
    (SHIJIAZHUANG, 2018, GROWTH, 6.1, "pct", "export"),
    (SHIJIAZHUANG, 2019, GROWTH, -2.3, "pct", "export"),
    (SHIJIAZHUANG, 2021, GROWTH, 4.0, "pct", "export"),
    (TANGSHAN, 2017, LEVEL, 5_000, "100m_yuan", "yearbook"),
    (TANGSHAN, 2018, GROWTH, 9.0, "pct", "export"),
    (TANGSHAN, 2019, LEVEL, 5_400, "100m_yuan", "panel"),
    (TANGSHAN, 2019, GROWTH, 1.0, "pct", "export"),
    (TANGSHAN, 2020, GROWTH, 5.0, "pct", "export"),
    (QINHUANGDAO, 2017, LEVEL, 1_000, "100m_yuan", "yearbook"),
    (QINHUANGDAO, 2018, GROWTH, -100.0, "pct", "export"),
    (QINHUANGDAO, 2019, GROWTH, 3.0, "pct", "export"),
    (JINAN, 2017, LEVEL, 4_000, "100m_yuan", "yearbook"),
    *((JINAN, year, GROWTH, 10.0, "pct", "export") for year in (2018, 2019, 2020)),
    (LAIWU, 2017, LEVEL, 600, "100m_yuan", "yearbook"),
    (LAIWU, 2018, GROWTH, 10.0, "pct", "export"),
]  # fmt: skip


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The panel of these cells; restores the environment."""
    folder = tmp_path_factory.mktemp("grown")
    path = folder / "warehouse.duckdb"
    with duckdb.connect(str(path)) as connection:
        land([], connection, seeds=ROOT / "seeds", synthetic=True)
        connection.execute("insert into raw.files by name select 'f' as file_id, 'f.xlsx' as path, true as synthetic")
        connection.executemany(
            """
            insert into raw.resolved by name
            select
                'f' as file_id, 'Sheet1' as sheet, $1 || $2 || $3 as cell, $1 as city_code, $2 as year, $3 as variable, $4 as value, $5 as unit,
                $6 as source_kind, list_position(['yearbook', 'export', 'panel'], $6) as source_rank
            """,
            CELLS,
        )
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(os.environ, "NIANJIAN_DB", str(path))
        dbt(folder, "seed")
        dbt(folder, "run", "--select", "+panel_city_year", "+audit_cell_status")
        yield path


def test_levels_of_every_year(database):
    with duckdb.connect(str(database), read_only=True) as connection:
        found = connection.execute(
            "select city_code, year, value, status from panel.long where variable = ? order by all", [LEVEL]
        ).fetchall()
        wide = connection.execute("select city_code, year, fai_100m_yuan from panel.city_year").fetchall()
    expected = [
        (SHIJIAZHUANG, 2016, 5500, "observed"),
        (SHIJIAZHUANG, 2017, 6000, "observed"),
        (SHIJIAZHUANG, 2018, 6000 * 1.061, "extended_by_growth"),
        (SHIJIAZHUANG, 2019, 6000 * 1.061 * 0.977, "extended_by_growth"),
        (TANGSHAN, 2017, 5000, "observed"),
        (TANGSHAN, 2018, 5200, "interpolated"),
        (TANGSHAN, 2019, 5400, "observed"),
        (TANGSHAN, 2020, 5400 * 1.05, "extended_by_growth"),
        (QINHUANGDAO, 2017, 1000, "observed"),
        (JINAN, 2017, 4000, "observed"),
        (JINAN, 2018, 4400, "extended_by_growth"),
        (LAIWU, 2017, 600, "observed"),
        (LAIWU, 2018, 660, "extended_by_growth"),
    ]
    assert [row[:2] + row[3:] for row in found] == [row[:2] + row[3:] for row in expected]
    assert [row[2] for row in found] == pytest.approx([row[2] for row in expected], rel=1e-12)
    assert {row for row in wide if row[2] is not None} == {row[:3] for row in found}


def test_the_status_says_from_where(database):
    with duckdb.connect(str(database), read_only=True) as connection:
        found = connection.execute(
            "select city_code, year, detail from audit.cell_status where status = 'extended_by_growth' order by all"
        ).fetchall()
    assert found == [
        (SHIJIAZHUANG, 2018, "from 6000 in 2017 by fai_growth_pct"),
        (SHIJIAZHUANG, 2019, "from 6000 in 2017 by fai_growth_pct"),
        (TANGSHAN, 2020, "from 5400 in 2019 by fai_growth_pct"),
        (JINAN, 2018, "from 4000 in 2017 by fai_growth_pct"),
        (LAIWU, 2018, "from 600 in 2017 by fai_growth_pct"),
    ]


def test_a_trace_shows_the_level_and_every_rate(database):
    with duckdb.connect(str(database), read_only=True) as connection:
        lines = list(_chain(connection, SHIJIAZHUANG, "石家庄市", 2019, LEVEL))
    assert lines[2:6] == [
        "  status         extended_by_growth: from 6000 in 2017 by fai_growth_pct",
        "  extended from 2017: 6000 [observed]",
        "  by fai_growth_pct 2018: 6.1 [observed]",
        "  by fai_growth_pct 2019: -2.3 [observed]",
    ]


def test_declared_growth_rates_fit_their_levels():
    """Per cent over the year before, of the same scope; every declared level is one that the panel holds."""
    indicators = seed("indicators").set_index("variable")
    declared = indicators[indicators["growth_variable"] != ""]
    rates = indicators.loc[declared["growth_variable"]]
    assert set(declared["kind"]) == {"level"} and set(declared["scope"]) <= {"city", "districts"}
    assert set(rates["kind"]) == {"growth"} and set(rates["unit"]) == {"pct"}
    assert rates["scope"].to_list() == declared["scope"].to_list()
