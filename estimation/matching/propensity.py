"""Propensity scores by maximum-likelihood logit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import expit

from estimation.core.frame import EstimationError
from estimation.core.least_squares import check_full_rank

MAX_STEPS = 60


@dataclass(frozen=True)
class Logit:
    """Fitted logit P(treated) = 1/(1 + exp(-(X b + c))).

    Attributes:
        coef, se: (k + 1,) by term, the constant last; SE from the information matrix.
        ps, linear: (n,) probability and linear predictor. loglik: log likelihood.
    """

    coef: pd.Series
    se: pd.Series
    ps: np.ndarray
    linear: np.ndarray
    loglik: float


def fit_logit(X: np.ndarray, treated: np.ndarray, names: Sequence[str]) -> Logit:
    """Newton steps on standardised covariates until they no longer move.

    Args:
        X: (n, k) covariates without a constant. treated: (n,) 0/1.

    Raises:
        EstimationError: collinear covariates, or treatment perfectly predicted (no finite estimate exists).
    """
    full = np.column_stack([np.ones(len(X)), X])
    check_full_rank(full, full, ["const", *names])
    centre, scale = X.mean(axis=0), X.std(axis=0)
    design = np.column_stack([(X - centre) / scale, np.ones(len(X))])
    beta, information = _newton(design, treated, [*names, "const"])
    linear = design @ beta
    turn = np.vstack([np.column_stack([np.diag(1 / scale), np.zeros(len(scale))]), np.append(-centre / scale, 1.0)])
    terms = [*names, "const"]
    variance = turn @ np.linalg.inv(information) @ turn.T
    return Logit(
        coef=pd.Series(turn @ beta, index=terms),
        se=pd.Series(np.sqrt(np.diag(variance)), index=terms),
        ps=expit(linear),
        linear=linear,
        loglik=float(-np.logaddexp(0, np.where(treated > 0, -linear, linear)).sum()),
    )


def _newton(design: np.ndarray, treated: np.ndarray, terms: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Maximum-likelihood coefficients and information matrix (k, k); without a finite maximum the steps never end."""
    beta, step = np.zeros(design.shape[1]), np.ones(design.shape[1])
    for _ in range(MAX_STEPS):
        p = expit(design @ beta)
        information = design.T @ (design * (p * (1 - p))[:, None])
        if np.abs(step).max() < 1e-10:
            return beta, information
        if np.linalg.cond(information) > 1e14:
            break
        step = np.linalg.solve(information, design.T @ (treated - p))
        beta = beta + step
    moving = terms[int(np.abs(step[:-1]).argmax())]
    raise EstimationError(
        "the covariates predict treatment perfectly (or nearly) for some observations, so the propensity logit has no "
        f"finite estimate; the coefficient of {moving} grows without limit: leave it out or use larger groups"
    )
