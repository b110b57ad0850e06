"""Market segmentation and integration from the dispersion of relative prices (price-variance method).

dQ_ijt^k = ln(r_it^k / r_jt^k) with r the retail price index of good k (previous year = 100), i.e. the change of the log
relative price; q_ijt^k = |dQ_ijt^k| less its mean over the pairs, good by good and year by year; Seg_it = sum_j w_j
Var_k(q_ijt); Mar_it = scale * (1 / Seg_it)^(1/2). Source: Parsley and Wei (2001), Journal of International Economics 55, 87-105, and
the papers on Chinese market integration that follow it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd

from estimation.core.frame import EstimationError, panel_frame

Demean = Literal["all_pairs", "own_pairs"]


@dataclass(frozen=True)
class MarketSegmentation:
    """Segmentation and integration by city and year.

    Attributes:
        table: entity, time, ``segmentation``, ``integration`` (NaN where segmentation is zero or missing) and ``partners``,
            the number of cities compared with; sorted by entity and time.
        n_zero: values with segmentation zero (identical relative prices), whose integration is not defined.
        options: ddof, demean, scale, weights (``equal`` or ``given``), goods.
    """

    table: pd.DataFrame
    n_zero: int
    options: dict[str, Any]


def market_segmentation(
    df: pd.DataFrame,
    goods: Sequence[str],
    *,
    entity: str = "city_code",
    time: str = "year",
    weights: Any = None,
    demean: Demean = "all_pairs",
    ddof: int = 1,
    scale: float = 1.0,
) -> MarketSegmentation:
    """Price-variance segmentation of every city against all others.

    Args:
        df: long panel. goods: columns of retail price indices (previous year = 100), above zero; may hold gaps: a pair is
            compared over the goods both have.
        weights: None: equal weights 1/(partners); or an (n, n) matrix in sorted order of the entities (e.g. contiguity),
            whose rows are scaled to one over the partners with a value.
        demean: the mean subtracted from |dQ| runs over all pairs of the year, or over the pairs of city i.
        ddof: 1 for the sample variance over goods, 0 for the population variance.
        scale: factor on integration (0.01 for hundredths).

    Raises:
        EstimationError: fewer than two goods, prices that are not above zero, weights of the wrong shape, unknown options.
    """
    if demean not in get_args(Demean) or ddof not in (0, 1):
        raise EstimationError(f"demean={demean!r} must be one of {', '.join(get_args(Demean))}, ddof={ddof!r} 0 or 1")
    names = list(goods)
    if len(set(names)) < 2:
        raise EstimationError("at least two different goods are needed: the variance runs over goods")
    frame = panel_frame(df, [], entity=entity, time=time, allow_missing=names)
    prices = frame.array(names)
    if (prices <= 0).any():
        row, column = np.argwhere(prices <= 0)[0]
        raise EstimationError(
            f"price indices must be above zero; {names[column]} is {prices[row, column]} for "
            f"{frame.entities[frame.entity_codes[row]]} in {frame.times[frame.time_codes[row]]}"
        )
    shares = _weights(weights, len(frame.entities))
    segmentation, partners = np.full(len(prices), np.nan), np.zeros(len(prices), dtype=int)
    for period in range(len(frame.times)):
        rows = np.flatnonzero(frame.time_codes == period)
        here = frame.entity_codes[rows]
        variances = pair_variances(np.log(prices[rows]), demean=demean, ddof=ddof)
        segmentation[rows], partners[rows] = _weighted_mean(variances, shares[np.ix_(here, here)])
    zero = segmentation == 0
    integration = scale / np.sqrt(np.where(zero, np.nan, segmentation))
    table = frame.data[[entity, time]].assign(segmentation=segmentation, integration=integration, partners=partners)
    options = {
        "ddof": ddof,
        "demean": demean,
        "scale": scale,
        "weights": "equal" if weights is None else "given",
        "goods": tuple(names),
    }
    return MarketSegmentation(table, int(zero.sum()), options)


def pair_variances(log_prices: np.ndarray, *, demean: str = "all_pairs", ddof: int = 1) -> np.ndarray:
    """(n, n) variance over goods of the demeaned absolute change of relative prices; NaN on the diagonal.

    Args:
        log_prices: (n, k) logs of price indices of one year; NaN where a good is missing.

    A pair with fewer than ``ddof + 1`` common goods (two at least) has no variance.
    """
    n, k = log_prices.shape
    gaps = np.empty((k, n, n))
    for good, values in enumerate(log_prices.T):
        gap = np.abs(values[:, None] - values[None, :])
        np.fill_diagonal(gap, np.nan)
        gaps[good] = gap - _mean(gap, axis=1 if demean == "own_pairs" else None)
    known = ~np.isnan(gaps)
    count = known.sum(axis=0)
    enough = count >= 2
    filled = np.where(known, gaps, 0.0)
    mean = np.divide(filled.sum(axis=0), count, out=np.zeros((n, n)), where=enough)
    squares = np.where(known, (gaps - mean) ** 2, 0.0).sum(axis=0)
    return np.divide(squares, count - ddof, out=np.full((n, n), np.nan), where=enough)


def _mean(gap: np.ndarray, axis: int | None) -> np.ndarray | float:
    """Mean over the pairs that have the good; NaN where none has it."""
    known = ~np.isnan(gap)
    count = known.sum(axis=axis, keepdims=True)
    total = np.where(known, gap, 0.0).sum(axis=axis, keepdims=True)
    return np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)


def _weights(weights: Any, n: int) -> np.ndarray:
    if weights is None:
        return np.ones((n, n))
    matrix = np.asarray(weights, dtype=float)
    if matrix.shape != (n, n) or not np.isfinite(matrix).all() or (matrix < 0).any():
        raise EstimationError(
            f"weights must be an ({n}, {n}) matrix of finite numbers >= 0; the shape is {matrix.shape}"
        )
    return matrix


def _weighted_mean(variances: np.ndarray, shares: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(n,) mean over partners with a variance and a weight, and their number."""
    used = ~np.isnan(variances) & (shares > 0)
    total = np.where(used, shares, 0.0).sum(axis=1)
    sums = np.where(used, shares * np.where(used, variances, 0.0), 0.0).sum(axis=1)
    return np.divide(sums, total, out=np.full(len(total), np.nan), where=total > 0), used.sum(axis=1)
