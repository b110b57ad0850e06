"""A run that is stopped from outside ends at once, says so in one line and leaves the home as it was."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from demo.write import write_demo

ROOT = Path(__file__).resolve().parents[2]
WAIT = 30  # seconds; the orchestrator alone would retry for minutes after its server has gone


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stopping") / "demo"
    write_demo(folder, seed=1, editions=range(2010, 2013), cities=30)
    return folder


def started(demo: Path, home: Path) -> subprocess.Popen[str]:
    """A refresh in a process group of its own, as a shell starts one."""
    command = [sys.executable, "-m", "flows.cli", "refresh", "--extracts", str(demo), "--home", str(home)]
    return subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True, start_new_session=True)


def wait_for(path: Path, run: subprocess.Popen[str]) -> None:
    while not path.exists():
        assert run.poll() is None, run.stderr and run.stderr.read()
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("number", "reached"),
    [(signal.SIGTERM, "runs.jsonl"), (signal.SIGINT, "work"), (signal.SIGTERM, "work/scratch/dbt")],
    ids=["start", "landing", "dbt"],
)
def test_a_signal_to_the_group_ends_the_run_at_once(
    demo: Path, tmp_path: Path, number: signal.Signals, reached: str
) -> None:
    home = tmp_path / "home"
    run = started(demo, home)
    wait_for(home / reached, run)
    os.killpg(run.pid, number)
    _, said = run.communicate(timeout=WAIT)  # returns when the last child has closed the pipe: none is left behind
    assert run.returncode == 1
    assert said == f"nianjian: stopped by {number.name}; nothing was published\n"
    ends = [json.loads(line) for line in (home / "runs.jsonl").read_text().splitlines()]
    assert [(e["outcome"], e["summary"]) for e in ends[1:]] == [("stopped", number.name)]
    assert not (home / "current").exists()
    assert not list((home / "releases").glob("*"))


def test_what_a_killed_run_left_is_cleared(tmp_path: Path) -> None:
    from flows.home import Home

    home = Home(tmp_path)
    (home.work / "half").mkdir(parents=True)
    with home.locked():
        home.clear_leftovers()
        assert home.work.exists(), "another refresh is at work there"
    home.clear_leftovers()
    assert not home.work.exists()
