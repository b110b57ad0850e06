"""Which effects and which spatial model: joint significance of effects, and the usual tests as one table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from scipy import stats

from estimation.core.frame import EstimationError
from estimation.core.least_squares import least_squares
from estimation.core.results import HypothesisTest
from estimation.core.within import Effects
from estimation.spatial.data import SpatialPanel, TimeConvention, spatial_design, spatial_panel
from estimation.spatial.fit import fit_specification, specification
from estimation.spatial.logdet import log_determinant
from estimation.spatial.models import fit_spatial
from estimation.spatial.nested import likelihood_ratio
from estimation.spatial.random import spatial_hausman
from estimation.spatial.result import MODELS
from estimation.spatial.tests import lm_tests
from estimation.spatial.weights import Islands


def effects_tests(
    df: pd.DataFrame,
    y: str,
    x: str | Sequence[str],
    W: Any,
    *,
    model: str = "sdm",
    lag_x: str | Sequence[str] | None = None,
    time_convention: TimeConvention = "A",
    entity: str = "city_code",
    time: str = "year",
    islands: Islands = "error",
) -> dict[str, HypothesisTest]:
    """Likelihood-ratio tests that the effects are jointly zero, by direct maximum likelihood.

    ``entity``: two-way against time effects, chi2(N - 1). ``time``: two-way against entity effects, chi2(T - 1). Elhorst
    prints the same statistics with N and T degrees of freedom. The chi2 form over-rejects where few observations fall on
    a parameter. ``entity_f`` and ``time_f`` therefore give F(q, d) = (exp(LR/NT) - 1) d/q, d the residual degrees of
    freedom of the two-way model: the exact F test for ``ols``, an approximation otherwise.

    Args:
        model: a spatial model, or ``ols`` for the model without spatial terms.

    Raises:
        EstimationError: unknown options or unusable input.
    """
    if model != "ols" and model not in MODELS:
        raise EstimationError(f"model={model!r} is not one of ols, {', '.join(MODELS)}")
    names = [x] if isinstance(x, str) else list(x)
    base = specification("sar" if model == "ols" else model, "twoways", time_convention, "none", names, lag_x)
    panel = spatial_panel(df, y, names, W, lag_x=base.lagged, entity=entity, time=time, islands=islands)
    n, periods = panel.y.shape
    if min(n, periods) < 2:
        raise EstimationError(
            f"two-way effects need at least 2 entities and 2 periods; the panel has {n} and {periods}"
        )
    logdet = None if model == "ols" else log_determinant(panel.weights)

    def loglik(effects: Effects) -> float:
        if logdet is None:
            return _ols_loglik(panel, effects)
        spec = specification(model, effects, time_convention, "none", names, lag_x)
        return fit_specification(panel, spec, logdet).maximum.loglik

    both = loglik("twoways")
    parts = MODELS["slx" if model == "ols" else model]
    slopes = len(base.own) + len(base.lagged) + parts.rho + parts.lambda_
    residual = n * periods - (n + periods - 1) - slopes
    sides: list[tuple[str, Effects, int]] = [("entity", "time", n - 1), ("time", "entity", periods - 1)]
    found = {}
    for tested, kept, q in sides:
        words = f"two-way against {kept} effects, model {model}"
        found[tested] = likelihood_ratio(
            both, loglik(kept), q, f"{words}; over-rejects with few observations an effect"
        )
        found[f"{tested}_f"] = _f_form(found[tested].statistic, n * periods, q, residual, words)
    return found


def _f_form(ratio: float, n_obs: int, q: int, residual: int, note: str) -> HypothesisTest:
    """The F statistic that belongs to a likelihood ratio of two least-squares fits."""
    statistic = float(np.expm1(ratio / n_obs) * residual / q)
    return HypothesisTest(statistic, (float(q), float(residual)), float(stats.f.sf(statistic, q, residual)), note)


def _ols_loglik(panel: SpatialPanel, effects: Effects) -> float:
    """ln L of the model without spatial terms: -NT/2 [ln(2 pi SSR/NT) + 1]."""
    design = spatial_design(panel, panel.names, (), effects=effects, time_convention="A", lag_regressors=False)
    residuals = least_squares(design.y0.ravel(), design.X0.reshape(design.y0.size, -1)).residuals
    n_obs = len(residuals)
    return float(-n_obs / 2 * (np.log(2 * np.pi * (residuals @ residuals) / n_obs) + 1))


@dataclass(frozen=True)
class ModelChoice:
    """The sequence of tests and what they point to.

    Attributes:
        model: ``ols``, ``sar``, ``sem`` or ``sdm``. reasons: the steps in words.
        table: one row a test: statistic, df, p_value, note.
    """

    model: Literal["ols", "sar", "sem", "sdm"]
    reasons: tuple[str, ...]
    table: pd.DataFrame

    def to_rows(self) -> list[dict[str, Any]]:
        """One dict a test, with the columns of ``results.tests`` that the tests know."""
        return [{"test": str(name), **self.table.loc[name].to_dict()} for name in self.table.index]


def choose_model(
    df: pd.DataFrame,
    y: str,
    x: str | Sequence[str],
    W: Any,
    *,
    effects: Effects = "twoways",
    level: float = 0.05,
    entity: str = "city_code",
    time: str = "year",
    islands: Islands = "error",
) -> ModelChoice:
    """LM, robust LM, LR, Wald, Hausman and effects tests, and Elhorst's (2014, 2.7 and 3.4) rule on them.

    Without a significant LM test (transformed form): ``ols``. Otherwise the Durbin model decides: ``sar`` if theta = 0
    is not rejected and the robust LM tests do not point to the error alone, ``sem`` likewise, else ``sdm``.

    Raises:
        EstimationError: unknown effects or unusable input.
    """
    if effects not in get_args(Effects):
        raise EstimationError(f"effects={effects!r} is not one of {', '.join(get_args(Effects))}")
    common: dict[str, Any] = {"entity": entity, "time": time, "islands": islands}
    tests: dict[str, HypothesisTest] = {}
    for form in ("raw", "transformed"):
        found = lm_tests(df, y, x, W, effects=effects, form=form, **common).tests
        tests |= {f"{name}_{form}": test for name, test in found.items()}
    durbin = fit_spatial(df, y, x, W, model="sdm", effects=effects, **common)
    tests |= dict(durbin.tests)
    if effects != "none":
        tests |= {f"effects_{name}": test for name, test in effects_tests(df, y, x, W, **common).items()}
    if effects == "entity" or effects == "twoways":
        tests["hausman"] = spatial_hausman(df, y, x, W, effects=effects, **common)
    model, reasons = _decide({name: test.p_value for name, test in tests.items()}, level)
    table = pd.DataFrame(
        {
            name: {"statistic": t.statistic, "df": t.df, "p_value": t.p_value, "note": t.note}
            for name, t in tests.items()
        }
    ).T
    return ModelChoice(model, reasons, table)


def _decide(p: dict[str, float], level: float) -> tuple[Literal["ols", "sar", "sem", "sdm"], tuple[str, ...]]:
    """Elhorst's rule on p-values by test name."""
    simple = [name for name in ("lm_lag_transformed", "lm_err_transformed") if p[name] < level]
    if not simple:
        return "ols", ("no LM test of spatial dependence is significant",)
    robust = {side: p[f"rlm_{side}_transformed"] < level for side in ("lag", "err")}
    rejected = {name: p[f"lr_{name}"] < level for name in ("sar", "sem")}
    words = {True: "significant", False: "not significant"}
    reasons = (
        f"significant: {', '.join(simple)}",
        f"robust LM lag {words[robust['lag']]}, robust LM error {words[robust['err']]}",
        "; ".join(
            f"LR against {name.upper()} {'rejects' if no else 'does not reject'} it" for name, no in rejected.items()
        ),
    )
    if not rejected["sar"] and (robust["lag"] or (not robust["err"] and rejected["sem"])):
        return "sar", reasons
    if not rejected["sem"] and (robust["err"] or (not robust["lag"] and rejected["sar"])):
        return "sem", reasons
    return "sdm", reasons
