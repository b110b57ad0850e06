"""A small filled warehouse, and copies of it with what depends on some switch built anew."""

from __future__ import annotations

import csv
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from demo.write import write_demo
from landing.load import land
from tests.models.switch_readers import Models, models
from tests.models.test_dbt_models import ROOT

LINES = {2008: 0.4, 2012: 0.6, 2016: 0.8, 2020: 0.95}  # share of the cities on the line in a year of the compiled panel
SELECTED = ["staging", "panel", "indices", "studies", "audit"]


@dataclass(frozen=True)
class Column:
    """Number of values of a column that are known, their range if they are numbers, and a hash that keeps them at their rows."""

    known: int
    low: float | None
    high: float | None
    content: int


@dataclass(frozen=True)
class Base:
    """The warehouse under the declared values: its folder, dbt's manifest, its models, its columns by table."""

    folder: Path
    manifest: Any
    models: Models
    columns: Mapping[str, Mapping[str, Column]]

    @property
    def database(self) -> Path:
        return self.folder / "base" / "warehouse.duckdb"


def other_values() -> list[tuple[str, str]]:
    """Every allowed value of every switch but the declared one."""
    with (ROOT / "seeds" / "switches.csv").open(encoding="utf-8", newline="") as lines:
        return [(r["switch"], v) for r in csv.DictReader(lines) for v in r["allowed"].split("|") if v != r["value"]]


def build_base(folder: Path) -> Base:
    """Forty cities of the demo, with gaps and a compiled panel, every model under the declared values."""
    write_demo(folder / "demo", seed=7, editions=range(2006, 2024), cities=40)
    database = folder / "base" / "warehouse.duckdb"
    database.parent.mkdir()
    with duckdb.connect(str(database)) as connection:
        land([folder / "demo"], connection, seeds=ROOT / "seeds", synthetic=True)
        leave_gaps(connection)
        add_compiled_panel(connection)
        add_growth_rates(connection)
        add_outliers(connection)
    kinds = ["--resource-type", "seed", "--resource-type", "model"]
    run(folder, database, None, "build", *kinds, "--select", "resource_type:seed", *SELECTED)
    manifest = run(folder, database, None, "parse")
    return Base(folder, manifest, models(manifest), columns(database, tables(database)))


def leave_gaps(connection: duckdb.DuckDBPyConnection) -> None:
    """Hospital beds of five cities without one to five years from 2012 on: the demo itself has gaps of one year only."""
    rows = connection.execute("select distinct city_code from raw.resolved order by 1 limit 5").fetchall()
    for length, (city,) in enumerate(rows, 1):
        connection.execute(
            "delete from raw.resolved where variable = 'hospital_beds' and city_code = ? and year between 2012 and ?",
            [city, 2011 + length],
        )


def add_growth_rates(connection: duckdb.DuckDBPyConnection) -> None:
    """Growth rates of investment instead of its levels after 2017 in three cities: the demo prints levels in every year."""
    printed = "variable = 'fai_100m_yuan' and year > 2017 and city_code in (select distinct city_code from raw.resolved order by 1 limit 3)"
    connection.execute(f"""
        insert into raw.resolved by name
        select * replace (
            'fai_growth_pct' as variable, 'fai_growth' as indicator, 'pct' as unit, 'growth' as sheet,
            year % 5 * 4.5 - 6 + city_code::integer % 7 as value
        )
        from raw.resolved where {printed}
    """)
    connection.execute(f"delete from raw.resolved where {printed}")


def add_outliers(connection: duckdb.DuckDBPyConnection) -> None:
    """Unemployment of four cities so low that each lies beyond one more of the widths of the outlier rule: 2.2, 3, 5 and 10."""
    rows = connection.execute("select distinct city_code from raw.resolved order by 1 limit 4 offset 10").fetchall()
    for log, year, (city,) in zip((3.0, 2.6, 6.4, 11.1), range(2015, 2019), rows, strict=True):
        connection.execute(
            "update raw.resolved set value = value * exp(-?) where variable = 'unemployed_registered_persons' and city_code = ? and year = ?",
            [log, city, year],
        )


