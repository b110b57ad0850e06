"""Composite indices: principal components, entropy weights, TOPSIS.

Means, limits, weights and ideal points come from the base rows only, so that a frozen base leaves old values untouched
when a year is added.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from scipy import stats

from estimation.core.frame import EstimationError
from estimation.core.labels import by_name
from estimation.core.results import HypothesisTest
from estimation.indices.data import Directions, Indicators, Missing, indicators, minmax, zscores

Standardise = Literal["zscore", "minmax", "none"]
Sign = Literal["loadings_sum", "largest"]
Rescale = Literal["none", "minmax", "shift_scale"]
Norm = Literal["minmax", "vector", "none"]
ShareOf = Literal["minmax", "raw"]

PRINTED_MEAN, PRINTED_SD = 0.6003, 0.0480
ZERO_SHIFT = 1e-4
_CUMULATIVE = 0.85
_EQUAL = 1e-9


@dataclass(frozen=True)
class PcaIndex:
    """Index from principal components.

    Attributes:
        score: (n,) index, rescaled: shift + factor * raw.
        raw: (n,) sum over kept components of weight times component score.
        weights: (k,) eigenvalues of the kept components divided by their sum.
        loadings: (p, k) eigenvectors (unit length, signed). eigenvalues: (p,) all of them, largest first.
        indicator_weights: (p,) loadings @ weights: what one standardised unit of an indicator adds to ``raw``.
        components: (n, k) unstandardised component scores.
        explained: share of the variance of the kept components.
        kmo: Kaiser-Meyer-Olkin measure; msa: (p,) the same by indicator. NaN where indicators are collinear.
        bartlett: test of sphericity (no correlation among the indicators).
        shift, factor: constants of the rescaling.
        indicators, signs, n_base: names, directions and number of base rows.
    """

    score: np.ndarray
    raw: np.ndarray
    weights: np.ndarray
    loadings: np.ndarray
    eigenvalues: np.ndarray
    indicator_weights: np.ndarray
    components: np.ndarray
    explained: float
    kmo: float
    msa: np.ndarray
    bartlett: HypothesisTest
    shift: float
    factor: float
    indicators: tuple[str, ...]
    signs: np.ndarray
    n_base: int

    def to_frame(self) -> pd.DataFrame:
        """One row an indicator: direction, weight, sampling adequacy, loadings."""
        table = {"indicator": self.indicators, "sign": self.signs, "weight": self.indicator_weights, "msa": self.msa}
        table |= {f"loading_{j + 1}": self.loadings[:, j] for j in range(self.loadings.shape[1])}
        return pd.DataFrame(table)


def pca_index(
    I: Any,  # noqa: E741
    directions: Directions = None,
    *,
    standardise: Standardise = "zscore",
    k_rule: str | float = "kaiser",
    sign: Sign = "loadings_sum",
    rescale: Rescale = "none",
    target: tuple[float, float] = (PRINTED_MEAN, PRINTED_SD),
    base: Any = None,
    missing: Missing = "error",
) -> PcaIndex:
    """Index F = sum_k lambda_k / sum(lambda) * PC_k over the kept principal components of the directed indicators.

    Args:
        I: (n, p) indicators. directions: ``+``/``-`` or 1/-1 a column (see `estimation.indices.data.indicators`).
        standardise: population z-scores (correlation matrix), min-max scores or none (covariance matrix).
        k_rule: ``kaiser`` (eigenvalue above the average, i.e. above 1 for z-scores), ``cumulative`` (0.85 of the variance),
            a number below 1 (that share), or a whole number of components.
        sign: of each eigenvector: loadings sum to >= 0, or the largest loading is positive.
        rescale: ``none``, ``minmax`` (to [0, 1] over the base rows), or ``shift_scale`` to the mean and (population) standard
            deviation ``target`` over the base rows.
        base, missing: see `estimation.indices.data.indicators`.

    Raises:
        EstimationError: unusable indicators or options, or equal eigenvalues among those kept (components not unique).
    """
    _one_of("sign", sign, Sign)
    _one_of("rescale", rescale, Rescale)
    data = indicators(I, directions, base=base, missing=missing)
    centred = _centred(data, standardise)
    values, vectors = np.linalg.eigh(centred[data.base].T @ centred[data.base] / data.n_base)
    values, vectors = values[::-1], _signed(vectors[:, ::-1], sign)
    kept = _n_components(values, k_rule)
    _check_unique(values, kept)
    weights = values[:kept] / values[:kept].sum()
    components = centred[data.complete] @ vectors[:, :kept]
    raw = data.spread(components @ weights)
    shift, factor = _rescaling(raw[data.base], rescale, target)
    correlation = np.atleast_2d(np.corrcoef(data.base_values * data.signs, rowvar=False))
    overall, each = kmo(correlation)
    return PcaIndex(
        score=shift + factor * raw,
        raw=raw,
        weights=weights,
        loadings=vectors[:, :kept],
        eigenvalues=values,
        indicator_weights=vectors[:, :kept] @ weights,
        components=data.spread(components),
        explained=float(values[:kept].sum() / values.sum()),
        kmo=overall,
        msa=each,
        bartlett=bartlett(correlation, data.n_base),
        shift=shift,
        factor=factor,
        indicators=data.names,
        signs=data.signs,
        n_base=data.n_base,
    )


def _centred(data: Indicators, standardise: Standardise) -> np.ndarray:
    """(n, p) standardised indicators less their mean over the base rows."""
    _one_of("standardise", standardise, Standardise)
    table = {"zscore": zscores, "minmax": minmax, "none": lambda d: d.signs * d.table}[standardise](data)
    return np.asarray(table - table[data.base].mean(axis=0))


def _signed(vectors: np.ndarray, rule: str) -> np.ndarray:
    """Eigenvectors with the sign of the rule; a sum of zero is decided by the first loading that is not zero."""
    decisive = vectors.sum(axis=0)
    if rule == "largest":
        decisive = vectors[np.abs(vectors).argmax(axis=0), np.arange(vectors.shape[1])]
    first = vectors[(np.abs(vectors) > _EQUAL).argmax(axis=0), np.arange(vectors.shape[1])]
    decisive = np.where(np.abs(decisive) > _EQUAL, decisive, first)
    return np.asarray(vectors * np.where(decisive < 0, -1.0, 1.0))


def _n_components(values: np.ndarray, rule: str | float) -> int:
    p = len(values)
    if rule == "kaiser":
        return max(int((values > values.mean() * (1 + _EQUAL)).sum()), 1)
    share = _CUMULATIVE if rule == "cumulative" else rule
    if isinstance(share, float) and 0 < share < 1:
        return min(int((np.cumsum(values) / values.sum() < share - _EQUAL).sum()) + 1, p)
    if isinstance(share, int | np.integer) and not isinstance(share, bool) and 1 <= share <= p:
        return int(share)
    raise EstimationError(f"k_rule={rule!r} is not kaiser, cumulative, a share below 1, or a number from 1 to {p}")


def _check_unique(values: np.ndarray, kept: int) -> None:
    gaps = values[:kept] - np.append(values[1:], -np.inf)[:kept]
    same = np.flatnonzero(gaps <= _EQUAL * values[0])
    if len(same):
        k = int(same[0]) + 1
        raise EstimationError(
            f"eigenvalues {k} and {k + 1} are equal ({values[k]:.6g}): these components are not unique; keep fewer "
            "components (k_rule)"
        )


def _rescaling(raw: np.ndarray, rule: str, target: tuple[float, float]) -> tuple[float, float]:
    """Constants a, b of the rescaled index a + b * raw."""
    if rule == "none":
        return 0.0, 1.0
    if rule == "minmax":
        factor = 1 / np.ptp(raw)
        return float(-raw.min() * factor), float(factor)
    mean, sd = target
    factor = sd / raw.std()
    return float(mean - factor * raw.mean()), float(factor)


def kmo(correlation: np.ndarray) -> tuple[float, np.ndarray]:
    """Kaiser-Meyer-Olkin measure: sum r^2 / (sum r^2 + sum q^2), q the partial correlations; overall and by variable.

    NaN where the correlation matrix is singular or has one variable. Source: Kaiser (1974), Psychometrika 39, 31-36.
    """
    p = len(correlation)
    if p < 2 or np.linalg.cond(correlation) > 1 / _EQUAL**1.5:
        return np.nan, np.full(p, np.nan)
    inverse = np.linalg.inv(correlation)
    scale = np.sqrt(np.diag(inverse))
    off = ~np.eye(p, dtype=bool)
    r2 = np.where(off, correlation, 0) ** 2
    q2 = np.where(off, inverse / np.outer(scale, scale), 0) ** 2
    return float(r2.sum() / (r2.sum() + q2.sum())), r2.sum(axis=0) / (r2.sum(axis=0) + q2.sum(axis=0))


def bartlett(correlation: np.ndarray, n: int) -> HypothesisTest:
    """Bartlett's test of sphericity: -(n - 1 - (2p + 5)/6) ln |R|, chi-squared with p(p - 1)/2 degrees of freedom."""
    p = len(correlation)
    sign, log_determinant = np.linalg.slogdet(correlation)
    if p < 2 or sign <= 0 or np.linalg.cond(correlation) > 1 / _EQUAL**1.5:
        return HypothesisTest(np.nan, p * (p - 1) / 2, np.nan, "the correlation matrix is singular or has one variable")
    statistic = -(n - 1 - (2 * p + 5) / 6) * log_determinant
    df = p * (p - 1) / 2
    return HypothesisTest(float(statistic), df, float(stats.chi2.sf(statistic, df)))


