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


Pair = tuple[str, str]
FIRST = ("index_base_years", "first")
FROZEN = ("index_base_years", "frozen")
ONE = "cumulated land-use efficiency is 1 everywhere in its first year: no limits to scale it between"
WITHIN = "no value of the forty cities lies beyond the declared width"

REFUSED: Mapping[Pair, str] = {("island_rule", "error"): "without a neighbour"}
NOTHING_CHANGES: Mapping[Pair, str] = {
    FROZEN: "the base years of every study are its years until a year is added (test_frozen_base adds one)",
    ("log_zero_rule", "drop"): "every index of the demo is above zero, so that no log needs a rule",
    ("outlier_rule", "none"): WITHIN,
    ("outlier_width", "5"): WITHIN,
    ("outlier_width", "10"): WITHIN,
}
NOT_RECOMPUTED: Mapping[Pair, str] = {FROZEN: "nothing changes"}
EMPTIED: Mapping[Pair, Listed] = {
    FIRST: together(
        listed(ONE, "industrial_upgrading_built", "rel", "lnrel", "rel_bin"),
        listed(ONE, "industrial_upgrading", "rel", "lnrel", "rel_bin"),
        Listed(ONE, frozenset(f"indices.coordination.{c}" for c in ("rel", "rel_bin", "rel_printed", "rel_standard"))),
        listed("digital finance starts a year after the study: no median", "common_prosperity", "digital_finance_high"),
    ),
}
