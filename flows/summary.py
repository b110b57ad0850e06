"""The short summary a refresh ends with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

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
