"""What explains a quarantine row: a correction of the cell, or an entry of the accepted list."""

from __future__ import annotations

import re
from collections.abc import Hashable
from datetime import date
from pathlib import Path

import duckdb
import pandas as pd

from landing.dictionary import read_seed

TOLERANCE = 1e-9
# Only cells with a city, a variable and a number can be corrected
RESOLVED_REASONS = frozenset({"impossible_value", "magnitude_jump", "entity_not_valid"})
CORRECTION_ACTIONS = ("multiply", "divide", "replace", "drop")

KEYS = """
select q.rowid as row, q.file_id, q.sheet, q.cell, q.reason, coalesce(q.value_text, '') as value_text, f.synthetic,
    coalesce(l.city_code, '') as city_code, coalesce(l.variable, '') as variable, coalesce(l.year, -1) as year, l.value
from audit.quarantine q
join raw.files f on f.file_id = q.file_id
left join (
    select h.file_id, h.sheet, c.cell, c.city_code, c.year, h.variable, case when c.usable then c.value end as value
    from landed c join landing_columns h on h.head = c.head
) l on (l.file_id, l.sheet, l.cell) = (q.file_id, q.sheet, q.cell)
"""

STALE = """
insert into audit.quarantine
select r.file_id, r.sheet, r.cell, o.value_text, 'correction_stale',
    'correction ' || c.id || ' expects ' || c.expect || ', the cell holds ' || o.value_text,
    'the source was fixed? take the entry out of seeds/corrections.csv', null
from quarantine_matched c
join raw.resolved r
    on r.file_id = c.file_id and r.city_code = c.city_code and r.year = c.year::integer and r.variable = c.variable
join raw.observations o on (o.file_id, o.sheet, o.cell) = (r.file_id, r.sheet, r.cell)
where abs(r.value - c.expect::double) > 1e-9 * abs(c.expect::double)
union all
select c.file_id, '', '', null, 'correction_stale', 'correction ' || c.id || ' matches no cell of this file',
    'correct the entry in seeds/corrections.csv, or take it out', null
from quarantine_matched c
join (
    select file_id, year, variable, list(city_code) as cities from raw.resolved semi join quarantine_matched using (file_id)
    group by all
) r on r.file_id = c.file_id and r.year = c.year::integer and r.variable = c.variable
where not list_contains(r.cities, c.city_code)
"""


def explain_quarantine(con: duckdb.DuckDBPyConnection, seeds: Path, today: date) -> None:
    """Fill `accepted_by`: `correction:<id>`, or the id of the first accepted entry that matches.

    An entry matches by reason and by every field it fills (patterns are regular expressions: anywhere in the path, the
    whole of sheet, cell and value). A correction whose `expect` no longer stands in the cell is a row of its own;
    corrections of real files never touch synthetic ones.
    Raises ValueError for an entry without id, explanation or reason, or with an unknown action.
    """
    accepted, corrections = read_seed(seeds, "accepted_quarantine"), read_seed(seeds, "corrections")
    _check_entries(accepted, corrections)
    files = con.execute("select file_id, path, synthetic from raw.files").fetchall()
    real = [(file_id, path) for file_id, path, synthetic in files if not synthetic]
    _flag_stale(con, corrections, real)
    if con.execute("select count(*) from audit.quarantine").fetchone() == (0,):
        return
    keys = con.execute(KEYS).df()
    by = pd.Series("", index=keys.index, dtype=object)
    groups = dict(list(keys.groupby("reason")))
    for reason in RESOLVED_REASONS & groups.keys():
        for entry in corrections.to_dict("records") if real else []:
            by[_corrected(groups[reason], entry, real)] = f"correction:{entry['id']}"
    for entry in accepted.to_dict("records"):
        if entry["reason"] in groups and (not entry["until"] or date.fromisoformat(entry["until"]) >= today):
            hit = _matches(groups[entry["reason"]], entry, [(file_id, path) for file_id, path, _ in files])
            by[[row for row in hit if not by[row]]] = entry["id"]
    con.register("quarantine_incoming", pd.DataFrame({"row": keys["row"], "by": by})[by.ne("")])
    con.execute("""
        update audit.quarantine q set accepted_by = i.by from quarantine_incoming i where q.rowid = i.row
    """)
    con.unregister("quarantine_incoming")


def _matching(pattern: str, files: list[tuple[str, str]]) -> list[str]:
    """Ids of the files whose path holds the pattern."""
    found = re.compile(pattern)
    return [file_id for file_id, path in files if found.search(path)]


def _corrected(keys: pd.DataFrame, entry: dict[Hashable, str], real: list[tuple[str, str]]) -> pd.Index:
    """Rows whose printed number the correction expects."""
    expect = float(entry["expect"])
    hit = keys["city_code"].eq(entry["city_code"]) & keys["year"].eq(int(entry["year"]))
    hit &= keys["variable"].eq(entry["variable"]) & ((keys["value"] - expect).abs() <= TOLERANCE * abs(expect))
    return (
        keys.index[hit & keys["file_id"].isin(_matching(entry["file_pattern"], real))] if hit.any() else keys.index[:0]
    )


def _matches(keys: pd.DataFrame, entry: dict[Hashable, str], files: list[tuple[str, str]]) -> pd.Index:
    """Rows of the entry's reason that match every field it fills."""
    rows = keys
    for column in ("city_code", "variable"):
        if entry[column]:
            rows = rows[rows[column].eq(entry[column])]
    if entry["year_from"]:
        rows = rows[rows["year"].ge(int(entry["year_from"]))]
    if entry["year_to"]:
        rows = rows[rows["year"].between(0, int(entry["year_to"]))]
    if entry["file_pattern"]:
        rows = rows[rows["file_id"].isin(_matching(entry["file_pattern"], files))]
    for column, field in (("sheet", "sheet_pattern"), ("cell", "cell_pattern"), ("value_text", "value_pattern")):
        if entry[field]:
            pattern = re.compile(entry[field])
            hit = [isinstance(text, str) and pattern.fullmatch(text) is not None for text in rows[column]]
            rows = rows[pd.Series(hit, index=rows.index, dtype=bool)]
    return rows.index


def _flag_stale(con: duckdb.DuckDBPyConnection, corrections: pd.DataFrame, real: list[tuple[str, str]]) -> None:
    matched = [
        {**entry, "file_id": file_id}
        for entry in corrections.to_dict("records")
        for file_id in _matching(entry["file_pattern"], real)
    ]
    if matched:
        con.register("quarantine_incoming", pd.DataFrame(matched))
        con.execute("create or replace temp table quarantine_matched as select * from quarantine_incoming")
        con.unregister("quarantine_incoming")
        con.execute(STALE)


def _check_entries(accepted: pd.DataFrame, corrections: pd.DataFrame) -> None:
    for name, frame, wanted in (
        ("accepted_quarantine", accepted, ("id", "reason", "explanation")),
        ("corrections", corrections, ("id", "file_pattern", "city_code", "year", "variable", "expect", "reason")),
    ):
        for column in wanted:
            if frame[column].eq("").any():
                line = frame.index[frame[column].eq("")][0] + 2
                raise ValueError(f"seeds/{name}.csv line {line}: {column} is empty")
        if frame["id"].duplicated().any():
            raise ValueError(f"seeds/{name}.csv: id {frame['id'][frame['id'].duplicated()].iloc[0]!r} stands twice")
    unknown = sorted(set(corrections["action"]) - set(CORRECTION_ACTIONS))
    if unknown:
        raise ValueError(f"seeds/corrections.csv: action {unknown}; allowed: {list(CORRECTION_ACTIONS)}")
