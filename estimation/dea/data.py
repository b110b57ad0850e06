"""From inputs, outputs and undesirable outputs to checked arrays on a common scale."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from estimation.core.frame import EstimationError
from estimation.dea.programs import Parts

_NAMES = Parts("X", "Y", "B")  # type: ignore[arg-type]


def matrix(values: Any, name: str) -> np.ndarray:
    """(n, k) float64 copy of a table or of one column; finite and not negative, or an error that names the rows."""
    try:
        array = np.array(values, dtype=float)
    except (TypeError, ValueError) as error:
        raise EstimationError(f"{name} is not numeric: {error}") from error
    if array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2:
        raise EstimationError(f"{name} must be a table of units by variables; its shape is {array.shape}")
    bad = ~np.isfinite(array) | (array < 0)
    if bad.any():
        rows, columns = np.nonzero(bad)
        raise EstimationError(
            f"{name} is missing, infinite or negative in {len(rows)} cell(s), first at row {rows[0]}, column {columns[0]} "
            f"({array[rows[0], columns[0]]}); drop those units or correct them"
        )
    return array


def parts(X: Any, Y: Any, B: Any = None) -> Parts:
    """Checked arrays of the units; without undesirable outputs the last one has no columns.

    Raises:
        EstimationError: different numbers of units, no unit, no input or no output, a unit without any input or output,
            or cells that are missing, infinite or negative.
    """
    x, y = matrix(X, "X"), matrix(Y, "Y")
    b = np.empty((len(x), 0)) if B is None else matrix(B, "B")
    if len({len(x), len(y), len(b)}) > 1:
        raise EstimationError(f"X, Y and B must have the same rows; they have {len(x)}, {len(y)} and {len(b)}")
    if len(x) == 0 or x.shape[1] == 0 or y.shape[1] == 0:
        raise EstimationError("at least one unit, one input and one output are needed")
    for name, values in (("X", x), ("Y", y)):
        empty = np.flatnonzero(values.sum(axis=1) == 0)
        if len(empty):
            raise EstimationError(f"{name} is zero throughout for unit(s) in row(s) {_some(empty)}; drop them")
    return Parts(x, y, b)


def require_positive(units: Parts, model: str) -> None:
    """Slacks relative to a unit's own values need values above zero.

    Raises:
        EstimationError: naming the table and the rows with a zero.
    """
    for name, values in zip(_NAMES, units, strict=True):
        rows = np.flatnonzero((values == 0).any(axis=1))
        if len(rows):
            raise EstimationError(
                f"model={model!r} divides slacks by the unit's own values, but {name} is zero in row(s) {_some(rows)}; "
                "drop those units or use model='radial' or 'ddf'"
            )


@dataclass(frozen=True)
class Scaled:
    """Units and reference divided by the reference means; under constant returns also by each unit's size.

    Scores do not depend on this scale; the accuracy of the solver does.

    Attributes:
        units, reference: arrays on the common scale. means: column means of the reference.
        sizes, reference_sizes: (n,), (R,) what each row was divided by (ones under variable returns).
    """

    units: Parts
    reference: Parts
    means: Parts
    sizes: np.ndarray
    reference_sizes: np.ndarray

    def weights(self, unit: int, peers: np.ndarray, lambdas: np.ndarray) -> np.ndarray:
        """Weights of the peers on the original scale."""
        return np.asarray(lambdas * self.sizes[unit] / self.reference_sizes[peers])

    def direction(self, direction: Parts) -> Parts:
        """Directions (n, ...) on the common scale."""
        return Parts(*(g / mean / self.sizes[:, None] for g, mean in zip(direction, self.means, strict=True)))


def scaled(units: Parts, reference: Parts, vrs: bool) -> Scaled:
    """Bring units and reference to a common scale.

    Raises:
        EstimationError: the reference has a column of zeros, or its columns are not those of the units.
    """
    if units.sizes != reference.sizes:
        raise EstimationError(
            f"units have {units.sizes} inputs, outputs, undesirables; the reference has {reference.sizes}"
        )
    means = Parts(*(values.mean(axis=0) for values in reference))
    for name, mean in zip(_NAMES, means, strict=True):
        if (mean == 0).any():
            raise EstimationError(
                f"{name}: column {int(np.argmin(mean))} is zero for every reference unit; leave it out"
            )
    own = Parts(*(values / mean for values, mean in zip(units, means, strict=True)))
    others = Parts(*(values / mean for values, mean in zip(reference, means, strict=True)))
    if vrs:
        return Scaled(own, others, means, np.ones(len(own.x)), np.ones(len(others.x)))
    sizes, reference_sizes = _sizes(own), _sizes(others)
    return Scaled(_divided(own, sizes), _divided(others, reference_sizes), means, sizes, reference_sizes)


def _sizes(units: Parts) -> np.ndarray:
    return np.hstack(units).mean(axis=1)


def _divided(units: Parts, by: np.ndarray) -> Parts:
    return Parts(*(values / by[:, None] for values in units))


def _some(rows: np.ndarray, most: int = 5) -> str:
    text = ", ".join(str(row) for row in rows[:most])
    return text if len(rows) <= most else f"{text} and {len(rows) - most} more"
