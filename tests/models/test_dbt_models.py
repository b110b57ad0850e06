"""dbt on a warehouse that holds nothing: every model builds, every formula meets its hand-computed values, every switch value compiles.

The hand-computed values stand beside the models (`models/*/unit_tests_*.yml`).
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import duckdb
import pytest

from landing.load import land

if TYPE_CHECKING:
    from dbt.artifacts.schemas.run import RunExecutionResult

ROOT = Path(__file__).resolve().parents[2]
BUILT = ["staging", "panel", "indices", "studies", "audit", "rpt_published_moments", "rpt_panel_diagnostics"]


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A warehouse without a single cell, with its seeds and models."""
    folder = tmp_path_factory.mktemp("dbt")
    database = folder / "warehouse.duckdb"
    with duckdb.connect(str(database)) as connection:
        land([], connection, seeds=ROOT / "seeds", synthetic=True)
    before = os.environ.get("NIANJIAN_DB")
    os.environ["NIANJIAN_DB"] = str(database)
    dbt(
        folder, "build", "--resource-type", "seed", "--resource-type", "model", "--select", "resource_type:seed", *BUILT
    )
    yield database
    if before is None:
        del os.environ["NIANJIAN_DB"]
    else:
        os.environ["NIANJIAN_DB"] = before


def dbt(folder: Path, command: str, *arguments: str) -> list[Any]:
    """Steps of one dbt command; fails naming every step that did not succeed."""
    from dbt.cli.main import dbtRunner

    options = [
        "--project-dir", str(ROOT), "--profiles-dir", str(ROOT / "dbt_project"), "--target-path", str(folder / "dbt"),
        "--log-path", str(folder / "dbt"), "--log-level", "none", "--no-use-colors",
    ]  # fmt: skip
    outcome = dbtRunner().invoke([command, *options, *arguments])
    assert outcome.exception is None, outcome.exception
    steps = list(cast("RunExecutionResult", outcome.result))
    failed = [f"{s.node.name}: {s.message}" for s in steps if str(s.status) not in ("success", "pass")]
    assert not failed, "\n".join(failed)
    return steps


def alternatives(position: int) -> dict[str, str]:
    """Every switch at another of its values: the one at this position, or the last."""
    with (ROOT / "seeds" / "switches.csv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    others: dict[str, Sequence[str]] = {
        r["switch"]: [v for v in r["allowed"].split("|") if v != r["value"]] for r in rows
    }
    return {name: values[min(position, len(values) - 1)] for name, values in others.items()}


def test_every_formula_by_hand(warehouse):
    """Every SQL model of indices and studies has at least one."""
    steps = dbt(warehouse.parent, "test", "--select", "test_type:unit")
    tested = {step.node.tested_node_unique_id.split(".")[-1] for step in steps}
    sql = {path.stem for room in ("indices", "studies") for path in (ROOT / "models" / room).glob("*.sql")}
    assert sql - tested == {"study_broadband_structure"}


def test_keys_keep_their_types_without_data(warehouse):
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        wrong = connection.execute(
            """
            select table_schema || '.' || table_name || '.' || column_name || ': ' || data_type
            from information_schema.columns
            where table_schema in ('staging', 'panel', 'indices', 'studies')
                and (column_name similar to '(city_code.*|study|variable|.*status|index_name|province_code)' and data_type <> 'VARCHAR'
                    or column_name = 'year' and data_type not in ('INTEGER', 'BIGINT'))
            """
        ).fetchall()
    assert wrong == []


@pytest.mark.parametrize("position", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_every_switch_value_compiles_and_runs(warehouse, position):
    chosen = alternatives(position)
    text = "{" + ", ".join(f"{name}: '{value}'" for name, value in chosen.items()) + "}"
    dbt(warehouse.parent, "run", "--vars", text, "--select", *BUILT)
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        stored = dict(connection.execute("select switch, value from audit.switches").fetchall())
    assert stored == chosen
