"""`nianjian land`: read a folder into memory and say what was understood."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb

from flows.home import ROOT
from flows.inputs import read_inputs
from flows.progress import shown


@dataclass(frozen=True)
class LandingText:
    """Lines for the terminal, and the messages nobody has explained."""

    lines: list[str]
    unexplained: list[str]


def land_and_report(directory: Path, show_all: bool) -> LandingText:
    """Land a folder in memory: files and their rows, quarantine by reason, unexplained cells one line each."""
    from landing.load import land

    inputs = read_inputs([directory.resolve()], (), 0)
    with duckdb.connect() as connection:
        with shown("reading") as show:
            report = land(
                [directory], connection, seeds=ROOT / "seeds", synthetic=inputs.synthetic,
                progress=lambda path: show(f"reading {path}"),
            )  # fmt: skip
        files = connection.execute(
            "select kind, path, coalesce(edition::varchar, ''), n_cells from raw.files order by kind, path"
        ).fetchall()
        reasons = connection.execute(
            "select reason, count(*), count(accepted_by) from audit.quarantine group by 1 order by 2 desc, 1"
        ).fetchall()
        accepted = connection.execute(
            """
            select f.path, q.sheet, q.cell, q.reason, q.detail, q.accepted_by
            from audit.quarantine as q left join raw.files as f using (file_id)
            where q.accepted_by is not null order by 1, 2, 3
            """
        ).fetchall()
    lines = [f"{kind:<12}{edition:<6}{path}  {n or 0:,} cells or rows" for kind, path, edition, n in files]
    lines += [f"quarantine  {reason}: {n} ({explained} explained)" for reason, n, explained in reasons]
    if show_all:
        lines += [
            f"explained   {path} / {sheet}!{cell}: {reason}: {detail} [{by}]"
            for path, sheet, cell, reason, detail, by in accepted
        ]
    lines.append(
        f"{report.files} {'synthetic ' if inputs.synthetic else ''}files, {report.observations:,} observations, {report.resolved:,} resolved, {report.quarantined:,} quarantined"
    )
    return LandingText(lines, list(report.unexplained))
