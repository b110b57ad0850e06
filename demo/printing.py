"""From the world to what is printed: rounding as each edition prints, and the values that a reader gets back."""

from __future__ import annotations

import numpy as np

from demo.tables import Column, Export, exports, tables_of
from demo.world import Key, Values, World


def printed(values: np.ndarray, column: Column | Export) -> np.ndarray:
    """Values in the printed unit, rounded as printed; NaN stays NaN."""
    return np.round(values * column.factor, column.decimals)


def read_back(world: World, editions: range) -> Values:
    """The panel that reading all printed cells gives: the yearbook where it prints a value, else the export, else NaN.

    Same keys and shapes as the world's values, in the same units.
    """
    out: Values = {key: np.full(array.shape, np.nan) for key, array in world.cells.items()}
    for item in exports():
        if (item.indicator, item.scope) in out:
            _store(out, world, (item.indicator, item.scope), item, range(item.first, item.last + 1))
    for edition in editions:
        for table in tables_of(edition):
            for column in table.columns:
                for scope in column.scopes:
                    _store(out, world, (column.indicator, scope), column, range(edition - 1, edition))
    return out


def _store(out: Values, world: World, key: Key, column: Column | Export, years: range) -> None:
    at = [world.at(year) for year in years if world.years[0] <= year <= world.years[-1]]
    rounded = printed(world.cells[key][:, at], column) / column.factor
    out[key][:, at] = np.where(np.isnan(rounded), out[key][:, at], rounded)


def unprinted(world: World, editions: range) -> list[Key]:
    """Indicators of the world that no table and no export prints."""
    back = read_back(world, editions)
    return [key for key, array in back.items() if np.isnan(array).all()]
