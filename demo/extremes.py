"""Honest extremes: cells that nothing at the door can refuse and that a study's own outlier rule must replace.

A row of `extremes.csv` says that a city prints `value` of `over` (times `factor`) in a year and about `usual` in the others: landing
takes a step of less than four for a real one (`landing.plausibility`), so the cell reaches the sample of the study. The other years move
little, so that the step is below four with any seed.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from demo.tables import records
from demo.world import Values, World

EXTREMES = Path(__file__).with_name("extremes.csv")
STEADY = 0.25  # what the series keeps of its moves (logs) around the usual level


def with_extremes(world: World) -> World:
    """The world with the extremes of the cities it holds; their series stay near the usual level."""
    values: Values = {}
    for entry in records(EXTREMES):
        at = np.flatnonzero(world.roster.units["city_code"] == entry["city_code"])
        if len(at) == 0:
            continue
        key = (entry["indicator"], entry["scope"])
        cells = values.get(key, world.cells[key]).copy()
        base = float(entry["factor"]) * world.cells[entry["over"], entry["scope"]][at[0]]
        moves = np.log(cells[at[0]] / base)
        cells[at[0]] = float(entry["usual"]) * base * np.exp(STEADY * (moves - np.nanmean(moves)))
        year = world.at(int(entry["year"]))
        cells[at[0], year] = float(entry["value"]) * base[year]
        values[key] = cells
    return world.with_cells(values)
