"""Technological complexity of products and of what a place makes: PRODY and EXPY.

Source: Hausmann, Hwang and Rodrik (2007), What you export matters, Journal of Economic Growth 12, 1-25.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from estimation.core.frame import EstimationError


def prody(X: Any, gdp_pc: Any) -> np.ndarray:
    """(k,) PRODY_k = sum_c [ (x_ck / X_c) / sum_c (x_ck / X_c) ] y_c: income of the exporters, weighted by revealed advantage.

    Args:
        X: (c, k) exports of product k by country c, not negative (0 where there are none).
        gdp_pc: (c,) GDP per head of the exporter.

    Returns:
        NaN for a product nobody exports. Countries without any exports have no weight.

    Raises:
        EstimationError: unusable exports, or an exporter without an income.
    """
    exports = _exports(X)
    income = np.asarray(gdp_pc, dtype=float)
    if income.shape != (len(exports),):
        raise EstimationError(
            f"gdp_pc must hold one value for each of {len(exports)} countries; its shape is {income.shape}"
        )
    trading = exports.sum(axis=1) > 0
    unknown = np.flatnonzero(trading & ~np.isfinite(income))
    if len(unknown):
        raise EstimationError(
            f"gdp_pc is missing for {len(unknown)} exporter(s), first in row {unknown[0]}; leave them out"
        )
    shares = shares_of_rows(exports[trading])
    total = shares.sum(axis=0)
    weighted = income[trading] @ shares
    return np.divide(weighted, total, out=np.full(len(total), np.nan), where=total > 0)


def expy(X: Any, prody: Any) -> np.ndarray:
    """(n,) EXPY_i = sum_k (x_ik / X_i) PRODY_k: mean complexity of a basket (exports of a country, output of a city).

    Args:
        X: (n, k) values by product or industry, not negative. prody: (k,) complexity of each.

    Returns:
        NaN for a row without any value.

    Raises:
        EstimationError: unusable values, or a product with a value but without a complexity.
    """
    baskets = _exports(X)
    complexity = np.asarray(prody, dtype=float)
    if complexity.shape != (baskets.shape[1],):
        raise EstimationError(
            f"prody must hold one value for each of {baskets.shape[1]} products; its shape is {complexity.shape}"
        )
    unknown = np.flatnonzero(np.isnan(complexity) & (baskets > 0).any(axis=0))
    if len(unknown):
        raise EstimationError(
            f"prody is missing for {len(unknown)} product(s) that have a value, first column {unknown[0]}"
        )
    present = baskets.sum(axis=1) > 0
    result = np.full(len(baskets), np.nan)
    result[present] = shares_of_rows(baskets[present]) @ np.where(np.isnan(complexity), 0.0, complexity)
    return result


def industry_prody(prody: Any, industry: Any, industries: Any) -> np.ndarray:
    """(s,) complexity of industries: the mean PRODY of their products, NaN for an industry without any.

    Args:
        prody, industry: (k,) one entry a pair of the concordance: complexity of the product and its industry. A product that
            belongs to several industries is listed once for each. NaN (nobody exports it) is left out of the mean.
        industries: (s,) labels in the order wanted.
    """
    complexity, labels = np.asarray(prody, dtype=float), np.asarray(industry)
    if complexity.shape != labels.shape:
        raise EstimationError(f"prody and industry have different lengths: {len(complexity)} and {len(labels)}")
    known = ~np.isnan(complexity)
    members = [complexity[known & (labels == name)] for name in np.asarray(industries)]
    return np.array([member.mean() if len(member) else np.nan for member in members])


def shares_of_rows(values: np.ndarray) -> np.ndarray:
    """(n, k) each row divided by its sum."""
    return np.asarray(values / values.sum(axis=1, keepdims=True))


def _exports(X: Any) -> np.ndarray:
    exports = np.asarray(X, dtype=float)
    if exports.ndim != 2:
        raise EstimationError(f"X must be a table of countries (or cities) by products; its shape is {exports.shape}")
    bad = ~(np.isfinite(exports) & (exports >= 0))
    if bad.any():
        row, column = np.argwhere(bad)[0]
        raise EstimationError(
            f"{int(bad.sum())} cell(s) are missing, infinite or negative, first row {row}, column {column}; "
            "no trade is 0"
        )
    return exports
