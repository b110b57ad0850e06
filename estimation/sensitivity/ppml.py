"""Poisson pseudo maximum likelihood with absorbed effects.

E[y|x] = exp(x b + effects), estimated by iteratively reweighted least squares with the effects removed by weighted
demeaning in every step. Consistent whatever the distribution of y, zeros included. Sources: Santos Silva and Tenreyro
(2006), REStat 88(4); Correia, Guimarães and Zylkin (2020), Stata Journal 20(1), for the absorbed effects and
separation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Unpack, get_args

import numpy as np
import pandas as pd

from estimation.core.covariance import Vcov, estimate_covariance
from estimation.core.design import CONSTANT, absorbed_effects, regressors
from estimation.core.frame import EstimationError, PanelFrame, panel_frame
from estimation.core.least_squares import check_full_rank, least_squares
from estimation.core.options import CovarianceOptions, PanelOptions, check_options
from estimation.core.results import Estimates
from estimation.core.terms import estimation_sample, key_names, structure_of
from estimation.core.within import Effects, Within
from estimation.sensitivity.uninformative import informative_rows

MAX_STEPS = 200
TOLERANCE = 1e-12
VANISHING = 1e-9


@dataclass(frozen=True, kw_only=True)
class Ppml(Estimates):
    """Poisson pseudo maximum likelihood.

    Attributes:
        deviance: 2 sum [y log(y/mu) - (y - mu)]. pseudo_r2: squared correlation of y and its fitted mean.
        n_separated: rows left out because an entity or period is zero throughout. fitted: (n,) means by (entity, time).
    """

    deviance: float
    pseudo_r2: float
    n_separated: int
    fitted: pd.Series


def fit_ppml(
    df: pd.DataFrame,
    y: str,
    x: str | Sequence[str],
    *,
    effects: Effects = "twoways",
    **options: Unpack[CovarianceOptions],
) -> Ppml:
    """Poisson regression of a non-negative outcome.

    Args:
        options: ``vcov`` (``cluster`` unless given; ``iid`` is refused, as the Poisson variance is not assumed) and
            the further covariance options of `estimation.panel.fit_panel`.

    Raises:
        EstimationError: a negative outcome, ``vcov="iid"``, collinear regressors, or no finite estimate (a regressor
            separates zero from positive outcomes).
    """
    check_options(options, CovarianceOptions)
    vcov = options.get("vcov", "cluster")
    if vcov == "iid":
        allowed = [kind for kind in get_args(Vcov) if kind != "iid"]
        raise EstimationError(f"vcov='iid' assumes a Poisson variance, which PPML does not; use {', '.join(allowed)}")
    x_names, panel_options = regressors(x, y), PanelOptions(**options)
    keys = key_names(panel_options)
    sample = estimation_sample(df, [y, *x_names], panel_options)
    outcome = sample.data[y].to_numpy(float)
    if (outcome < 0).any():
        raise EstimationError(
            f"{y} is negative in {int((outcome < 0).sum())} row(s): PPML needs a non-negative outcome"
        )
    frame, n_separated = _informative(sample.frame, outcome == 0, effects, keys)
    fit = _irls(frame, y, x_names, effects)
    structure = structure_of(frame, panel_options)
    target = frame.array(y)
    scores = fit.X_within * (target - fit.mu)[:, None]
    absorbed = absorbed_effects(frame, fit.within)
    covariance = estimate_covariance(fit.bread, scores, np.nan, structure, absorbed, options.get("ssc", "fixest"))
    dropped = f" {n_separated} row(s) of groups that are zero throughout left out." if n_separated else ""
    return Ppml(
        dependent=y,
        estimator="ppml",
        vcov=structure.label,
        convention=f"PPML, effects: {effects}. {covariance.sentence}{dropped}",
        coef=pd.Series(fit.beta, index=fit.terms, name="estimate"),
        cov=pd.DataFrame(covariance.matrix, index=fit.terms, columns=fit.terms),
        nobs=len(target),
        n_entities=len(frame.entities),
        df_resid=float(len(target) - len(fit.beta) - absorbed.rank),
        df_t=covariance.df_t,
        n_dropped=sample.n_dropped,
        deviance=poisson_deviance(target, fit.mu),
        pseudo_r2=float(np.corrcoef(target, fit.mu)[0, 1] ** 2),
        n_separated=n_separated,
        fitted=pd.Series(fit.mu, index=pd.MultiIndex.from_frame(frame.data[list(keys)]), name="fitted"),
    )


def _informative(
    frame: PanelFrame, at_zero: np.ndarray, effects: Effects, keys: tuple[str, str]
) -> tuple[PanelFrame, int]:
    """The frame without groups that are zero throughout, and how many rows that were."""
    all_codes = {"entity": frame.entity_codes, "time": frame.time_codes}
    wanted = {"none": [], "entity": ["entity"], "time": ["time"], "twoways": ["entity", "time"]}.get(effects)
    if wanted is None:
        raise EstimationError(f"effects={effects!r} is not one of {', '.join(get_args(Effects))}")
    kept = informative_rows([at_zero], [all_codes[name] for name in wanted])
    if at_zero[kept].all():
        raise EstimationError("the outcome is zero throughout (in every group that is left): nothing to estimate")
    if kept.all():
        return frame, 0
    others = [column for column in frame.data.columns if column not in keys]
    smaller = panel_frame(frame.data[kept], [], entity=keys[0], time=keys[1], keep=others)
    return smaller, int((~kept).sum())


def poisson_deviance(y: np.ndarray, mu: np.ndarray) -> float:
    """2 sum [y log(y/mu) - (y - mu)], with 0 log 0 = 0."""
    positive = y > 0
    return float(2 * (np.sum(y[positive] * np.log(y[positive] / mu[positive])) - np.sum(y - mu)))


@dataclass(frozen=True)
class _Irls:
    beta: np.ndarray
    terms: list[str]
    mu: np.ndarray
    X_within: np.ndarray
    bread: np.ndarray
    within: Within


def _irls(frame: PanelFrame, y: str, x: Sequence[str], effects: Effects) -> _Irls:
    target, X, terms = frame.array(y), frame.array(list(x)), list(x)
    if effects == "none":
        X, terms = np.column_stack([X, np.ones(len(X))]), [*terms, CONSTANT]
    mu = (target + target.mean()) / 2
    eta, before = np.log(mu), np.inf
    for step in range(MAX_STEPS):
        within = Within(frame.entity_codes, frame.time_codes, effects, mu)
        working = eta + (target - mu) / mu
        both = within.transform(np.column_stack([working, X]))
        if step == 0:
            check_full_rank(both[:, 1:], X, terms, mu)
        ols = least_squares(both[:, 0], both[:, 1:], mu)
        eta = working - ols.residuals
        if np.abs(eta).max() > 100:
            break
        mu = np.exp(eta)
        deviance = poisson_deviance(target, mu)
        if abs(before - deviance) <= TOLERANCE * (0.1 + abs(deviance)):
            if mu.min() < VANISHING * target.mean():
                break
            final = Within(frame.entity_codes, frame.time_codes, effects, mu)
            X_within = final.transform(X)
            bread = least_squares(target, X_within, mu).bread
            return _Irls(ols.beta, terms, mu, X_within, bread, final)
        before = deviance
    raise EstimationError(
        f"PPML has no finite estimate: regressors separate zero from positive values of {y} (fitted means run off to zero)"
    )