def add_compiled_panel(connection: duckdb.DuckDBPyConnection) -> None:
    """Three variables that the demo does not hold, as of a compiled panel; in four years a declared share of the cities lies on its line.

    Even years lie below the line between their neighbours by half a tenth but in those; steps are too small for one value to prove a line.
    """
    cities = [c for (c,) in connection.execute("select distinct city_code from raw.resolved order by 1").fetchall()]
    (file,) = connection.execute("select min(file_id) from raw.files").fetchall()[0]
    rows = []
    for k, city in enumerate(cities):
        for year in range(2005, 2024):
            on_line = k < LINES.get(year, 0) * len(cities)
            level = round(30 * 1.12**k, 2) + round(0.3 * (year - 2005), 2) + 0.05 * (year % 2 or on_line)
            rows.append((city, year, "pop_urban_resident_10k", "10k_persons", round(level, 2)))
            rows.append((city, year, "emp_digital_10k", "10k_persons", 0.1 + k / 100 + year % 2 / 50))
            rows.append((city, year, "infra_network_index", "index", 5 + k / 10 + year % 2))
    source = pd.DataFrame(rows, columns=["city_code", "year", "variable", "unit", "value"])
    source = source.assign(file_id=file, sheet="panel", cell=[f"A{i + 2}" for i in range(len(source))])
    source = source.assign(source_kind="panel", source_rank=3, flags="", indicator=source["variable"], scope="city")
    connection.execute("insert into raw.resolved by name select * from source")


def build(base: Base, names: Iterable[str], values: Mapping[str, str]) -> Path:
    """A copy of the warehouse in which these models were built under other values of some switches."""
    database = base.folder / "other" / "warehouse.duckdb"
    database.parent.mkdir(exist_ok=True)
    shutil.copyfile(base.database, database)
    text = "{" + ", ".join(f"{switch}: '{value}'" for switch, value in values.items()) + "}"
    run(base.folder, database, base.manifest, "run", "--vars", text, "--select", "audit_switches", *sorted(names))
    return database


def run(folder: Path, database: Path, manifest: Any, command: str, *arguments: str) -> Any:
    """Result of one dbt command on a database; fails naming every step that did not succeed."""
    from dbt.cli.main import dbtRunner

    options = [
        "--project-dir", str(ROOT), "--profiles-dir", str(ROOT / "dbt_project"), "--target-path", str(folder / "dbt"),
        "--log-path", str(folder / "dbt"), "--log-level", "none", "--no-use-colors",
    ]  # fmt: skip
    with _environment("NIANJIAN_DB", str(database)):
        outcome = dbtRunner(manifest=manifest).invoke([command, *options, *arguments])
    assert outcome.exception is None, outcome.exception
    steps: Any = [] if command == "parse" else outcome.result
    failed = [f"{s.node.name}: {s.message}" for s in steps if str(s.status) not in ("success", "pass")]
    assert not failed, "\n".join(failed)
    return outcome.result


@contextmanager
def _environment(name: str, value: str) -> Iterator[None]:
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


def tables(database: Path) -> list[str]:
    """Every table of the schemas that the selection builds."""
    query = "select schema_name || '.' || table_name from duckdb_tables() where schema_name in ({}) order by 1"
    with duckdb.connect(str(database), read_only=True) as connection:
        names = connection.execute(query.format(", ".join(f"'{s}'" for s in SELECTED))).fetchall()
    return [name for (name,) in names]


def columns(database: Path, names: Iterable[str]) -> dict[str, dict[str, Column]]:
    """Every column of the tables."""
    with duckdb.connect(str(database), read_only=True) as connection:
        return {name: _columns(connection, name) for name in names}


def _columns(connection: duckdb.DuckDBPyConnection, table: str) -> dict[str, Column]:
    kinds = dict(connection.execute(f"select column_name, column_type from (describe {table})").fetchall())
    keys = [c for c, kind in kinds.items() if c == "year" or c == "position" or kind == "VARCHAR"]
    found = {}
    for column, kind in kinds.items():
        place = ", ".join(f'"{k}"' for k in {*keys, column})
        limits = "null, null" if kind in ("VARCHAR", "BOOLEAN") else f'min("{column}")::double, max("{column}")::double'
        row = connection.execute(
            f'select count("{column}"), {limits}, coalesce(sum(hash({place})::hugeint), 0) from {table}'
        ).fetchone()
        assert row is not None
        found[column] = Column(*row)
    return found


def read(database: Path, table: str) -> pd.DataFrame:
    """One table."""
    with duckdb.connect(str(database), read_only=True) as connection:
        return connection.execute(f"select * from {table}").df()
