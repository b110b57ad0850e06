"""Tests of what a spatial Durbin model nests: the spatial lag model (theta = 0) and the spatial error model."""

from __future__ import annotations

import numpy as np
from scipy import stats

from estimation.core.results import HypothesisTest
from estimation.panel.fit import wald_test
from estimation.spatial.data import LAG_PREFIX, SpatialPanel
from estimation.spatial.fit import Fitted, fit_specification
from estimation.spatial.information import Parameters


def nested_tests(
    panel: SpatialPanel, fitted: Fitted, parameters: Parameters, cov: np.ndarray
) -> dict[str, HypothesisTest]:
    """Likelihood-ratio and Wald tests of a spatial Durbin model against SAR and SEM.

    SAR: theta = 0. SEM (common factor): theta + rho beta = 0, which needs the same regressors own and lagged. The
    likelihood ratios compare uncorrected maxima; the Wald tests use the parameters and covariance as given.

    Args:
        parameters, cov: estimates and (k + 1, k + 1) covariance of (beta, theta, rho), possibly bias-corrected.
    """
    spec, terms = fitted.specification, fitted.design.terms
    q = len(spec.lagged)
    theta = [terms.index(LAG_PREFIX + name) for name in spec.lagged]
    sar = fit_specification(panel, spec.restricted("sar"), fitted.logdet)
    found = {
        "lr_sar": likelihood_ratio(fitted.maximum.loglik, sar.maximum.loglik, q, "SDM against SAR: W x left out"),
        "wald_sar": wald_test(parameters.beta[theta], cov[np.ix_(theta, theta)], np.inf),
    }
    note = ""
    if set(spec.own) != set(spec.lagged):
        note = "the SEM is nested only where the same regressors enter themselves and lagged"
    elif spec.effects == "none" and panel.weights.row_sum is None:
        note = "without effects the SEM filters the constant: not nested where the row sums of W differ"
    if note:
        return found | {name: HypothesisTest(np.nan, None, np.nan, note) for name in ("lr_sem", "wald_sem")}
    sem = fit_specification(panel, spec.restricted("sem"), fitted.logdet)
    beta = [terms.index(name) for name in spec.lagged]
    gap = parameters.beta[theta] + parameters.rho * parameters.beta[beta]
    jacobian = np.zeros((q, len(cov)))
    rows = np.arange(q)
    jacobian[rows, theta], jacobian[rows, beta] = 1.0, parameters.rho
    jacobian[:, len(terms)] = parameters.beta[beta]
    return found | {
        "lr_sem": likelihood_ratio(
            fitted.maximum.loglik, sem.maximum.loglik, q, "SDM against SEM: theta + rho beta = 0"
        ),
        "wald_sem": wald_test(gap, jacobian @ cov @ jacobian.T, np.inf),
    }


def likelihood_ratio(full: float, restricted: float, df: int, note: str) -> HypothesisTest:
    """2 (ln L full - ln L restricted) against chi2(df)."""
    statistic = 2 * (full - restricted)
    return HypothesisTest(statistic, float(df), float(stats.chi2.sf(statistic, df)), note)
