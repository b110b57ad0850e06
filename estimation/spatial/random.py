"""Spatial lag and Durbin panels with random entity effects, and Hausman's test against fixed ones.

With phi = s2/(s2 + T s_mu^2) and z* = z - (1 - sqrt(phi)) mean_i(z) (Elhorst 2014, 3.3.4):
ln L = -NT/2 ln(2 pi s2) + T ln|I - rho W| + N/2 ln phi - SSR*/(2 s2).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy import stats
from scipy.optimize import minimize_scalar

from estimation.core.design import CONSTANT
from estimation.core.frame import EstimationError
from estimation.core.results import HypothesisTest
from estimation.spatial.data import SpatialDesign, SpatialPanel, spatial_design, spatial_panel
from estimation.spatial.fit import fit_specification, specification
from estimation.spatial.information import Information, covariance, information
from estimation.spatial.inverse import inverse_traces, resolvent
from estimation.spatial.likelihood import Degrees, Maximum, Profile, maximise, triangular
from estimation.spatial.logdet import LogDeterminant, log_determinant
from estimation.spatial.weights import Islands

_SMALLEST_PHI = 1e-6


@dataclass(frozen=True)
class RandomEffects:
    """Random-effects estimates of a spatial lag or Durbin panel.

    Attributes:
        terms: names of ``estimate`` (k + 1,) and ``cov`` (k + 1, k + 1): slopes, constant, rho.
        phi: s2/(s2 + T s_mu^2); 1 means that the entity effects have no variance.
    """

    terms: tuple[str, ...]
    estimate: np.ndarray
    cov: np.ndarray
    phi: float
    sigma2: float
    loglik: float


def fit_random(panel: SpatialPanel, design: SpatialDesign, logdet: LogDeterminant) -> RandomEffects:
    """Maximise the random-effects likelihood of a design without entity effects (its time effects stay fixed)."""
    n, periods = design.shape
    degrees = Degrees(periods, n * periods, None)
    columns, scale = _columns(design)
    means = columns.mean(axis=1)
    within = triangular((columns - means[:, None, :]).reshape(n * periods, -1))
    between = triangular(np.sqrt(periods) * means)

    def at(log_phi: float) -> tuple[Maximum, float]:
        compressed = np.vstack([within, np.exp(log_phi / 2) * between])
        best = maximise(Profile(compressed, scale, degrees, logdet, True, False))
        return best, best.loglik + n / 2 * log_phi

    bounds = (np.log(_SMALLEST_PHI), 0.0)
    found = minimize_scalar(lambda v: -at(v)[1], bounds=bounds, method="bounded", options={"xatol": 1e-9})
    log_phi = max(float(found.x), 0.0, key=lambda v: at(v)[1])
    best, loglik = at(log_phi)
    phi = float(np.exp(log_phi))
    cov = covariance(_information(panel, design, best, phi, logdet))
    k = len(design.terms)
    return RandomEffects(
        (*design.terms, "rho"), np.append(best.beta, best.rho), cov[: k + 1, : k + 1], phi, best.sigma2, loglik
    )


def _columns(design: SpatialDesign) -> tuple[np.ndarray, np.ndarray]:
    """(N, T, 3 + k) outcome, its lags and scaled regressors, and the (k,) scale."""
    k = len(design.terms)
    scale = np.linalg.norm(design.X0.reshape(-1, k), axis=0)
    outcome = np.stack([design.y0, design.y1, design.y2], axis=2)
    return np.concatenate([outcome, design.X0 / scale], axis=2), scale


def _information(
    panel: SpatialPanel, design: SpatialDesign, best: Maximum, phi: float, logdet: LogDeterminant
) -> Information:
    """Expected information of (beta, rho, phi, s2)."""
    n, periods = design.shape
    at_rho = resolvent(panel.weights, best.rho, logdet)
    traces = inverse_traces(at_rho, None)
    slope = at_rho.lagged(design.X0 @ best.beta)
    columns = np.concatenate([design.X0, slope[:, :, None]], axis=2)
    quasi = columns - (1 - np.sqrt(phi)) * columns.mean(axis=1, keepdims=True)
    flat = quasi.reshape(n * periods, -1)
    k, s2 = len(best.beta), best.sigma2
    matrix = np.zeros((k + 3, k + 3))
    matrix[: k + 1, : k + 1] = flat.T @ flat / s2
    matrix[k, k] += periods * (traces.gg + traces.gtg)
    matrix[k, k + 1] = matrix[k + 1, k] = -traces.g / phi
    matrix[k, k + 2] = matrix[k + 2, k] = periods * traces.g / s2
    matrix[k + 1, k + 1] = n / (2 * phi**2)
    matrix[k + 1, k + 2] = matrix[k + 2, k + 1] = -n / (2 * phi * s2)
    matrix[k + 2, k + 2] = n * periods / (2 * s2**2)
    return Information(matrix, traces, np.zeros(k + 3))


def spatial_hausman(
    df: pd.DataFrame,
    y: str,
    x: str | Sequence[str],
    W: Any,
    *,
    model: Literal["sar", "sdm"] = "sdm",
    lag_x: str | Sequence[str] | None = None,
    effects: Literal["entity", "twoways"] = "entity",
    variance: Literal["common", "own"] = "common",
    with_rho: bool = False,
    entity: str = "city_code",
    time: str = "year",
    islands: Islands = "error",
) -> HypothesisTest:
    """Hausman's test of random against fixed entity effects: d'(V_F - V_R)^-1 d, d = b_F - b_R, chi2.

    Both models are fitted by direct maximum likelihood, so that what their likelihoods share cancels in d.

    Args:
        effects: ``entity``, or ``twoways`` with fixed time effects in both models.
        variance: ``common`` evaluates both information matrices at the random-effects estimates, that of the fixed
            effects with the T - 1 periods they leave; V_F - V_R is then positive definite (as with Stata's
            ``sigmamore``). ``own`` takes each at its own estimates with T periods, as R's splm does.
        with_rho: compare rho too (Elhorst) or slopes only (splm).

    Returns:
        A test with NaN and a note where V_F - V_R is not positive definite.

    Raises:
        EstimationError: unknown options or unusable input.
    """
    for name, value, allowed in (
        ("model", model, ("sar", "sdm")),
        ("effects", effects, ("entity", "twoways")),
        ("variance", variance, ("common", "own")),
    ):
        if value not in allowed:
            raise EstimationError(f"{name}={value!r} is not one of {', '.join(allowed)}")
    names = [x] if isinstance(x, str) else list(x)
    spec = specification(model, effects, "A", "none", names, lag_x)
    panel = spatial_panel(df, y, names, W, lag_x=spec.lagged, entity=entity, time=time, islands=islands)
    logdet = log_determinant(panel.weights)
    fixed = fit_specification(panel, spec, logdet)
    terms = [*fixed.design.terms, "rho"]
    design = spatial_design(
        panel, spec.own, spec.lagged,
        effects="none" if effects == "entity" else "time", time_convention="A", lag_regressors=False,
    )  # fmt: skip
    random = fit_random(panel, design, logdet)
    at, degrees = fixed.parameters, fixed.degrees
    if variance == "common":
        at = at.updated(np.append(random.estimate[[random.terms.index(name) for name in terms]], random.sigma2))
        n, periods = panel.y.shape
        degrees = Degrees(periods - 1, n * (periods - 1), None)
    V_fixed = covariance(information(fixed.design, at, degrees, logdet, transformed=False))[:-1, :-1]
    return _compare(terms, fixed.parameters.vector()[:-1], V_fixed, random, with_rho)


def _compare(
    terms: list[str], fixed: np.ndarray, V_fixed: np.ndarray, random: RandomEffects, with_rho: bool
) -> HypothesisTest:
    names = [name for name in terms if name != CONSTANT and (with_rho or name != "rho")]
    f, r = [terms.index(name) for name in names], [random.terms.index(name) for name in names]
    gap = fixed[f] - random.estimate[r]
    V = V_fixed[np.ix_(f, f)] - random.cov[np.ix_(r, r)]
    scale = np.sqrt(np.diag(V_fixed)[f])
    note = "estimated variance of the entity effects is zero" if random.phi == 1.0 else ""
    if np.linalg.eigvalsh(V / np.outer(scale, scale))[0] <= 0:
        lost = "V_F - V_R is not positive definite: use variance='common'"
        return HypothesisTest(np.nan, float(len(names)), np.nan, lost)
    statistic = float(gap @ np.linalg.solve(V, gap))
    return HypothesisTest(statistic, float(len(names)), float(stats.chi2.sf(statistic, len(names))), note)
