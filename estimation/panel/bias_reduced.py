"""Clustered inference for few or unequal clusters: bias-reduced variance (CR2) and t with degrees of freedom by term.

The usual clustered variance is too small where a few clusters decide a coefficient, and t with G - 1 degrees of freedom does
not know it. Here the residuals u_c of cluster c are first multiplied by A_c = (M_cc)^(-1/2), where M = I - H is the
projection off all regressors and effects and the root is symmetric (on the range of M_cc): then

    V = B (sum_c X_c' A_c u_c u_c' A_c X_c) B,    B = (X'X)^-1,

is unbiased if errors are independent with equal variance, and consistent whatever they are within clusters. Coefficient j has

    nu_j = (sum_c g_c'g_c)^2 / sum_cd (g_c'g_d)^2,    g_c = M_.c A_c X_c B e_j

degrees of freedom: those of the chi-square with the mean and the variance of V_jj under the same errors (Satterthwaite).

q coefficients d are tested jointly as if V were Wishart with eta degrees of freedom, eta such that the variances of the elements of
S^(-1/2) V S^(-1/2), S = Var(d) under the same errors, have the right sum: d'V^-1 d (eta - q + 1) / (eta q) is F(q, eta - q + 1)
(Hotelling's T^2; for q = 1 the t above).

Sources: Bell and McCaffrey (2002, Survey Methodology 28(2), 169-181); Imbens and Kolesar (2016, Review of Economics and
Statistics 98(4), 701-712); with absorbed effects Pustejovsky and Tipton (2018, Journal of Business and Economic Statistics
36(4), 672-683), whose section 4 has the joint test ("HTZ").
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from estimation.core.covariance import ErrorStructure, group_sums, wald_statistic
from estimation.core.design import identified, panel_design, regressors
from estimation.core.error_structure import carried_columns, error_structure
from estimation.core.frame import EstimationError, panel_frame
from estimation.core.least_squares import least_squares
from estimation.core.results import Estimates, HypothesisTest
from estimation.core.within import Effects, Within

RANGE_TOLERANCE = 1e-10  # eigenvalues of M_cc lie between 0 and 1; below it stands rounding
BIAS_TOLERANCE = 1e-6  # relative bias under the working errors above which a variance is not defined


@dataclass(frozen=True, kw_only=True)
class BiasReduced(Estimates):
    """Least squares with bias-reduced clustered errors.

    Attributes:
        effects: which effects were absorbed. Without effects ``coef`` ends with the term ``const``.
        df_by_term: (k,) degrees of freedom of each coefficient's t; p-values and intervals use them. ``df_t`` is the
            smallest of them. Well below G - 1, they tell that few clusters decide the coefficient; below four or so,
            tests are rough.
        n_clusters: G.

    ``tests["joint_zero"]`` is the joint test, if one was asked for.
    """

    effects: str
    df_by_term: pd.Series
    n_clusters: int

    @property
    def reference_df(self) -> np.ndarray:
        """(k,) degrees of freedom by term."""
        return self.df_by_term.to_numpy(dtype=float)


@dataclass(frozen=True)
class AdjustedScores:
    """What makes a bias-reduced variance of residuals; no outcome enters.

    Attributes:
        weights: (n, k) rows of A_c X_c B: the score of cluster c for coefficient j is sum of weights_ij u_i over its rows.
        df: (k,) Satterthwaite degrees of freedom.
        bias: (k,) expected variance over the true one under independent equal errors, less 1; zero unless a coefficient
            is identified by a single cluster.
    """

    weights: np.ndarray
    df: np.ndarray
    bias: np.ndarray

    def covariance(self, residuals: np.ndarray, codes: np.ndarray) -> np.ndarray:
        """(k, k) V from (n,) least-squares residuals and the clusters' (n,) codes."""
        sums = group_sums(self.weights * residuals[:, None], codes)
        return np.asarray(sums.T @ sums)


