"""Directions of the directional distance function and the efficiency score they imply."""

from __future__ import annotations

from typing import Any

import numpy as np

from estimation.core.frame import EstimationError
from estimation.dea.data import matrix
from estimation.dea.programs import Parts


def directions(direction: Any, units: Parts, model: str, orientation: str) -> Parts | None:
    """(n, m), (n, s), (n, p) directions of the ddf model; None for the other models.

    Args:
        direction: (gx, gy[, gb]), each a row for all units or a table with a row a unit; None for the units' own values in
            the parts that ``orientation`` names: none (x0, y0, b0), in (x0, 0, 0), out (0, y0, b0).

    Raises:
        EstimationError: a direction without a ddf model, of the wrong shape, negative, or zero throughout for a unit.
    """
    if model != "ddf":
        if direction is not None:
            raise EstimationError(f"direction is an option of model='ddf', not of {model!r}")
        return None
    if direction is None:
        use = {"none": (1, 1, 1), "in": (1, 0, 0), "out": (0, 1, 1)}[orientation]
        return Parts(*(factor * values for factor, values in zip(use, units, strict=True)))
    given = [*direction, np.zeros_like(units.b)][:3]
    if len(direction) not in (2, 3) or (len(direction) == 2 and units.sizes[2] > 0):
        raise EstimationError("direction must be (gx, gy) or, with undesirable outputs, (gx, gy, gb)")
    found = Parts(*(_table(part, values, name) for name, part, values in zip("xyb", given, units, strict=True)))
    if (np.hstack(found).sum(axis=1) == 0).any():
        raise EstimationError("the direction of a unit is zero throughout")
    return found


def _table(part: Any, values: np.ndarray, name: str) -> np.ndarray:
    table = np.asarray(part, dtype=float)
    if table.shape not in (values.shape, values.shape[1:]):
        raise EstimationError(
            f"direction g{name} has shape {table.shape}; it must be {values.shape[1:]} or {values.shape}"
        )
    return matrix(np.broadcast_to(table, values.shape), f"direction g{name}")


def directional_score(beta: float, unit: Parts, direction: Parts) -> float:
    """(1 - beta mean(gx/x0)) / (1 + beta mean((gy/y0, gb/b0))), means over positive values; 1 on the frontier."""
    inputs = direction.x[unit.x > 0] / unit.x[unit.x > 0]
    values = np.concatenate([unit.y, unit.b])
    outputs = np.concatenate([direction.y, direction.b])[values > 0] / values[values > 0]
    return float((1 - beta * inputs.mean()) / (1 + beta * outputs.mean()))
