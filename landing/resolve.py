"""Gathered tables to raw.observations, raw.resolved and audit.quarantine, in SQL.

Texts are resolved once each (headers, places by year, numbers that are not plain digits) and joined to the cells.
"""

from __future__ import annotations

from functools import lru_cache, partial

import duckdb
import numpy as np
import pandas as pd

from landing.collect import Collector
from landing.dictionary import Dictionary, parse_unit
from landing.header_text import alias_key, compact, split_path
from landing.headers import resolve_headers
from landing.numbers import parse_number
from landing.places import Places, resolve_places
from landing.printed_units import contradicting_units

# Cells come with a text or with a number, and leave with a text, and a value where the text is a plain number.
# A number's text is the shortest that reads back as the same number, whole numbers without a point (numbers.cell_text).
CELLS = """
create or replace temp table landing_cells (line integer, head integer, value_text varchar, value double)
"""
PLAIN_NUMBER = "case when translate(value_text, '0123456789.-', '') = '' then try_cast(value_text as double) end"
ADD_CELLS = f"""
insert into landing_cells
select line, head,
    case when value is null then value_text
        when value = trunc(value) and abs(value) < 1e16 then value::bigint::varchar
        else value::varchar end,
    case when value is null then {PLAIN_NUMBER} when isfinite(value) then value end
from landing_incoming
"""

# All other texts (exponents included) are parsed once each
TEXTS = "select distinct value_text from landing_cells where value is null"

RESOLUTION = ["indicator", "scope", "unit", "variable", "reason", "detail", "hint"]

MARKS = """
create or replace temp table landing_marks as
with one as (
    select line, head, string_agg(distinct flag, '|' order by flag) as flag,
        min({'reason': reason, 'detail': detail, 'hint': hint}) filter (reason <> '') as problem
    from landing_all_marks
    group by line, head
)
select line, head, flag, coalesce(problem.reason, '') as reason, problem.detail, problem.hint from one
"""

PLACE_YEARS = """
select distinct p.place, coalesce(h.year, r.year, b.year, -1) as year, p.city_text, p.province_text, p.code_text, p.naming
from landing_rows r
join landing_blocks b on b.block = r.block and not b.county
join (select distinct block, row_key, year from landing_heads) h on h.block = r.block and h.row_key = r.row_key
join landing_places p on p.place = r.place
order by all
"""

# One row a column of a table under one row label, with all that its header and its table say. `source` is what may hold
# one value only for a city, year and variable: a file, or a table of a yearbook's edition whatever the files it is in
COLUMNS = """
create or replace temp table landing_columns as
select
    h.head, h.letters, b.file_id, b.sheet,
    case when b.kind = 'yearbook' and b.table_id <> '' and b.edition is not null then b.edition || ' ' || b.table_id
        else b.file_id end as source,
    b.table_id, b.kind, b.source_rank, b.edition, b.county, b.flags,
    h.year as head_year, b.year as block_year,
    d.indicator_text, d.indicator, d.scope, d.variable, d.unit, d.unit_label,
    case when d.indicator = 'not_a_variable' then 'nothing' when b.reason <> '' then 'block' when h.reason <> '' then 'head'
    end as culprit_above,
    d.reason <> '' as header_fails
from landing_heads h
join landing_blocks b on b.block = h.block
join landing_headers d on d.header = h.header
"""

