"""Dynamic panels y_it = r y_i,t-1 + x_it b + c_i + e_it: least squares with the bias of the lag taken out of its moments.

Removing the city effects makes the lag move with the errors. For a city with T consecutive years and independent errors of
variance s_i^2, with M the demeaning and l_i the (T,) lags,

    E[l_i'M e_i] = -s_i^2 h(r, T),    h(r, T) = sum_{t=1}^{T-1} (T - t) r^(t-1) / T,

whatever the first value, the effects, strictly exogenous x, and whether |r| < 1 (Nickell 1981). Since E[e_i'M e_i] = (T - 1) s_i^2,

    sum_i l_i'M e_i + h(r, T_i) e_i'M e_i / (T_i - 1) = 0,    sum_i x_i'M e_i = 0

hold in expectation at the true (r, b), city by city, so variances may differ between cities. With b(r) from the second set
the first is a polynomial in r. It is positive at least squares; its first root above is the estimate. e'Me is divided by its share of
degrees of freedom, (n - N - k) / (n - N), as residuals are smaller than errors.

Sources: Bun and Carree (2005, Journal of Business and Economic Statistics 23(2), 200-210); the same moments as derivative of an
adjusted likelihood, and which root: Dhaene and Jochmans (2016, Econometric Theory 32(5), 1178-1215); several lags, and the sandwich:
Breitung, Kripfganz and Hayakawa (2022, Econometrics and Statistics 24, 116-132).

Errors are for few or unequal cities: CR2 as in `estimation.panel.bias_reduced`, the lag taken as given. Under independent equal errors
a coefficient's variance is a known mixture of chi-squares; degrees of freedom are those that make a 95 % interval exact then
(`estimation.core.quadratic_forms`), as Satterthwaite's are too few where two or three cities decide. That intervals cover under other
errors is shown by draws (`tests/demo/test_coverage.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.polynomial import Polynomial

from estimation.core.design import check_varies, regressors
from estimation.core.frame import EstimationError, PanelFrame, panel_frame
from estimation.core.least_squares import check_full_rank, least_squares
from estimation.core.quadratic_forms import matched_df
from estimation.core.results import Estimates
from estimation.panel.bias_reduced import BIAS_TOLERANCE, inverse_root

REAL = 1e-7  # imaginary part of a root, relative to its size, that is rounding
NEWTON_STEPS = 3


@dataclass(frozen=True, kw_only=True)
class BiasCorrectedLag(Estimates):
    """City effects and a lag, without the bias of least squares.

    Attributes:
        df_by_term: (k,) degrees of freedom of each coefficient's t, exact at 95 % under independent equal errors. ``df_t`` is
            the smallest of them. Few tell that few cities decide the coefficient.
        uncorrected: (k,) least-squares coefficients.
    """

    df_by_term: pd.Series
    uncorrected: pd.Series

    @property
    def reference_df(self) -> np.ndarray:
        """(k,) degrees of freedom by term."""
        return self.df_by_term.to_numpy(dtype=float)


@dataclass(frozen=True)
class Cities:
    """Cities with the same number of years T, their means removed.

    Attributes:
        X: (cities, T, k) regressors, the lag first. y: (cities, T).
    """

    X: np.ndarray
    y: np.ndarray

    @property
    def years(self) -> int:
        """T."""
        return self.X.shape[1]


@dataclass(frozen=True)
class Solution:
    """What the arrays give.

    Attributes:
        beta, uncorrected: (k,) corrected and least-squares coefficients. covariance: (k, k), NaN where a single city identifies
            a coefficient.
        spectra: (k, N) weights of the chi-squares that each variance, over its mean, is a mixture of.
        df_resid: observations less cities and coefficients.
    """

    beta: np.ndarray
    uncorrected: np.ndarray
    covariance: np.ndarray
    spectra: np.ndarray
    df_resid: int

    @property
    def df(self) -> np.ndarray:
        """(k,) degrees of freedom; NaN where the variance is not defined."""
        defined = np.isfinite(np.diag(self.covariance))
        return np.array([matched_df(own) if ok else np.nan for own, ok in zip(self.spectra, defined, strict=True)])


def bias_of_lag(years: int) -> Polynomial:
    """h(r, T) as a polynomial in r."""
    return Polynomial((years - np.arange(1, years)) / years)


def solve(groups: Sequence[Cities]) -> Solution:
    """Corrected coefficients and their covariance.

    Raises:
        EstimationError: the moments have no root above least squares.
    """
    X = np.concatenate([group.X.reshape(-1, group.X.shape[2]) for group in groups])
    y = np.concatenate([group.y.ravel() for group in groups])
    ols = least_squares(y, X)
    within = sum(len(group.y) * (group.years - 1) for group in groups)
    df_resid = within - X.shape[1]
    both = np.column_stack([y, X[:, 0]])
    slopes = least_squares(both, X[:, 1:]).beta if X.shape[1] > 1 else np.zeros((0, 2))
    lag = _root(groups, slopes, within / df_resid, ols.beta[0])
    beta = np.concatenate([[lag], slopes[:, 0] - lag * slopes[:, 1]])
    covariance, spectra = _inference(groups, beta, ols.bread, within / df_resid)
    return Solution(beta, ols.beta, covariance, spectra, df_resid)


def _root(groups: Sequence[Cities], slopes: np.ndarray, factor: float, start: float) -> float:
    """First root of the lag's moment above least squares; slopes (k - 1, 2) of outcome and lag on the other regressors."""
    moment = Polynomial([0.0])
    for group in groups:
        outcome = (group.y - group.X[:, :, 1:] @ slopes[:, 0]).ravel()
        lag = (group.X[:, :, 0] - group.X[:, :, 1:] @ slopes[:, 1]).ravel()
        squares = Polynomial([outcome @ outcome, -2 * outcome @ lag, lag @ lag])
        moment = moment + Polynomial([outcome @ lag, -lag @ lag])
        moment = moment + factor / (group.years - 1) * bias_of_lag(group.years) * squares
    found = moment.roots()
    real = np.sort(found.real[np.abs(found.imag) <= REAL * np.maximum(np.abs(found), 1.0)])
    above = real[real > start]
    if len(above) == 0:
        raise EstimationError(
            "no coefficient of the lag solves the corrected moments: errors are too large for the variation of the lag"
        )
    root, slope = float(above[0]), moment.deriv()
    for _ in range(NEWTON_STEPS):
        root -= float(moment(root) / slope(root))
    return root


