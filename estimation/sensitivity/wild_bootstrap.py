"""Wild cluster bootstrap of one coefficient, with a confidence interval by test inversion.

For a hypothesised value b0 the restricted residuals u(b0) (b0 imposed) are multiplied cluster by cluster by random
signs v; each draw gives t*(b0), the cluster-robust t ratio of its estimate around b0. Everything is linear in v, and
u(b0) = e_y - b0 e_d with e_y, e_d the residuals of outcome and treatment on effects and controls, so all draws at
every b0 come from two (clusters x draws) matrices. Sources: Cameron, Gelbach and Miller (2008), REStat 90(3); Webb
(2023) for six-point weights; Roodman, MacKinnon, Nielsen and Webb (2019), Stata Journal 19(1), for the computation
and the inversion.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Literal, Unpack, get_args

import numpy as np
import pandas as pd
from scipy.optimize import brentq

from estimation.core.covariance import group_sums
from estimation.core.design import PanelDesign, panel_design
from estimation.core.error_structure import cluster_columns
from estimation.core.frame import EstimationError, PanelFrame, panel_frame
from estimation.core.least_squares import check_full_rank, least_squares
from estimation.core.options import KeyOptions, check_options
from estimation.core.terms import names
from estimation.core.within import Effects

WeightType = Literal["rademacher", "webb", "mammen"]
CHUNK = 256
REACH = 16  # doublings in search of the end of an interval; further out rounding breaks ties of t ratios


@dataclass(frozen=True)
class WildBootstrap:
    """Wild cluster bootstrap.

    Attributes:
        estimate: coefficient. statistic: its cluster-robust t ratio against ``null`` (no small-sample factor: it
            cancels).
        p_value: symmetric two-sided, share of |t*| >= |t|. p_equal_tail: twice the smaller one-sided share.
        ci: interval of values not rejected (an end is infinite when no value in reach is rejected).
        draws: (B,) bootstrap t ratios at ``null``. n_clusters: clusters.
        enumerated: whether all sign patterns were used instead of random ones.
        convention: every choice in words.
    """

    estimate: float
    statistic: float
    p_value: float
    p_equal_tail: float
    ci: tuple[float, float]
    draws: np.ndarray = field(repr=False)
    n_clusters: int
    enumerated: bool
    convention: str


def wild_bootstrap(
    df: pd.DataFrame,
    y: str,
    term: str,
    x: str | Sequence[str] = (),
    *,
    draws: int = 999,
    rng: np.random.Generator,
    weights_type: WeightType = "rademacher",
    impose_null: bool = True,
    null: float = 0.0,
    level: float = 0.95,
    cluster: str | None = None,
    effects: Effects = "twoways",
    weights: str | None = None,
    **keys: Unpack[KeyOptions],
) -> WildBootstrap:
    """Bootstrap the t ratio of ``term`` clustering by ``cluster`` (default: the entity).

    Args:
        weights_type: ``rademacher`` (+1, -1; all 2^G patterns when there are no more of them than draws), ``webb``
            (six points, for few clusters), ``mammen``.
        impose_null: residuals of the restricted model (WCR, the recommended one) or of the full model (WCU).
        weights: column of observation weights.

    Raises:
        EstimationError: unusable input, unknown weights, fewer than two clusters, or fewer than 2 draws.
    """
    check_options(keys, KeyOptions)
    if weights_type not in get_args(WeightType):
        raise EstimationError(f"weights_type={weights_type!r} is not one of {', '.join(get_args(WeightType))}")
    if draws < 2:
        raise EstimationError(f"draws={draws}: at least 2 are needed")
    entity, time = keys.get("entity", "city_code"), keys.get("time", "year")
    label = cluster_columns("cluster", cluster, entity, time)[0]
    used = [y, term, *names(x), *([weights] if weights else [])]
    frame = panel_frame(df, used, entity=entity, time=time, keep=[] if label in (entity, time) else [label])
    codes = _cluster_codes(frame, label)
    n_clusters = int(codes.max()) + 1
    design = panel_design(frame, y, [term, *names(x)], effects, weights)
    check_full_rank(design.X_within, design.X, list(design.terms), design.weights)
    V, enumerated = _multipliers(rng, n_clusters, draws, weights_type)
    pieces = _pieces(design, codes, V, impose_null)
    statistic, drawn = pieces.t_ratio(null), pieces.t_star(null)
    p_value = _symmetric_p(statistic, drawn, enumerated)
    kind = "WCR (null imposed)" if impose_null else "WCU (null not imposed)"
    how = f"all {V.shape[1]} sign patterns" if enumerated else f"{draws} draws, p = (1 + #)/(1 + draws)"
    return WildBootstrap(
        estimate=pieces.estimate,
        statistic=statistic,
        p_value=p_value,
        p_equal_tail=_equal_tail_p(statistic, drawn, enumerated),
        ci=(_end(pieces, -1, level, enumerated), _end(pieces, 1, level, enumerated)),
        draws=drawn,
        n_clusters=n_clusters,
        enumerated=enumerated,
        convention=f"Wild cluster bootstrap by {label} ({n_clusters} clusters), {kind}, {weights_type} weights, {how}.",
    )


def _cluster_codes(frame: PanelFrame, label: str) -> np.ndarray:
    """(n,) codes of at least two clusters, none missing."""
    missing = int(frame.data[label].isna().sum())
    codes = pd.factorize(frame.data[label], sort=True)[0]
    if missing or codes.max() < 1:
        raise EstimationError(f"{label} is missing in {missing} row(s)" if missing else f"{label} has a single cluster")
    return codes


def _multipliers(rng: np.random.Generator, n_clusters: int, draws: int, kind: WeightType) -> tuple[np.ndarray, bool]:
    """(G, B) multipliers, and whether they are all patterns."""
    if kind == "rademacher" and 2**n_clusters <= draws:
        return np.array(list(product((1.0, -1.0), repeat=n_clusters))).T, True
    if kind == "rademacher":
        return rng.choice([-1.0, 1.0], size=(n_clusters, draws)), False
    if kind == "webb":
        points = np.sqrt([1.5, 1.0, 0.5])
        return rng.choice(np.concatenate([-points, points]), size=(n_clusters, draws)), False
    root = np.sqrt(5.0)
    chance = (root + 1) / (2 * root)
    return np.where(rng.random((n_clusters, draws)) < chance, (1 - root) / 2, (1 + root) / 2), False


@dataclass(frozen=True)
class _Pieces:
    """What t and t* are made of, for any hypothesised value.

    Attributes:
        estimate: coefficient. inverse: 1 / w'w with w the treatment less effects and controls. own: (G,) sums of w^2.
        scores: (G,) sums of w u with the full-model residuals.
        shift_y, shift_d: (B,) w'(e v) for e = e_y, e_d. scores_y, scores_d: (G, B) cluster sums of w M(e v).
        imposed: whether the null is imposed.
    """

    estimate: float
    inverse: float
    own: np.ndarray
    scores: np.ndarray
    shift_y: np.ndarray
    shift_d: np.ndarray
    scores_y: np.ndarray
    scores_d: np.ndarray
    imposed: bool

    def t_ratio(self, b0: float) -> float:
        """Cluster-robust t ratio of the estimate against ``b0``."""
        return float((self.estimate - b0) / (self.inverse * np.sqrt(np.sum(self.scores**2))))

    def t_star(self, b0: float) -> np.ndarray:
        """(B,) bootstrap t ratios under b0."""
        value = b0 if self.imposed else self.estimate
        gap = self.inverse * (self.shift_y - value * self.shift_d)
        scores = self.scores_y - value * self.scores_d - self.own[:, None] * gap
        spread = self.inverse * np.sqrt(np.sum(scores**2, axis=0))
        return np.divide(gap, spread, out=np.zeros_like(gap), where=spread > 0)


def _pieces(design: PanelDesign, codes: np.ndarray, V: np.ndarray, imposed: bool) -> _Pieces:
    mass, controls = design.mass, design.X_within[:, 1:]

    def partialled(values: np.ndarray) -> np.ndarray:
        return least_squares(values, controls, design.weights).residuals if controls.shape[1] else values

    e_y, w = partialled(design.y_within), partialled(design.X_within[:, 0])
    inverse = 1 / float(mass @ w**2)
    estimate = inverse * float(mass @ (w * e_y))
    weighted = (w * mass)[:, None]
    shifts, scores = [], []
    for e in (e_y, w):
        # w is orthogonal to effects and controls, so w'M(e v) = w'(e v).
        shifts.append(group_sums(weighted * e[:, None], codes)[:, 0] @ V)
        blocks = []
        for start in range(0, V.shape[1], CHUNK):
            drawn = e[:, None] * V[codes, start : start + CHUNK]
            blocks.append(group_sums(weighted * partialled(design.within.transform(drawn)), codes))
        scores.append(np.column_stack(blocks))
    residual = e_y - w * estimate
    return _Pieces(
        estimate,
        inverse,
        group_sums(weighted * w[:, None], codes)[:, 0],
        group_sums(weighted * residual[:, None], codes)[:, 0],
        shifts[0],
        shifts[1],
        scores[0],
        scores[1],
        imposed,
    )


def _symmetric_p(statistic: float, drawn: np.ndarray, enumerated: bool) -> float:
    extreme = int(np.sum(np.abs(drawn) >= abs(statistic) * (1 - 1e-10)))
    return _share(extreme, len(drawn), enumerated)


def _equal_tail_p(statistic: float, drawn: np.ndarray, enumerated: bool) -> float:
    slack = 1e-10 * abs(statistic)
    above, below = int(np.sum(drawn >= statistic - slack)), int(np.sum(drawn <= statistic + slack))
    return min(1.0, 2 * min(_share(above, len(drawn), enumerated), _share(below, len(drawn), enumerated)))


def _share(count: int, total: int, enumerated: bool) -> float:
    """Exact share of patterns, or (1 + count)/(1 + draws) of random ones."""
    return count / total if enumerated else (1 + count) / (1 + total)


def _end(pieces: _Pieces, side: int, level: float, enumerated: bool) -> float:
    """End of the set of values with p > 1 - level on one side of the estimate; infinite if none within 2^REACH standard
    errors is rejected.
    """

    def excess(b0: float) -> float:
        return _symmetric_p(pieces.t_ratio(b0), pieces.t_star(b0), enumerated) - (1 - level)

    se = abs(pieces.estimate / pieces.t_ratio(0.0)) if pieces.estimate != 0 else pieces.inverse
    inner, outer = pieces.estimate, pieces.estimate + side * 2 * se
    if enumerated and 2 / pieces.shift_y.size > 1 - level:
        return side * float("inf")  # two of the sign patterns return the sample: p cannot fall below their share
    for _ in range(REACH):
        if excess(outer) <= 0:
            return float(brentq(excess, inner, outer, xtol=1e-10 * max(se, 1e-300), rtol=1e-10))
        inner, outer = outer, pieces.estimate + 2 * (outer - pieces.estimate)
    return side * float("inf")
