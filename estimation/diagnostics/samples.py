"""Diagnostics a reader expects beside a panel: variance inflation, cross-section dependence, panel unit roots."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from estimation.core.frame import EstimationError
from estimation.core.results import HypothesisTest
from estimation.diagnostics.cross_section import pesaran_cd
from estimation.diagnostics.unit_root import panel_unit_root
from estimation.panel.tests import vif

COLUMNS = ["study", "variable", "test", "statistic", "p_value", "n_obs", "note"]
REGRESSORS = ("treatment", "explanatory", "control")
TESTED = ("outcome", "explanatory", "control")
PARTS = {"va_nq": ("v1", "v2", "v3", "v4", "v5")}  # a model holds the whole or its parts, never both


def study_diagnostics(study: str, sample: pd.DataFrame, variables: pd.DataFrame) -> pd.DataFrame:
    """Diagnostics of one study's sample, one row a (variable, test): columns `COLUMNS`.

    - ``vif``: of treatment, explanatory variables and controls on one another with a constant, over their complete rows; parts of an
      explanatory variable in its place.
    - ``pesaran_cd``: of outcome, explanatory variables and controls.
    - ``ips``, ``fisher_p``, ``fisher_pm``, ``fisher_z``, ``harris_tzavalis``: unit root in every series, around a constant, without lags.

    A test that cannot be computed has no statistic and a note that says why; a whole family that cannot has one row (``dependence``,
    ``unit_roots``). An empty sample has no rows.

    Args:
        sample: city_code, year and the study's variables. variables: column_name, kind, role.
    """
    if sample.empty:
        return pd.DataFrame(
            {c: pd.Series(dtype="float64" if c in ("statistic", "p_value", "n_obs") else "str") for c in COLUMNS}
        )
    numeric = variables.loc[variables["kind"].isin(["continuous", "dummy"])]
    regressors = list(numeric.loc[numeric["role"].isin(REGRESSORS), "column_name"])
    tested = numeric.loc[numeric["role"].isin(TESTED) & (numeric["kind"] == "continuous"), "column_name"]
    rows = [row for model, shown in models(regressors) for row in inflation(sample, model) if row["variable"] in shown]
    for column in tested:
        known = sample[["city_code", "year", column]].dropna()
        rows += _outcome(known, column, _dependence)
        rows += _outcome(known, column, _unit_roots)
    return pd.DataFrame(rows).assign(study=study)[COLUMNS].astype({"n_obs": "float64"})


def models(regressors: Sequence[str]) -> list[tuple[list[str], list[str]]]:
    """Regressors that stand in a model together, and those among them whose factor is shown: the whole with its controls, then its parts."""
    wholes = [whole for whole in PARTS if whole in regressors]
    parts = [part for whole in wholes for part in PARTS[whole] if part in regressors]
    with_whole = [c for c in regressors if c not in parts]
    with_parts = [c for c in regressors if c not in wholes]
    return [(with_whole, with_whole), (with_parts, parts)] if parts else [(with_whole, with_whole)]


def inflation(sample: pd.DataFrame, columns: Sequence[str]) -> list[dict[str, object]]:
    """Rows of variance inflation factors."""
    known = sample[["city_code", "year", *columns]].dropna()
    try:
        factors = {str(name): float(value) for name, value in vif(known, list(columns)).items()}
    except EstimationError as error:
        return [_row(column, "vif", np.nan, np.nan, len(known), str(error)) for column in columns]
    return [_row(column, "vif", factors[column], np.nan, len(known), "pooled, with a constant") for column in columns]


def _outcome(
    known: pd.DataFrame, column: str, compute: Callable[[pd.DataFrame, str], Mapping[str, HypothesisTest]]
) -> list[dict[str, object]]:
    """Rows of one family of tests, or one row that says why there is none."""
    try:
        tests = compute(known, column)
    except EstimationError as error:
        return [_row(column, compute.__name__.strip("_"), np.nan, np.nan, len(known), str(error))]
    return [_row(column, name, t.statistic, t.p_value, len(known), t.note) for name, t in tests.items()]


def _dependence(known: pd.DataFrame, column: str) -> Mapping[str, HypothesisTest]:
    return {"pesaran_cd": pesaran_cd(known, column).test}


def _unit_roots(known: pd.DataFrame, column: str) -> Mapping[str, HypothesisTest]:
    return panel_unit_root(known, column).tests


def _row(column: str, test: str, statistic: float, p_value: float | None, n: int, note: str) -> dict[str, object]:
    return {"variable": column, "test": test, "statistic": statistic, "p_value": p_value, "n_obs": n, "note": note}
