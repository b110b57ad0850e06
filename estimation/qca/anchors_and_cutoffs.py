"""Robustness of a solution: the same analysis under other anchors and cut-offs, one change at a time."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from estimation.core.frame import EstimationError
from estimation.qca.calibration import Anchors, calibrate
from estimation.qca.expectations import Expectations
from estimation.qca.sets import QcaWarning, parse_expression, union
from estimation.qca.solutions import Kind, Solution, minimize
from estimation.qca.truth import truth_table

COLUMNS = ["changed", "value", "models", "formula", "inclS", "PRI", "covS", "same", "shared_terms", "overlap", "note"]


@dataclass(frozen=True)
class QcaSpec:
    """One analysis from raw data to solution.

    Attributes:
        outcome: raw column, ``"~Y"`` for its absence; conditions: raw columns.
        anchors: anchors of every column used (outcome without ``~``).
        incl, freq, pri: cut-offs of the truth table.
        kind, dir_exp: of the solution.
    """

    outcome: str
    conditions: tuple[str, ...]
    anchors: Mapping[str, Anchors]
    incl: float = 0.8
    freq: int = 1
    pri: float = 0.0
    kind: Kind = "parsimonious"
    dir_exp: Expectations | None = None


@dataclass(frozen=True)
class Robustness:
    """A base solution and its variants.

    Attributes:
        base: solution of the base specification.
        table: one row a variant: ``changed``, ``value``, ``models`` (number of ties), ``formula`` (all of them, joined by
            " | "), ``inclS``, ``PRI``, ``covS`` of the first, ``same`` (the same set of models as the base), ``shared_terms``
            (share of the base's first model whose terms survive), ``overlap`` (S min / S max of the two solutions'
            memberships in the base calibration), ``note`` (its warnings, or the error that stopped it).
    """

    base: Solution
    table: pd.DataFrame

    @property
    def share_same(self) -> float:
        """Share of variants with exactly the base models."""
        return float(self.table["same"].mean()) if len(self.table) else math.nan


def robustness(
    df: pd.DataFrame,
    spec: QcaSpec,
    *,
    incl: Sequence[float] = (),
    freq: Sequence[int] = (),
    pri: Sequence[float] = (),
    anchors: Mapping[str, Mapping[str, Anchors]] | None = None,
    entity: str = "city_code",
    time: str = "year",
) -> Robustness:
    """Solve the base specification and every variant that changes one thing.

    Args:
        df: raw (uncalibrated) data.
        incl, freq, pri: alternative cut-offs.
        anchors: label -> anchors that replace those of some columns, e.g. ``{"p10-p90": {"gdp": (1, 2, 3)}}``.

    Raises:
        EstimationError: the base specification fails, or anchors are missing. A variant that fails is a row that says why.
    """
    base = _solve(df, spec, entity, time)
    rows = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", QcaWarning)  # each variant's warnings stand in its note
        for changed, value, variant in _variants(spec, incl, freq, pri, anchors or {}):
            rows.append({"changed": changed, "value": value, **_compare(df, variant, base, entity, time)})
    return Robustness(base, pd.DataFrame(rows, columns=COLUMNS))


def _variants(
    spec: QcaSpec,
    incl: Sequence[float],
    freq: Sequence[int],
    pri: Sequence[float],
    anchors: Mapping[str, Mapping[str, Anchors]],
) -> list[tuple[str, object, QcaSpec]]:
    """(what changes, to which value, the changed specification)."""
    variants: list[tuple[str, object, QcaSpec]] = []
    variants += [("incl", value, replace(spec, incl=value)) for value in incl]
    variants += [("freq", value, replace(spec, freq=value)) for value in freq]
    variants += [("pri", value, replace(spec, pri=value)) for value in pri]
    for label, changes in anchors.items():
        unknown = set(changes) - set(spec.anchors)
        if unknown:
            raise EstimationError(
                f"anchors {label!r} change columns the analysis does not use: {', '.join(sorted(unknown))}"
            )
        variants.append(("anchors", label, replace(spec, anchors={**spec.anchors, **changes})))
    return variants


def _solve(df: pd.DataFrame, spec: QcaSpec, entity: str, time: str) -> Solution:
    used = [spec.outcome.removeprefix("~"), *spec.conditions]
    missing = [name for name in used if name not in spec.anchors or name not in df.columns]
    if missing:
        raise EstimationError(f"no anchors or no column for {', '.join(missing)}")
    keys = [name for name in (entity, time) if name in df.columns]
    calibrated = df[keys].assign(**{name: calibrate(df[name], spec.anchors[name]) for name in used})
    tt = truth_table(
        calibrated,
        spec.outcome,
        spec.conditions,
        incl=spec.incl,
        freq=spec.freq,
        pri=spec.pri,
        entity=entity,
        time=time,
    )
    return minimize(tt, kind=spec.kind, dir_exp=spec.dir_exp)


def _compare(df: pd.DataFrame, variant: QcaSpec, base: Solution, entity: str, time: str) -> dict[str, object]:
    empty = {"models": 0, "formula": "", "same": False, "shared_terms": 0.0, "overlap": math.nan}
    try:
        solution = _solve(df, variant, entity, time)
    except EstimationError as error:
        return {**empty, "note": str(error)}
    note = "; ".join([*solution.truth.notes, *solution.notes])
    if solution.empty or base.empty:
        return {**empty, "same": solution.empty == base.empty, "note": note}
    found, wanted = ({frozenset(model.terms) for model in s.models} for s in (solution, base))
    first, reference = set(solution.models[0].terms), set(base.models[0].terms)
    return {
        "models": len(solution.models),
        "formula": " | ".join(model.formula for model in solution.models),
        "inclS": solution.inclS,
        "PRI": solution.PRI,
        "covS": solution.covS,
        "same": found == wanted,
        "shared_terms": len(first & reference) / len(reference),
        "overlap": _overlap(solution, base),
        "note": note,
    }


def _overlap(solution: Solution, base: Solution) -> float:
    """Jaccard similarity of two solutions as fuzzy sets, in the base calibration."""
    data = base.truth.data
    members = [
        union([data.membership(term) for term in parse_expression(s.models[0].formula, data.conditions)])
        for s in (solution, base)
    ]
    return math.fsum(np.minimum(*members)) / math.fsum(np.maximum(*members))
