"""Closest targets on the strongly efficient frontier: the mixed-integer program of Aparicio, Ruiz and Sirvent.

Source: Aparicio, Ruiz and Sirvent (2007), Closest targets and minimum distance to the Pareto-efficient frontier in DEA,
Journal of Productivity Analysis 28, 209-218: the target is a combination of efficient units that lie on one face of the
frontier, i.e. share a supporting hyperplane with strictly positive prices. Among such targets that dominate the unit the
one with the largest SBM ratio (enhanced Russell measure) is taken, where SBM itself takes the smallest.
"""

from __future__ import annotations

from dataclasses import dataclass

import highspy
import numpy as np

from estimation.core.frame import EstimationError
from estimation.dea.programs import Parts

# Faces on which one price exceeds another by more than this factor (in units of the reference means) are left out; the
# gap of a unit off the face is bounded by the same number. Larger values blur the integrality of the solver (1e-9).
MAX_TRADE_OFF = 1e4
_OPTIONS: dict[str, bool | int | float | str] = {
    "output_flag": False,
    "threads": 1,
    "parallel": "off",
    "random_seed": 0,
    "mip_rel_gap": 0.0,
    "mip_abs_gap": 1e-10,
    "mip_feasibility_tolerance": 1e-9,
    "primal_feasibility_tolerance": 1e-9,
    "dual_feasibility_tolerance": 1e-9,
}


@dataclass(frozen=True)
class ClosestTarget:
    """Attributes: status, score (SBM ratio of the target), lambdas: (E,) weights of the efficient units."""

    status: str
    score: float
    lambdas: np.ndarray


def closest_target(unit: Parts, efficient: Parts, weights: Parts, vrs: bool) -> ClosestTarget:
    """The strongly efficient target that dominates ``unit`` and is closest to it by the SBM ratio.

    Args:
        unit: the unit's values in units of the reference means.
        efficient: strongly efficient reference units, same scale.
        weights: slack weights of the ratio (1/m; 1/(s + p)).

    Raises:
        EstimationError: the solver stops without an answer.
    """
    highs = highspy.Highs()
    for name, value in _OPTIONS.items():
        highs.setOptionValue(name, value)
    highs.passModel(_model(unit, efficient, weights, vrs))
    highs.run()
    status = highs.getModelStatus()
    count = len(efficient.x)
    if status == highspy.HighsModelStatus.kInfeasible:
        return ClosestTarget("infeasible", np.nan, np.zeros(count))
    if status != highspy.HighsModelStatus.kOptimal:
        raise EstimationError(f"the closest-target program could not be solved (HiGHS: {status.name})")
    values = np.array(highs.getSolution().col_value)
    m, s, p = unit.sizes
    start = 1 + m + s + p
    # The objective is maximised as the minimum of its negative.
    return ClosestTarget(
        "optimal", -highs.getInfo().objective_function_value, values[start : start + count] / values[0]
    )


def _model(unit: Parts, efficient: Parts, weights: Parts, vrs: bool) -> highspy.HighsLp:
    """Variables t, s-, s+, sb, lam (E), prices (m + s + p), omega, gaps (E), on_face (E, binary)."""
    m, s, p = unit.sizes
    data, count = m + s + p, len(efficient.x)
    points = np.hstack([efficient.x, -efficient.y, efficient.b])
    own = np.concatenate([unit.x, -unit.y, unit.b])
    t, slack, lam = slice(0, 1), slice(1, 1 + data), slice(1 + data, 1 + data + count)
    price = slice(lam.stop, lam.stop + data)
    omega = slice(price.stop, price.stop + 1)
    gap, face = slice(omega.stop, omega.stop + count), slice(omega.stop + count, omega.stop + 2 * count)
    most = _largest_weights(unit, efficient, vrs)

    balance = np.zeros((data, face.stop))
    balance[:, t], balance[:, slack], balance[:, lam] = -own[:, None], np.diag(np.abs(own)), points.T
    denominator = np.zeros((1, face.stop))
    denominator[0, t], denominator[0, slack] = 1.0, np.concatenate([np.zeros(m), weights.y, weights.b])
    hyperplane = np.zeros((count, face.stop))
    hyperplane[:, price], hyperplane[:, gap] = -points, np.eye(count)
    hyperplane[:, omega] = 1.0 if vrs else 0.0
    only_on_face = np.zeros((count, face.stop))
    only_on_face[:, lam], only_on_face[:, face] = np.eye(count), -np.diag(most)
    zero_gap = np.zeros((count, face.stop))
    zero_gap[:, gap], zero_gap[:, face] = np.eye(count), MAX_TRADE_OFF * np.eye(count)
    blocks = [balance, denominator, hyperplane, only_on_face, zero_gap]
    low = [np.zeros(data), np.ones(1), np.zeros(count), np.full(count, -np.inf), np.full(count, -np.inf)]
    high = [np.zeros(data), np.ones(1), np.zeros(count), np.zeros(count), np.full(count, MAX_TRADE_OFF)]
    if vrs:
        convex = np.zeros((1, face.stop))
        convex[0, t], convex[0, lam] = -1.0, 1.0
        blocks, low, high = [*blocks, convex], [*low, np.zeros(1)], [*high, np.zeros(1)]
    cost = np.zeros(face.stop)
    cost[t], cost[slack] = -1.0, np.concatenate([weights.x, np.zeros(s + p)])
    lower, upper = np.zeros(face.stop), np.full(face.stop, np.inf)
    lower[price], upper[price] = 1.0, MAX_TRADE_OFF
    lower[omega] = -np.inf
    upper[face] = 1.0
    return _lp(np.vstack(blocks), cost, (lower, upper), (np.concatenate(low), np.concatenate(high)), face)


def _largest_weights(unit: Parts, efficient: Parts, vrs: bool) -> np.ndarray:
    """(E,) the largest weight any dominating combination can give a unit: x and b must not exceed the unit's own."""
    limits = np.hstack([unit.x, unit.b])[None, :] / np.hstack([efficient.x, efficient.b])
    return np.minimum(limits.min(axis=1), 1.0) if vrs else limits.min(axis=1)


def _lp(
    matrix: np.ndarray,
    cost: np.ndarray,
    columns: tuple[np.ndarray, np.ndarray],
    rows: tuple[np.ndarray, np.ndarray],
    binary: slice,
) -> highspy.HighsLp:
    lp = highspy.HighsLp()
    lp.num_row_, lp.num_col_ = matrix.shape
    lp.col_cost_, (lp.col_lower_, lp.col_upper_), (lp.row_lower_, lp.row_upper_) = cost, columns, rows
    present = matrix.T != 0
    lp.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    lp.a_matrix_.start_ = np.concatenate([[0], present.sum(axis=1).cumsum()]).astype(np.int32)
    lp.a_matrix_.index_ = np.nonzero(present)[1].astype(np.int32)
    lp.a_matrix_.value_ = matrix.T[present]
    kinds = [highspy.HighsVarType.kContinuous] * matrix.shape[1]
    kinds[binary] = [highspy.HighsVarType.kInteger] * (binary.stop - binary.start)
    lp.integrality_ = kinds
    return lp
