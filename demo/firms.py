"""Listed firms: one row a firm and year, with staff, research staff, revenue and the special-treatment flag."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from demo.csvfile import csv_bytes, number
from demo.draws import Draws
from demo.economy import TIERS
from demo.world import World

YEARS = range(2006, 2021)
MOST_FIRMS = 40
# CSRC codes: manufacturing and producer services, with the share of firms and of research staff.
INDUSTRIES = (
    ("C13", 0.08, 0.04), ("C26", 0.14, 0.10), ("C27", 0.12, 0.13), ("C34", 0.12, 0.12), ("C36", 0.10, 0.11), ("C38", 0.12, 0.13),
    ("C39", 0.16, 0.2), ("G54", 0.05, 0.02), ("I65", 0.07, 0.4), ("J66", 0.02, 0.03), ("M74", 0.02, 0.35),
)  # fmt: skip
HEADER = (
    "股票代码",
    "公司简称",
    "城市",
    "年份",
    "行业代码",
    "行业标准",
    "员工人数",
    "研发人员数",
    "营业收入(元)",
    "固定资产净值(元)",
    "是否ST",
)
AT = {name: position for position, name in enumerate(HEADER)}


def listed_firms(world: World) -> bytes:
    """The rows of all firms, by stock code and year."""
    return csv_bytes(HEADER, [row for _, rows in _firms(world) for row in rows])


def firm_panel(world: World) -> pd.DataFrame:
    """What a reader of the rows gets, firms under special treatment left out: city_code, year, revenue_100m_yuan, rd_staff, employees."""
    rows = [
        (code, row[AT["年份"]], float(str(row[AT["营业收入(元)"]])) / 1e8, row[AT["研发人员数"]], row[AT["员工人数"]])
        for code, own in _firms(world)
        for row in own
        if not row[AT["是否ST"]]
    ]
    return pd.DataFrame(rows, columns=["city_code", "year", "revenue_100m_yuan", "rd_staff", "employees"])


def _firms(world: World) -> Iterator[tuple[str, list[list[object]]]]:
    """City code and rows of every firm, by stock code."""
    units = world.roster.units
    tiers = units["admin_level"].isin(TIERS).to_numpy()
    names = [world.roster.names(year).where(world.roster.reporting(year), "").tolist() for year in YEARS]
    product = np.nan_to_num(world.cells["gdp", "city"][:, world.at(YEARS[-1])])
    stock = 1
    for at, code in enumerate(units["city_code"]):
        rng = Draws(world.seed, []).stream("firms", int(code))
        mean = (5.0 if tiers[at] else 1.2) * (product[at] / 2500) ** 0.6
        for _ in range(min(int(rng.poisson(mean)), MOST_FIRMS)):
            yield code, _firm([name[at] for name in names], stock, rng)
            stock += 1


def _firm(names: list[str], stock: int, rng: np.random.Generator) -> list[list[object]]:
    """The rows of one firm; `names` is the city's name in each year, nothing where it is no prefecture-level city."""
    code = 600000 + stock if stock % 2 else stock
    codes, shares, research = zip(*INDUSTRIES, strict=True)
    industry = int(rng.choice(len(codes), p=np.array(shares) / sum(shares)))
    first = int(rng.choice([YEARS[0], YEARS[0], *YEARS[:10]]))
    staff = np.exp(rng.normal(7.3, 0.9) + 0.04 * np.arange(len(YEARS)) + np.cumsum(rng.normal(0, 0.06, len(YEARS))))
    share = np.clip(research[industry] * np.exp(rng.normal(0, 0.5) + 0.02 * np.arange(len(YEARS))), 0.002, 0.8)
    output = staff * np.exp(
        rng.normal(13.4, 0.5) + 0.06 * np.arange(len(YEARS)) + 0.4 * share + rng.normal(0, 0.12, len(YEARS))
    )
    capital = output * np.exp(rng.normal(-1.1, 0.4, len(YEARS)))
    special = rng.random(len(YEARS)) < 0.02
    rows: list[list[object]] = []
    for t, year in enumerate(YEARS):
        if year < first or not names[t]:
            continue
        name = f"{'*ST' if special[t] else ''}合成{stock:04d}"
        people = round(float(staff[t]))
        rows.append([
            code, name, names[t], year, codes[industry], "证监会2012", people, round(people * float(share[t])),
            number(output[t], 2), number(capital[t], 2), int(special[t]),
        ])  # fmt: skip
    return rows
