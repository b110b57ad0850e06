"""The proposed lines of a new edition as a patch of the seeds that `git apply` takes.

Nothing of it is applied by itself: a person reads the patch, deletes or corrects lines, and applies it.
"""

from __future__ import annotations

import csv
import difflib
import io
from pathlib import Path

from landing.edition_map import EDITION_PREFIX, NOT_PRINTED, MapCell
from landing.new_edition import EditionReport

Rows = list[list[str]]


def write_patch(report: EditionReport, seeds: Path, target: Path) -> int:
    """Write the patch of `report` to `target`; returns the number of files it changes.

    It adds the edition's column to `header_map.csv`, an alias to `header_aliases.csv` for every proposed rewording, and
    the row counts to `edition_rows.csv`. Paths in the patch are `<name of the seeds folder>/...`.
    """
    parts = [
        _diff(seeds, "header_map", _map_rows(report, _read(seeds, "header_map"))),
        _diff(seeds, "header_aliases", _alias_rows(report, _read(seeds, "header_aliases"))),
        _diff(seeds, "edition_rows", _count_rows(report, _read(seeds, "edition_rows"))),
    ]
    text = "".join(parts)
    Path(target).write_text(text, encoding="utf-8", newline="\n")
    return sum(bool(part) for part in parts)


def _read(seeds: Path, name: str) -> Rows:
    with (Path(seeds) / f"{name}.csv").open(encoding="utf-8", newline="") as lines:
        return list(csv.reader(lines))


def _write(rows: Rows) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def _diff(seeds: Path, name: str, rows: Rows) -> str:
    path = Path(seeds) / f"{name}.csv"
    old = path.read_text(encoding="utf-8").splitlines(keepends=True)
    new = _write(rows).splitlines(keepends=True)
    label = f"{Path(seeds).resolve().name}/{name}.csv"
    return "".join(difflib.unified_diff(old, new, f"a/{label}", f"b/{label}", n=3))


def _map_rows(report: EditionReport, rows: Rows) -> Rows:
    """The grid with the edition's column filled: printed and proposed variables.

    What a table prints no more is `not_printed` only if no table of the previous edition is absent from the files.
    """
    head, label = rows[0], f"{EDITION_PREFIX}{report.edition}"
    column = head.index(label) if label in head else len(head)
    items = [item for table in report.tables for item in table.differences]
    missing = [] if report.absent_tables else [item for item in items if item.kind == "missing"]
    cells = {item.variable: NOT_PRINTED for item in missing}
    cells |= {i.variable: str(MapCell(i.table_id, i.header, i.unit)) for i in items if i.proposal and i.variable}
    cells |= report.cells
    new = [[*head[:column], label, *head[column + 1 :]]]
    for row in rows[1:]:
        text = cells.get(row[0], row[column] if column < len(row) else "")
        new.append([*row[:column], text, *row[column + 1 :]])
    blank = [""] * (len(new[0]) - 1)
    for variable in sorted(set(cells) - {row[0] for row in rows[1:]}):
        new.append([variable, *blank])
        new[-1][column] = cells[variable]
    return new


def _alias_rows(report: EditionReport, rows: Rows) -> Rows:
    note = f"edition {report.edition}, proposed by likeness"
    known = {row[0] for row in rows[1:]}
    proposed = {
        item.header: [item.header, item.proposal, "", "", "", "", "", f"{note} (table {item.table_id})"]
        for table in report.tables
        for item in table.differences
        if item.proposal and item.header not in known
    }
    return [*rows, *(proposed[header] for header in sorted(proposed))]


def _count_rows(report: EditionReport, rows: Rows) -> Rows:
    kept = [row for row in rows if row[0] != str(report.edition)]
    return [*kept, *([str(report.edition), table.table_id, str(table.rows)] for table in report.tables)]
