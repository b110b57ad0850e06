"""Small simulated panels with known truth, and least squares written out with dummy variables."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd


def staggered_panel(
    rng: np.random.Generator,
    *,
    n: int = 60,
    periods: range = range(2010, 2020),
    waves: dict[int, float] | None = None,
    effect: Callable[[np.ndarray, np.ndarray], np.ndarray] = lambda event_time, cohort: np.ones_like(event_time),
    controls: int = 0,
    noise: float = 1.0,
    serial: float = 0.0,
) -> pd.DataFrame:
    """City-year panel, columns city_code, year, cohort (NaN never), treat, x0.., y, effect, province.

    Args:
        waves: share of cities by first treated year; the rest is never treated.
        effect: (event_time, cohort) -> effect of treated rows. serial: autocorrelation of the errors within a city.
    """
    waves = {2014: 0.25, 2016: 0.25} if waves is None else waves
    counts = [round(share * n) for share in waves.values()]
    cohorts = np.repeat([*waves, np.nan], [*counts, n - sum(counts)]).astype(float)
    cohorts = rng.permutation(cohorts)
    year = np.tile(np.array(periods), n)
    city = np.repeat(np.arange(n), len(periods))
    cohort = cohorts[city]
    treated = year >= cohort
    df = pd.DataFrame({"city_code": 110000 + 100 * city, "year": year, "cohort": cohort})
    df["treat"] = treated.astype(float)
    df["effect"] = np.where(treated, effect(np.where(treated, year - cohort, 0), np.nan_to_num(cohort)), 0.0)
    errors = rng.normal(size=(n, len(periods)))
    for t in range(1, len(periods)):
        errors[:, t] = serial * errors[:, t - 1] + np.sqrt(1 - serial**2) * errors[:, t]
    df["y"] = (
        df["effect"]
        + rng.normal(size=n)[city]
        + rng.normal(size=len(periods))[year - periods[0]]
        + noise * errors.ravel()
    )
    for j in range(controls):
        df[f"x{j}"] = rng.normal(size=len(df)) + rng.normal(size=n)[city]
        df["y"] += (j + 1) * df[f"x{j}"]
    df["province"] = [f"p{c // 5}" for c in city]
    return df


def dummy_matrix(df: pd.DataFrame, *keys: str) -> np.ndarray:
    """Constant and dummies of the keys, the first level of each left out."""
    parts = [np.ones((len(df), 1))]
    parts += [pd.get_dummies(df[key], drop_first=True, dtype=float).to_numpy() for key in keys]
    return np.column_stack(parts)


def dummy_least_squares(
    df: pd.DataFrame, y: str, x: list[str], *keys: str, weights: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Coefficients of x, their block of (Z'WZ)^-1 and the residuals of y on x and dummies Z."""
    Z = np.column_stack([df[x].to_numpy(dtype=float), dummy_matrix(df, *keys)])
    w = np.ones(len(df)) if weights is None else weights
    outcome = df[y].to_numpy(dtype=float)
    inverse = np.linalg.pinv(Z * np.sqrt(w)[:, None], rcond=1e-12)
    beta = inverse @ (np.sqrt(w) * outcome)
    return beta[: len(x)], (inverse @ inverse.T)[: len(x), : len(x)], outcome - Z @ beta
