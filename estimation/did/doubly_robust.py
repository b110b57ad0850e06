"""Two-period difference in differences with covariates: outcome regression, inverse probability weighting, doubly robust.

Each function returns the effect on the treated and its influence function (mean zero, scaled so that the variance is the mean
square over n). Source: Sant'Anna and Zhao (2020), the traditional estimators of R's DRDID (``reg_did_panel``,
``std_ipw_did_panel``, ``drdid_panel``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from estimation.core.frame import EstimationError
from estimation.core.least_squares import check_full_rank

Method = Literal["dr", "reg", "ipw"]
TRIM = 0.995


@dataclass(frozen=True)
class TwoPeriodEffect:
    """Effect on the treated, its (n,) influence function and the number of controls trimmed for extreme propensity."""

    att: float
    influence: np.ndarray
    n_trimmed: int


@dataclass(frozen=True)
class Propensity:
    """Logit fit: (n,) probabilities, (n, k) asymptotic linear representation of its coefficients."""

    probability: np.ndarray
    representation: np.ndarray


def two_period_effect(
    change: np.ndarray, treated: np.ndarray, X: np.ndarray, method: Method, names: Sequence[str]
) -> TwoPeriodEffect:
    """Effect on the treated of (n,) outcome changes.

    Args:
        treated: (n,) boolean. X: (n, 1 + k) constant and covariates, the latter named ``names``.

    Raises:
        EstimationError: no treated or control unit, covariates not identified among controls, or perfect prediction.
    """
    if method not in get_args(Method):
        raise EstimationError(f"method={method!r} is not one of {', '.join(get_args(Method))}")
    D = treated.astype(float)
    if not treated.any() or treated.all():
        raise EstimationError("no treated or no control unit")
    columns = ["const", *names]
    if method != "ipw":
        check_full_rank(X[~treated], X[~treated], columns)
    # Without covariates all three methods are the difference of means.
    if method == "reg" or X.shape[1] == 1:
        return _regression(change, D, X)
    propensity = logit(D, X, columns)
    probability = np.minimum(propensity.probability, 1 - 1e-6)
    keep = treated | (probability < TRIM)
    odds = np.where(treated | ~keep, 0.0, probability / (1 - probability))
    if not (odds > 0).any():
        raise EstimationError("no control unit has a propensity score below the trimming point")
    n_trimmed = int((~keep).sum())
    if method == "ipw":
        return _weighting(change, D, X, odds, propensity, n_trimmed)
    return _doubly_robust(change, D, X, odds, propensity, n_trimmed)


def _outcome_model(change: np.ndarray, D: np.ndarray, X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Predicted change of untreated units and the (n, k) linear representation of its coefficients."""
    n, control = len(change), 1 - D
    gram = np.linalg.inv((control[:, None] * X).T @ X / n)
    predicted = X @ (gram @ (X.T @ (control * change) / n))
    return predicted, (control * (change - predicted))[:, None] * X @ gram


def _regression(change: np.ndarray, D: np.ndarray, X: np.ndarray) -> TwoPeriodEffect:
    predicted, representation = _outcome_model(change, D, X)
    share = D.mean()
    att_treated, att_control = (D * change).mean() / share, (D * predicted).mean() / share
    treated = D * (change - att_treated)
    control = D * (predicted - att_control) + representation @ (D[:, None] * X).mean(axis=0)
    return TwoPeriodEffect(float(att_treated - att_control), (treated - control) / share, 0)


def _weighting(
    change: np.ndarray, D: np.ndarray, X: np.ndarray, odds: np.ndarray, propensity: Propensity, n_trimmed: int
) -> TwoPeriodEffect:
    share, mass = D.mean(), odds.mean()
    att_treated, att_control = (D * change).mean() / share, (odds * change).mean() / mass
    control = odds * (change - att_control)
    slope = (control[:, None] * X).mean(axis=0)
    influence = D * (change - att_treated) / share - (control + propensity.representation @ slope) / mass
    return TwoPeriodEffect(float(att_treated - att_control), influence, n_trimmed)


def _doubly_robust(
    change: np.ndarray, D: np.ndarray, X: np.ndarray, odds: np.ndarray, propensity: Propensity, n_trimmed: int
) -> TwoPeriodEffect:
    predicted, representation = _outcome_model(change, D, X)
    rest = change - predicted
    share, mass = D.mean(), odds.mean()
    att_treated, att_control = (D * rest).mean() / share, (odds * rest).mean() / mass
    treated = D * (rest - att_treated) - representation @ (D[:, None] * X).mean(axis=0)
    weighted = odds * (rest - att_control)
    control = (
        weighted
        + propensity.representation @ (weighted[:, None] * X).mean(axis=0)
        - representation @ (odds[:, None] * X).mean(axis=0)
    )
    return TwoPeriodEffect(float(att_treated - att_control), treated / share - control / mass, n_trimmed)


def logit(D: np.ndarray, X: np.ndarray, names: Sequence[str], tolerance: float = 1e-10, most: int = 50) -> Propensity:
    """Maximum-likelihood logit of (n,) 0/1 ``D`` on (n, k) ``X``, columns ``names``, by Newton steps.

    Raises:
        EstimationError: collinear covariates, or the covariates predict treatment perfectly (no maximum).
    """
    check_full_rank(X, X, names)
    scale = np.linalg.norm(X, axis=0) / np.sqrt(len(X))
    Z = X / scale
    beta = np.zeros(X.shape[1])
    for _ in range(most):
        probability = 1 / (1 + np.exp(-np.clip(Z @ beta, -500, 500)))
        hessian = (Z * (probability * (1 - probability))[:, None]).T @ Z
        if np.linalg.cond(hessian) > 1e14:
            break
        step = np.linalg.solve(hessian, Z.T @ (D - probability))
        beta = beta + step
        if np.abs(step).max() < tolerance:
            information = np.linalg.inv((Z * (probability * (1 - probability))[:, None]).T @ Z)
            return Propensity(probability, (D - probability)[:, None] * Z @ information * len(D) / scale)
    raise EstimationError("the propensity logit has no maximum: the covariates separate treated and control units")
