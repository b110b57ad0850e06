"""Smoothness bounds: shortest fixed-length interval for a target under bounded second differences of the trend.

The estimator is l'beta_post + w'beta_pre. Write the trend with its slope at the base and its second differences d_t, |d_t| <= M:
after treatment delta_r = r slope + sum (r - t) d_t, before delta_-q = -q slope + sum (q - t) d_-t. The worst-case bias is finite
only if sum q w_q = sum r l_r, and then M (sum_t |b_t| + sum_t |C_t|) with b_t = sum_r>t (r - t) l_r and C_t = sum_q>t (q - t) w_q.
The C_t are free parameters (w is their second difference), so the shortest interval minimises a smooth convex function of
their positive and negative parts. Source: Rambachan and Roth (2023, section 4.1); Armstrong and Kolesar (2018).
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize
from scipy.special import ndtr, ndtri


def smoothness_bounds(beta: np.ndarray, n_pre: int, l_vec: np.ndarray, m: float) -> tuple[float, float]:
    """Identified set of l'tau if ``beta`` were the truth; NaN where its pre-trend bends by more than ``m``."""
    pre = np.append(beta[:n_pre], 0.0)
    if len(pre) > 2 and np.abs(np.diff(pre, 2)).max() > m * (1 + 1e-12) + 1e-15:
        return float("nan"), float("nan")
    slope = -float(beta[n_pre - 1])
    centre = float(l_vec @ beta[n_pre:]) - slope * float(l_vec @ np.arange(1, len(l_vec) + 1))
    half = m * np.abs(_post_reach(l_vec)).sum()
    return centre - half, centre + half


def smoothness_interval(
    beta: np.ndarray, cov: np.ndarray, n_pre: int, l_vec: np.ndarray, m: float, level: float
) -> tuple[float, float]:
    """Shortest fixed-length interval (estimate -+ half length).

    Args:
        beta, cov: (p,), (p, p), the first ``n_pre`` before the base, consecutive periods. l_vec: (p - n_pre,).
    """
    weights, half = shortest_interval(cov, n_pre, l_vec, m, level)
    centre = float(np.append(weights, l_vec) @ beta)
    return centre - half, centre + half


def shortest_interval(
    cov: np.ndarray, n_pre: int, l_vec: np.ndarray, m: float, level: float
) -> tuple[np.ndarray, float]:
    """(n_pre,) weights on the pre-period estimates (in their order) and half length of the shortest interval."""
    to_weights, start = _weights_of_bends(n_pre, l_vec)
    fixed_bias = m * np.abs(_post_reach(l_vec)).sum()
    base, moves = np.append(start, l_vec), np.vstack([to_weights, np.zeros((len(l_vec), n_pre - 1))])
    # Bends are measured in units of the slope constraint, so that the search is well scaled.
    unit = max(abs(float(l_vec @ np.arange(1, len(l_vec) + 1))), np.abs(l_vec).max())
    moves = moves * unit

    def half_length(parts: np.ndarray) -> tuple[float, np.ndarray]:
        """Half the interval's length at these bends, and its gradient."""
        bends = parts[: n_pre - 1] - parts[n_pre - 1 :]
        v = base + moves @ bends
        sd = float(np.sqrt(v @ cov @ v))
        bias = fixed_bias + m * unit * parts.sum()
        critical, derivative = folded_critical_value(bias / sd, level)
        gradient_sd = moves.T @ (cov @ v) / sd
        towards = (critical - derivative * bias / sd) * gradient_sd
        return critical * sd, np.concatenate([towards, -towards]) + derivative * m * unit

    if n_pre == 1:
        return start, half_length(np.empty(0))[0]
    if m == 0:
        bends = -np.linalg.lstsq(moves.T @ cov @ moves, moves.T @ cov @ base, rcond=None)[0]
        parts = np.concatenate([np.maximum(bends, 0), np.maximum(-bends, 0)])
    else:
        scale = half_length(np.zeros(2 * (n_pre - 1)))[0]
        solution = minimize(
            lambda z: tuple(value / scale for value in half_length(z)),
            np.zeros(2 * (n_pre - 1)),
            jac=True,
            bounds=[(0, None)] * (2 * (n_pre - 1)),
            method="L-BFGS-B",
            options={"maxiter": 5000, "maxfun": 50000, "ftol": 1e-15, "gtol": 1e-10},
        )
        parts = solution.x
    bends = parts[: n_pre - 1] - parts[n_pre - 1 :]
    return (base + moves @ bends)[:n_pre], half_length(parts)[0]


def _post_reach(l_vec: np.ndarray) -> np.ndarray:
    """b_t = sum over r > t of (r - t) l_r, t = 0, 1, ..."""
    return np.array([l_vec[t:] @ np.arange(1, len(l_vec) - t + 1) for t in range(len(l_vec))])


def _weights_of_bends(n_pre: int, l_vec: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(n_pre, n_pre - 1) map from the bends C_1.. to weights, and the weights at C = 0, in the order of the pre-periods."""
    slope = float(l_vec @ np.arange(1, len(l_vec) + 1))
    second = np.zeros((n_pre, n_pre + 2))
    for q in range(1, n_pre + 1):
        second[q - 1, q - 1 : q + 2] = 1, -2, 1
    by_distance = second[:, :n_pre]
    return by_distance[::-1, 1:], by_distance[::-1, 0] * slope


def folded_critical_value(t: float, level: float) -> tuple[float, float]:
    """``level`` quantile c of |N(t, 1)| and its derivative in t."""
    t = abs(t)
    c = float(t + ndtri(level) if t > 1 else ndtri(0.5 + level / 2) + t / 2)
    for _ in range(100):
        step = (ndtr(c - t) - ndtr(-c - t) - level) / (_density(c - t) + _density(c + t))
        c = float(c - step)
        if abs(step) < 1e-14 * (1 + c):
            break
    inner, outer = _density(c - t), _density(c + t)
    return c, (inner - outer) / (inner + outer)


def _density(z: float) -> float:
    return float(np.exp(-z * z / 2) / np.sqrt(2 * np.pi))
