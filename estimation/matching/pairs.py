"""Propensity-score matching (the regression on the matched sample is in `estimation.matching.matched_did`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import pandas as pd

from estimation.core.frame import EstimationError, PanelFrame, panel_frame
from estimation.core.terms import names
from estimation.matching.balance import balance_table, effective_sample_size
from estimation.matching.nearest import Neighbours, with_replacement, without_replacement
from estimation.matching.propensity import Logit, fit_logit

CaliperUnit = Literal["sd_ps", "sd_logit", "absolute"]
Ties = Literal["average", "first"]
Discard = Literal["none", "treated", "control", "both"]

ALL = "all"


@dataclass(frozen=True)
class MatchResult:
    """Matches of a propensity-score matching. Series are indexed like the frame given.

    Attributes:
        ps: propensity scores (NaN where a covariate is missing or no score could be estimated).
        weights: 1 for a matched treated row, the sum of its shares for a control (Stata psmatch2's ``_weight``), else
            0.
        pairs: one row a match: ``treated``, ``match`` (entities), ``treated_time``, ``match_time``, ``k`` (1 the
            nearest), ``distance``, ``weight`` (share of the treated row's match), ``by``.
        balance: see `estimation.matching.balance.balance_table`; first row the propensity score.
        common_support: one row a group: bounds of the overlap of the scores, rows of each kind, rows outside the
            overlap, rows matched, effective number of controls, and a note where nothing could be matched.
        on_support: whether a row's score lies in the overlap.
        logit: coefficients, one column a group. logit_se: their standard errors.
        convention: every choice in words.
    """

    ps: pd.Series
    weights: pd.Series
    pairs: pd.DataFrame
    balance: pd.DataFrame
    common_support: pd.DataFrame
    on_support: pd.Series
    logit: pd.DataFrame
    logit_se: pd.DataFrame
    convention: str

    @property
    def n_unmatched(self) -> int:
        """Treated rows with a score but without a match."""
        return int((self.common_support["n_treated"] - self.common_support["matched_treated"]).sum())


def match(
    df: pd.DataFrame,
    treat: str,
    x: str | Sequence[str],
    *,
    k: int = 1,
    replace: bool = False,
    caliper: float | None = None,
    caliper_unit: CaliperUnit = "sd_ps",
    ties: Ties = "average",
    by: str | None = None,
    discard: Discard = "none",
    entity: str = "city_code",
    time: str = "year",
) -> MatchResult:
    """Nearest neighbours on a logit propensity score (Rosenbaum and Rubin 1983).

    Distances are taken on the probability, on the linear predictor if ``caliper_unit="sd_logit"``. Without
    replacement the treated row with the largest score chooses first, in k rounds; a control is used once, so ties
    cannot be averaged and go to the smallest key (``ties="average"``) or the first row of the frame (``ties="first"``).

    Args:
        df: long frame, one row an (entity, time). treat: 0/1 column, e.g. the group of pilot cities. x: covariates.
        k: matches a treated row. replace: whether a control may be used again.
        caliper: largest distance, in standard deviations of the score (``sd_ps``, ``sd_logit``) or in its own unit.
        by: column; score and matches are found within each of its values, e.g. period by period. None: all rows pooled.
        discard: rows outside the overlap of the scores that may not be matched.

    Raises:
        EstimationError: unusable input, no covariate, ``treat`` not 0/1, an unknown option, collinear covariates, treatment perfectly
            predicted, or (with ``by``) no group with matches. A group that alone fails is noted in ``common_support``.
    """
    covariates = names(x)
    if not covariates:
        raise EstimationError("x names no covariate: there is nothing to match on")
    _check_options(k, caliper, caliper_unit, ties, discard)
    rows = df.assign(**{_ROW: np.arange(len(df))})
    frame = panel_frame(rows, [treat, *covariates, _ROW], entity=entity, time=time, keep=[by] if by else [])
    treated = binary_treatment(frame, treat, entity, time)
    settings = _Settings(k, replace, caliper, caliper_unit, ties, discard)
    groups = frame.data[by] if by else pd.Series(ALL, index=frame.data.index)
    pieces = [
        _match_group(frame, treated, covariates, np.flatnonzero(groups == label), settings, label, by is not None)
        for label in sorted(groups.dropna().unique())
    ]
    if not any(len(piece.rows) for piece in pieces):
        raise EstimationError(
            f"no value of {by} has matches: {pieces[0].note}" if pieces else f"{by} is always missing"
        )
    return _assemble(df, frame, treated, covariates, pieces, settings, by, (entity, time))


_ROW = "__row__"


@dataclass(frozen=True)
class _Settings:
    k: int
    replace: bool
    caliper: float | None
    caliper_unit: CaliperUnit
    ties: Ties
    discard: Discard


@dataclass(frozen=True)
class _Group:
    """Matches within one group; ``rows`` are positions in the panel frame, empty if nothing could be estimated."""

    label: object
    rows: np.ndarray
    score: Logit | None
    low: float
    high: float
    inside: np.ndarray
    treated_rows: np.ndarray
    control_rows: np.ndarray
    neighbours: list[Neighbours]
    counts: tuple[int, int]
    note: str = ""


def _check_options(k: int, caliper: float | None, unit: str, ties: str, discard: str) -> None:
    for name, value, allowed in (
        ("caliper_unit", unit, CaliperUnit), ("ties", ties, Ties), ("discard", discard, Discard)
    ):  # fmt: skip
        if value not in get_args(allowed):
            raise EstimationError(f"{name}={value!r} is not one of {', '.join(get_args(allowed))}")
    if k < 1 or int(k) != k:
        raise EstimationError(f"k={k} must be a positive whole number")
    if caliper is not None and not caliper > 0:
        raise EstimationError(f"caliper={caliper} must be positive (None: no caliper)")


def binary_treatment(frame: PanelFrame, treat: str, entity: str, time: str) -> np.ndarray:
    """(n,) treatment column, checked to hold 0 and 1 only."""
    values = frame.array(treat)
    other = ~np.isin(values, (0, 1))
    if other.any():
        keys = frame.data.loc[other, [entity, time]].head(3).itertuples(index=False, name=None)
        raise EstimationError(f"{treat} must be 0 or 1; other values in {other.sum()} row(s), e.g. {list(keys)}")
    return values


def _match_group(
    frame: PanelFrame,
    treated: np.ndarray,
    covariates: Sequence[str],
    rows: np.ndarray,
    settings: _Settings,
    label: object,
    tolerant: bool,
) -> _Group:
    d = treated[rows]
    counts = (int(d.sum()), int((1 - d).sum()))
    empty = np.empty(0, dtype=int)
    try:
        if min(counts) == 0:
            raise EstimationError(f"no {'treated' if counts[0] == 0 else 'control'} row: nothing to match")
        score = fit_logit(frame.array(list(covariates))[rows], d, covariates)
    except EstimationError as error:
        if not tolerant:
            raise
        return _Group(label, empty, None, np.nan, np.nan, empty, empty, empty, [], counts, str(error))
    s = score.linear if settings.caliper_unit == "sd_logit" else score.ps
    low = max(s[d > 0].min(), s[d == 0].min())
    high = min(s[d > 0].max(), s[d == 0].max())
    inside = (s >= low) & (s <= high)
    one, zero = (np.flatnonzero(_usable(d, inside, settings.discard, side)) for side in (1, 0))
    order = _tie_order(frame, rows, settings.ties)
    limit = np.inf if settings.caliper is None else settings.caliper
    if settings.caliper_unit != "absolute":
        limit = limit * float(np.std(s, ddof=1))
    if settings.replace:
        average = settings.ties == "average"
        neighbours = with_replacement(s[one], s[zero], order[zero], settings.k, limit, average)
    else:
        neighbours = without_replacement(s[one], s[zero], order[one], order[zero], settings.k, limit)
    return _Group(label, rows, score, float(low), float(high), inside, rows[one], rows[zero], neighbours, counts)


def _usable(d: np.ndarray, inside: np.ndarray, discard: Discard, side: int) -> np.ndarray:
    strict = discard == "both" or discard == ("treated" if side else "control")
    return (d == side) & (inside if strict else True)


def _tie_order(frame: PanelFrame, rows: np.ndarray, ties: Ties) -> np.ndarray:
    """Rank that breaks ties: row of the given frame (``first``) or sorted key."""
    return frame.data[_ROW].to_numpy()[rows] if ties == "first" else rows


def _assemble(
    df: pd.DataFrame,
    frame: PanelFrame,
    treated: np.ndarray,
    covariates: Sequence[str],
    groups: Sequence[_Group],
    settings: _Settings,
    by: str | None,
    keys: tuple[str, str],
) -> MatchResult:
    n = len(treated)
    ps, weights, inside = np.full(n, np.nan), np.zeros(n), np.zeros(n, dtype=bool)
    for group in groups:
        if group.score is None:
            continue
        ps[group.rows], inside[group.rows] = group.score.ps, group.inside
        for row, found in zip(group.treated_rows, group.neighbours, strict=True):
            weights[row] = float(len(found.controls) > 0)
            np.add.at(weights, group.control_rows[found.controls], found.shares)
    scored = ~np.isnan(ps)
    values = {"ps": ps[scored]} | {name: frame.array(name)[scored] for name in covariates}
    original = frame.data[_ROW].to_numpy().astype(int)
    fitted = [group for group in groups if group.score is not None]
    return MatchResult(
        ps=restored(df, original, ps, np.nan).rename("ps"),
        weights=restored(df, original, weights, 0.0).rename("weight"),
        pairs=_pairs(frame, fitted, by, keys),
        balance=balance_table(values, treated[scored], weights[scored]),
        common_support=_support_table(groups, weights, treated),
        on_support=restored(df, original, inside, 0.0).astype(bool).rename("on_support"),
        logit=pd.DataFrame({group.label: group.score.coef for group in fitted if group.score}),
        logit_se=pd.DataFrame({group.label: group.score.se for group in fitted if group.score}),
        convention=_describe(settings, by),
    )


def restored(df: pd.DataFrame, rows: np.ndarray, values: np.ndarray, missing: float) -> pd.Series:
    """Values of panel rows as a Series over the rows of the frame given."""
    full = np.full(len(df), missing)
    full[rows] = values
    return pd.Series(full, index=df.index)


def _pairs(frame: PanelFrame, groups: Sequence[_Group], by: str | None, keys: tuple[str, str]) -> pd.DataFrame:
    entity, time = (frame.data[key].to_numpy() for key in keys)
    columns: dict[str, list] = {
        name: [] for name in ("treated", "match", "k", "distance", "weight", "treated_time", "match_time", "by")
    }
    for group in groups:
        for row, found in zip(group.treated_rows, group.neighbours, strict=True):
            controls = group.control_rows[found.controls]
            columns["treated"] += [entity[row]] * len(controls)
            columns["match"] += list(entity[controls])
            columns["treated_time"] += [time[row]] * len(controls)
            columns["match_time"] += list(time[controls])
            columns["k"] += list(found.ranks)
            columns["distance"] += list(found.distances)
            columns["weight"] += list(found.shares)
            columns["by"] += [group.label] * len(controls)
    table = pd.DataFrame(columns)
    return table if by else table.drop(columns="by")


def _support_table(groups: Sequence[_Group], weights: np.ndarray, treated: np.ndarray) -> pd.DataFrame:
    table = []
    for group in groups:
        d, w = treated[group.rows], weights[group.rows]
        table.append(
            {
                "group": group.label,
                "low": group.low,
                "high": group.high,
                "n_treated": group.counts[0],
                "n_control": group.counts[1],
                "outside_treated": int((~group.inside[d > 0]).sum()),
                "outside_control": int((~group.inside[d == 0]).sum()),
                "matched_treated": int(((w > 0) & (d > 0)).sum()),
                "matched_control": int(((w > 0) & (d == 0)).sum()),
                "effective_control": effective_sample_size(w[d == 0]),
                "note": group.note,
            }
        )
    return pd.DataFrame(table).set_index("group")


def _describe(settings: _Settings, by: str | None) -> str:
    where = f"within each {by}" if by else "all rows pooled"
    scale = "linear predictor" if settings.caliper_unit == "sd_logit" else "propensity score"
    how = (
        f"with replacement, tied distances (1e-12) {'averaged' if settings.ties == 'average' else 'to the first row'}"
        if settings.replace
        else "without replacement, largest score first, ties to the "
        + ("smallest key" if settings.ties == "average" else "first row")
    )
    caliper = "no caliper" if settings.caliper is None else f"caliper {settings.caliper:g} ({settings.caliper_unit})"
    return (
        f"Logit, {where}; {settings.k} nearest on the {scale}, {how}; {caliper}; outside the overlap discarded: "
        f"{settings.discard}. Standardised differences divide by the treated standard deviation before matching."
    )
