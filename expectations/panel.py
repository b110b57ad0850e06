"""Gate 2: the panel is unique, in range by kind, and covers what a year of the yearbook covers; so do the samples of studies, and they do not jump."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from expectations import changes, samples
from expectations.gate import Suite

KEY = ("city_code", "year", "variable")
FILLED = ("interpolated", "extended_by_growth")
STATUSES = ["observed", "corrected", "upstream_interpolated", *FILLED]
VALUES = """
    select long.city_code, long.year, long.variable, long.value, long.status, long.cell
    from panel.long as long
    inner join seeds.indicators as indicators on long.variable = indicators.variable
"""


def _long(gxe: Any) -> Sequence[Any]:
    return [
        gxe.ExpectCompoundColumnsToBeUnique(column_list=list(KEY), notes="one value a city, year and variable"),
        gxe.ExpectColumnValuesToNotBeNull(
            column="value", notes="a missing value has no row (its reason is in audit.cell_status)"
        ),
        gxe.ExpectColumnValuesToBeInSet(column="status", value_set=STATUSES, notes="every value says what it is"),
    ]


def _located(gxe: Any) -> Sequence[Any]:
    return [
        gxe.ExpectColumnValuesToNotBeNull(column="cell", notes="every value that was not filled here names its cell")
    ]


def _levels(gxe: Any) -> Sequence[Any]:
    return [gxe.ExpectColumnValuesToBeBetween(column="value", min_value=0, notes="a level is not negative")]


def _shares(gxe: Any) -> Sequence[Any]:
    return [
        gxe.ExpectColumnValuesToBeBetween(
            column="value", min_value=0, max_value=100, notes="a share lies between 0 and 100 %"
        )
    ]


def _sector_shares(gxe: Any) -> Sequence[Any]:
    return [
        gxe.ExpectColumnValuesToBeBetween(
            column="total", min_value=98, max_value=102, mostly=0.99,
            notes="the three sectors' shares add up to 100 within two points in 99 % of city-years",
        )
    ]  # fmt: skip


def _coverage(gxe: Any) -> Sequence[Any]:
    return [
        gxe.ExpectColumnValuesToBeBetween(
            column="growth", min_value=0.8, max_value=1.5, notes="GDP covers about as many cities as the year before"
        )
    ]


SUITES = (
    Suite("long", "panel.long", VALUES, KEY, _long),
    Suite("located", "panel.long", f"{VALUES} where status not in {FILLED}", KEY, _located),
    Suite("levels", "panel.long", f"{VALUES} where indicators.kind = 'level'", KEY, _levels),
    Suite("shares", "panel.long", f"{VALUES} where long.variable like '%\\_share\\_pct' escape '\\'", KEY, _shares),
    Suite(
        "sector_shares",
        "panel.city_year",
        """
        select
            city_code, year,
            va_primary_share_pct + va_secondary_share_pct + va_tertiary_share_pct as total
        from panel.city_year
        where va_primary_share_pct is not null and va_secondary_share_pct is not null and va_tertiary_share_pct is not null
        """,
        ("city_code", "year"),
        _sector_shares,
    ),
    Suite(
        "coverage",
        "panel.long",
        """
        select year, count(*) / lag(count(*)) over (order by year) as growth
        from panel.long where variable = 'gdp_100m_yuan' group by year order by year
        """,
        ("year",),
        _coverage,
    ),
    *samples.SUITES,
    *changes.SUITES,
)
