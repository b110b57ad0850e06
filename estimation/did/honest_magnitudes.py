"""Relative-magnitude bounds: closed form of the conditional least-favourable test and its inversion.

Fix the pre-period s whose first difference v = +-(beta_s+1 - beta_s) is the largest. The restriction is then linear in delta, and
its only implications for theta = l'tau after the other effects are profiled out are (F_r = sum of l_j over j >= r)

    +-(l'beta - theta) <= M sum|F_r| v,     0 <= 2 M v for every post-period r,

because the dual cone of the moment inequalities has exactly these extreme rays. Each is divided by the sum of the standard
deviations of the moments it combines, which is the normalisation of Andrews, Roth and Pakes. With a single post-period the
restrictions among pre-periods are kept as moments too, as HonestDiD does. The confidence set is the union over s and sign.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri

REFINE = 1e-5


@dataclass(frozen=True)
class Moments:
    """Moments w(theta) = level - slope * theta, mean at most zero under the null.

    Attributes:
        level, slope: (q,). cov: (q, q). critical: least-favourable critical value of the first step.
    """

    level: np.ndarray
    slope: np.ndarray
    cov: np.ndarray
    critical: float


def magnitudes_bounds(beta: np.ndarray, n_pre: int, l_vec: np.ndarray, m: float) -> tuple[float, float]:
    """Identified set of theta if ``beta`` were the truth: l'beta -+ m sum|F_r| max|first pre-difference|."""
    largest = np.abs(np.diff(np.append(beta[:n_pre], 0.0))).max()
    centre = float(l_vec @ beta[n_pre:])
    half = float(m * np.abs(_tail_sums(l_vec)).sum() * largest)
    return centre - half, centre + half


def magnitudes_interval(
    beta: np.ndarray, cov: np.ndarray, n_pre: int, l_vec: np.ndarray, m: float, level: float, noise: np.ndarray
) -> tuple[float, float]:
    """Smallest interval that holds every theta some test accepts.

    Args:
        beta, cov: (p,), (p, p) estimates, the first ``n_pre`` before the base. l_vec: (p - n_pre,).
        noise: (draws, p) standard normal draws for the least-favourable critical values.
    """
    alpha = 1 - level
    tests = _tests(beta, cov, n_pre, l_vec, m, alpha, noise)
    centre = float(l_vec @ beta[n_pre:])
    error = float(np.sqrt(l_vec @ cov[n_pre:, n_pre:] @ l_vec))
    low, high = magnitudes_bounds(beta, n_pre, l_vec, m)
    spread = 8 * error + (high - low) / 2

    def accepted(theta: np.ndarray) -> np.ndarray:
        return np.any([_accepts(test, theta, alpha) for test in tests], axis=0)

    for _ in range(30):
        grid = np.linspace(centre - spread, centre + spread, 2001)
        inside = accepted(grid)
        if not (inside[0] or inside[-1]):
            break
        spread *= 2
    if not inside.any():
        return float("nan"), float("nan")
    first, last = np.flatnonzero(inside)[[0, -1]]
    lower = -np.inf if first == 0 else _edge(accepted, grid[first - 1], grid[first], REFINE * error)
    upper = np.inf if last == len(grid) - 1 else _edge(accepted, grid[last + 1], grid[last], REFINE * error)
    return float(lower), float(upper)


def magnitudes_reject_zero(
    beta: np.ndarray, cov: np.ndarray, n_pre: int, l_vec: np.ndarray, m: float, level: float, noise: np.ndarray
) -> bool:
    """Whether theta = 0 is rejected for every s and sign; arguments as in `magnitudes_interval`."""
    tests = _tests(beta, cov, n_pre, l_vec, m, 1 - level, noise)
    return not any(_accepts(test, np.zeros(1), 1 - level)[0] for test in tests)


def _tests(
    beta: np.ndarray, cov: np.ndarray, n_pre: int, l_vec: np.ndarray, m: float, alpha: float, noise: np.ndarray
) -> list[Moments]:
    errors = noise @ np.linalg.cholesky(cov + np.eye(len(cov)) * 1e-14 * np.trace(cov)).T
    return [_moments(beta, cov, rows, slope, alpha / 10, errors) for rows, slope in _rays(cov, n_pre, l_vec, m)]


