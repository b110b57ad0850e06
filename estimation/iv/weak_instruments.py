"""How strong the instruments are: Cragg-Donald, Anderson, Kleibergen-Paap, effective F, tF.

Every statistic works on arrays with effects and exogenous regressors partialled out. Canonical correlations are the
singular values of (Z'Z)^(-1/2)' Z'D (D'D)^(-1/2).

Sources: Anderson (1951); Cragg and Donald (1993); Kleibergen and Paap (2006); Baum, Schaffer and Stillman (2007) for
the scaling used by Stata's ivreg2; Montiel Olea and Pflueger (2013); Sanderson and Windmeijer (2016).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats
from scipy.linalg import solve_triangular

from estimation.core.covariance import meat, wald_statistic
from estimation.core.least_squares import least_squares
from estimation.core.results import HypothesisTest
from estimation.iv.arrays import IVArrays

MOP_BIASES = (0.05, 0.10, 0.20, 0.30)


@dataclass(frozen=True)
class CanonicalForm:
    """Standardised first stage.

    Attributes:
        theta: (L, K) = roots_z' Z'D roots_d / n. left, right: (L, L), (K, K) singular vectors. values: (K,) canonical
            correlations, falling. roots_z, roots_d: inverse triangular roots of Z'Z/n and D'D/n.
    """

    theta: np.ndarray
    left: np.ndarray
    values: np.ndarray
    right: np.ndarray
    roots_z: np.ndarray
    roots_d: np.ndarray


def canonical_form(Z: np.ndarray, D: np.ndarray) -> CanonicalForm:
    """Canonical correlations of (n, L) instruments and (n, K) endogenous variables, both partialled."""
    n = len(Z)
    roots_z, roots_d = _inverse_root(Z.T @ Z / n), _inverse_root(D.T @ D / n)
    theta = roots_z.T @ (Z.T @ D / n) @ roots_d
    left, values, right_t = np.linalg.svd(theta, full_matrices=True)
    return CanonicalForm(theta, left, np.minimum(values, 1.0), right_t.T, roots_z, roots_d)


def _inverse_root(square: np.ndarray) -> np.ndarray:
    """Upper triangular B with B'(square)B = I."""
    lower = np.linalg.cholesky(square)
    return solve_triangular(lower, np.eye(len(square)), lower=True).T


def cragg_donald_f(arrays: IVArrays, form: CanonicalForm) -> float:
    """(n - L - k - absorbed)/L * r^2/(1 - r^2) with r the smallest canonical correlation."""
    square = form.values[-1] ** 2
    L, k = arrays.Z.shape[1], arrays.X.shape[1]
    dof = arrays.n - L - k - arrays.absorbed.rank
    return float(np.inf if square >= 1 else dof / L * square / (1 - square))


def anderson_lm(arrays: IVArrays, form: CanonicalForm) -> HypothesisTest:
    """(n - absorbed) r^2, chi2(L - K + 1) when the equation is not identified."""
    df = arrays.Z.shape[1] - arrays.D.shape[1] + 1
    statistic = float((arrays.n - arrays.absorbed.rank) * form.values[-1] ** 2)
    note = "Anderson canonical correlations LM; absorbed effects counted"
    return HypothesisTest(statistic, float(df), float(stats.chi2.sf(statistic, df)), note)


def kleibergen_paap_lm(arrays: IVArrays, form: CanonicalForm) -> HypothesisTest:
    """rk LM statistic under the error structure of the model; with iid errors it is Anderson's LM statistic."""
    if arrays.structure.kind == "iid":
        test = anderson_lm(arrays, form)
        return HypothesisTest(test.statistic, test.df, test.p_value, "iid errors: equals Anderson's LM statistic")
    df = arrays.Z.shape[1] - arrays.D.shape[1] + 1
    chi2 = _rank_statistic(arrays, form, arrays.endog_partialled)
    if np.isnan(chi2):
        return HypothesisTest(np.nan, float(df), np.nan, "covariance of the scores is singular: too few clusters")
    note = f"rk LM, {arrays.structure.label}, no small-sample factor"
    return HypothesisTest(chi2, float(df), float(stats.chi2.sf(chi2, df)), note)


