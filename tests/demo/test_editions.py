"""Synthetic editions: deterministic bytes, the roster of each year, and everything lands without a quarantined cell."""

from pathlib import Path

import duckdb
import pytest

from demo.roster import SEEDS, load_roster
from demo.write import write_demo
from landing.load import land

EDITIONS = range(2020, 2024)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("demo")
    write_demo(path, seed=7, editions=EDITIONS, cities=30)
    return path


def test_same_seed_gives_the_same_bytes_and_another_seed_others(folder: Path, tmp_path: Path) -> None:
    write_demo(tmp_path / "again", seed=7, editions=EDITIONS, cities=30)
    write_demo(tmp_path / "other", seed=8, editions=EDITIONS, cities=30)
    files = [p.relative_to(folder) for p in sorted(folder.rglob("*")) if p.is_file()]
    assert all((folder / p).read_bytes() == (tmp_path / "again" / p).read_bytes() for p in files)
    books = [p for p in files if p.parts[0] in ("yearbook", "export")]
    assert books and all((folder / p).read_bytes() != (tmp_path / "other" / p).read_bytes() for p in books)


def test_a_foreign_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.xlsx").write_bytes(b"")
    with pytest.raises(FileExistsError, match="did not write"):
        write_demo(tmp_path, seed=1, editions=range(2020, 2021), cities=30)


def test_roster_follows_the_events() -> None:
    roster = load_roster()
    names = {year: set(roster.names(year)[roster.listed(year)]) for year in (2005, 2010, 2011, 2018, 2019)}
    assert {"襄樊市", "思茅市", "巢湖市"} <= names[2005] and "毕节市" not in names[2005]
    assert "襄阳市" in names[2010] and "巢湖市" in names[2010] and "巢湖市" not in names[2011]
    assert {"毕节市", "铜仁市"} <= names[2011]
    assert "莱芜市" in names[2018] and "莱芜市" not in names[2019]


def test_all_cells_land_resolved(folder: Path) -> None:
    con = duckdb.connect()
    report = land([folder], con, seeds=SEEDS, synthetic=True)
    assert report.unexplained == []
    row = con.execute("select count(*) from raw.observations where value_text <> ''").fetchone()
    assert row is not None and row[0] == report.resolved > 10_000
