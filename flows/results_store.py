"""Writing result rows into the contract tables of the schema `results`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields

import duckdb
import pandas as pd

from estimation.runner import StudyResult

TABLES: dict[str, str] = {
    "estimates": """
        study varchar, table_id varchar, column_id varchar, dependent varchar, term varchar, estimate double,
        std_error double, statistic double, p_value double, conf_low double, conf_high double, n_obs bigint,
        n_entities bigint, estimator varchar, vcov varchar, spec_hash varchar, data_hash varchar
    """,
    "fit": "study varchar, table_id varchar, column_id varchar, statistic varchar, value double",
    "tests": """
        study varchar, table_id varchar, column_id varchar, test varchar, statistic double, df double,
        p_value double, note varchar
    """,
    "curves": "study varchar, figure_id varchar, series varchar, x double, y double, lower double, upper double",
    "descriptives": """
        study varchar, table_id varchar, variable varchar, n bigint, mean double, sd double, min double, p25 double,
        median double, p75 double, max double
    """,
    "columns": """
        study varchar, table_id varchar, column_id varchar, title varchar, label varchar, convention varchar,
        note varchar, status varchar
    """,
    "studies": "study varchar, title varchar, status varchar, detail varchar, n_obs bigint, n_entities bigint",
}
DESCRIPTIONS = {
    "estimates": "Grain: one term of one column of one table of a study. Limits are 95 %.",
    "fit": "Grain: one fit statistic of one column; every R2 stands under its own name.",
    "tests": "Grain: one test of one column; df is the numerator's for F tests, the note has both.",
    "curves": "Grain: one point of one series of a figure.",
    "descriptives": "Grain: one variable of a study's estimation sample.",
    "columns": "Grain: one column of a table: its title, label, small-sample convention, and whether it could be estimated.",
    "studies": "Grain: one study: estimated, or not runnable with the list of what is missing.",
}


def create_result_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the empty tables of `results` with their descriptions."""
    connection.execute("create schema if not exists results")
    for name, columns in TABLES.items():
        connection.execute(f"create table results.{name} ({columns})")
        connection.execute(f"comment on table results.{name} is '{DESCRIPTIONS[name]}'")


def store_results(connection: duckdb.DuckDBPyConnection, results: Sequence[StudyResult], studies: pd.DataFrame) -> None:
    """Append the rows of all studies, in study order, so that the tables do not depend on who finished first."""
    for result in results:
        for field in fields(result):
            _append(connection, field.name, getattr(result, field.name))
    _append(connection, "studies", studies)


def _append(connection: duckdb.DuckDBPyConnection, table: str, frame: pd.DataFrame) -> None:
    if not frame.empty:
        connection.register("new_rows", frame)
        connection.execute(f"insert into results.{table} by name select * from new_rows")
        connection.unregister("new_rows")
