"""Set memberships: Boolean terms, their evaluation, and the parameters of fit of set relations.

A term is a conjunction such as ``DEV*~URB``; an expression is a disjunction of terms such as ``DEV*~URB + LIT``. Membership in a
conjunction is the minimum, in a disjunction the maximum, in a negation one minus. Sums use ``math.fsum`` (exact rounding), so
no parameter of fit depends on the order of the cases.

Sources: Ragin (2006, Political Analysis 14), Ragin (2008, Redesigning Social Inquiry, ch. 3), Schneider and Wagemann (2012,
ch. 5 and 9: PRI, RoN).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from estimation.core.frame import EstimationError

NEGATION = "~"


class QcaWarning(UserWarning):
    """Something about cases, conditions or solutions that the reader of the table must know."""


@dataclass(frozen=True, order=True)
class Term:
    """A conjunction of literals as two bit masks over the conditions, the first condition being the highest bit.

    Attributes:
        mask: conditions that appear.
        value: those that appear un-negated (a subset of ``mask``).
    """

    mask: int
    value: int

    def covers(self, row: int) -> bool:
        """Whether the configuration with bits ``row`` belongs to the term."""
        return row & self.mask == self.value

    def contains(self, other: Term) -> bool:
        """Whether ``other`` implies this term: it has all its literals."""
        return other.mask & self.mask == self.mask and other.value & self.mask == self.value

    def text(self, conditions: Sequence[str]) -> str:
        """``"A*~B"`` with conditions in the given order; ``"1"`` for the empty conjunction."""
        k = len(conditions)
        literals = [
            name if self.value >> (k - 1 - i) & 1 else NEGATION + name
            for i, name in enumerate(conditions)
            if self.mask >> (k - 1 - i) & 1
        ]
        return "*".join(literals) or "1"


@dataclass(frozen=True)
class Sufficiency:
    """Fit of X as sufficient for Y: consistency, proportional reduction in inconsistency, raw coverage."""

    inclS: float  # noqa: N815
    PRI: float
    covS: float  # noqa: N815


@dataclass(frozen=True)
class CaseData:
    """Checked memberships of a QCA analysis.

    Attributes:
        X: (n, k) memberships in the conditions.
        y: (n,) membership in the outcome (negated already when the outcome is ``"~Y"``).
        conditions: k names.
        outcome: as given, with its negation sign.
        cases: n labels.
    """

    X: np.ndarray
    y: np.ndarray
    conditions: tuple[str, ...]
    outcome: str
    cases: tuple[str, ...]

    def membership(self, term: Term) -> np.ndarray:
        """(n,) membership in a conjunction."""
        k = len(self.conditions)
        present = np.ones(len(self.y))
        for i in range(k):
            bit = 1 << (k - 1 - i)
            if term.mask & bit:
                present = np.minimum(present, self.X[:, i] if term.value & bit else 1 - self.X[:, i])
        return present


def case_data(df: pd.DataFrame, outcome: str, conditions: Sequence[str], *, entity: str, time: str) -> CaseData:
    """Check calibrated data; the caller's frame is never changed.

    Case labels are ``entity-time`` when both columns exist, the entity when only that exists, else the index.

    Raises:
        EstimationError: unknown or repeated columns, text, missing values, memberships outside [0, 1], duplicated cases, or
            an outcome without any membership.
    """
    names = [conditions] if isinstance(conditions, str) else list(conditions)
    target = outcome.removeprefix(NEGATION).strip()
    absent = [name for name in [target, *names] if name not in df.columns]
    if absent or not names:
        raise EstimationError(
            f"column(s) not in the data: {', '.join(absent) or '(no condition given)'}; present: {', '.join(map(str, df.columns))}"
        )
    repeated = {name for name in names if names.count(name) > 1 or name == target}
    if repeated:
        raise EstimationError(f"condition(s) given twice or equal to the outcome: {', '.join(sorted(repeated))}")
    labels = _labels(df, entity, time)
    values = {name: _memberships(df[name], name, labels) for name in [target, *names]}
    y = values[target]
    y = 1 - y if outcome.startswith(NEGATION) else y
    if math.fsum(y) == 0:
        raise EstimationError(f"no case has any membership in {outcome}: coverage is not defined")
    return CaseData(np.column_stack([values[name] for name in names]), y, tuple(names), outcome, labels)


def _labels(df: pd.DataFrame, entity: str, time: str) -> tuple[str, ...]:
    if entity in df.columns and time in df.columns:
        labels = [f"{code}-{year}" for code, year in zip(df[entity], df[time], strict=True)]
        doubled = (
            sorted({label for label in labels if labels.count(label) > 1}) if len(set(labels)) < len(labels) else []
        )
        if doubled:
            raise EstimationError(f"duplicated case ({entity}, {time}): {', '.join(doubled[:5])}; keep one row each")
        return tuple(labels)
    source = df[entity] if entity in df.columns else df.index
    return tuple(str(label) for label in source)


def _memberships(column: pd.Series, name: str, labels: Sequence[str]) -> np.ndarray:
    try:
        values = column.to_numpy(dtype=float, copy=True)
    except (TypeError, ValueError) as error:
        raise EstimationError(f"{name} is not numeric; calibrate it first") from error
    for bad, what in (
        (np.isnan(values), "is missing"),
        ((values < 0) | (values > 1), "is outside [0, 1] (not calibrated)"),
    ):
        if bad.any():
            named = [labels[int(i)] for i in np.flatnonzero(bad)]
            more = f" and {len(named) - 5} more" if len(named) > 5 else ""
            raise EstimationError(f"{name} {what} in case(s) {', '.join(named[:5])}{more}")
    return values


def sufficiency(x: np.ndarray, y: np.ndarray) -> Sufficiency:
    """Consistency S(min(x,y))/S(x), PRI, coverage S(min(x,y))/S(y); NaN where a denominator is zero.

    PRI = (S min(x,y) - S min(x,y,1-y)) / (S x - S min(x,y,1-y)).
    """
    both = np.minimum(x, y)
    common, total = math.fsum(both), math.fsum(x)
    ambiguous = math.fsum(np.minimum(both, 1 - y))
    return Sufficiency(
        _ratio(common, total), _ratio(common - ambiguous, total - ambiguous), _ratio(common, math.fsum(y))
    )


def necessity_fit(x: np.ndarray, y: np.ndarray) -> tuple[float, float, float]:
    """(consistency S(min)/S(y), relevance RoN S(1-x)/S(1-min), coverage S(min)/S(x)) of X as necessary for Y."""
    both = np.minimum(x, y)
    common = math.fsum(both)
    return (
        _ratio(common, math.fsum(y)),
        _ratio(math.fsum(1 - x), math.fsum(1 - both)),
        _ratio(common, math.fsum(x)),
    )


def _ratio(numerator: float, denominator: float) -> float:
    return numerator / denominator if denominator > 0 else math.nan


def parse_expression(text: str, conditions: Sequence[str]) -> tuple[Term, ...]:
    """Terms of ``"A*~B + C"``.

    Raises:
        EstimationError: an unknown condition, an empty term, or a term with a condition and its negation.
    """
    k = len(conditions)
    position = {name: 1 << (k - 1 - i) for i, name in enumerate(conditions)}
    terms = []
    for part in text.split("+"):
        mask = value = 0
        for literal in (piece.strip() for piece in part.split("*")):
            name = literal.removeprefix(NEGATION).strip()
            if name not in position:
                raise EstimationError(f"{literal or '(empty)'} in {text!r} is not one of {', '.join(conditions)}")
            bit, present = position[name], not literal.startswith(NEGATION)
            if mask & bit and bool(value & bit) != present:
                raise EstimationError(f"{part.strip()} contains {name} and its negation")
            mask, value = mask | bit, value | (bit if present else 0)
        terms.append(Term(mask, value))
    return tuple(terms)


def union(memberships: Sequence[np.ndarray]) -> np.ndarray:
    """(n,) membership in a disjunction."""
    return np.maximum.reduce(list(memberships))
