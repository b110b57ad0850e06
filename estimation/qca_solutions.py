"""Conservative, parsimonious and intermediate solutions of a truth table, with their parameters of fit.

The intermediate solution follows Ragin and Sonnett (2005) as the R package QCA does: every conservative term that implies a
parsimonious term is freed of the literals that contradict a directional expectation; simplifying assumptions inside the
resulting terms are the easy counterfactuals; positive configurations are minimised with these as don't cares.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
import pandas as pd

from estimation.frame import EstimationError
from estimation.qca_minimize import minimal_covers, prime_implicants
from estimation.qca_sets import NEGATION, CaseData, QcaWarning, Sufficiency, Term, sufficiency, union
from estimation.qca_truth import TruthTable

Kind = Literal["conservative", "parsimonious", "intermediate"]
Expectations = str | Sequence[object] | Mapping[str, object]
MAX_MODELS = 10_000


@dataclass(frozen=True)
class Model:
    """One minimal model; iterating over it gives its terms.

    Attributes:
        terms: conjunctions as text, in the order of the prime implicants.
        table: one row a term: ``inclS``, ``PRI``, ``covS`` (raw), ``covU`` (unique; equal to raw for a single term), ``cases``
            (those of the configurations it explains).
        fit: of the whole solution.
        simplifying: remainders (row numbers) the terms cover; in an intermediate model the easy counterfactuals.
        difficult: remainders of the parsimonious source model that the expectations rule out.
        parsimonious: terms of the parsimonious models it comes from (intermediate only), one tuple a source.
        sources: pairs such as ``C1P2`` (intermediate only).
    """

    terms: tuple[str, ...]
    table: pd.DataFrame
    fit: Sufficiency
    simplifying: tuple[int, ...] = ()
    difficult: tuple[int, ...] = ()
    parsimonious: tuple[tuple[str, ...], ...] = ()
    sources: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[str]:
        return iter(self.terms)

    def __len__(self) -> int:
        return len(self.terms)

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
class Solution:
    """All minimal models of one kind.

    Attributes:
        kind: ``"conservative"``, ``"parsimonious"`` or ``"intermediate"``.
        models: every model with the fewest terms; empty when no configuration is sufficient.
        prime_implicants: terms the models were chosen from.
        essential: terms of every model.
        truth: the truth table.
        dir_exp: expected direction of each condition (1, 0 or None), for intermediate solutions.
        notes: the warnings issued, as text.
    """

    kind: Kind
    models: tuple[Model, ...]
    prime_implicants: tuple[str, ...]
    truth: TruthTable
    dir_exp: tuple[int | None, ...] | None = None
    notes: tuple[str, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether there is nothing to explain."""
        return not self.models

    @property
    def essential(self) -> tuple[str, ...]:
        """Terms that every model contains."""
        common = set.intersection(*(set(model.terms) for model in self.models)) if self.models else set()
        return tuple(term for term in self.prime_implicants if term in common)

    @property
    def table(self) -> pd.DataFrame:
        """The terms of all models: ``model``, ``term``, ``inclS``, ``PRI``, ``covS``, ``covU``, ``cases``."""
        columns = ["model", "term", "inclS", "PRI", "covS", "covU", "cases"]
        parts = [model.table.reset_index().assign(model=f"M{i}") for i, model in enumerate(self.models, start=1)]
        return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)

    @property
    def inclS(self) -> float:  # noqa: N802
        """Consistency of the first model (NaN when empty)."""
        return self.models[0].inclS if self.models else np.nan

    @property
    def PRI(self) -> float:  # noqa: N802
        """PRI of the first model (NaN when empty)."""
        return self.models[0].PRI if self.models else np.nan

    @property
    def covS(self) -> float:  # noqa: N802
        """Coverage of the first model (NaN when empty)."""
        return self.models[0].covS if self.models else np.nan

    @property
    def covU(self) -> pd.Series:  # noqa: N802
        """Unique coverage by term of the first model."""
        return self.models[0].table["covU"] if self.models else pd.Series(dtype=float, name="covU")

    def to_rows(self) -> list[dict[str, object]]:
        """One dict a term and one a model (term None), for result tables."""
        rows: list[dict[str, object]] = []
        for number, model in enumerate(self.models, start=1):
            shared = {"outcome": self.truth.outcome, "kind": self.kind, "model": f"M{number}"}
            for term, values in model.table.iterrows():
                rows.append({**shared, "term": str(term), **{str(name): value for name, value in values.items()}})
            rows.append({**shared, "term": None, "inclS": model.inclS, "PRI": model.PRI, "covS": model.covS})
        return rows