# `culprit` names the table whose reason stands in the way of a cell, the first that does in this order; `usable` cells
# have a number and a city (values outside a unit's years stay with their city: the panel shows them as set aside)
LANDED = """
create or replace temp table landed as
with cells as (
    select
        c.line, c.head, c.value_text, c.value, h.letters, h.county, h.flags, h.variable, r.row, r.place,
        coalesce(h.head_year, r.year, h.block_year) as year,
        case when h.county then -1 else r.place end as place_asked,
        coalesce(h.head_year, r.year, h.block_year, -1) as year_asked,
        case when c.value is null then c.value_text end as text_asked,
        h.culprit_above,
        case
            when h.header_fails then 'header'
            when r.reason <> '' then 'row'
            when h.head_year <> r.year or coalesce(h.head_year, r.year, h.block_year) is null then 'year'
        end as culprit_beside
    from landing_cells c
    join landing_rows r on r.line = c.line
    join landing_columns h on h.head = c.head
),
judged as (
    select
        c.line, c.head, c.place, c.year, c.variable,
        c.letters || (c.row + 1) as cell,
        case
            when c.county then 'county'
            when coalesce(p.place_type, '') = '' then 'prefecture'
            else p.place_type
        end as entity_type,
        coalesce(p.city_code, '') as city_code,
        c.value_text,
        coalesce(c.value, n.value) as value,
        n.missing_reason,
        case
            when c.flags <> '' or m.flag <> '' or p.flags <> ''
                then concat_ws('|', nullif(c.flags, ''), nullif(m.flag, ''), nullif(p.flags, ''))
        end as flags,
        case
            when c.culprit_above = 'nothing' then null
            when n.missing_reason is not null then case
                when m.reason in ('formula_not_calculated', 'merged_data') then 'mark' end
            when c.culprit_above is not null then c.culprit_above
            when m.reason <> '' then 'mark'
            when c.culprit_beside is not null then c.culprit_beside
            when p.reason <> '' and p.reason <> 'entity_not_valid' then 'place'
            when n.detail is not null then 'number'
            when p.reason <> '' then 'entity'
        end as culprit
    from cells c
    left join landing_place_years p on p.place = c.place_asked and p.year = c.year_asked
    left join landing_numbers n on n.value_text = c.text_asked
    left join landing_marks m on m.line = c.line and m.head = c.head
)
select * exclude (variable),
    value is not null and city_code <> '' and entity_type = 'prefecture' and variable <> ''
        and coalesce(culprit, 'entity') = 'entity' as usable
from judged
"""

OBSERVATIONS = """
insert into raw.observations
select h.file_id, h.sheet, l.cell, t.province_text, t.city_text, l.entity_type, h.indicator_text, h.scope,
    h.unit_label, l.year, l.value_text, l.missing_reason, h.table_id, coalesce(l.flags, '')
from landed l
join landing_columns h on h.head = l.head
join landing_places t on t.place = l.place
"""

RESOLVED = """
insert into raw.resolved
select h.file_id, h.sheet, l.cell, l.city_code, l.year, h.indicator, h.scope, h.variable, l.value, h.unit,
    h.edition, h.kind, h.source_rank, coalesce(l.flags, '')
from landed l
join landing_columns h on h.head = l.head
where l.usable
"""

# Groups are found by the hash of their key, the few that differ within looked at closely
DUPLICATES = """
create or replace temp table landing_duplicates as
with series as (
    select head, source, variable, dense_rank() over (order by source, variable) as series from landing_columns
),
odd as (
    select hash(s.series, l.city_code, l.year) as key
    from landed l join series s on s.head = l.head
    where l.usable
    group by key
    having min(l.value) <> max(l.value)
)
select s.source, l.city_code, l.year, s.variable
from landed l
join series s on s.head = l.head
semi join odd on odd.key = hash(s.series, l.city_code, l.year)
where l.usable
group by all
having min(l.value) <> max(l.value)
"""

DUPLICATE_CELLS = """
update landed l set usable = false, culprit = coalesce(l.culprit, 'duplicate')
from landing_columns h
where l.usable and h.head = l.head
    and exists (
        from landing_duplicates d
        where (d.source, d.city_code, d.year, d.variable) = (h.source, l.city_code, l.year, h.variable)
    )
"""

