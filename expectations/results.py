"""Gate 3: estimates are numbers a reader can rely on, before they are published."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from expectations.gate import Suite

KEY = ("study", "table_id", "column_id", "term")


def _estimates(gxe: Any) -> Sequence[Any]:
    return [
        gxe.ExpectCompoundColumnsToBeUnique(column_list=list(KEY), notes="one estimate a term and column"),
        gxe.ExpectColumnValuesToNotBeNull(column="estimate", notes="every estimate is a number"),
        gxe.ExpectColumnValuesToBeBetween(
            column="std_error", min_value=0, strict_min=True, notes="standard errors are positive"
        ),
        gxe.ExpectColumnValuesToBeBetween(column="p_value", min_value=0, max_value=1, notes="p-values lie in [0, 1]"),
        gxe.ExpectColumnPairValuesAToBeGreaterThanB(
            column_A="conf_high", column_B="conf_low", notes="intervals are not empty"
        ),
        gxe.ExpectColumnPairValuesAToBeGreaterThanB(
            column_A="n_obs", column_B="n_entities", notes="a panel has more observations than entities"
        ),
        gxe.ExpectColumnValuesToMatchRegex(
            column="data_hash", regex="^[0-9a-f]{16}$", notes="every estimate names its data"
        ),
    ]


def _r_squared(gxe: Any) -> Sequence[Any]:
    return [
        gxe.ExpectColumnValuesToBeBetween(column="value", min_value=0, max_value=1, notes="within R2 lies in [0, 1]")
    ]


def _studies(gxe: Any) -> Sequence[Any]:
    return [
        gxe.ExpectColumnValuesToBeInSet(
            column="status", value_set=["estimated", "not_runnable"], notes="every study ran or says what it lacks"
        )
    ]


SUITES = (
    Suite("estimates", "results.estimates", "select * from results.estimates order by all", KEY, _estimates),
    Suite(
        "r_squared",
        "results.fit",
        "select * from results.fit where statistic = 'r2_within' order by all",
        ("study", "table_id", "column_id"),
        _r_squared,
    ),
    Suite("studies", "results.studies", "select * from results.studies order by study", ("study",), _studies),
)
