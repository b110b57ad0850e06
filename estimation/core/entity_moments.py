"""Cross-products by entity: every resample or regrouping of entities is a sum of them.

With columns v (n, p), entity effects removed within each entity and period dummies (or a constant) as further
columns, the moments of any collection of entities are sum_i m_i S_i. Regressions on thousands of bootstrap or
permutation samples then need no data, only sums of (p, p) matrices, and are identical to dummy-variable regressions
on the resampled rows (Frisch-Waugh-Lovell).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from estimation.core.frame import EstimationError, PanelFrame
from estimation.core.within import Effects, Within

IDENTIFIED = 1e-9


@dataclass(frozen=True)
class EntityMoments:
    """Moments of named columns by entity.

    Attributes:
        names: columns in the order of the moments. S: (N, q, q) cross-products, q = len(names) + nuisance columns.
    """

    names: tuple[str, ...]
    S: np.ndarray

    def partial(self, multiplicity: np.ndarray, core: Sequence[str]) -> np.ndarray:
        """(B, c, c) cross-products of the core columns after the others (controls, dummies) are partialled out.

        Args:
            multiplicity: (B, N) how often each entity enters each sample.
        """
        q = self.S.shape[1]
        inside = [self.names.index(name) for name in core]
        outside = [j for j in range(q) if j not in inside]
        total = (multiplicity @ self.S.reshape(len(self.S), q * q)).reshape(-1, q, q)
        within_core = total[:, inside][:, :, inside]
        if not outside:
            return within_core
        cross = total[:, outside][:, :, inside]
        nuisance = total[:, outside][:, :, outside]
        size = np.sqrt(np.maximum(np.einsum("bii->bi", nuisance), 1e-300))
        scaled = nuisance / size[:, :, None] / size[:, None, :]
        solved = np.linalg.pinv(scaled, rcond=1e-11, hermitian=True) @ (cross / size[:, :, None])
        left = within_core - np.swapaxes(cross / size[:, :, None], 1, 2) @ solved
        return _zero_the_absorbed(left, within_core)


def _zero_the_absorbed(left: np.ndarray, before: np.ndarray) -> np.ndarray:
    """Rows and columns of which nothing is left (up to rounding) become exactly zero."""
    own, original = np.einsum("bii->bi", left), np.einsum("bii->bi", before)
    gone = own <= IDENTIFIED * original
    return np.where(gone[:, :, None] | gone[:, None, :], 0.0, left)


def solve_moments(moments: np.ndarray, left: int, right: Sequence[int]) -> np.ndarray:
    """(B, len(right)) coefficients of column ``left`` on columns ``right``; NaN where they are not identified."""
    right = list(right)
    A, b = moments[:, right][:, :, right], moments[:, right, left]
    size = np.sqrt(np.maximum(np.einsum("bii->bi", A), 0.0))
    result = np.full(b.shape, np.nan)
    alive = (size > 0).all(axis=1)
    scaled = A[alive] / size[alive][:, :, None] / size[alive][:, None, :]
    smallest = np.linalg.eigvalsh(scaled)[:, 0]
    ok = np.flatnonzero(alive)[smallest > IDENTIFIED]
    if len(ok):
        scaled = scaled[smallest > IDENTIFIED]
        solution = np.linalg.solve(scaled, (b[ok] / size[ok])[:, :, None])[:, :, 0]
        result[ok] = solution / size[ok]
    return result


def entity_moments(
    frame: PanelFrame, columns: Sequence[str], effects: Effects, values: np.ndarray, weights: np.ndarray | None = None
) -> EntityMoments:
    """Moments of (n, p) ``values``, named ``columns``, under the given effects.

    Args:
        weights: (n,) observation weights, or None.
    """
    if values.shape[1] != len(columns):
        raise EstimationError(f"{values.shape[1]} columns of values for {len(columns)} names")
    dummies = _nuisance(frame, effects)
    everything = np.column_stack([values, dummies])
    if effects in ("entity", "twoways"):
        everything = Within(frame.entity_codes, frame.time_codes, "entity", weights).transform(everything)
    mass = np.ones(len(values)) if weights is None else weights
    order = np.argsort(frame.entity_codes, kind="stable")
    starts = np.searchsorted(frame.entity_codes[order], np.arange(len(frame.entities)))
    rows = everything[order]
    products = rows[:, :, None] * (rows * mass[order][:, None])[:, None, :]
    return EntityMoments(tuple(columns), np.add.reduceat(products, starts, axis=0))


def _nuisance(frame: PanelFrame, effects: Effects) -> np.ndarray:
    """(n, .) period dummies, a constant, or nothing, as the effects ask."""
    if effects == "none":
        return np.ones((len(frame.data), 1))
    if effects == "entity":
        return np.empty((len(frame.data), 0))
    dummies = (frame.time_codes[:, None] == np.arange(len(frame.times))).astype(float)
    # With entity effects the first dummy is redundant.
    return dummies[:, 1:] if effects == "twoways" else dummies


def bootstrap_multiplicities(rng: np.random.Generator, n_entities: int, draws: int) -> np.ndarray:
    """(draws, n_entities) how often each entity is drawn when as many are drawn as there are, with replacement."""
    return rng.multinomial(n_entities, np.full(n_entities, 1 / n_entities), size=draws).astype(float)
