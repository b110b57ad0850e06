"""Every allowed value of every switch on a small filled warehouse: it builds, it changes something, and it breaks nothing.

Only what reads a switch, or descends from what reads it, is built anew (`switch_readers`); that nothing else changes is tried with the models
that could read it. A new switch is covered by its row in `seeds/switches.csv`.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.models.recomputed.compare import differences
from tests.models.recomputed.every import EXPECTED
from tests.models.recomputed.expectation import Read
from tests.models.switch_builds import Base, Column, build, build_base, columns, other_values, read
from tests.models.switch_exceptions import (
    EMPTIED,
    NOT_RECOMPUTED,
    NOTHING_CHANGES,
    REFUSED,
    Listed,
)
from tests.models.test_dbt_models import ROOT
from tests.models.test_switch_reach import REACH

pytestmark = pytest.mark.slow

VALUES = [pair for pair in other_values() if pair not in REFUSED]


@dataclass(frozen=True)
class Changed:
    """What was built under one other value of one switch: the database, and its columns by table."""

    pair: tuple[str, str]
    database: Path
    columns: dict[str, dict[str, Column]]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Base:
    return build_base(tmp_path_factory.mktemp("sweep"))


@pytest.fixture(scope="module")
def declared(base: Base) -> Read:
    """Tables under the declared values."""
    return lambda table: read(base.database, table)


@pytest.fixture(scope="module", params=VALUES, ids="=".join)
def changed(base: Base, request: pytest.FixtureRequest) -> Iterator[Changed]:
    """One build for all tests of one value."""
    switch, value = request.param
    names = base.models.reach(switch)
    assert names, f"no model reads {switch}"
    database = build(base, names, {switch: value})
    yield Changed(request.param, database, columns(database, [base.models.tables[name] for name in names]))


def test_something_changes(base, changed):
    different = {
        f"{table}.{name}"
        for table, found in changed.columns.items()
        for name, column in found.items()
        if column != base.columns[table][name]
    }
    assert bool(different) != (changed.pair in NOTHING_CHANGES), sorted(different)


def test_no_column_becomes_empty(base, changed):
    emptied = {
        f"{table}.{name}"
        for table, found in changed.columns.items()
        for name, column in found.items()
        if column.known == 0 and base.columns[table][name].known
    }
    assert emptied == EMPTIED.get(changed.pair, Listed("")).columns


def test_ranges_of_studies_hold(changed):
    assert beyond_ranges(changed.columns, changed.pair) == {}


def test_ranges_hold_under_the_declared_values(base):
    assert beyond_ranges(base.columns) == {}


def beyond_ranges(
    tables: Mapping[str, Mapping[str, Column]], pair: tuple[str, str] | None = None
) -> dict[str, tuple[float | None, float | None]]:
    """Variables of the studies with a value outside the range of gate 2 under one other value, and the range that they have."""
    found = {}
    for (table, name), (low, high) in declared_ranges(pair).items():
        column = tables[table][name] if table in tables else None
        if column and column.known and (column.low < low or column.high > high):
            found[f"{table}.{name}"] = (column.low, column.high)
    return found


def declared_ranges(pair: tuple[str, str] | None) -> dict[tuple[str, str], tuple[float, float]]:
    """Lowest and highest value of the variables of the studies; `variable_ranges` widens them under the value of a switch."""
    rows = [*seed("study_variables"), *(r for r in seed("variable_ranges") if (r["switch"], r["value"]) == pair)]
    found: dict[tuple[str, str], tuple[float, float]] = {}
    for row in rows:
        key = f"studies.{row['study']}", row["column_name"]
        low, high = found.get(key, (float("inf"), float("-inf")))
        if row["low"] or row["high"]:
            found[key] = min(low, float(row["low"] or low)), max(high, float(row["high"] or high))
    return found


def seed(name: str) -> list[dict[str, str]]:
    with (ROOT / "seeds" / f"{name}.csv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def test_as_recomputed(changed, declared):
    if changed.pair in NOT_RECOMPUTED:
        pytest.skip(NOT_RECOMPUTED[changed.pair])
    expectation = EXPECTED[changed.pair]
    expected = expectation.compute(declared, changed.pair[1])
    assert differences(expected, read(changed.database, expectation.table), expectation.keys) == {}


@pytest.mark.parametrize(("pair", "words"), REFUSED.items(), ids=map("=".join, REFUSED))
def test_a_value_that_refuses_the_demo_says_why(base, pair, words):
    with pytest.raises(AssertionError, match=words):
        build(base, base.models.reach(pair[0]), dict([pair]))


def test_every_stated_exception_is_a_value():
    assert {*NOTHING_CHANGES, *EMPTIED, *REFUSED} <= set(other_values())
    assert EXPECTED.keys() ^ NOT_RECOMPUTED.keys() == set(VALUES)


def test_models_that_do_not_name_a_switch_do_not_read_it(base):
    """Switches with the same readers at other values together: every other model that asks for switches builds what it built before."""
    together: dict[frozenset[str], dict[str, str]] = defaultdict(dict)
    for switch, value in VALUES:
        together[base.models.readers(switch)][switch] = value
    for values in together.values():
        outside = base.models.asking - base.models.reach(next(iter(values)))
        found = columns(build(base, outside, values), [base.models.tables[name] for name in outside])
        assert found == {table: base.columns[table] for table in found}, values


def test_the_reach_found_in_whole_builds_lies_within(base):
    for (switch, _), listed in REACH.items():
        assert set(listed.split()) <= {base.models.tables[name] for name in base.models.reach(switch)}
