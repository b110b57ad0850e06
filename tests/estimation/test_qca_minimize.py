"""Exact minimisation against brute force and against its own laws.

Brute force: a term is any of the 3^k ternary strings; a prime implicant is an implicant no literal of which can be dropped; minimal
covers are found by trying every subset of prime implicants by size. Equality is exact.
"""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from estimation.core.frame import EstimationError
from estimation.qca.minimisation import minimal_covers, prime_implicants
from estimation.qca.sets import Term


@st.composite
def functions(draw: st.DrawFn, largest: int = 4) -> tuple[int, list[int], list[int]]:
    """(k, positive rows, don't-care rows) with at least one positive row."""
    k = draw(st.integers(1, largest))
    codes = draw(st.lists(st.sampled_from("10?"), min_size=2**k, max_size=2**k))
    positive = [row for row, code in enumerate(codes) if code == "1"]
    return (k, positive or [0], [row for row, code in enumerate(codes) if code == "?" and (positive or row)])


def brute_force_primes(k: int, positive: list[int], optional: list[int]) -> set[Term]:
    allowed = set(positive) | set(optional)
    terms = []
    for literals in itertools.product((None, 0, 1), repeat=k):
        mask = sum(1 << i for i, literal in enumerate(literals) if literal is not None)
        value = sum(1 << i for i, literal in enumerate(literals) if literal == 1)
        terms.append(Term(mask, value))
    implicants = {t for t in terms if {row for row in range(2**k) if t.covers(row)} <= allowed}
    primes = {t for t in implicants if not any(o != t and o.contains(t) for o in implicants)}
    return {t for t in primes if any(t.covers(row) for row in positive)}


def chart_of(terms: list[Term], positive: list[int]) -> list[int]:
    return [sum(1 << i for i, row in enumerate(positive) if term.covers(row)) for term in terms]


def brute_force_covers(chart: list[int], n_rows: int) -> list[tuple[int, ...]]:
    everything = (1 << n_rows) - 1
    for size in range(1, len(chart) + 1):
        found = []
        for chosen in itertools.combinations(range(len(chart)), size):
            covered = 0
            for column in chosen:
                covered |= chart[column]
            if covered == everything:
                found.append(chosen)
        if found:
            return found
    raise AssertionError("no cover")


@settings(max_examples=300, deadline=None, derandomize=True)
@given(functions())
def test_prime_implicants_and_covers_are_exact(function: tuple[int, list[int], list[int]]) -> None:
    k, positive, optional = function
    primes = prime_implicants(positive, optional, k)
    assert set(primes) == brute_force_primes(k, positive, optional)
    assert len(primes) == len(set(primes))
    chart = chart_of(primes, positive)
    if len(primes) <= 14:
        assert minimal_covers(chart, len(positive), 10**6) == brute_force_covers(chart, len(positive))


@settings(max_examples=40, deadline=None, derandomize=True)
@given(functions(6))
def test_models_cover_the_positive_rows_and_no_negative_one(function: tuple[int, list[int], list[int]]) -> None:
    k, positive, optional = function
    primes = prime_implicants(positive, optional, k)
    covers = minimal_covers(chart_of(primes, positive), len(positive), 10**6)
    allowed = set(positive) | set(optional)
    assert len({len(cover) for cover in covers}) == 1 and len(set(covers)) == len(covers)
    for cover in covers[:50]:
        covered = {row for row in range(2**k) for column in cover if primes[column].covers(row)}
        assert set(positive) <= covered <= allowed
        for left_out in cover:
            rest = {row for row in positive for column in cover if column != left_out and primes[column].covers(row)}
            assert rest != set(positive)


def test_textbook_example() -> None:
    """McCluskey (1956): f(a,b,c,d) with minterms 4, 8, 10, 11, 12, 15 and don't cares 9, 14: two minimal sums."""
    primes = prime_implicants([4, 8, 10, 11, 12, 15], [9, 14], 4)
    texts = [term.text("abcd") for term in primes]
    assert sorted(texts) == ["a*c", "a*~b", "a*~d", "b*~c*~d"]
    covers = minimal_covers(chart_of(primes, [4, 8, 10, 11, 12, 15]), 6, 100)
    assert {frozenset(texts[i] for i in cover) for cover in covers} == {
        frozenset({"b*~c*~d", "a*~b", "a*c"}),
        frozenset({"b*~c*~d", "a*~d", "a*c"}),
    }


def test_cyclic_chart_has_both_covers() -> None:
    """The six-row cycle: three of six prime implicants, in two ways."""
    chart = [0b000011, 0b000110, 0b001100, 0b011000, 0b110000, 0b100001]
    assert minimal_covers(chart, 6, 100) == [(0, 2, 4), (1, 3, 5)]


def test_too_many_ties_are_an_error() -> None:
    chart = [1 << row for row in range(8) for _ in range(3)]
    with pytest.raises(EstimationError, match="more than 1000 minimal models"):
        minimal_covers(chart, 8, 1000)
    assert len(minimal_covers(chart, 8, 3**8)) == 3**8


def test_row_order_does_not_matter() -> None:
    forward = prime_implicants([1, 3, 7, 6], [5], 3)
    assert prime_implicants([6, 7, 3, 1], [5], 3) == forward
