"""Capital stock of cities: investment deflated by the province's investment prices, accumulated by perpetual inventory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import pandas as pd

from estimation.cleaning.deflation import ExtendRule, extend_index, price_level
from estimation.economy.capital import perpetual_inventory

LAST_PUBLISHED = 2019
COLUMNS = ["city_code", "year", "real_investment", "capital"]


def city_capital(
    panel: pd.DataFrame,
    provinces: pd.DataFrame,
    series: pd.DataFrame,
    switches: Mapping[str, str],
    growth_until: int | None = None,
) -> pd.DataFrame:
    """Real investment and capital (100 million yuan of the base year), one row a (city, year).

    Only cities whose investment has no gap between its first and last year can be accumulated; others have no row, nor have cities of
    provinces whose prices do not reach from there to the base year, nor, with capital_initial = growth, cities whose real investment shrank by
    the depreciation a year or more on average: I_0 / (g + delta) is no stock there (capital_initial = tenth gives them one).

    Args:
        panel: city_code, year, fai_100m_yuan. provinces: city_code, province_code.
        series: place_code, year, variable, value; the yearly index fai_price_index_prev100 of provinces is used.
        switches: capital_delta, capital_initial, price_base_year, fai_price_after_2019.
        growth_until: last year whose investment sets the opening stocks (a frozen base); None: all.
    """
    prices = series.loc[series["variable"] == "fai_price_index_prev100", ["place_code", "year", "value"]]
    invested = panel.loc[panel["fai_100m_yuan"] > 0].merge(provinces, on="city_code")
    if prices.empty or invested.empty:
        return _empty()
    base_year = int(switches["price_base_year"])
    years = range(min(int(invested["year"].min()), base_year), max(int(invested["year"].max()), base_year) + 1)
    level = province_price_level(
        prices.rename(columns={"place_code": "province_code", "value": "price_index"}),
        years,
        base_year=base_year,
        rule=switches["fai_price_after_2019"],
    )
    frame = invested.merge(level, on=["province_code", "year"])
    spans = frame.groupby("city_code")["year"].agg(["min", "max", "count"])
    complete = spans.index[(spans["max"] - spans["min"] + 1 == spans["count"]) & (spans["count"] > 1)]
    if complete.empty:
        return _empty()
    stock = perpetual_inventory(
        frame.loc[frame["city_code"].isin(complete)],
        "fai_100m_yuan",
        "price_level",
        delta=float(switches["capital_delta"]),
        initial="tenth" if switches["capital_initial"] == "tenth" else "growth",
        growth_until=growth_until,
        no_opening="drop",
    )
    return stock.table[COLUMNS]


def _empty() -> pd.DataFrame:
    kinds = {"city_code": "str", "year": "int64"}
    return pd.DataFrame({c: pd.Series(dtype=kinds.get(c, "float64")) for c in COLUMNS})


def province_price_level(prices: pd.DataFrame, years: range, *, base_year: int, rule: str) -> pd.DataFrame:
    """Price level of investment by province and year (1 in the base year), province_code, year, price_level.

    The index was last published for 2019; later years follow ``rule`` (see `estimation.cleaning.deflation.extend_index`). Provinces whose series
    has a hole or does not reach the base year are left out.
    """
    grid = pd.MultiIndex.from_product(
        [sorted(prices["province_code"].unique()), years], names=["province_code", "year"]
    )
    full = prices.set_index(["province_code", "year"]).reindex(grid).reset_index()
    published = full["year"].between(years.start + 1, LAST_PUBLISHED)
    broken = full.loc[published & ~(full["price_index"] > 0), "province_code"].unique()
    full = full.loc[~full["province_code"].isin(broken)].reset_index(drop=True)
    if full.empty:
        return pd.DataFrame(
            {
                "province_code": pd.Series(dtype="str"),
                "year": pd.Series(dtype="int64"),
                "price_level": pd.Series(dtype=float),
            }
        )
    if years.stop - 1 > LAST_PUBLISHED:
        chosen = cast("ExtendRule", rule)
        extended = extend_index(full, "price_index", LAST_PUBLISHED, chosen, entity="province_code")
        full["price_index"] = extended["price_index"]
    level = price_level(full, "price_index", base_year, entity="province_code")
    return full[["province_code", "year"]].assign(price_level=level)
