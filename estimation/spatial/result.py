"""What `fit_spatial` returns, and the options it takes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pandas as pd

from estimation.core.results import Estimates
from estimation.core.within import Effects
from estimation.spatial.data import TimeConvention
from estimation.spatial.logdet import LogDeterminant
from estimation.spatial.weights import SpatialWeights

Model = Literal["sar", "sem", "sdm", "slx", "sac", "sdem"]
LeeYu = Literal["none", "transform", "bias"]


@dataclass(frozen=True)
class ModelParts:
    """Which spatial terms a model has: rho W y, W X theta, and lambda W u in the error."""

    rho: bool
    wx: bool
    lambda_: bool


MODELS: dict[str, ModelParts] = {
    "sar": ModelParts(rho=True, wx=False, lambda_=False),
    "sem": ModelParts(rho=False, wx=False, lambda_=True),
    "sdm": ModelParts(rho=True, wx=True, lambda_=False),
    "slx": ModelParts(rho=False, wx=True, lambda_=False),
    "sac": ModelParts(rho=True, wx=False, lambda_=True),
    "sdem": ModelParts(rho=False, wx=True, lambda_=True),
}


@dataclass(frozen=True, kw_only=True)
class SpatialResult(Estimates):
    """Maximum-likelihood estimates of a spatial panel.

    ``coef`` holds x, ``W#x`` for spatially lagged regressors, ``const`` (without effects), ``rho`` and ``lambda``.

    Attributes:
        model, effects, time_convention, lee_yu: the options of the fit.
        rho, lambda_: spatial lag of the outcome and of the error; NaN where the model has none.
        sigma2: error variance: SSR/m with m = N T (after ``lee_yu`` the corrected one). sigma2_se: its standard error.
        loglik: maximised log-likelihood with all constants (that of the uncorrected maximum for ``lee_yu="bias"``).
        rho_bounds: (1/smallest, 1/largest) real eigenvalue of W: where rho and lambda may lie.
        r2: 1 - SSR/SS(y - mean), effects counted as explained. corr2: squared correlation of y and its reduced form,
            both without the effects.
        own, lagged: regressors that enter themselves, and those that enter spatially lagged.
        n_periods: periods. flags: what to know about W and the maximum. residuals: (N T,) by (entity, time).
        weights, logdet, trace_gg: the matrix, its log-determinant and tr(GG), G = W (I - rho W)^-1, for the effects.
    """

    model: Model
    effects: Effects
    time_convention: TimeConvention
    lee_yu: LeeYu
    rho: float
    lambda_: float
    sigma2: float
    sigma2_se: float
    loglik: float
    rho_bounds: tuple[float, float]
    r2: float
    corr2: float
    own: tuple[str, ...]
    lagged: tuple[str, ...]
    n_periods: int
    flags: tuple[str, ...]
    residuals: pd.Series = field(repr=False)
    weights: SpatialWeights = field(repr=False)
    logdet: LogDeterminant = field(repr=False)
    trace_gg: float = field(repr=False)

    @property
    def parts(self) -> ModelParts:
        """Which spatial terms the model has."""
        return MODELS[self.model]

    def information_criteria(self) -> dict[str, float]:
        """AIC and BIC of the likelihood, counting slopes, spatial parameters, the variance and absorbed effects."""
        parameters = self.nobs - self.df_resid + 1
        return {"aic": 2 * parameters - 2 * self.loglik, "bic": np.log(self.nobs) * parameters - 2 * self.loglik}
