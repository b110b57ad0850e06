"""Land directories of extracts: every file read, every data cell kept, what cannot be used quarantined."""

from __future__ import annotations

import csv
import gc
import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import lru_cache
from pathlib import Path

import duckdb
import pandas as pd

from landing.archive import SourceFile, source_files
from landing.collect import Collector, Context
from landing.dictionary import Dictionary, load_dictionary, parse_unit, read_seed
from landing.edition import edition_of, edition_years, table_of
from landing.header_block import Problem
from landing.layout import Block, read_blocks
from landing.limits import LandingError, Limits, check_file_size
from landing.numbers import cell_text, parse_number
from landing.places import Places, load_places
from landing.plausibility import check_plausibility
from landing.quarantine import explain_quarantine
from landing.resolve import add_cells, create_cells, resolve
from landing.roles import Roles, load_roles, plain
from landing.rows import ROW_READERS, RowSource, create_row_tables
from landing.tables import create_tables
from landing.tabular import csv_sheet, dta_sheet
from landing.workbook import Sheet, read_workbook

CELL_KINDS = frozenset({"yearbook", "export", "panel", "index"})
CHUNK_CELLS = 2_000_000
SYNTHETIC_LICENCE = "synthetic, made by this project (MIT)"
BRACKET = re.compile(r"\(([^()]+)\)")
NO_TABLE = Problem(
    "unknown_layout",
    "no sheet of it holds a number",
    "fetch it anew, or declare its kind documentation in seeds/sources.csv",
)
# Reasons that hold for a column, a place or a whole table: one line, however many cells
ONE_PROBLEM = [
    *("unknown_header", "ambiguous_header", "unknown_unit", "ambiguous_unit", "ambiguous_scope"),
    *("unknown_city", "undeclared_source", "wrong_year"),
]
READERS: dict[str, Callable[[bytes, Limits], list[Sheet]]] = {
    ".xlsx": read_workbook,
    ".xlsm": read_workbook,
    ".xls": read_workbook,
    ".csv": lambda data, limits: [csv_sheet(data, limits)],
    ".tsv": lambda data, limits: [csv_sheet(data, limits)],
    ".dta": lambda data, limits: [dta_sheet(data, limits)],
}


@dataclass(frozen=True)
class Source:
    """What `seeds/sources.csv` declares about a file."""

    kind: str
    source_rank: int
    naming: str
    licence: str = ""
    redistributable: bool = False


@dataclass(frozen=True)
class LandingReport:
    """Counts of one landing; `unexplained` holds one located line for each problem that nothing accepts
    (a header, place or source that is not understood is one problem, however many cells it has)."""

    files: int
    observations: int
    resolved: int
    quarantined: int
    accepted: int
    unexplained: list[str] = field(default_factory=list)


@dataclass
class Landing:
    """State of one run: reference data, what is gathered, rows for raw.files and file-level quarantine."""

    con: duckdb.DuckDBPyConnection
    seeds: Path
    roles: Roles
    dictionary: Dictionary
    places: Places
    sources: list[tuple[re.Pattern[str], Source]]
    provinces: frozenset[str]
    limits: Limits
    gathered: Collector = field(default_factory=Collector)
    files: list[tuple[object, ...]] = field(default_factory=list)
    refused: list[tuple[str, str, str, str, str]] = field(default_factory=list)
    told: dict[str, tuple[str, int | None]] = field(default_factory=dict)  # kind and edition the sheets of a file tell

    def refuse(self, file_id: str, sheet: str, error: LandingError | Problem) -> None:
        self.refused.append((file_id, sheet, error.reason, error.detail, error.hint))