@dataclass(frozen=True)
class EntropyIndex:
    """Linear index with entropy weights.

    Attributes:
        score: (n,) sum of weight times directed min-max score. weights: (p,), sum to 1. entropy: (p,) e_j in [0, 1].
        scaled: (n, p) directed min-max scores. indicators, signs, n_base: names, directions and number of base rows.
    """

    score: np.ndarray
    weights: np.ndarray
    entropy: np.ndarray
    scaled: np.ndarray
    indicators: tuple[str, ...]
    signs: np.ndarray
    n_base: int

    def to_frame(self) -> pd.DataFrame:
        """One row an indicator: direction, entropy, weight."""
        columns = {"indicator": self.indicators, "sign": self.signs, "entropy": self.entropy, "weight": self.weights}
        return pd.DataFrame(columns)


def entropy_weights(
    I: Any,  # noqa: E741
    directions: Directions = None,
    *,
    zero: str | float = "limit",
    share_of: ShareOf = "minmax",
    base: Any = None,
    missing: Missing = "error",
) -> EntropyIndex:
    """Entropy weights w_j = (1 - e_j) / sum(1 - e_j), e_j = -(1/ln n) sum_i p_ij ln p_ij, p_ij = x_ij / sum_i x_ij.

    Args:
        I, directions, base, missing: see `estimation.indices.data.indicators`; n is the number of base rows (pooled).
        zero: ``limit`` takes 0 ln 0 = 0; ``shift`` adds 1e-4 to x before the shares are formed, a number adds that.
        share_of: x is the directed min-max score (default) or the raw indicator (which must not be negative).

    Raises:
        EstimationError: unusable indicators or options.
    """
    _one_of("share_of", share_of, ShareOf)
    shift = {"limit": 0.0, "shift": ZERO_SHIFT}.get(zero, zero) if isinstance(zero, str) else zero
    if isinstance(shift, bool) or not isinstance(shift, Real) or not 0 <= shift < np.inf:
        raise EstimationError(f"zero={zero!r} is not limit, shift or a number >= 0")
    data = indicators(I, directions, base=base, missing=missing)
    scaled = minmax(data)
    x = (scaled if share_of == "minmax" else data.table)[data.base] + shift
    if (x < 0).any():
        column = data.names[int((x < 0).any(axis=0).argmax())]
        raise EstimationError(f"{column} has negative values: shares need share_of='minmax'")
    shares = x / x.sum(axis=0)
    logs = np.log(shares, out=np.zeros_like(shares), where=shares > 0)
    entropy = -(shares * logs).sum(axis=0) / np.log(data.n_base)
    weights = (1 - entropy) / (1 - entropy).sum()
    return EntropyIndex(scaled @ weights, weights, entropy, scaled, data.names, data.signs, data.n_base)


