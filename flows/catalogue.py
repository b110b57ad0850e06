"""What a reader finds in SQL: a description of every table and column, and the run that made them."""

from __future__ import annotations

from datetime import datetime

import duckdb

from flows.inputs import Inputs
from flows.manifest import code_version
from flows.results_store import comment
from landing.describe import describe_landing

INVENTED_LISTS = "^(smart_city|ecommerce_city|hitech_zone|did_ecommerce|market_index|marketization|terrain_relief|iv_terrain|robots?_)"
INVENTED = "SYNTHETIC LIST, invented by `nianjian demo`:"
SYNTHETIC_TABLE = "SYNTHETIC (nianjian demo): no number describes a real city."
AUDIT = {
    "runs": "Grain: one run; a release holds the run that built it.",
    "expectations": "Grain: one expectation of one gate, with the rows that broke it (none in a release).",
    "data_dictionary": "Grain: one column of one table of this release.",
    "study_changes": "Grain: one variable of one study, or of the panel: how its values differ from those of the release published before (none before the first).",
    "changed_values": "Grain: one value of a paper's sample that the release published before held and this one holds otherwise, or not at all. Empty before the first release, and between invented economies.",
}
COLUMNS = {
    ("audit", "runs"): {
        "release_id": "Release: UTC start and the first eight digits of the input hash.",
        "started_at": "Start of the run, UTC.",
        "synthetic": "Whether the inputs say that they are synthetic.",
        "input_hash": "SHA-256 over extracts, seeds, code, lock, studies and seed.",
        "code_hash": "SHA-256 over seeds, models, code and lock.",
        "code_version": "git describe of the project.",
        "seed": "Seed of everything that draws.",
    },
    ("audit", "expectations"): {
        "gate": "landed, panel or results.",
        "suite": "Suite of the gate.",
        "expectation": "Great Expectations type.",
        "table_name": "Table checked.",
        "column_name": "Column checked.",
        "success": "Whether it held.",
        "n_checked": "Rows checked.",
        "n_unexpected": "Rows that broke it.",
        "unexpected": "The first ten of them, by key.",
        "meaning": "What it demands, in words.",
    },
    ("audit", "study_changes"): {
        "previous_release": "Release compared with.",
        "study": "Study; panel for the variables of panel.long.",
        "variable": "Column of the study's sample, city_years for its rows, or variable of the panel.",
        "n_before": "Values in that release.",
        "n_now": "Values in this one.",
        "n_added": "City-years that have a value only now.",
        "n_lost": "City-years that had a value only then.",
        "n_changed": "City-years whose value moved at all, by more than the tenth digit.",
        "n_jumps": "City-years whose value moved by more than max_jump of audit.variable_ranges; dummies and counts: moved at all.",
        "largest_change": "Largest absolute change.",
        "largest_at": "City and year of it.",
        "same_sources": "Whether gate 2 judges the row: not for synthetic releases that share less than half of their files.",
        "accepted_by": "Entry of seeds.accepted_changes that explains the change, or the switches that have another value than before.",
    },
    ("audit", "changed_values"): {
        "previous_release": "Release compared with.",
        "study": "Study.",
        "variable": "Column of the study's sample.",
        "city_code": "Six-digit code of the prefecture-level unit.",
        "year": "Year of the data.",
        "value_before": "Number in that release.",
        "value_now": "Number in this one; empty where it is lost.",
        "class_before": "Class in that release, of variables that are words.",
        "class_now": "Class in this one.",
    },
    ("audit", "data_dictionary"): {
        "table_schema": "Schema.",
        "table_name": "Table.",
        "column_name": "Column; empty for the table itself.",
        "data_type": "DuckDB type.",
        "description": "What it holds.",
    },
}


def record_run(connection: duckdb.DuckDBPyConnection, release_id: str, started: datetime, inputs: Inputs) -> None:
    """Write the row of `audit.runs`."""
    connection.execute(
        """
        create table audit.runs as
        select ? as release_id, ?::timestamptz as started_at, ? as synthetic, ? as input_hash, ? as code_hash,
            ? as code_version, ?::bigint as seed
        """,
        [release_id, started, inputs.synthetic, inputs.digest, inputs.code, code_version(), inputs.seed],
    )


def describe(connection: duckdb.DuckDBPyConnection, *, synthetic: bool = False) -> None:
    """Comment the tables dbt did not write, then collect all comments in `audit.data_dictionary`.

    In a synthetic release the comment of every table but the seeds (facts) begins by saying so, and columns that come from lists which nobody
    publishes for all cities say that their list is invented (other policies have their real years).
    """
    describe_landing(connection)
    _describe_variables(connection)
    connection.execute(
        """
        create table audit.data_dictionary
        (table_schema varchar, table_name varchar, column_name varchar, data_type varchar, description varchar)
        """
    )
    for table, text in AUDIT.items():
        comment(connection, f"table audit.{table}", text)
    for (schema, table), columns in COLUMNS.items():
        for column, text in columns.items():
            comment(connection, f'column {schema}.{table}."{column}"', text)
    if synthetic:
        _mark_tables(connection)
    connection.execute(
        """
        insert into audit.data_dictionary
        select schema_name, table_name, '', '', coalesce(comment, '') from duckdb_tables()
        union all
        select c.schema_name, c.table_name, c.column_name, c.data_type, coalesce(c.comment, '')
        from duckdb_columns() as c inner join duckdb_tables() as t using (database_name, schema_name, table_name)
        order by all
        """
    )


def _mark_tables(connection: duckdb.DuckDBPyConnection) -> None:
    rows = connection.execute(
        "select schema_name, table_name, coalesce(comment, '') from duckdb_tables() where schema_name <> 'seeds' order by all"
    ).fetchall()
    for schema, table, text in rows:
        comment(connection, f'table "{schema}"."{table}"', f"{SYNTHETIC_TABLE} {text}".rstrip())
    columns = connection.execute(
        """
        select schema_name, table_name, column_name, coalesce(comment, '') from duckdb_columns()
        where database_name = current_database() and schema_name in ('panel', 'indices', 'studies') and regexp_matches(column_name, ?)
        order by all
        """,
        [INVENTED_LISTS],
    ).fetchall()
    for schema, table, column, text in columns:
        comment(connection, f'column "{schema}"."{table}"."{column}"', f"{INVENTED} {text}".rstrip())


def _describe_variables(connection: duckdb.DuckDBPyConnection) -> None:
    """Columns of the wide panels are variables: their dictionary entry is their description."""
    rows = connection.execute(
        """
        select c.table_name, c.column_name, i.zh_name || ' (' || i.unit || '): ' || coalesce(i.description, '')
        from duckdb_columns() as c inner join seeds.indicators as i on c.column_name = i.variable
        where c.schema_name = 'panel' and c.table_name in ('city_year', 'study_city_year') order by 1, 2
        """
    ).fetchall()
    for table, column, text in rows:
        comment(connection, f'column panel.{table}."{column}"', text)
