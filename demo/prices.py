"""Retail price indices of sixteen categories, for provinces and the 36 large cities, preceding year = 100.

Every category swings around the country's price in each province, about once in two and a half years and at a time of its own, so
that price levels do not drift apart. green_development prints a mean of market integration (one over the root of segmentation) that
needs wide swings, here of 30 % either way, and a standard deviation above the mean, which needs years without them: every eighth is
calm. Nothing but market integration reads these prices.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from demo.csvfile import csv_bytes, number
from demo.draws import Draws
from demo.economy import TIERS
from demo.world import World

CATEGORIES = (
    "食品", "饮料、烟酒", "服装、鞋帽", "纺织品", "家用电器及音像器材", "文化办公用品", "日用品", "体育娱乐用品", "交通、通信用品", "家具",
    "化妆品", "金银珠宝", "中西药品及医疗保健用品", "书报杂志及电子出版物", "燃料", "建筑材料及五金电料",
)  # fmt: skip
COUNTRY_MEAN, COUNTRY_SD, FURTHEST_SDS = 101.0, 2.0, 2.0
SWING, CALM_SWING, CALM_EVERY = 0.304, 0.0501, 8  # logs; years divisible by the last are calm
UNLIKE = 0.1  # log by which the swing of a place differs from the usual, at most
PACE, PACE_SD, CITY_SHIFT_SD = 2.4, 0.2, 0.8  # radians: of the swing a year, and of a city against its province


def price_index(world: World, provinces: pd.DataFrame) -> bytes:
    """Rows place x year, one column a category."""
    units = world.roster.units
    names = dict(zip(provinces["province_code"], provinces["name_zh"], strict=True))
    places = [(names[code], code) for code in provinces["province_code"] if code in set(units["province_code"])]
    places += list(zip(*(units.loc[own_prices(units), name] for name in ("name_zh", "city_code")), strict=True))
    index = category_prices(world)
    rows = []
    for place, code in places:
        rows += [[place, int(year), *(number(v, 1) for v in index[code][at])] for at, year in enumerate(world.years)]
    return csv_bytes(["地区", "年份", *(f"{name}类商品零售价格指数" for name in CATEGORIES)], rows)


def own_prices(units: pd.DataFrame) -> np.ndarray:
    """Which units have price indices of their own: the large cities, except municipalities, which are provinces."""
    return (units["admin_level"].isin(TIERS) & (units["admin_level"] != "municipality")).to_numpy()


def category_prices(world: World) -> dict[str, np.ndarray]:
    """(years, categories) indices by code of the province or large city, rounded as printed."""
    units = world.roster.units
    pairs = {(code, code) for code in units["province_code"]}
    pairs |= set(zip(*(units.loc[own_prices(units), name] for name in ("province_code", "city_code")), strict=True))
    return {code: np.round(_index(world, int(province), int(code)), 1) for province, code in sorted(pairs)}


def _index(world: World, province: int, code: int) -> np.ndarray:
    """(years, categories): the country's index times the swing of the place."""
    n = len(CATEGORIES)
    draws = Draws(world.seed, [])
    passing = draws.stream("price country").standard_normal((len(world.years), n))
    country = COUNTRY_MEAN + COUNTRY_SD * np.clip(passing, -FURTHEST_SDS, FURTHEST_SDS)
    local = draws.stream("price province", province)
    size = _size(world.years) * np.exp(UNLIKE * local.uniform(-1, 1))
    phase = local.uniform(0, 2 * np.pi, n) + np.cumsum(local.normal(PACE, PACE_SD, (len(world.years), n)), axis=0)
    if code != province:
        phase = phase + CITY_SHIFT_SD * draws.stream("price city", code).standard_normal(n)
    return np.asarray(country * np.exp(size[:, None] * np.sin(np.pi / 2 * np.sin(phase))))


def _size(years: np.ndarray) -> np.ndarray:
    """(years,) largest log deviation from the country's prices."""
    return np.where(years % CALM_EVERY == 0, CALM_SWING, SWING)
