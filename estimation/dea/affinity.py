"""Epsilon and weights of the EBM model from the affinity of the data.

Source: Tone and Tsutsui (2010), An epsilon-based measure of efficiency in DEA, European Journal of Operational Research
207(3), 1554-1563, section 4.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_SAME_EIGENVALUE = 1e-9


@dataclass(frozen=True)
class Affinity:
    """How alike the items (columns) are spread over the units.

    Attributes:
        matrix: (k, k) affinity S_ab = 1 - 2 D(a, b), between 0 and 1.
        eigenvalue: rho, its largest eigenvalue, between 1 and k.
        eps: (k - rho) / (k - 1): 0 if all items move together (radial), 1 if they are unrelated; 0 for one item.
        weights: (k,) principal eigenvector divided by its sum.
    """

    matrix: np.ndarray
    eigenvalue: float
    eps: float
    weights: np.ndarray


def diversity(a: np.ndarray, b: np.ndarray) -> float:
    """D(a, b) = sum |c_j - mean c| / (n (c_max - c_min)), c_j = ln(b_j / a_j); 0 if c is constant; between 0 and 1/2."""
    c = np.log(b) - np.log(a)
    spread = np.ptp(c)
    if spread <= 1e-12 * (1 + np.abs(c).max()):
        return 0.0
    return float(np.abs(c - c.mean()).mean() / spread)


def affinity(values: np.ndarray) -> Affinity:
    """Affinity of the columns of (n, k) positive values."""
    k = values.shape[1]
    matrix = np.eye(k)
    for i in range(k):
        for j in range(i):
            matrix[i, j] = matrix[j, i] = 1 - 2 * diversity(values[:, i], values[:, j])
    eigenvalues, vectors = np.linalg.eigh(matrix)
    rho = float(eigenvalues[-1])
    eps = min(max((k - rho) / (k - 1), 0.0), 1.0) if k > 1 else 0.0
    # Several principal eigenvectors (unrelated groups of items): the one nearest to equal weights.
    space = vectors[:, eigenvalues > rho - _SAME_EIGENVALUE]
    principal = np.abs(space @ space.sum(axis=0))
    return Affinity(matrix, rho, eps, principal / principal.sum())
