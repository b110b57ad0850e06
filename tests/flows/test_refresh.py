"""The main job end to end, on a small demo, through the command line as a user runs it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import duckdb
import openpyxl
import pytest

from flows.cli import one_line

ROOT = Path(__file__).resolve().parents[2]
GDP_SHEET = "yearbook/2021/2021_2021-2-7_synthetic.xlsx"
RESULTS = ("estimates", "fit", "tests", "curves", "descriptives", "columns", "studies", "published_vs_estimated")


def nianjian(*arguments: object, home: Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"NIANJIAN_HOME": str(home), "PREFECT_HOME": str(cwd / "prefect"), "CI": "true"}
    command = [sys.executable, "-m", "flows.cli", *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, cwd=ROOT, env=environment, check=False, stdin=subprocess.DEVNULL
    )


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("refresh")


@pytest.fixture(scope="module")
def demo(place: Path) -> Path:
    done = nianjian("demo", place / "demo", "--cities", 40, "--editions", "2007-2021", home=place / "home", cwd=place)
    assert done.returncode == 0, done.stderr
    return place / "demo"


@pytest.fixture(scope="module")
def home(place: Path, demo: Path) -> Path:
    done = nianjian("refresh", "--extracts", demo, home=place / "home", cwd=place)
    assert done.returncode == 0, done.stderr
    for word in ("SYNTHETIC", "files:", "observations:", "quarantined:", "gates passed:", "estimates:", "report:"):
        assert word in done.stdout
    return place / "home"


def tables(release: Path) -> dict[str, str]:
    with duckdb.connect(str(release / "warehouse.duckdb"), read_only=True) as connection:
        return {name: connection.execute(f"select * from results.{name}").df().to_csv() for name in RESULTS}


def test_release_is_complete(home: Path) -> None:
    release = home / "current"
    assert release.is_symlink()
    manifest = json.loads((release / "manifest.json").read_text())
    assert manifest["synthetic"] is True
    assert {g["gate"] for g in manifest["gates"]} == {"landed", "panel", "results"}
    assert not [g for g in manifest["gates"] if g["failed"]]
    for page in ("index", "data", "gates", "quarantine"):
        text = (release / "report" / f"{page}.html").read_text()
        assert "SYNTHETIC DATA" in text
        assert "src=" not in text  # nothing to fetch: the report opens offline
    with duckdb.connect(str(release / "warehouse.duckdb"), read_only=True) as connection:
        views = connection.execute("select count(*) from duckdb_views() where not internal").fetchall()
        undescribed = connection.execute(
            "select table_schema, table_name, column_name from audit.data_dictionary where description = ''"
        ).fetchall()
        estimates = connection.execute("select count(*) from results.estimates").fetchall()
        unmarked = connection.execute(
            "select table_name from duckdb_tables() where schema_name <> 'seeds' and comment not like 'SYNTHETIC%'"
        ).fetchall()
    assert unmarked == []
    assert all(item["synthetic"] is True for item in manifest["inputs"])
    assert views == [(0,)]
    assert undescribed == []
    assert estimates[0][0] > 40


def test_columns_of_invented_lists_say_so_and_real_policies_do_not(home: Path) -> None:
    with duckdb.connect(str(home / "current" / "warehouse.duckdb"), read_only=True) as connection:
        rows = connection.execute(
            "select column_name, comment from duckdb_columns() where schema_name = 'indices' and table_name = 'policies'"
        ).fetchall()
    invented = {name for name, comment in rows if comment and comment.startswith("SYNTHETIC LIST")}
    assert {"smart_city", "ecommerce_city", "hitech_zone_year"} <= invented
    assert invented.isdisjoint({"broadband_china", "broadband_china_year"})


def test_what_leaves_a_synthetic_release_says_so(home: Path, place: Path, demo: Path, tmp_path: Path) -> None:
    for arguments in (
        ("status",),
        ("trace", "--city", "北京市", "--year", 2015, "--variable", "gdp"),
        ("land", demo),
        ("refresh", "--extracts", demo, "--dry-run"),
        ("export", "csv", tmp_path / "out"),
        ("sql", "select 1"),
    ):
        done = nianjian(*arguments, home=home, cwd=place)
        assert done.returncode == 0, done.stderr
        assert "synthetic" in (done.stdout + done.stderr).lower(), arguments
    tables = [path for path in (tmp_path / "out").iterdir() if path.suffix == ".csv"]
    assert len(tables) > 15
    for path in tables:
        first, *rows = path.read_text(encoding="utf-8-sig").splitlines()[:2]
        assert path.name.startswith("synthetic_")
        assert first.endswith(",synthetic")
        assert all(row.endswith(",nianjian demo") for row in rows) or '"' in rows[0]


def test_the_data_page_shows_every_variable_and_switch(home: Path) -> None:
    page = (home / "current" / "report" / "data.html").read_text()
    with duckdb.connect(str(home / "current" / "warehouse.duckdb"), read_only=True) as connection:
        for query in (
            "select distinct variable from panel.long where value is not null",
            "select switch from audit.switches",
        ):
            shown = [name for (name,) in connection.execute(query).fetchall()]
            assert shown and all(f"<code>{name}</code>" in page for name in shown)


def test_every_observed_value_equals_its_cell(home: Path) -> None:
    with duckdb.connect(str(home / "current" / "warehouse.duckdb"), read_only=True) as connection:
        compared = connection.execute(
            """
            select count(*), count(*) filter (where abs(o.value_text::double * u.factor_to_base / 1e8 - p.value) > 1e-12 * p.value)
            from panel.long as p
            inner join raw.observations as o on p.file_id = o.file_id and p.sheet = o.sheet and p.cell = o.cell
            inner join raw.resolved as r on p.file_id = r.file_id and p.sheet = r.sheet and p.cell = r.cell
            inner join seeds.units as u on r.unit = u.unit
            where p.status = 'observed' and p.variable = 'gdp_100m_yuan'
            """
        ).fetchall()
        observed = connection.execute(
            "select count(*) from panel.long where variable = 'gdp_100m_yuan' and status = 'observed'"
        ).fetchall()
    assert compared == [(observed[0][0], 0)]
    assert observed[0][0] > 500


def test_unchanged_inputs_do_nothing_and_force_gives_identical_results(home: Path, place: Path, demo: Path) -> None:
    before = (home / "current").resolve()
    again = nianjian("refresh", "--extracts", demo, home=home, cwd=place)
    assert again.returncode == 0
    assert "nothing to do" in again.stdout
    assert (home / "current").resolve() == before
    forced = nianjian("refresh", "--extracts", demo, "--force", home=home, cwd=place)
    assert forced.returncode == 0, forced.stderr
    after = (home / "current").resolve()
    assert after != before
    assert tables(after) == tables(before)
    assert "nothing (rebuilt)" in nianjian("status", home=home, cwd=place).stdout
    changed = nianjian("diff", home=home, cwd=place)
    assert "panel: no value differs" in changed.stdout
    assert "estimates: none moved" in changed.stdout


def corrupt(folder: Path) -> None:
    book = sorted(folder.rglob("*2-1*.xlsx"))[0]
    book.write_bytes(book.read_bytes()[:200])


def edit(folder: Path, row_of: str, column: int, value: object) -> None:
    """Change one cell of the GDP sheet of the last edition, in the row whose city is `row_of`."""
    book = folder / GDP_SHEET
    workbook = openpyxl.load_workbook(book)
    sheet = workbook.worksheets[0]
    row = next(r for r in sheet.iter_rows() if str(r[0].value).strip() == row_of)
    row[column].value = value
    workbook.save(book)


def header(folder: Path) -> None:
    book = folder / GDP_SHEET
    partial = book.with_suffix(".partial")
    with zipfile.ZipFile(book) as old, zipfile.ZipFile(partial, "w") as new:
        for item in old.namelist():
            text = old.read(item)
            new.writestr(item, text.replace("人均地区生产总值".encode(), "人均神秘产值".encode()))
    partial.replace(book)


@pytest.mark.parametrize(
    ("damage", "reason", "located"),
    [
        (corrupt, "unreadable_file", "2-1"),
        (header, "unknown_header", "人均神秘产值"),
        (lambda f: edit(f, "北京市", 0, "东京市"), "unknown_city", "东京市"),
        (lambda f: edit(f, "北京市", 2, "约四万"), "not_a_number", "约四万"),
    ],
    ids=["corrupt file", "unknown header", "unknown city", "text for a number"],
)
def test_bad_input_is_located_and_publishes_nothing(home, place, demo, tmp_path, damage, reason, located) -> None:  # type: ignore[no-untyped-def]
    bad = tmp_path / "bad"
    shutil.copytree(demo, bad)
    damage(bad)
    before = (home / "current").resolve()
    done = nianjian("refresh", "--extracts", bad, home=home, cwd=place)
    assert done.returncode == 1
    lines = done.stderr.strip().splitlines()
    assert any(reason in line and located in line for line in lines), done.stderr
    assert "Traceback" not in done.stderr
    assert (home / "current").resolve() == before
    assert not (home / "work").exists()


def test_wrong_usage_exits_2(place: Path, home: Path, demo: Path) -> None:
    for arguments in (
        ("refresh", "--extracts", place / "absent"),
        ("refresh", "--extracts", demo, "--study", "no_such_study"),
        ("trace", "--city", "北京市", "--year", "2010", "--variable", "no_such_variable"),
        ("sql", "drop table panel.long"),
        ("sql", "copy (select 1) to 'stolen.csv'"),
        ("demo", place / "tiny", "--cities", 3),
        ("demo", ROOT / "seeds"),
        ("no-such-command",),
    ):
        done = nianjian(*arguments, home=home, cwd=place)
        assert done.returncode == 2, arguments
        assert len(done.stderr.strip().splitlines()) <= 4
        assert "Traceback" not in done.stderr


def test_a_home_that_cannot_be_written_is_one_line(place: Path, demo: Path) -> None:
    (place / "a_file").write_text("")
    done = nianjian("refresh", "--extracts", demo, home=place / "a_file" / "home", cwd=place)
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1
    assert "a_file" in done.stderr


def test_control_characters_of_a_name_are_written_out() -> None:
    assert one_line("a\nb\x1b[31m 年鉴") == "a\\nb\\x1b[31m 年鉴"


def test_trace_names_file_sheet_and_cell(place: Path, home: Path) -> None:
    done = nianjian("trace", "--city", "北京市", "--year", 2015, "--variable", "gdp", home=home, cwd=place)
    assert done.returncode == 0, done.stderr
    assert "gdp_100m_yuan" in done.stdout
    assert "yearbook/2016" in done.stdout
    assert "sha256" in done.stdout


@pytest.mark.slow
def test_other_values_of_switches_are_published_and_shown(home: Path, demo: Path, place: Path) -> None:
    """Also those that change the scale of a variable; against the release before, they explain what changed."""
    own = place / "switched"
    shutil.copytree(home, own, symlinks=True)
    options = ("--switch", "pca_rescale=none", "--switch", "va_distance_unit_km=1000", "--switch", "er_form=level")
    done = nianjian("refresh", "--extracts", demo, *options, home=own, cwd=place)
    assert done.returncode == 0, done.stderr
    manifest = json.loads((own / "current" / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["switches"] == {"er_form": "level", "pca_rescale": "none", "va_distance_unit_km": "1000"}
    with duckdb.connect(str(own / "current" / "warehouse.duckdb"), read_only=True) as connection:
        value = connection.execute("select value from audit.switches where switch = 'pca_rescale'").fetchone()
        widened = connection.execute(
            "select count(*) from audit.variable_ranges where widened_by is not null"
        ).fetchone()
    assert value == ("none",)
    assert widened is not None and widened[0] >= 10
    assert "er_form=level and pca_rescale=none" in nianjian("status", home=own, cwd=place).stdout
    again = nianjian("refresh", "--extracts", demo, *options, home=own, cwd=place)
    assert "nothing to do" in again.stdout
    assert "switches as declared" in nianjian("refresh", "--extracts", demo, "--dry-run", home=own, cwd=place).stdout
