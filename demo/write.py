"""Write a synthetic edition set: yearbook workbooks in the real layouts, marked as synthetic in every file."""

from __future__ import annotations

import json
from pathlib import Path

from demo.roster import load_roster
from demo.sheet import lay_out
from demo.tables import Table, tables_of
from demo.world import World, draw_world
from demo.xlsx import workbook_bytes

MARK = "SYNTHETIC.json"
NOTICE = (
    "Synthetic numbers written by `nianjian demo`; not data of the National Bureau of Statistics. City names are real."
)
FIRST_DATA_YEAR, LAST_DATA_YEAR = 2005, 2022


def write_demo(directory: Path, *, seed: int, editions: range, cities: int) -> list[Path]:
    """Write the workbooks of `editions` (edition E holds data of year E - 1) and the marks; returns the files in order.

    Raises:
        ValueError: fewer than 30 cities, or editions before 2001.
        FileExistsError: the directory holds files that the demo did not write.
    """
    if editions.start < 2001:
        raise ValueError(f"the demo begins with edition 2001, not {editions.start}")
    _claim(directory)
    roster = load_roster(cities)
    first = min(editions.start - 1, FIRST_DATA_YEAR)
    world = draw_world(roster, range(first, max(editions.stop - 1, LAST_DATA_YEAR + 1)), seed)
    mark = {
        "synthetic": True,
        "notice": NOTICE,
        "seed": seed,
        "cities": len(roster.units),
        "editions": [editions[0], editions[-1]],
    }
    written = [
        _write(directory / MARK, json.dumps(mark, ensure_ascii=False, indent=1).encode() + b"\n"),
        _write(directory / "README.md", f"# Synthetic yearbooks\n\n{NOTICE}\n\nSeed {seed}.\n".encode()),
    ]
    for edition in editions:
        for table in tables_of(edition):
            path = directory / "yearbook" / str(edition) / file_name(table, edition)
            written.append(_write(path, yearbook_sheet(world, table, edition, seed)))
    return written


def file_name(table: Table, edition: int) -> str:
    """Name of a table's workbook, as each edition's files are named."""
    if edition >= 2023:
        return f"{table.number}_{table.zh}.xlsx"
    return f"{edition}_{edition}-{table.number}{f' {table.zh}' if edition == 2022 else ''}.xlsx"


def yearbook_sheet(world: World, table: Table, edition: int, seed: int) -> bytes:
    """The workbook of one table in one edition."""
    year = edition - 1
    at = int(year - world.years[0])
    listed = world.roster.listed(year).to_numpy()
    places = world.roster.units.loc[listed].assign(name=world.roster.names(year)[listed])
    values = {key: array[listed, at] for key, array in world.values.items()}
    layout = lay_out(table, edition, values, places)
    properties = {"synthetic": "true", "notice": NOTICE, "seed": str(seed)}
    return workbook_bytes(layout.name, layout.rows, layout.merges, properties, NOTICE)


def _claim(directory: Path) -> None:
    """An empty or new directory, or one that carries the mark of an earlier demo."""
    if directory.is_dir() and any(directory.iterdir()) and not (directory / MARK).is_file():
        raise FileExistsError(f"{directory} holds files that the demo did not write: name an empty directory")
    directory.mkdir(parents=True, exist_ok=True)


def _write(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path
