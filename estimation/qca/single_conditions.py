"""Necessary conditions: single conditions and their negations, and minimal combinations of them."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from estimation.core.frame import EstimationError
from estimation.qca.sets import NEGATION, CaseData, QcaWarning, Term, case_data, necessity_fit, union
from estimation.qca.truth import TOLERANCE

COLUMNS = ["inclN", "RoN", "covN"]


@dataclass(frozen=True)
class Necessity:
    """Fit of conditions as necessary for an outcome.

    Attributes:
        table: one row a condition and one a negated condition: ``inclN`` consistency S(min)/S(y), ``RoN`` relevance
            S(1-x)/S(1-min), ``covN`` coverage S(min)/S(x).
        outcome: with ``~`` when negated.
        cut: consistency from which a condition counts as necessary.
        trivial: conditions without variation (constant membership): their necessity says nothing.
        notes: the warnings issued, as text.
    """

    table: pd.DataFrame
    outcome: str
    cut: float
    trivial: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def necessary(self) -> tuple[str, ...]:
        """Conditions that reach the cut-off."""
        return tuple(self.table.index[self.table["inclN"] >= self.cut - TOLERANCE])

    @property
    def inclN(self) -> pd.Series:  # noqa: N802
        """Consistency by condition."""
        return self.table["inclN"]

    @property
    def RoN(self) -> pd.Series:  # noqa: N802
        """Relevance of necessity by condition."""
        return self.table["RoN"]

    @property
    def covN(self) -> pd.Series:  # noqa: N802
        """Coverage by condition."""
        return self.table["covN"]


def necessity(
    df: pd.DataFrame,
    outcome: str,
    conditions: Sequence[str],
    *,
    cut: float = 0.9,
    entity: str = "city_code",
    time: str = "year",
) -> Necessity:
    """Necessity of every condition and of every negated condition for the outcome.

    Args:
        outcome: column of memberships; ``"~Y"`` for its absence.
        cut: consistency from which a condition is called necessary.

    Raises:
        EstimationError: see ``case_data``.

    Warns:
        QcaWarning: conditions with one and the same membership in all cases.
    """
    data = case_data(df, outcome, conditions, entity=entity, time=time)
    k = len(data.conditions)
    literals = [Term(1 << (k - 1 - i), (1 << (k - 1 - i)) * sign) for sign in (1, 0) for i in range(k)]
    rows = [necessity_fit(data.membership(term), data.y) for term in literals]
    index = pd.Index([*data.conditions, *(NEGATION + name for name in data.conditions)], name="cond")
    trivial = tuple(name for name, column in zip(data.conditions, data.X.T, strict=True) if np.ptp(column) == 0)
    notes = (f"condition(s) without variation: {', '.join(trivial)}",) if trivial else ()
    for note in notes:
        warnings.warn(note, QcaWarning, stacklevel=2)
    return Necessity(pd.DataFrame(rows, columns=COLUMNS, index=index), data.outcome, cut, trivial, notes)


def super_subset(
    df: pd.DataFrame,
    outcome: str,
    conditions: Sequence[str],
    *,
    incl: float = 0.9,
    ron: float = 0.0,
    cov: float = 0.0,
    depth: int | None = None,
    entity: str = "city_code",
    time: str = "year",
) -> pd.DataFrame:
    """Necessary conjunctions, and the smallest necessary disjunctions of literals (SUIN conditions).

    A conjunction is listed when it reaches the cut-offs; a disjunction when it does and no part of it has the consistency
    and the coverage (R package QCA, ``superSubset(relation = "necessity")``; the RoN cut-off filters afterwards).

    Args:
        incl, ron, cov: cut-offs of consistency, relevance and coverage.
        depth: most literals of a combination; None means all conditions.

    Returns:
        Frame indexed by expression with ``inclN``, ``RoN``, ``covN``; conjunctions first.

    Raises:
        EstimationError: see ``case_data``; depth below 1.
    """
    data = case_data(df, outcome, conditions, entity=entity, time=time)
    k = len(data.conditions)
    if depth is not None and depth < 1:
        raise EstimationError(f"depth={depth}: at least 1")
    most = k if depth is None else min(depth, k)
    cuts = np.array([incl, 0.0, cov]) - TOLERANCE
    rows: dict[str, tuple[float, float, float]] = {}
    parts: list[frozenset[tuple[int, int]]] = []
    for disjunction in (False, True):
        for size in range(1 + disjunction, most + 1):
            for literals in _combinations(k, size):
                if disjunction and any(part <= literals for part in parts):
                    continue
                text, fit = _combination(data, literals, disjunction)
                if np.all(np.array(fit) >= cuts):
                    rows[text] = fit
                    if disjunction or size == 1:
                        parts.append(literals)
    kept = {text: fit for text, fit in rows.items() if fit[1] >= ron - TOLERANCE}
    return pd.DataFrame.from_dict(kept, orient="index", columns=COLUMNS).rename_axis("expr")


def _combinations(k: int, size: int) -> itertools.chain[frozenset[tuple[int, int]]]:
    """All choices of ``size`` different conditions, each un-negated or negated, as (position, sign) pairs."""
    return itertools.chain.from_iterable(
        (frozenset(zip(chosen, signs, strict=True)) for signs in itertools.product((1, 0), repeat=size))
        for chosen in itertools.combinations(range(k), size)
    )


def _combination(
    data: CaseData, literals: frozenset[tuple[int, int]], disjunction: bool
) -> tuple[str, tuple[float, float, float]]:
    k = len(data.conditions)
    terms = [Term(1 << (k - 1 - i), (1 << (k - 1 - i)) * sign) for i, sign in sorted(literals)]
    members = [data.membership(term) for term in terms]
    joined = union(members) if disjunction else np.minimum.reduce(members)
    text = (" + " if disjunction else "*").join(term.text(data.conditions) for term in terms)
    return text, necessity_fit(joined, data.y)
