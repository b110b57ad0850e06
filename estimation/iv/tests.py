"""Tests after two-stage least squares: overidentification (Sargan, Hansen) and endogeneity (Wu-Hausman, C statistic).

Sources: Sargan (1958); Hansen (1982); Hayashi (2000), Econometrics, ch. 3; Baum, Schaffer and Stillman (2007).
"""

from __future__ import annotations

import numpy as np
from scipy import stats

from estimation.core.covariance import meat, wald_statistic
from estimation.core.least_squares import least_squares
from estimation.core.results import HypothesisTest
from estimation.iv.arrays import IVArrays

EXACT = "exactly identified: nothing to test"


def sargan_test(arrays: IVArrays, residuals: np.ndarray) -> HypothesisTest:
    """(n - absorbed) u'P_W u / u'u, chi2(L - K), for homoskedastic errors."""
    df = arrays.Z.shape[1] - arrays.D.shape[1]
    if df == 0:
        return HypothesisTest(0.0, 0.0, np.nan, EXACT)
    explained = residuals - least_squares(residuals, arrays.all_instruments).residuals
    share = float(explained @ explained / (residuals @ residuals))
    statistic = (arrays.n - arrays.absorbed.rank) * share
    return HypothesisTest(statistic, float(df), float(stats.chi2.sf(statistic, df)), "absorbed effects counted")


def hansen_test(arrays: IVArrays, residuals: np.ndarray) -> HypothesisTest:
    """J of two-step efficient GMM with the moment covariance of the 2SLS residuals (as ivreg2 prints), chi2(L - K)."""
    df = arrays.Z.shape[1] - arrays.D.shape[1]
    if df == 0:
        return HypothesisTest(0.0, 0.0, np.nan, EXACT)
    if arrays.structure.kind == "iid":
        return HypothesisTest(np.nan, float(df), np.nan, "iid errors: see the Sargan test")
    S = meat(arrays.all_instruments * residuals[:, None], arrays.structure)
    statistic = _gmm_objective(arrays.y, arrays.regressors, arrays.all_instruments, S)
    if np.isnan(statistic):
        return HypothesisTest(np.nan, float(df), np.nan, _SINGULAR)
    note = f"two-step GMM, {arrays.structure.label}, no small-sample factor"
    return HypothesisTest(statistic, float(df), float(stats.chi2.sf(statistic, df)), note)


_SINGULAR = "the covariance of the moments is singular or not positive definite (more moments than clusters?)"


def _gmm_objective(y: np.ndarray, R: np.ndarray, W: np.ndarray, S: np.ndarray) -> float:
    """Smallest value over b of g'S^-1 g with g = W'(y - R b); NaN if S is not positive definite."""
    scale = np.sqrt(np.diag(S))
    if not (scale > 0).all() or np.linalg.cond(S / np.outer(scale, scale)) > 1e12:
        return float("nan")
    try:
        root = np.linalg.cholesky(S / np.outer(scale, scale))
    except np.linalg.LinAlgError:
        return float("nan")
    left = np.linalg.solve(root, (W.T @ y) / scale)
    right = np.linalg.solve(root, (W.T @ R) / scale[:, None])
    rest = least_squares(left, right).residuals
    return float(rest @ rest)


def wu_hausman_test(arrays: IVArrays) -> HypothesisTest:
    """F test of the first-stage residuals added to the OLS regression, under the covariance of the model."""
    K = arrays.D.shape[1]
    v = least_squares(arrays.D, arrays.all_instruments).residuals
    augmented = np.column_stack([v, arrays.regressors])
    ols = least_squares(arrays.y, augmented)
    covariance = arrays.covariance(augmented, ols.residuals, ols.bread)
    wald = wald_statistic(ols.beta[:K], covariance.matrix[:K, :K], arrays.structure)
    note = f"H0: {', '.join(arrays.endog)} exogenous"
    if np.isinf(covariance.df_t):
        return HypothesisTest(wald, float(K), float(stats.chi2.sf(wald, K)), note)
    p_value = float(stats.f.sf(wald / K, K, covariance.df_t))
    return HypothesisTest(wald / K, (float(K), covariance.df_t), p_value, note)


def endogeneity_c_test(arrays: IVArrays) -> HypothesisTest:
    """C statistic: J treating the endogenous variables as exogenous, less J of the model, with the covariance of the
    former.

    Source: Hayashi (2000, p. 220); ivreg2's ``endog()``.
    """
    K, L = arrays.D.shape[1], arrays.Z.shape[1]
    W = np.column_stack([arrays.all_instruments, arrays.D])
    residuals = least_squares(arrays.y, arrays.regressors).residuals
    if arrays.structure.kind == "iid":
        S = W.T @ W * float(residuals @ residuals) / (arrays.n - arrays.absorbed.rank)
    else:
        S = meat(W * residuals[:, None], arrays.structure)
    kept = L + arrays.X.shape[1]
    both = _gmm_objective(arrays.y, arrays.regressors, W, S)
    fewer = _gmm_objective(arrays.y, arrays.regressors, arrays.all_instruments, S[:kept, :kept])
    if np.isnan(both) or np.isnan(fewer):
        return HypothesisTest(np.nan, float(K), np.nan, _SINGULAR)
    statistic = both - fewer
    note = f"H0: {', '.join(arrays.endog)} exogenous"
    return HypothesisTest(statistic, float(K), float(stats.chi2.sf(statistic, K)), note)
