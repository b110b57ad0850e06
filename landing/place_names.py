"""Periods in which prefecture-level units exist and bear their names, from the seeds of cities, aliases and events."""

from __future__ import annotations

import re

import pandas as pd

OPEN_END = 9999
PREFECTURE_TYPES = ("地级市", "地区", "盟", "自治州", "直辖市")
_ETHNIC = re.compile(
    r"(?:蒙古族?|回族?|藏族|羌族|彝族|苗族|土家族|布依族|侗族|哈尼族|壮族|傣族|白族|景颇族|傈僳族|朝鲜族|哈萨克族?|柯尔克孜族?)+$"
)
_SUFFIX = re.compile(r"(?:市|地区|盟)$")


def unit_periods(cities: pd.DataFrame, events: pd.DataFrame) -> pd.DataFrame:
    """city_code, start, end, name_zh, province_code: first and last year-end at which the unit was prefecture-level.

    A unit begins with the event that made it out of something below the prefecture level (a county-level city, a
    county, an office); an upgrade of a prefecture or league continues the unit. `end` comes from `cities.valid_to`.
    """
    made = events[events["kind"].isin(["upgrade", "new"]) & ~events["old_type_zh"].isin(PREFECTURE_TYPES)]
    start = made.groupby("city_code")["year"].min().astype(int)
    return pd.DataFrame(
        {
            "city_code": cities["city_code"],
            "start": cities["city_code"].map(start).fillna(0).astype(int),
            "end": pd.to_numeric(cities["valid_to"]).fillna(OPEN_END).astype(int),
            "name_zh": cities["name_zh"],
            "province_code": cities["province_code"],
        }
    )


def name_periods(cities: pd.DataFrame, aliases: pd.DataFrame, events: pd.DataFrame) -> pd.DataFrame:
    """key, city_code, unit_province, start, end, alias_type, tolerated: who bears a name when.

    `tolerated` marks former names no other unit ever bore; a source that still prints them later means the same unit.
    A name without its suffix holds while any of the unit's full names holds.
    """
    full = aliases[~aliases["alias_type"].isin(["suffix_omitted"])].copy()
    full["start"] = pd.to_numeric(full["start_year"]).fillna(0).astype(int)
    full["end"] = pd.to_numeric(full["end_year"]).fillna(OPEN_END).astype(int)
    full = pd.concat([full[["alias", "city_code", "start", "end", "alias_type"]], _former_names(events, full)])
    begun = _first_years(events)
    starts = [begun.get((code, name), 0) for code, name in zip(full["city_code"], full["alias"], strict=True)]
    full["start"] = full["start"].where(full["start"] >= starts, starts)
    full["tolerated"] = full["alias_type"].eq("former_name")
    names = pd.concat([full, _short_forms(full)], ignore_index=True).rename(columns={"alias": "key"})
    names = names.drop_duplicates(["key", "city_code", "start", "end"])
    province = dict(zip(cities["city_code"], cities["province_code"], strict=True))
    return names.assign(unit_province=names["city_code"].map(province)).reset_index(drop=True)


def _first_years(events: pd.DataFrame) -> dict[tuple[str, str], int]:
    named = events[events["kind"].isin(["upgrade", "rename", "new"]) & events["new_name_zh"].ne("")]
    pairs = zip(named["city_code"], named["new_name_zh"], strict=True)
    return dict(zip(pairs, named["year"].astype(int), strict=True))


def _former_names(events: pd.DataFrame, known: pd.DataFrame) -> pd.DataFrame:
    """Old names of upgraded prefectures that the alias seed lacks."""
    old = events[events["kind"].eq("upgrade") & events["old_type_zh"].isin(["地区", "盟"])]
    old = old[~old["old_name_zh"].isin(known["alias"]) & old["city_code"].ne("")]
    stem = old["old_name_zh"].str.replace(_SUFFIX, "", regex=True)
    same = [new.startswith(s) for new, s in zip(old["new_name_zh"], stem, strict=True)]
    old = old[same]
    return pd.DataFrame(
        {
            "alias": old["old_name_zh"],
            "city_code": old["city_code"],
            "start": 0,
            "end": old["year"].astype(int) - 1,
            "alias_type": "former_name",
        }
    )


def _short_forms(full: pd.DataFrame) -> pd.DataFrame:
    """Names without 市, 地区, 盟; autonomous prefectures also without their peoples (恩施州, 恩施)."""
    plain = full.assign(alias=full["alias"].str.replace(_SUFFIX, "", regex=True))
    autonomous = full[full["alias"].str.endswith("自治州")]
    peoples = autonomous["alias"].str.removesuffix("自治州")
    stem = peoples.str.replace(_ETHNIC, "", regex=True)
    forms = [
        plain[plain["alias"].str.len() >= 2],
        autonomous.assign(alias=peoples),
        autonomous.assign(alias=stem),
        autonomous.assign(alias=stem + "州"),
    ]
    short = pd.concat(forms).assign(alias_type="suffix_omitted", tolerated=False)
    return short[short["alias"].str.len() >= 2]
