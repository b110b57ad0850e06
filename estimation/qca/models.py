"""Models of a solution: their terms with parameters of fit, cases and simplifying assumptions."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from estimation.qca.sets import Sufficiency, Term, sufficiency, union
from estimation.qca.truth import TruthTable


@dataclass(frozen=True)
class Model:
    """One minimal model; iterating over it gives its terms.

    Attributes:
        terms: conjunctions as text, in the order of the prime implicants.
        by_term: for each term ``inclS``, ``PRI``, ``covS`` (raw), ``covU`` (unique; equal to raw for a single term), ``cases``
            (those of the configurations it explains).
        fit: of the whole solution.
        simplifying: remainders (row numbers) the terms cover; in an intermediate model the easy counterfactuals.
        difficult: remainders of the parsimonious source model that the expectations rule out.
        parsimonious: terms of the parsimonious models it comes from (intermediate only), one tuple a source.
        sources: pairs such as ``C1P2`` (intermediate only).
    """

    terms: tuple[str, ...]
    by_term: tuple[tuple[float, float, float, float, str], ...]
    fit: Sufficiency
    simplifying: tuple[int, ...] = ()
    difficult: tuple[int, ...] = ()
    parsimonious: tuple[tuple[str, ...], ...] = ()
    sources: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[str]:
        return iter(self.terms)

    def __len__(self) -> int:
        return len(self.terms)

    @cached_property
    def table(self) -> pd.DataFrame:
        """``by_term`` as a frame indexed by term."""
        columns = ["inclS", "PRI", "covS", "covU", "cases"]
        return pd.DataFrame(list(self.by_term), columns=columns, index=pd.Index(self.terms, name="term"))

    @property
    def formula(self) -> str:
        """``"A*B + ~C"``."""
        return " + ".join(self.terms)

    @property
    def inclS(self) -> float:  # noqa: N802
        """Consistency of the solution."""
        return self.fit.inclS

    @property
    def PRI(self) -> float:  # noqa: N802
        """Proportional reduction in inconsistency of the solution."""
        return self.fit.PRI

    @property
    def covS(self) -> float:  # noqa: N802
        """Coverage of the solution."""
        return self.fit.covS


@dataclass(frozen=True)
class _Part:
    """What is known of one term: text, memberships, fit, cases it explains, remainders it covers."""

    text: str
    member: np.ndarray
    fit: Sufficiency
    cases: str
    assumed: frozenset[int]


class Evaluator:
    """Memberships, fits and cases of terms, each computed once however many tied models share the term."""

    def __init__(self, tt: TruthTable) -> None:
        self._tt = tt
        self._positive = {row: tt.cases_of(row) for row in tt.rows("1")}
        self.remainders = tuple(tt.rows("?"))
        self._parts: dict[Term, _Part] = {}

    def _part(self, term: Term) -> _Part:
        if term not in self._parts:
            member = self._tt.data.membership(term)
            self._parts[term] = _Part(
                term.text(self._tt.conditions),
                member,
                sufficiency(member, self._tt.data.y),
                "; ".join(labels for row, labels in self._positive.items() if term.covers(row)),
                frozenset(row for row in self.remainders if term.covers(row)),
            )
        return self._parts[term]

    def assumed(self, terms: Sequence[Term]) -> set[int]:
        """Remainders that the terms cover."""
        return set().union(*(self._part(term).assumed for term in terms))

    def texts(self, terms: Sequence[Term]) -> tuple[str, ...]:
        """The terms as text."""
        return tuple(self._part(term).text for term in terms)

    def model(self, terms: Sequence[Term]) -> Model:
        """Fit of each term and of the union; unique coverage is the union's less that of the union without the term."""
        parts = [self._part(term) for term in terms]
        members, y = [part.member for part in parts], self._tt.data.y
        whole = sufficiency(union(members), y)
        unique = unique_coverage(np.array(members), y)
        rows = tuple(
            (part.fit.inclS, part.fit.PRI, part.fit.covS, own, part.cases)
            for part, own in zip(parts, unique, strict=True)
        )
        assumed = tuple(sorted(row + 1 for row in self.assumed(terms)))
        return Model(tuple(part.text for part in parts), rows, whole, assumed)


def unique_coverage(members: np.ndarray, y: np.ndarray) -> list[float]:
    """Coverage by each of (m, n) memberships alone: (S min(y, max_all) - S min(y, max_others)) / S y."""
    covered = np.minimum(members, y)
    ordered = np.sort(np.vstack([np.zeros(covered.shape[1]), covered]), axis=0)
    largest, second = ordered[-1], ordered[-2]
    # a case loses by a term's absence only where the term is its (single) largest membership
    losses = np.where(covered == largest, largest - second, 0.0)
    total = math.fsum(y)
    return [math.fsum(loss) / total for loss in losses]
