"""The demo's world: what every city is and does each year, drawn once and shared by all tables and studies.

`world.csv` gives each indicator's law: a level in 2013, trend and curvature, elasticities with respect to product a head
(`dev`, its lasting part and a share of what passes) and population (`size`), an effect of higher-tier cities, and the spread
of a permanent and a passing city effect and of a smooth field over the map; `fade` is the rate at which lasting differences between
cities shrink a year until the base year. Kinds: `log` (multiplies `base`), `count` (the
same, at least 1), `calm` (as `log`, but large values pass through smaller relative changes), `drift` (trend and passing effect
are amounts, the same everywhere), `logit` (per cent), `part` (of `base`, calm), `share` (of what parts leave of `base`, calm, shares of a
group add up to 1).
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
import pandas as pd

from demo.draws import Draws
from demo.economy import BASE_YEAR, LASTING, TIERS, economy
from demo.levels import levelled
from demo.roster import Roster
from demo.tables import records

Key = tuple[str, str]
Values = dict[Key, np.ndarray]

PARAMETERS = Path(__file__).with_name("world.csv")
PASSING_RHO = 0.8
CALM = 4.0  # so that squares of large values do not move more than those of small ones
# Non-farm staff of the districts over all who work outside farming there.
NONFARM_STAFF, NONFARM_STAFF_SD = 0.13, 0.5
TYPICAL_PEOPLE, LEAST_SHARE, MOST_PART = 340.0, 0.3, 0.4


@dataclass(frozen=True)
class World:
    """Values in the dictionary's units by (indicator, scope), arrays of shape (units, years); NaN outside a unit's years."""

    roster: Roster
    years: np.ndarray
    seed: int
    cells: Values

    def at(self, year: int) -> int:
        """Position of a year."""
        return int(year - self.years[0])

    def with_cells(self, cells: Values) -> World:
        """The same world with some values replaced."""
        return replace(self, cells=self.cells | cells)


@dataclass(frozen=True)
class Law:
    """A row of `world.csv`."""

    indicator: str
    kind: str
    base: str
    level: float
    trend: float
    curve: float
    dev: float
    size: float
    tier: float
    city_sd: float
    path_sd: float
    field_sd: float
    fade: float
    districts: str


@functools.cache
def laws() -> tuple[Law, ...]:
    """The laws of the indicators, in the order in which they build on each other."""
    numbers = [field.name for field in fields(Law) if field.type == "float"]
    return tuple(
        Law(
            indicator=row["indicator"],
            kind=row["kind"],
            base=row["base"],
            districts=row["districts"],
            **{name: float(row[name]) for name in numbers},
        )
        for row in records(PARAMETERS)
    )


def draw_world(roster: Roster, years: range, seed: int) -> World:
    """Draw the world of the roster for the data years."""
    span = np.asarray(years)
    draws = Draws(seed, roster.units["city_code"].tolist())
    values = economy(roster.units, span, draws)
    context = _context(roster.units, values, span)
    del values[LASTING]
    for law in laws():
        if law.kind in ("part", "share"):
            if law.indicator not in values:
                values |= _shares(law.base, values, context, draws)
        else:
            values[law.indicator] = levelled(
                law.indicator, _follow(law, values, context, draws), _base(law, values), values, roster, span
            )
        values |= _derived(values)
    both: Values = {(name, "city"): array for name, array in values.items()}
    both |= _districts(values, roster.units, draws)
    for law in laws():
        if law.districts == "only":
            del both[law.indicator, "city"]
    listed = np.stack([roster.reporting(year).to_numpy() for year in years], axis=1)
    return World(roster, span, seed, {key: np.where(listed, array, np.nan) for key, array in both.items()})


def _context(units: pd.DataFrame, values: dict[str, np.ndarray], years: np.ndarray) -> dict[str, np.ndarray]:
    """What the laws depend on: year, relative product a head, relative size, tier.

    The reference points are constants of the real roster's making, so that a city does not change with --cities.
    """
    return {
        "trend": (years - BASE_YEAR).astype(float),
        "dev": values[LASTING],
        "size": np.log(values["pop_yearend"][:, :1]) - np.log(TYPICAL_PEOPLE),
        "tier": units["admin_level"].isin(TIERS).to_numpy(dtype=float)[:, None],
        "lon": units["lon"].to_numpy(),
        "lat": units["lat"].to_numpy(),
    }


def _linear(law: Law, context: dict[str, np.ndarray], draws: Draws) -> np.ndarray:
    """Logarithm (or logit) of an indicator relative to its level; large shares pass through smaller relative changes."""
    trend = context["trend"]
    lasting = law.city_sd * draws.normal(f"{law.indicator} permanent")
    for name, effect in (("dev", law.dev), ("size", law.size), ("tier", law.tier)):
        lasting = lasting + effect * context[name]
    if law.field_sd:
        lasting = lasting + law.field_sd * draws.field(f"{law.indicator} field", context["lon"], context["lat"])
    lasting = lasting * np.exp(-law.fade * np.minimum(trend, 0.0))
    passing = law.path_sd * draws.path(f"{law.indicator} passing", len(trend), PASSING_RHO) if law.path_sd else 0.0
    calm = np.minimum(1.0, np.exp(-CALM * lasting)) if law.kind in ("part", "share", "calm") else 1.0
    return np.asarray(lasting + law.trend * trend + law.curve * trend**2 + calm * passing)


def _base(law: Law, values: dict[str, np.ndarray]) -> np.ndarray:
    """What the law multiplies, (units, years) or one."""
    return values[law.base] if law.base else np.ones((1, 1))


def _follow(law: Law, values: dict[str, np.ndarray], context: dict[str, np.ndarray], draws: Draws) -> np.ndarray:
    if law.kind == "drift":
        return _drift(law, values, context, draws)
    line = _linear(law, context, draws)
    if law.kind == "logit":
        share = law.level / 100
        return np.asarray(100 / (1 + np.exp(-(np.log(share / (1 - share)) + line))))
    level = law.level * _base(law, values) * np.exp(line)
    return np.maximum(level, 1.0) if law.kind == "count" else np.asarray(level)


def _drift(law: Law, values: dict[str, np.ndarray], context: dict[str, np.ndarray], draws: Draws) -> np.ndarray:
    """Level by the law without trend and passing effect; these come in amounts, as shares of the typical level."""
    base = _base(law, values)
    typical = law.level * (TYPICAL_PEOPLE if law.base else 1.0)
    level = law.level * base * np.exp(_linear(replace(law, trend=0.0, path_sd=0.0), context, draws))
    passing = law.path_sd * draws.path(f"{law.indicator} passing", len(context["trend"]), PASSING_RHO)
    return np.maximum(level + typical * (law.trend * context["trend"] + passing), LEAST_SHARE * level)


def _shares(
    base: str, values: dict[str, np.ndarray], context: dict[str, np.ndarray], draws: Draws
) -> dict[str, np.ndarray]:
    """A total by indicator: parts as their laws say, the rest by the softmax of the laws of the shares."""
    group = [law for law in laws() if law.base == base and law.kind in ("part", "share")]
    sizes = {law.indicator: law.level * np.exp(_linear(law, context, draws)) for law in group}
    parts = {law.indicator: np.minimum(sizes.pop(law.indicator), MOST_PART) for law in group if law.kind == "part"}
    rest = 1.0 - sum(parts.values())
    total = np.sum(list(sizes.values()), axis=0)
    shares = parts | {name: rest * size / total for name, size in sizes.items()}
    return {name: values[base] * shares[name] for name in (law.indicator for law in group)}


def _derived(values: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Accounting identities, as soon as their parts are known."""
    gdp, out = values["gdp"], {}
    for sector in ("primary", "secondary", "tertiary"):
        out[f"va_{sector}_share"] = 100 * values[f"va_{sector}"] / gdp
    out["va_nonagri"] = values["va_secondary"] + values["va_tertiary"]
    if "urbanization_rate" in values:
        out["urban_population"] = values["pop_resident"] * values["urbanization_rate"] / 100
        out["registered_urban_population"] = 0.78 * values["pop_yearend"] * values["urbanization_rate"] / 100
    if "energy_per_gdp" in values:
        out["energy_consumption"] = gdp * values["energy_per_gdp"]
    if "wage_avg" in values:
        out["wage_bill"] = values["staff_avg"] * values["wage_avg"] / 1e4
    if "emp_tertiary" in values:
        out["emp_by_industry_agg"] = values["emp_total"]
        out["emp_industry"] = 0.78 * values["emp_secondary"]
        out["emp_nonagri"] = values["emp_secondary"] + values["emp_tertiary"]
    if "cons_rural" in values:
        urban = values["urbanization_rate"] / 100
        out["inc_all"] = urban * values["inc_urban"] + (1 - urban) * values["inc_rural"]
    if "students_regular" in values:
        out["edu_exp_per_student"] = values["exp_education"] * 1e8 / values["students_regular"]
    return out


