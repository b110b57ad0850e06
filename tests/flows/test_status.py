"""What a home says about its releases and about runs that published nothing."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from flows.errors import RunFailed
from flows.home import DATABASE, Home
from flows.inputs import Inputs
from flows.run_log import last_run, logged, note_unchanged
from flows.status import _notices, changes
from flows.summary import plan_lines


def test_every_run_leaves_a_line(tmp_path: Path) -> None:
    home = Home(tmp_path)
    assert last_run(home) is None
    with pytest.raises(RunFailed), logged(home, "ab"):
        raise RunFailed("gate panel failed", ["panel.long: value: 3 rows"])
    failed = last_run(home)
    assert failed is not None
    assert (failed["outcome"], failed["summary"]) == ("failed", "gate panel failed")
    assert failed["problems"] == ["panel.long: value: 3 rows"]
    with pytest.raises(KeyboardInterrupt), logged(home, "ab"):
        raise KeyboardInterrupt
    stopped = last_run(home)
    assert stopped is not None and stopped["outcome"] == "stopped"
    with logged(home, "ab"):
        pass
    assert len((tmp_path / "runs.jsonl").read_text(encoding="utf-8").splitlines()) == 6  # a start and an end each


def test_a_killed_run_does_not_look_published(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with logged(home, "ab"):
        begun = last_run(home)  # what stays if the process dies here
    assert begun is not None and begun["outcome"] == "started" and "killed" in begun["summary"]
    note_unchanged(home, "ab", "r1")
    assert (last_run(home) or {})["outcome"] == "nothing to do"


def test_changes_between_releases() -> None:
    old = {
        "release_id": "a",
        "inputs": [{"path": "x", "sha256": "1"}, {"path": "y", "sha256": "1"}],
        "code_hash": "c",
        "seed": 1,
    }
    new = {
        "release_id": "b",
        "inputs": [{"path": "x", "sha256": "2"}, {"path": "z", "sha256": "1"}],
        "code_hash": "c",
        "seed": 2,
    }
    assert changes(old, new) == "since a: 1 extract(s) added, 1 extract(s) changed, 1 extract(s) gone, seed"
    assert changes(old, old) == "since a: nothing (rebuilt)"


def test_status_names_what_to_mind(tmp_path: Path) -> None:
    """Only notices that warn; a release without the table says nothing."""
    home = Home(tmp_path)
    folder = tmp_path / "releases" / "r1"
    folder.mkdir(parents=True)
    (tmp_path / "current").symlink_to(folder)
    duckdb.connect(str(folder / DATABASE)).close()
    assert list(_notices(home)) == []
    with duckdb.connect(str(folder / DATABASE)) as connection:
        connection.execute("create schema audit")
        connection.execute(
            """
            create table audit.notices as
            select * from (values ('s', 'border_city', '1', '2 of 3 cities', true), ('s', 'x', null, 'fine', false))
                as t (study, variable, group_value, meaning, warns)
            """
        )
    assert list(_notices(home)) == ["notice    s.border_city 1: 2 of 3 cities"]


def test_plan_names_what_differs_from_the_published_release(tmp_path: Path) -> None:
    inputs = Inputs((tmp_path,), (("x", "2"), ("y", "1")), "c", ("one", "two"), False, 1)
    published = {"release_id": "a", "inputs": [{"path": "x", "sha256": "1"}], "code_hash": "c", "seed": 1}
    home = Home(tmp_path)
    assert list(plan_lines(home, inputs, published, rebuild=True)) == [
        f"would build and publish a release in {tmp_path}",
        "from 2 file(s), estimating one, two",
        "changed since a: 1 extract(s) added, 1 extract(s) changed",
    ]
    assert len(list(plan_lines(home, inputs, None, rebuild=True))) == 2
    assert [line.split()[0] for line in plan_lines(home, inputs, published, rebuild=False)] == ["nothing"]