def adjusted_scores(X: np.ndarray, bread: np.ndarray, within: Within, codes: np.ndarray) -> AdjustedScores:
    """Adjustment and degrees of freedom of k coefficients.

    Args:
        X: (n, k) regressors with the effects removed. bread: (k, k) (X'X)^-1. within: the (unweighted) projection off the
            effects. codes: (n,) clusters 0..G-1.
    """
    weights = X @ bread
    for code in range(int(codes.max()) + 1):
        rows = np.flatnonzero(codes == code)
        unit = np.zeros((len(X), len(rows)))
        unit[rows, np.arange(len(rows))] = 1.0
        own = within.transform(unit)[rows] - X[rows] @ bread @ X[rows].T
        weights[rows] = inverse_root(own) @ weights[rows]
    products = [_products(column, column, X, bread, within, codes) for column in weights.T]
    mean = np.array([np.trace(product) for product in products])
    df = np.array([np.trace(product) ** 2 / (product**2).sum() for product in products])
    return AdjustedScores(weights, df, mean / np.diag(bread) - 1)


def inverse_root(matrix: np.ndarray) -> np.ndarray:
    """Symmetric inverse square roots of (..., m, m) symmetric positive semidefinite matrices, on their range."""
    values, vectors = np.linalg.eigh((matrix + matrix.swapaxes(-1, -2)) / 2)
    inside = values > RANGE_TOLERANCE
    scale = np.where(inside, 1 / np.sqrt(np.where(inside, values, 1.0)), 0.0)
    return np.asarray((vectors * scale[..., None, :]) @ vectors.swapaxes(-1, -2))


def _products(
    first: np.ndarray, second: np.ndarray, X: np.ndarray, bread: np.ndarray, within: Within, codes: np.ndarray
) -> np.ndarray:
    """(G, G) g_c'h_d of two combinations of coefficients with adjusted weights (n,); M is idempotent, so g_c'h_d = v_c'M_cd w_d."""
    spread = np.zeros((len(codes), int(codes.max()) + 1))
    spread[np.arange(len(codes)), codes] = second
    left = within.transform(spread) - X @ (bread @ (X.T @ spread))
    return group_sums(first[:, None] * left, codes)


@dataclass(frozen=True)
class JointRule:
    """A joint test of q coefficients that are zero; no outcome enters.

    Attributes:
        at: their positions. root: (q, q) R with R Var(d) R' = I under independent equal errors of variance one.
        eta: degrees of freedom of V.
    """

    at: list[int]
    root: np.ndarray
    eta: float

    @property
    def df(self) -> tuple[float, float]:
        """Degrees of freedom of the F statistic."""
        return float(len(self.at)), self.eta - len(self.at) + 1

    def test(self, beta: np.ndarray, covariance: np.ndarray, structure: ErrorStructure) -> HypothesisTest:
        """The test from (k,) coefficients and their (k, k) bias-reduced covariance."""
        wald = wald_statistic(
            self.root @ beta[self.at], self.root @ covariance[np.ix_(self.at, self.at)] @ self.root.T, structure
        )
        if self.df[1] <= 0 or not np.isfinite(wald):
            return HypothesisTest(float("nan"), None, float("nan"), "not defined: too few clusters decide them")
        statistic = wald * self.df[1] / (self.eta * self.df[0])
        return HypothesisTest(statistic, self.df, float(stats.f.sf(statistic, *self.df)), f"eta={self.eta:.1f}")


def joint_rule(
    scores: AdjustedScores, at: list[int], X: np.ndarray, bread: np.ndarray, within: Within, codes: np.ndarray
) -> JointRule:
    """The joint test of the coefficients at `at`; the other arguments as in `adjusted_scores`."""
    q = len(at)
    root = np.linalg.inv(np.linalg.cholesky(bread[np.ix_(at, at)]))
    weights = (scores.weights[:, at] @ root.T).T
    products = [[_products(v, w, X, bread, within, codes) for w in weights] for v in weights]
    variances = [
        (products[s][s] * products[t][t] + products[s][t] * products[s][t].T).sum() for s in range(q) for t in range(q)
    ]  # of the elements (s, t) of S^(-1/2) V S^(-1/2)
    return JointRule(at, root, float(q * (q + 1) / np.sum(variances)))


