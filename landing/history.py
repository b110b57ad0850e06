"""Administrative history: who was a prefecture-level unit at a year's end, and what a study does with mergers.

Renames and upgrades of a prefecture continue the unit under its code. Where a unit was abolished, nothing maps by
itself: a study chooses, event by event, to drop the unit, to merge it into its successors, or to keep it to its last
year-end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from landing.dictionary import Dictionary, read_seed
from landing.place_names import unit_periods

CHOICES = ("drop", "drop_with_successors", "merge", "keep")
CITY_TYPES = ("地级市", "直辖市")


class HistoryError(ValueError):
    """A choice that cannot be carried out, with what is missing."""


@dataclass(frozen=True)
class Abolition:
    """A unit that ended: its last year-end and the units that took its territory (several after a split)."""

    event_id: str
    old_code: str
    last_year: int
    successors: tuple[str, ...]


@dataclass(frozen=True)
class HistoryResult:
    """`frame` after the choices, sorted by entity and time; `log`: event_id, choice, city_code, year, effect."""

    frame: pd.DataFrame
    log: pd.DataFrame


def load_events(seeds: Path) -> pd.DataFrame:
    """All events, `year` as integer."""
    events = pd.concat([read_seed(seeds, name) for name in ("city_events", "city_events_added")], ignore_index=True)
    return events.astype({"year": int})


def load_abolitions(seeds: Path) -> tuple[Abolition, ...]:
    """Abolished units from cities.csv and city_event_successors.csv, by last year."""
    ends = read_seed(seeds, "cities").set_index("city_code")["valid_to"]
    pairs = read_seed(seeds, "city_event_successors")
    missing = sorted(set(ends[ends.ne("")].index) - set(pairs["old_code"]))
    if missing:
        raise HistoryError(f"cities.csv ends {missing}, but city_event_successors.csv does not say who follows")
    found = [
        Abolition(str(event), str(old), int(ends[str(old)]), tuple(group["successor_code"]))
        for (event, old), group in pairs.groupby(["event_id", "old_code"], sort=False)
    ]
    return tuple(sorted(found, key=lambda event: (event.last_year, event.event_id)))


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


def merge_rules(dictionary: Dictionary, variables: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """(extensive variables, weight of each intensive variable) as the dictionary declares them.

    Raises HistoryError for variables that are neither: they cannot be merged.
    """
    rows = dictionary.indicators.set_index("variable")
    unknown = [
        v
        for v in variables
        if v not in rows.index or not (rows.at[v, "extensive"] == "true" or rows.at[v, "weight_variable"])
    ]
    if unknown:
        raise HistoryError(f"no merge rule for {unknown}: give it extensive or weight_variable in seeds/indicators.csv")
    extensive = [v for v in variables if rows.at[v, "extensive"] == "true"]
    return extensive, {v: str(rows.at[v, "weight_variable"]) for v in variables if v not in extensive}


def apply_history(
    df: pd.DataFrame,
    abolitions: Sequence[Abolition],
    choices: Mapping[str, str],
    *,
    extensive: Sequence[str] = (),
    weights: Mapping[str, str] | None = None,
    keep: Sequence[str] = (),
    shares: Mapping[str, Mapping[str, float]] | None = None,
    entity: str = "city_code",
    time: str = "year",
) -> HistoryResult:
    """Carry out one choice for every abolition whose unit stands in `df` (one row a unit and year).

    - `drop`: the abolished unit leaves the frame; `drop_with_successors`: so do the units that grew by it.
    - `merge`: up to its last year the unit is added to its successors and its own rows leave. `extensive` variables are
      summed, variables of `weights` become means weighted by the variable they name; `keep` columns stay the
      successor's. A sum or mean with a missing part is missing. A split needs `shares[event_id]`: successor to share
      of the abolished unit, adding up to 1; nothing is invented.
    - `keep`: the unit stays to its last year; later rows leave.

    Raises HistoryError for an unknown choice, a missing one, duplicate rows, columns without a rule, or a split
    without shares.
    """
    _check(df, abolitions, choices, entity, time)
    rules = _Rules(tuple(extensive), dict(weights or {}), tuple(keep), entity, time)
    frame, log = df.copy(), [pd.DataFrame(columns=["event_id", "choice", "city_code", "year", "effect"])]
    for event in abolitions:
        if not frame[entity].eq(event.old_code).any():
            continue
        choice = choices[event.event_id]
        if choice == "merge":
            frame, entries = _merge(frame, event, rules, _shares(event, shares or {}))
        else:
            frame, entries = _leave_out(frame, event, choice, rules)
        log.append(entries.assign(event_id=event.event_id, choice=choice))
    columns = ["event_id", "choice", "city_code", "year", "effect"]
    log_frame = pd.concat([part for part in log if len(part)] or log, ignore_index=True)[columns]
    return HistoryResult(frame.sort_values([entity, time], ignore_index=True), log_frame)


@dataclass(frozen=True)
class _Rules:
    extensive: tuple[str, ...]
    weights: dict[str, str]
    keep: tuple[str, ...]
    entity: str
    time: str


def _check(
    df: pd.DataFrame, abolitions: Sequence[Abolition], choices: Mapping[str, str], entity: str, time: str
) -> None:
    unknown = {event: choice for event, choice in choices.items() if choice not in CHOICES}
    if unknown:
        raise HistoryError(f"choices {unknown}; allowed: {list(CHOICES)}")
    events = {event.event_id for event in abolitions}
    strangers = sorted(set(choices) - events)
    if strangers:
        raise HistoryError(f"no such events: {strangers}; known: {sorted(events)}")
    present = {event.event_id for event in abolitions if df[entity].eq(event.old_code).any()}
    silent = sorted(present - set(choices))
    if silent:
        raise HistoryError(f"the frame holds units that ended in {silent}: choose one of {list(CHOICES)} for each")
    repeated = df.duplicated([entity, time], keep=False)
    if repeated.any():
        raise HistoryError(
            f"{int(repeated.sum())} rows repeat a {entity} and {time}, first: "
            f"{df.loc[repeated, [entity, time]].iloc[0].tolist()}"
        )


def _leave_out(frame: pd.DataFrame, event: Abolition, choice: str, rules: _Rules) -> tuple[pd.DataFrame, pd.DataFrame]:
    codes = [event.old_code, *event.successors] if choice == "drop_with_successors" else [event.old_code]
    gone = frame[rules.entity].isin(codes)
    if choice == "keep":
        gone &= frame[rules.time].gt(event.last_year)
    entries = (
        frame.loc[gone, [rules.entity, rules.time]].set_axis(["city_code", "year"], axis=1).assign(effect="dropped")
    )
    return frame[~gone], entries


def _shares(event: Abolition, shares: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    given = dict(shares.get(event.event_id, {}))
    if not given and len(event.successors) == 1:
        return {event.successors[0]: 1.0}
    if not given:
        raise HistoryError(
            f"{event.event_id}: {event.old_code} was split between {list(event.successors)}; "
            f"merge needs shares, or choose one of {[c for c in CHOICES if c != 'merge']}"
        )
    if set(given) - set(event.successors) or not np.isclose(sum(given.values()), 1.0) or min(given.values()) < 0:
        raise HistoryError(
            f"{event.event_id}: shares {given} must be >= 0, add up to 1 and name {list(event.successors)}"
        )
    return given


def _merge(
    frame: pd.DataFrame, event: Abolition, rules: _Rules, shares: dict[str, float]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    values = [c for c in frame.columns if c not in (rules.entity, rules.time, *rules.keep)]
    ruled = {*rules.extensive, *rules.weights}
    bare = sorted(set(values) - ruled)
    absent = sorted({w for v, w in rules.weights.items() if v in values} - set(frame.columns))
    if bare or absent:
        raise HistoryError(
            f"merge has no rule for the columns {bare} and lacks the weight columns {absent}: "
            "name them in extensive, weights or keep"
        )
    old = frame[frame[rules.entity].eq(event.old_code) & frame[rules.time].le(event.last_year)].set_index(rules.time)
    out = frame[frame[rules.entity].ne(event.old_code)].copy()
    entries = []
    for code, share in shares.items():
        rows = out.index[out[rules.entity].eq(code) & out[rules.time].le(event.last_year)]
        part = old.reindex(out.loc[rows, rules.time]).set_axis(rows)
        merged = _combine(out.loc[rows], part, share, [c for c in values if c in ruled], rules)
        out[merged.columns] = out[merged.columns].astype(dict.fromkeys(merged.columns, "float64"))
        out.loc[rows, merged.columns] = merged
        effect = np.where(part[rules.entity].isna(), "missing: the abolished unit has no row", "merged")
        entries.append(
            pd.DataFrame({"city_code": code, "year": out.loc[rows, rules.time].to_numpy(), "effect": effect})
        )
    return out, pd.concat(entries, ignore_index=True)


def _combine(own: pd.DataFrame, part: pd.DataFrame, share: float, values: Sequence[str], rules: _Rules) -> pd.DataFrame:
    """Sums w_i + s w_j and means (w_i x_i + s w_j x_j) / (w_i + s w_j); a missing part makes the result missing."""
    merged: dict[str, pd.Series] = {}
    for column in values:
        if column in rules.extensive:
            merged[column] = own[column] + share * part[column]
        else:
            w_own, w_part = own[rules.weights[column]], share * part[rules.weights[column]]
            total = (w_own + w_part).where(lambda w: w.ne(0))
            merged[column] = (w_own * own[column] + w_part * part[column]) / total
    return pd.DataFrame(merged, index=own.index, columns=list(values)).astype("float64")
