"""`nianjian trace`: one panel value back to its cell, step by step."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import duckdb

from flows.errors import UsageError
from flows.home import Home
from flows.query import open_release

# Columns of estimation samples, by their name, that of the paper's table or of the method specifications, with what their description says
# (formula, unit, paper), the model that computes them and the variables of the dictionary it computes them from
BUILT = """
    select
        columns.table_name as study, columns.column_name, coalesce(columns.comment, '') as description,
        coalesce(constructed.model, '') as model, coalesce(constructed.made_from, '') as made_from
    from duckdb_columns() as columns
    left join seeds.study_variables as named
        on columns.table_name = named.study and columns.column_name = named.column_name
    left join seeds.constructed_variables as constructed on named.constructed_id = constructed.id
    where columns.schema_name = 'studies' and not ends_with(columns.table_name, '_built')
        and list_contains([lower(columns.column_name), lower(named.printed), lower(named.constructed_id)], lower(?))
        and columns.column_name not in ('city_code', 'year')
    order by study, columns.column_index
"""


def trace_lines(home: Home, city: str, year: int, variable: str) -> Iterable[str]:
    """The chain cell, text, number, unit, correction, panel value, filling, study samples; or what a study built.

    Args:
        variable: a variable of the panel, an indicator, or a column of a study's sample (also as the paper names it: distL, VA).

    Raises:
        UsageError: unknown city or variable; close ones are named.
    """
    if (home.manifest() or {}).get("synthetic"):
        yield "SYNTHETIC: no number describes a real city"
    with open_release(home) as connection:
        code, name = _city(connection, city)
        built = _rows(connection, BUILT, [variable])
        for canonical in _variables(connection, variable, known=bool(built)):
            yield from _chain(connection, code, name, year, canonical)
        if built:
            studies = len({row["study"] for row in built})
            yield f"{name} ({code}) {year} {variable}, built by {studies} study sample(s)"
        for row in built:
            yield from _built(connection, row, code, year)


def _chain(connection: duckdb.DuckDBPyConnection, code: str, name: str, year: int, variable: str) -> Iterable[str]:
    yield f"{name} ({code}) {year} {variable}"
    panel = _rows(
        connection,
        "select value, status, file_id, sheet, cell from panel.long where city_code = ? and year = ? and variable = ?",
        [code, year, variable],
    )
    for row in panel:
        yield f"  panel value    {row['value']:.15g}  [{row['status']}]"
    if not panel:
        yield "  panel value    none"
    for row in _rows(
        connection,
        "select status, detail from audit.cell_status where city_code = ? and year = ? and variable = ?",
        [code, year, variable],
    ):
        yield f"  status         {row['status']}{': ' + row['detail'] if row['detail'] else ''}"
    if panel and panel[0]["status"] == "interpolated":
        yield from _neighbours(connection, code, year, variable)
    if panel and panel[0]["status"] == "extended_by_growth":
        yield from _growth(connection, code, year, variable)
    for row in _candidates(connection, code, year, variable):
        yield from _candidate_lines(row)
    yield from _studies(connection, code, year)


def _candidate_lines(row: dict[str, Any]) -> Iterable[str]:
    yield f"  {'won' if row['chosen'] else 'lost'} (rank {row['rank']})   {row['path']} / {row['sheet']}!{row['cell']}  [{row['reason']}]"
    yield f"    text         {row['value_text']!r} under {row['indicator_text']!r} ({row['scope']}) for {row['city_text']!r}"
    yield f"    number       {row['value_printed']:.15g} {row['unit_printed']} -> {row['value_in_unit']:.15g} {row['unit']}"
    if row["correction_id"]:
        yield f"    correction   {row['correction_id']}: {row['correction_reason']} -> {row['value']:.15g}"
    yield f"    file         sha256 {row['sha256']}, {row['kind']}{', edition ' + str(row['edition']) if row['edition'] else ''}"


def _candidates(connection: duckdb.DuckDBPyConnection, code: str, year: int, variable: str) -> list[dict[str, Any]]:
    return _rows(
        connection,
        """
        select
            c.*, o.value_text, o.indicator_text, o.city_text, o.scope, f.path, f.sha256, f.kind, i.unit,
            k.reason as correction_reason
        from panel.candidates as c
        inner join raw.files as f on c.file_id = f.file_id
        inner join raw.observations as o on c.file_id = o.file_id and c.sheet = o.sheet and c.cell = o.cell
        inner join seeds.indicators as i on c.variable = i.variable
        left join seeds.corrections as k on c.correction_id = k.id
        where c.city_code = ? and c.year = ? and c.variable = ?
        order by c.rank
        """,
        [code, year, variable],
    )


def _neighbours(connection: duckdb.DuckDBPyConnection, code: str, year: int, variable: str) -> Iterable[str]:
    rows = _rows(
        connection,
        """
        select year, value, status from panel.long
        where city_code = ? and variable = ? and status not in ('interpolated', 'extended_by_growth')
        qualify
            (year < ? and row_number() over (partition by year < ? order by year desc) = 1)
            or (year > ? and row_number() over (partition by year < ? order by year) = 1)
        """,
        [code, variable, year, year, year, year],
    )
    for row in sorted(rows, key=lambda r: r["year"]):
        yield f"  interpolated between {row['year']}: {row['value']:.15g} [{row['status']}]"


def _growth(connection: duckdb.DuckDBPyConnection, code: str, year: int, variable: str) -> Iterable[str]:
    """The level a value was grown from, and the growth rates from there to its year, each of which can be traced itself."""
    rows = _rows(
        connection,
        """
        select l.variable, l.year, l.value, l.status, l.year = g.base_year as is_base
        from panel.grown_levels as g
        inner join panel.long as l
            on g.city_code = l.city_code
            and (
                l.variable = g.variable and l.year = g.base_year
                or l.variable = g.growth_variable and l.year > g.base_year and l.year <= g.year
            )
        where g.city_code = ? and g.year = ? and g.variable = ?
        order by l.year
        """,
        [code, year, variable],
    )
    for row in rows:
        what = "extended from" if row["is_base"] else f"by {row['variable']}"
        yield f"  {what} {row['year']}: {row['value']:.15g} [{row['status']}]"


def _studies(connection: duckdb.DuckDBPyConnection, code: str, year: int) -> Iterable[str]:
    """Which estimation samples hold the city-year, and what cleaning changed there."""
    for study in _samples(connection):
        query = f'select count(*) as n from studies."{study}" where city_code = ? and year = ?'
        held = _rows(connection, query, [code, year])[0]["n"] > 0
        yield f"  study          {study}: {'in the sample' if held else 'not in the sample'}"
        for row in _changes(connection, study, code, year) if held else []:
            yield f"    {row['status']:<12} {row['variable']}: {row['detail']}"


def _built(connection: duckdb.DuckDBPyConnection, row: dict[str, Any], code: str, year: int) -> Iterable[str]:
    """The value of one column of one study's sample, what it is, what it is made from, and what cleaning did to it."""
    study, column = row["study"], row["column_name"]
    query = f'select "{column}" as value from studies."{study}" where city_code = ? and year = ?'
    found = _rows(connection, query, [code, year])
    value = "not in the sample" if not found else "missing" if found[0]["value"] is None else found[0]["value"]
    yield f"  {study}.{column}: {value:.15g}" if isinstance(value, float) else f"  {study}.{column}: {value}"
    yield f"    what         {row['description']}"
    if row["model"]:
        yield f"    model        {row['model']}"
    yield from _inputs(connection, row["made_from"], code, year)
    for change in _changes(connection, study, code, year):
        if change["variable"] == column:
            yield f"    {change['status']:<12} {change['detail']}"