def land(
    directories: Sequence[Path],
    con: duckdb.DuckDBPyConnection,
    *,
    seeds: Path,
    synthetic: bool = False,
    progress: Callable[[str], None] | None = None,
    limits: Limits | None = None,
    landed_at: datetime | None = None,
    today: date | None = None,
) -> LandingReport:
    """Read every file under `directories` into the tables of `landing.tables` of the open connection.

    A file or sheet that cannot be read becomes one quarantine row, the rest still lands. `landed_at` is only a note
    (default: now, UTC); no other result depends on it, but for accepted entries that end before `today`.
    """
    seeds, stamp = Path(seeds), landed_at or datetime.now(UTC)
    run = _start(con, seeds, limits or Limits())
    with _without_collector():
        for source in source_files([Path(directory) for directory in directories], run.limits):
            if progress:
                progress(source.path)
            declared = _declared(run, source)
            n_cells = _land_file(run, source, declared)
            if run.gathered.pending >= CHUNK_CELLS:
                add_cells(con, run.gathered)
            _note_file(run, source, declared, n_cells, synthetic, stamp)
        add_cells(con, run.gathered)
    resolve(con, run.gathered, run.dictionary, run.places, read_seed(seeds, "unit_misprints"))
    _store_files(run)
    check_plausibility(con, run.dictionary, seeds)
    explain_quarantine(con, seeds, today or stamp.date())
    report = _report(con)
    for (name,) in con.execute("select table_name from duckdb_tables() where temporary").fetchall():
        if name.startswith(("landed", "landing_", "plausibility_", "quarantine_")):
            con.execute(f"drop table temp.{name}")
    return report


