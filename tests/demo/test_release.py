"""The joint check: a release built on the demo recovers every planted coefficient up to rounding (slow: a whole refresh)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from demo.samples import STUDIES
from tests.demo.recover import recovered

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, duckdb.DuckDBPyConnection]:
    place = tmp_path_factory.mktemp("joint")
    environment = os.environ | {
        "NIANJIAN_HOME": str(place / "home"),
        "PREFECT_HOME": str(place / "prefect"),
        "CI": "true",
    }
    for arguments in (("demo", place / "demo"), ("refresh", "--extracts", place / "demo")):
        command = [sys.executable, "-m", "flows.cli", *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment, check=False)
        assert done.returncode == 0, done.stderr
    con = duckdb.connect(str(place / "home" / "current" / "warehouse.duckdb"), read_only=True)
    return place / "demo", con


@pytest.mark.slow
def test_samples_of_the_release_have_the_published_city_years(
    built: tuple[Path, duckdb.DuckDBPyConnection],
) -> None:
    sizes = dict(built[1].execute("select study, count(*) from panel.samples group by study").fetchall())
    assert sizes == {item.name: item.city_years for item in STUDIES}


@pytest.mark.slow
def test_the_release_recovers_every_planted_coefficient(built: tuple[Path, duckdb.DuckDBPyConnection]) -> None:
    truth = json.loads((built[0] / "truth.json").read_text(encoding="utf-8"))
    elsewhere = [{**entry, "paper": "new_quality_va_types"} for entry in truth["planted_elsewhere"]]
    found = recovered(built[1])
    wrong, n_planted = [], 0
    for entry in [*truth["coefficients"], *elsewhere]:
        if entry["kind"] not in ("planted", "implied"):
            continue
        key = (entry["paper"], f"{entry['table']} {entry['column']}", entry["term"])
        wanted = entry["target"] if entry["kind"] == "planted" else entry["value"]
        n_planted += entry["kind"] == "planted"
        if abs(found[key] - wanted) > 0.5 * 10.0 ** -entry["digits"]:
            wrong.append((key, entry["kind"], wanted, found[key]))
    assert n_planted >= 75
    assert wrong == []


@pytest.mark.slow
def test_dirty_cells_are_quarantined_or_corrected_and_no_clean_cell_is(
    built: tuple[Path, duckdb.DuckDBPyConnection],
) -> None:
    truth = json.loads((built[0] / "truth.json").read_text(encoding="utf-8"))
    planted = {(cell["path"], cell["sheet"], cell["cell"]) for cell in truth["dirty_cells"]}
    rows = built[1].execute("select path, sheet, cell from audit.quarantine join raw.files using (file_id)").fetchall()
    assert planted == set(rows)
