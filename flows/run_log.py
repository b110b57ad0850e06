"""What unattended runs leave behind in `runs.jsonl` of the home: a line at the start and one at the end, whatever came of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flows.errors import RunFailed
from flows.home import Home

LOG = "runs.jsonl"
MOST_PROBLEMS = 50


@contextmanager
def logged(home: Home, input_hash: str) -> Iterator[Callable[[str, str], None]]:
    """Note how the run inside ended: published, failed (with its located lines), or crashed; yields what notes another end: (outcome, summary)."""
    entry = {"started_at": _now(), "input_hash": input_hash}

    def note(outcome: str, summary: str, problems: Sequence[str] = ()) -> None:
        _append(home.path, entry | {"outcome": outcome, "summary": summary, "problems": problems[:MOST_PROBLEMS]})

    note("started", "no end recorded: still running, or killed")
    try:
        yield note
    except RunFailed as error:
        note("failed", error.summary, error.messages)
        raise
    except BaseException as error:
        note("stopped", f"{type(error).__name__}: {error}")
        raise
    manifest = home.manifest()
    note("published", manifest["release_id"] if manifest else "")


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
