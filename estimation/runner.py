"""From a study and its sample to result rows: pure, no database; `flows` stores what comes back."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from estimation.core.frame import EstimationError
from estimation.core.results import Estimates
from estimation.did import event_study
from estimation.panel.fit import PanelFit, fit_panel
from estimation.study import Column, EventStudy, Study, Table, spec_hash

# Sums run through vector instructions whose order depends on where memory happens to lie: the last two or three of sixteen digits vary
# between runs. Ten digits are stored, so that equal inputs give byte-identical tables.
DIGITS = 10

ESTIMATES = (
    "study", "table_id", "column_id", "dependent", "term", "estimate", "std_error", "statistic", "p_value", "conf_low",
    "conf_high", "n_obs", "n_entities", "estimator", "vcov", "spec_hash", "data_hash",
)  # fmt: skip
FIT = ("study", "table_id", "column_id", "statistic", "value")
TESTS = ("study", "table_id", "column_id", "test", "statistic", "df", "p_value", "note")
CURVES = ("study", "figure_id", "series", "x", "y", "lower", "upper")
DESCRIPTIVES = ("study", "table_id", "variable", "n", "mean", "sd", "min", "p25", "median", "p75", "max")
COLUMNS = ("study", "table_id", "column_id", "title", "label", "convention", "note", "status")


@dataclass(frozen=True)
class StudyResult:
    """Result rows of one study, one frame a table of the schema `results`."""

    estimates: pd.DataFrame
    fit: pd.DataFrame
    tests: pd.DataFrame
    curves: pd.DataFrame
    descriptives: pd.DataFrame
    columns: pd.DataFrame


def run_study(study: Study, sample: pd.DataFrame) -> StudyResult:
    """Estimate every column and figure of a study.

    A column that cannot be estimated (too few rows, nothing varies) is reported in ``columns.status`` with the reason;
    it does not stop the others.

    Args:
        study: the checked description.
        sample: (n, columns) the estimation sample, one row an (entity, time); order is irrelevant.

    Raises:
        EstimationError: the sample lacks a column the study names, or is empty.
    """
    _check_columns(study, sample)
    sample = sample.sort_values([study.entity, study.time], kind="stable").reset_index(drop=True)
    rows: dict[str, list[dict[str, Any]]] = {"estimates": [], "fit": [], "tests": [], "curves": [], "columns": []}
    for table in study.tables:
        for column in table.columns:
            _collect(rows, _run_column(study, table, column, sample))
    for figure in study.event_studies:
        _collect(rows, _run_event_study(study, figure, sample))
    return StudyResult(
        estimates=_frame(rows["estimates"], ESTIMATES),
        fit=_frame(rows["fit"], FIT),
        tests=_frame(rows["tests"], TESTS),
        curves=_frame(rows["curves"], CURVES),
        descriptives=_frame(list(_describe(study, sample)), DESCRIPTIVES),
        columns=_frame(rows["columns"], COLUMNS),
    )


def data_hash(frame: pd.DataFrame) -> str:
    """First 16 hex digits of the SHA-256 over column names and values; row order is part of it, so sort first."""
    digest = hashlib.sha256("\x1f".join(map(str, frame.columns)).encode())
    digest.update(pd.util.hash_pandas_object(frame, index=False).to_numpy().tobytes())
    return digest.hexdigest()[:16]


def select(sample: pd.DataFrame, where: Mapping[str, object]) -> pd.DataFrame:
    """Rows of the sample whose columns equal the given values."""
    chosen = np.ones(len(sample), dtype=bool)
    for name, value in where.items():
        chosen &= (sample[name] == value).to_numpy(dtype=bool, na_value=False)
    return sample.loc[chosen]


def _check_columns(study: Study, sample: pd.DataFrame) -> None:
    named = {study.entity, study.time, study.treatment, study.cohort, *study.descriptives.variables}
    for table in study.tables:
        named |= {table.dependent, *(name for c in table.columns for name in (*c.x, *c.where))}
    for figure in study.event_studies:
        named |= {figure.dependent, *figure.x}
    absent = sorted(named - set(sample.columns))
    if absent:
        raise EstimationError(f"study {study.name}: {study.sample} has no column {', '.join(absent)}")
    if sample.empty:
        raise EstimationError(f"study {study.name}: {study.sample} has no rows; check the study's years and inputs")


def _run_column(study: Study, table: Table, column: Column, sample: pd.DataFrame) -> dict[str, list[dict[str, Any]]]:
    keys = {"study": study.name, "table_id": table.table_id, "column_id": column.column_id}
    described = {"title": table.title, "label": column.label, "note": column.note}
    used = select(sample, column.where)[[study.entity, study.time, table.dependent, *column.x]].dropna()
    specification = {
        "study": study.name, "dependent": table.dependent, "x": column.x, "where": column.where,
        "options": table.options.model_dump(), "entity": study.entity, "time": study.time,
    }  # fmt: skip
    hashes = {"spec_hash": spec_hash(specification), "data_hash": data_hash(used)}
    try:
        fit = fit_panel(
            used, table.dependent, list(column.x), entity=study.entity, time=study.time, record=True,
            **table.options.model_dump(),
        )  # fmt: skip
    except EstimationError as error:
        return {"columns": [keys | described | {"convention": "", "status": f"not estimated: {error}"}]}
    return {
        "estimates": [keys | row | hashes for row in fit.to_rows()],
        "fit": [keys | row for row in _fit_rows(fit)],
        "tests": [keys | row for row in _test_rows(fit)],
        "columns": [keys | described | {"convention": fit.convention, "status": "estimated"}],
    }


def _run_event_study(study: Study, figure: EventStudy, sample: pd.DataFrame) -> dict[str, list[dict[str, Any]]]:
    keys = {"study": study.name, "table_id": figure.figure_id, "column_id": "event_study"}
    used = sample[[study.entity, study.time, figure.dependent, study.cohort, *figure.x]].dropna(
        subset=[figure.dependent, *figure.x]
    )
    specification = {"study": study.name, "cohort": study.cohort, **figure.model_dump(exclude={"title"})}
    hashes = {"spec_hash": spec_hash(specification), "data_hash": data_hash(used)}
    described = {"title": figure.title, "label": "", "note": ""}
    try:
        fit = event_study(
            used, figure.dependent, study.cohort, list(figure.x), entity=study.entity, time=study.time,
            window=figure.window, base=figure.base, bin_ends=figure.bin_ends,
        )  # fmt: skip
    except EstimationError as error:
        return {"columns": [keys | described | {"convention": "", "status": f"not estimated: {error}"}]}
    curve = {"study": study.name, "figure_id": figure.figure_id, "series": "event_study"}
    return {
        "estimates": [keys | row | hashes for row in fit.to_rows()],
        "tests": [keys | row for row in _test_rows(fit)],
        "curves": [curve | row for row in event_curve(fit, figure.base)],
        "columns": [keys | described | {"convention": fit.convention, "status": "estimated"}],
    }


def event_curve(fit: Estimates, base: int) -> Iterable[dict[str, float]]:
    """Points of an event-study figure in time order, the base period at zero."""
    points = {base: (0.0, 0.0, 0.0)}
    for row in fit.to_rows():
        k = event_time(row["term"])
        if k is not None:
            points[k] = (row["estimate"], row["conf_low"], row["conf_high"])
    for k in sorted(points):
        y, lower, upper = points[k]
        yield {"x": float(k), "y": y, "lower": lower, "upper": upper}


def event_time(term: str) -> int | None:
    """Relative time of an event-study term, None for a control."""
    prefix, _, number = term.partition("_")
    return int(number) if prefix == "event" and number.lstrip("-").isdigit() else None


def _fit_rows(fit: PanelFit) -> Iterable[dict[str, Any]]:
    names = (
        "nobs", "n_entities", "n_periods", "df_resid", "r2_within", "r2_overall", "r2_inclusive", "r2_adj",
        "constant_grand_mean", "constant_base_year", "n_dropped",
    )  # fmt: skip
    return ({"statistic": name, "value": float(getattr(fit, name))} for name in names)


def _test_rows(fit: Estimates) -> Iterable[dict[str, Any]]:
    for name, test in fit.tests.items():
        yield {
            "test": name,
            "statistic": float(test.statistic),
            "df": test.df[0] if isinstance(test.df, tuple) else test.df,
            "p_value": float(test.p_value),
            "note": test.note
            if not isinstance(test.df, tuple)
            else f"{test.note} F({test.df[0]:g}, {test.df[1]:g})".strip(),
        }


def _describe(study: Study, sample: pd.DataFrame) -> Iterable[dict[str, Any]]:
    for name in study.descriptives.variables:
        values = sample[name].dropna().astype(float)
        quantiles = values.quantile([0.25, 0.5, 0.75]).to_numpy()
        yield {
            "study": study.name, "table_id": study.descriptives.table_id, "variable": name, "n": len(values),
            "mean": values.mean(), "sd": values.std(ddof=1), "min": values.min(),
            "p25": quantiles[0], "median": quantiles[1], "p75": quantiles[2], "max": values.max(),
        }  # fmt: skip


def _collect(rows: dict[str, list[dict[str, Any]]], new: Mapping[str, list[dict[str, Any]]]) -> None:
    for name, items in new.items():
        rows[name].extend(items)


def _frame(rows: list[dict[str, Any]], columns: tuple[str, ...]) -> pd.DataFrame:
    """Rows as a frame, floats to `DIGITS` significant digits."""
    frame = pd.DataFrame(rows, columns=list(columns))
    for name in frame.select_dtypes("float"):
        frame[name] = [float(f"{value:.{DIGITS}g}") for value in frame[name]]
    return frame
