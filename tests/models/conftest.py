"""The demo warehouse at the defaults that the recomputed variables are compared on."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from demo.write import write_demo
from landing.load import land
from tests.models.test_dbt_models import ROOT, dbt

Read = Callable[[str], pd.DataFrame]


@pytest.fixture(scope="session")
def demo_warehouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty invented cities, 2004 to 2022, all models at the declared switches; restores the environment."""
    folder = tmp_path_factory.mktemp("recomputed")
    write_demo(folder / "demo", seed=11, editions=range(2006, 2024), cities=40)
    database = folder / "warehouse.duckdb"
    with duckdb.connect(str(database)) as connection:
        land([folder / "demo"], connection, seeds=ROOT / "seeds", synthetic=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(os.environ, "NIANJIAN_DB", str(database))
        dbt(folder, "seed")
        dbt(folder, "run", "--select", "staging", "panel", "indices", "studies", "audit")
    return database


@pytest.fixture(scope="session")
def read(demo_warehouse: Path) -> Read:
    """A function from SQL to a frame."""

    def frame(query: str) -> pd.DataFrame:
        with duckdb.connect(str(demo_warehouse), read_only=True) as connection:
            return connection.execute(query).df()

    return frame
