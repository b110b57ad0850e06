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
# Averages over cities: indicator and weight; and ratios of sums: numerator, denominator, factor.
AVERAGES = {"inc_urban": "urban_population", "inc_rural": "rural_population"}
RATIOS = {
    "edu_exp_per_student": ("exp_education", "students_regular", 1e8),
    "hospital_beds": ("hospital_beds", "pop_resident", 1.0),
    "green_area": ("green_area", "pop_resident", 1.0),
}
TITLES = {
    "inc_urban": "城镇居民人均可支配收入(元)",
    "inc_rural": "农村居民人均纯收入(元)",
    "edu_exp_per_student": "生均教育支出(元/生)",
    "hospital_beds": "每万人医院床位数(张/万人)",
    "green_area": "人均绿地面积(平方米/人)",
}
DECIMALS = {"inc_urban": 0, "inc_rural": 0, "edu_exp_per_student": 2, "hospital_beds": 2, "green_area": 2}


def exchange_rates(world: World) -> np.ndarray:
    """(years,) yuan for a dollar; years after the table keep the last rate."""
    last = EXCHANGE_RATE[max(EXCHANGE_RATE)]
    return np.array([EXCHANGE_RATE.get(int(year), last) for year in world.years])


def national_values(world: World) -> dict[str, np.ndarray]:
    """(years,) national averages by indicator, rounded as printed."""
    everyone = np.zeros(len(world.roster.units), dtype=int)
    return {name: values[0] for name, values in _averages(world, everyone, 1).items()}


def province_values(world: World) -> dict[str, dict[str, np.ndarray]]:
    """(years,) provincial averages by indicator and province code, rounded as printed."""
    codes = sorted(set(world.roster.units["province_code"]))
    index = world.roster.units["province_code"].map({code: at for at, code in enumerate(codes)}).to_numpy()
    values = _averages(world, index, len(codes))
    return {name: dict(zip(codes, array, strict=True)) for name, array in values.items()}


def national_series(world: World) -> bytes:
    """One row a year: national averages, employment, internet users, interest."""
    years = world.years
    columns = {f"全国{TITLES[name]}": values for name, values in national_values(world).items()}
    columns |= {title: values for title, (values, _) in _country(world).items()}
    decimals = {f"全国{TITLES[name]}": DECIMALS[name] for name in TITLES}
    decimals |= {title: digits for title, (_, digits) in _country(world).items()}
    rows = [
        [int(year), *(number(float(column[at]), decimals[name]) for name, column in columns.items())]
        for at, year in enumerate(years)
    ]
    return csv_bytes(["年份", *columns], rows)


def national_employment(world: World) -> np.ndarray:
    """(years,) persons employed in the country, 10 000."""
    return np.round(np.nansum(world.cells["emp_total", "city"], axis=0) * 1.06)


def internet_users(world: World) -> np.ndarray:
    """(years,) internet users of the country, 10 000."""
    return np.round(103000 / (1 + np.exp(-(0.35 + 0.21 * (world.years - BASE_YEAR)))))


def _country(world: World) -> dict[str, tuple[np.ndarray, int]]:
    return {
        "全国就业人员(万人)": (national_employment(world), 0),
        "全国互联网上网人数(万人)": (internet_users(world), 0),
        "资本价格(%)": (np.full(len(world.years), 10.0), 2),
    }


def exchange_rate(world: World) -> bytes:
    """Yearly mean rate of the dollar."""
    rows = [[int(year), number(rate, 4)] for year, rate in zip(world.years, exchange_rates(world), strict=True)]
    return csv_bytes(["年份", "1美元兑人民币(元/美元)"], rows)


def province_series(world: World, provinces: pd.DataFrame) -> bytes:
    """One row a province and year: averages of its cities, investment prices, networks, market index."""
    names = provinces.set_index("province_code")["name_zh"]
    averages = province_values(world)
    own = sorted(averages["inc_urban"])
    columns = {f"所在省份{TITLES[name]}": np.stack([values[code] for code in own]) for name, values in averages.items()}
    columns |= _networks(world, own)
    decimals = {**{f"所在省份{TITLES[name]}": DECIMALS[name] for name in TITLES}, **NETWORK_DECIMALS}
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
    for name, weight in AVERAGES.items():
        total = _ratio(_sum(values[name] * values[weight], index, groups), _sum(values[weight], index, groups))
        out[name] = np.round(total, DECIMALS[name])
    for name, (above, below, factor) in RATIOS.items():
        ratio = _ratio(factor * _sum(values[above], index, groups), _sum(values[below], index, groups))
        out[name] = np.round(ratio, DECIMALS[name])
    return out


def _sum(values: np.ndarray, index: np.ndarray, groups: int) -> np.ndarray:
    """Sums over the units of each group, missing values left out; shape (groups, years)."""
    out = np.zeros((groups, values.shape[1]))
    np.add.at(out, index, np.nan_to_num(values))
    return out


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """Quotient of sums; missing in years in which none of the group's units is a city."""
    return np.divide(above, below, out=np.full(np.shape(above), np.nan), where=below != 0)


def investment_prices(world: World) -> dict[str, np.ndarray]:
    """(years,) price index of investment by province code, preceding year = 100, rounded as printed; NaN after 2019."""
    codes = sorted(set(world.roster.units["province_code"]))
    years = world.years
    prices = 100 + 1.6 * Draws(world.seed, codes).path("investment price", len(years))
    prices = np.round(prices + np.where(years < BASE_YEAR - 1, 3.0, 1.2), 1)
    prices[:, years > LAST_INVESTMENT_PRICE] = np.nan
    return dict(zip(codes, prices, strict=True))


def network_values(world: World) -> dict[str, dict[str, np.ndarray]]:
    """(years,) broadband ports (10 000) and trunk fibre (km) by province code, rounded as printed."""
    codes = sorted(set(world.roster.units["province_code"]))
    index = world.roster.units["province_code"].map({code: at for at, code in enumerate(codes)}).to_numpy()
    draws = Draws(world.seed, codes)
    users = _sum(world.cells["broadband_users", "city"], index, len(codes))
    land = _sum(world.cells["land_area", "city"], index, len(codes))
    local = 0.1 * draws.normal("ports") + 0.03 * draws.path("ports", len(world.years))
    ports = np.round(users * 1.9 * np.exp(local), 1)
    fibre = np.round(land * 0.1 * np.exp(0.02 * (world.years - BASE_YEAR) + 0.4 * draws.normal("fibre")))
    return {"ports": dict(zip(codes, ports, strict=True)), "fibre": dict(zip(codes, fibre, strict=True))}


def _networks(world: World, own: list[str]) -> dict[str, np.ndarray]:
    draws = Draws(world.seed, own)
    n_years, trend = len(world.years), world.years - BASE_YEAR
    index = world.roster.units["province_code"].map({code: at for at, code in enumerate(own)}).to_numpy()
    gdp = world.cells["gdp", "city"]
    growth = _ratio(_sum(gdp * world.cells["gdp_growth", "city"], index, len(own)), _sum(gdp, index, len(own)))
    networks = network_values(world)
    return {
        "固定资产投资价格指数(上年=100)": np.stack([investment_prices(world)[code] for code in own]),
        "地区生产总值指数(上年=100)": 100 + growth,
        "互联网宽带接入端口(万个)": np.stack([networks["ports"][code] for code in own]),
        "长途光缆线路长度(公里)": np.stack([networks["fibre"][code] for code in own]),
        "市场化指数": 6.4 + 0.14 * trend + 1.3 * draws.normal("market") + 0.1 * draws.path("market", n_years),
    }