def kleibergen_paap_f(arrays: IVArrays, form: CanonicalForm) -> float:
    """rk Wald statistic / L, divided by the small-sample factor of the first-stage covariance (also under
    ``ssc="none"``).

    With one endogenous variable this is the F test of the excluded instruments in the first stage; with iid errors it
    is the Cragg-Donald F.
    """
    if arrays.structure.kind == "iid":
        return cragg_donald_f(arrays, form)
    residuals = least_squares(arrays.endog_partialled, arrays.instruments_partialled).residuals
    chi2 = _rank_statistic(arrays, form, residuals)
    factor = arrays.on_instruments(arrays.D[:, 0], arrays.ssc_of_f)[1].factor
    return float(chi2 / factor / arrays.Z.shape[1])


def _rank_statistic(arrays: IVArrays, form: CanonicalForm, v: np.ndarray) -> float:
    """n * l' V^-1 l for the null that the first stage has rank K - 1; scores are z_i v_i.

    Args:
        v: (n, K) the endogenous variables (LM) or the first-stage residuals (Wald).
    """
    n, K = v.shape
    Z = arrays.instruments_partialled
    scores = np.column_stack([Z * v[:, [j]] for j in range(K)])
    turn = np.kron(form.roots_d.T, form.roots_z.T)
    spread = turn @ (meat(scores, arrays.structure) / n) @ turn.T
    select = np.kron(form.right[:, K - 1 :].T, form.left[:, K - 1 :].T)
    weakest = select @ form.theta.ravel(order="F")
    variance = select @ spread @ select.T
    if np.linalg.matrix_rank(variance, hermitian=True) < len(variance):
        return float("nan")
    return float(n * weakest @ np.linalg.solve(variance, weakest))


def effective_f(arrays: IVArrays) -> tuple[float, dict[float, float]]:
    """Effective F of one endogenous variable and its critical values by largest bias.

    F_eff = p'Qp / tr(V Q) with p the first-stage coefficients, V their covariance and Q = Z'Z; the critical value at
    bias tau is the 95 % quantile of chi2_K(K/tau)/K with K the effective degrees of freedom (the conservative version
    of Montiel Olea and Pflueger 2013, valid for every covariance).

    Returns:
        (NaN, {}) with more than one endogenous variable or an undefined covariance.
    """
    if arrays.D.shape[1] != 1:
        return float("nan"), {}
    L = arrays.Z.shape[1]
    beta, covariance = arrays.on_instruments(arrays.D[:, 0], arrays.ssc_of_f)
    Q = arrays.instruments_partialled.T @ arrays.instruments_partialled
    VQ = covariance.matrix[:L, :L] @ Q
    if not np.isfinite(VQ).all():
        return float("nan"), {}
    trace, trace_square = float(np.trace(VQ)), float(np.trace(VQ @ VQ))
    largest = float(np.max(np.linalg.eigvals(VQ).real))
    critical = {}
    for bias in MOP_BIASES:
        x = 1 / bias
        dof = trace**2 * (1 + 2 * x) / (trace_square + 2 * x * trace * largest)
        critical[bias] = float(stats.ncx2.ppf(0.95, dof, dof * x) / dof)
    return float(beta[:L] @ Q @ beta[:L] / trace), critical


def sanderson_windmeijer_f(arrays: IVArrays, j: int) -> float:
    """Sanderson-Windmeijer F of endogenous variable ``j`` given the others (the partial F if there are no others)."""
    L, K = arrays.Z.shape[1], arrays.D.shape[1]
    left = arrays.endog_partialled[:, j]
    others = np.delete(arrays.endog_partialled, j, axis=1)
    if K > 1:
        fitted = others - least_squares(others, arrays.instruments_partialled).residuals
        left = left - others @ least_squares(left, fitted).beta
    beta, covariance = arrays.on_instruments(left, arrays.ssc_of_f)
    V = covariance.matrix[:L, :L]
    return wald_statistic(beta[:L], V, arrays.structure) / (L - K + 1)
