"""Building spatial weights: contiguity, inverse distance, economic distance; normalisation; islands by a named rule.

The result is stored as a table and read back by `estimation.spatial.weights.spatial_weights`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd

from estimation.core.distance import check_distances
from estimation.core.frame import EstimationError

Normalisation = Literal["row", "spectral", "none"]
IslandRule = Literal["error", "zero", "nearest"]


@dataclass(frozen=True)
class WeightMatrix:
    """Weights of n units; row i holds what unit i gives to its neighbours.

    Attributes:
        matrix: (n, n), zero diagonal. units: (n,) labels.
        normalisation: ``row`` (rows sum to 1), ``spectral`` (divided by the largest absolute eigenvalue) or ``none``.
        island_rule: what was done with units without neighbours. islands: their labels (before the rule was applied).
        eigenvalues: (n,) of ``matrix``, rising; real because the weights are symmetric before normalisation.
    """

    matrix: np.ndarray
    units: np.ndarray
    normalisation: str
    island_rule: str
    islands: tuple[Any, ...]
    eigenvalues: np.ndarray

    @property
    def rho_bounds(self) -> tuple[float, float]:
        """Open interval of the spatial parameter in which I - rho W is invertible: 1/smallest to 1/largest eigenvalue."""
        low, high = self.eigenvalues[0], self.eigenvalues[-1]
        return (1 / low if low < 0 else -np.inf), (1 / high if high > 0 else np.inf)

    def to_frame(self) -> pd.DataFrame:
        """(n, n) frame with the units on both axes."""
        return pd.DataFrame(self.matrix, index=self.units, columns=self.units)

    def to_table(self) -> pd.DataFrame:
        """One row a pair with a weight: unit_i, unit_j, weight."""
        i, j = np.nonzero(self.matrix)
        return pd.DataFrame({"unit_i": self.units[i], "unit_j": self.units[j], "weight": self.matrix[i, j]})


def contiguity(pairs: Iterable[tuple[Any, Any]], units: Any) -> np.ndarray:
    """(n, n) symmetric 0/1 weights from pairs of neighbours, in the order of ``units``.

    Pairs may be given in one direction or both. Pairs with a label that is not among the units are left out, so that one
    list of neighbours serves every sample.

    Raises:
        EstimationError: duplicated units, a unit paired with itself, or no pair among the units.
    """
    position = _positions(units)
    matrix = np.zeros((len(position), len(position)))
    for first, second in pairs:
        if first == second:
            raise EstimationError(f"{first} is listed as its own neighbour")
        if first in position and second in position:
            i, j = position[first], position[second]
            matrix[i, j] = matrix[j, i] = 1.0
    if not matrix.any():
        raise EstimationError("no pair of neighbours has both its members among the units; are the labels of one kind?")
    return matrix


def inverse_distance(D: Any, *, power: float = 1.0, cutoff: float | None = None) -> np.ndarray:
    """(n, n) symmetric weights d^-power, zero on the diagonal and beyond the cutoff.

    Raises:
        EstimationError: unusable distances, or a power or cutoff that is not above zero.
    """
    distances = check_distances(D)
    if not power > 0 or (cutoff is not None and not cutoff > 0):
        raise EstimationError(f"power={power} and cutoff={cutoff} must be above zero")
    near = ~np.eye(len(distances), dtype=bool)
    if cutoff is not None:
        near &= distances <= cutoff
    return np.power(distances, -power, out=np.zeros_like(distances), where=near)


def economic_distance(values: Any, D: Any = None, *, smallest_gap: float | None = None) -> np.ndarray:
    """(n, n) symmetric weights 1 / |v_i - v_j|, times 1 / d_ij if distances are given; v e.g. mean GDP per head.

    Args:
        smallest_gap: gaps below it count as it; without it two units with equal values are an error (1/0).

    Raises:
        EstimationError: missing values, equal values, or unusable distances.
    """
    level = np.asarray(values, dtype=float)
    if level.ndim != 1 or not np.isfinite(level).all():
        raise EstimationError("values must be one finite number a unit (a mean over the years)")
    gap = np.abs(level[:, None] - level[None, :])
    if smallest_gap is not None:
        gap = np.maximum(gap, smallest_gap)
    off = ~np.eye(len(level), dtype=bool)
    if (gap[off] == 0).any():
        i, j = np.argwhere(off & (gap == 0))[0]
        raise EstimationError(f"units {i} and {j} have equal values ({level[i]}): 1/0; pass smallest_gap")
    weights = np.divide(1.0, gap, out=np.zeros_like(gap), where=off)
    return weights if D is None else weights * inverse_distance(D)


def weight_matrix(
    weights: Any,
    units: Any,
    *,
    normalisation: Normalisation = "row",
    islands: IslandRule = "error",
    D: Any = None,
) -> WeightMatrix:
    """Normalise symmetric weights and settle what happens to units without neighbours.

    Args:
        weights: (n, n) symmetric, not negative, zero diagonal. units: (n,) labels.
        normalisation: ``row``, ``spectral`` or ``none``.
        islands: ``error`` refuses them; ``zero`` keeps their rows zero (their spatial lag is zero); ``nearest`` makes the
            island and the unit nearest by ``D`` neighbours of each other, with the largest weight there is.
        D: (n, n) distances, for ``nearest`` only.

    Raises:
        EstimationError: weights that are not symmetric, negative, missing or on the diagonal; islands under ``error``; an
            unknown option.
    """
    for name, value, allowed in (("normalisation", normalisation, Normalisation), ("islands", islands, IslandRule)):
        if value not in get_args(allowed):
            raise EstimationError(f"{name}={value!r} is not one of {', '.join(get_args(allowed))}")
    labels = np.asarray(list(_positions(units)))
    matrix = _symmetric(weights, len(labels))
    alone = np.flatnonzero(matrix.sum(axis=1) == 0)
    if len(alone) and islands == "error":
        raise EstimationError(
            f"{len(alone)} unit(s) without a neighbour: {', '.join(map(str, labels[alone][:5]))}; drop them or pass "
            "islands='zero' or 'nearest'"
        )
    if len(alone) and islands == "nearest":
        matrix = _with_nearest(matrix, alone, D)
    normal, eigenvalues = _normalised(matrix, normalisation)
    return WeightMatrix(normal, labels, normalisation, islands, tuple(labels[alone].tolist()), eigenvalues)


def _positions(units: Any) -> dict[Any, int]:
    labels = np.asarray(units).tolist()
    position = {label: i for i, label in enumerate(labels)}
    if len(position) < len(labels):
        raise EstimationError("units holds a label more than once")
    return position


def _symmetric(weights: Any, n: int) -> np.ndarray:
    matrix = np.array(weights, dtype=float)
    if matrix.shape != (n, n):
        raise EstimationError(f"the weights have shape {matrix.shape} for {n} units")
    if not np.isfinite(matrix).all() or (matrix < 0).any() or matrix.diagonal().any():
        raise EstimationError("weights must be finite, not negative, and zero on the diagonal")
    if not np.allclose(matrix, matrix.T, rtol=1e-9, atol=0):
        raise EstimationError("the weights are not symmetric; normalise them here, not before")
    return (matrix + matrix.T) / 2


def _with_nearest(matrix: np.ndarray, alone: np.ndarray, D: Any) -> np.ndarray:
    if D is None:
        raise EstimationError("islands='nearest' needs the distances D")
    distances = check_distances(D, len(matrix)).copy()
    np.fill_diagonal(distances, np.inf)
    linked, weight = matrix.copy(), matrix.max() or 1.0
    for i in alone:
        j = int(distances[i].argmin())
        linked[i, j] = linked[j, i] = weight
    return linked


def _normalised(matrix: np.ndarray, how: str) -> tuple[np.ndarray, np.ndarray]:
    """The normalised matrix and its eigenvalues (of the symmetric matrix it is similar to)."""
    if how == "row":
        sums = matrix.sum(axis=1)
        inverse = np.divide(1.0, sums, out=np.zeros_like(sums), where=sums > 0)
        root = np.sqrt(inverse)
        return matrix * inverse[:, None], np.linalg.eigvalsh(root[:, None] * matrix * root[None, :])
    eigenvalues = np.linalg.eigvalsh(matrix)
    if how == "none":
        return matrix, eigenvalues
    largest = np.abs(eigenvalues).max()
    if largest == 0:
        raise EstimationError("every weight is zero: spectral normalisation is not defined")
    return matrix / largest, eigenvalues / largest
