"""Specification tests after dynamic-panel GMM: Arellano-Bond AR(m), Sargan, Hansen, difference-in-Hansen, Wald.

Sources: Arellano and Bond (1991, eq. 8-9 and appendix), Roodman (2009, sec. 3.5 and 4.1), xtabond2's conventions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from estimation.core.results import HypothesisTest
from estimation.gmm.arrays import transform_matrix
from estimation.gmm.steps import Moments, Step, error_variance, generalized_inverse
from estimation.gmm.system import CONSTANT, System

LEVELS_GROUP = "GMM instruments for levels"


@dataclass(frozen=True)
class SarganTest(HypothesisTest):
    """Sargan test with both scalings of the error variance.

    ``statistic`` and ``p_value`` divide the residual sum of squares by N (xtabond2); ``statistic_nk`` and ``p_value_nk`` by
    N - k. N counts the rows of the equation whose residuals are used (the transformed one, unless h=1 in a system).
    """

    statistic_nk: float = np.nan
    p_value_nk: float = np.nan


@dataclass(frozen=True)
class DifferenceTest:
    """Difference-in-Hansen test of one group of instruments.

    Attributes:
        excluding: Hansen test without the group.
        difference: Hansen of all instruments minus Hansen without the group; H0: the group is exogenous.
            ``statistic``, ``df``, ``p_value`` and ``float()`` are those of the difference.
    """

    excluding: HypothesisTest
    difference: HypothesisTest

    @property
    def statistic(self) -> float:
        """Statistic of the difference."""
        return self.difference.statistic

    @property
    def df(self) -> float | tuple[float, float] | None:
        """Degrees of freedom of the difference."""
        return self.difference.df

    @property
    def p_value(self) -> float:
        """p-value of the difference."""
        return self.difference.p_value

    def __float__(self) -> float:
        """The statistic of the difference."""
        return float(self.difference)


def chi2_test(statistic: float, df: int, note: str = "") -> HypothesisTest:
    """Upper-tail chi-squared test; with df = 0 there is nothing to test."""
    if df <= 0:
        return HypothesisTest(np.nan, 0, np.nan, "exactly identified: no over-identifying restriction to test")
    return HypothesisTest(float(statistic), df, float(stats.chi2.sf(statistic, df)), note)


def sargan_test(system: System, first: Step, n_instruments: int, h: int) -> SarganTest:
    """u1'Z (Z'HZ)^-1 Z'u1 / s2 of the one-step residuals; not robust to heteroskedasticity."""
    variance, count = error_variance(system, first, h)
    k = len(system.terms)
    moment = first.Zu.sum(axis=0)
    test = chi2_test(moment @ first.A @ moment / variance, n_instruments - k, "error variance: sum of squares / N")
    if not test.df:
        return SarganTest(test.statistic, test.df, test.p_value, test.note)
    scaled = chi2_test(test.statistic * (count - k) / count, n_instruments - k)
    return SarganTest(test.statistic, test.df, test.p_value, test.note, scaled.statistic, scaled.p_value)


def hansen_test(second: Step, n_instruments: int) -> HypothesisTest:
    """u2'Z A2 Z'u2, the minimised two-step criterion; robust, weakened by many instruments."""
    moment = second.Zu.sum(axis=0)
    return chi2_test(moment @ second.A @ moment, n_instruments - len(second.coef), "two-step criterion")


def difference_in_hansen(
    system: System, m: Moments, S: np.ndarray, hansen: HypothesisTest, n_instruments: int
) -> dict[str, DifferenceTest]:
    """One test a group of instruments, and one of all GMM-style instruments of the levels equation.

    The model is re-estimated without the group, with the inverse of the remaining block of S as weighting matrix, so the
    difference cannot be negative (unless S is singular).
    """
    groups = np.array(system.groups)
    members = {label: groups == label for label in dict.fromkeys(system.groups) if label != CONSTANT}
    if system.gmm_level.any():
        members = {LEVELS_GROUP: system.gmm_level, **members}
    return {
        label: _without(system, m, S, ~member, hansen, n_instruments)
        for label, member in members.items()
        if not member.all()
    }


