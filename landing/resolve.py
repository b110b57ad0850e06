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

# A text of these characters that casts to a number is one; all others (exponents included) are parsed once each.
PLAIN_NUMBER = "translate(value_text, '0123456789.-', '') = '' and try_cast(value_text as double) is not null"

NUMBERS = f"""
create or replace temp table landing_texts as
select distinct value_text from landing_cells where not ({PLAIN_NUMBER})
"""

RESOLUTION = ["indicator", "scope", "unit", "variable", "reason", "detail", "hint"]

MARKS = """
create or replace temp table landing_marks as
with one as (
    select block, row, col, string_agg(distinct flag, '|' order by flag) as flag,
        min({'reason': reason, 'detail': detail, 'hint': hint}) filter (reason <> '') as problem
    from landing_all_marks
    group by block, row, col
)
select block, row, col, flag, coalesce(problem.reason, '') as reason, problem.detail, problem.hint from one
"""

PLACE_YEARS = """
select distinct p.place, coalesce(h.year, r.year, b.year, -1) as year, p.city_text, p.province_text, p.code_text, p.naming
from landing_rows r
join landing_blocks b on b.block = r.block and not b.county
join (select distinct block, row_key, year from landing_heads) h on h.block = r.block and h.row_key = r.row_key
join landing_places p on p.place = r.place
order by all
"""

# One row a column of a table under one row label, with all that its header and its table say
COLUMNS = """
create or replace temp table landing_columns as
select
    row_number() over (order by h.block, h.row_key, h.col) as head, h.block, h.row_key, h.col, h.letters, h.header,
    b.file_id, b.sheet, b.table_id, b.kind, b.source_rank, b.edition, b.county, b.flags,
    h.year as head_year, b.year as block_year,
    d.indicator_text, d.indicator, d.scope, d.variable, d.unit, d.unit_label,
    case when d.indicator = 'not_a_variable' then 'nothing' when b.reason <> '' then 'block' when h.reason <> '' then 'head'
    end as culprit_above,
    d.reason <> '' as header_fails
from landing_heads h
join landing_blocks b on b.block = h.block
join landing_headers d on d.header = h.header
"""

# `culprit` names the table whose reason stands in the way of a cell, the first that does in this order
LANDED = """
create or replace temp table landed as
with cells as (
    select
        c.block, c.row, c.col, c.value_text, h.head, h.county, h.flags, r.place, r.row_key,
        coalesce(h.head_year, r.year, h.block_year) as year,
        case when h.county then -1 else r.place end as place_asked,
        coalesce(h.head_year, r.year, h.block_year, -1) as year_asked,
        h.culprit_above,
        case
            when h.header_fails then 'header'
            when r.reason <> '' then 'row'
            when h.head_year <> r.year or coalesce(h.head_year, r.year, h.block_year) is null then 'year'
        end as culprit_beside
    from landing_cells c
    join landing_rows r on r.block = c.block and r.row = c.row
    join landing_columns h on h.block = c.block and h.row_key = r.row_key and h.col = c.col
)
select
    c.block, c.row, c.col, c.head, c.place, c.year,
    case
        when c.county then 'county'
        when coalesce(p.place_type, '') = '' then 'prefecture'
        else p.place_type
    end as entity_type,
    coalesce(p.city_code, '') as city_code,
    c.value_text,
    case when n.value_text is null then try_cast(c.value_text as double) else n.value end as value,
    n.missing_reason,
    concat_ws('|', nullif(c.flags, ''), nullif(m.flag, ''), nullif(p.flags, '')) as flags,
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
left join landing_numbers n on n.value_text = c.value_text
left join landing_marks m on m.block = c.block and m.row = c.row and m.col = c.col
"""

OBSERVATIONS = """
insert into raw.observations
select h.file_id, h.sheet, h.letters || (l.row + 1), t.province_text, t.city_text, l.entity_type, h.indicator_text, h.scope,
    h.unit_label, l.year, l.value_text, l.missing_reason, h.table_id, l.flags
from landed l
join landing_columns h on h.head = l.head
join landing_places t on t.place = l.place
"""

# Values outside a unit's years stay with their city: the panel shows them as set aside
RESOLVED = """
insert into raw.resolved
select h.file_id, h.sheet, h.letters || (l.row + 1), l.city_code, l.year, h.indicator, h.scope, h.variable, l.value, h.unit,
    h.edition, h.kind, h.source_rank, l.flags
from landed l
join landing_columns h on h.head = l.head
where l.value is not null and l.city_code <> '' and l.entity_type = 'prefecture' and h.variable <> ''
    and (l.culprit is null or l.culprit = 'entity')
"""

DUPLICATES = """
create or replace temp table landing_duplicates as
with keyed as (
    select hash(file_id, city_code, year, variable) as key, value from raw.resolved
)
select r.file_id, r.city_code, r.year, r.variable
from raw.resolved r
semi join (select key from keyed group by key having min(value) <> max(value)) k
    on k.key = hash(r.file_id, r.city_code, r.year, r.variable)
group by all
having min(r.value) <> max(r.value)
"""

