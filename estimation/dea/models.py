"""Evaluation of units against a frontier: one specification, one pass over the units."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Literal, get_args

import numpy as np

from estimation.core.frame import EstimationError
from estimation.dea.affinity import affinity
from estimation.dea.closest import closest_target
from estimation.dea.data import Scaled, require_positive, scaled
from estimation.dea.direction import directional_score
from estimation.dea.programs import (
    INF,
    Parts,
    RatioModel,
    directional_program,
    positive_scale,
    ratio_program,
    reference_rows,
    slack_program,
    super_program,
)
from estimation.dea.solver import INFEASIBLE, OPTIMAL, ReferenceSolver, Solution

Model = Literal["radial", "sbm", "ebm", "ddf", "closest", "farthest"]
Orientation = Literal["none", "in", "out"]
Rts = Literal["crs", "vrs"]
Disposability = Literal["strong", "weak"]
BadTarget = Literal["phi", "two_minus_phi"]
Outside = Literal["infeasible", "super"]

EFFICIENT = 1e-7
_SLACK_MODELS = ("sbm", "ebm", "closest", "farthest")
_ROUNDING = 1e-9
_FLOOR, _CAP, _ONE, _FREE = (0.0, INF), (-INF, 0.0), (0.0, 0.0), (-INF, INF)


@dataclass(frozen=True)
class Specification:
    """The choices of `estimation.dea.dea`, checked; see there."""

    model: Model = "radial"
    orientation: Orientation = "none"
    rts: Rts = "crs"
    disposability: Disposability = "strong"
    bad_target: BadTarget = "phi"
    outside: Outside = "infeasible"
    slack_weights: Parts | None = None

    def __post_init__(self) -> None:
        choices = {
            "model": Model,
            "orientation": Orientation,
            "rts": Rts,
            "disposability": Disposability,
            "bad_target": BadTarget,
            "outside": Outside,
        }
        for name, allowed in choices.items():
            if getattr(self, name) not in get_args(allowed):
                raise EstimationError(f"{name}={getattr(self, name)!r} is not one of {', '.join(get_args(allowed))}")
        self._refuse(self.disposability == "weak", "disposability='weak'", ("radial", "ebm", "ddf"))
        self._refuse(self.bad_target == "two_minus_phi", "bad_target='two_minus_phi'", ("radial", "ebm"))
        self._refuse(self.outside == "super", "outside='super'", ("sbm", "farthest"))
        if self.orientation != "none" and (self.model == "closest" or self.outside == "super"):
            what = "model='closest'" if self.model == "closest" else "outside='super'"
            raise EstimationError(f"{what} takes orientation='none' only, not {self.orientation!r}")

    def _refuse(self, chosen: bool, option: str, models: tuple[str, ...]) -> None:
        if chosen and self.model not in models:
            raise EstimationError(f"{option} is defined for model {', '.join(models)}; not for {self.model!r}")

    @property
    def vrs(self) -> bool:
        """Whether returns to scale are variable."""
        return self.rts == "vrs"

    @property
    def ratio_model(self) -> RatioModel:
        """The member of the ratio family (radial, SBM, EBM, farthest)."""
        weights = self.slack_weights
        if weights is None:
            raise EstimationError(f"model={self.model!r} has no slack weights")
        if self.orientation == "in":
            weights = Parts(weights.x, 0 * weights.y, 0 * weights.b)
        elif self.orientation == "out":
            weights = Parts(0 * weights.x, weights.y, weights.b)
        theta, phi = self._radial_bounds(has_b=len(weights.b) > 0)
        free = self.disposability == "strong"
        return RatioModel(weights, theta, phi, free, self.bad_target == "two_minus_phi", self.vrs)

    def _radial_bounds(self, has_b: bool) -> tuple[tuple[float, float], tuple[float, float]]:
        if self.model in ("sbm", "farthest"):
            return _ONE, _ONE
        if self.model == "radial" and (
            self.orientation == "in" or not (self.orientation == "out" or self.vrs or has_b)
        ):
            # Without undesirables theta / phi under constant returns is theta with phi = 1 (homogeneity).
            return _FREE, _ONE
        if self.model == "radial" and self.orientation == "out":
            return _ONE, _FREE
        return (_ONE if self.orientation == "out" else _CAP), (_ONE if self.orientation == "in" else _FLOOR)


@dataclass
class Evaluation:
    """Results of `evaluate`, filled unit by unit; arrays in original units (see `estimation.dea.DeaResult`)."""

    score: np.ndarray
    distance: np.ndarray
    status: np.ndarray
    slacks: Parts
    targets: Parts
    lambdas: np.ndarray


def slack_weights(
    model: Model,
    sizes: tuple[int, int, int],
    eps: float | tuple[float, ...] | None,
    weights: str | tuple[np.ndarray, ...] | None,
    data: Parts,
) -> Parts:
    """Weights of the relative slacks, the epsilons multiplied in.

    SBM, closest, farthest: 1/m for inputs, 1/(s + p) for outputs and undesirables. Radial: zero. EBM: epsilon and weights
    as given, what is not given from the affinity of ``data``; ``"equal"`` weights are those of SBM.

    Raises:
        EstimationError: epsilon outside [0, 1], weights that are negative or do not fit the data.
    """
    m, s, p = sizes
    equal = Parts(np.full(m, 1 / m), np.full(s, 1 / (s + p)), np.full(p, 1 / (s + p)))
    if model != "ebm":
        if eps is not None or weights is not None:
            raise EstimationError(f"eps and weights are options of model='ebm', not of {model!r}")
        return Parts(*(0 * w for w in equal)) if model in ("radial", "ddf") else equal
    require_positive(data, model)
    found = [affinity(values) if values.shape[1] else None for values in data]
    if isinstance(weights, str):
        if weights != "equal":
            raise EstimationError(f"weights={weights!r} is not one of equal, None (affinity) or arrays (x, y[, b])")
        shares = equal
    elif weights is None:
        shares = Parts(*(np.empty(0) if a is None else a.weights for a in found))
    else:
        shares = _given_weights(weights, sizes)
    epsilons = [0.0 if a is None else a.eps for a in found] if eps is None else _given_epsilons(eps)
    return Parts(*(epsilon * share for epsilon, share in zip(epsilons, shares, strict=True)))


def _given_weights(weights: tuple[np.ndarray, ...], sizes: tuple[int, int, int]) -> Parts:
    try:
        arrays = [np.asarray(w, dtype=float).ravel() for w in weights]
    except (TypeError, ValueError) as error:
        raise EstimationError(
            f"weights={weights!r} is not one of equal, None (affinity) or arrays (x, y[, b])"
        ) from error
    if len(arrays) == 2 and sizes[2] == 0:
        arrays.append(np.empty(0))
    if tuple(len(a) for a in arrays) != sizes:
        raise EstimationError(f"weights must have lengths {sizes} (inputs, outputs, undesirables); they do not")
    if any((~np.isfinite(a)).any() or (a < 0).any() for a in arrays):
        raise EstimationError("weights must be finite and not negative")
    return Parts(*arrays)


def _given_epsilons(eps: float | tuple[float, ...]) -> list[float]:
    try:
        values = [float(eps)] * 3 if np.isscalar(eps) else [float(e) for e in eps]  # type: ignore[union-attr,arg-type]
    except (TypeError, ValueError):
        values = []
    if len(values) == 2:
        values.append(0.0)
    if len(values) != 3 or not all(0 <= e <= 1 for e in values):
        raise EstimationError(f"eps={eps} must be a number in [0, 1], or one each for inputs, outputs[, undesirables]")
    return values


def evaluate(
    units: Parts,
    reference: Parts,
    specification: Specification,
    *,
    direction: Parts | None = None,
    second_stage: bool = True,
    details: bool = True,
) -> Evaluation:
    """Score every unit against the frontier of the reference units.

    Args:
        direction: of the directional distance, (n, m), (n, s), (n, p) in original units.
        second_stage: whether slacks that the score ignores are maximised afterwards.
        details: whether slacks, targets and weights are wanted; without them only scores are filled.
    """
    if specification.model in _SLACK_MODELS:
        require_positive(units, specification.model)
        require_positive(reference, specification.model)
    scale = scaled(units, reference, specification.vrs)
    result = _empty(units, len(reference.x) if details else 0)
    directions = None if direction is None else scale.direction(direction)
    first = _first_stage(scale, specification, directions)
    finish = _SecondStage(scale, specification) if second_stage and details else None
    for i, outcome in enumerate(first):
        result.status[i] = outcome.status
        if outcome.status != OPTIMAL:
            continue
        result.score[i], result.distance[i] = outcome.score, outcome.distance
        if finish is not None and outcome.unfinished:
            outcome = finish.improve(i, outcome)
        if details:
            _record(result, reference, units, scale, i, outcome)
    return result


@dataclass(frozen=True)
class _Outcome:
    """One unit: radial projection on the scaled data, peers with scaled weights."""

    status: str
    score: float = np.nan
    distance: float = np.nan
    projection: Parts | None = None
    peers: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=int))
    lambdas: np.ndarray = field(default_factory=lambda: np.empty(0))
    unfinished: bool = False


def _first_stage(scale: Scaled, specification: Specification, directions: Parts | None) -> Iterator[_Outcome]:
    if specification.model == "ddf":
        return _directional(scale, specification, directions)
    if specification.model == "closest":
        return _closest(scale, specification)
    return _ratio(scale, specification)


def _ratio(scale: Scaled, specification: Specification) -> Iterator[_Outcome]:
    model = specification.ratio_model
    solver = ReferenceSolver(reference_rows(scale.reference, 3, model.vrs))
    beyond = _super_solver(scale, specification)
    m, s, p = scale.units.sizes
    ignored = (np.concatenate(model.weights)[: m + s + (p if model.free_b else 0)] == 0).any()
    for i in range(len(scale.units.x)):
        unit = scale.units.row(i)
        solution = solver.solve(ratio_program(unit, model))
        if solution.status == INFEASIBLE and beyond is not None:
            yield _beyond(beyond.solve(super_program(unit, model.weights, model.vrs)), unit)
            continue
        if solution.status != OPTIMAL:
            yield _Outcome(solution.status)
            continue
        t, theta, phi = solution.own[:3]
        factor_b = 2 - phi / t if model.contract_b else phi / t
        projection = Parts(theta / t * unit.x, phi / t * unit.y, factor_b * unit.b)
        distance = solution.value
        if specification.model == "radial" and specification.orientation == "out":
            distance = phi / t
        yield _Outcome(
            OPTIMAL, solution.value, distance, projection, solution.peers, solution.lambdas / t, bool(ignored)
        )


def _super_solver(scale: Scaled, specification: Specification) -> ReferenceSolver | None:
    if specification.outside != "super":
        return None
    return ReferenceSolver(reference_rows(scale.reference, 1 + scale.units.sizes[1], specification.vrs))


def _beyond(solution: Solution, unit: Parts) -> _Outcome:
    """Super-SBM: the unit itself is the projection, its slacks are worsenings (negative)."""
    if solution.status != OPTIMAL:
        return _Outcome(solution.status)
    t = solution.own[0]
    return _Outcome(OPTIMAL, solution.value, solution.value, unit, solution.peers, solution.lambdas / t)


def _directional(scale: Scaled, specification: Specification, directions: Parts | None) -> Iterator[_Outcome]:
    if directions is None:
        raise EstimationError("model='ddf' needs a direction")
    solver = ReferenceSolver(reference_rows(scale.reference, 0, specification.vrs))
    weak = specification.disposability == "weak"
    for i in range(len(scale.units.x)):
        unit, direction = scale.units.row(i), directions.row(i)
        solution = solver.solve(directional_program(unit, direction, weak, specification.vrs))
        if solution.status != OPTIMAL:
            yield _Outcome(solution.status)
            continue
        beta = float(solution.own[0])
        projection = Parts(unit.x - beta * direction.x, unit.y + beta * direction.y, unit.b - beta * direction.b)
        score = directional_score(beta, unit, direction)
        yield _Outcome(OPTIMAL, score, beta, projection, solution.peers, solution.lambdas, True)


def _closest(scale: Scaled, specification: Specification) -> Iterator[_Outcome]:
    weights = specification.slack_weights
    assert weights is not None
    efficient = efficient_units(scale.reference, weights, specification.vrs)
    frontier = Parts(*(values[efficient] for values in scale.reference))
    for i in range(len(scale.units.x)):
        unit = scale.units.row(i)
        found = closest_target(unit, frontier, weights, specification.vrs)
        if found.status != OPTIMAL:
            yield _Outcome(found.status)
            continue
        used = np.flatnonzero(found.lambdas > _ROUNDING)
        yield _Outcome(OPTIMAL, found.score, found.score, unit, efficient[used], found.lambdas[used])


def efficient_units(reference: Parts, weights: Parts, vrs: bool) -> np.ndarray:
    """Positions of the strongly efficient reference units: those whose SBM score is one."""
    model = RatioModel(weights, _ONE, _ONE, True, False, vrs)
    solver = ReferenceSolver(reference_rows(reference, 3, vrs))
    values = [solver.solve(ratio_program(reference.row(j), model)).value for j in range(len(reference.x))]
    return np.flatnonzero(np.array(values) > 1 - EFFICIENT)


class _SecondStage:
    """Maximises the slacks that the first stage left free."""

    def __init__(self, scale: Scaled, specification: Specification) -> None:
        m, s, p = scale.units.sizes
        kept = np.zeros((2, m + s + p))
        if specification.model != "ddf":
            weights = specification.ratio_model.weights
            kept[0, :m], kept[1, m:] = weights.x, np.concatenate([weights.y, weights.b])
        self._kept = kept
        self._scale, self._vrs = scale, specification.vrs
        self._free_b = specification.disposability == "strong"
        self._solver = ReferenceSolver(reference_rows(scale.reference, 2, specification.vrs))

    def improve(self, i: int, outcome: _Outcome) -> _Outcome:
        """The same projection with peers of the largest slack total."""
        assert outcome.projection is not None
        unit, target, slack = self._scale.units.row(i), *self._start(i, outcome)
        totals, weight = self._kept @ slack, float(outcome.lambdas.sum())
        self._solver.include(outcome.peers)
        solution = self._solver.solve(slack_program(unit, target, self._kept, totals, weight, self._free_b, self._vrs))
        if solution.status != OPTIMAL:
            raise EstimationError(
                f"the slacks of the unit in row {i} have no largest total ({solution.status}); pass second_stage=False"
            )
        return replace(outcome, peers=solution.peers, lambdas=solution.lambdas)

    def _start(self, i: int, outcome: _Outcome) -> tuple[Parts, np.ndarray]:
        """The projection, moved by the rounding of the first stage so that its own peers reach it, and their slacks."""
        assert outcome.projection is not None
        unit, projection = self._scale.units.row(i), outcome.projection
        reached = Parts(*(outcome.lambdas @ values[outcome.peers] for values in self._scale.reference))
        target_b = np.maximum(projection.b, reached.b) if self._free_b else reached.b
        target = Parts(np.maximum(projection.x, reached.x), np.minimum(projection.y, reached.y), target_b)
        gaps = [target.x - reached.x, reached.y - target.y, target.b - reached.b]
        return target, np.concatenate([gap / positive_scale(own) for gap, own in zip(gaps, unit, strict=True)])


def _empty(units: Parts, n_reference: int) -> Evaluation:
    n = len(units.x)
    blank = Parts(*(np.full(values.shape, np.nan) for values in units))
    return Evaluation(
        score=np.full(n, np.nan),
        distance=np.full(n, np.nan),
        status=np.full(n, "", dtype=object),
        slacks=blank,
        targets=Parts(*(values.copy() for values in blank)),
        lambdas=np.zeros((n, n_reference)),
    )


def _record(result: Evaluation, reference: Parts, units: Parts, scale: Scaled, i: int, outcome: _Outcome) -> None:
    assert outcome.projection is not None
    lambdas = scale.weights(i, outcome.peers, outcome.lambdas)
    result.lambdas[i, outcome.peers] = lambdas
    signs = (1.0, -1.0, 1.0)
    parts = zip(outcome.projection, scale.means, reference, units, signs, result.targets, result.slacks, strict=True)
    for projected, mean, others, own, sign, targets, slacks in parts:
        targets[i] = lambdas @ others[outcome.peers]
        slack = sign * (projected * mean * scale.sizes[i] - targets[i])
        slacks[i] = np.where(np.abs(slack) <= _ROUNDING * positive_scale(own[i]), 0.0, slack)
