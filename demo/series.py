"""National and provincial series: averages of the world's cities, and rates that only the country has."""

from __future__ import annotations

import numpy as np
import pandas as pd

from demo.csvfile import csv_bytes, number
from demo.draws import Draws
from demo.economy import BASE_YEAR
from demo.world import World

# Yuan for one US dollar, yearly mean, rounded to two digits.
EXCHANGE_RATE = {
    2004: 8.28, 2005: 8.19, 2006: 7.97, 2007: 7.60, 2008: 6.95, 2009: 6.83, 2010: 6.77, 2011: 6.46, 2012: 6.31, 2013: 6.20,
    2014: 6.14, 2015: 6.23, 2016: 6.64, 2017: 6.75, 2018: 6.62, 2019: 6.90, 2020: 6.90, 2021: 6.45, 2022: 6.73,
}  # fmt: skip
LAST_INVESTMENT_PRICE = 2019
# Local mean of an indicator, or ratio of two sums: name, numerator, denominator, factor, decimals.
AVERAGES = (
    ("城镇居民人均可支配收入(元)", "inc_urban", "urban_population", 1.0, 0),
    ("农村居民人均纯收入(元)", "inc_rural", "rural_population", 1.0, 0),
)
RATIOS = (
    ("生均教育支出(元/生)", "exp_education", "students_regular", 1e8, 2),
    ("每万人医院床位数(张/万人)", "hospital_beds", "pop_resident", 1.0, 2),
    ("人均绿地面积(平方米/人)", "green_area", "pop_resident", 1.0, 2),
)


def national_series(world: World) -> bytes:
    """One row a year: national averages, employment, internet users, interest."""
    years = world.years
    everyone = np.zeros(len(world.roster.units), dtype=int)
    columns = {f"全国{name}": values[0] for name, values in _averages(world, everyone, 1).items()}
    columns["全国就业人员(万人)"] = np.nansum(world.cells["emp_total", "city"], axis=0) * 1.06
    trend = years - BASE_YEAR
    columns["全国互联网上网人数(万人)"] = 103000 / (1 + np.exp(-(0.35 + 0.21 * trend)))
    columns["资本价格(%)"] = 10.0 + 0.0 * trend
    decimals = {**_decimals("全国"), "全国就业人员(万人)": 0, "全国互联网上网人数(万人)": 0, "资本价格(%)": 2}
    rows = [
        [int(year), *(number(float(column[at]), decimals[name]) for name, column in columns.items())]
        for at, year in enumerate(years)
    ]
    return csv_bytes(["年份", *columns], rows)


def exchange_rate(world: World) -> bytes:
    """Yearly mean rate; years after the table keep the last one."""
    last = EXCHANGE_RATE[max(EXCHANGE_RATE)]
    rows = [[int(year), number(EXCHANGE_RATE.get(int(year), last), 4)] for year in world.years]
    return csv_bytes(["年份", "1美元兑人民币(元/美元)"], rows)


def province_series(world: World, provinces: pd.DataFrame) -> bytes:
    """One row a province and year: averages of its cities, investment prices, networks, market index."""
    own = [code for code in provinces["province_code"] if code in set(world.roster.units["province_code"])]
    names = provinces.set_index("province_code")["name_zh"]
    index = world.roster.units["province_code"].map({code: at for at, code in enumerate(own)}).to_numpy()
    columns = {f"所在省份{name}": values for name, values in _averages(world, index, len(own)).items()}
    columns |= _networks(world, index, own)
    decimals = {**_decimals("所在省份"), **NETWORK_DECIMALS}
    rows = [
        [names[code], int(year), *(number(float(column[row, at]), decimals[name]) for name, column in columns.items())]
        for row, code in enumerate(own)
        for at, year in enumerate(world.years)
    ]
    return csv_bytes(["省份", "年份", *columns], rows)


NETWORK_DECIMALS = {
    "固定资产投资价格指数(上年=100)": 1,
    "地区生产总值指数(上年=100)": 1,
    "互联网宽带接入端口(万个)": 1,
    "长途光缆线路长度(公里)": 0,
    "市场化指数": 3,
}


def _averages(world: World, index: np.ndarray, groups: int) -> dict[str, np.ndarray]:
    values = {name: array for (name, scope), array in world.cells.items() if scope == "city"}
    values["rural_population"] = values["pop_resident"] - values["urban_population"]
    out = {}
    for name, indicator, weight, factor, _ in AVERAGES:
        out[name] = (
            factor * _sum(values[indicator] * values[weight], index, groups) / _sum(values[weight], index, groups)
        )
    for name, above, below, factor, _ in RATIOS:
        out[name] = factor * _sum(values[above], index, groups) / _sum(values[below], index, groups)
    return out


def _decimals(prefix: str) -> dict[str, int]:
    return {f"{prefix}{name}": decimals for name, *_, decimals in (*AVERAGES, *RATIOS)}


def _sum(values: np.ndarray, index: np.ndarray, groups: int) -> np.ndarray:
    """Sums over the units of each group, missing values left out; shape (groups, years)."""
    out = np.zeros((groups, values.shape[1]))
    np.add.at(out, index, np.nan_to_num(values))
    return out


def _networks(world: World, index: np.ndarray, own: list[str]) -> dict[str, np.ndarray]:
    draws = Draws(world.seed, own)
    n_years, trend = len(world.years), world.years - BASE_YEAR
    users = _sum(world.cells["broadband_users", "city"], index, len(own))
    land = _sum(world.cells["land_area", "city"], index, len(own))
    growth = _sum(world.cells["gdp", "city"] * world.cells["gdp_growth", "city"], index, len(own))
    growth /= _sum(world.cells["gdp", "city"], index, len(own))
    prices = 100 + 1.6 * draws.path("investment price", n_years) + np.where(trend < -1, 3.0, 1.2)
    prices[:, world.years > LAST_INVESTMENT_PRICE] = np.nan
    return {
        "固定资产投资价格指数(上年=100)": prices,
        "地区生产总值指数(上年=100)": 100 + growth,
        "互联网宽带接入端口(万个)": users
        * 1.9
        * np.exp(0.1 * draws.normal("ports") + 0.03 * draws.path("ports", n_years)),
        "长途光缆线路长度(公里)": land * 0.1 * np.exp(0.02 * trend + 0.4 * draws.normal("fibre")),
        "市场化指数": 6.4 + 0.14 * trend + 1.3 * draws.normal("market") + 0.1 * draws.path("market", n_years),
    }
