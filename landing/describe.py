"""What the tables of landing hold, as comments that SQL users see."""

from __future__ import annotations

import duckdb

TABLES = {
    "raw.files": "Grain: one landed file, by content.",
    "raw.observations": "Grain: one data cell of a city-year source (file_id, sheet, cell); blanks and quarantined cells included.",
    "raw.resolved": "Grain: one data cell whose city, year, indicator, scope and unit are known; the number as printed.",
    "raw.report_words": "Grain: one word of a word list in one government work report.",
    "audit.quarantine": "Grain: one cell or file that was set aside, and why.",
}
COLUMNS = {
    "file_id": "First twelve digits of the file's SHA-256.",
    "sha256": "SHA-256 of the file.",
    "path": "Path inside the folder of extracts.",
    "kind": "Kind of source (seeds.sources).",
    "edition": "Edition of the yearbook; edition E holds data of year E-1.",
    "synthetic": "Whether the file says that it is synthetic.",
    "licence": "Terms of the source.",
    "redistributable": "Whether its cells may be passed on.",
    "landed_at": "When it was landed, UTC.",
    "naming": "Which names the source uses: as printed in that year, or current names for all years.",
    "bytes": "Size of the file.",
    "n_cells": "Data cells or rows landed from it.",
    "sheet": "Sheet of the workbook; empty for text files.",
    "cell": "Cell in A1 notation (text files: column letter and line).",
    "row_number": "Row of the source.",
    "province_text": "Province as printed.",
    "city_text": "Place as printed.",
    "entity_type": "prefecture, county, province, country or group (of cities).",
    "indicator_text": "Header as printed, levels joined.",
    "scope": "Whole city or urban districts.",
    "unit_text": "Unit as printed.",
    "unit": "Unit of the number (seeds.units).",
    "year": "Year of the data.",
    "value_text": "What the cell shows.",
    "missing_reason": "Why there is no number: blank, dash, ellipsis.",
    "table_id": "Number of the table in the yearbook.",
    "flags": "Remarks on the cell, e.g. formula.",
    "city_code": "Six-digit code of the prefecture-level unit.",
    "province_code": "Six-digit code of the province.",
    "indicator": "Indicator of the dictionary.",
    "variable": "Variable of the dictionary.",
    "value": "Number as printed.",
    "source_kind": "Kind of source.",
    "source_rank": "Precedence of the source, 1 first.",
    "reason": "Machine-readable reason.",
    "detail": "What exactly is wrong.",
    "hint": "What to edit.",
    "accepted_by": "Entry of accepted_quarantine or corrections that explains it.",
    "problem": "What could not be used of the row.",
    "place_text": "Place as printed.",
    "place_type": "country, province or prefecture.",
    "word_list": "Word list (seeds.word_lists).",
    "word": "Word counted.",
    "occurrences": "Times it occurs.",
    "quantity_missing": "What the source prints instead of a quantity.",
    "hs_revision": "Revision of the Harmonised System.",
}


def describe_landing(con: duckdb.DuckDBPyConnection) -> None:
    """Comment the tables of `raw` and `audit.quarantine`; row-shaped tables take their templates' descriptions."""
    templates = con.execute("select kind, column_name, description from seeds.row_templates").fetchall()
    by_kind = {(kind, column): text for kind, column, text in templates}
    columns = con.execute(
        """
        select schema_name, table_name, column_name from duckdb_columns()
        where schema_name = 'raw' or (schema_name = 'audit' and table_name = 'quarantine')
        order by all
        """
    ).fetchall()
    for schema, table, column in columns:
        text = by_kind.get((table, column)) or COLUMNS.get(column) or _of_place(by_kind, table, column)
        if text:
            _comment(con, f'column {schema}.{table}."{column}"', text)
    for table in {f"{schema}.{table}" for schema, table, _ in columns}:
        _comment(
            con,
            f"table {table}",
            TABLES.get(table, f"Grain: one row of a source of kind {table.removeprefix('raw.')}."),
        )


def _of_place(by_kind: dict[tuple[str, str], str], table: str, column: str) -> str:
    """Places have two columns: the text printed and the code it resolves to."""
    name, _, part = column.rpartition("_")
    text = by_kind.get((table, name), "")
    return (
        f"{text} ({'as printed' if part == 'text' else 'resolved code'})" if text and part in ("text", "code") else ""
    )


def _comment(con: duckdb.DuckDBPyConnection, what: str, text: str) -> None:
    quoted = text.replace("'", "''")
    con.execute(f"comment on {what} is '{quoted}'")
