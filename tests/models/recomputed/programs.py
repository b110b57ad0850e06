"""Frontier scores, one linear program a unit, written out as the papers print them."""

from __future__ import annotations

import numpy as np
from scipy.optimize import linprog


def affinity(values: np.ndarray) -> np.ndarray:
    """Epsilon times the weights of a group of items: S_ab = 1 - 2 D, D the mean distance of ln(b/a) from its mean over its range."""
    k = values.shape[1]
    if k == 1:
        return np.zeros(1)
    S = np.eye(k)
    for a in range(k):
        for b in range(k):
            c = np.log(values[:, b] / values[:, a])
            if a != b and np.ptp(c) > 0:
                S[a, b] = 1 - 2 * np.abs(c - c.mean()).mean() / np.ptp(c)
    roots, vectors = np.linalg.eigh(S)
    principal = np.abs(vectors[:, -1])
    return (k - roots[-1]) / (k - 1) * principal / principal.sum()


def ebm(X: np.ndarray, Y: np.ndarray, B: np.ndarray, orientation: str = "none", rts: str = "crs") -> np.ndarray:
    """(n,) scores min [theta - sum w s- / x0] / [phi + sum w s+ / y0 + sum w sb / b0], theta <= 1 <= phi, each against all units."""
    weights = [affinity(values) for values in (X, Y, B)]
    if orientation == "in":
        weights = [weights[0], 0 * weights[1], 0 * weights[2]]
    if orientation == "out":
        weights = [0 * weights[0], weights[1], weights[2]]
    fixed = {"none": (False, False), "in": (False, True), "out": (True, False)}[orientation]
    return scores(X, Y, B, weights, fixed, rts == "vrs")


def sbm(X: np.ndarray, Y: np.ndarray, B: np.ndarray, units: int | None = None) -> np.ndarray:
    """(n,) scores, or those of the first units, with theta = phi = 1 and equal weights 1/m of inputs, 1/(s + p) of outputs."""
    m, others = X.shape[1], Y.shape[1] + B.shape[1]
    weights = [np.full(m, 1 / m), np.full(Y.shape[1], 1 / others), np.full(B.shape[1], 1 / others)]
    return scores(X, Y, B, weights, (True, True), False, units)


def super_sbm(x: np.ndarray, y: np.ndarray, b: np.ndarray, X: np.ndarray, Y: np.ndarray, B: np.ndarray) -> float:
    """Score of a unit against a frontier that it may lie beyond: 1 or more there, its distance back; that of SBM within.

    Beyond: min [1 + sum s- / (m x0)] / [1 - (sum s+ / y0 + sum sb / b0) / (s + p)], X lambda <= x0 + s-, Y lambda >= y0 - s+, B lambda <= b0 + sb.
    """
    n, m, others = len(X), len(x), len(y) + len(b)
    cost = np.concatenate([[1], np.zeros(n), np.full(m, 1 / m), np.zeros(others)])
    one = np.concatenate([[1], np.zeros(n + m), np.full(others, -1 / others)])
    table = np.hstack([X / x, -Y / y, B / b]).T
    signs = np.concatenate([-np.ones(m), np.ones(len(y)), -np.ones(len(b))])
    A = np.hstack([signs[:, None], table, -np.eye(m + others)])
    beyond = linprog(cost, A_ub=A, b_ub=np.zeros(m + others), A_eq=one[None, :], b_eq=[1.0], method="highs-ds").fun
    return beyond if beyond > 1 + 1e-9 else against(x, y, b, X, Y, B)


def against(x: np.ndarray, y: np.ndarray, b: np.ndarray, X: np.ndarray, Y: np.ndarray, B: np.ndarray) -> float:
    """Score of SBM of a unit within a frontier: the unit among the others does not move it."""
    return float(sbm(*(np.vstack([own, values]) for own, values in ((x, X), (y, Y), (b, B))), units=1)[0])


def scores(X, Y, B, weights, fixed: tuple[bool, bool], vrs: bool, units: int | None = None) -> np.ndarray:
    """(n,) scores; ``fixed`` says whether theta and phi are 1."""
    limits = np.zeros((2, 3 + len(X) + X.shape[1] + Y.shape[1] + B.shape[1]))
    limits[0, :2], limits[1, [0, 2]] = (-1, 1), (1, -1)  # theta <= 1, phi >= 1
    equal, free = limits[np.array(fixed)], limits[~np.array(fixed)]
    found = np.empty(units or len(X))
    for unit in range(len(found)):
        cost, A, right = program(X / X[unit], Y / Y[unit], B / B[unit], weights, vrs)
        A, right = np.vstack([A, equal]), np.concatenate([right, np.zeros(len(equal))])
        upper = {"A_ub": free, "b_ub": np.zeros(len(free))} if len(free) else {}
        found[unit] = linprog(cost, A_eq=A, b_eq=right, method="highs-ds", **upper).fun
    return found


def program(X, Y, B, weights, vrs: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cost, equations and their right sides for the unit whose data are 1.

    The ratio made linear: variables t, t theta, t phi, t lambda, t slacks; the denominator is 1.
    """
    n, m, others = len(X), X.shape[1], Y.shape[1] + B.shape[1]
    cost = np.concatenate([[0, 1, 0], np.zeros(n), -weights[0], np.zeros(others)])
    denominator = np.concatenate([[0, 0, 1], np.zeros(n + m), weights[1], weights[2]])
    radial = np.zeros((m + others, 3))
    radial[:m, 1] = radial[m:, 2] = -1
    signs = np.concatenate([np.ones(m), -np.ones(Y.shape[1]), np.ones(B.shape[1])])
    rows = [denominator, *np.hstack([radial, np.hstack([X, Y, B]).T, np.diag(signs)])]
    if vrs:
        rows.append(np.concatenate([[-1, 0, 0], np.ones(n), np.zeros(m + others)]))
    return cost, np.array(rows), np.array([1.0, *np.zeros(len(rows) - 1)])
