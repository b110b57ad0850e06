"""What a refresh says before (`--dry-run`) and after it worked."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click

from flows.home import Home
from flows.inputs import Inputs
from flows.status import changes

if TYPE_CHECKING:
    from flows.refresh import Summary


def print_summary(summary: Summary) -> None:
    """Files, observations, quarantine, gates, estimates, and where report and release lie."""
    manifest = summary.manifest
    landed, seconds = manifest["landed"], manifest["seconds"]
    gates = ", ".join(f"{g['gate']} {g['expectations'] - g['failed']}/{g['expectations']}" for g in manifest["gates"])
    rows = [
        ("release", f"{summary.release_id}{'  SYNTHETIC (demo data)' if manifest['synthetic'] else ''}"),
        ("files", landed["files"]),
        ("observations", f"{landed['observations']:,}"),
        ("quarantined", f"{landed['quarantined']:,} (all explained)"),
        ("gates passed", gates),
        ("estimates", f"{landed['estimates']:,}"),
        *(
            ("not runnable", f"{s['study']}: {s['detail']}")
            for s in manifest["studies"]
            if s["status"] == "not_runnable"
        ),
        ("seconds", f"{sum(seconds.values()):.0f}, of which start-up {seconds['start-up']:.0f}"),
        ("report", summary.release / "report" / "index.html"),
        ("database", summary.release / "warehouse.duckdb"),
    ]
    for name, value in rows:
        click.echo(f"{name + ':':<14}{value}")


def plan_lines(home: Home, inputs: Inputs, published: dict[str, Any] | None, *, rebuild: bool) -> Iterable[str]:
    """What a refresh would do, and what differs from the published release (its manifest; None before the first)."""
    kind = "synthetic " if inputs.synthetic else ""
    if not rebuild:
        yield f"nothing to do in {home.path}: its current release holds exactly these {kind}inputs"
        return
    yield f"would build and publish a {kind}release in {home.path}"
    yield f"from {len(inputs.files)} file(s), estimating {', '.join(inputs.studies)}"
    if published is not None:
        now = {
            "inputs": [{"path": name, "sha256": sha256} for name, sha256 in inputs.files],
            "code_hash": inputs.code,
            "seed": inputs.seed,
            "switches": dict(inputs.switches),
        }
        yield f"changed {changes(published, now)}"
