"""The joint check: a release built on the demo recovers every planted coefficient up to rounding (slow: a whole refresh)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from demo.planting.moments import OTHER_SEED
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
    wanted = {item.name: item.city_years for item in STUDIES}
    assert dict(built[1].execute("select study, count(*) from panel.samples group by study").fetchall()) == wanted
    for study, size in wanted.items():
        assert built[1].execute(f"select count(*) from studies.{study}").fetchone() == (size,)


@pytest.mark.slow
def test_moments_of_the_release_are_the_printed_ones_or_explained(
    built: tuple[Path, duckdb.DuckDBPyConnection],
) -> None:
    """F049: within 5 % in the registry of the release wherever the truth says so; everything else has a reason of its own."""
    entries = json.loads((built[0] / "truth.json").read_text(encoding="utf-8"))["moments"]
    met = [entry for entry in entries if entry["met"]]
    assert len(met) >= 35
    assert [entry["variable"] for entry in entries if not entry["met"] and entry["reason"] == OTHER_SEED] == []
    rows = built[1].execute("select study, printed, built_mean, built_sd from results.published_moments").fetchall()
    registry = {(study, printed): (mean, sd) for study, printed, mean, sd in rows}
    wrong = []
    for entry in met:
        if entry["scale"]:  # printed by another definition
            continue
        mean, sd = registry[entry["paper"], entry["variable"]]
        if max(abs(mean / entry["printed_mean"] - 1), abs(sd / entry["printed_sd"] - 1)) > 0.05:
            wrong.append((entry["paper"], entry["variable"], mean, sd))
    assert wrong == []


@pytest.mark.slow
def test_moments_in_the_truth_are_those_of_the_release(built: tuple[Path, duckdb.DuckDBPyConnection]) -> None:
    """Every variable that the demo computes by the definition of record, met or not; market integration and land use among them."""
    entries = json.loads((built[0] / "truth.json").read_text(encoding="utf-8"))["moments"]
    rows = built[1].execute("select study, printed, built_mean, built_sd from results.published_moments").fetchall()
    registry = {(study, printed): (mean, sd) for study, printed, mean, sd in rows}
    own = {(entry["paper"], entry["variable"]): entry for entry in entries if not entry["scale"]}
    compared = {name: (own[name]["mean"], own[name]["sd"]) for name in own if name in registry}
    assert {
        ("green_development", "Mar"),
        *(("industrial_upgrading", name) for name in ("ecol", "eland", "rel")),
    } <= set(compared)
    wrong = {
        name: (values, registry[name])
        for name, values in compared.items()
        if values != pytest.approx(registry[name], rel=1e-5, abs=2e-6)
    }
    assert wrong == {}


@pytest.mark.slow
def test_nothing_built_on_it_can_be_mistaken_for_real(built: tuple[Path, duckdb.DuckDBPyConnection]) -> None:
    release = (built[0].parent / "home" / "current").resolve()
    assert json.loads((release / "manifest.json").read_text(encoding="utf-8"))["synthetic"] is True
    pages = list((release / "report").rglob("*.html"))
    assert len(pages) >= 3
    assert all("SYNTHETIC DATA" in page.read_text(encoding="utf-8") for page in pages)
    assert built[1].execute("select count(*) from raw.files where not synthetic").fetchone() == (0,)


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
    assert n_planted >= 83
    assert wrong == []


@pytest.mark.slow
def test_dirty_cells_are_quarantined_or_corrected_and_no_clean_cell_is(
    built: tuple[Path, duckdb.DuckDBPyConnection],
) -> None:
    truth = json.loads((built[0] / "truth.json").read_text(encoding="utf-8"))
    planted = {
        (cell["path"], cell["sheet"], cell["cell"])
        for cell in truth["dirty_cells"]
        if cell["reason"] != "outlier_interpolated"
    }
    rows = built[1].execute("select path, sheet, cell from audit.quarantine join raw.files using (file_id)").fetchall()
    assert planted == set(rows)


@pytest.mark.slow
def test_a_quarter_of_the_residents_unemployed_is_replaced_and_nothing_else_is(
    built: tuple[Path, duckdb.DuckDBPyConnection],
) -> None:
    """F023: the planted cell reaches the sample, the default rule puts it on the line between its neighbours, and lists it."""
    truth = json.loads((built[0] / "truth.json").read_text(encoding="utf-8"))
    (cell,) = [cell for cell in truth["dirty_cells"] if cell["reason"] == "outlier_interpolated"]
    assert "corrected by the outlier rule" in cell["explanation"]
    con = built[1]
    source = con.execute(
        "select value, sheet, cell from panel.long where city_code = '220600' and year = 2017 and variable = 'unemployed_registered_persons'"
    ).fetchone()
    assert source == (float(cell["text"]), cell["sheet"], cell["cell"])
    listed = con.execute(
        "select city_code, year, variable, status, detail from audit.study_cell_status where status like 'outlier%'"
    ).fetchall()
    assert [row[:4] for row in listed] == [("220600", 2017, "unemployed_rate", "outlier_interpolated")]
    assert float(listed[0][4].removeprefix("was ")) == pytest.approx(0.2548, abs=1e-4)
    rates = con.execute(
        "select unemployed_rate from studies.digital_industry where city_code = '220600' and year in (2016, 2017, 2018) order by year"
    ).fetchnumpy()["unemployed_rate"]
    assert rates[1] == pytest.approx((rates[0] + rates[2]) / 2)


@pytest.mark.slow
def test_winsorising_changes_at_most_two_per_cent_of_a_variable_and_no_dummy(
    built: tuple[Path, duckdb.DuckDBPyConnection],
) -> None:
    """F022, on the 3,960 city-years of industrial_upgrading."""
    con = built[1]
    changed = dict(
        con.execute(
            "select variable, count(*) from audit.study_cell_status where status = 'winsorised' group by variable"
        ).fetchall()
    )
    dummies = con.execute(
        "select column_name from seeds.study_variables where study = 'industrial_upgrading' and kind in ('dummy', 'class')"
    ).fetchall()
    assert len(changed) >= 10
    assert {name: count for name, count in changed.items() if count > 0.02 * 3960} == {}
    assert set(changed).isdisjoint(name for (name,) in dummies)
