"""Bulk reader of trade rows in BACI form (t, i, j, k, v, q), by DuckDB's own CSV reader."""

from __future__ import annotations

import csv
import re

import duckdb

from landing.header_text import alias_key
from landing.limits import LandingError
from landing.rows.source import RowProblem, RowSource, refuse
from landing.rows.templates import Template, load_templates

_REVISION = re.compile(r"HS_?(\d{2})(?!\d)", re.IGNORECASE)
_DELIMITERS = ",\t;"
MISSING = "('', 'NA', 'N/A', 'NaN', '.')"


def land_trade(kind: str, con: duckdb.DuckDBPyConnection, source: RowSource) -> int:
    """Land trade rows into `raw.<kind>`; returns the number of rows.

    Six-digit product codes get back the leading zeros that spreadsheet programs drop. `quantity_t` is NULL where the
    source says NA, with `quantity_missing`. Lines DuckDB cannot split stay out and are quarantined by line; cells that
    are no numbers become NULL with the text in `problem`. Memory does not grow with the number of rows.
    """
    header, delimiter = _header(source)
    names = _names(header, load_templates(source.seeds)[kind])
    for table in ("reject_errors", "reject_scans"):
        con.execute(f"drop table if exists {table}")
    try:
        con.execute(_insert(kind, header, names, source, delimiter))
    except duckdb.Error as error:
        raise LandingError("unreadable_file", str(error).splitlines()[0], "save it as plain CSV") from error
    refuse(con, source, [*_rejected(con), *_bad_cells(con, kind, source.file_id)])
    row = con.execute(f"select count(*) from raw.{kind} where file_id = ?", [source.file_id]).fetchone()
    return int(row[0]) if row else 0


def _header(source: RowSource) -> tuple[list[str], str]:
    with source.disk.open(encoding="utf-8-sig", errors="replace", newline="") as lines:
        first = lines.readline(100_000)
    delimiter = max(_DELIMITERS, key=first.count)
    return next(csv.reader([first], delimiter=delimiter), []), delimiter


def _names(header: list[str], template: Template) -> dict[str, str]:
    """Template column to the header that holds it."""
    by_key = {alias_key(text): text for text in header}
    names = {
        column.name: by_key[next(iter(column.aliases & by_key.keys()))]
        for column in template.columns
        if not column.aliases.isdisjoint(by_key.keys())
    }
    missing = [column.name for column in template.columns if column.required and column.name not in names]
    if missing:
        raise LandingError(
            "unknown_layout", f"no column {', '.join(missing)}", f"see docs/templates/{template.kind}.csv"
        )
    return names


def _insert(kind: str, header: list[str], names: dict[str, str], source: RowSource, delimiter: str) -> str:
    """One pass over the file; the text of a problem is put together only for the rows that have one."""
    columns = ", ".join(f"{_literal(name)}: 'VARCHAR'" for name in header)
    field = {name: f"coalesce(trim({_identifier(text)}), '')" for name, text in names.items()}
    field.setdefault("quantity_t", "''")
    code = {
        name: f"case when contains({field[name]}, '.') then regexp_replace({field[name]}, '\\.0+$', '') else {field[name]} end"
        for name in ("exporter", "importer", "product_code")
    }
    revision = match.group(1) if (match := _REVISION.search(source.label)) else ""
    return f"""
        insert into raw.{kind} by name
        select
            {_literal(source.file_id)} as file_id,
            row_number, year, exporter, importer, product_code, value_1k_usd, quantity_t,
            case when quantity_t is not null then null when quantity_text = '' then 'blank'
                when unknown_quantity then null else 'not_available' end as quantity_missing,
            {_literal("HS" + revision) if revision else "null"} as hs_revision,
            case when year is null or product_code is null or value_1k_usd is null or unknown_quantity then concat_ws('; ',
                case when year is null then 'year ' || year_text end,
                case when product_code is null then 'product ' || product_text end,
                case when value_1k_usd is null then 'value ' || value_text end,
                case when unknown_quantity then 'quantity ' || quantity_text end) end as problem
        from (
            select *,
                case when try_cast(product_digits as uinteger) is not null and length(product_digits) between 4 and 6
                    then lpad(product_digits, 6, '0') end as product_code,
                quantity_t is null and quantity_text not in {MISSING} as unknown_quantity
            from (
                select
                    row_number() over () as row_number,
                    {field["year"]} as year_text,
                    {field["product_code"]} as product_text,
                    {field["value_1k_usd"]} as value_text,
                    {field["quantity_t"]} as quantity_text,
                    try_cast({field["year"]} as integer) as year,
                    {code["exporter"]} as exporter,
                    {code["importer"]} as importer,
                    {code["product_code"]} as product_digits,
                    try_cast({field["value_1k_usd"]} as double) as value_1k_usd,
                    try_cast({field["quantity_t"]} as double) as quantity_t
                from read_csv({_literal(str(source.disk))}, header = true, delim = {_literal(delimiter)}, quote = '"',
                    columns = {{{columns}}}, store_rejects = true, rejects_limit = 1000)
            )
        )
    """


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _identifier(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def _rejected(con: duckdb.DuckDBPyConnection) -> list[RowProblem]:
    """Lines that do not split into the header's columns."""
    rows = con.execute("select distinct line, error_type::varchar from reject_errors order by line").fetchall()
    return [RowProblem(f"line {line}", "unreadable_row", str(kind).lower(), "correct the line") for line, kind in rows]


def _bad_cells(con: duckdb.DuckDBPyConnection, kind: str, file_id: str) -> list[RowProblem]:
    """Rows with a value that is no number or a code that is no product, one summary a kind of problem."""
    rows = con.execute(
        f"""
        select regexp_extract(problem, '^[a-z]+') as part, count(*), min(row_number), min_by(problem, row_number)
        from raw.{kind} where file_id = ? and problem is not null group by part order by part
    """,
        [file_id],
    ).fetchall()
    return [
        RowProblem(
            f"row {line}",
            "not_a_number" if part != "product" else "wrong_code",
            f"{count:,} rows, first: {text}",
            "correct the cells at their source",
        )
        for part, count, line, text in rows
    ]
