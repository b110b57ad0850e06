"""Linear programs over one reference set: HiGHS, one model, changed bounds, warm start, columns priced in when needed.

All programs of a run share the columns of the reference units and differ only in a few columns and bounds of the unit
under evaluation. The model holds the reference columns that have mattered so far. After each solve the reduced costs of
*all* reference columns are computed in one product; columns that could improve the optimum enter and the program is
solved again, so the result is the optimum over the whole reference set (delayed column generation, Dantzig and Wolfe
1960; infeasible programs are priced with their dual ray, so that "infeasible" too is said of the whole set). Nothing is
pruned: this holds for every disposability.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import highspy
import numpy as np

from estimation.core.frame import EstimationError

OPTIMAL = "optimal"
INFEASIBLE = "infeasible"
UNBOUNDED = "unbounded"

_TOLERANCE = 1e-9
_PRICE_TOLERANCE = 1e-10
_ENTERING = 8
_OPTIONS: dict[str, bool | int | float | str] = {
    "output_flag": False,
    "threads": 1,
    "parallel": "off",
    "presolve": "off",
    "solver": "simplex",
    "primal_feasibility_tolerance": _TOLERANCE,
    "dual_feasibility_tolerance": _TOLERANCE,
    "dual_simplex_cost_perturbation_multiplier": 0.0,
    "primal_simplex_bound_perturbation_multiplier": 0.0,
}
_STATUS = {
    highspy.HighsModelStatus.kOptimal: OPTIMAL,
    highspy.HighsModelStatus.kInfeasible: INFEASIBLE,
    highspy.HighsModelStatus.kUnbounded: UNBOUNDED,
}


@dataclass(frozen=True)
class UnitProgram:
    """What is particular to one unit: minimise cost'z subject to row_lower <= columns z + A lam <= row_upper, lam >= 0.

    Attributes:
        columns: (rows, k) coefficients of the unit's own variables z.
        cost, lower, upper: (k,) objective and bounds of z.
        row_lower, row_upper: (rows,) bounds of the rows.
    """

    columns: np.ndarray
    cost: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    row_lower: np.ndarray
    row_upper: np.ndarray


@dataclass(frozen=True)
class Solution:
    """Optimum of one program.

    Attributes:
        status: ``optimal``, ``infeasible`` or ``unbounded``.
        value: objective (NaN unless optimal).
        own: (k,) values of the unit's variables. peers, lambdas: reference units with a positive weight, and the weights.
    """

    status: str
    value: float
    own: np.ndarray
    peers: np.ndarray
    lambdas: np.ndarray


class ReferenceSolver:
    """Solves unit programs of one shape against one reference set.

    Args:
        reference: (rows, R) coefficients of the reference units' weights, zero cost.
    """

    def __init__(self, reference: np.ndarray) -> None:
        self._reference = np.asarray(reference, dtype=float)
        self._inside = np.zeros(reference.shape[1], dtype=bool)
        self._pool: list[int] = []
        self._wanted = np.empty(0, dtype=int)
        self._highs: Any | None = None
        self._current = np.empty((0, 0))

    @property
    def pool(self) -> np.ndarray:
        """Reference units in the model."""
        return np.array(self._pool, dtype=int)

    def include(self, units: np.ndarray) -> None:
        """Have these reference units in the model from the next solve on."""
        self._wanted = units[~self._inside[units]]

    def solve(self, program: UnitProgram) -> Solution:
        """The optimum over the whole reference set.

        Raises:
            EstimationError: the solver stops without a status that means something, even after a cold start.
        """
        highs = self._load(program)
        if len(self._wanted):
            self._add(highs, self._wanted)
            self._wanted = self._wanted[:0]
        while True:
            status = self._run(highs)
            entering = self._entering(highs, status)
            if len(entering) == 0:
                break
            self._add(highs, entering)
        n_own = len(program.cost)
        if status != OPTIMAL:
            empty = np.empty(0)
            return Solution(status, np.nan, np.full(n_own, np.nan), empty.astype(int), empty)
        values = np.array(highs.getSolution().col_value)
        weights = values[n_own:]
        positive = np.flatnonzero(weights > 0)
        return Solution(
            status, float(program.cost @ values[:n_own]), values[:n_own], self.pool[positive], weights[positive]
        )

    def _load(self, program: UnitProgram) -> Any:
        if self._highs is None:
            self._highs = _new_model(program)
            self._current = program.columns.copy()
            return self._highs
        highs = self._highs
        for row, column in np.argwhere(program.columns != self._current).tolist():
            highs.changeCoeff(row, column, float(program.columns[row, column]))
        self._current = program.columns.copy()
        own = np.arange(len(program.cost), dtype=np.int32)
        rows = np.arange(len(program.row_lower), dtype=np.int32)
        highs.changeColsCost(len(own), own, program.cost)
        highs.changeColsBounds(len(own), own, program.lower, program.upper)
        highs.changeRowsBounds(len(rows), rows, program.row_lower, program.row_upper)
        return highs

    def _run(self, highs: Any) -> str:
        for restart in (False, True):
            if restart:
                highs.clearSolver()
            highs.run()
            status = _STATUS.get(highs.getModelStatus())
            if status is not None:
                return status
        raise EstimationError(
            f"the linear program could not be solved (HiGHS: {highs.getModelStatus().name}); "
            "check the data for values that differ by many orders of magnitude"
        )

    def _entering(self, highs: Any, status: str) -> np.ndarray:
        """Reference units outside the model that would improve the optimum, or restore feasibility; the best few."""
        if status == UNBOUNDED or self._inside.all():
            return np.empty(0, dtype=int)
        gain = self._ray(highs) if status == INFEASIBLE else np.array(highs.getSolution().row_dual)
        worth = np.where(self._inside, -np.inf, gain @ self._reference)
        best = np.argpartition(-worth, min(_ENTERING, len(worth) - 1))[:_ENTERING]
        return np.sort(best[worth[best] > _PRICE_TOLERANCE])

    def _ray(self, highs: Any) -> np.ndarray:
        """(rows,) certificate of infeasibility, scaled to length one; columns with a positive product break it."""
        _, found, ray = highs.getDualRay()
        if not found:
            highs.clearSolver()
            highs.run()
            _, found, ray = highs.getDualRay()
        if not found:
            raise EstimationError("an infeasible linear program came without a certificate; please report the data")
        return np.asarray(ray) / np.abs(ray).max()

    def _add(self, highs: Any, units: np.ndarray) -> None:
        count, rows = len(units), self._reference.shape[0]
        highs.addCols(
            count,
            np.zeros(count),
            np.zeros(count),
            np.full(count, highspy.kHighsInf),
            count * rows,
            np.arange(count, dtype=np.int32) * rows,
            np.tile(np.arange(rows, dtype=np.int32), count),
            np.ascontiguousarray(self._reference[:, units].T).ravel(),
        )
        self._inside[units] = True
        self._pool.extend(units.tolist())


def _new_model(program: UnitProgram) -> Any:
    """A HiGHS model with the unit's own columns only."""
    rows, columns = program.columns.shape
    lp = highspy.HighsLp()
    lp.num_col_, lp.num_row_ = columns, rows
    lp.col_cost_, lp.col_lower_, lp.col_upper_ = program.cost, program.lower, program.upper
    lp.row_lower_, lp.row_upper_ = program.row_lower, program.row_upper
    lp.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    lp.a_matrix_.start_ = np.arange(columns + 1, dtype=np.int32) * rows
    lp.a_matrix_.index_ = np.tile(np.arange(rows, dtype=np.int32), columns)
    lp.a_matrix_.value_ = np.ascontiguousarray(program.columns.T).ravel()
    highs = highspy.Highs()
    for name, value in _OPTIONS.items():
        highs.setOptionValue(name, value)
    highs.passModel(lp)
    return highs
