"""Two-stage least squares with absorbed effects, first stages and every test of the instruments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from scipy import stats

from estimation.core.covariance import Covariance, Kernel, Ssc, Vcov, wald_statistic
from estimation.core.error_structure import COORDINATES
from estimation.core.frame import EstimationError
from estimation.core.least_squares import check_full_rank, least_squares
from estimation.core.options import CovarianceOptions
from estimation.core.results import Estimates, HypothesisTest
from estimation.core.within import Effects
from estimation.iv.anderson_rubin import Interval, anderson_rubin_set, anderson_rubin_test
from estimation.iv.arrays import IVArrays, prepare
from estimation.iv.stock_yogo import stock_yogo_values
from estimation.iv.tests import endogeneity_c_test, hansen_test, sargan_test, wu_hausman_test
from estimation.iv.tf_critical import tf_critical_value
from estimation.iv.weak_instruments import (
    anderson_lm,
    canonical_form,
    cragg_donald_f,
    effective_f,
    kleibergen_paap_f,
    kleibergen_paap_lm,
    sanderson_windmeijer_f,
)

FirstStages = Literal["all", "own"]


@dataclass(frozen=True, kw_only=True)
class FirstStage(Estimates):
    """Regression of one endogenous variable on instruments and exogenous variables.

    Attributes:
        partial_f: Wald test that the excluded instruments have no effect, divided by their number, under the model's
            covariance (with a small-sample factor also under ``ssc="none"``, as ivreg2); partial_p its p-value. NaN
            with fewer clusters than instruments, as every test that needs the covariance of all of them.
        partial_r2: share of the variation left by the exogenous variables that the instruments explain.
        conditional_f: Sanderson-Windmeijer F (equals ``partial_f`` with one endogenous variable).
    """

    partial_f: float
    partial_p: float
    partial_r2: float
    conditional_f: float


@dataclass(frozen=True, kw_only=True)
class IVFit(Estimates):
    """Two-stage least squares.

    Attributes:
        effects: which effects were absorbed.
        first_stage: one regression an endogenous variable.
        cragg_donald_f, kleibergen_paap_f: weak-identification F statistics (absorbed effects counted; the latter
            under the covariance and small-sample convention of the model).
        anderson_lm, kleibergen_paap_lm: underidentification tests, chi2(L - K + 1).
        sargan, hansen: overidentification tests, chi2(L - K).
        stock_yogo: critical values of the Cragg-Donald F, see `estimation.iv.stock_yogo`.
        effective_f: Montiel Olea-Pflueger F (NaN with several endogenous variables); effective_f_critical by largest
            bias.
        ar_interval: Anderson-Rubin confidence interval of the endogenous coefficient (one endogenous variable only);
            when the confidence set is not an interval, its convex hull; NaN when it is empty or the covariance of
            the instruments' coefficients is singular. ar_set: the exact set, piece by piece.
        tf_critical: 5 % critical value of |t| given the first-stage F (one endogenous variable, one instrument);
            tf_interval: the interval it gives.
        residuals: (n,) structural residuals indexed by (entity, time).
    """

    effects: str
    first_stage: Mapping[str, FirstStage]
    cragg_donald_f: float
    kleibergen_paap_f: float
    kleibergen_paap_lm: HypothesisTest
    anderson_lm: HypothesisTest
    sargan: HypothesisTest
    hansen: HypothesisTest
    stock_yogo: Mapping[str, float]
    effective_f: float
    effective_f_critical: Mapping[float, float] = field(default_factory=dict)
    ar_interval: Interval
    ar_set: tuple[Interval, ...]
    tf_critical: float
    tf_interval: Interval
    residuals: pd.Series


def fit_iv(
    df: pd.DataFrame,
    y: str,
    x: str | Sequence[str] | None,
    endog: str | Sequence[str],
    instruments: str | Sequence[str],
    *,
    effects: Effects = "twoways",
    vcov: Vcov = "cluster",
    ssc: Ssc = "fixest",
    cluster: str | Sequence[str] | None = None,
    first_stages: FirstStages = "all",
    level: float = 0.95,
    entity: str = "city_code",
    time: str = "year",
    bandwidth: int | None = None,
    coordinates: Sequence[str] = COORDINATES,
    cutoff_km: float | None = None,
    kernel: Kernel = "uniform",
) -> IVFit:
    """Two-stage least squares of y = D b + x g + effects + u, D instrumented.

    b = (D^'D^)^-1 D^'y with D^ the projection of (D, x) on (instruments, x), after the effects are removed exactly.
    Stata's ``ivreg2`` without ``small`` is ``ssc="none"``, with ``small`` ``ssc="lsdv"``; ``vcov="robust"`` with
    ``ssc="none"`` is HC0.

    Args:
        df: long frame, one row an (entity, time).
        x: exogenous regressors (None or empty: none). endog: one or several endogenous variables, e.g. a variable and
            its square. instruments: excluded instruments, at least as many.
        effects, vcov, cluster, ssc and the covariance options: as in `estimation.panel.fit_panel`.
        first_stages: ``all`` prints each first stage with every instrument; ``own`` only with the instrument at the
            same position (some papers print it so); estimates and tests of the instruments do not change.
        level: of the Anderson-Rubin interval.

    Raises:
        EstimationError: unusable input, a name used twice, too few or collinear instruments, or an underidentified
            equation.
    """
    options = CovarianceOptions(
        entity=entity, time=time, vcov=vcov, cluster=cluster, ssc=ssc,
        bandwidth=bandwidth, coordinates=coordinates, cutoff_km=cutoff_km, kernel=kernel,
    )  # fmt: skip
    arrays = prepare(df, y, x, endog, instruments, effects, options)
    unequal = len(arrays.instruments) != len(arrays.endog)
    if first_stages not in get_args(FirstStages) or (first_stages == "own" and unequal):
        raise EstimationError(
            f"first_stages={first_stages!r}: allowed are all and own; own needs one instrument an endogenous variable"
        )
    beta, residuals, covariance = two_stage_least_squares(arrays)
    stages = {name: first_stage(arrays, j, first_stages) for j, name in enumerate(arrays.endog)}
    return _assemble(arrays, beta, residuals, covariance, effects, stages, level, [entity, time])


def two_stage_least_squares(arrays: IVArrays) -> tuple[np.ndarray, np.ndarray, Covariance]:
    """Coefficients (K + k,) of (D, X), structural residuals (n,) and covariance.

    Raises:
        EstimationError: the instruments explain some combination of the endogenous variables not at all.
    """
    fitted = arrays.D - least_squares(arrays.D, arrays.all_instruments).residuals
    projected = np.column_stack([arrays.X, fitted])
    names = [*arrays.exog, *(f"fitted {name}" for name in arrays.endog)]
    check_full_rank(projected, np.column_stack([arrays.X, arrays.D]), names)
    second = least_squares(arrays.y, np.column_stack([fitted, arrays.X]))
    residuals = arrays.y - arrays.regressors @ second.beta
    covariance = arrays.covariance(np.column_stack([fitted, arrays.X]), residuals, second.bread)
    return second.beta, residuals, covariance


def first_stage(arrays: IVArrays, j: int, which: FirstStages = "all") -> FirstStage:
    """First-stage regression of endogenous variable ``j``."""
    chosen = list(range(arrays.Z.shape[1])) if which == "all" else [j]
    W = np.column_stack([arrays.Z[:, chosen], arrays.X])
    terms = [*(arrays.instruments[i] for i in chosen), *arrays.exog]
    ols = least_squares(arrays.D[:, j], W)
    covariance = arrays.covariance(W, ols.residuals, ols.bread)
    counted = arrays.covariance(W, ols.residuals, ols.bread, arrays.ssc_of_f)
    m = len(chosen)
    partial_f = wald_statistic(ols.beta[:m], counted.matrix[:m, :m], arrays.structure) / m
    total = float(arrays.endog_partialled[:, j] @ arrays.endog_partialled[:, j])
    return FirstStage(
        dependent=arrays.endog[j],
        estimator="first_stage",
        vcov=arrays.structure.label,
        convention=f"First stage ({which} instruments). {covariance.sentence}",
        coef=pd.Series(ols.beta, index=terms, name="estimate"),
        cov=pd.DataFrame(covariance.matrix, index=terms, columns=terms),
        nobs=arrays.n,
        n_entities=len(arrays.frame.entities),
        df_resid=float(arrays.n - W.shape[1] - arrays.absorbed.rank),
        df_t=covariance.df_t,
        n_dropped=arrays.frame.n_dropped,
        partial_f=partial_f,
        partial_p=float(stats.f.sf(partial_f, m, counted.df_t)),
        partial_r2=1 - float(ols.residuals @ ols.residuals) / total,
        conditional_f=sanderson_windmeijer_f(arrays, j) if which == "all" else float("nan"),
    )


def instrument_diagnostics(arrays: IVArrays, residuals: np.ndarray) -> dict[str, Any]:
    """Identification, overidentification and endogeneity tests, by the field names of `IVFit`.

    Args:
        residuals: (n,) structural residuals of 2SLS.
    """
    form = canonical_form(arrays.instruments_partialled, arrays.endog_partialled)
    strength, critical = effective_f(arrays)
    single = len(arrays.endog) == 1 and len(arrays.instruments) == 1
    return {
        "cragg_donald_f": cragg_donald_f(arrays, form),
        "kleibergen_paap_f": kleibergen_paap_f(arrays, form),
        "kleibergen_paap_lm": kleibergen_paap_lm(arrays, form),
        "anderson_lm": anderson_lm(arrays, form),
        "sargan": sargan_test(arrays, residuals),
        "hansen": hansen_test(arrays, residuals),
        "stock_yogo": stock_yogo_values(len(arrays.endog), len(arrays.instruments)),
        "effective_f": strength,
        "effective_f_critical": critical,
        "tf_critical": tf_critical_value(strength) if single else float("nan"),
        "tests": {
            "anderson_rubin": anderson_rubin_test(arrays, np.zeros(len(arrays.endog))),
            "wu_hausman": wu_hausman_test(arrays),
            "endogeneity": endogeneity_c_test(arrays),
        },
    }


def _confidence_sets(arrays: IVArrays, estimate: float, se: float, level: float, tf_critical: float) -> dict[str, Any]:
    """Anderson-Rubin and tF intervals of a single endogenous variable (NaN with several)."""
    if len(arrays.endog) != 1:
        unknown = (float("nan"), float("nan"))
        return {"ar_set": (), "ar_interval": unknown, "tf_interval": unknown}
    found = anderson_rubin_set(arrays, estimate, se, level)
    half = tf_critical * se
    return {"ar_set": found.pieces, "ar_interval": found.hull, "tf_interval": (estimate - half, estimate + half)}


def _assemble(
    arrays: IVArrays,
    beta: np.ndarray,
    residuals: np.ndarray,
    covariance: Covariance,
    effects: str,
    stages: Mapping[str, FirstStage],
    level: float,
    keys: list[str],
) -> IVFit:
    terms = [*arrays.endog, *arrays.exog]
    diagnostics = instrument_diagnostics(arrays, residuals)
    se = float(np.sqrt(covariance.matrix[0, 0]))
    sets = _confidence_sets(arrays, float(beta[0]), se, level, diagnostics["tf_critical"])
    return IVFit(
        dependent=arrays.dependent,
        estimator="iv_2sls",
        vcov=arrays.structure.label,
        convention=(
            f"2SLS, effects: {effects}; instrumented: {', '.join(arrays.endog)} by {', '.join(arrays.instruments)}. "
            f"{covariance.sentence} Cragg-Donald, Anderson and Sargan count the absorbed effects."
        ),
        coef=pd.Series(beta, index=terms, name="estimate"),
        cov=pd.DataFrame(covariance.matrix, index=terms, columns=terms),
        nobs=arrays.n,
        n_entities=len(arrays.frame.entities),
        df_resid=float(arrays.n - len(terms) - arrays.absorbed.rank),
        df_t=covariance.df_t,
        n_dropped=arrays.frame.n_dropped,
        effects=effects,
        first_stage=stages,
        residuals=pd.Series(residuals, index=pd.MultiIndex.from_frame(arrays.frame.data[keys]), name="residual"),
        **diagnostics,
        **sets,
    )
