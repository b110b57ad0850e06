"""Lists and static facts that nobody publishes for all cities: policies, terrain, exchanges, projects. All synthetic."""

from __future__ import annotations

import numpy as np

from demo.csvfile import NOTICE_ZH, csv_bytes, number
from demo.draws import Draws
from demo.economy import TIERS
from demo.world import World

# Policy, share of cities that get it, first and last year, advantage of higher-tier cities.
POLICIES = (
    ("smart_city", 0.42, (2013, 2014, 2015), 0.8),
    ("ecommerce_city", 0.22, (2011, 2014, 2017), 1.5),
    ("hitech_zone", 0.5, tuple(range(2006, 2019)), 1.0),
)
FIRST_DIGITAL_FINANCE = 2011
SOURCE = "合成名单(nianjian demo)，非官方"


def policy_lists(world: World) -> bytes:
    """Rows policy x city with the first treated year."""
    rows = []
    for policy, years in drawn_policies(world).items():
        names = {year: world.roster.names(year) for year in sorted(set(years[years > 0].tolist()))}
        for at in np.flatnonzero(years):
            name = names[int(years[at])].iloc[at]
            rows.append([policy, name, int(years[at]), name, "prefecture", SOURCE])
    return csv_bytes(["政策", "城市", "起始年份", "名单名称", "层级", "来源"], rows)


def drawn_policies(world: World) -> dict[str, np.ndarray]:
    """First treated year of every unit by policy, 0 for those never treated."""
    units = world.roster.units
    draws = Draws(world.seed, units["city_code"].tolist())
    tier = units["admin_level"].isin(TIERS).to_numpy()
    first, last = units["first_year"].to_numpy(), units["last_year"].to_numpy()
    out = {}
    for policy, share, years, advantage in POLICIES:
        score = draws.normal(policy)[:, 0] + advantage * tier
        when = np.array(years)[(draws.uniform(f"{policy} year")[:, 0] * len(years)).astype(int)]
        chosen = (score >= np.quantile(score, 1 - share)) & (first <= when) & (when <= last)
        out[policy] = np.where(chosen, when, 0)
    return out


def terrain(world: World) -> bytes:
    """Mean and spread of terrain relief: low on the plains of the east, high in the west."""
    units = world.roster.units
    relief, spread = relief_of(world)
    current = (units["last_year"] > world.years[-1]).to_numpy()
    rows = [
        [name, number(mean, 4), number(sd, 4)]
        for name, mean, sd, keep in zip(units["name_zh"], relief, spread, current, strict=True)
        if keep
    ]
    return csv_bytes(["城市", "地形起伏度", "地形起伏度标准差"], rows)


def relief_of(world: World) -> tuple[np.ndarray, np.ndarray]:
    """(units,) mean and spread of terrain relief, rounded as printed."""
    units = world.roster.units
    draws = Draws(world.seed, units["city_code"].tolist())
    rise = np.clip((112.0 - units["lon"].to_numpy()) / 12.0, -0.8, 1.5) - 0.02 * (units["lat"].to_numpy() - 32.0)
    relief = 0.55 * np.exp(0.7 * rise + 0.45 * draws.normal("terrain")[:, 0])
    spread = relief * 0.45 * np.exp(0.25 * draws.normal("terrain spread")[:, 0])
    return np.round(relief, 4), np.round(spread, 4)


def counts(world: World) -> World:
    """The world with data exchanges and big-data pilot projects: whole numbers that only grow."""
    units = world.roster.units
    draws = Draws(world.seed, units["city_code"].tolist())
    quotient = np.log(world.cells["emp_ict", "city"] / world.cells["emp_total", "city"])
    tier = units["admin_level"].isin(TIERS).to_numpy()[:, None]
    trend = (world.years - 2013)[None, :]
    chance = -6.3 + 0.33 * trend + 2.2 * tier + 0.8 * draws.normal("exchange")
    exchanges = (draws.uniform("exchange opens") < 1 / (1 + np.exp(-chance))) * (trend >= 1)
    rate = np.exp(-1.9 + 0.25 * trend + 1.3 * tier + 0.5 * draws.normal("projects") + 0.4 * (quotient + 4))
    projects = np.floor(rate * (0.4 + draws.uniform("projects start"))) * (trend >= 3)
    unknown = np.isnan(quotient)
    return world.with_cells({
        ("data_exchange_count", "city"): np.where(unknown, np.nan, np.maximum.accumulate(exchanges.astype(float), axis=1)),
        ("bigdata_pilot_projects", "city"): np.where(unknown, np.nan, np.maximum.accumulate(np.nan_to_num(projects), axis=1)),
    })  # fmt: skip


def digital_finance_index(world: World) -> np.ndarray:
    """(units, years from 2011) total index, rounded as printed."""
    units = world.roster.units
    draws = Draws(world.seed, units["city_code"].tolist())
    at = [world.at(year) for year in world.years if year >= FIRST_DIGITAL_FINANCE]
    dev = np.log(world.cells["gdp_pc", "city"][:, at])
    dev = dev - np.nanmean(dev, axis=0)
    trend = np.arange(len(at))
    return np.round(55 + 23.5 * trend - 0.5 * trend**2 + 14 * dev + 6 * draws.normal("finance index"), 2)


def digital_finance(world: World) -> bytes:
    """A digital finance index in the layout of the published one: names and codes of 2018, from 2011."""
    units = world.roster.units
    draws = Draws(world.seed, units["city_code"].tolist())
    years = [int(year) for year in world.years if year >= FIRST_DIGITAL_FINANCE]
    total = digital_finance_index(world)
    parts = {
        name: total * scale + 3 * draws.path(f"finance {name}", len(years))
        for name, scale in (("coverage_breadth", 1.02), ("usage_depth", 0.96), ("digitization_level", 1.05))
    }
    names = world.roster.names(2018)
    listed = world.roster.listed(2018).to_numpy() & (units["first_year"] <= 2011).to_numpy()
    rows = [
        [year, names.iloc[i], units["name_en"].iloc[i], f"{int(units['city_code'].iloc[i]) // 100}.0",
         number(total[i, t], 2), *(number(part[i, t], 2) for part in parts.values())]
        for i in np.flatnonzero(listed) for t, year in enumerate(years) if not np.isnan(total[i, t])
    ]  # fmt: skip
    header = ["year", "pref_name_year18", "pref_name_year18_eng", "pref_code_year18", "index_aggregate", *parts]
    return csv_bytes(header, rows, notice=f"PKU-DFIIC {NOTICE_ZH}")
