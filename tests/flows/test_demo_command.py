"""`nianjian demo` as a user meets it: limits, places that cannot be written, an interrupt; one clear line each."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from flows.demo import read_editions
from flows.errors import UsageError

ROOT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-m", "flows.cli", "demo"]
ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT)}


def demo(*arguments: object, cwd: Path, file_limit: int | None = None) -> subprocess.CompletedProcess[str]:
    """Run the command; `file_limit` is the largest file in bytes that the system lets it write."""

    def limited() -> None:
        if file_limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (file_limit, file_limit))

    return subprocess.run(
        [*COMMAND, *map(str, arguments)], capture_output=True, text=True, cwd=cwd, env=ENVIRONMENT, check=False,
        preexec_fn=limited,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--cities", 99_999_999), "from 30 to 3,000 cities, not 99,999,999"),
        (("--cities", "many"), "'many' is not a valid integer"),
        (("--seed", -1), "from 0 on"),
        (("--editions", "2005-2010"), "begins with edition 2006"),
        (("--editions", "2049-2051"), "ends with 2050"),
    ],
)
def test_options_outside_their_limits_are_one_line_and_exit_2(tmp_path: Path, options: tuple, message: str) -> None:
    done = demo("new", *options, cwd=tmp_path)
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert message in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["", "abc", "2020-", "-2020", "2006-2008-2010", "20060", "2020-2010", "２０２０"])
def test_editions_that_are_no_years_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--editions"):
        read_editions(text)


def test_editions_are_one_year_or_a_range() -> None:
    assert read_editions("2021") == range(2021, 2022)
    assert read_editions("2006 - 2023") == range(2006, 2024)


def test_places_that_cannot_be_written_are_one_line_about_the_demo(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "a.csv").write_text("1")
    for place, code in (("file", 2), ("mine", 2), ("file/below", 1), ("full/disk", 1)):
        limit = 4000 if place == "full/disk" else None
        done = demo(place, "--cities", 30, "--editions", 2010, cwd=tmp_path, file_limit=limit)
        assert done.returncode == code, (place, done.stderr)
        assert len(done.stderr.strip().splitlines()) == 1, done.stderr
        assert place in done.stderr
        assert "release" not in done.stderr
        assert ("name an empty directory" in done.stderr) == (place == "mine")
        assert ("name a directory that can be written" in done.stderr) == (code == 1)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a.csv", "file", "mine"]


def test_an_interrupt_leaves_nothing(tmp_path: Path) -> None:
    """With all cities and most editions the demo takes some seconds; the interrupt comes while it is written aside."""
    process = subprocess.Popen(
        [*COMMAND, "new", "--editions", "2007-2022"], stderr=subprocess.PIPE, text=True, cwd=tmp_path, env=ENVIRONMENT
    )
    deadline = time.monotonic() + 60
    while not (tmp_path / "new").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate()
    assert process.returncode == 1
    assert error.strip().splitlines() == ["nianjian: stopped while writing the demo; new holds no half-written one"]
    assert list(tmp_path.iterdir()) == []
