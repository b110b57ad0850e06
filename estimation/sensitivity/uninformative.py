"""Rows a likelihood with group effects cannot use: groups whose outcome sits at a bound throughout."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def informative_rows(at_bound: Sequence[np.ndarray], codes: Sequence[np.ndarray]) -> np.ndarray:
    """Rows that are left after dropping, until nothing changes, every group that lies at one bound throughout.

    The effect of such a group runs off to infinity and its rows add nothing to the likelihood of the other parameters.

    Args:
        at_bound: (n,) marks, one an admissible bound (e.g. zero; left-censored; right-censored).
        codes: (n,) group codes of every absorbed effect.
    """
    kept = np.ones(len(at_bound[0]), dtype=bool)
    changed = True
    while changed:
        changed = False
        for code in codes:
            for mark in at_bound:
                size = int(code.max()) + 1
                free = np.bincount(code, kept & ~mark, minlength=size)
                stuck = kept & (free[code] == 0)
                if stuck.any():
                    kept &= ~stuck
                    changed = True
    return kept
