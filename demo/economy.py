"""People and product of the demo's cities: population, gross product, its growth and its three sectors."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import ndtr

from demo.draws import Draws

BASE_YEAR = 2013
MEDIAN_GDP_PC = 35300.0
# Real growth of the country's product, per cent over the year before, rounded.
REAL_GROWTH = {
    2004: 12.5, 2005: 13.0, 2006: 13.6, 2007: 14.8, 2008: 12.6, 2009: 12.0, 2010: 13.6, 2011: 12.4, 2012: 10.9, 2013: 9.8,
    2014: 8.6, 2015: 8.1, 2016: 7.9, 2017: 7.8, 2018: 7.1, 2019: 6.5, 2020: 3.4, 2021: 8.0, 2022: 3.2,
}  # fmt: skip
# Price change of the product, per cent, rounded.
INFLATION = {
    2005: 3.5, 2006: 3.3, 2007: 6.5, 2008: 6.5, 2009: -0.2, 2010: 5.8, 2011: 6.8, 2012: 2.0, 2013: 1.4, 2014: 0.7, 2015: -0.8,
    2016: 0.8, 2017: 2.9, 2018: 2.4, 2019: 0.8, 2020: 0.4, 2021: 3.6, 2022: 1.5,
}  # fmt: skip
POOREST = 0.105  # least product a head over the largest
LATER_GROWTH, LATER_INFLATION = 4.5, 1.5
# Relative product a head as other indicators follow it: its lasting part, and a share of what passes.
LASTING, FOLLOWED = "lasting", 0.45
TIERS = ("municipality", "sub_provincial", "provincial_capital")


def _even(z: np.ndarray) -> np.ndarray:
    """Normal draws as logs of levels that spread evenly between the poorest and the richest, 0 at the median.

    Logs of product a head spread as widely as common_prosperity prints only where levels are as even as digital_industry prints.
    """
    return np.asarray(np.log((POOREST + (1 - POOREST) * ndtr(z)) / (POOREST + (1 - POOREST) / 2)))


def by_tier(units: pd.DataFrame, effects: tuple[float, float, float, float]) -> np.ndarray:
    """Column (units, 1): effect of municipalities, sub-provincial cities, other provincial capitals and the rest."""
    levels = dict(zip(TIERS, effects, strict=False))
    return np.array([levels.get(level, effects[-1]) for level in units["admin_level"]])[:, None]


def by_region(units: pd.DataFrame, east: float, central: float, west: float) -> np.ndarray:
    """Column (units, 1): effect of the three regions."""
    levels = {"east": east, "central": central, "west": west}
    return np.array([levels[region] for region in units["region3"]])[:, None]


def national_path(years: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(log of real product relative to the base year, log of nominal product relative to the base year), by year."""
    real = np.log1p(np.array([REAL_GROWTH.get(int(year), LATER_GROWTH) for year in years]) / 100)
    prices = np.log1p(np.array([INFLATION.get(int(year), LATER_INFLATION) for year in years]) / 100)
    base = int(np.argmin(np.abs(years - BASE_YEAR)))
    volume, nominal = np.cumsum(real), np.cumsum(real + prices)
    return volume - volume[base], nominal - nominal[base]


def economy(units: pd.DataFrame, years: np.ndarray, draws: Draws) -> dict[str, np.ndarray]:
    """Population (10 000), product (100 million yuan), product a head (yuan), growth (%), sectors; shape (units, years)."""
    n_years, trend = len(years), years - BASE_YEAR
    spread = by_tier(units, (0.15, 0.4, 0.45, 0.65))
    log_people = np.log(by_tier(units, (1100.0, 760.0, 500.0, 315.0))) + spread * draws.normal("population")
    registered = np.exp(log_people + 0.004 * trend)
    tide = by_tier(units, (0.3, 0.3, 0.16, -0.07)) + by_region(units, 0.06, -0.04, -0.02)
    resident = registered * np.exp((tide + 0.12 * draws.normal("migration")) * (1 + 0.02 * trend))
    volume, nominal = national_path(years)
    catching_up = by_region(units, -0.008, 0.004, 0.006) + 0.008 * draws.normal("catching up")
    cycle = 0.02 * draws.path("cycle", n_years, 0.85)
    level = (
        by_tier(units, (0.15, 0.13, 0.07, 0.0))
        + by_region(units, 0.08, -0.04, -0.04)
        + _even(draws.normal("productivity"))
    )
    passing = catching_up * trend + cycle
    log_pc = np.log(MEDIAN_GDP_PC) + nominal + level + passing
    gdp_pc = np.exp(log_pc)
    gdp = gdp_pc * resident / 1e4
    own_growth = np.diff(passing + np.log(resident), axis=1, prepend=np.nan)
    own_growth[:, 0] = own_growth[:, 1]
    growth = 100 * np.expm1(np.diff(volume, prepend=volume[0] - 0.12) + own_growth) + 3.3 * draws.path(
        "growth", n_years, 0.5
    )
    structure = sectors(units, trend, log_pc - nominal, draws)
    return {
        LASTING: level + FOLLOWED * passing,
        "pop_yearend": registered,
        "pop_resident": resident,
        "gdp": gdp,
        "gdp_pc": gdp_pc,
        "gdp_growth": growth,
        "gdp_index": 100 + growth,
        **{f"va_{name}": gdp * share for name, share in structure.items()},
    }


def sectors(units: pd.DataFrame, trend: np.ndarray, log_pc: np.ndarray, draws: Draws) -> dict[str, np.ndarray]:
    """Shares of the three sectors in the product; `log_pc` is the log of product a head without the national path."""
    distance = log_pc - np.log(MEDIAN_GDP_PC)
    farming = (
        -1.5 - 1.3 * distance - 0.03 * trend + by_tier(units, (-1.6, -0.9, -0.7, 0.0)) + 0.8 * draws.normal("farming")
    )
    primary = 0.6 / (1 + np.exp(-farming))
    services = (
        -0.22
        + 0.15 * distance
        + 0.03 * trend
        + 0.0015 * trend**2
        + by_tier(units, (0.75, 0.4, 0.45, 0.0))
        + 0.43 * draws.normal("services")
        + 0.07 * draws.path("services", len(trend), 0.85)
    )
    tertiary = (1 - primary) / (1 + np.exp(-services))
    return {"primary": primary, "secondary": 1 - primary - tertiary, "tertiary": tertiary}
