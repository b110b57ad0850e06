"""Synthetic editions: deterministic bytes, the roster of each year, and everything lands; dirty cells are caught, clean ones are not."""

import io
import json
from pathlib import Path

import duckdb
import openpyxl
import pandas as pd
import pytest
from python_calamine import CalamineWorkbook

from demo.printing import read_back, roundings
from demo.roster import REAL_CITIES, SEEDS, WHOLE_ROSTER, extra_units, load_roster
from demo.samples import STUDIES, in_sample
from demo.scale import scaled_seeds
from demo.tables import exports, tables_of, unit_factor
from demo.write import build_world, write_demo
from demo.xlsx import workbook_bytes
from landing.load import land
from landing.places import load_places, resolve_places

EDITIONS = range(2009, 2021)
FEW = range(2022, 2024)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("demo")
    write_demo(path, seed=7, editions=EDITIONS, cities=30)
    return path


@pytest.fixture(scope="module")
def landed(folder: Path) -> tuple[duckdb.DuckDBPyConnection, list[str]]:
    con = duckdb.connect()
    report = land([folder], con, seeds=SEEDS, synthetic=True)
    return con, report.unexplained


def test_workbooks_open_everywhere_and_say_that_they_are_synthetic() -> None:
    rows = [["题 <1>", None, "  石家庄市"], [1, 2.5, "a&b"]]
    content = workbook_bytes("Sheet9", rows, [(0, 0, 0, 1)], {"synthetic": "true"}, "note")
    assert content == workbook_bytes("Sheet9", rows, [(0, 0, 0, 1)], {"synthetic": "true"}, "note")
    book = openpyxl.load_workbook(io.BytesIO(content))
    assert book.sheetnames == ["Sheet9"]
    assert [[cell.value for cell in row] for row in book.active.iter_rows()] == rows
    assert [str(merged) for merged in book.active.merged_cells.ranges] == ["A1:B1"]
    assert book.custom_doc_props["synthetic"].value == "true"
    sheet = CalamineWorkbook.from_object(io.BytesIO(content)).get_sheet_by_index(0)
    assert sheet.to_python(skip_empty_area=False) == [["题 <1>", "", "  石家庄市"], [1.0, 2.5, "a&b"]]


def test_same_seed_gives_the_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    for name, seed in (("first", 7), ("again", 7), ("other", 8)):
        write_demo(tmp_path / name, seed=seed, editions=FEW, cities=30)
    files = [p.relative_to(tmp_path / "first") for p in sorted((tmp_path / "first").rglob("*")) if p.is_file()]
    assert all((tmp_path / "first" / p).read_bytes() == (tmp_path / "again" / p).read_bytes() for p in files)
    books = [p for p in files if p.parts[0] in ("yearbook", "export")]
    assert books
    assert all((tmp_path / "first" / p).read_bytes() != (tmp_path / "other" / p).read_bytes() for p in books)


