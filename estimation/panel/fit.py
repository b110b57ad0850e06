"""Panel OLS: pooled, city, year and two-way effects, with every small-sample choice named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Literal

import numpy as np
import pandas as pd
from scipy import stats

from estimation.core.covariance import (
    RANK_TOLERANCE,
    Covariance,
    ErrorStructure,
    Kernel,
    Ssc,
    Vcov,
    estimate_covariance,
)
from estimation.core.design import CONSTANT, PanelDesign, identified, panel_design, regressors
from estimation.core.error_structure import COORDINATES, carried_columns, error_structure
from estimation.core.frame import EstimationError, panel_frame
from estimation.core.least_squares import LeastSquares, least_squares
from estimation.core.results import Estimates, HypothesisTest
from estimation.core.within import Effects
from estimation.panel.constants import base_period_constant, grand_mean_constant
from estimation.panel.fit_measures import fit_measures
from estimation.panel.record import confirm


@dataclass(frozen=True, kw_only=True)
class PanelFit(Estimates):
    """Least squares with absorbed effects.

    Attributes:
        effects: which effects were absorbed. Without effects ``coef`` ends with the term ``const``.
        r2_within: share of the variation left by the absorbed effects that x explains (fixest's within R2,
            linearmodels' ``rsquared``); without effects the ordinary R2.
        r2_overall: 1 - SS(y - c - xb) / SS(y - mean), effects left in the residual, c the grand-mean constant
            (linearmodels' ``rsquared_overall`` of a model with a constant).
        r2_inclusive: 1 - SSR / SS(y - mean), effects counted as explained (linearmodels' ``rsquared_inclusive``,
            fixest's and Stata areg's R2).
        r2_adj: 1 - (1 - r2_inclusive)(n - 1)/(n - k - effects).
        r2_between: as r2_overall, on entity means.
        r2_within_entity: 1 - SSR / SS(y - entity mean): the within R2 that Stata's ``xtreg y x i.year, fe`` prints.
        corr2_overall, corr2_between: squared correlations of y and xb (Stata xtreg's overall and between R2 without
            year dummies).
        constant_grand_mean: mean(y) - mean(x)b; all effects average to zero over the observations.
        constant_base_year: mean(y - xb - d_t) with the first period's effect zero, as ``xtreg y x i.year, fe`` prints
            it; NaN if the panel falls apart into unconnected blocks.
        ssr: sum of squared residuals u'Wu. rmse: square root of the (weighted) mean squared residual.
        n_periods: periods used. n_singletons: observations alone in an effect group (kept, fitted exactly).
        dropped: columns left out as not identified, with the reason (only with ``collinear="drop"``).
        residuals: (n,) indexed by (entity, time).
    """

    effects: str
    r2_within: float
    r2_overall: float
    r2_inclusive: float
    r2_adj: float
    r2_between: float
    r2_within_entity: float
    corr2_overall: float
    corr2_between: float
    constant_grand_mean: float
    constant_base_year: float
    constant_grand_mean_se: float
    constant_base_year_se: float
    ssr: float
    rmse: float
    n_periods: int
    n_singletons: int
    dropped: Mapping[str, str] = field(default_factory=dict)
    residuals: pd.Series


def fit_panel(
    df: pd.DataFrame,
    y: str,
    x: str | Sequence[str],
    *,
    effects: Effects = "twoways",
    vcov: Vcov = "cluster",
    cluster: str | Sequence[str] | None = None,
    ssc: Ssc = "fixest",
    weights: str | None = None,
    entity: str = "city_code",
    time: str = "year",
    bandwidth: int | None = None,
    coordinates: Sequence[str] = COORDINATES,
    cutoff_km: float | None = None,
    kernel: Kernel = "uniform",
    collinear: Literal["error", "drop"] = "error",
    record: bool = False,
) -> PanelFit:
    """Least squares of y_it = x_it b + effects + u_it.

    Effects are removed exactly by (weighted) demeaning, which equals dummy variables (Frisch-Waugh-Lovell). Rows with a
    missing value in a used column are dropped and counted.

    Args:
        df: long frame, one row an (entity, time).
        y, x: column names.
        effects: ``none`` adds the constant ``const``.
        vcov: ``cluster`` groups by ``cluster`` (default: the entity), ``twoway`` by two columns (default: entity and
            time), ``driscoll_kraay`` takes ``bandwidth`` lags (default floor(T^(1/4))), ``conley`` needs ``cutoff_km``
            and ``coordinates`` (latitude, longitude columns in degrees).
        ssc: small-sample convention, see `estimation.core.covariance`.
        weights: column of positive observation weights (Stata's aweights).
        collinear: ``error`` names the columns that are not identified; ``drop`` leaves them out and says so.
        record: also fit with linearmodels, the estimator of record, and refuse a difference above 1e-8.

    Raises:
        EstimationError: unusable input (see `estimation.core.frame.panel_frame`), an unknown option, an outcome that does
            not vary, columns not identified, or no residual degree of freedom.
    """
    names = regressors(x, y)
    carried = carried_columns(vcov, cluster, entity, time, coordinates)
    frame = panel_frame(df, [y, *names, *([weights] if weights else [])], entity=entity, time=time, keep=carried)
    structure = error_structure(
        frame, vcov, cluster, entity=entity, time=time,
        bandwidth=bandwidth, coordinates=coordinates, cutoff_km=cutoff_km, kernel=kernel,
    )  # fmt: skip
    design, dropped = identified(panel_design(frame, y, names, effects, weights), collinear)
    ols = least_squares(design.y_within, design.X_within, design.weights)
    _check_degrees_of_freedom(design)
    scores = design.X_within * (design.mass * ols.residuals)[:, None]
    ssr = float(design.mass @ ols.residuals**2)
    covariance = estimate_covariance(ols.bread, scores, ssr, structure, design.absorbed, ssc)
    convention = f"Panel OLS, effects: {effects}{', weighted' if weights else ''}. {covariance.sentence}"
    if dropped:
        convention += f" Left out: {'; '.join(dropped.values())}."
    if record:
        convention += f" {confirm(design, ols.beta)}"
    return _assemble(design, ols, covariance, structure, convention, dropped, [entity, time])


def _check_degrees_of_freedom(design: PanelDesign) -> None:
    (n, k), rank = design.X.shape, design.absorbed.rank
    if n <= k + rank:
        raise EstimationError(
            f"{n} observations for {k} coefficients and {rank} effects: no residual degree of freedom"
        )


def _assemble(
    design: PanelDesign,
    ols: LeastSquares,
    covariance: Covariance,
    structure: ErrorStructure,
    convention: str,
    dropped: Mapping[str, str],
    keys: list[str],
) -> PanelFit:
    """Put the pieces of a fit into its result."""
    frame, terms, (n, k) = design.frame, list(design.terms), design.X.shape
    slopes = [i for i, term in enumerate(terms) if term != CONSTANT]
    fitted = design.X[:, slopes] @ ols.beta[slopes]
    grand_mean = grand_mean_constant(design, ols.beta, ols.residuals, structure, covariance.factor)
    base_year = base_period_constant(design, ols.beta, ols.residuals, structure, covariance.factor)
    ssr = float(design.mass @ ols.residuals**2)
    shares = fit_measures(
        design.y, design.y_within, fitted + grand_mean.value, ols.residuals, frame.entity_codes, design.mass
    )
    df_resid = n - k - design.absorbed.rank
    return PanelFit(
        dependent=design.dependent,
        estimator="pooled_ols" if design.effects == "none" else "panel_ols",
        vcov=structure.label,
        convention=convention,
        coef=pd.Series(ols.beta, index=terms, name="estimate"),
        cov=pd.DataFrame(covariance.matrix, index=terms, columns=terms),
        nobs=n,
        n_entities=len(frame.entities),
        df_resid=float(df_resid),
        df_t=covariance.df_t,
        tests={"slopes": wald_test(ols.beta[slopes], covariance.matrix[np.ix_(slopes, slopes)], covariance.df_t)},
        n_dropped=frame.n_dropped,
        effects=design.effects,
        r2_adj=1 - (1 - shares.r2_inclusive) * (n - 1) / df_resid,
        constant_grand_mean=grand_mean.value,
        constant_base_year=base_year.value,
        constant_grand_mean_se=grand_mean.std_error,
        constant_base_year_se=base_year.std_error,
        ssr=ssr,
        rmse=float(np.sqrt(ssr / design.mass.sum())),
        n_periods=len(frame.times),
        n_singletons=_count_singletons(design),
        dropped=dict(dropped),
        residuals=pd.Series(ols.residuals, index=pd.MultiIndex.from_frame(frame.data[keys]), name="residual"),
        **asdict(shares),
    )


def wald_test(estimate: np.ndarray, cov: np.ndarray, df_t: float) -> HypothesisTest:
    """Joint test that (q,) estimates with (q, q) covariance are zero: F(q, df_t), or chi2(q) when df_t is infinite.

    The covariance is inverted on its range; where its rank is below q the test uses that rank and says so.
    """
    q = len(estimate)
    scale = np.sqrt(np.maximum(np.diag(cov), 0))
    scale = np.where(scale > 0, scale, 1.0)
    standard, known = cov / np.outer(scale, scale), bool(np.isfinite(cov).all())
    rank = int(np.linalg.matrix_rank(standard, rtol=RANK_TOLERANCE, hermitian=True)) if known else 0
    if rank == 0:
        return HypothesisTest(np.nan, None, np.nan, "the covariance is not defined or zero")
    standardised = estimate / scale
    inverse = np.linalg.pinv(standard, rtol=RANK_TOLERANCE, hermitian=True)
    wald = float(standardised @ inverse @ standardised)
    note = "" if rank == q else f"covariance of rank {rank} for {q} coefficients (too few clusters)"
    if np.isinf(df_t):
        return HypothesisTest(wald, float(rank), float(stats.chi2.sf(wald, rank)), note)
    return HypothesisTest(wald / rank, (float(rank), df_t), float(stats.f.sf(wald / rank, rank, df_t)), note)


def _count_singletons(design: PanelDesign) -> int:
    """Observations that are alone in an absorbed group."""
    alone = np.zeros(len(design.y), dtype=bool)
    for codes in design.absorbed.codes.values():
        alone |= np.bincount(codes)[codes] == 1
    return int(alone.sum())
