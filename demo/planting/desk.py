"""The cells on the desk: what is printed of them, and what a study sees."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from demo.industries import output_levels, output_shares, staff_levels
from demo.printing import Rounding, roundings
from demo.samples import Study, in_sample
from demo.world import Key, Values, World


class Desk:
    """The world's cells while carriers are moved. `printed` is what a reader of the files gets."""

    def __init__(self, world: World, editions: range) -> None:
        self.world = world
        self.editions = editions
        self.cells: Values = dict(world.cells)
        self.rules: dict[Key, Rounding] = roundings(world, editions)
        self.shares = output_shares(world)
        self.staff = staff_levels(world, self.shares)
        self._printed: Values = {}

    def printed(self, key: Key) -> np.ndarray:
        """(units, years) values read back from the printed cells."""
        if key not in self._printed:
            self._printed[key] = self.rules[key](self.cells[key])
        return self._printed[key]

    def write(self, key: Key, rows: np.ndarray, columns: np.ndarray, values: np.ndarray) -> None:
        """Replace cells; values have shape (rows, columns)."""
        cells = self.cells[key].copy()
        cells[np.ix_(rows, columns)] = values
        self.cells[key] = cells
        self._printed.pop(key, None)

    def replace(self, key: Key, values: np.ndarray) -> None:
        """Replace all cells of an indicator, (units, years)."""
        self.cells[key] = values
        self._printed.pop(key, None)

    @property
    def output(self) -> np.ndarray:
        """(units, years, industries) output as printed, 10 000 yuan."""
        return output_levels(self.world, self.shares)

    def result(self) -> World:
        """The world with the moved cells."""
        return self.world.with_cells(self.cells)


@dataclass(frozen=True)
class View:
    """A study's sample of the desk: its cities in code order and its years."""

    desk: Desk
    study: Study

    @property
    def rows(self) -> np.ndarray:
        """Positions of the sample's cities."""
        return np.flatnonzero(in_sample(self.desk.world.roster, self.study))

    @property
    def columns(self) -> np.ndarray:
        """Positions of the study's years."""
        return np.array([self.desk.world.at(year) for year in self.study.years])

    @property
    def codes(self) -> list[str]:
        """City codes of the sample."""
        return self.desk.world.roster.units["city_code"].iloc[self.rows].tolist()

    def __call__(self, indicator: str, scope: str = "city") -> np.ndarray:
        """(cities, years) printed values."""
        values = self.desk.printed((indicator, scope))[np.ix_(self.rows, self.columns)]
        if np.isnan(values).any():
            raise ValueError(
                f"{self.study.name}: {indicator} ({scope}) is not printed for every city and year of the sample"
            )
        return values

    def cells(self, indicator: str, scope: str = "city") -> np.ndarray:
        """(cities, years) values before rounding."""
        return self.desk.cells[indicator, scope][np.ix_(self.rows, self.columns)]

    def frame(self, columns: dict[str, np.ndarray]) -> pd.DataFrame:
        """Long frame of (cities, years) arrays, by city_code and year."""
        keys = {
            "city_code": np.repeat(self.codes, len(self.columns)),
            "year": np.tile(np.array(self.study.years), len(self.rows)),
        }
        return pd.DataFrame(keys | {name: values.ravel() for name, values in columns.items()})

    def matrix(self, column: pd.Series) -> np.ndarray:
        """(cities, years) array of a long column sorted by city and year."""
        return column.to_numpy(dtype=float).reshape(len(self.rows), len(self.columns))

    def write(self, indicator: str, values: np.ndarray, scope: str = "city") -> None:
        """Replace the sample's cells of an indicator."""
        self.desk.write((indicator, scope), self.rows, self.columns, values)