def test_a_city_does_not_change_with_the_number_of_cities() -> None:
    small, large = (build_world(seed=3, editions=FEW, cities=cities) for cities in (30, 60))
    both = large.roster.units["city_code"].isin(small.roster.units["city_code"]).to_numpy()
    for key in (("gdp", "city"), ("emp_ict", "city"), ("green_coverage", "districts")):
        pd.testing.assert_frame_equal(pd.DataFrame(small.cells[key]), pd.DataFrame(large.cells[key][both]))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cities": 29}, "from 30 to 3,000 cities, not 29"),
        ({"cities": 99_999_999}, "from 30 to 3,000 cities"),
        ({"editions": range(2004, 2006)}, "begins with edition 2006"),
        ({"editions": range(2020, 2052)}, "ends with 2050"),
        ({"seed": -1}, "from 0 on"),
        ({"seed": 2**63}, "below 2\\^63"),
    ],
)
def test_impossible_options_are_refused_and_nothing_is_lost(tmp_path: Path, options: dict, message: str) -> None:
    write_demo(tmp_path, seed=1, editions=FEW, cities=30)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    for folder in (tmp_path, tmp_path / "new"):
        with pytest.raises(ValueError, match=message):
            write_demo(folder, **({"seed": 1, "editions": FEW, "cities": 30} | options))
    assert before == {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("place", ["mine.xlsx", "yearbook/2023/2-1 人口数.xlsx"])
def test_foreign_files_are_refused_and_stay(tmp_path: Path, place: str) -> None:
    for marked in (False, True):
        if marked:
            (tmp_path / place).unlink()
            write_demo(tmp_path, seed=1, editions=FEW, cities=30)
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_bytes(b"real")
        with pytest.raises(FileExistsError, match="did not write"):
            write_demo(tmp_path, seed=1, editions=FEW, cities=30)
        assert (tmp_path / place).read_bytes() == b"real"


def test_a_demo_replaces_an_earlier_one(tmp_path: Path) -> None:
    write_demo(tmp_path, seed=1, editions=range(2020, 2024), cities=30)
    written = write_demo(tmp_path, seed=1, editions=FEW, cities=30)
    assert {path for path in tmp_path.rglob("*") if path.is_file()} == set(written)


def test_roster_follows_the_events() -> None:
    roster = load_roster()
    names = {year: set(roster.names(year)[roster.listed(year)]) for year in (2005, 2010, 2011, 2018, 2019)}
    assert {"襄樊市", "思茅市", "巢湖市"} <= names[2005]
    assert "毕节市" not in names[2005]
    assert {"襄阳市", "普洱市", "巢湖市"} <= names[2010]
    assert "巢湖市" not in names[2011]
    assert {"毕节市", "铜仁市"} <= names[2011]
    assert "莱芜市" in names[2018]
    assert "莱芜市" not in names[2019]


def test_samples_have_the_published_city_years() -> None:
    roster = load_roster()
    sizes = {item.name: int(in_sample(roster, item).sum()) * len(item.years) for item in STUDIES}
    assert sizes == {
        "common_prosperity": 3601, "industrial_upgrading": 3960, "new_quality_va_types": 4760, "green_development": 2232,
        "digital_industry": 2800,
    }  # fmt: skip


def test_table_numbers_are_unique_within_an_edition_and_move_between_editions() -> None:
    numbers = {edition: {table.kind: table.number for table in tables_of(edition)} for edition in range(2006, 2025)}
    for own in numbers.values():
        assert len(set(own.values())) == len(own)
    assert {own["gdp"] for own in numbers.values()} == {"2-12", "2-11", "2-7", "2-6"}
    assert "investment" in numbers[2018]
    assert "investment" not in numbers[2019]


def test_printed_units_convert() -> None:
    assert unit_factor("gdp", "万元") == 1e4
    assert unit_factor("emp_unit", "人") == 1e4
    with pytest.raises(ValueError, match="cannot be printed"):
        unit_factor("gdp", "万人")
    assert {item.unit for item in exports() if item.indicator == "wage_avg"} == {"元"}


def test_every_indicator_of_a_study_is_printed_in_all_of_its_years() -> None:
    world = build_world(seed=1, editions=range(2006, 2024), cities=30)
    printed = read_back(world, roundings(world, range(2006, 2024)))
    for item in STUDIES:
        inside = in_sample(world.roster, item)
        years = [world.at(year) for year in item.years]
        for key in item.own:
            values = printed[key][:, years]
            assert not pd.isna(values[inside]).any()
            assert pd.isna(values[~inside]).all()


def test_all_clean_cells_land_and_nothing_is_unexplained(
    landed: tuple[duckdb.DuckDBPyConnection, list[str]],
) -> None:
    con, unexplained = landed
    assert unexplained == []
    row = con.execute(
        "select count(*) filter (where value_text not in ('', '-', '…')), count(*) from raw.observations"
    ).fetchone()
    assert row is not None
    resolved = con.execute("select count(*) from raw.resolved where value is not null").fetchone()
    unresolved = con.execute(
        "select count(*) from audit.quarantine where reason not in ('magnitude_jump', 'impossible_value', 'entity_not_valid')"
    ).fetchone()
    assert resolved is not None and unresolved is not None
    assert row[0] == resolved[0] + unresolved[0] > 50_000


def test_no_synthetic_file_bears_the_licence_of_the_source_it_imitates(
    landed: tuple[duckdb.DuckDBPyConnection, list[str]],
) -> None:
    terms = landed[0].execute("select distinct licence, redistributable, synthetic from raw.files").fetchall()
    assert terms == [("synthetic, made by this project (MIT)", True, True)]


def test_dirty_cells_are_in_quarantine_and_no_clean_cell_is(
    folder: Path, landed: tuple[duckdb.DuckDBPyConnection, list[str]]
) -> None:
    con, _ = landed
    truth = json.loads((folder / "truth.json").read_text(encoding="utf-8"))
    listed = [cell for cell in truth["dirty_cells"] if cell["reason"] != "outlier_interpolated"]
    planted = {(cell["path"], cell["sheet"], cell["cell"], cell["reason"]) for cell in listed}
    found = set(
        con.execute("select path, sheet, cell, reason from audit.quarantine join raw.files using (file_id)").fetchall()
    )
    assert planted == found
    assert {cell["id"] for cell in truth["dirty_cells"]} >= {"letter", "slip", "negative", "error", "nowhere", "twice"}


def test_every_table_says_that_it_is_synthetic(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.suffix == ".xlsx":
            assert openpyxl.load_workbook(path, read_only=True).custom_doc_props["synthetic"].value == "true"
        elif path.is_file():
            text = path.read_text(encoding="utf-8")
            assert "ynthetic" in text or "合成" in text or "synthetic" in path.name


def test_300_cities_are_all_real_ones_and_any_other_number_is_met() -> None:
    whole = load_roster(WHOLE_ROSTER)
    assert len(whole.units) == REAL_CITIES
    assert set(whole.units["city_code"]) <= set(pd.read_csv(SEEDS / "cities.csv", dtype=str)["city_code"])
    listed = [int(whole.listed(year).sum()) for year in range(2004, 2023)]
    assert (min(listed), max(listed)) == (287, 298)
    for cities in (30, 298, 299, 301, 350):
        assert len(load_roster(cities).units) == cities


def test_invented_cities_have_names_and_codes_of_their_own(tmp_path: Path) -> None:
    roster = load_roster()
    extra = extra_units(roster.units, 2700)
    both = pd.concat([roster.units, extra])
    assert both["city_code"].is_unique
    assert both["name_zh"].is_unique
    assert len(load_roster(349).units) == len(roster.units) + 50
    places = load_places(scaled_seeds(tmp_path / "seeds", 349))
    named = extra.head(50)
    asked = pd.DataFrame({"city_text": named["name_zh"], "province_text": named["province_zh"], "year": 2020})
    assert resolve_places(places, asked)["city_code"].tolist() == named["city_code"].tolist()


def test_every_sheet_ends_with_a_note_and_invented_indicators_are_named(folder: Path) -> None:
    invented = {item.label for item in exports() if item.synthetic}
    named = set()
    for path in sorted(folder.rglob("*.xlsx")):
        note = str(CalamineWorkbook.from_path(path).get_sheet_by_index(0).to_python()[-1][0])
        assert note.startswith("注：合成数据"), path
        named |= {label for label in invented if label in note}
    assert named == invented