def minimize(
    tt: TruthTable, *, kind: Kind = "conservative", dir_exp: Expectations | None = None, max_models: int = MAX_MODELS
) -> Solution:
    """Minimise the sufficient configurations of a truth table.

    Args:
        tt: from ``truth_table``; rows coded "C" are not explained and not covered.
        kind: ``"conservative"`` uses no remainder, ``"parsimonious"`` any that helps, ``"intermediate"`` only those in line with
            the directional expectations.
        dir_exp: for the intermediate solution: one entry a condition (1 presence, 0 absence, ``None`` or ``"-"`` no
            expectation) as a sequence or as text ``"1,1,-,0"``; or names, ``"A, ~B"`` or ``["A", "~B"]``; or a mapping.
        max_models: give up above this number of tied models.

    Returns:
        Every model with the fewest terms. When no row is sufficient, an empty solution (flagged, with a warning).

    Raises:
        EstimationError: unknown kind or expectations, expectations without need or missing, no insufficient configuration
            (the solution would be the constant 1), or more than ``max_models`` ties.
    """
    if kind not in get_args(Kind):
        raise EstimationError(f"kind={kind!r} is not one of {', '.join(get_args(Kind))}")
    if (dir_exp is None) == (kind == "intermediate"):
        need = "needs dir_exp, e.g. '1,1,-,0'" if kind == "intermediate" else "does not use dir_exp"
        raise EstimationError(f"kind={kind!r} {need}")
    expected = None if dir_exp is None else directional_expectations(dir_exp, tt.conditions)
    positive = tt.rows("1")
    if not positive:
        note = f"no configuration is sufficient for {tt.outcome} at these cut-offs: the solution is empty"
        warnings.warn(note, QcaWarning, stacklevel=2)
        return Solution(kind, (), (), tt, expected, (note,))
    if not tt.rows("0", "C") and (kind != "conservative" or not tt.rows("?")):
        raise EstimationError(
            f"no configuration is insufficient for {tt.outcome}: the minimal solution is the constant 1"
        )
    if expected is None:
        primes, covers = _minimal(tt, positive, tt.rows("?") if kind == "parsimonious" else [], max_models)
        models = tuple(_model(tt, cover) for cover in covers)
        return Solution(kind, models, tuple(term.text(tt.conditions) for term in primes), tt)
    return _intermediate(tt, positive, expected, max_models)


def directional_expectations(given: Expectations, conditions: Sequence[str]) -> tuple[int | None, ...]:
    """One entry a condition: 1, 0 or None.

    Raises:
        EstimationError: an unknown condition, a condition expected both ways, another number of entries, other values.
    """
    if isinstance(given, Mapping):
        directed = {name: _direction(value) for name, value in given.items()}
        return _by_name(
            [name if way else NEGATION + name for name, way in directed.items() if way is not None], conditions
        )
    items: list[object] = [*given.split(",")] if isinstance(given, str) else list(given)
    texts = [str(item).strip() for item in items]
    if any(text.removeprefix(NEGATION).strip() in conditions for text in texts):
        return _by_name(texts, conditions)
    if len(items) != len(conditions):
        raise EstimationError(
            f"dir_exp has {len(items)} entries for {len(conditions)} conditions ({', '.join(conditions)})"
        )
    return tuple(_direction(item) for item in items)


def _direction(item: object) -> int | None:
    text = "-" if item is None else str(item).strip()
    if text in ("-", ""):
        return None
    if text in ("1", "1.0", "True", "0", "0.0", "False"):
        return int(text in ("1", "1.0", "True"))
    raise EstimationError(f"directional expectation {item!r} is not 1, 0, '-' or None")


def _by_name(items: Sequence[str], conditions: Sequence[str]) -> tuple[int | None, ...]:
    expected: dict[str, int] = {}
    for item in items:
        name, direction = item.removeprefix(NEGATION).strip(), int(not item.startswith(NEGATION))
        if name not in conditions or expected.get(name, direction) != direction:
            raise EstimationError(
                f"dir_exp entry {item!r}: unknown condition or expected both ways ({', '.join(conditions)})"
            )
        expected[name] = direction
    return tuple(expected.get(name) for name in conditions)


def _minimal(
    tt: TruthTable, positive: Sequence[int], optional: Sequence[int], max_models: int
) -> tuple[list[Term], list[tuple[Term, ...]]]:
    """Prime implicants and all minimal covers of the positive configurations."""
    primes = prime_implicants(positive, optional, len(tt.conditions))
    chart = [sum(1 << i for i, row in enumerate(positive) if term.covers(row)) for term in primes]
    covers = minimal_covers(chart, len(positive), max_models)
    return primes, [tuple(primes[column] for column in cover) for cover in covers]


