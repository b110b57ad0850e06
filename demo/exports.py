"""Database exports in the real layout: rows indicator (unit) x city, one column a year, the latest first."""

from __future__ import annotations

from itertools import groupby

import numpy as np

from demo.csvfile import NOTICE_ZH
from demo.dirt import Dirty
from demo.printing import printed
from demo.tables import Export, exports
from demo.world import World
from demo.xlsx import Cell, column_letters

# Values of the county-level city, before the prefecture of that name became a city: indicator, city, years, share.
NAMESAKE = ("va_industry", "520500", range(2006, 2011), 0.13)
NAMESAKE_GROWTH = 1.13
NAMESAKE_REASON = (
    "entity_not_valid",
    "values of the county-level city under the name of the later prefecture-level city",
)


def export_sheets(world: World) -> list[tuple[str, list[list[Cell]], list[Dirty]]]:
    """(file name, rows, dirty cells) of every export: today's names for all years, no rows for cities without a value."""
    joined = with_namesake(world)
    out = []
    for name, items in groupby(exports(), lambda item: item.file):
        file = f"{name}_synthetic.xlsx"
        own = list(items)
        rows, cells = _rows(joined, own)
        rows.append([_note(own), *[None] * (len(rows[0]) - 1)])
        out.append(
            (file, rows, [Dirty("namesake", f"export/{file}", "Sheet1", *cell, *NAMESAKE_REASON) for cell in cells])
        )
    return out


def _note(items: list[Export]) -> str:
    """Footnote: everything is synthetic; indicators that nobody publishes for all cities by name."""
    invented = "、".join(item.label for item in items if item.synthetic)
    return f"注：{NOTICE_ZH}{f'；{invented}无公开来源，为合成指标' if invented else ''}。"


def with_namesake(world: World) -> World:
    """The world as an export prints it that joins a county-level city to the later prefecture of its name."""
    indicator, code, years, share = NAMESAKE
    at = world.roster.units.index[world.roster.units["city_code"] == code]
    if len(at) == 0:
        return world
    values = world.cells[indicator, "city"].copy()
    after = values[at[0], world.at(years[-1] + 1)]
    for back, year in enumerate(reversed(years), start=1):
        values[at[0], world.at(year)] = share * after / NAMESAKE_GROWTH**back
    return world.with_cells({(indicator, "city"): values})


def _rows(world: World, items: list[Export]) -> tuple[list[list[Cell]], list[tuple[str, str]]]:
    """Rows of one file, and (cell, text) of the namesake's values."""
    first, last = int(world.years[0]), int(world.years[-1])
    years = range(min(last, max(item.last for item in items)), max(first, min(item.first for item in items)) - 1, -1)
    rows: list[list[Cell]] = [["指标名称(单位)", "地区", *(f"{year}年" for year in years)]]
    names, codes = (world.roster.units[column].tolist() for column in ("name_zh", "city_code"))
    dirty: list[tuple[str, str]] = []
    at = [world.at(year) for year in years]
    for item in items:
        values = printed(world.cells[item.indicator, item.scope][:, at], item)
        values[:, [not item.first <= year <= item.last for year in years]] = np.nan
        label = f"{item.label}({item.unit})" if item.unit else item.label
        for name, code, line in zip(names, codes, values.tolist(), strict=True):
            if all(value != value for value in line):
                continue
            rows.append([label, name, *(_cell(value, item.decimals) for value in line)])
            if (item.indicator, code) == NAMESAKE[:2]:
                columns = [2 + position for position, year in enumerate(years) if year in NAMESAKE[2]]
                dirty += [(f"{column_letters(column)}{len(rows)}", str(rows[-1][column])) for column in columns]
    return rows, dirty


def _cell(value: float, decimals: int) -> Cell:
    if value != value:
        return None
    return int(value) if decimals == 0 else value
