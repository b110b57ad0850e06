"""Database exports in the real layout: rows indicator (unit) x city, one column a year, the latest first."""

from __future__ import annotations

from itertools import groupby

import numpy as np

from demo.printing import printed
from demo.tables import Export, exports
from demo.world import World
from demo.xlsx import Cell


def export_sheets(world: World) -> list[tuple[str, list[list[Cell]]]]:
    """(file name, rows) of every export: today's names for all years, no rows for cities without a value."""
    return [
        (f"{name}_synthetic.xlsx", _rows(world, list(items))) for name, items in groupby(exports(), lambda e: e.file)
    ]


def _rows(world: World, items: list[Export]) -> list[list[Cell]]:
    first, last = int(world.years[0]), int(world.years[-1])
    years = range(min(last, max(item.last for item in items)), max(first, min(item.first for item in items)) - 1, -1)
    rows: list[list[Cell]] = [["指标名称(单位)", "地区", *(f"{year}年" for year in years)]]
    names = world.roster.units["name_zh"].tolist()
    for item in items:
        at = [world.at(year) for year in years]
        values = printed(world.cells[item.indicator, item.scope][:, at], item)
        outside = [not item.first <= year <= item.last for year in years]
        values[:, outside] = np.nan
        label = f"{item.label}({item.unit})" if item.unit else item.label
        for name, line in zip(names, values.tolist(), strict=True):
            if any(value == value for value in line):
                rows.append([label, name, *(_cell(value, item.decimals) for value in line)])
    return rows


def _cell(value: float, decimals: int) -> Cell:
    if value != value:
        return None
    return int(value) if decimals == 0 else value