def _inference(
    groups: Sequence[Cities], beta: np.ndarray, bread: np.ndarray, factor: float
) -> tuple[np.ndarray, np.ndarray]:
    """(k, k) covariance and (k, N) spectra.

    A city's moments are X'A u + (h u'u factor / (T - 1), 0, ..), with A the root that makes least squares unbiased and u its residuals;
    the minus inverse of their derivative in (r, b) makes them an error of the estimate.
    """
    k = len(beta)
    slope = np.zeros((k, k))
    scores, own, loads = [], [], []
    for group in groups:
        X, T = group.X, group.years
        bias = bias_of_lag(T)
        u = group.y - X @ beta
        adjusted = inverse_root(np.eye(T) - 1 / T - X @ bread @ X.swapaxes(1, 2)) @ X
        squares = factor / (T - 1) * (u**2).sum(axis=1)
        moments = np.einsum("ctk,ct->ck", adjusted, u)
        moments[:, 0] += bias(beta[0]) * squares
        scores.append(moments)
        slope -= np.einsum("ctk,ctl->kl", X, X)
        slope[0] -= 2 * factor / (T - 1) * bias(beta[0]) * np.einsum("ct,ctk->k", u, X)
        slope[0, 0] += bias.deriv()(beta[0]) * squares.sum()
        weights = adjusted @ bread
        own.append(((weights - weights.mean(axis=1, keepdims=True)) ** 2).sum(axis=1))
        loads.append(np.einsum("ctk,ctl->ckl", weights, X))
    errors = -np.concatenate(scores) @ np.linalg.inv(slope).T
    spectra = _spectra(np.concatenate(own), np.concatenate(loads), bread)
    undefined = np.abs(spectra.sum(axis=1) - 1) > BIAS_TOLERANCE
    covariance = errors.T @ errors
    covariance[undefined, :] = covariance[:, undefined] = np.nan
    return covariance, spectra