QUARANTINE = """
insert into audit.quarantine
select k.file_id, k.sheet, l.cell, l.value_text,
    case l.culprit
        when 'block' then b.reason when 'head' then h.reason when 'mark' then m.reason when 'header' then d.reason
        when 'row' then r.reason when 'year' then 'wrong_year' when 'place' then p.reason when 'entity' then p.reason
        when 'duplicate' then 'duplicate_cell' else 'not_a_number'
    end,
    case l.culprit
        when 'block' then b.detail when 'head' then h.detail when 'mark' then m.detail when 'header' then d.detail
        when 'row' then r.detail when 'place' then p.detail when 'entity' then p.detail when 'number' then n.detail
        when 'year' then case when h.year <> r.year then 'header and row name different years'
            else 'no year in title, header, row or path' end
        when 'duplicate' then 'another cell of this file or table holds another value for ' || t.city_text || ' ' || l.year || ' '
            || k.variable
    end,
    case l.culprit
        when 'block' then b.hint when 'head' then h.hint when 'mark' then m.hint when 'header' then d.hint
        when 'row' then r.hint when 'place' then p.hint when 'entity' then p.hint
        when 'number' then 'correct it in seeds/corrections.csv, or accept its loss in seeds/accepted_quarantine.csv'
        when 'year' then 'name the year in the title, or put the file into a folder named by its edition'
        when 'duplicate' then 'delete one of them, or tell the headers apart'
    end,
    null
from landed l
join landing_columns k on k.head = l.head
join landing_rows r on r.line = l.line
join landing_blocks b on b.block = r.block
join landing_heads h on h.head = l.head
join landing_headers d on d.header = h.header
join landing_places t on t.place = l.place
left join landing_place_years p
    on p.place = case when b.county then -1 else l.place end and p.year = coalesce(l.year, -1)
left join landing_numbers n on n.value_text = l.value_text
left join landing_marks m on m.line = l.line and m.head = l.head
where l.culprit is not null
"""

LOOSE = """
insert into raw.observations
select file_id, sheet, cell, '', '', '', '', '', '', null, value_text, null, '', coalesce(nullif(reason, ''), 'unknown_layout')
from landing_loose;
insert into audit.quarantine
select file_id, sheet, cell, value_text, reason, detail, hint, null from landing_loose where reason <> ''
"""


def create_cells(con: duckdb.DuckDBPyConnection) -> None:
    con.execute(CELLS)


def add_cells(con: duckdb.DuckDBPyConnection, gathered: Collector) -> None:
    """Move the cells gathered so far into the database."""
    con.register("landing_incoming", gathered.take_cells())
    con.execute(ADD_CELLS)
    con.unregister("landing_incoming")


def resolve(
    con: duckdb.DuckDBPyConnection, gathered: Collector, dictionary: Dictionary, places: Places, misprints: pd.DataFrame
) -> None:
    """Resolve the gathered cells and write the three tables; all cells have been added before."""
    for name in ("blocks", "rows", "places", "heads"):
        _store(con, f"landing_{name}", getattr(gathered, name).arrow())
    _store(con, "landing_all_marks", gathered.marks.arrow())
    con.execute(MARKS)
    _store(con, "landing_headers", _headers(dictionary, misprints, gathered.headers.arrow().to_pandas()))
    _store(con, "landing_place_years", _place_years(places, con.execute(PLACE_YEARS).df()))
    _store(con, "landing_numbers", _numbers(con.execute(TEXTS).fetchall()))
    _store(con, "landing_loose", gathered.loose.arrow())
    for statement in (COLUMNS, LANDED, "drop table landing_cells", DUPLICATES):
        con.execute(statement)
    if con.execute("select count(*) from landing_duplicates").fetchone() != (0,):
        con.execute(DUPLICATE_CELLS)
    for statement in (OBSERVATIONS, RESOLVED, QUARANTINE, LOOSE):
        con.execute(statement)


def _store(con: duckdb.DuckDBPyConnection, name: str, frame: object) -> None:
    con.register("landing_incoming", frame)
    con.execute(f"create or replace temp table {name} as select * from landing_incoming")
    con.unregister("landing_incoming")


