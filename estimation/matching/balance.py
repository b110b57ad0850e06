"""How alike treated and control groups are before and after weighting."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd


def balance_table(
    values: Mapping[str, np.ndarray], treated: np.ndarray, weights: np.ndarray, base: np.ndarray | None = None
) -> pd.DataFrame:
    """Means, standardised differences, variance ratios and distribution gaps before and after weighting.

    The standardised mean difference (``smd``) divides by the standard deviation of the treated before weighting, in
    both columns; ``bias`` is the same in percent. ``ecdf_mean`` and ``ecdf_max`` are the mean and largest gap between
    the weighted empirical distribution functions over the distinct values (for a 0/1 variable both are the difference
    of means). Conventions of MatchIt (Ho, Imai, King and Stuart 2011).

    Args:
        values: (n,) values by variable. treated: (n,) 0/1. weights: (n,) weights after matching.
        base: (n,) weights before matching, ones unless given.

    Returns:
        One row a variable; every measure with the suffix ``_before`` or ``_after``; ``bias_reduction_pct``.
    """
    before = np.ones(len(treated)) if base is None else base
    rows = {}
    for name, x in values.items():
        spread = _spread(x[(treated > 0) & (before > 0)])
        first, second = _measures(x, treated, before, spread), _measures(x, treated, weights, spread)
        row = {f"{key}_before": value for key, value in first.items()}
        row |= {f"{key}_after": value for key, value in second.items()}
        old = abs(first["smd"])
        row["bias_reduction_pct"] = 100 * (1 - abs(second["smd"]) / old) if old > 0 else np.nan
        rows[name] = row
    return pd.DataFrame.from_dict(rows, orient="index")


def _spread(x: np.ndarray) -> float:
    """Standard deviation; sqrt(p(1 - p)) for a 0/1 variable."""
    binary = bool(np.isin(x, (0, 1)).all())
    return float(np.std(x, ddof=0 if binary else 1))


def _measures(x: np.ndarray, treated: np.ndarray, weights: np.ndarray, spread: float) -> dict[str, float]:
    one, zero = treated > 0, treated == 0
    mean_1, mean_0 = _mean(x[one], weights[one]), _mean(x[zero], weights[zero])
    smd = (mean_1 - mean_0) / spread if spread > 0 else np.nan
    binary = bool(np.isin(x, (0, 1)).all())
    ratio = np.nan if binary else _ratio(_variance(x[one], weights[one]), _variance(x[zero], weights[zero]))
    gap = np.full(1, abs(mean_1 - mean_0)) if binary else _ecdf_gaps(x, treated, weights)
    return {
        "mean_treated": mean_1,
        "mean_control": mean_0,
        "smd": smd,
        "bias_pct": 100 * smd,
        "variance_ratio": ratio,
        "ecdf_mean": float(gap.mean()),
        "ecdf_max": float(gap.max()),
    }


def _mean(x: np.ndarray, w: np.ndarray) -> float:
    return float(w @ x / w.sum()) if w.sum() > 0 else np.nan


def _variance(x: np.ndarray, w: np.ndarray) -> float:
    """Unbiased weighted variance: sum w (x - mean)^2 / (W - sum w^2 / W)."""
    total = w.sum()
    dof = total - (w @ w) / total if total > 0 else 0.0
    return float(w @ (x - _mean(x, w)) ** 2 / dof) if dof > 0 else np.nan


def _ratio(a: float, b: float) -> float:
    return a / b if b > 0 else np.nan


def _ecdf_gaps(x: np.ndarray, treated: np.ndarray, weights: np.ndarray) -> np.ndarray:
    distinct, code = np.unique(x, return_inverse=True)
    shares = []
    for group in (treated > 0, treated == 0):
        mass = np.bincount(code[group], weights[group], minlength=len(distinct))
        shares.append(np.cumsum(mass) / mass.sum() if mass.sum() > 0 else np.full(len(distinct), np.nan))
    return np.abs(shares[0] - shares[1])


def effective_sample_size(weights: np.ndarray) -> float:
    """(sum w)^2 / sum w^2 (Kish)."""
    return float(weights.sum() ** 2 / (weights @ weights)) if (weights > 0).any() else 0.0