@dataclass(frozen=True)
class TopsisIndex:
    """Closeness to the ideal point.

    Attributes:
        score: (n,) d- / (d+ + d-), in [0, 1]. weights: (p,) as used. distance_best, distance_worst: (n,) d+ and d-.
        indicators, signs, n_base: names, directions and number of base rows.
    """

    score: np.ndarray
    weights: np.ndarray
    distance_best: np.ndarray
    distance_worst: np.ndarray
    indicators: tuple[str, ...]
    signs: np.ndarray
    n_base: int

    def to_frame(self) -> pd.DataFrame:
        """One row an indicator: direction and weight."""
        return pd.DataFrame({"indicator": self.indicators, "sign": self.signs, "weight": self.weights})


def topsis(
    I: Any,  # noqa: E741
    w: EntropyIndex | Sequence[float] | np.ndarray,
    directions: Directions = None,
    *,
    norm: Norm = "minmax",
    base: Any = None,
    missing: Missing = "error",
) -> TopsisIndex:
    """TOPSIS: V = w x, d+ and d- the Euclidean distances to the best and the worst value of each column of V.

    The ideal points are those of the base rows; a row outside the base that passes one counts as standing on it (otherwise
    being worse than the worst would lengthen d-).

    Args:
        I, directions, base, missing: see `estimation.indices.data.indicators`. With an `EntropyIndex` as ``w`` its directions
            are taken if none are given.
        w: (p,) weights, not negative, in order or a Series by column name, or an `EntropyIndex`. Their scale does not matter.
        norm: x is the directed min-max score, the indicator divided by its Euclidean norm, or the indicator itself. With
            ``vector`` and ``none`` the best value of a ``-`` column is its smallest.

    Raises:
        EstimationError: unusable indicators, weights or options.
    """
    _one_of("norm", norm, Norm)
    if isinstance(w, EntropyIndex):
        directions = list(w.signs) if directions is None else directions
    data = indicators(I, directions, base=base, missing=missing)
    try:
        weights = np.asarray(
            w.weights if isinstance(w, EntropyIndex) else by_name(w, data.names, "weights"), dtype=float
        )
    except (TypeError, ValueError) as error:
        raise EstimationError(f"w must hold {len(data.names)} numbers: {error}") from error
    if weights.shape != (len(data.names),) or not (np.isfinite(weights) & (weights >= 0)).all() or weights.sum() == 0:
        raise EstimationError(f"w must hold {len(data.names)} finite weights >= 0 that are not all zero")
    weighted = weights * _normalised(data, norm)
    best, worst = weighted[data.base].max(axis=0), weighted[data.base].min(axis=0)
    weighted = np.clip(weighted, worst, best)
    to_best = np.sqrt(((weighted - best) ** 2).sum(axis=1))
    to_worst = np.sqrt(((weighted - worst) ** 2).sum(axis=1))
    return TopsisIndex(to_worst / (to_best + to_worst), weights, to_best, to_worst, data.names, data.signs, data.n_base)


def _normalised(data: Indicators, norm: str) -> np.ndarray:
    """(n, p) normalised indicators, turned so that more is better."""
    if norm == "minmax":
        return minmax(data)
    length = np.sqrt((data.base_values**2).sum(axis=0)) if norm == "vector" else 1.0
    return np.asarray(data.signs * data.table / length)


def _one_of(name: str, value: Any, allowed: Any) -> None:
    if value not in get_args(allowed):
        raise EstimationError(f"{name}={value!r} is not one of {', '.join(get_args(allowed))}")