def _districts(values: dict[str, np.ndarray], units: pd.DataFrame, draws: Draws) -> Values:
    """Values of the districts: a share of the city's people, a larger one of its product, ratios close to the city's."""
    whole = (units["admin_level"] == "municipality").to_numpy()[:, None]
    people = np.where(whole, 1.0, 1 / (1 + np.exp(0.6 - 0.9 * draws.normal("districts"))))
    output = np.where(whole, 1.0, people**0.75)
    share = {
        "people": people,
        "output": output,
        "ratio": np.where(whole, 1.0, np.exp(0.03 * draws.normal("districts ratio"))),
    }
    out: Values = {}
    for law in laws():
        if law.districts:
            out[law.indicator, "districts"] = values[law.indicator] * share.get(law.districts, 1.0)
    out["urbanization_rate", "districts"] = np.minimum(100.0, values["urbanization_rate"] * np.where(whole, 1.0, 1.25))
    for name in ("pop_yearend", "pop_resident"):
        out[name, "districts"] = values[name] * people
    for name in ("urban_population", "registered_urban_population"):
        out[name, "districts"] = values[name] * np.sqrt(people)
    staff = NONFARM_STAFF * np.exp(NONFARM_STAFF_SD * draws.normal("emp_nonagri permanent"))
    out["emp_nonagri", "districts"] = values["emp_nonagri"] * np.sqrt(people) * staff
    out["gdp", "districts"] = values["gdp"] * output
    out["gdp_pc", "districts"] = values["gdp_pc"] * output / people
    out["gdp_growth", "districts"] = values["gdp_growth"] + 0.3 * ~whole * draws.normal("districts growth")
    return out | _district_sectors(values, out["gdp", "districts"], whole)


def _district_sectors(values: dict[str, np.ndarray], gdp: np.ndarray, whole: np.ndarray) -> Values:
    """Less farming in the districts; the rest keeps its proportions."""
    primary = values["va_primary_share"] * np.where(whole, 1.0, 0.4)
    rest = (100 - primary) / (100 - values["va_primary_share"])
    out: Values = {}
    shares = {"primary": primary, **{name: values[f"va_{name}_share"] * rest for name in ("secondary", "tertiary")}}
    for name, share in shares.items():
        out[f"va_{name}_share", "districts"] = share
        out[f"va_{name}", "districts"] = share * gdp / 100
    out["va_nonagri", "districts"] = gdp * (100 - primary) / 100
    return out
