"""QCA on panels: pooled cases, groups of cases, and consistency between and within units.

Pooled consistency takes all unit-years as cases; between consistency is that of the cross-section of each year, within
consistency that of each unit over the years (Garcia-Castro and Arino 2016, Journal of Mathematical Sociology 40(2); the
distances are those of the R package SetMethods).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from estimation.core.frame import EstimationError
from estimation.qca.expectations import Expectations
from estimation.qca.sets import NEGATION, case_data, parse_expression, sufficiency, union
from estimation.qca.solutions import Kind, Solution, minimize
from estimation.qca.truth import truth_table


@dataclass(frozen=True)
class PanelConsistency:
    """Consistency and coverage of one expression, pooled, by year and by unit.

    Attributes:
        pooled: ``inclS``, ``PRI``, ``covS`` over all unit-years.
        between: the same by year; ``within``: by unit (NaN for a unit without membership in the expression).
        distance_between, distance_within: Euclidean distance of the normalised consistencies from equal shares,
            sqrt(S(c_j/Sc - 1/J)^2), over the J years (units) where consistency is defined.
        adjusted_between, adjusted_within: the distance divided by sqrt(J/(J^2+3J+2)); above 0.2 the consistency is called
            unstable.
    """

    expression: str
    pooled: pd.Series
    between: pd.DataFrame
    within: pd.DataFrame
    distance_between: float
    distance_within: float
    adjusted_between: float
    adjusted_within: float


def panel_consistency(
    df: pd.DataFrame, outcome: str, expression: str, *, entity: str = "city_code", time: str = "year"
) -> PanelConsistency:
    """Pooled, between and within consistency of an expression such as ``"A*~B + C"`` as sufficient for the outcome.

    Raises:
        EstimationError: no entity or time column, unknown conditions, or see ``case_data``.
    """
    for name in (entity, time):
        if name not in df.columns:
            raise EstimationError(
                f"column {name} is not in the data: between and within consistency need units and years"
            )
    conditions = sorted(
        {
            literal.strip().removeprefix(NEGATION).strip()
            for term in expression.split("+")
            for literal in term.split("*")
        }
    )
    data = case_data(df, outcome, conditions, entity=entity, time=time)
    x = union([data.membership(term) for term in parse_expression(expression, data.conditions)])
    between = _by_label(x, data.y, df[time].to_numpy(), time)
    within = _by_label(x, data.y, df[entity].to_numpy(), entity)
    fit = sufficiency(x, data.y)
    raw = [_distance(part["inclS"].to_numpy(dtype=float)) for part in (between, within)]
    return PanelConsistency(
        expression,
        pd.Series({"inclS": fit.inclS, "PRI": fit.PRI, "covS": fit.covS}, name="pooled"),
        between,
        within,
        raw[0][0],
        raw[1][0],
        raw[0][1],
        raw[1][1],
    )


def _by_label(x: np.ndarray, y: np.ndarray, labels: np.ndarray, name: str) -> pd.DataFrame:
    codes, found = pd.factorize(labels, sort=True)
    fits = [sufficiency(x[codes == code], y[codes == code]) for code in range(len(found))]
    rows = [(fit.inclS, fit.PRI, fit.covS) for fit in fits]
    return pd.DataFrame(rows, columns=["inclS", "PRI", "covS"], index=pd.Index(found, name=name))


def _distance(consistency: np.ndarray) -> tuple[float, float]:
    """Distance of normalised consistencies from equality, raw and adjusted for their number."""
    defined = consistency[np.isfinite(consistency)]
    count = len(defined)
    total = math.fsum(defined)
    if count == 0 or total == 0:
        return math.nan, math.nan
    distance = math.sqrt(math.fsum((defined / total - 1 / count) ** 2))
    return distance, distance / math.sqrt(count / (count**2 + 3 * count + 2))


def unit_means(df: pd.DataFrame, columns: Sequence[str], *, entity: str = "city_code") -> pd.DataFrame:
    """One row a unit: means of raw (uncalibrated) columns over its years, ready for calibration.

    Raises:
        EstimationError: an absent or non-numeric column, or a unit without any value of a column.
    """
    absent = [name for name in [entity, *columns] if name not in df.columns]
    if absent:
        raise EstimationError(f"column(s) not in the data: {', '.join(absent)}")
    try:
        means = df.astype(dict.fromkeys(columns, float)).groupby(entity, sort=True)[list(columns)].mean()
    except (TypeError, ValueError) as error:
        raise EstimationError(f"a column of {', '.join(columns)} is not numeric: {error}") from error
    empty = means.columns[means.isna().any()]
    if len(empty):
        first = means.index[means[empty[0]].isna()][:5]
        raise EstimationError(f"{empty[0]} has no value at all for {', '.join(map(str, first))}")
    return means.reset_index()


def solutions_by_group(
    df: pd.DataFrame,
    outcome: str,
    conditions: Sequence[str],
    *,
    group: str,
    incl: float = 0.8,
    freq: int = 1,
    pri: float = 0.0,
    kind: Kind = "intermediate",
    dir_exp: Expectations | None = None,
    entity: str = "city_code",
    time: str = "year",
) -> dict[object, Solution]:
    """One solution a group of cases (e.g. high- and low-level cities); calibrate before the split, so that groups compare.

    Returns:
        Solutions by label in sorted order; a group without a sufficient configuration has an empty one (flagged).

    Raises:
        EstimationError: unknown group column, or any error of a group (the message names it).
    """
    if group not in df.columns:
        raise EstimationError(f"group column {group} is not in the data; present: {', '.join(map(str, df.columns))}")
    found: dict[object, Solution] = {}
    for label in sorted(df[group].dropna().unique()):
        try:
            rows = df[df[group] == label]
            tt = truth_table(rows, outcome, conditions, incl=incl, freq=freq, pri=pri, entity=entity, time=time)
            found[label] = minimize(tt, kind=kind, dir_exp=dir_exp)
        except EstimationError as error:
            raise EstimationError(f"{group} = {label}: {error}") from error
    return found
