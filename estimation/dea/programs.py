"""The programs of data envelopment analysis, one builder a family, ready for `estimation.dea.solver`.

Every builder returns the program of one unit (x, y, b), all in units of the reference means. Slack variables are shares of
the unit's own values (s / x0), so that costs and coefficients stay near one.

- Ratio family (radial, SBM, EBM), linearised by Charnes and Cooper (1962) with the scale t:
  min (theta - sum w- s-/x0) / (phi + sum w+ s+/y0 + sum wb sb/b0)
  s.t. X lam + s- = theta x0, Y lam - s+ = phi y0, B lam + sb = phi b0 (or (2 - phi) b0), theta <= 1 <= phi.
  SBM is theta = phi = 1 (Tone 2001, 2003), the radial model has no slack weights, EBM (Tone and Tsutsui 2010) lies between.
- Directional distance (Chambers, Chung and Faere 1996): max beta s.t. X lam <= x0 - beta gx, Y lam >= y0 + beta gy,
  B lam <= b0 - beta gb (equality if undesirables are weakly disposable).
- Super-SBM for units beyond the frontier (Tone 2002).
- Second stage: the largest slack total that leaves the first-stage optimum unchanged.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from estimation.dea.solver import UnitProgram

INF = np.inf


class Parts(NamedTuple):
    """Inputs, desirable outputs and undesirable outputs: arrays whose last axes are m, s and p."""

    x: np.ndarray
    y: np.ndarray
    b: np.ndarray

    def row(self, i: int) -> Parts:
        """The values of unit i."""
        return Parts(self.x[i], self.y[i], self.b[i])

    @property
    def sizes(self) -> tuple[int, int, int]:
        """m, s and p."""
        return self.x.shape[-1], self.y.shape[-1], self.b.shape[-1]


@dataclass(frozen=True)
class RatioModel:
    """A member of the ratio family.

    Attributes:
        weights: slack weights (m,), (s,), (p,), the epsilons multiplied in.
        theta, phi: bounds of theta - t and phi - t: ``(-inf, 0)`` is theta <= 1, ``(0, 0)`` is theta = 1.
        free_b: whether undesirables have a slack (strong disposability); if not, B lam meets its target exactly.
        contract_b: whether the target of the undesirables is (2 - phi) b0 instead of phi b0.
        vrs: whether the weights add up to one.
    """

    weights: Parts
    theta: tuple[float, float]
    phi: tuple[float, float]
    free_b: bool
    contract_b: bool
    vrs: bool


def positive_scale(values: np.ndarray) -> np.ndarray:
    """The unit of a slack: the value itself, one (the reference mean) where it is zero."""
    return np.where(values > 0, values, 1.0)


def reference_rows(reference: Parts, extra_rows: int, vrs: bool) -> np.ndarray:
    """(rows, R) coefficients of the reference weights: data rows, ``extra_rows`` empty rows, the convexity row."""
    units = len(reference.x)
    rows = [reference.x.T, reference.y.T, reference.b.T, np.zeros((extra_rows, units))]
    return np.vstack([*rows, np.ones((1, units))]) if vrs else np.vstack(rows)


def _slack_columns(unit: Parts, rows: int) -> np.ndarray:
    """(rows, m + s + p) columns of the relative slacks: + for inputs and undesirables, - for outputs."""
    signed = np.concatenate([positive_scale(unit.x), -positive_scale(unit.y), positive_scale(unit.b)])
    columns = np.zeros((rows, len(signed)))
    np.fill_diagonal(columns, signed)
    return columns


def ratio_program(unit: Parts, model: RatioModel) -> UnitProgram:
    """Variables t, theta, phi, s-, s+, sb; rows X, Y, B, the denominator, the two bounds, [convexity]."""
    m, s, p = unit.sizes
    data = m + s + p
    rows = data + 3 + model.vrs
    scalars = np.zeros((rows, 3))
    scalars[:m, 1] = -unit.x
    scalars[m : m + s, 2] = -unit.y
    scalars[m + s : data, 2] = unit.b if model.contract_b else -unit.b
    scalars[m + s : data, 0] = -2 * unit.b if model.contract_b else 0.0
    scalars[data, 2] = 1.0
    scalars[data + 1, :2] = -1.0, 1.0
    scalars[data + 2, [0, 2]] = -1.0, 1.0
    if model.vrs:
        scalars[-1, 0] = -1.0
    slacks = _slack_columns(unit, rows)
    slacks[data, m:] = np.concatenate([model.weights.y, model.weights.b])
    upper = np.concatenate([np.full(3 + m + s, INF), np.full(p, INF if model.free_b else 0.0)])
    bounds = [(0.0, 0.0)] * data + [(1.0, 1.0), model.theta, model.phi] + [(0.0, 0.0)] * model.vrs
    low, high = np.array(bounds).T
    cost = np.concatenate([[0.0, 1.0, 0.0], -model.weights.x, np.zeros(s + p)])
    return UnitProgram(np.hstack([scalars, slacks]), cost, np.zeros(len(cost)), upper, low, high)


def directional_program(unit: Parts, direction: Parts, weak_b: bool, vrs: bool) -> UnitProgram:
    """Variable beta (free: negative beyond the frontier); rows X, Y, B, [convexity]."""
    m, s, p = unit.sizes
    one = np.ones(int(vrs))
    column = np.concatenate([direction.x, -direction.y, direction.b, 0 * one])[:, None]
    low = np.concatenate([np.full(m, -INF), unit.y, unit.b if weak_b else np.full(p, -INF), one])
    high = np.concatenate([unit.x, np.full(s, INF), unit.b, one])
    return UnitProgram(column, np.array([-1.0]), np.array([-INF]), np.array([INF]), low, high)


def super_program(unit: Parts, weights: Parts, vrs: bool) -> UnitProgram:
    """Super-SBM: variables t and the worsenings of inputs, outputs, undesirables (shares of the unit's own values).

    min (1 + sum w- r-) / (1 - sum w+ r+ - sum wb rb) s.t. X lam <= (1 + r-) x0, Y lam >= (1 - r+) y0, B lam <= (1 + rb) b0.
    Rows X, Y, B, the denominator, one row r+ <= t an output, [convexity].
    """
    m, s, p = unit.sizes
    data = m + s + p
    rows = data + 1 + s + vrs
    scale = np.zeros((rows, 1))
    scale[:data, 0] = np.concatenate([-unit.x, -unit.y, -unit.b])
    scale[data, 0] = 1.0
    scale[data + 1 : data + 1 + s, 0] = -1.0
    if vrs:
        scale[-1, 0] = -1.0
    worse = -_slack_columns(unit, rows)
    worse[data, m:] = -np.concatenate([weights.y, weights.b])
    worse[data + 1 : data + 1 + s, m : m + s] = np.eye(s)
    low = np.concatenate([np.full(m, -INF), np.zeros(s), np.full(p, -INF), [1.0], np.full(s, -INF), np.zeros(int(vrs))])
    high = np.concatenate([np.zeros(m), np.full(s, INF), np.zeros(p), [1.0], np.zeros(s), np.zeros(int(vrs))])
    cost = np.concatenate([[1.0], weights.x, np.zeros(s + p)])
    columns = np.hstack([scale, worse])
    return UnitProgram(columns, cost, np.zeros(len(cost)), np.full(len(cost), INF), low, high)


def slack_program(
    unit: Parts, target: Parts, kept: np.ndarray, totals: np.ndarray, total_weight: float, free_b: bool, vrs: bool
) -> UnitProgram:
    """Second stage: max sum of s/x0 from the first-stage target; rows X, Y, B, the kept slack totals, [convexity].

    Args:
        unit: sets the scale of the slacks. target: radial projection (theta x0, phi y0, ...).
        kept: (q, m + s + p) weights whose weighted slack totals must stay at ``totals`` (q,).
        total_weight: what the weights add up to under variable returns (one up to the rounding of the first stage).
    """
    m, s, p = unit.sizes
    data = m + s + p
    columns = _slack_columns(unit, data + len(kept) + vrs)
    columns[data : data + len(kept)] = kept
    right = np.concatenate([target.x, target.y, target.b, totals, np.full(int(vrs), total_weight)])
    upper = np.concatenate([np.full(m + s, INF), np.full(p, INF if free_b else 0.0)])
    return UnitProgram(columns, np.full(data, -1.0), np.zeros(data), upper, right, right.copy())
