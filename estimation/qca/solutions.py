"""Conservative, parsimonious and intermediate solutions of a truth table, with their parameters of fit.

The intermediate solution follows Ragin and Sonnett (2005) as the R package QCA does: every conservative term that implies a
parsimonious term is freed of the literals that contradict a directional expectation; simplifying assumptions inside the
resulting terms are the easy counterfactuals; positive configurations are minimised with these as don't cares.
"""

from __future__ import annotations

import functools
import operator
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
import pandas as pd

from estimation.core.frame import EstimationError
from estimation.qca.expectations import Expectations, directional_expectations
from estimation.qca.minimisation import minimal_covers, prime_implicants
from estimation.qca.models import Evaluator, Model
from estimation.qca.sets import QcaWarning, Term
from estimation.qca.truth import TruthTable

Kind = Literal["conservative", "parsimonious", "intermediate"]
MAX_MODELS = 10_000


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
        evaluator = Evaluator(tt)
        models = tuple(evaluator.model(cover) for cover in covers)
        return Solution(kind, models, evaluator.texts(primes), tt)
    return _intermediate(tt, positive, expected, max_models)


def _minimal(
    tt: TruthTable, positive: Sequence[int], optional: Sequence[int], max_models: int
) -> tuple[list[Term], list[tuple[Term, ...]]]:
    """Prime implicants and all minimal covers of the positive configurations."""
    primes = prime_implicants(positive, optional, len(tt.conditions))
    chart = [sum(1 << i for i, row in enumerate(positive) if term.covers(row)) for term in primes]
    covers = minimal_covers(chart, len(positive), max_models)
    return primes, [tuple(primes[column] for column in cover) for cover in covers]


def _intermediate(tt: TruthTable, positive: list[int], expected: tuple[int | None, ...], max_models: int) -> Solution:
    """Minimise once for every set of easy counterfactuals that some pair of conservative and parsimonious models allows."""
    evaluator = Evaluator(tt)
    remainders = evaluator.remainders
    _, conservative = _minimal(tt, positive, [], max_models)
    _, parsimonious = _minimal(tt, positive, remainders, max_models)
    origins: dict[tuple[Term, ...], list[tuple[int, int]]] = {}
    allowed: dict[tuple[Term, ...], list[int]] = {}
    pool: dict[str, None] = {}
    for easy, pairs in _easy_counterfactuals(conservative, parsimonious, remainders, expected).items():
        rows = [row for i, row in enumerate(remainders) if easy >> i & 1]
        primes, covers = _minimal(tt, positive, rows, max_models)
        pool |= dict.fromkeys(evaluator.texts(primes))
        for cover in covers:
            allowed.setdefault(cover, rows)
            origins.setdefault(cover, []).extend(pairs)
        if len(origins) > max_models:
            raise EstimationError(
                f"more than {max_models} minimal models: the truth table is too ambiguous; raise max_models"
            )
    models = []
    for cover, pairs in origins.items():
        assumed = evaluator.assumed(parsimonious[pairs[0][1]])
        models.append(
            replace(
                evaluator.model(cover),
                simplifying=tuple(row + 1 for row in allowed[cover]),
                difficult=tuple(sorted(row + 1 for row in assumed.difference(allowed[cover]))),
                parsimonious=tuple(evaluator.texts(parsimonious[j]) for j in dict.fromkeys(j for _, j in pairs)),
                sources=tuple(f"C{i + 1}P{j + 1}" for i, j in pairs),
            )
        )
    return Solution("intermediate", tuple(models), tuple(pool), tt, expected)


def _easy_counterfactuals(
    conservative: Sequence[tuple[Term, ...]],
    parsimonious: Sequence[tuple[Term, ...]],
    remainders: Sequence[int],
    expected: Sequence[int | None],
) -> dict[int, list[tuple[int, int]]]:
    """Bit mask over the remainders -> pairs (conservative, parsimonious model) with just these easy counterfactuals.

    Easy are the simplifying assumptions of the parsimonious model that lie in a conservative term freed of the literals that
    contradict an expectation; a conservative term is freed only towards a parsimonious term that contains it.
    """

    def mask(term: Term) -> int:
        return sum(1 << i for i, row in enumerate(remainders) if term.covers(row))

    complex_terms = {term for terms in conservative for term in terms}
    simple_terms = {term for terms in parsimonious for term in terms}
    freed = {
        (term, simple): mask(_freed(term, simple, expected)) if simple.contains(term) else 0
        for term in complex_terms
        for simple in simple_terms
    }
    covered = {simple: mask(simple) for simple in simple_terms}
    found: dict[int, list[tuple[int, int]]] = {}
    for j, simple_model in enumerate(parsimonious):
        assumed = functools.reduce(operator.or_, (covered[simple] for simple in simple_model))
        reach = {term: functools.reduce(operator.or_, (freed[term, s] for s in simple_model)) for term in complex_terms}
        for i, complex_model in enumerate(conservative):
            easy = assumed & functools.reduce(operator.or_, (reach[term] for term in complex_model))
            found.setdefault(easy, []).append((i, j))
    return {easy: sorted(pairs) for easy, pairs in sorted(found.items(), key=lambda item: min(item[1]))}


def _freed(term: Term, simple: Term, expected: Sequence[int | None]) -> Term:
    """A conservative term without the literals that contradict an expectation; those of the parsimonious term stay."""
    k = len(expected)
    present = sum(1 << (k - 1 - i) for i, direction in enumerate(expected) if direction == 1)
    absent = sum(1 << (k - 1 - i) for i, direction in enumerate(expected) if direction == 0)
    contradicting = (absent & term.value) | (present & ~term.value)
    kept = simple.mask | (term.mask & ~contradicting)
    return Term(kept, term.value & kept)