@contextmanager
def _without_collector() -> Iterator[None]:
    """Gathering makes millions of containers and no cycles; the collector would walk them over and over."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _start(con: duckdb.DuckDBPyConnection, seeds: Path, limits: Limits) -> Landing:
    """Empty tables and the reference data of the seeds."""
    stamps = tuple(sorted((path.name, path.stat().st_mtime_ns, path.stat().st_size) for path in seeds.glob("*.csv")))
    roles, dictionary, places = _reference(seeds, stamps)
    provinces = frozenset(name for name in places.province_of_name if not name.isascii())
    create_tables(con)
    create_row_tables(con, seeds)
    create_cells(con)
    return Landing(con, seeds, roles, dictionary, places, load_sources(seeds), provinces, limits)


@lru_cache(maxsize=4)
def _reference(seeds: Path, stamps: tuple[tuple[str, int, int], ...]) -> tuple[Roles, Dictionary, Places]:
    """Reference data, read again when a seed file has changed."""
    return load_roles(seeds), load_dictionary(seeds), load_places(seeds)


def _note_file(
    run: Landing, source: SourceFile, declared: Source | None, n_cells: int, synthetic: bool, stamp: datetime
) -> None:
    """The row of raw.files; the same bytes under another edition are refused."""
    kind, edition = run.told.get(source.file_id, (declared.kind if declared else "undeclared", None))
    if kind == "yearbook":
        edition = edition_of(source.path, source.folder) or edition
        for copy in source.copies:
            if edition_of(copy, source.folder) != edition:
                detail = f"the same bytes as {copy}, another edition"
                run.refuse(source.file_id, "", Problem("wrong_year", detail, "one of them is a wrong download"))
    licence, redistributable = (declared.licence, declared.redistributable) if declared else ("", False)
    if synthetic:  # whatever the layout imitates, nobody else made the numbers
        licence, redistributable = SYNTHETIC_LICENCE, True
    naming = declared.naming if declared else "as_printed" if kind == "yearbook" else ""
    run.files.append(
        (
            source.file_id,
            source.sha256,
            source.path,
            kind,
            edition,
            synthetic,
            licence,
            redistributable,
            stamp,
            naming,
            source.size,
            n_cells,
        )
    )


def load_sources(seeds: Path) -> list[tuple[re.Pattern[str], Source]]:
    """Path patterns and what they declare, first match wins."""
    with (seeds / "sources.csv").open(encoding="utf-8", newline="") as lines:
        return [
            (
                re.compile(row["file_pattern"]),
                Source(
                    row["kind"],
                    int(row["source_rank"]),
                    row["naming"],
                    row["licence"],
                    row["redistributable"] == "true",
                ),
            )
            for row in csv.DictReader(lines)
        ]


def _declared(run: Landing, source: SourceFile) -> Source | None:
    return next((declared for pattern, declared in run.sources if pattern.search(source.path)), None)


def _land_file(run: Landing, source: SourceFile, declared: Source | None) -> int:
    try:
        if source.error:
            raise source.error
        if declared and declared.kind == "documentation":
            return 0
        if declared and declared.kind not in CELL_KINDS:
            return _land_rows(run, source, declared)
        reader = READERS.get(source.suffix)
        if reader is None:
            raise LandingError(
                "unreadable_file",
                f"no reader for {source.suffix or 'a file without suffix'}",
                f"save it as one of {', '.join(sorted(READERS))}",
            )
        sheets = reader(source.read(run.limits), run.limits)
    except LandingError as error:
        run.refuse(source.file_id, "", error)
        return 0
    refused = len(run.refused)
    n_cells = sum(_land_sheet(run, source, declared, sheet) for sheet in sheets)
    if n_cells == 0 and len(run.refused) == refused:
        run.refuse(source.file_id, "", NO_TABLE)
    return n_cells


def _land_rows(run: Landing, source: SourceFile, declared: Source) -> int:
    """A row-shaped source; a member of an archive is read from a temporary file named by its hash."""
    reader = ROW_READERS.get(declared.kind)
    if reader is None:
        raise LandingError("no_reader", f"no reader for sources of kind {declared.kind}", "correct seeds/sources.csv")
    check_file_size(source.size, run.limits.table_bytes)
    if source.disk is not None and source.content is None:
        return reader(run.con, _row_source(run, source, declared, source.disk))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{source.file_id}{source.suffix}"
        path.write_bytes(source.read(run.limits))
        return reader(run.con, _row_source(run, source, declared, path))


def _row_source(run: Landing, source: SourceFile, declared: Source, disk: Path) -> RowSource:
    return RowSource(disk, source.path, source.file_id, run.seeds, declared.naming, run.limits)


def _land_sheet(run: Landing, source: SourceFile, declared: Source | None, sheet: Sheet) -> int:
    try:
        blocks = read_blocks(sheet, run.roles, run.provinces)
    except Exception as error:
        run.refuse(
            source.file_id,
            sheet.name,
            Problem(
                "unreadable_file", f"the layout reader failed on this sheet: {error!r}", "report it with the sheet"
            ),
        )
        return 0
    if not blocks:
        return _land_unknown(run, source, sheet)
    return sum(run.gathered.add(sheet, block, _context(run, source, declared, block)) for block in blocks)


def _land_unknown(run: Landing, source: SourceFile, sheet: Sheet) -> int:
    """A sheet without a table: its cells are kept if any is a number, and the sheet is quarantined as a whole."""
    filled = [
        (row, column) for row, cells in enumerate(sheet.rows) for column, value in enumerate(cells) if value != ""
    ]
    if not any(parse_number(cell_text(sheet.rows[row][column]))[0] is not None for row, column in filled):
        return 0
    run.refuse(
        source.file_id,
        sheet.name,
        Problem(
            "unknown_layout",
            "no header with a column of places, codes or provinces",
            "add the heading of its label column to seeds/column_roles.csv, declare its kind in seeds/sources.csv, or accept the sheet in seeds/accepted_quarantine.csv",
        ),
    )
    for position in filled:
        run.gathered.add_unread(source.file_id, sheet, position)
    return len(filled)


def _context(run: Landing, source: SourceFile, declared: Source | None, block: Block) -> Context:
    title = block.title_text or Path(source.path).stem
    problem = None
    if declared is None and (block.table_id or table_of(source.path)):
        declared = Source("yearbook", 1, "as_printed")
    if declared is None:
        declared = Source("undeclared", 9, "current")
        problem = Problem(
            "undeclared_source", "its naming and rank are not declared", "add a line to seeds/sources.csv"
        )
    yearbook = declared.kind == "yearbook"
    edition = (edition_of(source.path, source.folder) or block.edition) if yearbook else None
    year, edition, wrong = _year(block, edition, yearbook)
    run.told[source.file_id] = (declared.kind, edition)
    if yearbook and len(years := edition_years(source.path, source.folder)) > 1:
        wrong = Problem(
            "wrong_year", f"folder and file name give the editions {list(years)}", "move the file to its edition"
        )
    table_id = block.table_id or (table_of(source.path) if yearbook else "")
    return Context(
        file_id=source.file_id,
        kind=declared.kind,
        naming=declared.naming,
        source_rank=declared.source_rank,
        edition=edition,
        year=year,
        table_id=table_id,
        title=title,
        unit_text=_unit_above(run.dictionary, block),
        scope_text=_scope_above(run.roles, title),
        county=table_id.startswith("3-") or "县级市" in title,
        problem=problem or wrong,
    )


def _year(block: Block, edition: int | None, yearbook: bool) -> tuple[int | None, int | None, Problem | None]:
    """(year of the values, edition, problem): a yearbook's edition E prints the year E - 1 unless a title says more."""
    years = block.title_years
    own_axis = "year" in block.labels or any(column.year for column in block.columns)
    if own_axis:
        return None, edition, None
    if len(years) > 1:
        return None, edition, Problem("wrong_year", f"the title names the years {years}", "name one year in the title")
    if not yearbook:
        return (years[0] if years else None), None, None
    if not years:
        return (edition - 1 if edition else None), edition, None
    if edition and years[0] != edition - 1:
        detail = f"the title says {years[0]}, edition {edition} holds {edition - 1}"
        return years[0], edition, Problem("wrong_year", detail, "move the file to the folder of its edition")
    return years[0], years[0] + 1, None


