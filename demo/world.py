"""The demo's world: what every city is and does each year, drawn once and shared by all tables and studies."""

from __future__ import annotations

from dataclasses import dataclass
from zlib import crc32

import numpy as np
import pandas as pd

from demo.roster import Roster

NATIONAL_GROWTH = {
    2006: 0.165, 2007: 0.21, 2008: 0.175, 2009: 0.085, 2010: 0.175, 2011: 0.175, 2012: 0.1, 2013: 0.095, 2014: 0.08, 2015: 0.065,
    2016: 0.08, 2017: 0.105, 2018: 0.095, 2019: 0.07, 2020: 0.03, 2021: 0.12, 2022: 0.05,
}  # fmt: skip
TIER = {"municipality": 0, "sub_provincial": 1, "provincial_capital": 2}
REGION = {"east": 0, "central": 1, "west": 2}
UNREPORTED = ("460300", "540200", "540300", "540400", "540500", "540600")


@dataclass(frozen=True)
class World:
    """Values in the dictionary's units by (indicator, scope), arrays of shape (units, years)."""

    roster: Roster
    years: np.ndarray
    values: dict[tuple[str, str], np.ndarray]


class Draws:
    """Named random numbers: a unit's draws depend on the seed and the name only, not on what else is drawn."""

    def __init__(self, seed: int, codes: pd.Series) -> None:
        self.seed = seed
        self.codes: list[int] = [int(code) for code in codes]

    def normal(self, name: str, width: int = 1) -> np.ndarray:
        """Standard normal, shape (units, width)."""
        return np.stack(
            [
                np.random.default_rng([self.seed, crc32(name.encode()), code]).standard_normal(width)
                for code in self.codes
            ]
        )

    def path(self, name: str, years: int, rho: float = 0.7) -> np.ndarray:
        """Stationary first-order autoregression with unit variance, shape (units, years)."""
        shocks = self.normal(name, years)
        out = shocks.copy()
        for year in range(1, years):
            out[:, year] = rho * out[:, year - 1] + np.sqrt(1 - rho**2) * shocks[:, year]
        return out


def draw_world(roster: Roster, years: range, seed: int) -> World:
    """Draw the world of the roster for the data years; units outside their years and unreported ones hold NaN."""
    draws = Draws(seed, roster.units["city_code"])
    values = _economy(roster, np.asarray(years), draws)
    values |= _money(values, np.asarray(years), draws)
    values |= _people(values, np.asarray(years), draws)
    values |= _environment(values, np.asarray(years), draws)
    both = {(name, "city"): array for name, array in values.items()}
    both |= _districts(values, roster, draws)
    listed = np.stack([roster.listed(year).to_numpy() for year in years], axis=1)
    listed &= ~roster.units["city_code"].isin(UNREPORTED).to_numpy()[:, None]
    return World(roster, np.asarray(years), {key: np.where(listed, array, np.nan) for key, array in both.items()})


def _by(column: pd.Series, levels: dict[str, int], effects: list[float]) -> np.ndarray:
    return np.array([effects[levels.get(value, len(effects) - 1)] for value in column])[:, None]


