"""Writing result rows into the contract tables of the schema `results`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields

import duckdb
import pandas as pd

from estimation.runner import StudyResult

KEYS = {
    "study": ("varchar", "Study."),
    "table_id": ("varchar", "Table of the study; a figure's estimates stand under the figure's id."),
    "column_id": ("varchar", "Column of the table."),
}
TABLES: dict[str, tuple[str, dict[str, tuple[str, str]]]] = {
    "estimates": (
        "Grain: one term of one column of one table of a study.",
        KEYS
        | {
            "dependent": ("varchar", "Left-hand variable."),
            "term": ("varchar", "Right-hand variable."),
            "estimate": ("double", "Point estimate."),
            "std_error": ("double", "Standard error under `vcov`."),
            "statistic": ("double", "t or z against zero."),
            "p_value": ("double", "Two-sided p-value."),
            "conf_low": ("double", "Lower limit of the 95 % interval."),
            "conf_high": ("double", "Upper limit of the 95 % interval."),
            "n_obs": ("bigint", "Observations used."),
            "n_entities": ("bigint", "Cities used."),
            "estimator": ("varchar", "Estimator."),
            "vcov": ("varchar", "Covariance estimator."),
            "spec_hash": ("varchar", "Hash of the specification, switches included."),
            "data_hash": ("varchar", "Hash of the rows and columns used."),
        },
    ),
    "fit": (
        "Grain: one fit statistic of one column; every R2 stands under its own name.",
        KEYS | {"statistic": ("varchar", "Name of the statistic."), "value": ("double", "Its value.")},
    ),
    "tests": (
        "Grain: one test of one column.",
        KEYS
        | {
            "test": ("varchar", "Name of the test."),
            "statistic": ("double", "Test statistic."),
            "df": ("double", "Degrees of freedom (the numerator's of an F test; the note has both)."),
            "p_value": ("double", "p-value."),
            "note": ("varchar", "Null hypothesis, convention, or why it could not be computed."),
        },
    ),
    "curves": (
        "Grain: one point of one series of a figure.",
        {
            "study": KEYS["study"],
            "figure_id": ("varchar", "Figure."),
            "series": ("varchar", "Series of the figure."),
            "x": ("double", "Horizontal position."),
            "y": ("double", "Value."),
            "lower": ("double", "Lower limit of the 95 % interval."),
            "upper": ("double", "Upper limit of the 95 % interval."),
        },
    ),
    "descriptives": (
        "Grain: one variable of a study's estimation sample.",
        {
            "study": KEYS["study"],
            "table_id": KEYS["table_id"],
            "variable": ("varchar", "Variable of the sample."),
            "n": ("bigint", "Values that are not missing."),
            "mean": ("double", "Mean."),
            "sd": ("double", "Standard deviation (n - 1)."),
            "min": ("double", "Minimum."),
            "p25": ("double", "First quartile."),
            "median": ("double", "Median."),
            "p75": ("double", "Third quartile."),
            "max": ("double", "Maximum."),
        },
    ),
    "columns": (
        "Grain: one column of a table: how it is labelled, which conventions it uses, whether it could be estimated.",
        KEYS
        | {
            "title": ("varchar", "Title of the table or figure."),
            "label": ("varchar", "Label of the column."),
            "convention": ("varchar", "Every small-sample choice, in one sentence."),
            "note": ("varchar", "Remark."),
            "status": ("varchar", "estimated, or not estimated with the reason."),
        },
    ),
    "studies": (
        "Grain: one study of the run.",
        {
            "study": KEYS["study"],
            "title": ("varchar", "Title."),
            "status": ("varchar", "estimated, or not_runnable."),
            "detail": ("varchar", "Variables the extracts do not hold."),
            "n_obs": ("bigint", "Rows of the estimation sample."),
            "n_entities": ("bigint", "Cities of the estimation sample."),
        },
    ),
}


def create_result_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the empty tables of `results`, each table and column with its description."""
    connection.execute("create schema if not exists results")
    for name, (text, columns) in TABLES.items():
        definition = ", ".join(f'"{column}" {kind}' for column, (kind, _) in columns.items())
        connection.execute(f"create table results.{name} ({definition})")
        comment(connection, f"table results.{name}", text)
        for column, (_, meaning) in columns.items():
            comment(connection, f'column results.{name}."{column}"', meaning)


def store_results(connection: duckdb.DuckDBPyConnection, results: Sequence[StudyResult], studies: pd.DataFrame) -> None:
    """Append the rows of all studies, in study order, so that the tables do not depend on who finished first."""
    for result in results:
        for field in fields(result):
            _append(connection, field.name, getattr(result, field.name))
    _append(connection, "studies", studies)


def comment(connection: duckdb.DuckDBPyConnection, what: str, text: str) -> None:
    """Set the comment of a table or column (``what`` is ``table s.t`` or ``column s.t."c"``)."""
    quoted = text.replace("'", "''")
    connection.execute(f"comment on {what} is '{quoted}'")


def _append(connection: duckdb.DuckDBPyConnection, table: str, frame: pd.DataFrame) -> None:
    if not frame.empty:
        connection.register("new_rows", frame)
        connection.execute(f"insert into results.{table} by name select * from new_rows")
        connection.unregister("new_rows")
