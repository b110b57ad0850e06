"""From the world to what is printed: rounding as each edition prints, and the values that a reader gets back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from demo.tables import Column, Export, exports, tables_of
from demo.world import Key, Values, World


def printed(values: np.ndarray, column: Column | Export) -> np.ndarray:
    """Values in the printed unit, rounded as printed; NaN stays NaN."""
    return np.round(values * column.factor, column.decimals)


@dataclass(frozen=True)
class Rounding:
    """How an indicator is printed, by year: `factor` to the printed unit and `decimals`; NaN factors where nobody prints it."""

    factor: np.ndarray
    decimals: np.ndarray

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """The values a reader gets back, in the dictionary's unit; shape (units, years)."""
        out = np.full(values.shape, np.nan)
        for decimals in np.unique(self.decimals):
            years = (self.decimals == decimals) & ~np.isnan(self.factor)
            factor = self.factor[years]
            out[:, years] = np.round(values[:, years] * factor, int(decimals)) / factor
        return out


def roundings(world: World, editions: range) -> dict[Key, Rounding]:
    """Rounding of every indicator that is printed: by the yearbook where it prints the year, else by an export."""
    years = world.years
    rules: dict[Key, Rounding] = {}

    def rule(key: Key) -> Rounding:
        return rules.setdefault(key, Rounding(np.full(len(years), np.nan), np.zeros(len(years), dtype=int)))

    for item in exports():
        own = (years >= item.first) & (years <= item.last)
        rule((item.indicator, item.scope)).factor[own] = item.factor
        rule((item.indicator, item.scope)).decimals[own] = item.decimals
    for edition in editions:
        for table in tables_of(edition):
            for column in table.columns:
                for scope in column.scopes:
                    rule((column.indicator, scope)).factor[world.at(edition - 1)] = column.factor
                    rule((column.indicator, scope)).decimals[world.at(edition - 1)] = column.decimals
    return rules


def read_back(world: World, rules: dict[Key, Rounding]) -> Values:
    """The panel that reading all printed cells gives, in the dictionary's units."""
    return {key: rule(world.cells[key]) for key, rule in rules.items()}
