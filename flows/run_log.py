"""What unattended runs leave behind in `runs.jsonl` of the home: a line at the start and one at the end, whatever came of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flows.errors import RunFailed
from flows.home import Home

LOG = "runs.jsonl"
MOST_PROBLEMS = 50


@contextmanager
def logged(home: Home, input_hash: str) -> Iterator[None]:
    """Note how the run inside ended: published, failed (with its located lines), stopped or crashed."""
    entry: dict[str, Any] = {"started_at": _now(), "input_hash": input_hash}
    _append(
        home.path,
        entry | {"outcome": "started", "summary": "no end recorded: still running, or killed", "problems": []},
    )
    try:
        yield
    except RunFailed as error:
        _append(
            home.path,
            entry | {"outcome": "failed", "summary": error.summary, "problems": error.messages[:MOST_PROBLEMS]},
        )
        raise
    except BaseException as error:
        _append(
            home.path, entry | {"outcome": "stopped", "summary": f"{type(error).__name__}: {error}", "problems": []}
        )
        raise
    manifest = home.manifest()
    summary = manifest["release_id"] if manifest else ""
    _append(home.path, entry | {"outcome": "published", "summary": summary, "problems": []})


def note_unchanged(home: Home, input_hash: str, release_id: str) -> None:
    """Note a run that had nothing to do."""
    entry = {
        "started_at": _now(),
        "input_hash": input_hash,
        "outcome": "nothing to do",
        "summary": release_id,
        "problems": [],
    }
    _append(home.path, entry)


def last_run(home: Home) -> dict[str, Any] | None:
    """The newest line of the log, None before the first run."""
    path = home.path / LOG
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    return json.loads(lines[-1]) if lines else None


def _append(folder: Path, entry: dict[str, Any]) -> None:
    with (folder / LOG).open("a", encoding="utf-8") as log:
        log.write(json.dumps(entry | {"ended_at": _now()}, ensure_ascii=False) + "\n")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
