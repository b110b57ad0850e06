"""Changing a switch changes the tables built from it, and no other: on a small demo, table by table."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from demo.write import write_demo
from landing.load import land
from tests.models.test_dbt_models import ROOT, dbt

SELECTED = ["staging", "panel", "indices", "studies", "audit"]
INDEX = "indices.composite_scores indices.composite_weights"
REACH = {
    ("va_own_term", "exclude"): (
        "indices.virtual_agglomeration indices.va_types studies.common_prosperity studies.green_development "
        "studies.new_quality_va_types"
    ),
    ("va_formula", "printed"): "indices.virtual_agglomeration indices.va_types studies.new_quality_va_types audit.study_warnings",
    ("finance_def", "loans"): "indices.ratios studies.common_prosperity",
    ("expy_form", "printed"): (
        "indices.industrial_sophistication studies.industrial_upgrading_built studies.industrial_upgrading"
    ),
    ("terrain_time", "year_dummies"): "indices.instruments studies.industrial_upgrading_built studies.industrial_upgrading",
    ("digital_weights", "both"): "indices.spatial_weights indices.spatial_eigenvalues",
    ("digital_finance_2010", "drop"): "studies.common_prosperity",
    ("cac_form", "printed"): "indices.coagglomeration studies.industrial_upgrading_built studies.industrial_upgrading",
    ("topsis_norm", "vector"): "indices.composite_scores studies.new_quality_va_types",
    ("pca_rescale", "minmax"): f"{INDEX} studies.common_prosperity",
    ("mar_scale", "0.01"): (
        "indices.market_integration studies.common_prosperity studies.green_development studies.digital_industry_built "
        "studies.digital_industry"
    ),
    ("capital_price", "0.05"): "indices.factor_distortion studies.common_prosperity",
    ("winsor_share", "0.05"): "studies.industrial_upgrading",
    ("distance_weight_power", "2"): "indices.spatial_weights indices.spatial_eigenvalues",
}  # fmt: skip
FOLLOWS = {"audit.switches", "audit.study_cell_status"}  # what every change of a sample or a value is written into


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, dict[str, tuple[int, int]]]]:
    """A warehouse with the models of a small demo, and its fingerprints under the declared values."""
    folder = tmp_path_factory.mktemp("reach")
    write_demo(folder / "demo", seed=7, editions=range(2006, 2024), cities=40)
    database = folder / "warehouse.duckdb"
    with duckdb.connect(str(database)) as connection:
        land([folder / "demo"], connection, seeds=ROOT / "seeds", synthetic=True)
    before = os.environ.get("NIANJIAN_DB")
    os.environ["NIANJIAN_DB"] = str(database)
    build(folder)
    yield database, fingerprints(database)
    if before is None:
        del os.environ["NIANJIAN_DB"]
    else:
        os.environ["NIANJIAN_DB"] = before


def build(folder: Path, *options: str) -> None:
    dbt(
        folder,
        "build",
        "--resource-type",
        "seed",
        "--resource-type",
        "model",
        *options,
        "--select",
        "resource_type:seed",
        *SELECTED,
    )


def fingerprints(database: Path) -> dict[str, tuple[int, int]]:
    """Rows and hash of every table."""
    with duckdb.connect(str(database), read_only=True) as connection:
        names = connection.execute(
            "select schema_name || '.' || table_name from duckdb_tables() where schema_name in ('panel', 'indices', 'studies', 'audit')"
        ).fetchall()
        return {
            n: connection.execute(f"select count(*), coalesce(bit_xor(hash(t)), 0) from {n} as t").fetchall()[0]
            for (n,) in names
        }


@pytest.mark.parametrize(
    ("switch", "value"), [pytest.param(*pair, marks=[] if k == 0 else pytest.mark.slow) for k, pair in enumerate(REACH)]
)
def test_a_switch_reaches_its_dependants_only(filled, switch, value):
    database, declared = filled
    build(database.parent, "--vars", f"{{{switch}: '{value}'}}")
    found = fingerprints(database)
    changed = {name for name in declared if declared[name] != found[name]}
    assert found.keys() == declared.keys() and "audit.switches" in changed
    assert changed - FOLLOWS == set(REACH[switch, value].split())
