"""Frontier indices: data, orientation, returns to scale, first year, running product, start of the cumulated index."""

from __future__ import annotations

import numpy as np
import pandas as pd

from tests.models.recomputed.expectation import CITY_YEAR, Expectation, Read, sample
from tests.models.recomputed.programs import against, ebm, sbm, super_sbm

INPUTS = ["capital", "emp_total_10k", "electricity_10k_kwh"]
BAD = ["so2_industrial_t", "dust_industrial_t", "wastewater_industrial_10k_t"]
LAND_INPUTS = ["capital", "construction_land_km2_districts", "emp_nonagri_10k_districts"]
LAND_OUTPUTS = ["va_nonagri_100m_yuan_districts", "green_coverage_pct_districts"]


def growth(rows: pd.DataFrame) -> pd.Series:
    """Efficiency against the common frontier over that of the year before, missing in a city's first year."""
    return rows["efficiency"] / rows.groupby("city_code")["efficiency"].shift()


def green(
    output: str = "gdp_100m_yuan", gas: str = "so2_industrial_t", year_before: bool = False, **options: str
) -> Expectation:
    """Efficiency on the frontier of all city-years, and its growth; the first year is 1, or none if the year before is at hand."""

    def compute(read: Read, value: str) -> pd.DataFrame:
        keys = sample(read, "green_development")[list(CITY_YEAR)]
        if year_before:
            first = keys.groupby("city_code", as_index=False)["year"].min()
            keys = pd.concat([keys, first.assign(year=first["year"] - 1)])
        rows = keys.merge(with_volume(read("panel.city_year")), on=list(CITY_YEAR))
        rows = rows.merge(read("indices.capital"), on=list(CITY_YEAR)).sort_values(list(CITY_YEAR), ignore_index=True)
        bad = [gas, *BAD[1:]]
        rows = rows.dropna(subset=[*INPUTS, output, *bad]).reset_index(drop=True)
        X, Y, B = (rows[columns].to_numpy(dtype=float) for columns in (INPUTS, [output], bad))
        rows["efficiency"] = ebm(X, Y, B, **options)
        index = growth(rows)
        return rows[[*CITY_YEAR, "efficiency"]].assign(gtfp=index if year_before else index.fillna(1))

    return Expectation("indices.green_productivity", compute)


def with_volume(panel: pd.DataFrame) -> pd.DataFrame:
    """GDP of 2013 times the product of the real growth since then."""
    after = panel.sort_values(list(CITY_YEAR), ignore_index=True)
    level = (after["gdp_index_prev100"] / 100).groupby(after["city_code"]).cumprod()
    base = after[after["year"] == 2013].index
    of_2013 = pd.DataFrame({"level": level[base], "gdp": after.loc[base, "gdp_100m_yuan"]}).set_index(
        after.loc[base, "city_code"]
    )
    real = after["city_code"].map(of_2013["gdp"]) * level / after["city_code"].map(of_2013["level"])
    return after.assign(gdp_constant=real)


def first_missing(read: Read, value: str) -> pd.DataFrame:
    """No index without a year before."""
    rows = read("indices.green_productivity").sort_values(list(CITY_YEAR), ignore_index=True)
    return rows[[*CITY_YEAR, "efficiency"]].assign(gtfp=growth(rows))


def cumulated(read: Read, value: str) -> pd.DataFrame:
    """The running product of the yearly index, 1 in the first year."""
    rows = read("indices.green_productivity").sort_values(list(CITY_YEAR), ignore_index=True)
    return rows[list(CITY_YEAR)].assign(gtfp=growth(rows).fillna(1).groupby(rows["city_code"]).cumprod())


def land(read: Read, wage: str = "wage_avg_yuan_districts") -> tuple[pd.DataFrame, list[np.ndarray]]:
    """City-years of land use with their inputs, outputs and sulphur dioxide."""
    rows = sample(read, "industrial_upgrading").merge(read("indices.capital"), on=list(CITY_YEAR))
    rows = rows.merge(read("indices.ratios")[[*CITY_YEAR, "so2_district"]], on=list(CITY_YEAR))
    outputs = [*LAND_OUTPUTS, wage]
    rows = rows.dropna(subset=[*LAND_INPUTS, *outputs, "so2_district"]).reset_index(drop=True)
    return rows, [rows[columns].to_numpy(dtype=float) for columns in (LAND_INPUTS, outputs, ["so2_district"])]


def global_land(read: Read, value: str) -> pd.DataFrame:
    """Growth of slack-based efficiency on the frontier of all years, and its running product."""
    rows, data = land(read)
    rows["efficiency"] = sbm(*data)
    index = growth(rows).fillna(1)
    return rows[list(CITY_YEAR)].assign(ml=index, eland=index.groupby(rows["city_code"]).cumprod())


def from_efficiency(read: Read, value: str) -> pd.DataFrame:
    """The cumulated index times the efficiency of the first year on that year's frontier."""
    rows, data = land(read)
    first = (rows["year"] == rows["year"].min()).to_numpy()
    start = pd.Series(sbm(*(values[first] for values in data)), rows.loc[first, "city_code"])
    built = read("indices.land_efficiency")
    return built[list(CITY_YEAR)].assign(eland=built["eland"] * built["city_code"].map(start))


def wage_of_the_city(read: Read, value: str) -> pd.DataFrame:
    """Geometric mean of the growth of efficiency on the frontiers of the year before and of the year; a unit beyond one is above 1."""
    rows, data = land(read, "wage_avg_yuan")
    parts = []
    for year, own in rows.groupby("year"):
        scored = rows[rows["year"].isin([year - 1, year])].groupby("city_code").groups
        for city, (before, now) in ((c, pair) for c, pair in scored.items() if len(pair) == 2):
            growths = [score(data, now, at) / score(data, before, at) for at in (frontier(rows, year - 1), own.index)]
            parts.append((city, year, np.sqrt(np.prod(growths))))
    index = pd.DataFrame(parts, columns=[*CITY_YEAR, "ml"])
    table = rows[list(CITY_YEAR)].merge(index, on=list(CITY_YEAR), how="left").fillna({"ml": 1.0})
    return table.assign(eland=table.groupby("city_code")["ml"].cumprod())


def frontier(rows: pd.DataFrame, year: int) -> pd.Index:
    """Rows of one year."""
    return rows.index[rows["year"] == year]


def score(data: list[np.ndarray], unit: int, at: pd.Index) -> float:
    """Efficiency of a row against the rows of one year: its own year's frontier it cannot pass."""
    own, reference = [values[unit] for values in data], [values[at] for values in data]
    return against(*own, *reference) if unit in at else super_sbm(*own, *reference)


EXPECTED = {
    ("ebm_orientation", "in"): green(orientation="in"),
    ("ebm_orientation", "out"): green(orientation="out"),
    ("ebm_rts", "vrs"): green(rts="vrs"),
    ("ebm_undesirable", "co2"): green(gas="co2_emissions_10k_t"),
    ("gdp_prices", "constant"): green(output="gdp_constant"),
    ("gml_first_year", "year_before"): green(year_before=True),
    ("gml_first_year", "missing"): Expectation("indices.green_productivity", first_missing),
    ("gtfp_form", "cumulated"): Expectation("studies.green_development", cumulated),
    ("land_frontier", "global"): Expectation("indices.land_efficiency", global_land),
    ("land_wage_scope", "city"): Expectation("indices.land_efficiency", wage_of_the_city),
    ("eland_base", "efficiency"): Expectation("indices.land_efficiency", from_efficiency),
}