def _edge(accepted: Callable[[np.ndarray], np.ndarray], outside: float, inside: float, tolerance: float) -> float:
    """The accepted end of the step from ``outside`` to ``inside``."""
    while abs(inside - outside) > tolerance:
        middle = (inside + outside) / 2
        if accepted(np.array([middle]))[0]:
            inside = middle
        else:
            outside = middle
    return inside


def _tail_sums(l_vec: np.ndarray) -> np.ndarray:
    """F_r = sum of l_j for j >= r."""
    return l_vec[::-1].cumsum()[::-1]


def _rays(cov: np.ndarray, n_pre: int, l_vec: np.ndarray, m: float) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """((q, p) combinations of beta, (q,) slopes in theta) of the normalised moments, for every s and sign."""
    p, n_post = len(cov), len(l_vec)
    with_base = np.insert(np.eye(p), n_pre, 0, axis=0)
    difference = np.diff(with_base, axis=0)
    tails = _tail_sums(l_vec)
    target = np.append(np.zeros(n_pre), l_vec)
    for s in range(n_pre):
        for sign in (1, -1):
            v = sign * difference[s]
            post = difference[n_pre:]
            sd_up, sd_down = _sd(post - m * v, cov), _sd(-post - m * v, cov)
            reach = m * np.abs(tails).sum() * v
            scale_up = np.where(tails > 0, tails * sd_up, -tails * sd_down).sum()
            scale_down = np.where(tails > 0, tails * sd_down, -tails * sd_up).sum()
            rows = [(target - reach) / scale_up, (-target - reach) / scale_down]
            slopes = [1 / scale_up, -1 / scale_down]
            if n_post > 1:
                rows += list(-2 * m * v / (sd_up + sd_down)[:, None])
            else:
                pre = np.vstack([difference[:n_pre] - v, -difference[:n_pre] - v])
                pre = pre[(np.abs(pre) > 1e-12).any(axis=1)]
                rows += list(pre / _sd(pre, cov)[:, None])
            slopes += [0.0] * (len(rows) - 2)
            yield np.array(rows), np.array(slopes)


def _sd(rows: np.ndarray, cov: np.ndarray) -> np.ndarray:
    return np.sqrt(np.einsum("ij,jk,ik->i", rows, cov, rows))


def _moments(
    beta: np.ndarray, cov: np.ndarray, rows: np.ndarray, slope: np.ndarray, kappa: float, errors: np.ndarray
) -> Moments:
    """Moments of one (s, sign) with the (1 - kappa) quantile of their maximum under the least favourable mean zero."""
    critical = float(np.quantile((errors @ rows.T).max(axis=1), 1 - kappa))
    return Moments(rows @ beta, slope, rows @ cov @ rows.T, critical)


def _accepts(moments: Moments, theta: np.ndarray, alpha: float) -> np.ndarray:
    """(g,) whether the hybrid conditional test accepts each theta.

    The statistic is the largest moment. Given which one is largest and the part of the others independent of it, it is normal
    truncated to [low, high]; the first step rejects above ``critical``, which truncates from above.
    """
    kappa = alpha / 10
    size = (alpha - kappa) / (1 - kappa)
    w = moments.level[:, None] - moments.slope[:, None] * theta
    which, columns = w.argmax(axis=0), np.arange(len(theta))
    statistic = w[which, columns]
    variance = np.diag(moments.cov)[which]
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = moments.cov[:, which] / variance
        limit = (w - ratio * statistic) / (1 - ratio)
    low = np.where(ratio < 1 - 1e-9, limit, -np.inf).max(axis=0)
    high = np.where(ratio > 1 + 1e-9, limit, np.inf).min(axis=0)
    sd = np.sqrt(variance)
    known = sd < 1e-10
    sd = np.where(known, 1.0, sd)
    upper = np.minimum(high, moments.critical) / sd
    cutoff = np.maximum(0, _truncated_quantile(1 - size, low / sd, upper))
    conditional = statistic / sd <= cutoff
    # A combination without sampling error rejects exactly when it is positive.
    return np.where(known, statistic <= 0, conditional & (statistic <= moments.critical))


def _truncated_quantile(p: float, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """p-quantile of a standard normal truncated to [low, high], computed in the nearer tail."""
    right = low > 0
    near, far = np.where(right, -high, low), np.where(right, -low, high)
    share = np.where(right, 1 - p, p)
    quantile = ndtri(ndtr(near) + share * (ndtr(far) - ndtr(near)))
    quantile = np.clip(quantile, near, far)
    return np.where(right, -quantile, quantile)