def _headers(dictionary: Dictionary, misprints: pd.DataFrame, headers: pd.DataFrame) -> pd.DataFrame:
    found = resolve_headers(
        dictionary,
        headers.assign(
            edition=_edition_classes(dictionary, headers["edition"]),
            table_title=headers["table_title"].str.replace(r"(?:19|20)\d{2}年?", "", regex=True),
        ),
    )
    frame = pd.concat([headers[["header", "indicator_text"]], found[RESOLUTION]], axis=1)
    label = lru_cache(maxsize=None)(partial(_unit_label, dictionary))
    frame["unit_label"] = [
        label(path, above, origin)
        for path, above, origin in zip(headers["indicator_text"], headers["unit_text"], found["unit_from"], strict=True)
    ]
    known = set(zip(*(misprints[c] for c in ("edition", "table_id", "chinese", "english")), strict=True))
    units = lru_cache(maxsize=None)(partial(contradicting_units, dictionary))
    told = lru_cache(maxsize=None)(partial(_scope_told, dictionary))
    for at, (asked, answer) in enumerate(zip(headers.itertuples(), found.itertuples(), strict=True)):
        if answer.reason or not answer.variable:
            continue
        doubt = None
        pair = units(asked.indicator_text, asked.unit_text)
        if pair and (_plain_edition(asked.edition), asked.table_id, *pair) not in known:
            doubt = (
                "ambiguous_unit",
                f"{answer.name!r}: prints {pair[0]} in Chinese and {pair[1]} in English",
                "add a line to seeds/unit_misprints.csv if the Chinese unit is right",
            )
        elif (
            asked.must_print_scope
            and not asked.scope_text
            and not told(asked.indicator_text, answer.indicator, answer.alias)
        ):
            doubt = (
                "ambiguous_scope",
                f"{answer.name!r}: neither header nor title says which of {dictionary.scopes[str(answer.indicator)]}",
                "name the scope of this heading in seeds/header_aliases.csv",
            )
        if doubt:
            frame.loc[frame.index[at], ["variable", "reason", "detail", "hint"]] = ["", *doubt]
    return frame


def _plain_edition(edition: object) -> str:
    return str(int(edition)) if isinstance(edition, (int, float)) and edition == edition else ""


def _scope_told(dictionary: Dictionary, path: str, indicator: str, alias: str) -> bool:
    """Whether there is only one scope, or the header's text or its alias names it."""
    if len(dictionary.scopes[indicator]) == 1 or any(p.scopes for p in split_path(path, dictionary.unit_of_label)):
        return True
    return any(row["scope"] for row in dictionary.candidates.get(alias_key(alias), []))


def _edition_classes(dictionary: Dictionary, editions: pd.Series) -> pd.Series:
    """For each edition the first one asked for that no alias tells from it."""
    limits = {int(year) for year in dictionary.aliases["edition_from"] if year}
    limits |= {int(year) + 1 for year in dictionary.aliases["edition_to"] if year}
    spans = np.searchsorted(sorted(limits), editions.fillna(-1), side="right")
    return editions.groupby(spans).transform("min")


def _unit_label(dictionary: Dictionary, path: str, above: str, origin: str) -> str:
    """The unit as it is printed, in the header or above the table; '' where the dictionary supplies it."""
    if origin == "sheet":
        return above
    if origin != "header":
        return ""
    brackets = [part.split(")")[0] for part in compact(path).split("(")[1:]]
    units = [text for text in reversed(brackets) if parse_unit(dictionary, text)]
    return next((text for text in units if not text.isascii()), units[0] if units else "")


def _place_years(places: Places, asked: pd.DataFrame) -> pd.DataFrame:
    found = resolve_places(places, asked)
    return pd.concat([asked[["place", "year"]], found], axis=1).astype({"place": "int32", "year": "int32"})


def _numbers(texts: list[tuple[str]]) -> pd.DataFrame:
    parsed = [(text, *parse_number(text)) for (text,) in texts]
    frame = pd.DataFrame(parsed, columns=["value_text", "value", "missing_reason", "detail"])
    frame["value"] = frame["value"].astype("float64")
    frame["reason"] = frame["detail"].notna().map({True: "not_a_number", False: None})
    return frame.astype({"value_text": "string", "missing_reason": "string", "detail": "string", "reason": "string"})
