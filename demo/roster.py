"""Which cities a yearbook lists for a year, under which name, in which province, from the facts in seeds/."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

SEEDS = Path(__file__).resolve().parents[1] / "seeds"
REAL_CITIES = 299  # prefecture-level cities of some year since 2003: 287 to 298 in any one of them
WHOLE_ROSTER = 300  # what `--cities` calls all of them
FEWEST_CITIES, MOST_CITIES = 30, 3000
SILENT = ("460300",)  # 三沙市: listed from 2012, its cells stay empty
GOLDEN = 0.6180339887498949
FIRST_EXTRA, DIGITS_ZH = 60, "零一二三四五六七八九"
DIGITS_EN = ("ling", "yi", "er", "san", "si", "wu", "liu", "qi", "ba", "jiu")


@dataclass(frozen=True)
class Roster:
    """Prefecture-level cities of the demo, in yearbook order.

    Attributes:
        units: city_code, name_zh, name_en, province_zh, province_en, region3, admin_level, lon, lat, first_year (listed from),
            last_year (listed until), one row a unit.
        former: city_code, name, last_year of names borne before the present one.
    """

    units: pd.DataFrame
    former: pd.DataFrame

    def listed(self, year: int) -> pd.Series:
        """Whether each unit is a prefecture-level city at the end of the year."""
        return (self.units["first_year"] <= year) & (year <= self.units["last_year"])

    def reporting(self, year: int) -> pd.Series:
        """Whether each unit is listed and reports values; some are listed with blank rows."""
        return self.listed(year) & ~self.units["city_code"].isin(SILENT)

    def names(self, year: int) -> pd.Series:
        """Name of each unit at the end of the year."""
        names = self.units["name_zh"].copy()
        for code, name in self.former.loc[self.former["last_year"] >= year, ["city_code", "name"]].to_numpy():
            names[self.units["city_code"] == code] = name
        return names


def load_roster(cities: int = WHOLE_ROSTER, seeds: Path = SEEDS) -> Roster:
    """The first `cities` units of an order that spreads over the country; 300 are all 299 real ones, beyond are invented ones.

    Raises:
        ValueError: fewer than 30 or more than 3,000 cities.
    """
    check_cities(cities)
    units = _units(seeds)
    former = _former_names(seeds)
    if cities < len(units):
        municipal = units["admin_level"].eq("municipality").to_numpy()
        spread = np.where(municipal, -1.0, np.arange(1, len(units) + 1) * GOLDEN % 1)
        order = np.argsort(spread, kind="stable")
        units = units.iloc[sorted(order[:cities])].reset_index(drop=True)
    if invented(cities):
        units = pd.concat([units, extra_units(units, invented(cities))], ignore_index=True)
        units = units.sort_values("city_code", kind="stable").reset_index(drop=True)
    return Roster(units, former[former["city_code"].isin(units["city_code"])].reset_index(drop=True))


def check_cities(cities: int) -> None:
    """Refuse numbers of cities that a demo cannot have.

    Raises:
        ValueError: fewer than 30 (regressions need some) or more than 3,000 (names, codes and memory).
    """
    if not FEWEST_CITIES <= cities <= MOST_CITIES:
        raise ValueError(f"a demo has from {FEWEST_CITIES} to {MOST_CITIES:,} cities, not {cities:,}")


def invented(cities: int) -> int:
    """How many of `cities` units are invented: those that the real roster does not have, and none of its round number 300."""
    return cities - REAL_CITIES if cities > WHOLE_ROSTER else 0


def extra_units(units: pd.DataFrame, number: int) -> pd.DataFrame:
    """Invented cities for runs beyond the real roster: names no city bears, spread over the real ones' neighbourhoods.

    They land only with seeds that know them (`demo.scale.scaled_seeds`).
    """
    rng = np.random.default_rng(WHOLE_ROSTER)
    near = units.iloc[np.arange(number) % len(units)].reset_index(drop=True)
    at = np.arange(1, number + 1)
    counts = near.groupby("province_code").cumcount().to_numpy()
    codes = [
        f"{code[:2]}{FIRST_EXTRA + count // 99:02d}{count % 99 + 1:02d}"
        for code, count in zip(near["province_code"], counts, strict=True)
    ]
    return near.assign(
        city_code=codes,
        name_zh=[f"合成{''.join(DIGITS_ZH[int(digit)] for digit in f'{number_:04d}')}市" for number_ in at],
        name_en=["Hecheng" + "".join(DIGITS_EN[int(digit)] for digit in f"{number_:04d}") for number_ in at],
        admin_level="prefecture_city",
        lon=near["lon"] + rng.uniform(-0.8, 0.8, number),
        lat=near["lat"] + rng.uniform(-0.6, 0.6, number),
        first_year=0,
        last_year=9999,
    )


def _units(seeds: Path) -> pd.DataFrame:
    cities = pd.read_csv(seeds / "cities.csv", dtype={"city_code": str, "province_code": str})
    provinces = pd.read_csv(seeds / "provinces.csv", dtype=str)
    events = pd.concat(
        [pd.read_csv(seeds / name, dtype={"city_code": str}) for name in ("city_events.csv", "city_events_added.csv")]
    )
    made = events[events["kind"].isin(["upgrade", "new"])].groupby("city_code")["year"].min()
    units = cities[cities["name_zh"].str.endswith("市")].copy()
    units["first_year"] = units["city_code"].map(made).fillna(0).astype(int)
    units["last_year"] = units["valid_to"].fillna(9999).astype(int)
    units["province_en"] = units["province_zh"].map(provinces.set_index("name_zh")["name_en"])
    return units.sort_values("city_code", kind="stable").reset_index(drop=True)


def _former_names(seeds: Path) -> pd.DataFrame:
    aliases = pd.read_csv(seeds / "city_aliases.csv", dtype={"city_code": str})
    former = aliases[(aliases["alias_type"] == "former_name") & aliases["alias"].str.endswith("市")]
    return former.rename(columns={"alias": "name", "end_year": "last_year"})[["city_code", "name", "last_year"]]
