"""What a study does with units that were abolished: drop them, merge them into their successors, or keep them to their last year.

Renames and upgrades of a prefecture continue the unit under its code. Where a unit was abolished, nothing maps by itself: a study chooses, event by
event (seeds/study_events.csv).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from estimation.core.frame import EstimationError

CHOICES = ("drop", "drop_with_successors", "merge", "keep")


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


def study_panels(
    panel: pd.DataFrame, chosen: pd.DataFrame, cities: pd.DataFrame, successors: pd.DataFrame, indicators: pd.DataFrame
) -> pd.DataFrame:
    """The panels of the studies that do not simply keep abolished units, one row a (study, city_code, year).

    Args:
        panel: city_code, year and a column a variable. chosen: study, event_id, choice (an event without a choice is kept).
        cities: city_code, valid_to. successors: event_id, old_code, successor_code.
        indicators: variable, extensive, weight_variable; variables without a rule have no column in the result.

    Raises:
        EstimationError: as `apply_history`.
    """
    last = {str(code): year for code, year in zip(cities["city_code"], cities["valid_to"], strict=True)}
    abolitions = [
        Abolition(str(event), str(old), int(last[str(old)]), tuple(rows["successor_code"]))
        for (event, old), rows in successors.groupby(["event_id", "old_code"])
    ]
    rules = indicators[indicators["variable"].isin(panel.columns)]
    summed = rules["extensive"].astype(bool)
    extensive = [str(name) for name in rules.loc[summed, "variable"]]
    averaged = rules.loc[~summed].dropna(subset=["weight_variable"])
    weights = dict(zip(averaged["variable"].astype(str), averaged["weight_variable"].astype(str), strict=True))
    ruled = panel[["city_code", "year", *extensive, *weights]]
    parts = [ruled.iloc[:0].assign(study=pd.Series(dtype="str"))]
    for study, rows in chosen.groupby("study"):
        if (rows["choice"] != "keep").any():
            choices = {a.event_id: "keep" for a in abolitions} | dict(
                zip(rows["event_id"], rows["choice"], strict=True)
            )
            done = apply_history(ruled, abolitions, choices, extensive=extensive, weights=weights)
            parts.append(done.frame.assign(study=study))
    return pd.concat(parts, ignore_index=True).astype({"city_code": "str", "study": "str"})


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

    Raises EstimationError for an unknown choice, a missing one, duplicate rows, columns without a rule, or a split
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
        raise EstimationError(f"choices {unknown}; allowed: {list(CHOICES)}")
    events = {event.event_id for event in abolitions}
    strangers = sorted(set(choices) - events)
    if strangers:
        raise EstimationError(f"no such events: {strangers}; known: {sorted(events)}")
    present = {event.event_id for event in abolitions if df[entity].eq(event.old_code).any()}
    silent = sorted(present - set(choices))
    if silent:
        raise EstimationError(f"the frame holds units that ended in {silent}: choose one of {list(CHOICES)} for each")
    repeated = df.duplicated([entity, time], keep=False)
    if repeated.any():
        raise EstimationError(
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
        raise EstimationError(
            f"{event.event_id}: {event.old_code} was split between {list(event.successors)}; "
            f"merge needs shares, or choose one of {[c for c in CHOICES if c != 'merge']}"
        )
    if set(given) - set(event.successors) or not np.isclose(sum(given.values()), 1.0) or min(given.values()) < 0:
        raise EstimationError(
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
        raise EstimationError(
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
