"""Exact two-level minimisation: prime implicants and every cover of minimal size.

Quine (1952), McCluskey (1956). Configurations and terms are bit masks; a cover is a set of prime implicants that contains every
positive configuration. All covers with the fewest prime implicants are enumerated, each once, so ties are never hidden.
"""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Iterable, Sequence

from estimation.core.frame import EstimationError
from estimation.qca.sets import Term


def prime_implicants(positive: Iterable[int], optional: Iterable[int], k: int) -> list[Term]:
    """Maximal terms inside ``positive`` and ``optional`` configurations that cover at least one positive one.

    Args:
        positive: configurations to be explained, integers below 2^k.
        optional: configurations that a term may cover (don't cares).
        k: number of conditions.

    Returns:
        Terms sorted from the fewest literals to the most, then by condition order.
    """
    explained = set(positive)
    full = (1 << k) - 1
    level = {full: explained | set(optional)}
    primes: list[Term] = []
    while level:
        merged: dict[int, set[int]] = defaultdict(set)
        for mask, values in level.items():
            absorbed: set[int] = set()
            for bit in _bits(mask):
                pairs = [value for value in values if value & bit and value ^ bit in values]
                merged[mask & ~bit].update(value ^ bit for value in pairs)
                absorbed.update(pairs)
                absorbed.update(value ^ bit for value in pairs)
            primes += [Term(mask, value) for value in values - absorbed]
        level = {mask: values for mask, values in merged.items() if values}
    useful = [term for term in primes if any(term.covers(row) for row in explained)]
    return sorted(useful, key=lambda term: (term.mask.bit_count(), -term.mask, -term.value))


def _bits(mask: int) -> Iterable[int]:
    while mask:
        bit = mask & -mask
        yield bit
        mask ^= bit


def minimal_covers(chart: Sequence[int], n_rows: int, limit: int) -> list[tuple[int, ...]]:
    """Every choice of the fewest columns whose union holds all rows.

    Essential columns are taken first; the rows left fall into parts that share no column, which are solved one by one.

    Args:
        chart: one bit mask of covered rows a column (prime implicant); every row is covered by some column.
        n_rows: rows to cover.
        limit: give up above this number of covers.

    Returns:
        Sorted tuples of positions in ``chart``.

    Raises:
        EstimationError: more than ``limit`` covers of minimal size.
    """
    covering = [frozenset(i for i, rows in enumerate(chart) if rows >> row & 1) for row in range(n_rows)]
    essential = {column for columns in covering if len(columns) == 1 for column in columns}
    parts = _parts(_undominated(columns for columns in covering if essential.isdisjoint(columns)))
    solved = [_covers_of_part(part, limit) for part in parts]
    if math.prod(len(covers) for covers in solved) > limit:
        raise EstimationError(f"more than {limit} minimal models: the truth table is too ambiguous; raise max_models")
    return sorted(tuple(sorted(essential.union(*choice))) for choice in itertools.product(*solved))


def _undominated(rows: Iterable[frozenset[int]]) -> list[frozenset[int]]:
    """Rows that are not covered automatically: a row whose columns include another row's columns adds nothing."""
    kept: list[frozenset[int]] = []
    for columns in sorted(set(rows), key=lambda row: (len(row), sorted(row))):
        if not any(other <= columns for other in kept):
            kept.append(columns)
    return kept


def _parts(rows: list[frozenset[int]]) -> list[list[frozenset[int]]]:
    """Rows grouped so that rows of different groups share no column."""
    parts: list[tuple[set[int], list[frozenset[int]]]] = []
    for row in rows:
        joined: tuple[set[int], list[frozenset[int]]] = (set(row), [row])
        apart = []
        for columns, members in parts:
            if columns.isdisjoint(row):
                apart.append((columns, members))
            else:
                joined = (joined[0] | columns, members + joined[1])
        parts = [*apart, joined]
    return [members for _, members in parts]


def _covers_of_part(rows: list[frozenset[int]], limit: int) -> list[frozenset[int]]:
    size = _lower_bound(rows)
    while True:
        found: list[frozenset[int]] = []
        _search(rows, size, frozenset(), frozenset(), found, limit)
        if found:
            return found
        size += 1


def _lower_bound(rows: Iterable[frozenset[int]]) -> int:
    """Rows that pairwise share no column (picked greedily): each needs a column of its own."""
    taken: set[int] = set()
    bound = 0
    for columns in rows:
        if taken.isdisjoint(columns):
            taken |= columns
            bound += 1
    return bound


def _search(
    rows: list[frozenset[int]],
    slots: int,
    banned: frozenset[int],
    chosen: frozenset[int],
    found: list[frozenset[int]],
    limit: int,
) -> None:
    """Depth-first search for covers of the rows with exactly the given number of columns.

    The next row is the one with the fewest admissible columns; a column tried at a node is banned in the later branches of
    that node, so no cover is found twice.
    """
    if not rows:
        found.append(chosen)
        if len(found) > limit:
            raise EstimationError(
                f"more than {limit} minimal models: the truth table is too ambiguous; raise max_models"
            )
        return
    if slots == 0:
        return
    open_rows = sorted((row - banned for row in rows), key=len)
    if not open_rows[0] or _lower_bound(open_rows) > slots:
        return
    for column in sorted(open_rows[0]):
        _search([row for row in open_rows if column not in row], slots - 1, banned, chosen | {column}, found, limit)
        banned = banned | {column}