def _model(tt: TruthTable, terms: Sequence[Term], optional: Sequence[int] | None = None) -> Model:
    remainders = tt.rows("?") if optional is None else optional
    simplifying = tuple(row + 1 for row in remainders if any(term.covers(row) for term in terms))
    table, fit = solution_fit(tt.data, terms)
    table["cases"] = ["; ".join(tt.cases_of(row) for row in tt.rows("1") if term.covers(row)) for term in terms]
    return Model(tuple(term.text(tt.conditions) for term in terms), table, fit, simplifying)


def solution_fit(data: CaseData, terms: Sequence[Term]) -> tuple[pd.DataFrame, Sufficiency]:
    """Fit of each term (``inclS``, ``PRI``, ``covS``, ``covU``) and of their union.

    Unique coverage is the coverage of the union less that of the union without the term.
    """
    members = [data.membership(term) for term in terms]
    whole = sufficiency(union(members), data.y)
    rows = []
    for i, member in enumerate(members):
        fit = sufficiency(member, data.y)
        others = members[:i] + members[i + 1 :]
        rest = sufficiency(union(others), data.y).covS if others else 0.0
        rows.append({"inclS": fit.inclS, "PRI": fit.PRI, "covS": fit.covS, "covU": max(whole.covS - rest, 0.0)})
    index = pd.Index([term.text(data.conditions) for term in terms], name="term")
    return pd.DataFrame(rows, index=index), whole


def _intermediate(tt: TruthTable, positive: list[int], expected: tuple[int | None, ...], max_models: int) -> Solution:
    remainders = tt.rows("?")
    _, conservative = _minimal(tt, positive, [], max_models)
    _, parsimonious = _minimal(tt, positive, remainders, max_models)
    solved: dict[tuple[int, ...], tuple[list[Term], list[tuple[Term, ...]]]] = {}
    models: dict[frozenset[Term], Model] = {}
    for i, complex_terms in enumerate(conservative, start=1):
        for j, simple_terms in enumerate(parsimonious, start=1):
            assumed = [row for row in remainders if any(term.covers(row) for term in simple_terms)]
            freed = _freed_terms(complex_terms, simple_terms, expected)
            easy = tuple(row for row in assumed if any(term.covers(row) for term in freed))
            if easy not in solved:
                solved[easy] = _minimal(tt, positive, easy, max_models)
            source = tuple(term.text(tt.conditions) for term in simple_terms)
            difficult = tuple(row + 1 for row in assumed if row not in easy)
            for cover in solved[easy][1]:
                _record(models, tt, cover, easy, difficult, source, f"C{i}P{j}")
    if len(models) > max_models:
        raise EstimationError(
            f"more than {max_models} minimal models: the truth table is too ambiguous; raise max_models"
        )
    pool = dict.fromkeys(term.text(tt.conditions) for primes, _ in solved.values() for term in primes)
    return Solution("intermediate", tuple(models.values()), tuple(pool), tt, expected)


def _record(
    models: dict[frozenset[Term], Model],
    tt: TruthTable,
    cover: tuple[Term, ...],
    easy: tuple[int, ...],
    difficult: tuple[int, ...],
    source: tuple[str, ...],
    pair: str,
) -> None:
    """Add an intermediate model, or another source of one that is known."""
    key = frozenset(cover)
    if key not in models:
        assumed = tuple(row + 1 for row in easy)
        models[key] = replace(
            _model(tt, cover, easy), simplifying=assumed, difficult=difficult, parsimonious=(source,), sources=(pair,)
        )
        return
    known = models[key]
    simple = known.parsimonious if source in known.parsimonious else (*known.parsimonious, source)
    models[key] = replace(known, parsimonious=simple, sources=(*known.sources, pair))


def _freed_terms(
    complex_terms: Sequence[Term], simple_terms: Sequence[Term], expected: Sequence[int | None]
) -> list[Term]:
    """Conservative terms without the literals that contradict an expectation (those of the parsimonious term stay)."""
    k = len(expected)
    present = sum(1 << (k - 1 - i) for i, direction in enumerate(expected) if direction == 1)
    absent = sum(1 << (k - 1 - i) for i, direction in enumerate(expected) if direction == 0)
    freed = []
    for term in complex_terms:
        for simple in simple_terms:
            if simple.contains(term):
                contradicting = (absent & term.value) | (present & ~term.value)
                kept = simple.mask | (term.mask & ~contradicting)
                freed.append(Term(kept, term.value & kept))
    return freed
