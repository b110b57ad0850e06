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
LATER = "min-max scores pass 1 where later years lie beyond the first"
KILOMETRES = "distances in 1,000 km make every weight but the own term a thousand times larger than the range supposes"
LOGS = "ln(1 + x) of an index from 0 to 1 lies above 0, where the range of its log ends"
WITHIN = "no value of the forty cities lies beyond the declared width"
CHAINED = "a chained index of few cities runs away in one of them"
SCALE = "the range is that of the scale from 0.001 to 1"

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
BEYOND_AS_DECLARED = listed("the largest of few cities passes it by a third", "new_quality_va_types", "fi")
BEYOND: Mapping[Pair, Listed] = {
    FIRST: together(
        listed(LATER, "new_quality_va_types", "env_pollution_index"), listed(LATER, "digital_industry", "np_entropy")
    ),
    ("va_distance_unit_km", "1000"): together(
        listed(KILOMETRES, "common_prosperity", "va_cp"),
        listed(KILOMETRES, "new_quality_va_types", "va_nq", "v1", "v2", "v3", "v4", "v5"),
        listed(KILOMETRES, "green_development", "va_gd", "va_sq"),
    ),
    ("pca_rescale", "none"): listed("a raw score has mean 0", "common_prosperity", "cp_index"),
    ("er_form", "level"): listed("the range is that of the log", "green_development", "er"),
    ("ecol_normalise", "none"): listed(SCALE, "industrial_upgrading", "ecol"),
    ("rel_normalise", "none"): listed(SCALE, "industrial_upgrading", "rel", "lnrel"),
    ("log_zero_rule", "ln1p"): listed(LOGS, "industrial_upgrading", "lncac", "lnecol", "lnrel"),
    ("winsor_by", "none"): listed(CHAINED, "industrial_upgrading", "eland", "lneland"),
    ("winsor_by", "year"): listed(CHAINED, "industrial_upgrading", "eland", "lneland"),
}