DUPLICATE_CELLS = """
create or replace temp table landing_duplicate_cells as
select r.file_id, r.sheet, r.cell, r.city_code, r.year, r.variable
from raw.resolved r
join landing_duplicates using (file_id, city_code, year, variable);
delete from raw.resolved r
where exists (from landing_duplicate_cells d where (d.file_id, d.sheet, d.cell) = (r.file_id, r.sheet, r.cell));
insert into audit.quarantine
select d.file_id, d.sheet, d.cell, l.value_text, 'duplicate_cell',
    'another cell of this file holds another value for ' || t.city_text || ' ' || d.year || ' ' || d.variable,
    'delete one of them, or tell the headers apart', null
from landing_duplicate_cells d
join landing_columns h on h.file_id = d.file_id and h.sheet = d.sheet
join landed l on l.head = h.head and h.letters || (l.row + 1) = d.cell
join landing_places t on t.place = l.place
where l.culprit is null
"""

QUARANTINE = """
insert into audit.quarantine
select k.file_id, k.sheet, k.letters || (l.row + 1), l.value_text,
    case l.culprit
        when 'block' then b.reason when 'head' then h.reason when 'mark' then m.reason when 'header' then d.reason
        when 'row' then r.reason when 'year' then 'wrong_year' when 'place' then p.reason when 'entity' then p.reason else 'not_a_number'
    end,
    case l.culprit
        when 'block' then b.detail when 'head' then h.detail when 'mark' then m.detail when 'header' then d.detail
        when 'row' then r.detail when 'place' then p.detail when 'entity' then p.detail when 'number' then n.detail
        when 'year' then case when h.year <> r.year then 'header and row name different years'
            else 'no year in title, header, row or path' end
    end,
    case l.culprit
        when 'block' then b.hint when 'head' then h.hint when 'mark' then m.hint when 'header' then d.hint
        when 'row' then r.hint when 'place' then p.hint when 'entity' then p.hint
        when 'number' then 'correct it in seeds/corrections.csv, or accept its loss in seeds/accepted_quarantine.csv'
        when 'year' then 'name the year in the title, or put the file into a folder named by its edition'
    end,
    null
from landed l
join landing_columns k on k.head = l.head
join landing_blocks b on b.block = l.block
join landing_rows r on r.block = l.block and r.row = l.row
join landing_heads h on h.block = l.block and h.row_key = r.row_key and h.col = l.col
join landing_headers d on d.header = k.header
left join landing_place_years p
    on p.place = case when b.county then -1 else l.place end and p.year = coalesce(l.year, -1)
left join landing_numbers n on n.value_text = l.value_text
left join landing_marks m on m.block = l.block and m.row = l.row and m.col = l.col
where l.culprit is not null
"""

LOOSE = """
insert into raw.observations
select file_id, sheet, cell, '', '', '', '', '', '', null, value_text, null, '', coalesce(nullif(reason, ''), 'unknown_layout')
from landing_loose;
insert into audit.quarantine
select file_id, sheet, cell, value_text, reason, detail, hint, null from landing_loose where reason <> ''
"""


def resolve(
    con: duckdb.DuckDBPyConnection, gathered: Collector, dictionary: Dictionary, places: Places, misprints: pd.DataFrame
) -> None:
    """Resolve the gathered cells and write the three tables. Needs the chunks of cells in temp table landing_cells."""
    for name in ("blocks", "rows", "places", "heads"):
        _store(con, f"landing_{name}", getattr(gathered, name).arrow())
    _store(con, "landing_all_marks", gathered.marks.arrow())
    con.execute(MARKS)
    _store(con, "landing_headers", _headers(dictionary, misprints, gathered.headers.arrow().to_pandas()))
    _store(con, "landing_place_years", _place_years(places, con.execute(PLACE_YEARS).df()))
    con.execute(NUMBERS)
    _store(con, "landing_numbers", _numbers(con.execute("select value_text from landing_texts").fetchall()))
    _store(con, "landing_loose", gathered.loose.arrow())
    for statement in (COLUMNS, LANDED, OBSERVATIONS, RESOLVED, QUARANTINE, LOOSE, DUPLICATES):
        con.execute(statement)
    if con.execute("select count(*) from landing_duplicates").fetchone() != (0,):
        con.execute(DUPLICATE_CELLS)


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
                f"prints {pair[0]} in Chinese and {pair[1]} in English",
                "add a line to seeds/unit_misprints.csv if the Chinese unit is right",
            )
        elif (
            asked.must_print_scope
            and not asked.scope_text
            and not told(asked.indicator_text, answer.indicator, answer.alias)
        ):
            doubt = (
                "ambiguous_scope",
                f"neither header nor title says which of {dictionary.scopes[str(answer.indicator)]}",
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