def _without(
    system: System, m: Moments, S: np.ndarray, kept: np.ndarray, hansen: HypothesisTest, n_instruments: int
) -> DifferenceTest:
    k = len(system.terms)
    _, remaining = generalized_inverse(m.ZHZ[np.ix_(kept, kept)])
    if remaining < k or remaining >= n_instruments:
        reason = (
            "fewer instruments than coefficients without the group"
            if remaining < k
            else "the group adds no restriction"
        )
        return DifferenceTest(*(HypothesisTest(np.nan, None, np.nan, reason),) * 2)
    ZX, Zy = m.ZX[kept], m.Zy[kept]
    A, _ = generalized_inverse(S[np.ix_(kept, kept)])
    bread, identified = generalized_inverse(ZX.T @ A @ ZX)
    if identified < k:
        return DifferenceTest(*(HypothesisTest(np.nan, None, np.nan, "not identified without the group"),) * 2)
    moment = Zy - ZX @ (bread @ (ZX.T @ (A @ Zy)))
    restricted = float(moment @ A @ moment)
    excluding = chi2_test(restricted, remaining - k)
    if not excluding.df:
        restricted = 0.0
    difference = hansen.statistic - restricted
    note = "negative: the moment covariance is singular" if difference < 0 else "H0: the group is exogenous"
    return DifferenceTest(excluding, chi2_test(difference, n_instruments - remaining, note))


def ar_tests(
    system: System, step: Step, m: Moments, covariance: np.ndarray, orders: int, conventional: float | None, h: int
) -> dict[int, HypothesisTest]:
    """Arellano-Bond tests of serial correlation of orders 1..m in the first-differenced residuals, N(0, 1) under H0.

    Args:
        covariance: (k, k) reported covariance of the estimate (corrected when the Windmeijer correction is on).
        conventional: error variance of the non-robust one-step version; None for the robust version.
    """
    if system.transform == "fd":
        w, dX = step.residuals[:, : system.length], system.X[:, : system.length]
        w_used = system.used_transformed
    else:
        dy, dX, w_used = system.differences
        w = np.where(w_used, dy - dX @ step.coef, 0.0)
    if conventional is not None:
        w_used = system.used_transformed
    return {
        order: _ar_test(system, step, m, covariance, order, (w, dX, w_used), conventional, h)
        for order in range(1, orders + 1)
    }


def _ar_test(
    system: System,
    step: Step,
    m: Moments,
    covariance: np.ndarray,
    order: int,
    differences: tuple[np.ndarray, np.ndarray, np.ndarray],
    conventional: float | None,
    h: int,
) -> HypothesisTest:
    w, dX, used = differences
    lagged = np.zeros_like(w)
    lagged[:, order:] = w[:, : max(w.shape[1] - order, 0)]
    products = (w * lagged).sum(axis=1)
    if not products.any():
        return HypothesisTest(np.nan, None, np.nan, f"no two differenced residuals {order} period(s) apart")
    if conventional is None:
        variance, Zw = float(products @ products), step.Zu.T @ products
    else:
        variance, Zw = _conventional_variance(system, np.where(used, lagged, 0.0), conventional, h)
    lagged_X = np.einsum("ntk,nt->k", dX, lagged)
    influence = step.bread @ (m.ZX.T @ (step.A @ Zw))
    total = variance - 2 * lagged_X @ influence + lagged_X @ covariance @ lagged_X
    if total <= 0:
        return HypothesisTest(np.nan, None, np.nan, "estimated variance of the statistic is not positive")
    z = float(products.sum() / np.sqrt(total))
    return HypothesisTest(z, None, float(2 * stats.norm.sf(abs(z))), f"order {order}, first differences, N(0,1)")


def _conventional_variance(system: System, lagged: np.ndarray, variance: float, h: int) -> tuple[float, np.ndarray]:
    """w_-l' H w_-l and Z' Psi w_-l with homoskedastic, serially uncorrelated errors (one-step, not robust)."""
    length = system.length
    D = np.eye(length) if h == 1 else transform_matrix("fd", length)
    M = np.eye(length) if h == 1 else transform_matrix(system.transform, length)
    weighted = lagged @ (D @ M.T) * variance
    Zw = np.einsum("ntj,nt->j", system.Z[:, :length], weighted)
    return float(((lagged @ D) ** 2).sum() * variance), Zw


def wald_test(coef: np.ndarray, covariance: np.ndarray, picked: np.ndarray, df_t: float, note: str) -> HypothesisTest:
    """Joint test that the picked coefficients are zero: chi-squared, or F when ``df_t`` is finite."""
    chosen = np.flatnonzero(picked)
    if not len(chosen):
        return HypothesisTest(np.nan, None, np.nan, "no coefficient to test")
    inverse, rank = generalized_inverse(covariance[np.ix_(chosen, chosen)])
    statistic = float(coef[chosen] @ inverse @ coef[chosen])
    if np.isinf(df_t):
        return HypothesisTest(statistic, rank, float(stats.chi2.sf(statistic, rank)), note)
    return HypothesisTest(statistic / rank, (rank, df_t), float(stats.f.sf(statistic / rank, rank, df_t)), note)
