"""Spatial panel models: from a data frame to a result."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from estimation.core.within import Effects
from estimation.spatial.data import SpatialPanel, TimeConvention, spatial_panel
from estimation.spatial.fit import Fitted, Specification, fit_specification, specification
from estimation.spatial.information import Information, Parameters, bias_corrected, covariance, information
from estimation.spatial.inverse import resolvent
from estimation.spatial.logdet import ChebyshevLogDeterminant, LogdetMethod, log_determinant
from estimation.spatial.nested import nested_tests
from estimation.spatial.result import LeeYu, Model, SpatialResult
from estimation.spatial.weights import Islands


def fit_spatial(
    df: pd.DataFrame,
    y: str,
    x: str | Sequence[str],
    W: Any,
    *,
    model: Model = "sdm",
    lag_x: str | Sequence[str] | None = None,
    effects: Effects = "twoways",
    time_convention: TimeConvention = "A",
    lee_yu: LeeYu = "none",
    entity: str = "city_code",
    time: str = "year",
    logdet: LogdetMethod = "auto",
    islands: Islands = "error",
) -> SpatialResult:
    """Spatial panel by maximum likelihood: y = rho W y + X b + W X theta + effects + u, u = lambda W u + e.

    ``sar`` has rho; ``sem`` lambda; ``slx`` theta; ``sdm`` rho and theta; ``sac`` rho and lambda; ``sdem`` theta and
    lambda. Formulas: `estimation.spatial.likelihood` (likelihood), `estimation.spatial.information` (standard errors, Lee-Yu).

    Args:
        df: long balanced frame, one row an (entity, time).
        y, x: column names.
        W: (N, N) weights, labelled or in sorted entity order, used as given (see `estimation.spatial.weights`).
        lag_x: regressors that enter spatially lagged (``slx``, ``sdm``, ``sdem``); None lags all of x. Columns that are
            not in x enter lagged only.
        effects: ``none``, ``entity``, ``time`` or ``twoways``, always fixed effects and open to every model. ``none`` adds
            the constant ``const``, which is never lagged. Random entity effects are not an option here: they are
            estimated for ``sar`` and ``sdm`` alone, inside `estimation.spatial.random.spatial_hausman`.
        time_convention: how spatial lags and time effects combine, see `estimation.spatial.data`; ``A`` equals dummy
            variables. It makes a difference with time effects only.
        lee_yu: ``none`` direct maximum likelihood; ``transform`` maximum likelihood of the orthonormally transformed
            data (Lee and Yu 2010; time effects need equal row sums of W); ``bias`` direct estimates, then corrected.
        logdet: ``auto``, ``eigen``, ``lu`` (exact) or ``chebyshev`` (approximation, never chosen by itself).
        islands: ``error``, or ``allow`` to keep units without neighbours with a zero spatial lag and a flag.

    Returns:
        A SpatialResult; for ``model="sdm"`` its ``tests`` hold ``lr_sar``, ``wald_sar``, ``lr_sem``, ``wald_sem``.

    Raises:
        EstimationError: unknown options or combinations, unusable data or weights, an unbalanced panel, regressors not
            identified, no maximum inside the admissible interval.
    """
    names = [x] if isinstance(x, str) else list(x)
    spec = specification(model, effects, time_convention, lee_yu, names, lag_x)
    panel = spatial_panel(df, y, names, W, lag_x=spec.lagged, entity=entity, time=time, islands=islands)
    fitted = fit_specification(panel, spec, log_determinant(panel.weights, logdet))
    parameters = fitted.parameters
    if lee_yu == "bias":
        parameters = bias_corrected(fitted.design, parameters, fitted.degrees, fitted.logdet)
    transformed = lee_yu == "transform"
    info = information(fitted.design, parameters, fitted.degrees, fitted.logdet, transformed=transformed)
    return _assemble(panel, fitted, parameters, info, [entity, time])


def _assemble(
    panel: SpatialPanel, fitted: Fitted, parameters: Parameters, info: Information, keys: list[str]
) -> SpatialResult:
    """Put the pieces of a fit into its result."""
    cov = covariance(info)
    spec, design = fitted.specification, fitted.design
    spatial = [name for name, has in (("rho", parameters.has_rho), ("lambda", parameters.has_lambda)) if has]
    terms = [*design.terms, *spatial]
    n, periods = design.shape
    absorbed = {"none": 0, "entity": n, "time": periods, "twoways": n + periods - 1}[spec.effects]
    residuals = _residuals(fitted, parameters)
    y = panel.y.ravel()
    return SpatialResult(
        dependent=panel.dependent,
        estimator=f"spatial_{spec.model}",
        vcov="information",
        convention=_convention(panel, fitted),
        coef=pd.Series(parameters.vector()[:-1], index=terms, name="estimate"),
        cov=pd.DataFrame(cov[:-1, :-1], index=terms, columns=terms),
        nobs=n * periods,
        n_entities=n,
        df_resid=float(n * periods - absorbed - len(terms)),
        tests=nested_tests(panel, fitted, parameters, cov[:-1, :-1]) if spec.model == "sdm" else {},
        n_dropped=panel.frame.n_dropped,
        model=spec.model,
        effects=spec.effects,
        time_convention=spec.time_convention,
        lee_yu=spec.lee_yu,
        rho=parameters.rho if parameters.has_rho else np.nan,
        lambda_=parameters.lambda_ if parameters.has_lambda else np.nan,
        sigma2=parameters.sigma2,
        sigma2_se=float(np.sqrt(cov[-1, -1])),
        loglik=fitted.maximum.loglik,
        rho_bounds=fitted.logdet.bounds,
        r2=float(1 - (residuals**2).sum() / ((y - y.mean()) ** 2).sum()),
        corr2=_squared_correlation(fitted, parameters),
        own=spec.own,
        lagged=spec.lagged,
        n_periods=periods,
        flags=_flags(panel, fitted),
        residuals=pd.Series(
            residuals.ravel(), index=pd.MultiIndex.from_frame(panel.frame.data[keys]), name="residual"
        ),
        weights=panel.weights,
        logdet=fitted.logdet,
        trace_gg=info.traces.gg,
    )  # fmt: skip


def _residuals(fitted: Fitted, p: Parameters) -> np.ndarray:
    """(N, T) residuals e of the filtered equation, effects removed."""
    d = fitted.design
    outcome = d.y0 - p.rho * d.y1 - p.lambda_ * (d.y1 - p.rho * d.y2)
    X = d.X0 if d.X1 is None else d.X0 - p.lambda_ * d.X1
    return outcome - X @ p.beta


def _squared_correlation(fitted: Fitted, p: Parameters) -> float:
    """Squared correlation of the outcome and (I - rho W)^-1 X b, both with the effects removed."""
    d = fitted.design
    fit = d.X0 @ p.beta
    if p.has_rho:
        fit = resolvent(d.panel.weights, p.rho, fitted.logdet).solve(fit)
    fit = d.without_effects(fit)
    return float(np.corrcoef(d.y0.ravel(), fit.ravel())[0, 1] ** 2) if fit.std() > 0 else 0.0


def _flags(panel: SpatialPanel, fitted: Fitted) -> tuple[str, ...]:
    flags = list(panel.weights.flags)
    if fitted.maximum.n_maxima > 1:
        flags.append(f"the likelihood has {fitted.maximum.n_maxima} local maxima; the highest is reported")
    if isinstance(fitted.logdet, ChebyshevLogDeterminant):
        m = fitted.maximum
        error = max(fitted.logdet.standard_error(value) for value in (m.rho, m.lambda_))
        flags.append(f"approximate log-determinant: its standard error at the estimate is {error:.2g}")
    return tuple(flags)


def _convention(panel: SpatialPanel, fitted: Fitted) -> str:
    """The sentence that names every choice a table must print."""
    spec: Specification = fitted.specification
    lee_yu = {
        "none": "direct maximum likelihood, variance SSR/(NT)",
        "transform": f"Lee-Yu transformed likelihood with {fitted.degrees.observations} effective observations",
        "bias": "direct maximum likelihood with Lee-Yu bias correction",
    }[spec.lee_yu]
    return (
        f"Spatial panel {spec.model.upper()}, effects: {spec.effects}, time convention {spec.time_convention}; "
        f"{lee_yu}; "
        f"standard errors from the expected information, z statistics; {fitted.logdet.describe()}; "
        f"{panel.weights.describe()}."
    )
