"""What a reader of a row-shaped source is given, and how it reports rows it cannot use."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from landing.limits import Limits

SHOWN = 5


@dataclass(frozen=True)
class RowSource:
    """A row-shaped file: `disk` to read from, `label` (path as people know it), `file_id`, declared `naming`."""

    disk: Path
    label: str
    file_id: str
    seeds: Path
    naming: str = "current"
    limits: Limits = field(default_factory=Limits)


RowReader = Callable[[duckdb.DuckDBPyConnection, RowSource], int]


@dataclass(frozen=True)
class RowProblem:
    """A cell of a row-shaped source that cannot be used; `cell` in A1 notation."""

    cell: str
    reason: str
    detail: str
    hint: str = ""


def refuse(con: duckdb.DuckDBPyConnection, source: RowSource, problems: Iterable[RowProblem], sheet: str = "") -> None:
    """One quarantine row a reason and detail, with the number of cells and the first of them."""
    grouped: dict[tuple[str, str, str], list[str]] = {}
    for problem in problems:
        grouped.setdefault((problem.reason, problem.detail, problem.hint), []).append(problem.cell)
    rows = [
        (source.file_id, sheet, reason, f"{detail} ({_where(cells)})", hint)
        for (reason, detail, hint), cells in grouped.items()
    ]
    if rows:
        con.executemany("insert into audit.quarantine values (?, ?, '', null, ?, ?, ?, null)", rows)


def _where(cells: list[str]) -> str:
    shown = ", ".join(cells[:SHOWN])
    return shown if len(cells) <= SHOWN else f"{len(cells):,} cells: {shown}, ..."
