"""Random effects by feasible generalised least squares (Swamy and Arora 1972)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from estimation.core.covariance import AbsorbedEffects, Ssc, Vcov, estimate_covariance
from estimation.core.design import CONSTANT, check_varies, regressors
from estimation.core.error_structure import carried_columns, error_structure
from estimation.core.frame import EstimationError, PanelFrame, panel_frame
from estimation.core.least_squares import check_full_rank, least_squares
from estimation.core.results import Estimates
from estimation.core.within import Within
from estimation.panel.fit import wald_test


@dataclass(frozen=True, kw_only=True)
class RandomEffectsFit(Estimates):
    """Random-effects estimates; ``coef`` ends with the time dummies (if any) and ``const``.

    Attributes:
        sigma_u, sigma_e: standard deviations of the entity effect and of the idiosyncratic error.
        sigma_star: residual standard deviation of the quasi-demeaned regression.
        rho: sigma_u^2 / (sigma_u^2 + sigma_e^2).
        theta: (N,) share of the entity mean that is subtracted, by entity.
        corr2_within, corr2_between, corr2_overall: squared correlations of y and xb within entities, of entity means and
            overall, as Stata's ``xtreg, re`` prints them.
    """

    sigma_u: float
    sigma_e: float
    sigma_star: float
    rho: float
    theta: pd.Series
    corr2_within: float
    corr2_between: float
    corr2_overall: float


@dataclass(frozen=True)
class VarianceComponents:
    """Variances of the idiosyncratic error and of the entity effect."""

    sigma2_e: float
    sigma2_u: float

    def theta(self, counts: np.ndarray) -> np.ndarray:
        """(N,) share of the entity mean subtracted from entities observed ``counts`` times."""
        return 1 - np.sqrt(self.sigma2_e / (counts * self.sigma2_u + self.sigma2_e))

    def summary(self) -> dict[str, float]:
        """Standard deviations sigma_u, sigma_e and the share rho of the entity effect."""
        return {
            "sigma_u": float(np.sqrt(self.sigma2_u)),
            "sigma_e": float(np.sqrt(self.sigma2_e)),
            "rho": self.sigma2_u / (self.sigma2_u + self.sigma2_e),
        }


def fit_random_effects(
    df: pd.DataFrame,
    y: str,
    x: str | Sequence[str],
    *,
    time_dummies: bool = False,
    vcov: Vcov = "iid",
    cluster: str | Sequence[str] | None = None,
    ssc: Ssc = "fixest",
    entity: str = "city_code",
    time: str = "year",
) -> RandomEffectsFit:
    """Generalised least squares of y_it = c + x_it b + u_i + e_it, u_i random.

    With theta_i = 1 - sqrt(s_e^2 / (T_i s_u^2 + s_e^2)) it is least squares on z_it - theta_i mean_i(z). s_e^2 is the residual
    variance of the within regression, s_u^2 = max(0, s_b^2 - s_e^2 / T) with s_b^2 that of the regression of entity means and
    T the harmonic mean of T_i: what linearmodels' RandomEffects and Stata's ``xtreg, re`` use.

    Args:
        time_dummies: add a dummy for every period but the first.
        vcov, cluster, ssc: as in `estimation.panel.fit_panel`; effects are not absorbed, so only K = regressors counts.

    Raises:
        EstimationError: unusable input, columns not identified, or too few observations for a variance component.
    """
    names = regressors(x, y)
    if vcov == "conley":
        raise EstimationError("vcov='conley' is not offered for random effects; use iid, robust, cluster, twoway")
    frame = panel_frame(df, [y, *names], entity=entity, time=time, keep=carried_columns(vcov, cluster, entity, time))
    structure = error_structure(frame, vcov, cluster, entity=entity, time=time)
    outcome, X, terms = random_effects_arrays(frame, y, names, time_dummies)
    check_varies(y, outcome, outcome - entity_means(outcome, frame.entity_codes), "entity")
    components = swamy_arora(outcome, X, frame.entity_codes)
    theta = components.theta(np.bincount(frame.entity_codes))
    y_star, X_star = (_quasi_demeaned(values, theta, frame.entity_codes) for values in (outcome, X))
    ols = least_squares(y_star, X_star)
    ssr = float(ols.residuals @ ols.residuals)
    covariance = estimate_covariance(
        ols.bread, X_star * ols.residuals[:, None], ssr, structure, AbsorbedEffects({}, 0), ssc
    )
    slopes = [i for i, term in enumerate(terms) if term in names]
    return RandomEffectsFit(
        dependent=y,
        estimator="random_effects",
        vcov=structure.label,
        convention=f"Random effects, Swamy-Arora components; time dummies: {time_dummies}. {covariance.sentence}",
        coef=pd.Series(ols.beta, index=terms, name="estimate"),
        cov=pd.DataFrame(covariance.matrix, index=terms, columns=terms),
        nobs=len(outcome),
        n_entities=len(frame.entities),
        df_resid=float(len(outcome) - X.shape[1]),
        df_t=covariance.df_t,
        tests={"slopes": wald_test(ols.beta[slopes], covariance.matrix[np.ix_(slopes, slopes)], covariance.df_t)},
        n_dropped=frame.n_dropped,
        sigma_star=float(np.sqrt(ssr / (len(outcome) - X.shape[1]))),
        theta=pd.Series(theta, index=frame.entities, name="theta"),
        **components.summary(),
        **_squared_correlations(frame, outcome, X @ ols.beta),
    )


def _squared_correlations(frame: PanelFrame, outcome: np.ndarray, fitted: np.ndarray) -> dict[str, float]:
    """Squared correlations of outcome and fitted values within entities, of entity means and overall."""
    within = Within(frame.entity_codes, frame.time_codes, "entity")
    between = [group_means(values, frame.entity_codes) for values in (outcome, fitted)]
    return {
        "corr2_within": _squared_correlation(within.transform(outcome), within.transform(fitted)),
        "corr2_between": _squared_correlation(*between),
        "corr2_overall": _squared_correlation(outcome, fitted),
    }


def _quasi_demeaned(values: np.ndarray, theta: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """(n,) or (n, k) values less theta times their entity mean."""
    share = theta[codes].reshape(-1, *[1] * (values.ndim - 1))
    return values - share * entity_means(values, codes)


def random_effects_arrays(
    frame: PanelFrame, y: str, names: Sequence[str], time_dummies: bool
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Outcome, regressors with dummies and constant, and the names of the columns; identified columns only.

    Raises:
        EstimationError: a column is constant or collinear.
    """
    X, terms = frame.array(list(names)), list(names)
    if time_dummies:
        dummies = (frame.time_codes[:, None] == np.arange(1, len(frame.times))).astype(float)
        X, terms = np.column_stack([X, dummies]), [*terms, *(f"time_{label}" for label in frame.times[1:])]
    X, terms = np.column_stack([X, np.ones(len(X))]), [*terms, CONSTANT]
    order = [len(terms) - 1, *range(len(terms) - 1)]
    check_full_rank(X[:, order], X[:, order], [terms[i] for i in order])
    return frame.array(y), X, terms


