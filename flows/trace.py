"""`nianjian trace`: one panel value back to its cell, step by step."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import duckdb

from flows.errors import UsageError
from flows.home import Home
from flows.query import open_release


def trace_lines(home: Home, city: str, year: int, variable: str) -> Iterable[str]:
    """The chain cell, text, number, unit, correction, panel value, filling, study samples.

    Raises:
        UsageError: unknown city or variable; close ones are named.
    """
    with open_release(home) as connection:
        code, name = _city(connection, city)
        for canonical in _variables(connection, variable):
            yield from _chain(connection, code, name, year, canonical)


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
        where city_code = ? and variable = ? and status <> 'interpolated'
        qualify
            (year < ? and row_number() over (partition by year < ? order by year desc) = 1)
            or (year > ? and row_number() over (partition by year < ? order by year) = 1)
        """,
        [code, variable, year, year, year, year],
    )
    for row in sorted(rows, key=lambda r: r["year"]):
        yield f"  interpolated between {row['year']}: {row['value']:.15g} [{row['status']}]"


def _studies(connection: duckdb.DuckDBPyConnection, code: str, year: int) -> Iterable[str]:
    tables = _rows(
        connection, "select table_name from information_schema.tables where table_schema = 'studies' order by 1", []
    )
    for table in tables:
        query = f'select count(*) as n from studies."{table["table_name"]}" where city_code = ? and year = ?'
        n = _rows(connection, query, [code, year])[0]["n"]
        yield f"  study          {table['table_name']}: {'in the sample' if n else 'not in the sample'}"


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


def _variables(connection: duckdb.DuckDBPyConnection, name: str) -> list[str]:
    rows = _rows(
        connection,
        """
        select variable from seeds.indicators
        where variable = ? or (indicator = ? and scope = 'city')
        order by variable
        """,
        [name, name],
    )
    if rows:
        return [r["variable"] for r in rows]
    near = _rows(
        connection,
        "select variable from seeds.indicators order by jaro_winkler_similarity(variable, ?) desc, variable limit 3",
        [name],
    )
    raise UsageError(f"no variable or indicator {name}; close: {', '.join(r['variable'] for r in near)}")


def _rows(connection: duckdb.DuckDBPyConnection, query: str, parameters: list[Any]) -> list[dict[str, Any]]:
    cursor = connection.execute(query, parameters)
    names = [d[0] for d in cursor.description or []]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
