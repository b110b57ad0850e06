"""The indicator dictionary: units, indicators and header aliases as the seeds describe them.

`seeds/units.csv`, `seeds/indicators.csv` (one row a variable), `seeds/header_aliases.csv` and
`seeds/unit_equivalents.csv` hold everything; `landing.headers` resolves header texts with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd

from landing.header_text import alias_key, compact, unit_in

NOT_A_VARIABLE = "not_a_variable"
GROUP_HEADING = "group_heading"
_SEEDS = ("units", "indicators", "header_aliases", "unit_equivalents")


class DictionaryError(ValueError):
    """A seed of the dictionary contradicts itself, or a lookup names something it does not hold."""


@dataclass(frozen=True)
class Dictionary:
    """The seeds as frames of text; look-up tables are built on first use."""

    units: pd.DataFrame
    indicators: pd.DataFrame
    aliases: pd.DataFrame
    equivalents: pd.DataFrame

    @cached_property
    def unit_of_label(self) -> dict[str, str]:
        """Every printed label and every unit id, compact and lower case, to the unit id."""
        labels = {unit: unit for unit in self.units["unit"]}
        for unit, text in zip(self.units["unit"], self.units["label_zh"], strict=True):
            for label in text.split("|"):
                key = compact(label).lower()
                if labels.setdefault(key, unit) != unit:
                    raise DictionaryError(f"units.csv: label {label!r} stands under {labels[key]} and {unit}")
        return labels

    @cached_property
    def factor(self) -> dict[str, float]:
        """Unit to its multiple of the base unit of its dimension."""
        return {u: float(f) for u, f in zip(self.units["unit"], self.units["factor_to_base"], strict=True)}

    @cached_property
    def dimension(self) -> dict[str, str]:
        return dict(zip(self.units["unit"], self.units["dimension"], strict=True))

    @cached_property
    def variable(self) -> dict[tuple[str, str], tuple[str, str]]:
        """(indicator, scope) to (variable, unit)."""
        keys = zip(self.indicators["indicator"], self.indicators["scope"], strict=True)
        rows = dict(zip(keys, zip(self.indicators["variable"], self.indicators["unit"], strict=True), strict=True))
        if len(rows) != len(self.indicators) or self.indicators["variable"].duplicated().any():
            raise DictionaryError("indicators.csv: a variable, or an indicator within a scope, stands twice")
        return rows

    @cached_property
    def indicator_of_variable(self) -> dict[str, str]:
        return dict(zip(self.indicators["variable"], self.indicators["indicator"], strict=True))

    @cached_property
    def scopes(self) -> dict[str, list[str]]:
        """Indicator to the scopes it is printed in, in file order."""
        return {str(i): list(s) for i, s in self.indicators.groupby("indicator", sort=False)["scope"]}

    @cached_property
    def kind(self) -> dict[str, str]:
        return dict(zip(self.indicators["indicator"], self.indicators["kind"], strict=True))

    @cached_property
    def convertible(self) -> frozenset[tuple[str, str]]:
        """(indicator, dimension) pairs that may be converted: the indicator's own and the declared equivalents."""
        own = zip(self.indicators["indicator"], self.indicators["unit"].map(self.dimension), strict=True)
        declared = zip(self.equivalents["indicator"], self.equivalents["dimension"], strict=True)
        return frozenset(own) | frozenset(declared)

    @cached_property
    def candidates(self) -> dict[str, list[dict[str, str]]]:
        """Alias key to its rows of header_aliases.csv."""
        rows: dict[str, list[dict[str, str]]] = {}
        for row in self.aliases.to_dict("records"):
            rows.setdefault(alias_key(str(row["alias"])), []).append({str(k): str(v) for k, v in row.items()})
        return rows


def read_seed(seeds: Path, name: str) -> pd.DataFrame:
    """`seeds/<name>.csv` as text columns, blanks as empty strings."""
    return pd.read_csv(Path(seeds) / f"{name}.csv", dtype=str, keep_default_na=False)


def load_dictionary(seeds: Path) -> Dictionary:
    """Read and cross-check the dictionary seeds; raises `DictionaryError` naming the entry that does not fit."""
    dictionary = Dictionary(*(read_seed(seeds, name) for name in _SEEDS))
    units, indicators = set(dictionary.units["unit"]), set(dictionary.indicators["indicator"])
    for seed, frame, column, allowed in (
        ("indicators", dictionary.indicators, "unit", units),
        ("header_aliases", dictionary.aliases, "unit", units | {""}),
        ("header_aliases", dictionary.aliases, "indicator", indicators | {GROUP_HEADING}),
        ("unit_equivalents", dictionary.equivalents, "indicator", indicators),
    ):
        unknown = sorted(set(frame[column]) - allowed)
        if unknown:
            raise DictionaryError(f"seeds/{seed}.csv: {column} {unknown} is used but not defined")
    return dictionary


def parse_unit(dictionary: Dictionary, text: str) -> str:
    """The unit id that a unit line, bracket or title names (`单位：万元 (10 000 yuan)` is `10k_yuan`), or ''."""
    return unit_in(text, dictionary.unit_of_label)


def conversion_factor(dictionary: Dictionary, unit_from: str, unit_to: str, indicator: str = "") -> float:
    """What a value in `unit_from` is multiplied with to stand in `unit_to`; see `base_factors`."""
    numerator, denominator = base_factors(dictionary, unit_from, unit_to, indicator)
    return numerator / denominator


def base_factors(dictionary: Dictionary, unit_from: str, unit_to: str, indicator: str = "") -> tuple[float, float]:
    """Multiples of the base unit: a value converts as `value * first / second`, which keeps round numbers round.

    Both units must be of one dimension, unless `seeds/unit_equivalents.csv` declares the other dimension for
    `indicator` (a tonne of water is a cubic metre); raises `DictionaryError` otherwise.
    """
    for unit in (unit_from, unit_to):
        if unit not in dictionary.factor:
            raise DictionaryError(f"unknown unit {unit!r}: add it to seeds/units.csv")
    source, target = dictionary.dimension[unit_from], dictionary.dimension[unit_to]
    if source != target and (indicator, source) not in dictionary.convertible:
        raise DictionaryError(f"{unit_from} ({source}) does not convert to {unit_to} ({target})")
    return dictionary.factor[unit_from], dictionary.factor[unit_to]