def _spectra(own: np.ndarray, loads: np.ndarray, bread: np.ndarray) -> np.ndarray:
    """(k, N) eigenvalues of P = diag(own) - L bread L' over bread_jj, by coefficient j.

    P holds the covariances of the cities' scores under equal independent errors of variance one, as in `fit_bias_reduced`.

    Args:
        own: (N, k) w_c'M w_c of the adjusted weights. loads: (N, k, k) rows of L, w_c'X_c, by city and coefficient.
    """
    out = []
    for j, variance in enumerate(np.diag(bread)):
        shared = loads[:, j] @ bread @ loads[:, j].T
        out.append(np.linalg.eigvalsh(np.diag(own[:, j]) - shared) / variance)
    return np.maximum(out, 0.0)


def fit_bias_corrected_lag(
    df: pd.DataFrame, y: str, x: str | Sequence[str], *, entity: str = "city_code", time: str = "year"
) -> BiasCorrectedLag:
    """Bias-corrected least squares of y_it = r y_i,t-1 + x_it b + c_i + e_it, errors clustered by entity.

    Errors are independent over time (the lag takes up persistence) with variances that differ by entity; x is strictly exogenous.
    The lag is taken here: each entity's first year only gives it. Year effects are dummies among ``x``.

    Args:
        df: long frame, one row an (entity, year), consecutive years.
        y, x: column names; the lag is the first term, ``L.`` and the name of ``y``.

    Raises:
        EstimationError: unusable input (see `estimation.core.frame.panel_frame`), a gap in an entity's years, columns that are
            not identified, fewer than two entities of three years, or no solution.
    """
    names = regressors(x, y)
    frame = panel_frame(df, [y, *names], entity=entity, time=time)
    terms = [f"L.{y}", *names]
    panels = _by_length(frame, y, names, time)
    n_entities = sum(map(len, panels))
    if n_entities < 2:
        raise EstimationError(f"{n_entities} {entity}(s) with three years or more: clustered errors need two")
    observed = np.concatenate([panel.reshape(-1, 1 + len(terms)) for panel in panels])
    panels = [panel - panel.mean(axis=1, keepdims=True) for panel in panels]
    left = np.concatenate([panel.reshape(-1, 1 + len(terms)) for panel in panels])
    check_varies(y, observed[:, 0], left[:, 0], "entity")
    check_full_rank(left[:, 1:], observed[:, 1:], terms)
    found = solve([Cities(panel[:, :, 1:], panel[:, :, 0]) for panel in panels])
    degrees = pd.Series(found.df, index=terms, name="df")
    return BiasCorrectedLag(
        dependent=y,
        estimator="panel_bias_corrected_lag",
        vcov=f"cr2({entity})",
        convention=(
            f"City effects and a lag, bias-corrected moments. Bias-reduced covariance CR2, cluster({entity}), G={n_entities}; "
            f"t with degrees of freedom by term, exact at 95 % under independent equal errors, {degrees.min():.1f} to {degrees.max():.1f}."
        ),
        coef=pd.Series(found.beta, index=terms, name="estimate"),
        cov=pd.DataFrame(found.covariance, index=terms, columns=terms),
        nobs=len(observed),
        n_entities=n_entities,
        df_resid=float(found.df_resid),
        df_t=float(degrees.min()),
        n_dropped=frame.n_dropped,
        df_by_term=degrees,
        uncorrected=pd.Series(found.uncorrected, index=terms, name="estimate"),
    )


def _by_length(frame: PanelFrame, y: str, x: Sequence[str], time: str) -> list[np.ndarray]:
    """(entities, T, 2 + k) outcome, lag and regressors of the entities with T years after the first, one array a T.

    Entities with one such year say nothing about slopes and are left out.
    """
    outcome, X = frame.array(y), frame.array(list(x))
    years = frame.data[time].to_numpy(dtype=float)
    found: dict[int, list[np.ndarray]] = {}
    for code, label in enumerate(frame.entities):
        rows = np.flatnonzero(frame.entity_codes == code)
        if (np.diff(years[rows]) != 1).any():
            raise EstimationError(f"{label} has a gap in {time}: the correction needs consecutive years; drop one side")
        if len(rows) > 2:
            own = np.column_stack([outcome[rows[1:]], outcome[rows[:-1]], X[rows[1:]]])
            found.setdefault(len(own), []).append(own)
    return [np.stack(found[size]) for size in sorted(found)]
