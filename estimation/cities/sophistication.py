"""Technological complexity of cities: PRODY of traded products by industry, weighted by the industry shares of a city's output."""

from __future__ import annotations

import numpy as np
import pandas as pd

from estimation.agglomeration.export_sophistication import expy, prody
from estimation.core.frame import EstimationError

COLUMNS = ["city_code", "year", "stru", "lnstru", "share_matched", "trade_year"]
KINDS = {"city_code": "str", "year": "int64", "trade_year": "int64"}
PRODUCTS = ["year", "product_code", "prody"]


def city_sophistication(
    exports: pd.DataFrame,
    city_industry: pd.DataFrame,
    industries: pd.DataFrame,
    frozen_until: int | None = None,
    form: str = "standard",
) -> pd.DataFrame:
    """stru_it = sum_s op_sit * complexity_s / sum_s op_sit and its log, one row a (city, year).

    complexity_s is the mean PRODY of the products of industry s; both are taken over groups of industries that GB/T 4754 of 2002, 2011 and
    2017 have in common. PRODY is that of the trade year closest to t (an earlier one wins a tie).

    Args:
        exports: year, exporter, product_code, group_code, value_1k_usd, gdp_pc_usd (a product may stand in several groups, or in
            none: its group is then missing).
        city_industry: city_code, year, standard, industry_code, output_100m_yuan.
        industries: standard, industry_code, group_code.
        form: ``standard`` as above; ``printed`` with the slash of the paper, stru_it = sum_s (op_sit / complexity_s) / sum_s op_sit.
        frozen_until: years up to it take no trade year after it (a frozen base; unless there is no other); None: the closest of all.

    Returns:
        ``share_matched``: share of the city's output in industries that have a complexity; the others are left out of the mean.
        ``trade_year``: year of the trade behind the complexity.

    Raises:
        EstimationError: an unknown form.
    """
    if form not in ("standard", "printed"):
        raise EstimationError(f"expy_form={form!r} is not one of standard, printed")
    output = city_industry.dropna(subset=["output_100m_yuan", "city_code"])
    complexity = group_complexity(exports)
    if output.empty or complexity.empty:
        return pd.DataFrame({c: pd.Series(dtype=KINDS.get(c, "float64")) for c in COLUMNS})
    groups = industries.astype({"standard": "int64"}).drop_duplicates(["standard", "industry_code"])
    output = output.astype({"standard": "int64"}).merge(groups, on=["standard", "industry_code"], how="left")
    trade_years = np.array(sorted(complexity.columns))
    parts = []
    for year, rows in output.groupby("year", sort=True):
        nearest = _trade_year(trade_years, int(str(year)), frozen_until)
        known = complexity[nearest].dropna()
        each = known.to_numpy() if form == "standard" else 1 / known.to_numpy()
        baskets = rows.pivot_table(
            index="city_code", columns="group_code", values="output_100m_yuan", aggfunc="sum"
        ).fillna(0.0)
        inside = baskets.reindex(columns=known.index, fill_value=0.0)
        stru = expy(inside.to_numpy(), each)
        total = rows.groupby("city_code")["output_100m_yuan"].sum().reindex(baskets.index)
        share = inside.sum(axis=1) / total
        own = pd.DataFrame({"city_code": baskets.index, "stru": stru, "share_matched": share.to_numpy()})
        parts.append(own.assign(year=int(str(year)), trade_year=nearest))
    table = pd.concat(parts, ignore_index=True).assign(lnstru=lambda f: np.log(f["stru"]))
    return table[COLUMNS].sort_values(["city_code", "year"], ignore_index=True)


def _trade_year(trade_years: np.ndarray, year: int, frozen_until: int | None) -> int:
    """The trade year closest to a year; up to the last frozen year only those up to it count, if there are any."""
    known = trade_years
    if frozen_until is not None and year <= frozen_until and trade_years[0] <= frozen_until:
        known = trade_years[trade_years <= frozen_until]
    return int(known[np.abs(known - year).argmin()])


def product_complexity(exports: pd.DataFrame) -> pd.DataFrame:
    """PRODY of every traded product, one row a (year, product_code): thousands of dollars of income per head.

    Shares are of all exports of a country, also of products that no industry group makes. Exporters without an income take no part.

    Args:
        exports: year, exporter, product_code, value_1k_usd, gdp_pc_usd; repeated rows of a flow (one a group) count once.
    """
    parts = []
    for year, rows in exports.groupby("year", sort=True):
        flows = rows.drop_duplicates(["exporter", "product_code"])
        flows = flows.loc[flows["gdp_pc_usd"].notna()]
        if flows.empty:
            continue
        table = flows.pivot_table(
            index="exporter", columns="product_code", values="value_1k_usd", aggfunc="sum"
        ).fillna(0.0)
        income = flows.groupby("exporter")["gdp_pc_usd"].first().reindex(table.index) / 1000
        values = prody(table.to_numpy(), income.to_numpy())
        parts.append(pd.DataFrame({"year": int(str(year)), "product_code": table.columns, "prody": values}))
    if parts:
        return pd.concat(parts, ignore_index=True)[PRODUCTS]
    kinds = {"year": "int64", "product_code": "str", "prody": "float64"}
    return pd.DataFrame({c: pd.Series(dtype=kinds[c]) for c in PRODUCTS})


def group_complexity(exports: pd.DataFrame) -> pd.DataFrame:
    """(group, trade year) mean PRODY of the products of each industry group, thousands of dollars of income per head."""
    members = exports[["year", "product_code", "group_code"]].drop_duplicates()
    known = members.merge(product_complexity(exports), on=["year", "product_code"]).dropna()
    return known.groupby(["group_code", "year"])["prody"].mean().unstack("year")
