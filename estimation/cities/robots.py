"""Robots of cities from the national stock: by employment shares of a base year, and as one paper prints it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from estimation.core.frame import EstimationError
from estimation.economy.robots import robots_by_employment, robots_printed

COLUMNS = ["city_code", "year", "robots_by_employment", "robots_printed", "share_allocated"]


def city_robots(
    robots: pd.DataFrame,
    city_industry: pd.DataFrame,
    industries: pd.DataFrame,
    panel: pd.DataFrame,
    series: pd.DataFrame,
) -> pd.DataFrame:
    """One row a (city, year) with robots by either rule; NaN where a rule lacks its inputs.

    Industries are compared in the groups that the editions of GB/T 4754 have in common: the same number means different industries in
    different editions. Robots of a group that no city employs anybody in cannot be placed; ``share_allocated`` is the share of the year's
    robots that could.

    Args:
        robots: year, standard, industry_code, robots_stock_machines (national).
        city_industry: city_code, year, standard, industry_code, employed_10k; see `base_employment`.
        industries: standard, industry_code, group_code. panel: city_code, year, emp_industry_10k.
        series: place_code, year, variable, value; emp_total_national_10k of the nation is used.
    """
    stock = robots.dropna(subset=["robots_stock_machines"])
    machines = with_groups(stock, industries).pivot_table(
        index="group_code", columns="year", values="robots_stock_machines", aggfunc="sum"
    )
    national = stock.groupby("year")["robots_stock_machines"].sum()
    people = base_employment(with_groups(city_industry, industries))
    result = panel[["city_code", "year"]].merge(
        _shared(machines, people, national), on=["city_code", "year"], how="left"
    )
    result = result.assign(robots_printed=_printed(national, panel, series).to_numpy())[COLUMNS]
    return result.astype({"city_code": "str", "year": "int64"} | dict.fromkeys(COLUMNS[2:], "float64"))


def with_groups(rows: pd.DataFrame, industries: pd.DataFrame) -> pd.DataFrame:
    """Rows with ``group_code``, by the edition that ``standard`` names (2002, or GB/T 4754-2002) and the industry's number.

    Raises:
        EstimationError: a standard without its year.
    """
    edition = rows["standard"].astype("string").str.extract(r"(\d{4})$", expand=False)
    if edition.isna().any():
        wrong = rows.loc[edition.isna(), "standard"].unique()
        raise EstimationError(f"standard {wrong[0]!r} names no edition of GB/T 4754; write e.g. 2017")
    known = industries.assign(edition=industries["standard"].astype("string"))
    known = known.drop_duplicates(["edition", "industry_code"])[["edition", "industry_code", "group_code"]]
    return rows.assign(edition=edition).merge(known, on=["edition", "industry_code"], how="left")


def base_employment(grouped: pd.DataFrame) -> pd.DataFrame:
    """(city, group) employment in the first year of the table, 10,000 persons, groups without anybody left out.

    A prefecture set up later has no base employment: it has no row here and no robots by this rule.
    """
    employed = grouped.dropna(subset=["employed_10k", "city_code", "group_code"])
    base = employed.loc[employed["year"] == employed["year"].min()]
    table = base.pivot_table(index="city_code", columns="group_code", values="employed_10k", aggfunc="sum").fillna(0.0)
    return table.loc[:, table.sum() > 0]


def _shared(machines: pd.DataFrame, people: pd.DataFrame, national: pd.Series) -> pd.DataFrame:
    """Long table of each group's robots shared out by base-year employment; empty without robots or employment."""
    groups = machines.index.intersection(people.columns)
    if groups.empty:
        kinds = {"city_code": "str", "year": "int64", "robots_by_employment": "float64", "share_allocated": "float64"}
        return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in kinds.items()})
    placed = machines.loc[groups].fillna(0.0)
    shared = robots_by_employment(placed.to_numpy(), people[groups].to_numpy())
    table = pd.DataFrame(shared, index=people.index, columns=placed.columns)
    long = table.rename_axis(columns="year").reset_index()
    rows = long.melt(id_vars="city_code", var_name="year", value_name="robots_by_employment").astype({"year": "int64"})
    return rows.assign(share_allocated=rows["year"].map(placed.sum() / national))


def _printed(national: pd.Series, panel: pd.DataFrame, series: pd.DataFrame) -> pd.Series:
    """Robots of the nation times industrial employment of the city over all national employment, in the order of the panel."""
    nation = series.loc[(series["place_code"] == "national") & (series["variable"] == "emp_total_national_10k")]
    everyone = nation.set_index("year")["value"]
    result = pd.Series(np.nan, index=panel.index)
    known = panel["year"].isin(national.index.intersection(everyone.index)) & panel["emp_industry_10k"].notna()
    for year in sorted(panel.loc[known, "year"].unique()):
        rows = known & (panel["year"] == year)
        result.loc[rows] = robots_printed(national[year], panel.loc[rows, "emp_industry_10k"], everyone[year])
    return result
