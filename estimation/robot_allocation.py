"""Robots of cities from the national stock: by employment shares of a base year, and as one paper prints it."""

from __future__ import annotations

import pandas as pd

from estimation.robots import robots_by_employment, robots_printed

COLUMNS = ["city_code", "year", "robots_by_employment", "robots_printed"]


def city_robots(
    robots: pd.DataFrame, city_industry: pd.DataFrame, panel: pd.DataFrame, series: pd.DataFrame
) -> pd.DataFrame:
    """One row a (city, year) with robots by either rule; NaN where a rule lacks its inputs.

    Args:
        robots: year, industry_code, robots_stock_machines (national).
        city_industry: city_code, year, industry_code, employed_10k; the first year with employment is the base year.
        panel: city_code, year, emp_industry_10k.
        series: place_code, year, variable, value; emp_total_national_10k of the nation is used.
    """
    result = panel[["city_code", "year"]].assign(robots_by_employment=float("nan"), robots_printed=float("nan"))
    stock = robots.dropna(subset=["robots_stock_machines"])
    if stock.empty:
        return result[COLUMNS]
    result = result.drop(columns="robots_by_employment").merge(
        _by_employment(stock, city_industry), on=["city_code", "year"], how="left"
    )
    nation = series.loc[(series["place_code"] == "national") & (series["variable"] == "emp_total_national_10k")]
    total = stock.groupby("year")["robots_stock_machines"].sum()
    everyone = nation.set_index("year")["value"]
    years = panel["year"].map(total), panel["year"].map(everyone)
    known = years[0].notna() & years[1].notna() & panel["emp_industry_10k"].notna()
    for year in sorted(panel.loc[known, "year"].unique()):
        rows = known & (panel["year"] == year)
        result.loc[rows.to_numpy(), "robots_printed"] = robots_printed(
            total[year], panel.loc[rows, "emp_industry_10k"], everyone[year]
        )
    return result[COLUMNS]


def _by_employment(stock: pd.DataFrame, city_industry: pd.DataFrame) -> pd.DataFrame:
    """Long table of each industry's robots shared out by base-year employment; empty without employment."""
    employed = city_industry.dropna(subset=["employed_10k", "city_code"])
    if employed.empty:
        return pd.DataFrame(
            {
                "city_code": pd.Series(dtype="str"),
                "year": pd.Series(dtype="int64"),
                "robots_by_employment": pd.Series(dtype=float),
            }
        )
    base = employed.loc[employed["year"] == employed["year"].min()]
    people = base.pivot_table(index="city_code", columns="industry_code", values="employed_10k", aggfunc="sum").fillna(
        0.0
    )
    machines = stock.pivot_table(index="industry_code", columns="year", values="robots_stock_machines", aggfunc="sum")
    machines = machines.reindex(people.columns).fillna(0.0)
    shared = robots_by_employment(machines.to_numpy(), people.to_numpy())
    table = pd.DataFrame(shared, index=people.index, columns=machines.columns)
    return table.stack().rename("robots_by_employment").reset_index()
