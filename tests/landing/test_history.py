"""Rosters against the official numbers of units."""

from __future__ import annotations

from pathlib import Path

import pytest

from landing.history import roster

SEEDS = Path(__file__).resolve().parents[2] / "seeds"


# Municipalities and prefecture-level cities, all prefecture-level units with municipalities:
# National Bureau of Statistics and Ministry of Civil Affairs, year-end
@pytest.mark.parametrize(
    ("year", "cities", "units"),
    [
        (2003, 286, 337),
        (2006, 287, 337),
        (2010, 287, 337),
        (2011, 288, 336),
        (2012, 289, 337),
        (2013, 290, 337),
        (2014, 292, 337),
        (2015, 295, 338),
        (2016, 297, 338),
        (2017, 298, 338),
        (2019, 297, 337),
        (2023, 297, 337),
    ],
)
def test_roster_sizes(year: int, cities: int, units: int) -> None:
    assert len(roster(SEEDS, year)) == cities
    assert len(roster(SEEDS, year, cities_only=False)) == units


def test_roster_bears_the_names_of_its_year() -> None:
    names = {
        year: dict(roster(SEEDS, year, cities_only=False)[["city_code", "name_zh"]].to_numpy())
        for year in (2006, 2009, 2012)
    }
    assert [names[year]["420600"] for year in names] == ["襄樊市", "襄樊市", "襄阳市"]
    assert [names[year]["530800"] for year in names] == ["思茅市", "普洱市", "普洱市"]
    assert [names[year]["520500"] for year in names] == ["毕节地区", "毕节地区", "毕节市"]
    assert [("341400" in names[year]) for year in names] == [True, True, False]
    assert "460400" not in names[2012]
