"""Absorbing city and year effects exactly, for balanced and unbalanced panels.

Two-way demeaning solves the normal equations of the dummies: the larger dimension is concentrated out, the smaller one
is solved densely (Schur complement), so the result equals dummy-variable OLS up to rounding (Frisch-Waugh-Lovell)
whatever the pattern of gaps. Source: Baltagi, Econometric Analysis of Panel Data, ch. 3 and 9; Wansbeek and Kapteyn
(1989).
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from estimation.core.frame import EstimationError

Effects = Literal["none", "entity", "time", "twoways"]


class Within:
    """The projection off the effects, prepared once and applied to any number of columns.

    Args:
        entity_codes, time_codes: (n,) integers 0..N-1 and 0..T-1.
        effects: ``"none"`` (nothing removed, not even a constant), ``"entity"``, ``"time"`` or ``"twoways"``.
        weights: (n,) positive observation weights, or None.

    Attributes:
        n_absorbed: rank of the removed dummies (N, T, or N + T - connected components).
    """

    def __init__(
        self, entity_codes: np.ndarray, time_codes: np.ndarray, effects: Effects, weights: np.ndarray | None = None
    ) -> None:
        if effects not in get_args(Effects):
            raise EstimationError(f"effects={effects!r} is not one of {', '.join(get_args(Effects))}")
        self.effects = effects
        self._weights = np.ones(len(entity_codes)) if weights is None else np.asarray(weights, dtype=float)
        groups = {"none": [], "entity": [entity_codes], "time": [time_codes], "twoways": [entity_codes, time_codes]}[
            effects
        ]
        self._groups = [np.asarray(g) for g in groups]
        self._sizes = [int(g.max()) + 1 for g in self._groups]
        self._mass = [
            np.bincount(g, self._weights, minlength=s) for g, s in zip(self._groups, self._sizes, strict=True)
        ]
        if effects == "twoways":
            self._prepare_twoways()
        else:
            self.n_absorbed = sum(self._sizes)

    def _prepare_twoways(self) -> None:
        # The larger group is concentrated out; the smaller one is solved densely.
        order = sorted(range(2), key=lambda i: self._sizes[i], reverse=True)
        self._groups = [self._groups[i] for i in order]
        self._sizes = [self._sizes[i] for i in order]
        self._mass = [self._mass[i] for i in order]
        large, small = self._groups
        n_large, n_small = self._sizes
        cross = csr_array((self._weights, (large, small)), shape=(n_large, n_small))
        scaled = cross.multiply(1 / self._mass[0][:, None]).tocsr()
        schur = np.diag(self._mass[1]) - (cross.T @ scaled).toarray()
        self._cross_t = cross.T.tocsr()
        bipartite = csr_array(
            (np.ones(len(large)), (large, small + n_large)), shape=(n_large + n_small, n_large + n_small)
        )
        parts, part = connected_components(bipartite, directed=False)
        self.n_absorbed = n_large + n_small - int(parts)
        # One effect a connected part is the reference: what is left of the Schur complement is positive definite.
        references = np.unique(part[n_large:], return_index=True)[1]
        free = np.setdiff1d(np.arange(n_small), references)
        self._schur_inverse = np.zeros((n_small, n_small))
        self._schur_inverse[np.ix_(free, free)] = np.linalg.inv(schur[np.ix_(free, free)])

    def _sums(self, which: int, values: np.ndarray) -> np.ndarray:
        """(groups, k) weighted sums of (n, k) values."""
        weighted = values * self._weights[:, None]
        code, size = self._groups[which], self._sizes[which]
        return np.column_stack([np.bincount(code, column, minlength=size) for column in weighted.T])

    def transform(self, values: np.ndarray) -> np.ndarray:
        """Residuals of (n,) or (n, k) values from the (weighted) projection on the effects; same shape, a new array."""
        array = np.array(values, dtype=float)
        flat = array.reshape(len(array), -1)
        if self.effects == "none" or flat.shape[1] == 0:
            return array
        flat = flat - self._sums(0, flat)[self._groups[0]] / self._mass[0][self._groups[0], None]
        if self.effects == "twoways":
            small_effects = self._schur_inverse @ self._sums(1, flat)
            large_effects = -(self._cross_t.T @ small_effects) / self._mass[0][:, None]
            flat = flat - small_effects[self._groups[1]] - large_effects[self._groups[0]]
        return flat.reshape(array.shape)
