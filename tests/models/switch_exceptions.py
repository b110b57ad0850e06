"""What values of switches may do on the small demo, and why; whatever is not listed here must not happen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Listed:
    """Columns (schema, table and name), and the reason."""

    reason: str
    columns: frozenset[str] = field(default_factory=frozenset)


def listed(reason: str, table: str, *names: str) -> Listed:
    """Columns of one table of the studies."""
    return Listed(reason, frozenset(f"studies.{table}.{name}" for name in names))


def together(*parts: Listed) -> Listed:
    """Columns of several tables."""
    return Listed("; ".join(dict.fromkeys(p.reason for p in parts)), frozenset().union(*(p.columns for p in parts)))


def trend(study: str, name: str) -> Listed:
    """An instrument times a trend, which columns by year replace."""
    tables = ("indices.instruments", f"studies.{study}", f"studies.{study}_built")
    return Listed("columns by year stand in for the trend", frozenset(f"{table}.{name}" for table in tables))


Pair = tuple[str, str]
PARTS = ("v1", "v2", "v3", "v4", "v5")
ALIKE = "cities that are all alike have no types"
FIRST = ("index_base_years", "first")
FROZEN = ("index_base_years", "frozen")
ONE = "cumulated land-use efficiency is 1 everywhere in its first year: no limits to scale it between"
PRINTED = "no level is carried on"

REFUSED: Mapping[Pair, str] = {("island_rule", "error"): "without a neighbour"}
NOTHING_CHANGES: Mapping[Pair, str] = {
    FROZEN: "the base years of every study are its years until a year is added (test_frozen_base adds one)",
    ("log_zero_rule", "drop"): "every index of the demo is above zero, so that no log needs a rule",
    ("digital_finance_2010", "backfill"): "no city of the demo passes the median by it",
}
NOT_RECOMPUTED: Mapping[Pair, str] = {
    FROZEN: "nothing changes",
    ("expy_form", "printed"): "by hand only (tests/estimation)",
    ("xi_est", "estimated"): "by hand only (tests/estimation)",
}
EMPTIED: Mapping[Pair, Listed] = {
    ("fai_after_2017", "none"): Listed(
        PRINTED,
        frozenset(
            f"panel.grown_levels.{c}"
            for c in ("city_code", "year", "variable", "value", "base_year", "base_value", "growth_variable")
        ),
    ),
    FIRST: together(
        listed(ONE, "industrial_upgrading_built", "rel", "lnrel", "rel_bin"),
        listed(ONE, "industrial_upgrading", "rel", "lnrel", "rel_bin"),
        Listed(
            ONE,
            frozenset(
                f"indices.coordination.{c}" for c in ("eland_scaled", "rel", "rel_bin", "rel_printed", "rel_standard")
            ),
        ),
        listed("digital finance starts a year after the study: no median", "common_prosperity", "digital_finance_high"),
    ),
    ("va_formula", "printed"): together(
        Listed(ALIKE, frozenset(f"indices.va_types.{c}" for c in (*PARTS, "va_type"))),
        listed(ALIKE, "new_quality_va_types", *PARTS, "va_type"),
    ),
    ("hangzhou_time", "year_dummies"): trend("digital_industry", "iv_hangzhou"),
    ("terrain_time", "year_dummies"): trend("industrial_upgrading", "iv_terrain_year"),
}