def _unit_above(dictionary: Dictionary, block: Block) -> str:
    """Unit line above the table, else a bracket of the title that holds a unit."""
    if block.unit_line:
        return block.unit_line
    brackets = [text for line in block.title for text in BRACKET.findall(line)]
    return next((text for text in reversed(brackets) if parse_unit(dictionary, text)), "")


def _scope_above(roles: Roles, title: str) -> str:
    found = [text for text in BRACKET.findall(plain(title)) if roles.scope(text)]
    return found[0] if found else ""


def _store_files(run: Landing) -> None:
    for table, rows in (("raw.files", run.files), ("audit.quarantine", run.refused)):
        if rows:
            frame = pd.DataFrame(rows)
            run.con.register("landing_incoming", frame)
            columns = "*" if table == "raw.files" else "#1, #2, '', null, #3, #4, #5, null"
            run.con.execute(f"insert into {table} select {columns} from landing_incoming")
            run.con.unregister("landing_incoming")


def _report(con: duckdb.DuckDBPyConnection) -> LandingReport:
    def count(query: str) -> int:
        row = con.execute(query).fetchone()
        return int(row[0]) if row else 0

    lines = con.execute(
        """
        select f.path || case when q.sheet <> '' then '/' || q.sheet else '' end
            || case when any_value(q.cell) <> '' then '!' || arg_min(q.cell, (length(q.cell), q.cell)) else '' end
            || case when count(*) > 1 then ' and ' || (count(*) - 1) || ' more cells' else '' end || ': ' || q.reason || ': '
            || case when count(*) = 1 and any_value(q.value_text) <> '' then '''' || any_value(q.value_text) || ''': ' else '' end
            || q.detail || case when q.hint <> '' then '; ' || q.hint else '' end
        from audit.quarantine q join raw.files f using (file_id)
        where q.accepted_by is null
        group by f.path, q.sheet, q.reason, q.detail, q.hint,
            case when not list_contains($one_problem, q.reason) then q.cell end
        order by f.path, q.sheet, min((length(q.cell), q.cell)), q.reason
        """,
        {"one_problem": ONE_PROBLEM},
    ).fetchall()
    return LandingReport(
        files=count("select count(*) from raw.files"),
        observations=count("select count(*) from raw.observations"),
        resolved=count("select count(*) from raw.resolved"),
        quarantined=count("select count(*) from audit.quarantine"),
        accepted=count("select count(*) from audit.quarantine where accepted_by is not null"),
        unexplained=[line for (line,) in lines],
    )
