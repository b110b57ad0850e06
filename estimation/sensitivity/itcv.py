"""How strong an omitted variable, or how many replaced cases, would overturn an inference (Frank).

Sources: Frank (2000), Sociological Methods & Research 29(2), impact threshold of a confounding variable (ITCV);
Frank, Maroulis, Duong and Kelcey (2013), Educational Evaluation and Policy Analysis 35(4), robustness of an inference
to replacement (RIR). Numbers and rounding follow R's konfound 1.0.3.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from estimation.core.frame import EstimationError


@dataclass(frozen=True)
class Itcv:
    """Sensitivity of one coefficient.

    Attributes:
        itcv: product of the correlations an omitted variable must have with treatment and outcome, given the
            controls, to overturn the inference (negative for a negative estimate; for an insignificant estimate, to
            sustain it).
        r_xcv, r_ycv: those correlations when equal in size: sqrt|itcv|, the second with the sign of ``itcv``.
        r_observed, r_critical: partial correlation behind the estimate and at the threshold of significance.
        threshold: estimate at which the inference would just change.
        rir: number of cases to replace by cases of no effect. rir_pct: the same in percent of the estimate (unrounded).
        significant: whether the estimate is beyond the threshold.
        itcv_unconditional, r_xcv_unconditional, r_ycv_unconditional: as above without conditioning on the controls
            (NaN unless their R2 are given).
        df: residual degrees of freedom n - n_covariates - 2. t_critical: critical value used.
        convention: the definition in words.
    """

    itcv: float
    r_xcv: float
    r_ycv: float
    r_observed: float
    r_critical: float
    threshold: float
    rir: int
    rir_pct: float
    significant: bool
    itcv_unconditional: float
    r_xcv_unconditional: float
    r_ycv_unconditional: float
    df: float
    t_critical: float
    convention: str


def itcv(
    estimate: float,
    se: float,
    n: float,
    n_covariates: float,
    *,
    alpha: float = 0.05,
    tails: int = 2,
    null: float = 0.0,
    r2_xz: float | None = None,
    r2_yz: float | None = None,
) -> Itcv:
    """ITCV and RIR of an estimate.

    r = t/sqrt(t^2 + df), r# = c/sqrt(c^2 + df) with c the critical value; itcv = (r - r#)/(1 - |r#|) when
    significant, else (r - r#)/(1 + |r#|); rir_pct = 100 (1 - threshold/estimate), or 100 (1 - estimate/threshold)
    when not significant.

    Args:
        n: observations. n_covariates: regressors besides the treatment (count absorbed effects among them).
        null: hypothesised value. r2_xz, r2_yz: R2 of treatment and outcome on the other covariates.

    Raises:
        EstimationError: a number that is not finite, or a standard error, n, alpha or tails that makes no sense.
    """
    df = n - n_covariates - 2
    _check(estimate, se, n, n_covariates, alpha, tails, null)
    critical = float(stats.t.ppf(1 - alpha / tails, df))
    t = (estimate - null) / se
    sign = -1.0 if t < 0 else 1.0
    r = t / np.sqrt(t**2 + df)
    r_critical = sign * critical / np.sqrt(critical**2 + df)
    significant = bool(abs(t) > critical)
    value = (r - r_critical) / (1 + (-1 if significant else 1) * abs(r_critical))
    threshold = null + sign * critical * se
    share = _replaced_share(estimate, threshold, significant)
    r_xcv, r_ycv = float(np.sqrt(abs(value))), float(np.sign(value) * np.sqrt(abs(value)))
    free = [np.nan if r2 is None else float(np.sqrt(1 - r2)) for r2 in (r2_xz, r2_yz)]
    return Itcv(
        itcv=float(value),
        r_xcv=r_xcv,
        r_ycv=r_ycv,
        r_observed=float(r),
        r_critical=float(r_critical),
        threshold=float(threshold),
        rir=0 if np.isnan(share) else round(n * share / 100),
        rir_pct=float(share),
        significant=significant,
        itcv_unconditional=r_xcv * free[0] * r_ycv * free[1],
        r_xcv_unconditional=r_xcv * free[0],
        r_ycv_unconditional=r_ycv * free[1],
        df=float(df),
        t_critical=critical,
        convention=f"Frank's ITCV and RIR: t with {df:g} df (n - covariates - 2), alpha {alpha:g}, {tails}-tailed, H0 {null:g}.",
    )


def _check(estimate: float, se: float, n: float, n_covariates: float, alpha: float, tails: int, null: float) -> None:
    """Raise an EstimationError for arguments that make no sense."""
    df = n - n_covariates - 2
    if not np.isfinite([estimate, se, n, n_covariates, null]).all():
        raise EstimationError(
            f"estimate, se, n and n_covariates must be finite; got {estimate}, {se}, {n}, {n_covariates}"
        )
    if not se > 0 or not df > 0 or tails not in (1, 2) or not 0 < alpha < 1:
        raise EstimationError(
            f"need se > 0, n - n_covariates - 2 > 0, tails 1 or 2 and 0 < alpha < 1; got se={se}, df={df}, tails={tails}, "
            f"alpha={alpha}"
        )


def _replaced_share(estimate: float, threshold: float, significant: bool) -> float:
    """Percent of the estimate (of the threshold, when not significant) beyond the other; NaN when undefined."""
    small, large = (threshold, estimate) if significant else (estimate, threshold)
    return 100 * (1 - small / large) if large != 0 else float("nan")
