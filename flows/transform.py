"""Running dbt inside a build: seeds, models and their tests, with failures as located lines."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

from flows.errors import RunFailed
from flows.home import ROOT

if TYPE_CHECKING:
    from dbt.artifacts.schemas.run import RunExecutionResult


def dbt_build(database: Path, *, select: Sequence[str], work: Path, switches: Mapping[str, str]) -> None:
    """Seed, run and test the selected part of the project in `database`.

    Unit tests state what formulas give under the declared values of switches; where `switches` chooses others, they are left out.

    Raises:
        RunFailed: a seed, model or test failed; one line each names it and says how many rows broke it.
    """
    from dbt.cli.main import dbtRunner

    os.environ["NIANJIAN_DB"] = str(database)
    os.environ.setdefault("DBT_SEND_ANONYMOUS_USAGE_STATS", "false")
    arguments = [
        "build", "--project-dir", str(ROOT), "--profiles-dir", str(ROOT / "dbt_project"),
        "--target-path", str(work / "dbt"), "--log-path", str(work / "dbt"),
        "--log-level", "none", "--no-use-colors", "--select", *select,
    ]  # fmt: skip
    if switches:
        arguments += ["--vars", json.dumps(dict(switches)), "--exclude-resource-type", "unit_test"]
    outcome = dbtRunner().invoke(arguments)
    if outcome.success:
        return
    if outcome.exception is not None:
        reason = _one_line(str(outcome.exception)) or f"stopped ({type(outcome.exception).__name__})"
        raise RunFailed(f"dbt could not run: {reason}")
    steps = list(cast("RunExecutionResult", outcome.result))
    failed = [step for step in steps if str(step.status) in ("error", "fail")]
    raise RunFailed(
        f"dbt: {len(failed)} of {len(steps)} steps failed; nothing was published",
        [
            f"{step.node.resource_type} {step.node.name}: {_one_line(step.message or str(step.status))}"
            for step in failed
        ],
    )


def _one_line(text: str) -> str:
    return " ".join(text.split())
