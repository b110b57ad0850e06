"""Compare a new edition of the yearbook with the header map: what is known, moved, reworded, added, missing.

Nothing is applied: `write_patch` (in `landing.edition_patch`) writes the proposed lines of the maps as a patch.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from pathlib import Path

from rapidfuzz import fuzz, process

from landing.dictionary import Dictionary, load_dictionary, read_seed
from landing.edition_map import Edition, MapCell, PrintedColumn, map_column, read_edition, read_map, row_counts
from landing.header_text import PATH_SEPARATOR
from landing.history import roster
from landing.places import Places, load_places, resolve_places

LEAST_LIKENESS = 60.0
KINDS = (
    *("known", "moved", "reworded", "added", "missing", "unit_changed", "scope_changed"),
    *("unknown_header", "unknown_unit", "ambiguous_header", "ambiguous_scope"),
)


@dataclass(frozen=True)
class Difference:
    """One finding about a column. `kind` is one of `KINDS`; `proposal` the indicator a fuzzy match suggests, or '';
    `variable` is then the proposed variable and `unit` the one printed."""

    table_id: str
    kind: str
    header: str
    variable: str
    detail: str
    proposal: str = ""
    unit: str = ""


@dataclass(frozen=True)
class TableComparison:
    """One table of the new edition: its findings, its places against the roster, its rows against the edition before."""

    table_id: str
    previous_table_id: str
    path: str
    differences: tuple[Difference, ...]
    rows: int
    previous_rows: int | None
    cities_missing: tuple[str, ...]
    cities_added: tuple[str, ...]
    unknown_places: tuple[tuple[str, str], ...]

    def count(self, kind: str) -> int:
        return sum(difference.kind == kind for difference in self.differences)


@dataclass(frozen=True)
class EditionReport:
    """The comparison of one edition; `absent_tables` are tables of the previous edition without a counterpart, `cells`
    the variables the edition prints with the text of their cell in the header map."""

    edition: int
    previous: int | None
    tables: tuple[TableComparison, ...]
    absent_tables: tuple[str, ...]
    county_tables: tuple[str, ...]
    cells: dict[str, str]

    @property
    def clean(self) -> bool:
        """Whether every column and place of the edition is known already."""
        columns = [item for table in self.tables for item in table.differences]
        unknown = [item for item in columns if item.proposal or item.kind.startswith(("unknown", "ambiguous"))]
        return not unknown and not any(table.unknown_places for table in self.tables)

    def lines(self) -> list[str]:
        """The report as text lines, one paragraph a table."""
        before = f"edition {self.previous}" if self.previous else "no earlier edition in the map"
        lines = [f"edition {self.edition} against {before}: {len(self.tables)} tables"]
        for table in self.tables:
            lines += _table_lines(table)
        lines += [
            f"table {table}: printed by edition {self.previous}, not in these files" for table in self.absent_tables
        ]
        lines += [f"table {table}: county-level cities, kept apart and not compared" for table in self.county_tables]
        return lines


def _table_lines(table: TableComparison) -> list[str]:
    moved = f", before {table.previous_table_id}" if table.previous_table_id not in ("", table.table_id) else ""
    before = "" if table.previous_rows is None else f", before {table.previous_rows}"
    lines = [
        f"table {table.table_id}{moved} ({table.path}): {table.rows} rows{before}; {table.count('known')} columns known"
    ]
    open_items = [item for item in table.differences if item.kind != "known"]
    lines += [f"  {item.kind}: {item.header or item.variable}: {item.detail}" for item in open_items]
    if table.cities_missing:
        lines.append(f"  cities missing ({len(table.cities_missing)}): {', '.join(table.cities_missing)}")
    if table.cities_added:
        lines.append(f"  cities not in the roster ({len(table.cities_added)}): {', '.join(table.cities_added)}")
    lines += [f"  unknown place: {name}: {detail}" for name, detail in table.unknown_places]
    return lines


def compare_edition(directory: Path, seeds: Path, previous: int | Path | None = None) -> EditionReport:
    """Compare the yearbook sheets in `directory` (one edition) with the header map.

    `previous` is the edition to compare with (default: the latest one of the map before this one) or a directory with
    its sheets. Raises ValueError if the directory does not hold exactly one edition, or the map lacks `previous`.
    """
    seeds = Path(seeds)
    dictionary, places = load_dictionary(seeds), load_places(seeds)
    edition = read_edition(Path(directory), seeds, dictionary)
    number, cells, rows = _previous(seeds, dictionary, edition.edition, previous)
    pairs = _table_pairs(edition, cells)
    printed = {column.variable for column in edition.columns if column.variable}
    tables = []
    for table_id, columns in groupby(sorted(edition.columns, key=attrgetter("table_id")), key=attrgetter("table_id")):
        found = list(columns)
        before = pairs.get(table_id, "")
        differences = _differences(found, cells, before, printed, dictionary)
        tables.append(_table(edition, table_id, before, found[0].path, differences, rows, places, seeds))
    absent = sorted({c.table_id for c in cells.values()} - set(pairs.values()) - {""}, key=_table_key)
    return EditionReport(
        edition.edition,
        number,
        tuple(sorted(tables, key=lambda table: _table_key(table.table_id))),
        tuple(absent),
        edition.county_tables,
        map_column(edition),
    )


def _table_key(table_id: str) -> tuple[int, ...]:
    return tuple(int(part) for part in table_id.split("-") if part.isdigit())


def _previous(
    seeds: Path, dictionary: Dictionary, edition: int, previous: int | Path | None
) -> tuple[int | None, dict[str, MapCell], dict[str, int]]:
    """(edition, variable to cell, table to rows) of the edition to compare with."""
    if isinstance(previous, Path):
        before = read_edition(previous, seeds, dictionary)
        cells = {variable: cell for variable, text in map_column(before).items() if (cell := MapCell.parse(text))}
        return before.edition, cells, row_counts(before)
    grid = read_map(seeds)
    filled = [int(e) for e in grid.columns if grid[e].map(lambda text: MapCell.parse(str(text)) is not None).any()]
    if previous is not None and previous not in filled:
        raise ValueError(f"seeds/header_map.csv holds no headers of edition {previous}; it holds {sorted(filled)}")
    number = previous if previous is not None else max((e for e in filled if e < edition), default=None)
    if number is None:
        return None, {}, {}
    cells = {str(v): cell for v, text in grid[number].items() if (cell := MapCell.parse(str(text)))}
    counts = read_seed(seeds, "edition_rows")
    counts = counts[counts["edition"].eq(str(number))]
    return number, cells, dict(zip(counts["table_id"], counts["n_rows"].astype(int), strict=True))


def _table_pairs(edition: Edition, cells: dict[str, MapCell]) -> dict[str, str]:
    """New table to the table of the previous edition that printed most of its variables ('' without any)."""
    pairs = {}
    tables = sorted({column.table_id for column in edition.columns}, key=_table_key)
    for table_id in tables:
        own = [c.variable for c in edition.columns if c.table_id == table_id]
        votes = Counter(cells[variable].table_id for variable in own if variable in cells)
        pairs[table_id] = max(votes, key=lambda table: (votes[table], table == table_id)) if votes else ""
    left = {cell.table_id for cell in cells.values()} - set(pairs.values())
    return {table_id: before or (table_id if table_id in left else "") for table_id, before in pairs.items()}


def _differences(
    columns: list[PrintedColumn], cells: dict[str, MapCell], before: str, printed: set[str], dictionary: Dictionary
) -> list[Difference]:
    """Findings about the columns of one table; `before` is its table in the previous edition, `printed` every variable
    that the new edition prints anywhere."""
    gone = {v: cell for v, cell in cells.items() if cell.table_id == before and v not in printed and before}
    found: list[Difference] = []
    claimed: set[str] = set()
    for column in columns:
        if column.variable:
            found += _of_known(column, cells, gone, dictionary)
        else:
            difference = _of_unknown(column, gone, dictionary)
            claimed.add(difference.variable)
            found.append(difference)
    scopes = {d.variable for d in found if d.kind == "scope_changed"}
    for variable, cell in gone.items():
        if variable not in claimed and not _sibling(variable, scopes, dictionary):
            found.append(
                Difference(
                    columns[0].table_id, "missing", cell.header, variable, f"{variable} is not printed in these files"
                )
            )
    return found


def _sibling(variable: str, others: set[str], dictionary: Dictionary) -> bool:
    own = dictionary.indicator_of_variable.get(variable)
    return any(dictionary.indicator_of_variable.get(other) == own for other in others)


def _of_known(
    column: PrintedColumn, cells: dict[str, MapCell], gone: dict[str, MapCell], dictionary: Dictionary
) -> list[Difference]:
    """Findings about a column whose variable is known; one column may have moved and changed its unit."""

    def finding(kind: str, detail: str) -> Difference:
        return Difference(column.table_id, kind, column.header, column.variable, detail)

    cell = cells.get(column.variable)
    if cell is None:
        own = dictionary.indicator_of_variable[column.variable]
        other = [v for v in gone if dictionary.indicator_of_variable.get(v) == own]
        if other:
            return [finding("scope_changed", f"{column.variable} instead of {', '.join(sorted(other))}")]
        return [finding("added", f"{column.variable}, not in the map of the edition before")]
    found = []
    if cell.table_id != column.table_id:
        found.append(finding("moved", f"{column.variable} from table {cell.table_id}"))
    if cell.header != column.header:
        found.append(finding("reworded", f"{column.variable}, before {cell.header!r}; the alias is known"))
    if cell.unit != column.unit:
        found.append(finding("unit_changed", f"{column.variable} from {cell.unit} to {column.unit}"))
    return found or [finding("known", column.variable)]


def _of_unknown(column: PrintedColumn, gone: dict[str, MapCell], dictionary: Dictionary) -> Difference:
    """A column without a variable; an unknown header gets the most alike known header as a proposal."""
    if column.reason != "unknown_header":
        kind = column.reason if column.reason in KINDS else "unknown_header"
        return Difference(column.table_id, kind, column.header, "", column.detail)
    header, indicator, likeness = propose(column.header, gone, dictionary)
    if not indicator:
        return Difference(column.table_id, "unknown_header", column.header, "", "no known header is alike")
    variable, unit = dictionary.variable.get((indicator, column.scope), ("", ""))
    detail = f"unknown; like {header!r} ({likeness:.0f} %): proposed {variable or indicator}"
    if variable in gone and gone[variable].unit != column.unit:
        detail += f", unit from {gone[variable].unit} to {column.unit or unit}"
    return Difference(column.table_id, "reworded", column.header, variable, detail, indicator, column.unit)


def propose(name: str, gone: dict[str, MapCell], dictionary: Dictionary) -> tuple[str, str, float]:
    """(known header, indicator, likeness 0 to 100) for an unknown header, or ('', '', 0).

    Headers that the same table printed before and prints no more come first; then all aliases.
    """
    for headers in (
        {cell.header: dictionary.indicator_of_variable.get(variable, "") for variable, cell in gone.items()},
        {row["alias"]: row["indicator"] for rows in dictionary.candidates.values() for row in rows},
    ):
        usable = {header: indicator for header, indicator in headers.items() if dictionary.kind.get(indicator)}
        match = process.extractOne(name, sorted(usable), scorer=_likeness, score_cutoff=LEAST_LIKENESS)
        if match:
            return match[0], usable[match[0]], float(match[1])
    return "", "", 0.0


def _likeness(one: str, other: str, **_: object) -> float:
    """Likeness of two header paths by their last levels and as a whole, the better of both."""
    ends = fuzz.ratio(one.split(PATH_SEPARATOR)[-1], other.split(PATH_SEPARATOR)[-1])
    return max(ends, fuzz.ratio(one, other))


def _table(
    edition: Edition,
    table_id: str,
    before: str,
    path: str,
    differences: list[Difference],
    rows: dict[str, int],
    places: Places,
    seeds: Path,
) -> TableComparison:
    here = edition.places[edition.places["table_id"].eq(table_id)].reset_index(drop=True)
    found = resolve_places(places, here.assign(year=here["year"].fillna(edition.edition - 1)))
    year = int(here["year"].dropna().max()) if here["year"].notna().any() else edition.edition - 1
    units = roster(seeds, year)
    name = dict(zip(units["city_code"], units["name_zh"], strict=True))
    seen = set(found["city_code"]) - {""}
    unknown = found["reason"].ne("")
    return TableComparison(
        table_id=table_id,
        previous_table_id=before,
        path=path,
        differences=tuple(differences),
        rows=len(here),
        previous_rows=rows.get(before),
        cities_missing=tuple(name[code] for code in name if code not in seen),
        cities_added=tuple(
            str(text).strip()
            for text, code in zip(here["city_text"], found["city_code"], strict=True)
            if code and code not in name
        ),
        unknown_places=tuple(
            (str(text).strip(), f"{detail}; {hint}")
            for text, detail, hint in zip(
                here.loc[unknown, "city_text"], found.loc[unknown, "detail"], found.loc[unknown, "hint"], strict=True
            )
        ),
    )