def _economy(roster: Roster, years: np.ndarray, draws: Draws) -> dict[str, np.ndarray]:
    units, n_years = roster.units, len(years)
    tier, region = units["admin_level"], units["region3"]
    real = np.array([NATIONAL_GROWTH.get(int(year), 0.06) for year in years])
    path = np.cumsum(np.where(years > 2005, real, 0.0))
    log_pop = (
        np.log(_by(tier, TIER, [1900, 780, 560, 370]))
        + 0.5 * draws.normal("population") * (tier != "municipality").to_numpy()[:, None]
    )
    migration = (
        0.25 * draws.normal("migration") + _by(tier, TIER, [0.3, 0.3, 0.15, -0.06]) + np.linspace(0, 0.05, n_years)
    )
    log_gdp_pc = (
        np.log(12500)
        + path
        + _by(tier, TIER, [0.75, 0.6, 0.35, 0.0])
        + _by(region, REGION, [0.3, -0.05, -0.15])
        + 0.38 * draws.normal("productivity")
        + 0.08 * draws.path("cycle", n_years)
    )
    registered = np.exp(log_pop + 0.005 * np.arange(n_years))
    resident = np.exp(log_pop + migration)
    gdp_pc = np.exp(log_gdp_pc)
    gdp = gdp_pc * resident / 1e4
    growth = np.diff(log_gdp_pc, axis=1, prepend=log_gdp_pc[:, :1] - 0.13) * 80 - 1.0
    primary = 0.9 / (
        1 + np.exp(2.0 * (log_gdp_pc - path - np.log(9000)) + 0.09 * np.arange(n_years) + 0.4 * draws.normal("farming"))
    )
    structure = (
        -0.25 + 0.035 * np.arange(n_years) + 0.3 * draws.normal("services") + _by(tier, TIER, [0.6, 0.35, 0.45, 0.0])
    )
    tertiary = (1 - primary) / (1 + np.exp(-(structure + 0.06 * draws.path("services cycle", n_years))))
    shares = {"primary": primary, "tertiary": tertiary, "secondary": 1 - primary - tertiary}
    urban = 0.9 / (1 + np.exp(-(0.9 * (log_gdp_pc - np.log(22000)) * 0.5 - 0.2 + 0.15 * draws.normal("urban"))))
    return {
        "pop_yearend": registered,
        "pop_resident": resident,
        "urban_population": resident * urban,
        "registered_urban_population": registered * urban * 0.8,
        "urbanization_rate": 100 * urban,
        "gdp": gdp,
        "gdp_pc": gdp_pc,
        "gdp_growth": growth,
        **{f"va_{name}": gdp * share for name, share in shares.items()},
        **{f"va_{name}_share": 100 * share for name, share in shares.items()},
    }


def _money(economy: dict[str, np.ndarray], years: np.ndarray, draws: Draws) -> dict[str, np.ndarray]:
    gdp, n_years, trend = economy["gdp"], len(years), np.arange(len(years))
    poor = np.log(economy["gdp_pc"]).mean(axis=0) - np.log(economy["gdp_pc"])
    expenditure = gdp * np.exp(
        -2.0 + 0.025 * trend + 0.55 * poor + 0.12 * draws.normal("spending") + 0.05 * draws.path("spending", n_years)
    )
    loans = gdp * np.exp(
        -0.45 + 0.03 * trend - 0.25 * poor + 0.25 * draws.normal("loans") + 0.06 * draws.path("loans", n_years)
    )
    retail = gdp * np.exp(-1.0 + 0.1 * draws.normal("retail") + 0.04 * draws.path("retail", n_years))
    investment = gdp * np.exp(
        -0.75 + 0.03 * trend + 0.3 * poor + 0.2 * draws.normal("investment") + 0.08 * draws.path("investment", n_years)
    )
    return {
        "fiscal_exp": expenditure,
        "fiscal_rev": expenditure
        * np.exp(-0.85 - 0.5 * poor + 0.15 * draws.normal("revenue") + 0.05 * draws.path("revenue", n_years)),
        "exp_science": expenditure
        * np.exp(
            -4.7 + 0.03 * trend - 0.6 * poor + 0.4 * draws.normal("science") + 0.2 * draws.path("science", n_years)
        ),
        "exp_education": expenditure
        * np.exp(-1.75 + 0.12 * draws.normal("education") + 0.05 * draws.path("education", n_years)),
        "loans": loans,
        "deposits": loans * np.exp(0.38 + 0.12 * draws.normal("deposits") + 0.04 * draws.path("deposits", n_years)),
        "retail_sales": retail,
        "retail_sales_above_size": retail * np.exp(-1.1 + 0.15 * draws.path("retail above size", n_years)),
        "wholesale_retail_sales_above_size": retail
        * np.exp(0.1 + 0.5 * draws.normal("wholesale") + 0.1 * draws.path("wholesale", n_years)),
        "fai": investment,
        "real_estate_investment": investment
        * np.exp(-1.9 + 0.3 * draws.normal("real estate") + 0.1 * draws.path("real estate", n_years)),
    }


