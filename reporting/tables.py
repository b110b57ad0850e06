"""Regression tables in journal style: estimates with stars, standard errors below, fit rows, the convention as a note."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

STARS = ((0.01, "***"), (0.05, "**"), (0.1, "*"))
FIT_ROWS = (
    ("nobs", "Observations", "{:,.0f}"),
    ("n_entities", "Cities", "{:,.0f}"),
    ("r2_within", "R² within", "{:.3f}"),
    ("r2_inclusive", "R² including effects", "{:.3f}"),
)


@dataclass(frozen=True)
class RegressionTable:
    """What a template prints: header cells, body rows (label and one cell a column), and notes."""

    table_id: str
    title: str
    dependent: str
    header: list[str]
    labels: list[str]
    body: list[tuple[str, list[str]]]
    fit: list[tuple[str, list[str]]]
    notes: list[str]


def stars(p_value: float) -> str:
    """Stars of the 1, 5 and 10 % levels; none for a missing p-value."""
    return next((mark for level, mark in STARS if p_value < level), "")


def number(value: float, decimals: int = 4) -> str:
    """Fixed decimals, scientific notation where those would show zero, a dash for a missing value."""
    if not np.isfinite(value):
        return "–"
    if value != 0 and abs(value) < 0.5 * 10**-decimals:
        return f"{value:.2e}"
    return f"{value:.{decimals}f}"


def optional(value: float | None, decimals: int = 4) -> str:
    """As `number`; a value that SQL has as NULL is missing."""
    return number(float("nan") if value is None else value, decimals)


def regression_table(
    table_id: str, columns: pd.DataFrame, estimates: pd.DataFrame, fit: pd.DataFrame, labels: Mapping[str, str]
) -> RegressionTable:
    """Lay out one table of one study.

    Args:
        columns, estimates, fit: rows of `results.columns`, `results.estimates`, `results.fit` of this table.
        labels: how to print a variable.
    """
    ids = list(columns["column_id"])
    by_cell = {(row["column_id"], row["term"]): row for row in estimates.to_dict("records")}
    body: list[tuple[str, list[str]]] = []
    for term in dict.fromkeys(estimates["term"]):
        cells = [by_cell.get((c, term)) for c in ids]
        points = ["" if e is None else number(e["estimate"]) + stars(e["p_value"]) for e in cells]
        errors = ["" if e is None else f"({number(e['std_error'])})" for e in cells]
        body += [(labels.get(term, term), points), ("", errors)]
    values = {(row["column_id"], row["statistic"]): row["value"] for row in fit.to_dict("records")}
    fits = [
        (label, [form.format(values[c, name]) if (c, name) in values else "–" for c in ids])
        for name, label, form in FIT_ROWS
    ]
    dependent = next(iter(estimates["dependent"]), "")
    return RegressionTable(
        table_id=table_id,
        title=next(iter(columns["title"]), ""),
        dependent=labels.get(dependent, dependent),
        header=ids,
        labels=[" ".join(filter(None, (row["label"], row["note"]))) for row in columns.to_dict("records")],
        body=body,
        fit=fits,
        notes=_notes(columns),
    )


def _notes(columns: pd.DataFrame) -> list[str]:
    conventions = dict.fromkeys(c for c in columns["convention"] if c)
    failed = [f"{r.column_id} {r.status}" for r in columns.itertuples() if r.status != "estimated"]
    return ["Standard errors in brackets; *** p<0.01, ** p<0.05, * p<0.1.", *conventions, *failed]