def swamy_arora(y: np.ndarray, X: np.ndarray, entity_codes: np.ndarray) -> VarianceComponents:
    """Variance components of (n,) ``y`` on (n, k) ``X`` (with constant); collinear columns count once.

    Raises:
        EstimationError: the within or the between regression has no residual degree of freedom.
    """
    counts = np.bincount(entity_codes)
    norms = np.linalg.norm(X, axis=0)
    X_within = X - entity_means(X, entity_codes)
    y_within = y - entity_means(y, entity_codes)
    ssr_within, rank_within = _ssr_and_rank(y_within, X_within / norms)
    ssr_between, rank_between = _ssr_and_rank(group_means(y, entity_codes), group_means(X, entity_codes) / norms)
    df_within, df_between = len(y) - len(counts) - rank_within, len(counts) - rank_between
    if df_within <= 0 or df_between <= 0:
        raise EstimationError(
            f"random effects need more observations: {len(y)} rows of {len(counts)} entities leave {df_within} within and "
            f"{df_between} between degrees of freedom"
        )
    sigma2_e = ssr_within / df_within
    harmonic = len(counts) / (1 / counts).sum()
    return VarianceComponents(sigma2_e, max(0.0, ssr_between / df_between - sigma2_e / harmonic))


def group_means(values: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """(G,) or (G, k) means of (n,) or (n, k) values over integer codes."""
    flat = values.reshape(len(values), -1)
    sums = np.column_stack([np.bincount(codes, column) for column in flat.T])
    means = sums / np.bincount(codes)[:, None]
    return means.reshape((-1, *values.shape[1:]))


def entity_means(values: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """The group mean of every observation: same shape as ``values``."""
    return group_means(values, codes)[codes]


def _ssr_and_rank(y: np.ndarray, X: np.ndarray) -> tuple[float, int]:
    beta, _, rank, _ = np.linalg.lstsq(X, y, rcond=1e-10)
    residuals = y - X @ beta
    return float(residuals @ residuals), int(rank)


def _squared_correlation(a: np.ndarray, b: np.ndarray) -> float:
    a, b = a - a.mean(), b - b.mean()
    product = (a @ a) * (b @ b)
    return float((a @ b) ** 2 / product) if product > 0 else float(np.nan)
