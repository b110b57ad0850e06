"""Productivity of cities from frontier methods: green total factor productivity, and efficiency of urban land."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from estimation.cleaning.deflation import price_level
from estimation.core.frame import EstimationError
from estimation.dea.efficiency import dea
from estimation.dea.productivity import Productivity, gml, ml
from estimation.indices.systems import base_mask

KEYS = ["city_code", "year"]
FRONTIER = ["frontier_first_year", "frontier_last_year"]
GREEN = [
    "city_code", "year", "gtfp", "gtfp_cumulated", "efficiency", "efficiency_change", "technical_change", "status", "n_beyond", *FRONTIER,
]  # fmt: skip
LAND = ["city_code", "year", "ml", "eland", "status", "n_beyond"]
ZERO = "zero input or output"


def green_productivity(
    frame: pd.DataFrame, switches: Mapping[str, str], frozen: tuple[int, int] | None = None
) -> pd.DataFrame:
    """GML index of EBM efficiency on the global frontier, one row a (city, year); the first year is 1 (or missing: gml_first_year).

    Inputs: capital (real), employment, electricity; desirable output: GDP; undesirable: sulphur (or carbon) dioxide, dust, waste water of
    industry. GDP at constant prices is taken as it comes (``gdp_constant``), else chained over the years of the frame. The frontier is that of all rows, or of the base years (index_base_years), whose first and last stand beside every value.

    Args:
        frame: city_code, year, capital, emp_total_10k, electricity_10k_kwh, gdp_100m_yuan, so2_industrial_t or co2_emissions_10k_t,
            dust_industrial_t, wastewater_industrial_10k_t, for constant prices gdp_index_prev100; rows with a missing value are
            left out, rows with a zero (slacks are measured in parts of a city's own values) have a status and no value.
        switches: ebm_orientation, ebm_rts, gml_first_year, ebm_undesirable, gdp_prices, price_base_year, index_base_years.
        frozen: base years of the study; with the year before the sample (gml_first_year) that year joins them.

    Raises:
        EstimationError: an unknown choice, or GDP that cannot be chained to the base year.
    """
    gas = _chosen("ebm_undesirable", switches, {"so2": "so2_industrial_t", "co2": "co2_emissions_10k_t"})
    output = _chosen("gdp_prices", switches, {"current": "gdp_100m_yuan", "constant": "gdp_constant"})
    if output == "gdp_constant" and output not in frame:
        frame = constant_gdp(frame, int(switches["price_base_year"]))
    inputs, outputs = ["capital", "emp_total_10k", "electricity_10k_kwh"], [output]
    bad = [gas, "dust_industrial_t", "wastewater_industrial_10k_t"]
    rows, zeros = _above_zero(_complete(frame, [*inputs, *outputs, *bad]))
    if rows.empty:
        return _empty(GREEN)
    if frozen is not None and switches["gml_first_year"] == "year_before":
        frozen = frozen[0] - 1, frozen[1]
    spanning = base_mask(rows["year"], switches["index_base_years"], frozen)
    first = _chosen("gml_first_year", switches, {"one": "one", "missing": "missing", "year_before": "missing"})
    result = gml(
        rows[inputs].to_numpy(), rows[outputs].to_numpy(), rows[bad].to_numpy(),
        entity=rows["city_code"].to_numpy(), time=rows["year"].to_numpy(), model="ebm",
        orientation=switches["ebm_orientation"], rts=switches["ebm_rts"],  # type: ignore[arg-type]
        first=first, frontier_rows=spanning,  # type: ignore[arg-type]
    )  # fmt: skip
    table = rows[KEYS].assign(
        gtfp=result.index,
        gtfp_cumulated=result.cumulated,
        efficiency=result.score,
        efficiency_change=result.efficiency_change,
        technical_change=result.technical_change,
        status=result.status.astype(str),
        n_beyond=result.n_beyond,
        frontier_first_year=int(rows.loc[spanning, "year"].min()),
        frontier_last_year=int(rows.loc[spanning, "year"].max()),
    )
    return _with_zeros(table, zeros)[GREEN]


def frontier_identities(frame: pd.DataFrame) -> pd.DataFrame:
    """What must hold between efficiency models on the same data, tried on the last year of the frame: one row an identity.

    Under constant returns EBM (theta <= 1 <= phi) with epsilon 0 is the radial score, without undesirable outputs; with epsilon 1 and equal weights
    it is SBM, also with undesirable outputs at the target (2 - phi) b0; and the best score on one's own frontier is 1.

    Args:
        frame: city_code, year and the inputs and outputs of `green_productivity`; rows with a missing value or a zero are left out.

    Returns:
        identity, year, n_units, largest_difference (of scores, absolute); empty without a complete row.
    """
    inputs, outputs = ["capital", "emp_total_10k", "electricity_10k_kwh"], ["gdp_100m_yuan"]
    bad = ["so2_industrial_t", "dust_industrial_t", "wastewater_industrial_10k_t"]
    rows, _ = _above_zero(_complete(frame, [*inputs, *outputs, *bad]))
    if rows.empty:
        kinds = {"identity": "str", "year": "int64", "n_units": "int64", "largest_difference": "float64"}
        return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in kinds.items()})
    year = int(rows["year"].max())
    X, Y, B = (rows.loc[rows["year"] == year, names].to_numpy() for names in (inputs, outputs, bad))
    sbm, sbm_bad = (dea(X, Y, b, model="sbm", second_stage=False).score for b in (None, B))
    scores = {
        "EBM with epsilon 0 is radial": (
            dea(X, Y, model="ebm", eps=0.0, second_stage=False).score,
            dea(X, Y, model="radial", second_stage=False).score,
        ),
        "EBM with epsilon 1 and equal weights is SBM": (
            dea(X, Y, model="ebm", eps=1.0, weights="equal", second_stage=False).score,
            sbm,
        ),
        "EBM with epsilon 1, equal weights and undesirables at 2 - phi is SBM": (
            dea(X, Y, B, model="ebm", eps=1.0, weights="equal", bad_target="two_minus_phi", second_stage=False).score,
            sbm_bad,
        ),
        "the best score on the own frontier is 1": (sbm_bad.max(), 1.0),
    }
    table = [(name, year, len(X), float(np.abs(a - b).max())) for name, (a, b) in scores.items()]
    return pd.DataFrame(table, columns=["identity", "year", "n_units", "largest_difference"])


def with_year_before(keys: pd.DataFrame) -> pd.DataFrame:
    """The rows of a sample (city_code, year) and, for every city, the year before its first."""
    firsts = keys.groupby("city_code", as_index=False)["year"].min()
    return pd.concat([firsts.assign(year=firsts["year"] - 1), keys], ignore_index=True)


def constant_gdp(frame: pd.DataFrame, base_year: int) -> pd.DataFrame:
    """The rows that have a volume index, with ``gdp_constant``: GDP of the base year times the chained volume index.

    Args:
        frame: city_code, year, gdp_100m_yuan, gdp_index_prev100 (real growth, year before = 100).

    Raises:
        EstimationError: a hole in the years of a city, or a base year that it does not have.
    """
    known = frame.dropna(subset=["gdp_100m_yuan", "gdp_index_prev100"]).reset_index(drop=True)
    if known.empty:
        return known.assign(gdp_constant=known["gdp_100m_yuan"])
    volume = price_level(known, "gdp_index_prev100", base_year)
    nominal = known.loc[known["year"] == base_year].set_index("city_code")["gdp_100m_yuan"]
    return known.assign(gdp_constant=known["city_code"].map(nominal) * volume)


def land_efficiency(
    frame: pd.DataFrame, switches: Mapping[str, str], frozen: tuple[int, int] | None = None
) -> pd.DataFrame:
    """Cumulated Malmquist-Luenberger index of the urban districts (farthest strong frontier), one row a (city, year); base year 1.

    Inputs: capital (of the whole city), construction land, non-agricultural employment; desirable outputs: non-agricultural value added,
    wage, green coverage; undesirable: sulphur dioxide of the districts.

    Args:
        frame: city_code, year, capital, construction_land_km2_districts, emp_nonagri_10k_districts, va_nonagri_100m_yuan_districts,
            wage_avg_yuan_districts or wage_avg_yuan, green_coverage_pct_districts, so2_district; rows with a missing value are left
            out, rows with a zero have a status and no value.
        switches: land_frontier, land_wage_scope, eland_base; index_base_years and the base years of the study (`frozen`) for the global frontier.

    Raises:
        EstimationError: an unknown choice.
    """
    wage = _chosen("land_wage_scope", switches, {"districts": "wage_avg_yuan_districts", "city": "wage_avg_yuan"})
    base = _chosen("eland_base", switches, {"one": "one", "efficiency": "efficiency"})
    frontier = _chosen("land_frontier", switches, {"contemporaneous": "ml", "global": "gml"})
    inputs = ["capital", "construction_land_km2_districts", "emp_nonagri_10k_districts"]
    outputs = ["va_nonagri_100m_yuan_districts", wage, "green_coverage_pct_districts"]
    rows, zeros = _above_zero(_complete(frame, [*inputs, *outputs, "so2_district"]))
    if rows.empty:
        return _empty(LAND)
    arrays = rows[inputs].to_numpy(), rows[outputs].to_numpy(), rows[["so2_district"]].to_numpy()
    keys = {"entity": rows["city_code"].to_numpy(), "time": rows["year"].to_numpy()}
    result: Productivity
    if frontier == "gml":
        spanning = base_mask(rows["year"], switches["index_base_years"], frozen)
        result = gml(*arrays, **keys, model="farthest", base=base, frontier_rows=spanning)  # type: ignore[arg-type]
    else:
        result = ml(*arrays, **keys, model="farthest", outside="super", base=base)  # type: ignore[arg-type]
    table = rows[KEYS].assign(
        ml=result.index, eland=result.cumulated, status=result.status.astype(str), n_beyond=result.n_beyond
    )
    return _with_zeros(table, zeros)[LAND]


def _chosen(name: str, switches: Mapping[str, str], allowed: Mapping[str, str]) -> str:
    """What a switch stands for."""
    if switches[name] not in allowed:
        raise EstimationError(f"{name}={switches[name]!r} is not one of {', '.join(allowed)}")
    return allowed[switches[name]]


def _complete(frame: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    kept = frame[[*KEYS, *columns]].dropna()
    return kept.sort_values(KEYS, ignore_index=True)


def _above_zero(rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows without a zero, and the keys of the others: a city may have emitted nothing, and no slack is a part of nothing."""
    zero = (rows.drop(columns=KEYS) == 0).any(axis=1)
    return rows[~zero].reset_index(drop=True), rows.loc[zero, KEYS]


def _with_zeros(table: pd.DataFrame, zeros: pd.DataFrame) -> pd.DataFrame:
    """The table and the city-years with a zero, which have a status and no value; sorted by key."""
    whole = table.merge(zeros, on=KEYS, how="outer")
    constants = {name: table[name].iloc[0] for name in FRONTIER if name in table}
    return whole.fillna({"status": ZERO, "n_beyond": 0, **constants}).astype(table.dtypes.to_dict())


def _empty(columns: list[str]) -> pd.DataFrame:
    kinds = {"city_code": "str", "status": "str"} | dict.fromkeys(["year", "n_beyond", *FRONTIER], "int64")
    return pd.DataFrame({c: pd.Series(dtype=kinds.get(c, "float64")) for c in columns})