def fit_bias_reduced(
    df: pd.DataFrame,
    y: str,
    x: str | Sequence[str],
    *,
    effects: Effects = "twoways",
    cluster: str | None = None,
    joint: Sequence[str] = (),
    entity: str = "city_code",
    time: str = "year",
) -> BiasReduced:
    """Least squares of y_it = x_it b + effects + u_it with bias-reduced clustered errors (CR2) and t by term.

    Coefficients are those of `fit_panel`. Rows with a missing value in a used column are dropped and counted.

    Args:
        df: long frame, one row an (entity, time).
        y, x: column names.
        effects: ``none`` adds the constant ``const``.
        cluster: column of the clusters (default: the entity).
        joint: regressors to test jointly against zero.

    Raises:
        EstimationError: unusable input (see `estimation.core.frame.panel_frame`), an outcome that does not vary, columns
            not identified, a single cluster, or a joint test of something that is no regressor.
    """
    names = regressors(x, y)
    strangers = [name for name in joint if name not in names]
    if strangers or len(set(joint)) != len(joint):
        raise EstimationError(f"joint must name regressors, each once; got {', '.join(joint)}")
    frame = panel_frame(
        df, [y, *names], entity=entity, time=time, keep=carried_columns("cluster", cluster, entity, time)
    )
    structure = error_structure(frame, "cluster", cluster, entity=entity, time=time)
    codes = structure.groups[0]
    n_clusters = int(codes.max()) + 1
    if n_clusters < 2:
        raise EstimationError(f"{structure.label} has a single group: its covariance is not defined")
    design, _ = identified(panel_design(frame, y, names, effects))
    ols = least_squares(design.y_within, design.X_within)
    scores = adjusted_scores(design.X_within, ols.bread, design.within, codes)
    undefined = np.abs(scores.bias) > BIAS_TOLERANCE
    covariance = scores.covariance(ols.residuals, codes)
    covariance[undefined, :] = covariance[:, undefined] = np.nan
    terms = list(design.terms)
    tests = {}
    if joint:
        at = [terms.index(name) for name in joint]
        rule = joint_rule(scores, at, design.X_within, ols.bread, design.within, codes)
        tests["joint_zero"] = rule.test(ols.beta, covariance, structure)
    degrees = pd.Series(np.where(undefined, np.nan, scores.df), index=terms, name="df")
    return BiasReduced(
        dependent=y,
        estimator="pooled_ols" if effects == "none" else "panel_ols",
        vcov=f"cr2({structure.label.removeprefix('cluster(')}",
        convention=_convention(effects, structure.label, n_clusters, degrees),
        coef=pd.Series(ols.beta, index=terms, name="estimate"),
        cov=pd.DataFrame(covariance, index=terms, columns=terms),
        nobs=len(design.y),
        n_entities=len(frame.entities),
        df_resid=float(len(design.y) - len(terms) - design.absorbed.rank),
        df_t=float(degrees.min()),
        tests=tests,
        n_dropped=frame.n_dropped,
        effects=effects,
        df_by_term=degrees,
        n_clusters=n_clusters,
    )


def _convention(effects: str, label: str, n_clusters: int, degrees: pd.Series) -> str:
    """The small-sample choices in one sentence, and what is not defined."""
    sentence = (
        f"Panel OLS, effects: {effects}. Bias-reduced covariance CR2, {label}, G={n_clusters}: unbiased under independent "
        f"equal errors; t with Satterthwaite degrees of freedom by term, {degrees.min():.1f} to {degrees.max():.1f}."
    )
    lost = [str(term) for term in degrees.index[degrees.isna()]]
    if lost:
        sentence += f" Not defined for {', '.join(lost)}: identified by a single cluster."
    return sentence
