"""Publishing is atomic, releases are kept, and synthetic never meets real."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from flows.errors import RunFailed, UsageError
from flows.home import DATABASE, Home, prune, publish, reading_home


def built(home: Home, release_id: str, value: int, synthetic: bool = True) -> Path:
    folder = home.work / release_id
    folder.mkdir(parents=True)
    with duckdb.connect(str(folder / DATABASE)) as connection:
        connection.execute(f"create table t as select {value} as x")
    (folder / "manifest.json").write_text(json.dumps({"release_id": release_id, "synthetic": synthetic}))
    return folder


def test_publish_swaps_current_and_keeps_the_old_release(tmp_path: Path) -> None:
    home = Home(tmp_path)
    publish(home, built(home, "a", 1), "a")
    with duckdb.connect(str(home.current / DATABASE), read_only=True) as reader:
        publish(home, built(home, "b", 2), "b")
        assert reader.execute("select x from t").fetchall() == [(1,)]
    assert home.release_ids() == ["a", "b"]
    assert home.current_release() == tmp_path / "releases" / "b"


def test_a_second_process_reads_before_and_after_the_swap(tmp_path: Path) -> None:
    home = Home(tmp_path)
    read = [
        sys.executable,
        "-c",
        f"import duckdb; print(duckdb.connect({str(home.current / DATABASE)!r}, read_only=True).execute('from t').fetchall())",
    ]
    publish(home, built(home, "a", 1), "a")
    with duckdb.connect(str(home.work / "building.duckdb")) as writer:
        writer.execute("create table being_built as select 1")
        assert subprocess.run(read, capture_output=True, text=True, check=True).stdout.strip() == "[(1,)]"
    publish(home, built(home, "b", 2), "b")
    assert subprocess.run(read, capture_output=True, text=True, check=True).stdout.strip() == "[(2,)]"


def test_a_build_that_was_not_closed_is_not_published(tmp_path: Path) -> None:
    home = Home(tmp_path)
    publish(home, built(home, "a", 1), "a")
    unclean = built(home, "b", 2)
    (unclean / f"{DATABASE}.wal").write_bytes(b"x")
    with pytest.raises(RunFailed, match="not closed cleanly"):
        publish(home, unclean, "b")
    assert home.current_release() == tmp_path / "releases" / "a"


def test_a_release_is_never_overwritten(tmp_path: Path) -> None:
    home = Home(tmp_path)
    publish(home, built(home, "a", 1), "a")
    with pytest.raises(RunFailed, match="exists already"):
        publish(home, built(home, "a", 2), "a")


def test_a_home_holds_one_kind(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.check_kind(synthetic=False)
    publish(home, built(home, "a", 1, synthetic=True), "a")
    home.check_kind(synthetic=True)
    with pytest.raises(UsageError, match="synthetic"):
        home.check_kind(synthetic=False)


def test_prune_keeps_the_newest_and_the_current(tmp_path: Path) -> None:
    home = Home(tmp_path)
    for value, name in enumerate("abc"):
        publish(home, built(home, name, value), name)
    assert prune(home, 2) == ["a"]
    home.current.unlink()
    home.current.symlink_to("releases/b")
    assert prune(home, 1) == []
    assert home.release_ids() == ["b", "c"]


def test_one_refresh_at_a_time(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with home.locked(), pytest.raises(RunFailed, match="another refresh"), Home(tmp_path).locked():
        pass


def test_reading_takes_the_real_home_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="run `nianjian refresh`"):
        reading_home(None)
    publish(Home(tmp_path / "warehouse-demo"), built(Home(tmp_path / "warehouse-demo"), "d", 1), "d")
    assert reading_home(None).path.name == "warehouse-demo"
    publish(Home(tmp_path / "warehouse"), built(Home(tmp_path / "warehouse"), "r", 1, False), "r")
    assert reading_home(None).path.name == "warehouse"