def _inputs(connection: duckdb.DuckDBPyConnection, made_from: str, code: str, year: int) -> Iterable[str]:
    """What a built value is made from, with the values of the city-year; each variable of a city can be traced to its cell."""
    query = """
        select i.variable, i.scope, p.value, p.status from (select unnest(string_split(?, '|')) as variable) as used
        inner join seeds.indicators as i on used.variable = i.variable
        left join panel.long as p on i.variable = p.variable and p.city_code = ? and p.year = ?
        order by list_position(string_split(?, '|'), i.variable)
    """
    for row in _rows(connection, query, [made_from, code, year, made_from]):
        if row["scope"] not in ("city", "districts"):
            yield f"    from         {row['variable']} (of the {row['scope'].replace('_', ' ')})"
        elif row["value"] is None:
            yield f"    from         {row['variable']}: none"
        else:
            yield f"    from         {row['variable']}: {row['value']:.15g} [{row['status']}]"


def _samples(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Studies with an estimation sample (what a study built before cleaning is not one)."""
    query = """
        select table_name from information_schema.tables
        where table_schema = 'studies' and not ends_with(table_name, '_built') order by 1
    """
    return [row["table_name"] for row in _rows(connection, query, [])]


def _changes(connection: duckdb.DuckDBPyConnection, study: str, code: str, year: int) -> list[dict[str, Any]]:
    query = """
        select variable, status, detail from audit.study_cell_status
        where study = ? and city_code = ? and year = ? order by variable, status
    """
    return _rows(connection, query, [study, code, year])


def _city(connection: duckdb.DuckDBPyConnection, city: str) -> tuple[str, str]:
    rows = _rows(
        connection,
        """
        select distinct c.city_code, c.name_zh from seeds.cities as c
        left join seeds.city_aliases as a on c.city_code = a.city_code
        where c.city_code = ? or c.name_zh = ? or a.alias = ? or lower(c.name_en) = lower(?)
        order by 1
        """,
        [city] * 4,
    )
    if len(rows) == 1:
        return rows[0]["city_code"], rows[0]["name_zh"]
    if rows:
        listed = ", ".join(f"{r['name_zh']} {r['city_code']}" for r in rows)
        raise UsageError(f"--city {city} is ambiguous: {listed}; give the code")
    raise UsageError(f"no city {city} in seeds.cities or seeds.city_aliases")


def _variables(connection: duckdb.DuckDBPyConnection, name: str, *, known: bool = False) -> list[str]:
    """Panel variables of that name or indicator; none only where the name is `known` otherwise."""
    rows = _rows(
        connection,
        """
        select variable from seeds.indicators
        where variable = ? or (indicator = ? and scope = 'city')
        order by variable
        """,
        [name, name],
    )
    if rows or known:
        return [r["variable"] for r in rows]
    near = _rows(
        connection,
        """
        select variable from (
            select variable from seeds.indicators
            union select column_name from duckdb_columns() where schema_name = 'studies'
        )
        order by jaro_winkler_similarity(variable, ?) desc, variable limit 3
        """,
        [name],
    )
    raise UsageError(f"no variable, indicator or study column {name}; close: {', '.join(r['variable'] for r in near)}")


def _rows(connection: duckdb.DuckDBPyConnection, query: str, parameters: list[Any]) -> list[dict[str, Any]]:
    cursor = connection.execute(query, parameters)
    names = [d[0] for d in cursor.description or []]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
