"""Solution tables with symbols: one column a configuration, one row a condition (Fiss 2011, Academy of Management Journal 54).

A literal of a term is core when the parsimonious source model has it too, peripheral otherwise. Terms with the same core
conditions form one group: 1a, 1b, 2, ...
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from estimation.core.frame import EstimationError
from estimation.qca.models import Model
from estimation.qca.sets import Term, parse_expression
from estimation.qca.solutions import Solution

CORE_PRESENT, CORE_ABSENT = "core present", "core absent"
PERIPHERAL_PRESENT, PERIPHERAL_ABSENT = "peripheral present", "peripheral absent"
SYMBOLS: Mapping[str, str] = {
    CORE_PRESENT: "●",
    CORE_ABSENT: "⊗",
    PERIPHERAL_PRESENT: "•",
    PERIPHERAL_ABSENT: "ⓧ",
    "": "",
}
FIGURES = ["inclS", "PRI", "covS", "covU"]
FIGURE_NAMES = ("consistency", "PRI", "raw coverage", "unique coverage")
WHOLE_NAMES = ("solution consistency", "solution PRI", "solution coverage")


@dataclass(frozen=True)
class ConfigurationTable:
    """A solution laid out by condition.

    Attributes:
        table: conditions in rows and configurations in columns with symbols, below them consistency, PRI, raw and unique
            coverage of each, and consistency and coverage of the solution (in the first column).
        states: the conditions' rows in words (``"core present"``, ..., ``""``), for typesetting.
        labels: term -> column label.
        outcome: with ``~`` when negated.
        legend: what the symbols mean.
    """

    table: pd.DataFrame
    states: pd.DataFrame
    labels: Mapping[str, str]
    outcome: str
    legend: str = field(default="")


def solution_table(
    solution: Solution,
    *,
    model: int = 0,
    parsimonious: Solution | None = None,
    symbols: Mapping[str, str] = SYMBOLS,
    digits: int = 3,
) -> ConfigurationTable:
    """Lay out one model of a solution.

    Args:
        solution: usually an intermediate solution, which knows its parsimonious source models.
        model: position of the model among the ties.
        parsimonious: parsimonious solution to tell core from peripheral conditions when ``solution`` is conservative; a
            parsimonious solution is all core. With several source models a literal is core when it is core in each.
        symbols: state -> symbol.
        digits: decimals of the figures.

    Raises:
        EstimationError: an empty solution, no such model, or a conservative solution without ``parsimonious``.
    """
    if solution.empty:
        raise EstimationError(
            f"the solution for {solution.truth.outcome} is empty: there is no configuration to lay out"
        )
    if not 0 <= model < len(solution.models):
        raise EstimationError(f"model={model}: the solution has models 0 to {len(solution.models) - 1}")
    chosen = solution.models[model]
    conditions = solution.truth.conditions
    terms = [parse_expression(text, conditions)[0] for text in chosen.terms]
    sources = _sources(solution, chosen, parsimonious)
    cores = [_core(term, sources) for term in terms]
    labels = _column_labels(terms, cores)
    order = sorted(labels, key=_label_key)
    states = pd.DataFrame(
        {label: _states(term, core, len(conditions)) for label, term, core in zip(labels, terms, cores, strict=True)},
        index=pd.Index(conditions, name="condition"),
    )[order]
    figures = chosen.table[FIGURES].T.astype(object).map(lambda value: round(float(value), digits))
    figures = figures.set_axis(labels, axis=1).set_axis(list(FIGURE_NAMES), axis=0)[order]
    whole = pd.DataFrame("", index=list(WHOLE_NAMES), columns=order, dtype=object)
    whole[order[0]] = [round(value, digits) for value in (chosen.inclS, chosen.PRI, chosen.covS)]
    table = pd.concat([states.map(lambda state: symbols[state]), figures, whole]).rename_axis("condition")
    legend = ", ".join(f"{symbols[state]} {state}" for state in SYMBOLS if state) + "; blank: does not matter"
    return ConfigurationTable(
        table, states, dict(zip(chosen.terms, labels, strict=True)), solution.truth.outcome, legend
    )


def _sources(solution: Solution, chosen: Model, parsimonious: Solution | None) -> list[tuple[Term, ...]]:
    conditions = solution.truth.conditions
    if solution.kind == "parsimonious":
        texts: Sequence[Sequence[str]] = (chosen.terms,)
    elif chosen.parsimonious:
        texts = chosen.parsimonious
    elif parsimonious is not None:
        texts = [model.terms for model in parsimonious.models]
    else:
        raise EstimationError(
            "core conditions of a conservative solution need parsimonious=minimize(tt, kind='parsimonious')"
        )
    return [tuple(parse_expression(text, conditions)[0] for text in model) for model in texts]


def _core(term: Term, sources: Sequence[Sequence[Term]]) -> int:
    """Mask of the literals that every source model has in a parsimonious term containing this one."""
    core = term.mask
    for model in sources:
        shared = 0
        for simple in model:
            if simple.contains(term):
                shared |= simple.mask
        core &= shared
    return core


def _states(term: Term, core: int, k: int) -> list[str]:
    words = []
    for i in range(k):
        bit = 1 << (k - 1 - i)
        if not term.mask & bit:
            words.append("")
        else:
            words.append(f"{'core' if core & bit else 'peripheral'} {'present' if term.value & bit else 'absent'}")
    return words


def _column_labels(terms: Sequence[Term], cores: Sequence[int]) -> list[str]:
    """Numbers by first appearance of the core, letters where several configurations share it."""
    keys = [(core, term.value & core) for term, core in zip(terms, cores, strict=True)]
    groups = list(dict.fromkeys(keys))
    labels = []
    for position, key in enumerate(keys):
        letter = chr(ord("a") + keys[:position].count(key)) if keys.count(key) > 1 else ""
        labels.append(f"{groups.index(key) + 1}{letter}")
    return labels


def _label_key(label: str) -> tuple[int, str]:
    digits = label.rstrip("abcdefghijklmnopqrstuvwxyz")
    return int(digits), label[len(digits) :]
