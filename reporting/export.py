"""Exports of a release for other programs: one file a table, with a note on where the numbers come from.

Tables of a synthetic release say so in their name and, as files are renamed and rows appended to others, in a column of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from reporting.escape import escape_formula

SCHEMAS = ("panel", "studies", "results")
TABLES = f"""
    select schema_name, table_name, coalesce(comment, '') as description
    from duckdb_tables() where schema_name in {SCHEMAS} and table_name not like '%\\_built' escape '\\'
        and table_name not in ('candidates', 'straight_lines', 'grown_levels')
    union all
    select schema_name, table_name, coalesce(comment, '') from duckdb_tables()
    where schema_name = 'audit' and table_name in ('cell_status', 'data_dictionary')
    order by all
"""
RESTRICTED = """
    select path, licence from raw.files
    where not redistributable and not synthetic and file_id in (select file_id from panel.long) order by path
"""
SYNTHETIC_COLUMN, SYNTHETIC_VALUE = "synthetic", "nianjian demo"
SYNTHETIC_LABEL = "Written by `nianjian demo`: no number describes a real city."
STATA_NAME = 32
STATA_LABEL = 80


class ExportRefused(Exception):
    """What keeps a table from being written, in one line."""


def export_release(
    connection: duckdb.DuckDBPyConnection, folder: Path, form: str, manifest: Mapping[str, Any], *, own_use: bool
) -> list[Path]:
    """Write panel, samples of studies, results and the data dictionary as files of one format.

    Args:
        connection: read-only connection to the release. folder: new or empty. form: a key of `WRITERS`.
        manifest: of the release. own_use: also write cells of files that may not be passed on.

    Raises:
        ExportRefused: the folder holds something, or cells come from files that may not be passed on.
    """
    if folder.exists() and any(folder.iterdir()):
        raise ExportRefused(f"{folder} is not empty: name a new folder")
    restricted = connection.execute(RESTRICTED).fetchall()
    if restricted and not own_use:
        raise ExportRefused(
            f"the panel holds cells of {len(restricted)} file(s) that may not be passed on, the first {restricted[0][0]} "
            f"({restricted[0][1]}): add --own-use to export them for your own use"
        )
    folder.mkdir(parents=True, exist_ok=True)
    mark = "synthetic_" if manifest["synthetic"] else ""
    written = []
    for schema, table, description in connection.execute(TABLES).fetchall():
        frame = connection.execute(f'select * from "{schema}"."{table}" order by all').df()
        labels = _labels(connection, schema, table)
        if manifest["synthetic"]:
            frame, labels = marked(frame), labels | {SYNTHETIC_COLUMN: SYNTHETIC_LABEL}
        path = folder / f"{mark}{schema}_{table}.{SUFFIXES[form]}"
        WRITERS[form](frame, path, labels, description)
        written.append(path)
    note = folder / "README.txt"
    note.write_text(_note(manifest, restricted), encoding="utf-8")
    return [*written, note]


def marked(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with a last column that says it is synthetic; a table that has such a column of its own says so already."""
    return frame if SYNTHETIC_COLUMN in frame else frame.assign(**{SYNTHETIC_COLUMN: SYNTHETIC_VALUE})


def write_csv(frame: pd.DataFrame, path: Path, labels: Mapping[str, str], description: str) -> None:
    """Text that a spreadsheet program would run as a formula gets an apostrophe in front."""
    harmless(frame).to_csv(path, index=False, encoding="utf-8-sig", lineterminator="\n")


def write_parquet(frame: pd.DataFrame, path: Path, labels: Mapping[str, str], description: str) -> None:
    """Columns as they are in the release."""
    frame.to_parquet(path, index=False)


def write_stata(frame: pd.DataFrame, path: Path, labels: Mapping[str, str], description: str) -> None:
    """Stata 14 and later: names of at most 32 characters, the full name and description as variable label."""
    names = stata_names(list(frame.columns))
    text = {
        names[c]: (labels.get(c, "") if names[c] == c else f"{c}: {labels.get(c, '')}")[:STATA_LABEL]
        for c in frame.columns
    }
    plain = pd.DataFrame({names[c]: _stata_column(frame[c]) for c in frame.columns})
    long = [c for c in plain.columns if plain[c].dtype == object and plain[c].str.len().max() > 2045]
    plain.to_stata(
        path,
        write_index=False,
        version=118,
        variable_labels=text,
        data_label=description[:STATA_LABEL],
        convert_strl=long,
    )


def _stata_column(column: pd.Series) -> pd.Series:
    """Text without gaps, dates as dates, everything else as a number (missing stays missing)."""
    if pd.api.types.is_numeric_dtype(column):  # truth values too
        return column.astype("float64") if column.isna().any() or column.dtype.kind not in "iu" else column
    if pd.api.types.is_datetime64_any_dtype(column):
        return column.dt.tz_localize(None) if column.dt.tz is not None else column
    return column.astype(object).where(column.notna(), "").map(str).astype(object)


def stata_names(columns: list[str]) -> dict[str, str]:
    """Names of at most 32 characters, told apart by a number where the cut makes two alike."""
    names: dict[str, str] = {}
    for column in columns:
        short, number = column[:STATA_NAME], 1
        while short in names.values():
            number += 1
            short = f"{column[: STATA_NAME - len(str(number)) - 1]}_{number}"
        names[column] = short
    return names


def harmless(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with every text escaped that a spreadsheet program would take for a formula."""
    text = [c for c in frame.columns if not pd.api.types.is_numeric_dtype(frame[c])]
    return frame.assign(**{c: frame[c].map(_harmless, na_action="ignore") for c in text})


def _harmless(value: object) -> object:
    return escape_formula(value) if isinstance(value, str) else value


def _labels(connection: duckdb.DuckDBPyConnection, schema: str, table: str) -> dict[str, str]:
    rows = connection.execute(
        "select column_name, coalesce(comment, '') from duckdb_columns() where schema_name = ? and table_name = ?",
        [schema, table],
    ).fetchall()
    return dict(rows)


def _note(manifest: Mapping[str, Any], restricted: list[tuple[str, str]]) -> str:
    lines = [
        f"Nianjian release {manifest['release_id']}, built {manifest['created_at']} by code {manifest['code_version']}.",
        f"Inputs {manifest['input_hash']}.",
    ]
    if manifest["synthetic"]:
        lines.append("SYNTHETIC DATA: every number comes from invented yearbooks; none describes a real city.")
        lines.append(f"Every table carries the column {SYNTHETIC_COLUMN} ({SYNTHETIC_VALUE}).")
    if restricted:
        lines.append("For your own use: cells of these files may not be passed on.")
        lines += [f"  {path} ({licence})" for path, licence in restricted]
    lines.append("Every column is described in audit_data_dictionary.")
    return "\n".join(lines) + "\n"


SUFFIXES = {"csv": "csv", "parquet": "parquet", "stata": "dta"}
WRITERS: dict[str, Callable[[pd.DataFrame, Path, Mapping[str, str], str], None]] = {
    "csv": write_csv,
    "parquet": write_parquet,
    "stata": write_stata,
}
