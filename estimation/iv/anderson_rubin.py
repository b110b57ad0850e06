"""Anderson-Rubin inference for one endogenous variable: valid however weak the instruments are.

At a hypothesised b0 the reduced form of y - D b0 on (X, Z) must have no coefficient on Z. The confidence set {b0: not
rejected}
is exact: with b0 = centre + scale * tan(t) the rejection inequality d(t)'adj(V(t))d(t) - c det V(t) <= 0 is a
trigonometric polynomial of degree 2L in t with period pi, whose Fourier coefficients, and so whose roots, come from
2L + 1 evaluations.
Where few clusters decide the instruments' coefficients, the usual covariance rejects too often: `anderson_rubin_bias_reduced`
takes the bias-reduced one, for any number of endogenous variables.
Sources: Anderson and Rubin (1949); Andrews, Stock and Sun (2019), Annual Review of Economics 11.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
from scipy import stats

from estimation.core.covariance import wald_statistic
from estimation.core.frame import EstimationError
from estimation.core.results import HypothesisTest
from estimation.core.within import Effects
from estimation.iv.arrays import IVArrays
from estimation.panel.bias_reduced import fit_bias_reduced

Interval = tuple[float, float]


def anderson_rubin_test(arrays: IVArrays, beta: np.ndarray) -> HypothesisTest:
    """Wald test that the excluded instruments do not enter the reduced form of y - D beta ((K,) values).

    F(L, df_t) under a small-sample convention, chi2(L) under ``ssc="none"``.
    """
    L = arrays.Z.shape[1]
    coef, covariance = arrays.on_instruments(arrays.y - arrays.D @ beta)
    V = covariance.matrix[:L, :L]
    wald = wald_statistic(coef[:L], V, arrays.structure)
    at = ", ".join(f"{name}={value:g}" for name, value in zip(arrays.endog, beta, strict=True))
    note = f"H0: {at}"
    if np.isinf(covariance.df_t):
        return HypothesisTest(wald, float(L), float(stats.chi2.sf(wald, L)), note)
    p_value = float(stats.f.sf(wald / L, L, covariance.df_t))
    return HypothesisTest(wald / L, (float(L), covariance.df_t), p_value, note)


def anderson_rubin_bias_reduced(
    df: pd.DataFrame,
    y: str,
    x: Sequence[str],
    endog: Sequence[str],
    instruments: Sequence[str],
    beta: Sequence[float],
    *,
    effects: Effects = "twoways",
    cluster: str | None = None,
    entity: str = "city_code",
    time: str = "year",
) -> HypothesisTest:
    """The test of `anderson_rubin_test` for few or unequal clusters: bias-reduced covariance, F(L, eta - L + 1).

    All (b_1, .., b_K) that it does not reject at 5 % are a joint 95 % confidence region, however weak the instruments are.

    Args:
        df, effects, cluster, entity, time: as in `estimation.panel.fit_bias_reduced`. x, endog, instruments: as in
            `estimation.iv.fit_iv`. beta: one value an endogenous variable.

    Raises:
        EstimationError: a number of values that is not that of the endogenous variables, or as `fit_bias_reduced`.
    """
    if len(beta) != len(endog):
        raise EstimationError(f"beta has {len(beta)} value(s) for {len(endog)} endogenous variable(s)")
    at = ", ".join(f"{name}={value:g}" for name, value in zip(endog, beta, strict=True))
    left = f"{y} less {at}"
    reduced = df.assign(**{left: df[y] - df[list(endog)].to_numpy(dtype=float) @ np.asarray(beta, dtype=float)})
    fit = fit_bias_reduced(
        reduced, left, [*instruments, *x], effects=effects, cluster=cluster, joint=instruments, entity=entity, time=time
    )
    test = fit.tests["joint_zero"]
    return HypothesisTest(test.statistic, test.df, test.p_value, f"H0: {at}; {test.note}")


@dataclass(frozen=True)
class ConfidenceSet:
    """Pieces of a confidence set in rising order, and its convex hull (NaN, NaN when empty)."""

    pieces: tuple[Interval, ...]

    @property
    def hull(self) -> Interval:
        """Smallest interval that holds the set."""
        return (self.pieces[0][0], self.pieces[-1][1]) if self.pieces else (float("nan"), float("nan"))


def anderson_rubin_set(arrays: IVArrays, centre: float, scale: float, level: float) -> ConfidenceSet:
    """All b0 the test does not reject at 1 - ``level``; ``centre`` and ``scale`` only set the units of the
    computation. Empty where the covariance of the instruments' coefficients is singular.
    """
    L = arrays.Z.shape[1]
    df_t = arrays.on_instruments(arrays.y)[1].df_t
    if np.isnan(anderson_rubin_test(arrays, np.array([centre])).statistic):
        return ConfidenceSet(())
    limit = stats.chi2.ppf(level, L) if np.isinf(df_t) else L * stats.f.ppf(level, L, df_t)
    reduced, stage = arrays.y - arrays.D[:, 0] * centre, arrays.D[:, 0] * scale

    def excess(angle: float) -> float:
        coef, covariance = arrays.on_instruments(np.cos(angle) * reduced - np.sin(angle) * stage)
        return _rejection_polynomial(coef[:L], covariance.matrix[:L, :L], limit)

    roots = _trigonometric_roots(excess, 2 * L)
    return ConfidenceSet(_pieces(roots, excess, centre, scale))


def _rejection_polynomial(d: np.ndarray, V: np.ndarray, limit: float) -> float:
    """d' adj(V) d - limit det(V), which has the sign of the Wald statistic less its limit when V is positive
    definite.
    """
    unit = np.trace(V) / len(V)
    values, vectors = np.linalg.eigh(V / unit)
    along = (vectors.T @ d) ** 2 / unit
    others = np.array([np.prod(np.delete(values, i)) for i in range(len(values))])
    return float(unit ** len(V) * (along @ others - limit * np.prod(values)))


def _trigonometric_roots(function: Callable[[float], float], degree: int) -> np.ndarray:
    """Zeros in [-pi/2, pi/2) of a real function sum_k c_k exp(2ik t), |k| <= degree/2."""
    half = degree // 2
    samples = np.array([function(np.pi * j / (degree + 1)) for j in range(degree + 1)])
    samples = samples / np.max(np.abs(samples))
    fourier = np.fft.fft(samples) / len(samples)
    ordered = np.concatenate([fourier[-half:], fourier[: half + 1]])
    zeros = np.roots(ordered[::-1])
    on_circle = zeros[np.abs(np.abs(zeros) - 1) < 1e-6]
    angles = np.angle(on_circle) / 2
    return np.unique(np.where(angles >= np.pi / 2, angles - np.pi, angles))


def _pieces(roots: np.ndarray, excess: Callable[[float], float], centre: float, scale: float) -> tuple[Interval, ...]:
    """Arcs between roots on which the test does not reject, mapped back to b0 and joined where they touch."""
    edges = np.concatenate([[-np.pi / 2], roots[(roots > -np.pi / 2)], [np.pi / 2]])
    kept: list[Interval] = []
    for low, high in pairwise(edges):
        if excess((low + high) / 2) > 0:
            continue
        start = -np.inf if low <= -np.pi / 2 else centre + scale * np.tan(low)
        end = np.inf if high >= np.pi / 2 else centre + scale * np.tan(high)
        if kept and kept[-1][1] == start:
            kept[-1] = (kept[-1][0], float(end))
        else:
            kept.append((float(start), float(end)))
    return tuple(kept)
