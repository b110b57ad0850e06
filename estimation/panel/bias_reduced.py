"""Clustered inference for few or unequal clusters: bias-reduced variance (CR2) and t with degrees of freedom by term.

The usual clustered variance is too small where a few clusters decide a coefficient, and t with G - 1 degrees of freedom does
not know it. Here the residuals u_c of cluster c are first multiplied by A_c = (M_cc)^(-1/2), where M = I - H is the
projection off all regressors and effects and the root is symmetric (on the range of M_cc): then

    V = B (sum_c X_c' A_c u_c u_c' A_c X_c) B,    B = (X'X)^-1,

is unbiased if errors are independent with equal variance, and consistent whatever they are within clusters. Coefficient j has

    nu_j = (sum_c g_c'g_c)^2 / sum_cd (g_c'g_d)^2,    g_c = M_.c A_c X_c B e_j

degrees of freedom: those of the chi-square with the mean and the variance of V_jj under the same errors (Satterthwaite).

Sources: Bell and McCaffrey (2002, Survey Methodology 28(2), 169-181); Imbens and Kolesar (2016, Review of Economics and
Statistics 98(4), 701-712); with absorbed effects Pustejovsky and Tipton (2018, Journal of Business and Economic Statistics
36(4), 672-683).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from estimation.core.covariance import group_sums
from estimation.core.design import identified, panel_design, regressors
from estimation.core.error_structure import carried_columns, error_structure
from estimation.core.frame import EstimationError, panel_frame
from estimation.core.least_squares import least_squares
from estimation.core.results import Estimates
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
        weights[rows] = _inverse_root(own) @ weights[rows]
    products = [_products(column, X, bread, within, codes) for column in weights.T]
    mean = np.array([np.trace(product) for product in products])
    df = np.array([np.trace(product) ** 2 / (product**2).sum() for product in products])
    return AdjustedScores(weights, df, mean / np.diag(bread) - 1)


def _inverse_root(matrix: np.ndarray) -> np.ndarray:
    """Symmetric inverse square root of a symmetric positive semidefinite matrix, on its range."""
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
    inside = values > RANGE_TOLERANCE
    return np.asarray((vectors[:, inside] / np.sqrt(values[inside])) @ vectors[:, inside].T)


def _products(weights: np.ndarray, X: np.ndarray, bread: np.ndarray, within: Within, codes: np.ndarray) -> np.ndarray:
    """(G, G) g_c'g_d of one coefficient; M is idempotent, so g_c'g_d = w_c'M_cd w_d with w the adjusted weights (n,)."""
    spread = np.zeros((len(codes), int(codes.max()) + 1))
    spread[np.arange(len(codes)), codes] = weights
    left = within.transform(spread) - X @ (bread @ (X.T @ spread))
    return group_sums(weights[:, None] * left, codes)


def fit_bias_reduced(
    df: pd.DataFrame,
    y: str,
    x: str | Sequence[str],
    *,
    effects: Effects = "twoways",
    cluster: str | None = None,
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

    Raises:
        EstimationError: unusable input (see `estimation.core.frame.panel_frame`), an outcome that does not vary, columns
            not identified, or a single cluster.
    """
    names = regressors(x, y)
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
