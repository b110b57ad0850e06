"""What explains a quarantine row: a correction of the cell, or an entry of the accepted list."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb

from landing.dictionary import read_seed

CORRECTION_ACTIONS = ("multiply", "divide", "replace", "drop")

KEYS = """
create or replace temp table quarantine_keys as
select q.rowid as row, f.path, q.file_id, q.sheet, q.cell, q.reason, q.value_text,
    coalesce(r.city_code, l.city_code, '') as city_code, coalesce(r.variable, h.variable, '') as variable,
    coalesce(r.year, l.year) as year
from audit.quarantine q
join raw.files f on f.file_id = q.file_id
left join raw.resolved r on (r.file_id, r.sheet, r.cell) = (q.file_id, q.sheet, q.cell)
left join landed l on (l.file_id, l.sheet, l.cell) = (q.file_id, q.sheet, q.cell)
left join landing_headers h on h.header = l.header
"""

CORRECTED = """
update audit.quarantine as q set accepted_by = 'correction:' || c.id
from quarantine_keys k
join quarantine_corrections c
    on c.city_code = k.city_code and c.year::integer = k.year and c.variable = k.variable
    and regexp_matches(k.path, c.file_pattern)
join raw.resolved r on (r.file_id, r.sheet, r.cell) = (k.file_id, k.sheet, k.cell)
where q.rowid = k.row and abs(r.value - c.expect::double) <= 1e-9 * abs(c.expect::double)
"""

ACCEPTED = """
update audit.quarantine as q set accepted_by = m.id
from (
    select k.row, arg_min(a.id, a.position) as id
    from quarantine_keys k
    join quarantine_accepted a
        on a.reason = k.reason
        and (a.city_code = '' or a.city_code = k.city_code)
        and (a.variable = '' or a.variable = k.variable)
        and (a.year_from = '' or k.year >= a.year_from::integer)
        and (a.year_to = '' or k.year <= a.year_to::integer)
        and (a.file_pattern = '' or regexp_matches(k.path, a.file_pattern))
        and (a.sheet_pattern = '' or regexp_full_match(k.sheet, a.sheet_pattern))
        and (a.cell_pattern = '' or regexp_full_match(k.cell, a.cell_pattern))
        and (a.value_pattern = '' or regexp_full_match(coalesce(k.value_text, ''), a.value_pattern))
        and (a.until = '' or a.until::date >= $today::date)
    group by k.row
) m
where q.rowid = m.row and q.accepted_by is null
"""

STALE = """
insert into audit.quarantine
select r.file_id, r.sheet, r.cell, o.value_text, 'correction_stale',
    'correction ' || c.id || ' expects ' || c.expect || ', the cell holds ' || o.value_text,
    'the source was fixed? take the entry out of seeds/corrections.csv', null
from quarantine_corrections c
join raw.files f on regexp_matches(f.path, c.file_pattern)
join raw.resolved r
    on r.file_id = f.file_id and r.city_code = c.city_code and r.year = c.year::integer and r.variable = c.variable
join raw.observations o on (o.file_id, o.sheet, o.cell) = (r.file_id, r.sheet, r.cell)
where abs(r.value - c.expect::double) > 1e-9 * abs(c.expect::double)
union all
select f.file_id, '', '', null, 'correction_stale', 'correction ' || c.id || ' matches no cell of this file',
    'correct the entry in seeds/corrections.csv, or take it out', null
from quarantine_corrections c
join raw.files f on regexp_matches(f.path, c.file_pattern)
where f.n_cells > 0 and not exists (
    from raw.resolved r
    where r.file_id = f.file_id and r.city_code = c.city_code and r.year = c.year::integer and r.variable = c.variable
)
"""


def explain_quarantine(con: duckdb.DuckDBPyConnection, seeds: Path, today: date) -> None:
    """Fill `accepted_by`: `correction:<id>`, or the id of the first accepted entry that matches.

    An entry matches by reason and by every field it fills (patterns are regular expressions: anywhere in the path, the
    whole of sheet, cell and value). A correction whose `expect` no longer stands in the cell is a row of its own.
    Raises ValueError for an entry without id, explanation or reason, or with an unknown action.
    """
    _check_entries(seeds)
    for name in ("accepted_quarantine", "corrections"):
        frame = read_seed(seeds, name)
        con.register("quarantine_incoming", frame.assign(position=range(len(frame))))
        short = name.split("_", maxsplit=1)[0]
        con.execute(f"create or replace temp table quarantine_{short} as select * from quarantine_incoming")
        con.unregister("quarantine_incoming")
    con.execute(STALE)
    con.execute(KEYS)
    con.execute(CORRECTED)
    con.execute(ACCEPTED, {"today": today.isoformat()})


def _check_entries(seeds: Path) -> None:
    accepted, corrections = read_seed(seeds, "accepted_quarantine"), read_seed(seeds, "corrections")
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
