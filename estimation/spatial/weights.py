"""Spatial weights: from whatever the user holds to one checked matrix in the panel's order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.sparse.csgraph import breadth_first_order, connected_components

from estimation.core.frame import EstimationError

Matrix: TypeAlias = "np.ndarray | sparse.csr_array"
Islands = Literal["error", "allow"]
_SAME = 1e-8
_NAMED = 5


@dataclass(frozen=True)
class SpatialWeights:
    """A checked spatial weights matrix; row i holds the weights that unit i gives to its neighbours.

    Attributes:
        matrix: (n, n) float64, dense or CSR, zero diagonal, finite, not negative, units in the order of ``units``.
        units: (n,) labels of the units.
        row_sum: the common row sum if all rows have the same one (1 when row-standardised), else None.
        scale: (n,) positive d with d_i w_ij = d_j w_ji, so that D^(1/2) W D^(-1/2) is symmetric and W has real
            eigenvalues (any row-standardised symmetric matrix is of this kind); None where no such d exists.
        order: how the rows were matched to the units, in words.
        flags: what a reader of the results should know about this matrix.
    """

    matrix: Matrix
    units: np.ndarray
    row_sum: float | None
    scale: np.ndarray | None
    order: str
    flags: tuple[str, ...]

    @property
    def n(self) -> int:
        """Number of units."""
        return int(self.matrix.shape[0])

    @property
    def is_sparse(self) -> bool:
        """Whether the matrix is stored sparse."""
        return sparse.issparse(self.matrix)

    def lag(self, values: np.ndarray) -> np.ndarray:
        """W applied along the first axis of (n, ...) values; same shape."""
        flat = values.reshape(len(values), -1)
        return np.asarray(self.matrix @ flat).reshape(values.shape)

    def symmetric(self) -> Matrix:
        """(n, n) D^(1/2) W D^(-1/2), which has the eigenvalues of W; only where ``scale`` is not None."""
        if self.scale is None:
            raise EstimationError("W is not similar to a symmetric matrix")
        root = np.sqrt(self.scale)
        if isinstance(self.matrix, np.ndarray):
            similar = root[:, None] * self.matrix / root[None, :]
            return (similar + similar.T) / 2
        product = sparse.diags_array(root) @ self.matrix @ sparse.diags_array(1 / root)
        return sparse.csr_array((product + product.T) / 2)

    def describe(self) -> str:
        """Size, standardisation and order, for the convention sentence of a result."""
        if self.row_sum is None:
            sums = np.asarray(self.matrix.sum(axis=1)).ravel()
            rows = f"row sums {sums.min():.10g} to {sums.max():.10g} (not row-standardised)"
        else:
            rows = "row-standardised" if abs(self.row_sum - 1) < _SAME else f"all row sums {self.row_sum:.6g}"
        return f"W {self.n}x{self.n}, {rows}, {self.order}"


def spatial_weights(W: Any, units: np.ndarray | None = None, *, islands: Islands = "error") -> SpatialWeights:
    """Check a weights matrix and bring it into the order of ``units``.

    Args:
        W: (n, n) numpy array, scipy sparse matrix, libpysal ``W`` or ``Graph``, or a DataFrame whose index and columns
            are the unit labels. Labelled weights are matched by label, whatever their order; a numpy or sparse matrix
            (and labels that just count 0..n-1) is taken in the order of ``units``, and the result says so.
            Weights are used as given: nothing is standardised in silence.
        units: (n,) labels in the order wanted (a panel's sorted entities); None keeps the order of ``W``.
        islands: ``error`` refuses units without neighbours, ``allow`` keeps them with a zero spatial lag and a flag.

    Raises:
        EstimationError: not square, wrong size, labels that differ from the units, duplicated labels, missing,
            infinite or negative weights, a non-zero diagonal, units without neighbours, or no weight at all.
    """
    if islands not in ("error", "allow"):
        raise EstimationError(f"islands={islands!r} is not one of error, allow")
    raw, labels = _parts(W)
    matrix = _as_float_matrix(raw)
    matrix, names, order = _in_order(matrix, labels, units)
    _check_values(matrix, names)
    flags = (*_by_position(labels, units), *_check_neighbours(matrix, names, islands), *_asymmetry(matrix, names))
    return SpatialWeights(matrix, names, _common_row_sum(matrix), symmetrising_scale(matrix), order, flags)


def _parts(W: Any) -> tuple[Any, np.ndarray | None]:
    """The raw matrix and its labels (None where it has none)."""
    if isinstance(W, pd.DataFrame):
        if not W.index.is_unique or not W.columns.is_unique:
            raise EstimationError("W has duplicated labels in its index or columns")
        if set(W.index) != set(W.columns):
            odd = set(W.index) ^ set(W.columns)
            raise EstimationError(f"index and columns of W hold different labels: {_names(odd)}")
        return W.loc[:, W.index].to_numpy(), np.asarray(W.index)
    if hasattr(W, "id_order") and hasattr(W, "sparse"):
        return W.sparse, np.asarray(W.id_order)
    if hasattr(W, "unique_ids") and hasattr(W, "sparse"):
        return W.sparse, np.asarray(W.unique_ids)
    if sparse.issparse(W) or isinstance(W, np.ndarray):
        return W, None
    raise EstimationError(
        f"W is a {type(W).__name__}; give a numpy array, a scipy sparse matrix, a libpysal W or Graph, "
        "or a DataFrame labelled with the entities"
    )


def _as_float_matrix(raw: Any) -> Matrix:
    """Float64 copy, dense or CSR without stored zeros; the user's matrix is never changed."""
    if raw.ndim != 2 or raw.shape[0] != raw.shape[1]:
        raise EstimationError(f"W must be square; its shape is {raw.shape}")
    try:
        if sparse.issparse(raw):
            matrix = sparse.csr_array(raw, dtype=float, copy=True)
            matrix.sum_duplicates()
            matrix.eliminate_zeros()
            return matrix
        return np.array(raw, dtype=float)
    except (TypeError, ValueError) as error:
        raise EstimationError(f"W is not numeric: {error}") from error


def _in_order(matrix: Matrix, labels: np.ndarray | None, units: np.ndarray | None) -> tuple[Matrix, np.ndarray, str]:
    """The matrix with its rows and columns in the order of ``units``, the unit labels, and what was done."""
    n = matrix.shape[0]
    if units is None:
        return matrix, np.arange(n) if labels is None else labels, "order as given"
    counts_only = labels is not None and _just_counts(labels) and set(labels) != set(units)
    if labels is None or counts_only:
        if n != len(units):
            raise EstimationError(f"W is {n}x{n} but the panel has {len(units)} entities")
        return matrix, np.asarray(units), "unlabelled: taken in sorted entity order"
    _check_labels(labels, units)
    position = pd.Index(labels).get_indexer(pd.Index(units))
    moved = bool((position != np.arange(n)).any())
    words = "matched by label" + (" (its order differed from the panel's)" if moved else "")
    return matrix[position][:, position], np.asarray(units), words


def _just_counts(labels: np.ndarray) -> bool:
    return bool(np.issubdtype(labels.dtype, np.integer) and (labels == np.arange(len(labels))).all())


def _by_position(labels: np.ndarray | None, units: np.ndarray | None) -> tuple[str, ...]:
    """A flag if labels 0..n-1 were taken as positions although some of them are also names of units."""
    if labels is None or units is None or not set(labels) & set(units) or set(labels) == set(units):
        return ()
    return (
        f"labels of W count 0 to {len(labels) - 1} and are not the entities (e.g. {_names(set(units) - set(labels))}): "
        "its rows are taken in sorted entity order; label W with the entities if that is not meant",
    )


def _check_labels(labels: np.ndarray, units: np.ndarray) -> None:
    absent, extra = set(units) - set(labels), set(labels) - set(units)
    if not absent and not extra:
        return
    if {str(u) for u in units} == {str(u) for u in labels}:
        kinds = f"{type(labels.tolist()[0]).__name__} in W, {type(units.tolist()[0]).__name__} in the panel"
        raise EstimationError(f"labels of W and entities differ in type only ({kinds}); convert one of them")
    parts = [f"entities not in W: {_names(absent)}"] if absent else []
    parts += [f"units of W not in the panel: {_names(extra)}"] if extra else []
    raise EstimationError(f"{'; '.join(parts)}; cut W to the panel's entities and standardise it again")


def _check_values(matrix: Matrix, units: np.ndarray) -> None:
    """Finite, not negative, zero diagonal, at least one weight."""
    values = matrix if isinstance(matrix, np.ndarray) else matrix.data
    if not np.isfinite(values).all():
        raise EstimationError(f"W holds {int((~np.isfinite(values)).sum())} missing or infinite weight(s)")
    if (values < 0).any():
        raise EstimationError(f"W holds {int((values < 0).sum())} negative weight(s)")
    diagonal = np.flatnonzero(matrix.diagonal())
    if len(diagonal):
        raise EstimationError(f"W has a non-zero diagonal for {_names(units[diagonal])}; no unit neighbours itself")
    if not values.any():
        raise EstimationError("W holds no weight: every unit is an island")


def _check_neighbours(matrix: Matrix, units: np.ndarray, islands: Islands) -> tuple[str, ...]:
    """Units whose row is zero: islands (zero column too) and units that others neighbour but have no neighbour."""
    empty_row = np.asarray(matrix.sum(axis=1)).ravel() == 0
    empty_column = np.asarray(matrix.sum(axis=0)).ravel() == 0
    found = []
    if (empty_row & empty_column).any():
        found.append(f"islands (no neighbour): {_names(units[empty_row & empty_column])}")
    if (empty_row & ~empty_column).any():
        found.append(f"all-zero rows (others neighbour them): {_names(units[empty_row & ~empty_column])}")
    if found and islands == "error":
        raise EstimationError(
            f"W has {'; '.join(found)}; drop them, give them a nearest neighbour, or pass islands='allow' "
            "(their spatial lag is then zero)"
        )
    return tuple(f"{text}; their spatial lag is zero" for text in found)


def _asymmetry(matrix: Matrix, units: np.ndarray) -> tuple[str, ...]:
    """A flag if some unit neighbours another without being its neighbour."""
    pattern = sparse.csr_array(matrix) != 0
    one_way = sparse.coo_array(pattern > pattern.T)
    if one_way.nnz == 0:
        return ()
    some = ", ".join(f"{units[i]}->{units[j]}" for i, j in zip(one_way.row[:_NAMED], one_way.col[:_NAMED], strict=True))
    return (f"W is asymmetric: {one_way.nnz} pair(s) are neighbours one way only, e.g. {some}",)


def _common_row_sum(matrix: Matrix) -> float | None:
    sums = np.asarray(matrix.sum(axis=1)).ravel()
    if np.abs(sums - sums[0]).max() > _SAME * sums.max():
        return None
    return 1.0 if abs(sums.mean() - 1) < _SAME else float(sums.mean())


def symmetrising_scale(matrix: Matrix) -> np.ndarray | None:
    """(n,) positive d with d_i w_ij = d_j w_ji for all i, j, or None if there is none.

    d is carried along a spanning tree of the neighbour graph, then checked on every pair.
    """
    weights = sparse.csr_array(matrix)
    if ((weights != 0) != (weights.T != 0)).nnz:
        return None
    n = weights.shape[0]
    logs = np.zeros(n)
    _, part = connected_components(weights, directed=False)
    for start in np.unique(part, return_index=True)[1]:
        reached, parent = breadth_first_order(weights, start, directed=False)
        children = reached[1:]
        parents = parent[children]
        if len(children) == 0:
            continue
        down = np.asarray(weights[parents, children]).ravel()
        up = np.asarray(weights[children, parents]).ravel()
        step = np.log(down) - np.log(up)
        for child, its_parent, change in zip(children.tolist(), parents.tolist(), step.tolist(), strict=True):
            logs[child] = logs[its_parent] + change
    if np.ptp(logs) > 500:
        return None
    scale = np.exp(logs - logs.mean())
    balanced = sparse.diags_array(scale) @ weights
    gap = abs(balanced - balanced.T)
    return scale if gap.max() <= 1e-10 * abs(balanced).max() else None


def _names(items: Any) -> str:
    """The first few labels, sorted, with the count of those left out."""
    listed = sorted(items, key=str)
    text = ", ".join(str(item) for item in listed[:_NAMED])
    return text if len(listed) <= _NAMED else f"{text} and {len(listed) - _NAMED} more"
