"""Retail price indices of sixteen categories, for provinces and the 36 large cities, preceding year = 100."""

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
LOCAL_SD, CITY_SD = 2.6, 0.9


def price_index(world: World, provinces: pd.DataFrame) -> bytes:
    """Rows place x year, one column a category; the places vary less around the country the later it is."""
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
    """(years, categories): the country's index, the province's deviation, the city's own."""
    n_years, n = len(world.years), len(CATEGORIES)
    draws = Draws(world.seed, [str(province)])
    country = 101 + 2.2 * draws.stream("price country").standard_normal((n_years, n))
    narrowing = np.linspace(1.25, 0.75, n_years)[:, None]
    local = draws.stream("price province", province).standard_normal((n_years, n))
    own = draws.stream("price city", code).standard_normal((n_years, n)) if code != province else 0.0
    return country + narrowing * (LOCAL_SD * local + CITY_SD * own)
