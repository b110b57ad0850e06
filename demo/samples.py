"""The samples of the five studies: which cities report what a study needs, in all of its years.

A city outside a study's sample lacks the cells of indicators that only this study uses, in every year: whoever keeps the
cities with complete data gets the published number of city-years.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from demo.draws import Draws
from demo.roster import Roster

if TYPE_CHECKING:
    from demo.world import Key, World

LEFT_OUT = Path(__file__).with_name("left_out.csv")


@dataclass(frozen=True)
class Study:
    """A published study: its years, its number of city-years, and the indicators that only it uses."""

    name: str
    years: range
    city_years: int
    own: tuple[Key, ...]

    def __post_init__(self) -> None:
        assert self.city_years % len(self.years) == 0, self.name


STUDIES = (
    Study("common_prosperity", range(2010, 2023), 3601, (("pop_65plus", "city"), ("cons_rural", "city"))),
    Study("industrial_upgrading", range(2006, 2021), 3960, (("construction_land", "districts"), ("emp_nonagri", "districts"))),
    Study(
        "new_quality_va_types", range(2005, 2022), 4760,
        (("exp_env", "city"), ("medical_insured", "city"), ("passenger_volume", "city")),
    ),
    Study(
        "green_development", range(2013, 2021), 2232,
        (("electricity", "city"), ("gas_residential_pc", "districts"), ("water_residential_pc", "districts")),
    ),
    Study("digital_industry", range(2013, 2023), 2800, (("rd_personnel", "city"), ("telecom_volume", "city"))),
)  # fmt: skip


def study(name: str) -> Study:
    """The study of that name."""
    return next(item for item in STUDIES if item.name == name)


def in_sample(roster: Roster, item: Study) -> np.ndarray:
    """(units,) whether a unit belongs to the sample: a reporting city in every year of the study, and not left out."""
    always = np.all([roster.reporting(year).to_numpy() for year in item.years], axis=0)
    out = _left_out()
    excluded = set(out.loc[out["study"] == item.name, "city_code"])
    return always & ~roster.units["city_code"].isin(excluded).to_numpy()


def complete(roster: Roster, item: Study) -> bool:
    """Whether the roster holds exactly the published sample."""
    return int(in_sample(roster, item).sum()) * len(item.years) == item.city_years


GAPS = (
    ("retail_sales_above_size", "districts"), ("wholesale_retail_sales_above_size", "districts"), ("postal_revenue", "city"),
    ("real_estate_investment", "districts"), ("nox_industrial", "city"),
)  # fmt: skip
GAP_SHARE = 0.012


def leave_gaps(world: World) -> World:
    """The world with a few cells that nobody reported, in indicators that no study uses."""
    draws = Draws(world.seed, world.roster.units["city_code"].tolist())
    small = (world.roster.units["admin_level"] != "municipality").to_numpy()[:, None]
    values = {}
    for key in GAPS:
        gap = small & (draws.uniform(f"gap {key[0]}", len(world.years)) < GAP_SHARE)
        values[key] = np.where(gap, np.nan, world.cells[key])
    return world.with_cells(values)


def leave_out(world: World) -> World:
    """The world without the cells that cities outside a sample do not report."""
    values = {}
    for item in STUDIES:
        outside = ~in_sample(world.roster, item)
        for key in item.own:
            values[key] = np.where(outside[:, None], np.nan, world.cells[key])
    return world.with_cells(values)


@functools.cache
def _left_out() -> pd.DataFrame:
    return pd.read_csv(LEFT_OUT, dtype=str)
