"""Place names and codes to prefecture-level units, by year.

Names resolve as the source declares them: `as_printed` (the name must be the unit's name in that year), `current`
(today's names for all years) or a year (`2018`: the names of that year for all years). Renames and upgrades of a
prefecture to a city continue the unit; abolished units end; nothing is merged here. A county-level city that bears
the name of a later prefecture-level city is not that city.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
from rapidfuzz import process

from landing.dictionary import read_seed
from landing.header_text import compact
from landing.place_names import OPEN_END, name_periods, unit_periods

INPUT_COLUMNS = ["city_text", "province_text", "code_text", "year", "naming"]
RESULT_COLUMNS = ["place_type", "city_code", "flags", "reason", "detail", "hint"]
_TRAILING_LATIN = re.compile(r"(?<=[\u3400-\u9fff)])[A-Za-z'’. \-]+$")
_CODE = re.compile(r"^\d+(?:\.0+)?$")


@dataclass(frozen=True)
class Places:
    """Reference frames: `names` (key, city_code, start, end, alias_type, tolerated), `units` (city_code, start, end,
    name_zh, province_code), `provinces`, `old_codes` (old code to unit), `totals` (names of totals and their type)."""

    names: pd.DataFrame
    units: pd.DataFrame
    provinces: pd.DataFrame
    old_codes: dict[str, str]
    totals: tuple[tuple[re.Pattern[str], str], ...]

    @cached_property
    def province_of_name(self) -> dict[str, str]:
        """Full, short and pinyin province names to the province code."""
        names: dict[str, str] = {}
        for code, full, short, pinyin in self.provinces[["province_code", "name_zh", "short_zh", "pinyin"]].to_numpy():
            names.update(dict.fromkeys([full, short, *pinyin.split("|")], code))
        return names

    @cached_property
    def province_full_names(self) -> frozenset[str]:
        """Names only a province bears; municipalities are cities and short names may be (吉林, 海南)."""
        municipal = set(self.units.loc[self.units["city_code"].str.endswith("0000"), "city_code"])
        full = self.provinces.loc[~self.provinces["province_code"].isin(municipal), "name_zh"]
        return frozenset(full)

    @cached_property
    def shared_with_province(self) -> frozenset[str]:
        """Names that a province and a unit of another code bear (吉林, 海南); municipalities are both in one."""
        names = self.names[self.names["key"].isin(self.province_of_name.keys())]
        return frozenset(names.loc[names["key"].map(self.province_of_name) != names["city_code"], "key"])

    @cached_property
    def unit_codes(self) -> frozenset[str]:
        return frozenset(self.units["city_code"])


def load_places(seeds: Path) -> Places:
    """Read cities, aliases, events, provinces and old codes from the seeds."""
    cities, aliases, provinces, old, totals = (
        read_seed(seeds, name) for name in ("cities", "city_aliases", "provinces", "city_codes_old", "total_names")
    )
    events = pd.concat([read_seed(seeds, name) for name in ("city_events", "city_events_added")], ignore_index=True)
    return Places(
        names=name_periods(cities, aliases, events),
        units=unit_periods(cities, events),
        provinces=provinces,
        old_codes=dict(zip(old["old_code"], old["city_code"], strict=True)),
        totals=tuple(
            (re.compile(text), kind) for text, kind in zip(totals["pattern"], totals["place_type"], strict=True)
        ),
    )


def normalise_place(text: str) -> str:
    """A printed place name without spaces, footnote marks and a translation behind it; pure Latin is lower case."""
    name = compact(_TRAILING_LATIN.sub("", text.replace("\u3000", " ").strip()))
    name = re.sub(r"(?<=[\u3400-\u9fff])(?:[\d.#*]+\)?|\(\d+\))+$", "", name)
    return name.lower() if name.isascii() else name


def normalise_code(text: str) -> str:
    """A six-digit code from text of four, six or twelve digits, with or without `.0`; '' where it is none."""
    text = text.strip()
    if not _CODE.match(text):
        return ""
    digits = text.split(".")[0]
    if len(digits) == 2:
        return f"{digits}0000"
    if len(digits) == 4:
        return f"{digits}00"
    return digits[:6] if len(digits) in (6, 9, 12) else ""


def resolve_places(places: Places, frame: pd.DataFrame) -> pd.DataFrame:
    """Resolve distinct places; returns a frame with the index of `frame` and `RESULT_COLUMNS`, all text.

    `frame` has `city_text` and `year`, optionally `province_text` (context), `code_text` and `naming` (default
    `as_printed`). `place_type` is prefecture, province, country, group or '' (unknown). A unit outside its years keeps its
    `city_code` beside the reason `entity_not_valid`; any other reason comes with an empty code. `flags` (joined by
    `|`): `misprint`, `name_out_of_period`, `resolved_by_code`.
    """
    if frame.empty:
        return pd.DataFrame("", index=frame.index, columns=RESULT_COLUMNS, dtype="str")
    keys = _keys(frame)
    distinct = keys.drop_duplicates().reset_index(drop=True)
    found = pd.concat([distinct, _resolve_distinct(places, distinct)], axis=1)
    result = keys.merge(found, on=INPUT_COLUMNS, how="left", validate="many_to_one")[RESULT_COLUMNS]
    result.index = frame.index
    return result.astype("str")


def _keys(frame: pd.DataFrame) -> pd.DataFrame:
    keys = pd.DataFrame(index=frame.index)
    for column in ("city_text", "province_text", "code_text"):
        text = frame[column].astype(object) if column in frame else pd.Series("", index=frame.index, dtype=object)
        keys[column] = text.where(text.notna(), "").astype(str)
    keys["year"] = pd.to_numeric(frame["year"], errors="coerce").fillna(-1).astype("int64")
    keys["naming"] = frame["naming"].astype(str) if "naming" in frame else "as_printed"
    return keys[INPUT_COLUMNS]


def _resolve_distinct(places: Places, keys: pd.DataFrame) -> pd.DataFrame:
    work = keys.copy()
    work["key"] = work["city_text"].map({t: normalise_place(t) for t in work["city_text"].unique()})
    province = {t: places.province_of_name.get(normalise_place(t), "") for t in work["province_text"].unique()}
    work["province_code"] = work["province_text"].map(province)
    work["place_type"] = _place_type(places, work)
    work = work.join(_by_name(places, work)).join(_by_code(places, work))
    out = pd.DataFrame("", index=work.index, columns=RESULT_COLUMNS, dtype=object)
    out["place_type"] = work["place_type"]
    city = work["place_type"].eq("")
    out["city_code"] = work["name_code"].where(work["name_code"].ne(""), work["code_code"]).where(city, "")
    flags = work["name_flag"].where(work["name_code"].ne(""), "resolved_by_code")
    out["flags"] = flags.where(out["city_code"].ne(""), "")
    _judge(places, work, out, city)
    out.loc[out["city_code"].ne(""), "place_type"] = "prefecture"
    return out


def _place_type(places: Places, work: pd.DataFrame) -> pd.Series:
    """country, province or group (of cities) for rows that name one, '' for those that have to be a prefecture-level
    unit."""
    kind = pd.Series("", index=work.index, dtype=object)
    short = work["key"].isin(places.province_of_name.keys()) & ~work["key"].isin(places.names["key"])
    kind[work["key"].isin(places.province_full_names) | short] = "province"
    kinds = {
        key: next((kind for name, kind in places.totals if name.fullmatch(key)), "") for key in work["key"].unique()
    }
    total = work["key"].map(kinds)
    return kind.where(total.eq(""), total)


def _by_name(places: Places, work: pd.DataFrame) -> pd.DataFrame:
    """name_code, name_flag, name_problem: the one unit that bears the name in the reference year."""
    reference = work["naming"].map(lambda n: OPEN_END if n == "current" else int(n) if n.isdigit() else -1)
    reference = reference.where(reference >= 0, work["year"])
    asked = work[["key", "province_code", "year"]].assign(row=work.index, reference=reference)
    pairs = asked.merge(places.names, on="key")
    pairs = pairs[pairs["province_code"].eq("") | pairs["province_code"].eq(pairs["unit_province"])]
    inside = pairs["reference"].between(pairs["start"], pairs["end"])
    own_year = pairs["year"].between(pairs["start"], pairs["end"])
    late = pairs["tolerated"] & pairs["reference"].ge(pairs["start"])
    pairs["rank"] = 3
    pairs.loc[late, "rank"] = 2
    pairs.loc[own_year, "rank"] = 1
    pairs.loc[inside, "rank"] = 0
    pairs = pairs[pairs["rank"] < 3].sort_values(["row", "rank", "city_code"], kind="stable")
    best = pairs[pairs["rank"].eq(pairs.groupby("row")["rank"].transform("min"))].drop_duplicates(["row", "city_code"])
    several = best.groupby("row").size().reindex(work.index, fill_value=0)
    first = best.drop_duplicates("row").set_index("row").reindex(work.index)
    one = several.eq(1)
    flag = first["alias_type"].isin(["misprint", "ocr_variant"]).map({True: "misprint", False: ""})
    flag = flag.where(first["rank"].ne(2), "name_out_of_period")
    also_province = work["key"].isin(places.shared_with_province) & work["province_code"].eq("")
    ambiguous = several.gt(1) | also_province
    return pd.DataFrame(
        {
            "name_code": first["city_code"].where(one & ~ambiguous, "").fillna(""),
            "name_flag": flag.where(one & ~ambiguous, ""),
            "ambiguous": ambiguous & several.gt(0),
        }
    )


def _by_code(places: Places, work: pd.DataFrame) -> pd.DataFrame:
    """code_code: the unit a code names, through old codes and the district code of a municipality."""
    codes = {text: normalise_code(text) for text in work["code_text"].unique()}
    units: dict[str, str] = {}
    for text, code in codes.items():
        code = places.old_codes.get(code, code)
        municipal = f"{code[:2]}0000"
        if code not in places.unit_codes and municipal in places.unit_codes and code[2:4] in ("01", "02", "03"):
            code = municipal if code.endswith("00") else ""
        units[text] = code if code in places.unit_codes else ""
    return pd.DataFrame({"code_code": work["code_text"].map(units).fillna("")})


def _judge(places: Places, work: pd.DataFrame, out: pd.DataFrame, city: pd.Series) -> None:
    """Fill reason, detail and hint of `out`, and empty the codes of rows that must not resolve."""
    clash = city & work["name_code"].ne("") & work["code_code"].ne("") & work["name_code"].ne(work["code_code"])
    clash |= city & work["ambiguous"] & work["code_code"].eq("")
    unknown = city & out["city_code"].eq("") & ~clash
    out.loc[clash, ["city_code", "flags"]] = ""
    out.loc[clash | unknown, "reason"] = "unknown_city"
    out.loc[clash, "detail"] = [_why_clash(row) for row in work[clash].to_dict("records")]
    out.loc[clash, "hint"] = "correct the entry at its source, or add an alias with its years to seeds/city_aliases.csv"
    hints = {key: _hint(places, key) for key in work.loc[unknown, "key"].unique()}
    out.loc[unknown, "detail"] = [_why_unknown(places, row) for row in work[unknown].to_dict("records")]
    out.loc[unknown, "hint"] = work.loc[unknown, "key"].map(hints)
    _judge_years(places, work["year"], out)


def _judge_years(places: Places, year: pd.Series, out: pd.DataFrame) -> None:
    """Mark rows whose unit was not prefecture-level at the end of the year."""
    valid = places.units.set_index("city_code").reindex(out["city_code"]).set_index(out.index)
    known = out["city_code"].ne("") & year.ge(0)
    before, after = known & year.lt(valid["start"]), known & year.gt(valid["end"])
    out.loc[before | after, "reason"] = "entity_not_valid"
    out.loc[before, "detail"] = [f"a prefecture-level unit from {start:.0f}" for start in valid.loc[before, "start"]]
    out.loc[after, "detail"] = [f"a prefecture-level unit until {end:.0f}" for end in valid.loc[after, "end"]]
    out.loc[before | after, "hint"] = (
        "a value of another unit of that name? leave it out, or correct the events in seeds"
    )


def _why_clash(row: Mapping[Hashable, Any]) -> str:
    if row["name_code"]:
        return f"name says {row['name_code']}, code says {row['code_code']}"
    return f"{row['city_text'].strip()!r} may be a province or several units"


def _why_unknown(places: Places, row: Mapping[Hashable, Any]) -> str:
    if not row["city_text"].strip():
        return "no place is named in this row"
    known = places.names[places.names["key"] == row["key"]]
    if known.empty:
        return f"{row['city_text'].strip()!r} is no name of a prefecture-level unit"
    if row["province_code"] and row["province_code"] not in set(known["unit_province"]):
        return f"{row['city_text'].strip()!r} stands under {row['province_text'].strip()}, but lies in another province"
    first = known.sort_values("start").iloc[0]
    period = f"until {first['end']}" if first["end"] != OPEN_END else f"from {first['start']}"
    return f"{row['city_text'].strip()!r} names the unit {first['city_code']} {period}, not in {row['year']}"


def _hint(places: Places, key: str) -> str:
    if (places.names["key"] == key).any():
        return "a county-level city of that name? otherwise add the name with its years to seeds/city_aliases.csv"
    match = process.extractOne(key, sorted(set(places.names["key"])), score_cutoff=60) if key else None
    near = f"; nearest known name: {match[0]}" if match else ""
    return f"add an alias with its years to seeds/city_aliases.csv{near}"
