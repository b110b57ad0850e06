"""Covariance matrices from scores: robust, clustered in one or two ways, Driscoll-Kraay, Conley.

Every estimator that has scores s_i (n, k) and a bread B (k, k) uses these functions: V = c * B (meat) B, with the
factor c chosen by a named small-sample convention. For least squares B = (X'WX)^-1 and s_i = w_i x_i u_i.

Conventions (``ssc``), with n observations, K counted parameters and G clusters:

- ``fixest``: c = (n-1)/(n-K) * G/(G-1); effects nested in a cluster are not counted in K; two-way uses the smaller G;
  t with G-1. Driscoll-Kraay takes the periods as G, Conley has no G factor.
  Source: fixest (Berge), vignette "On standard-errors".
- ``lsdv``: the same factors with every effect counted, as a regression on dummy variables gives them.
- ``xtreg``: Stata's ``xtreg, fe``: in clustered errors the entity effects count as one constant; time effects are
  counted.
- ``none``: c = 1, normal reference distribution.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from scipy.sparse import csr_array
from scipy.spatial import cKDTree

from estimation.core.frame import EstimationError

Vcov = Literal["iid", "robust", "cluster", "twoway", "driscoll_kraay", "conley"]
Ssc = Literal["fixest", "lsdv", "xtreg", "none"]
Kernel = Literal["uniform", "bartlett"]

EARTH_RADIUS_KM = 6371.01
RANK_TOLERANCE = 1e-12  # of the largest eigenvalue of a correlation matrix: below it stands rounding
CANCELLED = 1e-20  # of the variance without groups: rounding of scores that add up to zero


@dataclass(frozen=True)
class ErrorStructure:
    """Which observations may have correlated errors.

    Attributes:
        kind: one of ``Vcov``.
        label: name for tables, e.g. ``"cluster(city_code)"``.
        groups: integer code vectors (n,): the clusters, the periods of Driscoll-Kraay, the locations of Conley.
        lags: Bartlett lags of Driscoll-Kraay.
        latitude, longitude: (L,) degrees of the locations of Conley, in the order of ``groups[0]``.
        cutoff_km, kernel: distance beyond which Conley assumes no correlation, and how it fades before.
    """

    kind: Vcov
    label: str
    groups: tuple[np.ndarray, ...] = ()
    lags: int = 0
    latitude: np.ndarray | None = None
    longitude: np.ndarray | None = None
    cutoff_km: float = np.nan
    kernel: Kernel = "uniform"


@dataclass(frozen=True)
class AbsorbedEffects:
    """Effects projected out before estimation.

    Attributes:
        codes: one (n,) integer vector an effect, keyed ``"entity"`` and ``"time"``; empty without effects.
        rank: rank of all the dummies together.
    """

    codes: dict[str, np.ndarray]
    rank: int


@dataclass(frozen=True)
class Covariance:
    """A covariance matrix and the convention behind it.

    Attributes:
        matrix: (k, k).
        factor: small-sample factor applied to the sandwich (for ``iid``: sigma^2 / (u'Wu / n)).
        counted: K, the number of parameters counted.
        df_t: degrees of freedom of the t reference distribution (inf: normal).
        sentence: the small-sample choices in words.
    """

    matrix: np.ndarray
    factor: float
    counted: int
    df_t: float
    sentence: str


def group_sums(scores: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """(G, k) sums of (n, k) scores over integer codes 0..G-1."""
    size = int(codes.max()) + 1
    return np.column_stack([np.bincount(codes, column, minlength=size) for column in scores.T])


def meat_robust(scores: np.ndarray) -> np.ndarray:
    """(k, k) sum of s_i s_i' (White 1980)."""
    return scores.T @ scores


def meat_cluster(scores: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """(k, k) sum over clusters of (sum of scores)(sum of scores)' (Liang and Zeger 1986)."""
    sums = group_sums(scores, codes)
    return sums.T @ sums


def meat_twoway(scores: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """(k, k) first + second - intersection (Cameron, Gelbach and Miller 2011)."""
    both = np.unique(np.column_stack([first, second]), axis=0, return_inverse=True)[1].ravel()
    return meat_cluster(scores, first) + meat_cluster(scores, second) - meat_cluster(scores, both)


def meat_driscoll_kraay(scores: np.ndarray, time_codes: np.ndarray, lags: int) -> np.ndarray:
    """(k, k) Bartlett-weighted autocovariances of the period sums of scores (Driscoll and Kraay 1998).

    Periods are taken in sorted order; a period without any observation does not count as a lag.
    """
    sums = group_sums(scores, time_codes)
    meat = sums.T @ sums
    for lag in range(1, lags + 1):
        cross = sums[lag:].T @ sums[:-lag]
        meat = meat + (1 - lag / (lags + 1)) * (cross + cross.T)
    return meat


def meat_conley(
    scores: np.ndarray,
    locations: np.ndarray,
    latitude: np.ndarray,
    longitude: np.ndarray,
    cutoff_km: float,
    kernel: Kernel = "uniform",
) -> np.ndarray:
    """(k, k) sum over pairs of locations of K(d/cutoff) S_l S_m' (Conley 1999).

    S_l sums the scores of location l over all periods, so serial correlation within a location is allowed for.

    Args:
        scores: (n, k). locations: (n,) codes 0..L-1. latitude, longitude: (L,) degrees.
        cutoff_km: great-circle distance; pairs at most this far apart count. kernel: 1, or 1 - d/cutoff (Bartlett).
    """
    sums = group_sums(scores, locations)
    phi, lam = np.radians(latitude), np.radians(longitude)
    points = np.column_stack([np.cos(phi) * np.cos(lam), np.cos(phi) * np.sin(lam), np.sin(phi)])
    angle = min(cutoff_km / EARTH_RADIUS_KM, np.pi)
    tree = cKDTree(points)
    near = tree.sparse_distance_matrix(tree, 2 * np.sin(angle / 2) * (1 + 1e-12), output_type="coo_matrix")
    distance = 2 * EARTH_RADIUS_KM * np.arcsin(np.clip(near.data / 2, 0, 1))
    strength = np.ones_like(distance) if kernel == "uniform" else np.clip(1 - distance / cutoff_km, 0, 1)
    weights = csr_array((strength, (near.row, near.col)), shape=near.shape)
    return sums.T @ (weights @ sums)


def meat(scores: np.ndarray, structure: ErrorStructure) -> np.ndarray:
    """(k, k) middle of the sandwich for any structure but ``iid``."""
    groups = structure.groups
    match structure.kind:
        case "robust":
            return meat_robust(scores)
        case "cluster":
            return meat_cluster(scores, groups[0])
        case "twoway":
            return meat_twoway(scores, groups[0], groups[1])
        case "driscoll_kraay":
            return meat_driscoll_kraay(scores, groups[0], structure.lags)
        case "conley":
            assert structure.latitude is not None and structure.longitude is not None
            return meat_conley(
                scores, groups[0], structure.latitude, structure.longitude, structure.cutoff_km, structure.kernel
            )
    raise EstimationError(f"vcov={structure.kind!r} has no meat; allowed: {', '.join(get_args(Vcov)[1:])}")


def wald_statistic(estimate: np.ndarray, matrix: np.ndarray, structure: ErrorStructure) -> float:
    """b'V^-1 b of (q,) estimates with (q, q) covariance; NaN if V is singular.

    Scores add up to zero, so that sums over G clusters (or periods) span G - 1 dimensions at most.
    """
    if structure.kind in ("cluster", "driscoll_kraay") and len(estimate) >= len(np.unique(structure.groups[0])):
        return float("nan")
    scale = np.sqrt(np.diag(matrix))
    if not (scale > 0).all() or not np.isfinite(matrix).all():
        return float("nan")
    standard = matrix / np.outer(scale, scale)
    if np.linalg.matrix_rank(standard, rtol=RANK_TOLERANCE, hermitian=True) < len(scale):
        return float("nan")
    return float((estimate / scale) @ np.linalg.solve(standard, estimate / scale))


def sandwich(bread: np.ndarray, middle: np.ndarray) -> np.ndarray:
    """(k, k) bread @ middle @ bread, made exactly symmetric."""
    product = bread @ middle @ bread
    return (product + product.T) / 2


def is_nested(inner: np.ndarray, outer: np.ndarray) -> bool:
    """Whether every group of ``inner`` lies in a single group of ``outer`` ((n,) integer codes)."""
    low = np.full(int(inner.max()) + 1, np.iinfo(np.int64).max)
    high = np.full(int(inner.max()) + 1, -1)
    np.minimum.at(low, inner, outer)
    np.maximum.at(high, inner, outer)
    return bool((low[inner] == high[inner]).all())


def counted_parameters(k: int, absorbed: AbsorbedEffects, structure: ErrorStructure, ssc: Ssc) -> tuple[int, list[str]]:
    """K and the names of the effects left out of it.

    Args:
        k: estimated slopes (and constant, if the model has one explicitly).
    """
    if not absorbed.codes or structure.kind in ("iid", "robust") or ssc in ("lsdv", "none"):
        return k + absorbed.rank, []
    if ssc == "xtreg":
        left_out = ["entity"]
    else:
        left_out = [n for n, c in absorbed.codes.items() if any(is_nested(c, group) for group in structure.groups)]
    if len(left_out) == len(absorbed.codes):
        return k + 1, left_out
    saved = sum(int(absorbed.codes[name].max()) for name in left_out)
    return k + absorbed.rank - saved, left_out


def check_ssc(ssc: str, structure: ErrorStructure, absorbed: AbsorbedEffects) -> None:
    """Raise an EstimationError for a convention that is unknown or undefined for this model."""
    if ssc not in get_args(Ssc):
        raise EstimationError(f"ssc={ssc!r} is not one of {', '.join(get_args(Ssc))}")
    if ssc != "xtreg":
        return
    if "entity" not in absorbed.codes:
        raise EstimationError("ssc='xtreg' needs entity effects (entity or twoways); use fixest, lsdv or none")
    if structure.kind not in ("iid", "cluster"):
        raise EstimationError(
            f"ssc='xtreg' is defined for vcov='iid' and 'cluster', not {structure.kind!r} (Stata's xtreg, fe "
            "vce(robust) clusters by entity: ask for vcov='cluster'); use fixest, lsdv or none"
        )
    if structure.kind == "cluster" and not is_nested(absorbed.codes["entity"], structure.groups[0]):
        raise EstimationError(f"ssc='xtreg' needs entities nested in {structure.label}; use fixest or lsdv")


@dataclass(frozen=True)
class SmallSample:
    """The small-sample choices of one covariance: factor, counted parameters K, t degrees of freedom, all in words."""

    factor: float
    counted: int
    df_t: float
    sentence: str


def small_sample(structure: ErrorStructure, absorbed: AbsorbedEffects, n: int, k: int, ssc: Ssc) -> SmallSample:
    """Factor and reference distribution for ``n`` observations and ``k`` estimated coefficients.

    For ``iid`` the factor multiplies u'Wu / n.

    Raises:
        EstimationError: unknown or undefined ``ssc``, one cluster only, or no residual degree of freedom.
    """
    check_ssc(ssc, structure, absorbed)
    counted, left_out = counted_parameters(k, absorbed, structure, ssc)
    if n <= counted and ssc != "none":
        raise EstimationError(f"{n} observations for {counted} counted parameters: no residual degree of freedom")
    n_groups = _smallest_group_count(structure)
    if ssc == "none":
        factor, df_t = 1.0, np.inf
    elif structure.kind == "iid":
        factor, df_t = n / (n - counted), float(n - counted)
    else:
        factor = (n - 1) / (n - counted) * _group_factor(structure, n, n_groups)
        grouped = structure.kind in ("cluster", "twoway", "driscoll_kraay")
        df_t = float(n_groups - 1 if grouped else n - counted)
    return SmallSample(factor, counted, df_t, _describe(structure, ssc, n, counted, n_groups, left_out, df_t))


def estimate_covariance(
    bread: np.ndarray,
    scores: np.ndarray,
    ssr: float,
    structure: ErrorStructure,
    absorbed: AbsorbedEffects,
    ssc: Ssc = "fixest",
) -> Covariance:
    """Covariance of k coefficients under a named small-sample convention.

    Args:
        bread: (k, k), (X'WX)^-1 for least squares. scores: (n, k), w_i x_i u_i. ssr: u'Wu, used by ``iid`` only.

    A variance whose scores add up to zero in every group (a coefficient that one group alone identifies) is NaN, not a
    rounding error near zero.

    Raises:
        EstimationError: unknown or undefined ``ssc``, one cluster only, or no residual degree of freedom.
    """
    n, k = scores.shape
    choice = small_sample(structure, absorbed, n, k, ssc)
    middle = None if structure.kind == "iid" else meat(scores, structure)
    matrix = bread * (ssr / n) if middle is None else sandwich(bread, middle)
    matrix = matrix * choice.factor
    sentence = choice.sentence
    if structure.kind in ("twoway", "conley") and bool((np.diag(matrix) < 0).any()):
        matrix = without_negative_eigenvalues(matrix)
        sentence += " A negative variance was repaired: negative eigenvalues set to zero (Cameron, Gelbach and Miller)."
    undefined = _cancelled(bread, scores, matrix, structure)
    if undefined.any():
        matrix = matrix.copy()
        matrix[undefined, :] = matrix[:, undefined] = np.nan
        sentence += (
            f" {int(undefined.sum())} variance(s) not defined: the scores cancel within every group of {structure.label}"
            " (the coefficient is identified by a single group)."
        )
    return Covariance(matrix, choice.factor, choice.counted, choice.df_t, sentence)


def _cancelled(bread: np.ndarray, scores: np.ndarray, matrix: np.ndarray, structure: ErrorStructure) -> np.ndarray:
    """(k,) whether a grouped variance is nothing but rounding, beside the variance without groups."""
    if structure.kind in ("iid", "robust"):
        return np.zeros(len(bread), dtype=bool)
    ungrouped = np.einsum("ij,jk,ik->i", bread, meat_robust(scores), bread)
    return np.diag(matrix) < CANCELLED * ungrouped


def without_negative_eigenvalues(matrix: np.ndarray) -> np.ndarray:
    """The symmetric matrix with its negative eigenvalues set to zero."""
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * np.maximum(values, 0)) @ vectors.T


def _smallest_group_count(structure: ErrorStructure) -> int:
    if structure.kind in ("iid", "robust"):
        return 0
    counts: Sequence[int] = [len(np.unique(group)) for group in structure.groups]
    if structure.kind != "conley" and min(counts) < 2:
        raise EstimationError(f"{structure.label} has a single group: its covariance is not defined")
    return min(counts)


def _group_factor(structure: ErrorStructure, n: int, n_groups: int) -> float:
    if structure.kind == "conley":
        return 1.0
    groups = n if structure.kind == "robust" else n_groups
    return groups / (groups - 1)


def _describe(
    structure: ErrorStructure, ssc: str, n: int, counted: int, n_groups: int, left_out: list[str], df_t: float
) -> str:
    """The small-sample choices in one sentence."""
    if ssc == "none":
        return f"Covariance {structure.label}, ssc=none: no small-sample factor, normal reference distribution."
    if structure.kind == "iid":
        formula = "u'u/(n-K)"
    elif structure.kind == "robust":
        formula = "factor n/(n-K)"
    elif structure.kind == "conley":
        formula = "factor (n-1)/(n-K)"
    else:
        name = "T" if structure.kind == "driscoll_kraay" else "G"
        formula = f"factor (n-1)/(n-K) x {name}/({name}-1), {name}={n_groups}"
    counting = f"{' and '.join(left_out)} effects not counted" if left_out else "all effects counted"
    return f"Covariance {structure.label}, ssc={ssc}: {formula}, n={n}, K={counted} ({counting}); t with {df_t:g} df."