def _people(economy: dict[str, np.ndarray], years: np.ndarray, draws: Draws) -> dict[str, np.ndarray]:
    n_years, trend = len(years), np.arange(len(years))
    log_pc = np.log(economy["gdp_pc"])
    employed = economy["pop_resident"] * np.exp(
        -2.35
        + 0.35 * (log_pc - log_pc.mean(axis=0))
        + 0.015 * trend
        + 0.2 * draws.normal("jobs")
        + 0.04 * draws.path("jobs", n_years)
    )
    wage = np.exp(
        np.log(16500)
        + 0.115 * trend
        - 0.0012 * trend**2
        + 0.25 * (log_pc - log_pc.mean(axis=0))
        + 0.06 * draws.normal("wage")
        + 0.03 * draws.path("wage", n_years)
    )
    staff = employed * np.exp(-0.05 + 0.02 * draws.path("staff", n_years))
    telecom = economy["gdp"] * np.exp(
        -4.2 - 0.04 * trend + 0.15 * draws.normal("telecom") + 0.06 * draws.path("telecom", n_years)
    )
    return {
        "emp_unit": employed,
        "staff_avg": staff,
        "wage_avg": wage,
        "wage_bill": staff * wage / 1e4,
        "telecom_revenue": telecom,
        "postal_revenue": telecom
        * np.exp(-1.9 + 0.09 * trend + 0.2 * draws.normal("post") + 0.08 * draws.path("post", n_years)),
        "mobile_users": economy["pop_resident"]
        * np.minimum(1.6, np.exp(-1.0 + 0.09 * trend + 0.15 * draws.normal("mobile"))),
    }


def _environment(economy: dict[str, np.ndarray], years: np.ndarray, draws: Draws) -> dict[str, np.ndarray]:
    n_years, trend = len(years), np.arange(len(years))
    sulphur = economy["va_secondary"] * np.exp(
        5.6 - 0.19 * trend - 0.004 * trend**2 + 0.7 * draws.normal("sulphur") + 0.15 * draws.path("sulphur", n_years)
    )
    return {
        "so2_industrial": sulphur,
        "dust_industrial": sulphur
        * np.exp(-0.5 + 0.02 * trend + 0.5 * draws.normal("dust") + 0.2 * draws.path("dust", n_years)),
        "nox_industrial": sulphur
        * np.exp(0.1 + 0.05 * trend + 0.3 * draws.normal("nox") + 0.1 * draws.path("nox", n_years)),
    }


def _districts(values: dict[str, np.ndarray], roster: Roster, draws: Draws) -> dict[tuple[str, str], np.ndarray]:
    """Values of the districts: a share of the city's people, a larger one of its money, ratios close to the city's."""
    whole = (roster.units["admin_level"] == "municipality").to_numpy()[:, None]
    people = np.where(whole, 1.0, 1 / (1 + np.exp(0.6 - 0.9 * draws.normal("districts"))))
    output = np.where(whole, 1.0, people**0.75)
    out: dict[tuple[str, str], np.ndarray] = {}
    for name in ("pop_yearend", "pop_resident", "urban_population", "registered_urban_population"):
        out[name, "districts"] = values[name] * (np.sqrt(people) if "urban" in name else people)
    for name in ("gdp", "loans", "deposits", "fai", "real_estate_investment", *(n for n in values if "retail" in n)):
        out[name, "districts"] = values[name] * output
    out["gdp_pc", "districts"] = values["gdp_pc"] * output / people
    out["gdp_growth", "districts"] = values["gdp_growth"] + 0.3 * ~whole * draws.normal("districts growth")
    primary = values["va_primary_share"] * np.where(whole, 1.0, 0.4)
    rest = (100 - primary) / (100 - values["va_primary_share"])
    shares = {"primary": primary, **{name: values[f"va_{name}_share"] * rest for name in ("secondary", "tertiary")}}
    for name, share in shares.items():
        out[f"va_{name}_share", "districts"] = share
        out[f"va_{name}", "districts"] = share * out["gdp", "districts"] / 100
    return out
