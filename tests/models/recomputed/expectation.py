"""What a table must hold under another value of a switch, from the tables of the declared values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

Read = Callable[[str], pd.DataFrame]
CITY_YEAR = ("city_code", "year")


@dataclass(frozen=True)
class Expectation:
    """Columns of a table, computed by the formula of the method specification and not by the project's functions.

    Attributes:
        table: schema and table. compute: takes a reader of tables under the declared values and the value of the switch; returns ``keys`` and
            the columns to compare.
    """

    table: str
    compute: Callable[[Read, str], pd.DataFrame]
    keys: tuple[str, ...] = CITY_YEAR


def sample(read: Read, study: str) -> pd.DataFrame:
    """The panel at the city-years of a study."""
    keys = read("panel.samples")
    keys = keys.loc[keys["study"] == study, ["city_code", "year"]]
    return keys.merge(read("panel.city_year"), on=["city_code", "year"]).sort_values(
        ["city_code", "year"], ignore_index=True
    )


def distances(read: Read, cities: pd.Series) -> pd.DataFrame:
    """(n, n) distances in km among these cities."""
    wide = read("indices.city_distances").pivot(index="city_code_i", columns="city_code_j", values="distance_km")
    names = sorted(cities.unique())
    return wide.loc[names, names]
