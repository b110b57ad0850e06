"""Spatial panels written out the slow way: dummies, Kronecker products, dense determinants and numerical derivatives.

What the vectorised estimators are compared with; also small panels with known truth.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.linalg import null_space
from scipy.optimize import minimize

N, T = 14, 5
PARTS = {
    "sar": (True, False),
    "sdm": (True, False),
    "sem": (False, True),
    "sdem": (False, True),
    "sac": (True, True),
    "slx": (False, False),
}


def neighbours(n: int, rng: np.random.Generator, *, standardise: str = "row") -> np.ndarray:
    """(n, n) symmetric nearest-neighbour contiguity of random points, row-standardised, spectral or raw."""
    points = rng.random((n, 2))
    distance = np.hypot(*(points[:, None] - points[None]).transpose(2, 0, 1))
    np.fill_diagonal(distance, np.inf)
    W = np.zeros((n, n))
    W[np.arange(n)[:, None], np.argsort(distance, axis=1)[:, :4]] = 1
    W = np.maximum(W, W.T)
    if standardise == "row":
        return W / W.sum(axis=1, keepdims=True)
    return W / np.linalg.eigvalsh(W).max() if standardise == "spectral" else W


def one_way(n: int, rng: np.random.Generator) -> np.ndarray:
    """(n, n) row-standardised weights of three random neighbours each: asymmetric, complex eigenvalues."""
    W = np.zeros((n, n))
    for i in range(n):
        W[i, rng.choice(np.delete(np.arange(n), i), 3, replace=False)] = rng.random(3) + 0.2
    return W / W.sum(axis=1, keepdims=True)


def simulate(
    W: np.ndarray,
    periods: int,
    rng: np.random.Generator,
    *,
    rho: float = 0.0,
    lam: float = 0.0,
    beta: tuple[float, ...] = (1.0, -0.5),
    theta: tuple[float, ...] = (0.0, 0.0),
    sigma: float = 1.0,
    effects: str = "twoways",
) -> pd.DataFrame:
    """Long frame with columns city_code, year, y, x1, x2, ...; effects correlated with the regressors."""
    n, k = len(W), len(beta)
    alpha = rng.standard_normal((n, 1)) * (effects in ("entity", "twoways"))
    gamma = rng.standard_normal((1, periods)) * (effects in ("time", "twoways"))
    X = rng.standard_normal((n, periods, k)) + 0.5 * (alpha + gamma)[:, :, None]
    noise = np.linalg.solve(np.eye(n) - lam * W, sigma * rng.standard_normal((n, periods)))
    mean = X @ np.array(beta) + np.einsum("ij,jtk,k->it", W, X, np.array(theta)) + alpha + gamma
    y = np.linalg.solve(np.eye(n) - rho * W, mean + noise)
    return frame(y, X)


def frame(y: np.ndarray, X: np.ndarray) -> pd.DataFrame:
    """Long frame of (n, T) outcome and (n, T, k) regressors."""
    n, periods, k = X.shape
    df = pd.DataFrame(
        {"city_code": np.repeat(np.arange(n) + 100, periods), "year": np.tile(np.arange(periods), n) + 2000}
    )
    df["y"] = y.ravel()
    for j in range(k):
        df[f"x{j + 1}"] = X[:, :, j].ravel()
    return df


def dummies(n: int, periods: int, effects: str) -> np.ndarray:
    """(n T, q) effect dummies, entity-major rows; a constant without effects."""
    entity, time = np.kron(np.eye(n), np.ones((periods, 1))), np.kron(np.ones((n, 1)), np.eye(periods))
    return {
        "none": np.ones((n * periods, 1)),
        "entity": entity,
        "time": time,
        "twoways": np.hstack([entity, time[:, 1:]]),
    }[effects]


def stacked_loglik(
    y: np.ndarray, X: np.ndarray, D: np.ndarray, W: np.ndarray, rho: float, lam: float
) -> tuple[float, np.ndarray]:
    """ln L with dense NT x NT matrices at given rho and lambda, and the slopes of X; D: dummies after the filter."""
    n_obs, periods = len(y), len(y) // len(W)
    big_W = np.kron(W, np.eye(periods))
    R = np.eye(n_obs) - lam * big_W
    S = np.eye(n_obs) - rho * big_W
    left, right = R @ S @ y, np.hstack([R @ X, D])
    coefficients = np.linalg.lstsq(right, left, rcond=None)[0]
    e = left - right @ coefficients
    s2 = e @ e / n_obs
    log_det = np.linalg.slogdet(S)[1] + np.linalg.slogdet(R)[1]
    return float(log_det - n_obs / 2 * (np.log(2 * np.pi * s2) + 1)), coefficients[: X.shape[1]]


def dummy_variable_ml(
    y: np.ndarray, X: np.ndarray, D: np.ndarray, W: np.ndarray, model: str, start: tuple[float, float]
) -> tuple[float, float, np.ndarray, float]:
    """rho, lambda, slopes and ln L by brute-force maximisation over dummy-variable regressions."""
    has = PARTS[model]
    free = [i for i in range(2) if has[i]]

    def full(p: np.ndarray) -> tuple[float, float]:
        values = [0.0, 0.0]
        for i, value in zip(free, p, strict=True):
            values[i] = float(value)
        return values[0], values[1]

    if not free:
        ll, b = stacked_loglik(y, X, D, W, 0.0, 0.0)
        return 0.0, 0.0, b, ll
    found = minimize(
        lambda p: -stacked_loglik(y, X, D, W, *full(p))[0], [start[i] for i in free], method="Nelder-Mead",
        options={"xatol": 1e-10, "fatol": 1e-13, "maxiter": 2000},
    )  # fmt: skip
    ll, b = stacked_loglik(y, X, D, W, *full(found.x))
    return *full(found.x), b, ll


def orthonormal(n: int) -> np.ndarray:
    """(n, n - 1) F with F'F = I and F'1 = 0."""
    return null_space(np.ones((1, n)))


def case(kind: str = "row", seed: int = 0, **truth: object) -> tuple[pd.DataFrame, np.ndarray]:
    """A simulated panel of N units and T periods, and its (N, N) weights."""
    rng = np.random.default_rng(seed)
    W = one_way(N, rng) if kind == "one_way" else neighbours(N, rng, standardise=kind)
    return simulate(W, T, rng, **({"rho": 0.35, "theta": (0.4, 0.2)} | truth)), W  # type: ignore[arg-type]


def arrays(df: pd.DataFrame, W: np.ndarray, lagged: bool) -> tuple[np.ndarray, np.ndarray]:
    """(N T,) outcome and (N T, 2 or 4) regressors, with their spatial lags where `lagged`."""
    y, X = df["y"].to_numpy(), df[["x1", "x2"]].to_numpy()
    big_W = np.kron(W, np.eye(T))
    return y, np.hstack([X, big_W @ X]) if lagged else X
