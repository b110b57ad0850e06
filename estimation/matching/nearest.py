"""Nearest neighbours on a score: with replacement (ties averaged or first) and greedily without.

Distances within 1e-12 count as tied. Averaging is the mean over all ways to break the ties: neighbours strictly
nearer than the k-th take one slot each, those tied at the k-th distance share the slots that are left.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

TIE = 1e-12


@dataclass(frozen=True)
class Neighbours:
    """Matches of one treated observation.

    Attributes:
        controls: positions of the matched controls, nearest first. distances: their distances. shares: their weights,
            which add up to one. ranks: 1 for the nearest, equal for tied ones.
    """

    controls: np.ndarray
    distances: np.ndarray
    shares: np.ndarray
    ranks: np.ndarray


def with_replacement(
    treated: np.ndarray, controls: np.ndarray, order: np.ndarray, k: int, limit: float, average: bool
) -> list[Neighbours]:
    """The k nearest controls of every treated score, within ``limit``.

    Args:
        treated: (n1,) scores. controls: (n0,) scores. order: (n0,) rank that breaks ties unless they are averaged.
    """
    position = np.lexsort((order, controls))
    ranked = controls[position]
    found = []
    for score in treated:
        low, high = _window(ranked, score, k, limit)
        near = position[low:high]
        distance = np.abs(controls[near] - score)
        found.append(_choose(near, distance, order[near], k, limit, average))
    return found


def _window(ranked: np.ndarray, score: float, k: int, limit: float) -> tuple[int, int]:
    """Slice of the sorted scores that holds the k nearest and everything tied with the last of them."""
    at = int(np.searchsorted(ranked, score))
    nearby = np.abs(ranked[max(0, at - k) : at + k] - score)
    reach = np.sort(nearby)[min(k, len(nearby)) - 1] if len(nearby) else 0.0
    reach = min(reach, limit) + 2 * TIE
    return int(np.searchsorted(ranked, score - reach)), int(np.searchsorted(ranked, score + reach, side="right"))


def _choose(
    near: np.ndarray, distance: np.ndarray, order: np.ndarray, k: int, limit: float, average: bool
) -> Neighbours:
    inside = distance <= limit + TIE
    near, distance, order = near[inside], distance[inside], order[inside]
    if len(near) == 0:
        return Neighbours(near, distance, distance, np.empty(0, dtype=int))
    slots = min(k, len(near))
    threshold = np.sort(distance)[slots - 1]
    strictly, tied = distance < threshold - TIE, np.abs(distance - threshold) <= TIE
    if average:
        chosen = strictly | tied
        open_slots = slots - strictly.sum()
        share = np.where(strictly, 1.0, open_slots / tied.sum()) / slots
    else:
        by_order = np.lexsort((order, np.where(tied, threshold, distance)))
        chosen = np.isin(np.arange(len(near)), by_order[:slots])
        share = np.full(len(near), 1 / slots)
    near, distance, order, share = near[chosen], distance[chosen], order[chosen], share[chosen]
    ranks = 1 + np.searchsorted(np.sort(distance), distance - TIE)
    ranking = np.lexsort((order, ranks))
    ranks = ranks[ranking] if average else np.arange(1, len(ranking) + 1)
    return Neighbours(near[ranking], distance[ranking], share[ranking], ranks)


def without_replacement(
    treated: np.ndarray, controls: np.ndarray, treated_order: np.ndarray, order: np.ndarray, k: int, limit: float
) -> list[Neighbours]:
    """Greedy matching: k rounds, in each the treated with the largest score first; a control is used once.

    Ties (among treated scores and among distances) are broken by ``treated_order`` and ``order``.
    """
    position = np.lexsort((order, controls))
    ranked, ranks_of = controls[position], order[position]
    free = _FreeList(len(ranked))
    sequence = np.lexsort((treated_order, -treated))
    chosen: list[list[int]] = [[] for _ in treated]
    for turn in range(k):
        for i in sequence:
            if turn > len(chosen[i]):
                continue
            j = _nearest_free(ranked, ranks_of, free, treated[i], limit)
            if j >= 0:
                free.take(j)
                chosen[i].append(j)
    found = []
    for i, taken in enumerate(chosen):
        near = position[np.array(taken, dtype=int)]
        count = len(near)
        shares = np.full(count, 1 / count) if count else np.empty(0)
        found.append(Neighbours(near, np.abs(controls[near] - treated[i]), shares, np.arange(1, count + 1)))
    return found


class _FreeList:
    """Nearest free position to the left and right, with path compression."""

    def __init__(self, size: int) -> None:
        self._right = list(range(size + 1))
        self._left = list(range(size + 1))
        self._size = size

    def take(self, j: int) -> None:
        self._right[j] = j + 1
        self._left[j + 1] = j

    def right(self, j: int) -> int:
        """Smallest free position >= j, or the size."""
        return self._follow(self._right, j)

    def left(self, j: int) -> int:
        """Largest free position < j, or -1."""
        return self._follow(self._left, j) - 1

    @staticmethod
    def _follow(links: list[int], j: int) -> int:
        root = j
        while links[root] != root:
            root = links[root]
        while links[j] != root:
            links[j], j = root, links[j]
        return root


def _nearest_free(ranked: np.ndarray, order: np.ndarray, free: _FreeList, score: float, limit: float) -> int:
    """Position of the nearest free control within ``limit``, the first in ``order`` among tied ones; -1 if none."""
    at = int(np.searchsorted(ranked, score))
    right, left = free.right(at), free.left(at)
    options = [j for j in (left, right) if 0 <= j < len(ranked)]
    if not options:
        return -1
    nearest = min(abs(ranked[j] - score) for j in options)
    if nearest > limit + TIE:
        return -1
    tied = []
    while right < len(ranked) and abs(ranked[right] - score) <= nearest + TIE:
        tied.append(right)
        right = free.right(right + 1)
    while left >= 0 and abs(ranked[left] - score) <= nearest + TIE:
        tied.append(left)
        left = free.left(left)
    return min(tied, key=lambda j: order[j])
