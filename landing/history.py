"""Administrative history: who was a prefecture-level unit at a year's end, and under which name.

What a study does with mergers and splits is in `estimation.cleaning.mergers`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from landing.dictionary import read_seed
from landing.place_names import unit_periods

CITY_TYPES = ("地级市", "直辖市")


def load_events(seeds: Path) -> pd.DataFrame:
    """All events, `year` as integer."""
    events = pd.concat([read_seed(seeds, name) for name in ("city_events", "city_events_added")], ignore_index=True)
    return events.astype({"year": int})


def roster(seeds: Path, year: int, *, cities_only: bool = True) -> pd.DataFrame:
    """Units at the end of `year`: city_code, name_zh (the name of that year), unit_type, province_code.

    `cities_only` keeps municipalities and prefecture-level cities, which the city yearbook prints; otherwise
    prefectures, leagues and autonomous prefectures stand beside them.
    """
    cities, events = read_seed(seeds, "cities"), load_events(seeds)
    units = unit_periods(cities, events)
    units = units[units["start"].le(year) & units["end"].ge(year)]
    history = _by_unit(events)
    rows = [
        (code, *_name_and_type(history.get(code, []), code, name, year))
        for code, name in zip(units["city_code"], units["name_zh"], strict=True)
    ]
    named = pd.DataFrame(rows, columns=["city_code", "name_zh", "unit_type"])
    named["province_code"] = units["province_code"].to_numpy()
    if cities_only:
        named = named[named["unit_type"].isin(CITY_TYPES)]
    return named.sort_values("city_code", ignore_index=True)


def _by_unit(events: pd.DataFrame) -> dict[str, list[dict[str, Any]]]:
    """Events that name or raise a unit, by code, in order of time."""
    own = events[events["kind"].isin(["upgrade", "rename", "new"])].sort_values("year", kind="stable")
    found: dict[str, list[dict[str, Any]]] = {}
    for row in own.to_dict("records"):
        found.setdefault(str(row["city_code"]), []).append({str(key): value for key, value in row.items()})
    return found


def _name_and_type(own: list[dict[str, Any]], code: str, name: str, year: int) -> tuple[str, str]:
    """Name and type at the end of `year`: of the last event up to then, else before the first one after."""
    past = [event for event in own if event["year"] <= year]
    if past:
        return str(past[-1]["new_name_zh"]), str(past[-1]["new_type_zh"])
    if own:
        return str(own[0]["old_name_zh"]), str(own[0]["old_type_zh"])
    if code.endswith("0000"):
        return name, "直辖市"
    return name, "地级市" if name.endswith("市") else next(
        (t for t in ("自治州", "盟", "地区") if name.endswith(t)), ""
    )
