"""Productivity of cities from frontier methods: green total factor productivity, and efficiency of urban land."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from estimation.dea import gml, ml
from estimation.productivity import Productivity

GREEN = ["city_code", "year", "gtfp", "gtfp_cumulated", "efficiency", "efficiency_change", "technical_change", "status"]
LAND = ["city_code", "year", "ml", "eland", "status"]


def green_productivity(frame: pd.DataFrame, switches: Mapping[str, str]) -> pd.DataFrame:
    """GML index of EBM efficiency on the global frontier, one row a (city, year); the first year is 1.

    Inputs: capital (real), employment, electricity; desirable output: GDP; undesirable: sulphur dioxide, dust, waste water of industry.

    Args:
        frame: city_code, year, capital, emp_total_10k, electricity_10k_kwh, gdp_100m_yuan, so2_industrial_t, dust_industrial_t,
            wastewater_industrial_10k_t; rows with a missing value are left out.
        switches: ebm_orientation, ebm_rts, gml_first_year.
    """
    inputs, outputs = ["capital", "emp_total_10k", "electricity_10k_kwh"], ["gdp_100m_yuan"]
    bad = ["so2_industrial_t", "dust_industrial_t", "wastewater_industrial_10k_t"]
    rows = _complete(frame, [*inputs, *outputs, *bad])
    if rows.empty:
        return _empty(GREEN)
    result = gml(
        rows[inputs].to_numpy(), rows[outputs].to_numpy(), rows[bad].to_numpy(),
        entity=rows["city_code"].to_numpy(), time=rows["year"].to_numpy(), model="ebm",
        orientation=switches["ebm_orientation"], rts=switches["ebm_rts"],  # type: ignore[arg-type]
        first="one" if switches["gml_first_year"] == "one" else "missing",
    )  # fmt: skip
    keys = rows[["city_code", "year"]]
    return keys.assign(
        gtfp=result.index,
        gtfp_cumulated=result.cumulated,
        efficiency=result.score,
        efficiency_change=result.efficiency_change,
        technical_change=result.technical_change,
        status=result.status.astype(str),
    )[GREEN]


def land_efficiency(frame: pd.DataFrame, switches: Mapping[str, str]) -> pd.DataFrame:
    """Cumulated Malmquist-Luenberger index of the urban districts (farthest strong frontier), one row a (city, year); base year 1.

    Inputs: capital, construction land, non-agricultural employment; desirable outputs: non-agricultural value added, wage, green coverage;
    undesirable: sulphur dioxide of the districts.

    Args:
        frame: city_code, year, capital, construction_land_km2_districts, emp_nonagri_10k_districts, va_nonagri_100m_yuan_districts,
            wage_avg_yuan, green_coverage_pct_districts, so2_district; rows with a missing value are left out.
        switches: land_frontier (contemporaneous or global), ebm_rts.
    """
    inputs = ["capital", "construction_land_km2_districts", "emp_nonagri_10k_districts"]
    outputs = ["va_nonagri_100m_yuan_districts", "wage_avg_yuan", "green_coverage_pct_districts"]
    rows = _complete(frame, [*inputs, *outputs, "so2_district"])
    if rows.empty:
        return _empty(LAND)
    arrays = rows[inputs].to_numpy(), rows[outputs].to_numpy(), rows[["so2_district"]].to_numpy()
    keys = {"entity": rows["city_code"].to_numpy(), "time": rows["year"].to_numpy()}
    result: Productivity
    if switches["land_frontier"] == "global":
        result = gml(*arrays, **keys, model="farthest")
    else:
        result = ml(*arrays, **keys, model="farthest", outside="super")
    return rows[["city_code", "year"]].assign(
        ml=result.index, eland=result.cumulated, status=result.status.astype(str)
    )[LAND]


def _complete(frame: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    kept = frame[["city_code", "year", *columns]].dropna()
    return kept.sort_values(["city_code", "year"], ignore_index=True)


def _empty(columns: list[str]) -> pd.DataFrame:
    kinds = {"city_code": "str", "year": "int64", "status": "str"}
    return pd.DataFrame({c: pd.Series(dtype=kinds.get(c, "float64")) for c in columns})
