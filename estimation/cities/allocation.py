"""Allocation efficiency of human capital in the cities of a sample: listed firms, and a stated rule where there are none."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from estimation.cleaning.interpolation import interpolate
from estimation.core.frame import EstimationError
from estimation.economy.allocation_efficiency import allocation_efficiency, staff_elasticity, to_unit
from estimation.indices.systems import base_mask, base_years

KEYS = ["city_code", "year"]
VALUES = ["revenue_100m_yuan", "rd_staff", "employees"]
COLUMNS = [*KEYS, "n_firms", "covariance", "ecol", "status"]
FIRMS, LINE, PROVINCE, MISSING = "firms", "interpolated", "province_mean", "missing"


def city_allocation(
    firms: pd.DataFrame,
    sample: pd.DataFrame,
    provinces: pd.DataFrame,
    switches: Mapping[str, str],
    frozen: tuple[int, int] | None = None,
) -> pd.DataFrame:
    """Covariance of Olley and Pakes by city and year, one row a city-year of the sample.

    A city-year without listed firms (``ecol_missing``): ``fill`` takes an interior gap on a straight line between the city's own years,
    then the mean of the province's cities with firms in that year; ``line`` stops after the first; ``none`` fills nothing. The column
    ``status`` says what a value is: firms, interpolated, province_mean, missing. Without a usable firm the table is empty; covariances that are
    all equal (say, one firm in each city) have no scale under ``minmax``: they stay, and ``ecol`` is missing.

    Args:
        firms: city_code, year, revenue_100m_yuan, rd_staff, employees, and fixed_assets_100m_yuan where xi is estimated. sample: city_code, year.
        provinces: city_code, province_code.
        switches: ecol_normalise, ecol_missing, xi_est, interpolation_max_gap, index_base_years. frozen: base years of the study.

    Raises:
        EstimationError: an unknown rule, or unusable firm rows.
    """
    rule = switches["ecol_missing"]
    if rule not in ("fill", "line", "none"):
        raise EstimationError(f"ecol_missing={rule!r} is not one of fill, line, none")
    own = firms.merge(sample[KEYS], on=KEYS)
    if not _usable(own).any():
        kinds = {"city_code": "str", "year": "int64", "status": "str"}
        return pd.DataFrame({c: pd.Series(dtype=kinds.get(c, "float64")) for c in COLUMNS})
    elasticity = _elasticity(own, switches, frozen)
    found = allocation_efficiency(own, *VALUES, elasticity=elasticity, normalise="none").table
    found["ecol"] = _normalised(found, base_years(sample["year"], switches["index_base_years"], frozen), switches)
    table = sample[KEYS].sort_values(KEYS, ignore_index=True).merge(found, on=KEYS, how="left")
    table["status"] = table["ecol"].notna().map({True: FIRMS, False: MISSING})
    if rule != "none":
        base = base_mask(table["year"], switches["index_base_years"], frozen)
        table = _on_the_line(table, int(switches["interpolation_max_gap"]), base)
    if rule == "fill":
        table = _from_the_province(table, provinces)
    return table[COLUMNS]


def _usable(firms: pd.DataFrame) -> pd.Series:
    """Firms with all values, and staff and employees (a negative value is told by `allocation_efficiency`)."""
    values = firms[VALUES]
    return values.notna().all(axis=1) & (values[["rd_staff", "employees"]] != 0).all(axis=1)


def _normalised(table: pd.DataFrame, base: tuple[int, int] | None, switches: Mapping[str, str]) -> pd.Series:
    """The covariance by the switch ``ecol_normalise``; missing where the base rows have no scale."""
    rule, covariance = switches["ecol_normalise"], table["covariance"]
    if rule not in ("minmax", "none"):
        raise EstimationError(f"ecol_normalise={rule!r} is not one of minmax, none")
    inside = table["year"].between(*base) if base else pd.Series(True, index=table.index)
    if rule == "none":
        return covariance
    if covariance[inside].nunique() < 2:
        return pd.Series(np.nan, index=table.index)
    return to_unit(covariance, inside)


def _elasticity(firms: pd.DataFrame, switches: Mapping[str, str], frozen: tuple[int, int] | None) -> float:
    """xi by the switch ``xi_est``: 1, or estimated over the firms of the base years."""
    if switches["xi_est"] == "one":
        return 1.0
    base = firms[base_mask(firms["year"], switches["index_base_years"], frozen)]
    return staff_elasticity(base, "revenue_100m_yuan", "fixed_assets_100m_yuan", "rd_staff", "employees")


def _on_the_line(table: pd.DataFrame, max_gap: int, base: np.ndarray) -> pd.DataFrame:
    if max_gap == 0:
        return table
    filled = interpolate(table, ["ecol"], max_gap=max_gap, base=base).data["ecol"]
    status = table["status"].mask(table["ecol"].isna() & filled.notna(), LINE)
    return table.assign(ecol=filled, status=status)


def _from_the_province(table: pd.DataFrame, provinces: pd.DataFrame) -> pd.DataFrame:
    """Missing values become the mean over the cities of the province that have firms in that year."""
    known = table.merge(provinces[["city_code", "province_code"]], on="city_code", how="left")
    of_firms = known["ecol"].where(known["status"] == FIRMS)
    mean = of_firms.groupby([known["province_code"], known["year"]]).transform("mean")
    take = known["ecol"].isna() & mean.notna()
    return table.assign(
        ecol=table["ecol"].where(~take.to_numpy(), mean.to_numpy()),
        status=table["status"].mask(take.to_numpy(), PROVINCE),
    )
