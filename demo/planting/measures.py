"""Constructed variables from printed cells, by the functions and defaults the pipeline uses; arrays of (cities, years)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from demo.industries import robot_counts
from demo.lists import drawn_policies
from demo.planting.desk import View
from demo.prices import category_prices, own_prices
from demo.roster import SEEDS
from demo.series import investment_prices
from demo.tables import records
from estimation.agglomeration import location_quotient, virtual_agglomeration
from estimation.cities.capital import city_capital
from estimation.cleaning.samples import clean_sample
from estimation.core.distance import great_circle_km
from estimation.economy.factor_distortion import cobb_douglas, distortion
from estimation.economy.market import market_segmentation
from estimation.economy.robots import robots_by_employment
from estimation.indices import EntropyIndex, entropy_weights

SWITCHES: dict[str, Any] = {row["switch"]: row["value"] for row in records(SEEDS / "switches.csv")}


def quotient(view: View) -> np.ndarray:
    """Location quotient of information services over all employment, national ratio of the sample, by year."""
    return location_quotient(view("emp_ict"), view("emp_total"))


def distances(view: View) -> np.ndarray:
    """Great-circle distances between the sample's cities, km."""
    units = view.desk.world.roster.units.iloc[view.rows]
    return great_circle_km(units["lon"].to_numpy(), units["lat"].to_numpy())


def virtual(view: View) -> np.ndarray:
    """Virtual agglomeration: quotients of the sample's cities over distance in km, own weight one."""
    return virtual_agglomeration(quotient(view), distances(view))


def entropy(columns: list[np.ndarray], directions: list[str]) -> EntropyIndex:
    """Entropy index of (cities, years) indicators, pooled over the sample."""
    return entropy_weights(np.column_stack([column.ravel() for column in columns]), directions)


def winsorised(values: np.ndarray) -> np.ndarray:
    """Values limited to their pooled quantiles, which ones and how computed as the switches say."""
    share = float(SWITCHES["winsor_share"])
    low, high = np.quantile(values, [share, 1 - share], method=SWITCHES["winsor_quantile"])
    return np.clip(values, low, high)


def cleaned(view: View, values: np.ndarray) -> np.ndarray:
    """Values as the study's sample holds them: outliers replaced where `study_samples.csv` says so."""
    rules = {row["study"]: row["cleaning"] for row in records(SEEDS / "study_samples.csv")}
    frame = view.frame({"value": values})
    found = clean_sample(frame, ["value"], rules[view.study.name], SWITCHES).data
    return view.matrix(found.sort_values(["city_code", "year"])["value"])


def robot_density(view: View) -> np.ndarray:
    """Robots in operation, each industry's by the cities' shares in its employment of the first year; all cities share."""
    _, stock = robot_counts(view.desk.world)
    staff = np.nan_to_num(view.desk.staff[:, 0, :])
    return robots_by_employment(stock[:, view.columns], staff)[view.rows]


def market(view: View) -> np.ndarray:
    """Market integration from the sixteen price categories, provinces' prices where a city has none."""
    world = view.desk.world
    prices, own = category_prices(world), own_prices(world.roster.units)[view.rows]
    provinces = world.roster.units["province_code"].iloc[view.rows].tolist()
    logs = np.stack([
        prices[code if has_own else province][view.columns]
        for code, province, has_own in zip(view.codes, provinces, own, strict=True)
    ])  # fmt: skip
    goods = [f"good_{at}" for at in range(logs.shape[2])]
    frame = view.frame({good: logs[:, :, at] for at, good in enumerate(goods)})
    found = market_segmentation(frame, goods, demean=SWITCHES["market_demean"], scale=float(SWITCHES["mar_scale"]))
    return view.matrix(found.table["integration"])


def capital(view: View) -> np.ndarray:
    """Capital stock at constant prices of the base year, accumulated over all years of the panel."""
    world = view.desk.world
    invested = view.desk.printed(("fai", "city"))[view.rows]
    years = np.flatnonzero(~np.isnan(invested).any(axis=0))
    units = world.roster.units.iloc[view.rows]
    panel = pd.DataFrame({
        "city_code": np.repeat(view.codes, len(years)),
        "year": np.tile(world.years[years], len(view.rows)),
        "fai_100m_yuan": invested[:, years].ravel(),
    })  # fmt: skip
    index = investment_prices(world)
    series = pd.DataFrame([
        {"place_code": code, "year": int(year), "variable": "fai_price_index_prev100", "value": value}
        for code, values in index.items() for year, value in zip(world.years, values, strict=True) if value == value
    ])  # fmt: skip
    table = city_capital(panel, units[["city_code", "province_code"]], series, SWITCHES)
    table = table[table["year"].isin(list(view.study.years))].sort_values(["city_code", "year"])
    return view.matrix(table["capital"])


def distortions(view: View) -> tuple[np.ndarray, np.ndarray]:
    """Distortion of capital and of labour from an estimated Cobb-Douglas function."""
    frame = view.frame({
        "gdp_100m_yuan": view("gdp"), "capital": capital(view), "emp_total_10k": view("emp_total"),
        "wage_10k_yuan": view("wage_avg") / 1e4,
    })  # fmt: skip
    effects = SWITCHES["prodfun_effects"]
    function = cobb_douglas(frame, "gdp_100m_yuan", "capital", "emp_total_10k", effects=effects)
    found = distortion(frame, function, "wage_10k_yuan", capital_price=float(SWITCHES["capital_price"]))
    return view.matrix(found["dist_k"]), view.matrix(found["dist_l"])


def policy(view: View, name: str) -> np.ndarray:
    """1 from the first treated year on: prefecture-level entries of `seeds/policies.csv`, or the demo's own lists."""
    drawn = drawn_policies(view.desk.world)
    if name in drawn:
        start = drawn[name][view.rows]
    else:
        listed: dict[str, int] = {}
        for row in records(SEEDS / "policies.csv"):
            if row["policy"] == name and row["granularity"] == "prefecture":
                listed[row["city_code"]] = min(int(row["start_year"]), listed.get(row["city_code"], 9999))
        start = np.array([listed.get(code, 0) for code in view.codes])
    return ((start[:, None] > 0) & (np.array(view.study.years) >= start[:, None])).astype(float)
