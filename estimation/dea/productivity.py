"""Malmquist-Luenberger indices of productivity: against each period's frontier (ML) and against the global one (GML).

With the score E (1 on the frontier; for the directional distance along (0, y0, b0) it is 1/(1 + D)):

- ML(t-1, t) = sqrt( E^{t-1}(t) / E^{t-1}(t-1) * E^t(t) / E^t(t-1) ), superscript the frontier, argument the data.
  Source: Chung, Faere and Grosskopf (1997), Journal of Environmental Management 51, 229-240. Without undesirable
  outputs and with the radial model it is the Malmquist index (Faere et al. 1994).
- GML(t-1, t) = E^G(t) / E^G(t-1) on the frontier of all periods together; circular.
  Source: Oh (2010), Journal of Productivity Analysis 34, 183-197; Pastor and Lovell (2005).

Both split into efficiency change E^t(t) / E^{t-1}(t-1) and the rest (technical change; for GML best-practice-gap change).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypedDict, Unpack, get_args

import numpy as np
import pandas as pd

from estimation.core.frame import EstimationError
from estimation.dea.data import parts
from estimation.dea.direction import directions
from estimation.dea.models import (
    EFFICIENT,
    BadTarget,
    Disposability,
    Model,
    Orientation,
    Outside,
    Rts,
    Specification,
    evaluate,
    slack_weights,
)
from estimation.dea.programs import Parts
from estimation.dea.solver import OPTIMAL

First = Literal["one", "missing"]
Frontier = Literal["contemporaneous", "sequential"]
Base = Literal["one", "efficiency"]

FIRST_PERIOD = "first period"
NO_PREVIOUS = "previous period missing"


@dataclass(frozen=True)
class Productivity:
    """A productivity index, one value a unit and period, in the order of the rows given.

    Attributes:
        index: (n,) change from the previous period: above 1 is growth; NaN where it has no value (see ``status``).
        efficiency_change, technical_change: (n,) its two factors.
        score: (n,) efficiency against the global frontier (GML) or the frontier of the own period (ML).
        cumulated: (n,) running product within the unit from its first period; NaN after a missing link.
        status: (n,) ``optimal``, ``first period``, ``previous period missing``, or the status of the program that failed
            with its frontier, e.g. ``infeasible (t on t-1)``.
        n_programs, n_infeasible: linear programs solved, and those among them without a solution.
        n_beyond: (n,) how many of the row's programs found the unit (or itself a period earlier) beyond the frontier it is held against: a
            score above one, possible against another period's frontier or a frozen one.
        entity, time: (n,) labels as given. options: the choices made.
    """

    index: np.ndarray
    efficiency_change: np.ndarray
    technical_change: np.ndarray
    score: np.ndarray
    cumulated: np.ndarray
    status: np.ndarray
    n_programs: int
    n_infeasible: int
    n_beyond: np.ndarray
    entity: np.ndarray
    time: np.ndarray
    options: Mapping[str, Any]

    def to_frame(self) -> pd.DataFrame:
        """One row a unit and period, in the order given."""
        names = ("entity", "time", "index", "efficiency_change", "technical_change", "score", "cumulated", "status")
        return pd.DataFrame({name: getattr(self, name) for name in names})


class ModelOptions(TypedDict, total=False):
    """Options of the efficiency model that `gml` and `ml` share; see `estimation.dea.dea`."""

    model: Model
    orientation: Orientation | None
    rts: Rts
    eps: float | tuple[float, ...] | None
    weights: str | tuple[np.ndarray, ...] | None
    disposability: Disposability | None
    direction: Any
    bad_target: BadTarget


def gml(
    X: Any,
    Y: Any,
    B: Any = None,
    *,
    entity: Any,
    time: Any,
    first: First = "one",
    base: Base = "one",
    frontier_rows: Any = None,
    **options: Unpack[ModelOptions],
) -> Productivity:
    """Global Malmquist-Luenberger index.

    Args:
        X, Y, B: (n, m), (n, s), (n, p), one row a unit and period. entity, time: (n,) labels of unit and period.
        first: value of the index in a unit's first period: 1, or missing.
        base: where ``cumulated`` starts: 1, or the efficiency of the first period.
        frontier_rows: (n,) mask of the rows that span the global frontier and set epsilon and weights (a frozen base, so that a later
            period changes no earlier value); None: all. A later row beyond that frontier is infeasible (ddf: scores above one).
        options: model, orientation, rts, eps, weights, disposability, direction, bad_target as in `estimation.dea.dea`. By
            default the directional distance of Oh (2010): direction (0, y0, b0), undesirables weakly disposable; for the
            other models orientation ``none`` and strong disposability. Epsilon and weights come from all frontier rows together.

    Raises:
        EstimationError: unusable data or options (also an unknown one, with the known ones), or a unit that appears twice in a period.
    """
    _check_names("gml", options)
    panel = _panel(X, Y, B, entity, time)
    spanning = _spanning(frontier_rows, len(panel.period))
    runs = _runs(panel, "infeasible", spanning, **options)
    overall = runs.scores(np.arange(len(panel.period)), np.flatnonzero(spanning), "global")
    own = runs.own_period("contemporaneous")
    now, before = panel.pairs()
    index, change = _blank(panel), _blank(panel)
    index[now] = overall[now] / overall[before]
    change[now] = own[now] / own[before]
    return _result(panel, runs, index, change, overall, first, base, {"frontier": "global"})


def ml(
    X: Any,
    Y: Any,
    B: Any = None,
    *,
    entity: Any,
    time: Any,
    outside: Outside = "infeasible",
    frontier: Frontier = "contemporaneous",
    first: First = "one",
    base: Base = "one",
    **options: Unpack[ModelOptions],
) -> Productivity:
    """Malmquist-Luenberger index against the frontiers of adjacent periods.

    Args: as `gml`, and
        outside: sbm, farthest: a unit beyond the other period's frontier is infeasible (counted; its index is missing), or
            scored by super-SBM.
        frontier: of each period's own units, or ``sequential``: of all periods up to it.

    Raises:
        EstimationError: as `gml`.
    """
    if frontier not in get_args(Frontier):
        raise EstimationError(f"frontier={frontier!r} is not one of {', '.join(get_args(Frontier))}")
    _check_names("ml", options)
    panel = _panel(X, Y, B, entity, time)
    runs = _runs(panel, outside, np.ones(len(panel.period), dtype=bool), **options)
    own = runs.own_period(frontier)
    index, change = _blank(panel), _blank(panel)
    now, before = panel.pairs()
    for period in range(1, len(panel.periods)):
        here = panel.period[now] == period
        current, previous = now[here], before[here]
        on_old = runs.scores(current, panel.reference(period - 1, frontier), "t on t-1", report=current)
        old_on_new = runs.scores(previous, panel.reference(period, frontier), "t-1 on t", report=current)
        index[current] = np.sqrt(on_old / own[previous] * own[current] / old_on_new)
        change[current] = own[current] / own[previous]
    return _result(panel, runs, index, change, own, first, base, {"frontier": frontier, "outside": outside})


def _check_names(function: str, options: Mapping[str, Any]) -> None:
    """Raise an EstimationError for an option that the efficiency models do not have."""
    unknown = sorted(set(options) - set(ModelOptions.__annotations__))
    if unknown:
        known = ", ".join(ModelOptions.__annotations__)
        raise EstimationError(
            f"{function} has no option {', '.join(unknown)}; options of the efficiency model: {known}"
        )


@dataclass(frozen=True)
class _Panel:
    """Checked units with integer codes of unit and period (sorted labels)."""

    units: Parts
    entity: np.ndarray
    time: np.ndarray
    unit: np.ndarray
    period: np.ndarray
    periods: np.ndarray

    def pairs(self) -> tuple[np.ndarray, np.ndarray]:
        """Rows that have the period before, and the rows of that period."""
        position = pd.Series(np.arange(len(self.unit)), index=pd.MultiIndex.from_arrays([self.unit, self.period]))
        before = position.reindex(pd.MultiIndex.from_arrays([self.unit, self.period - 1])).to_numpy()
        now = np.flatnonzero(~np.isnan(before))
        return now, before[now].astype(int)

    def reference(self, period: int, frontier: str) -> np.ndarray:
        """Rows that span the frontier of a period."""
        return np.flatnonzero(self.period <= period if frontier == "sequential" else self.period == period)


def _panel(X: Any, Y: Any, B: Any, entity: Any, time: Any) -> _Panel:
    units = parts(X, Y, B)
    labels, times = np.asarray(entity), np.asarray(time)
    if labels.shape != (len(units.x),) or times.shape != (len(units.x),):
        raise EstimationError(f"entity and time must hold one label a row ({len(units.x)}); they do not")
    if pd.isna(labels).any() or pd.isna(times).any():
        raise EstimationError("entity or time is missing in some rows")
    unit, _ = pd.factorize(labels, sort=True)
    period, periods = pd.factorize(times, sort=True)
    twice = pd.DataFrame({"unit": unit, "period": period}).duplicated()
    if twice.any():
        row = int(np.flatnonzero(twice)[0])
        raise EstimationError(f"{labels[row]} appears more than once in {times[row]}; keep one row each")
    return _Panel(units, labels, times, unit, period, np.asarray(periods))


def _spanning(rows: Any, n: int) -> np.ndarray:
    """(n,) mask of the rows that span the global frontier."""
    if rows is None:
        return np.ones(n, dtype=bool)
    mask = np.asarray(rows)
    if mask.shape != (n,) or mask.dtype.kind != "b" or not mask.any():
        raise EstimationError(f"frontier_rows must be a mask of length {n} that holds at least one row")
    return mask


def _runs(
    panel: _Panel,
    outside: Outside,
    spanning: np.ndarray,
    *,
    model: Model = "ddf",
    orientation: Orientation | None = None,
    rts: Rts = "crs",
    eps: float | tuple[float, ...] | None = None,
    weights: str | tuple[np.ndarray, ...] | None = None,
    disposability: Disposability | None = None,
    direction: Any = None,
    bad_target: BadTarget = "phi",
) -> _Runs:
    """The specification with the defaults of its model, ready to score."""
    directional = model == "ddf"
    reference = Parts(*(values[spanning] for values in panel.units))
    slack = slack_weights(model, panel.units.sizes, eps, weights, reference)
    side: Orientation = orientation or ("out" if directional else "none")
    disposal: Disposability = disposability or ("weak" if directional else "strong")
    specification = Specification(model, side, rts, disposal, bad_target, outside, slack)
    return _Runs(panel, specification, directions(direction, panel.units, model, side))


class _Runs:
    """Scores rows against frontiers and keeps count of what could not be solved."""

    def __init__(self, panel: _Panel, specification: Specification, direction: Parts | None) -> None:
        self.panel, self.specification = panel, specification
        self._direction = direction
        self.n_programs = 0
        self.n_infeasible = 0
        self.n_beyond = np.zeros(len(panel.period), dtype=int)
        self.failed = np.full(len(panel.period), "", dtype=object)

    def scores(
        self, rows: np.ndarray, reference: np.ndarray, name: str, report: np.ndarray | None = None
    ) -> np.ndarray:
        """(len(rows),) scores of rows against reference rows; failures are noted for ``report`` (default: rows)."""
        if len(rows) == 0:
            return np.empty(0)
        units, others = (Parts(*(v[chosen] for v in self.panel.units)) for chosen in (rows, reference))
        direction = None if self._direction is None else Parts(*(g[rows] for g in self._direction))
        found = evaluate(units, others, self.specification, direction=direction, details=False)
        missing, places = found.status != OPTIMAL, rows if report is None else report
        self.n_programs += len(rows)
        self.n_infeasible += int(missing.sum())
        self.n_beyond[places] += found.score > 1 + EFFICIENT
        for row, status in zip(places[missing], found.status[missing], strict=True):
            self.failed[row] = self.failed[row] or f"{status} ({name})"
        return found.score

    def own_period(self, frontier: str) -> np.ndarray:
        """(n,) scores against the frontier of the own period."""
        result = np.full(len(self.panel.period), np.nan)
        for period in range(len(self.panel.periods)):
            rows = np.flatnonzero(self.panel.period == period)
            result[rows] = self.scores(rows, self.panel.reference(period, frontier), "own period")
        return result


def _blank(panel: _Panel) -> np.ndarray:
    return np.full(len(panel.period), np.nan)


def _result(
    panel: _Panel,
    runs: _Runs,
    index: np.ndarray,
    change: np.ndarray,
    score: np.ndarray,
    first: str,
    base: str,
    options: dict[str, Any],
) -> Productivity:
    for name, value, allowed in (("first", first, First), ("base", base, Base)):
        if value not in get_args(allowed):
            raise EstimationError(f"{name}={value!r} is not one of {', '.join(get_args(allowed))}")
    technical = index / change
    starts = panel.period == pd.Series(panel.period).groupby(panel.unit).transform("min").to_numpy()
    now, _ = panel.pairs()
    gap = ~starts
    gap[now] = False
    status = np.where(runs.failed != "", runs.failed, OPTIMAL)
    status = np.where(
        starts, np.where(runs.failed != "", runs.failed, FIRST_PERIOD), np.where(gap, NO_PREVIOUS, status)
    )
    cumulated = _cumulated(panel, index, starts, score if base == "efficiency" else np.ones(len(score)))
    if first == "one":
        for values in (index, change, technical):
            values[starts] = 1.0
    return Productivity(
        index=index,
        efficiency_change=change,
        technical_change=technical,
        score=score,
        cumulated=cumulated,
        status=status,
        n_programs=runs.n_programs,
        n_infeasible=runs.n_infeasible,
        n_beyond=runs.n_beyond,
        entity=panel.entity,
        time=panel.time,
        options={**vars(runs.specification), "first": first, "base": base, **options},
    )


def _cumulated(panel: _Panel, index: np.ndarray, starts: np.ndarray, base: np.ndarray) -> np.ndarray:
    """(n,) running product of the index within units; a missing link makes the rest missing."""
    order = np.lexsort((panel.period, panel.unit))
    factors = pd.Series(np.where(starts, base, index)[order])
    missing = factors.isna().groupby(panel.unit[order]).cummax()
    products = factors.fillna(1.0).groupby(panel.unit[order]).cumprod().mask(missing)
    result = np.empty(len(index))
    result[order] = products.to_numpy()
    return result
