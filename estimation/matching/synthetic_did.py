"""Synthetic difference-in-differences, also with staggered adoption.

For each cohort, unit weights w make the weighted controls move like the cohort before treatment and period weights l
make the pre-periods stand for the post-periods of the controls; the effect is the double difference with these
weights. The overall effect weights cohorts by treated unit-periods. Sources: Arkhangelsky, Athey, Hirshberg, Imbens
and Wager (2021), American Economic Review 111(12); Clarke, Pailanir, Athey and Imbens (2023), "Synthetic
difference-in-differences estimation" (staggered adoption, placebo inference); Kranz (2022) for covariates. Both
weight problems are solved exactly (non-negative least squares) instead of by a fixed number of Frank-Wolfe steps, so
numbers differ from R's synthdid in the digits it has not converged to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
import pandas as pd
from scipy.optimize import nnls

from estimation.core.frame import EstimationError, PanelFrame, panel_frame
from estimation.core.least_squares import check_full_rank, least_squares
from estimation.core.results import Estimates
from estimation.core.within import Within

Inference = Literal["placebo", "jackknife", "bootstrap"]
TIME_RIDGE = 1e-6


@dataclass(frozen=True, kw_only=True)
class SyntheticDid(Estimates):
    """Synthetic difference-in-differences; the term is ``att``.

    Attributes:
        cohorts: one row a cohort: first treated period, units, post-periods, effect, share in the overall effect.
        unit_weights: (controls x cohorts). time_weights: (periods x cohorts), NaN from the cohort's start.
        inference: how the standard error was found. draws: (B,) replicated effects.
    """

    cohorts: pd.DataFrame
    unit_weights: pd.DataFrame
    time_weights: pd.DataFrame
    inference: str
    draws: np.ndarray


@dataclass(frozen=True)
class _Panel:
    """Balanced outcome matrix (units, periods) and the first treated period of each unit (periods: never)."""

    Y: np.ndarray
    start: np.ndarray


@dataclass(frozen=True)
class _Cohort:
    start: int
    units: np.ndarray
    omega: np.ndarray
    lam: np.ndarray
    effect: float
    cells: int


def synthetic_did(
    df: pd.DataFrame,
    y: str,
    treat: str,
    x: str | Sequence[str] = (),
    *,
    inference: Inference = "placebo",
    draws: int = 200,
    rng: np.random.Generator | None = None,
    entity: str = "city_code",
    time: str = "year",
) -> SyntheticDid:
    """Effect on the treated from a balanced panel.

    Args:
        df: long frame, one row an (entity, time), balanced. treat: 0/1, once 1 always 1.
        x: covariates; y is replaced by y - xb with b from a two-way fixed-effects regression on the untreated
            observations.
        inference: ``placebo`` assigns the treatment to controls ``draws`` times, ``bootstrap`` redraws units,
            ``jackknife`` leaves out one unit at a time with fixed weights (needs two units in every cohort; no draws).
        rng: generator of the draws.

    Raises:
        EstimationError: unusable input, an unbalanced panel, treatment that ends, no never-treated unit, fewer than two
            pre-periods, or an inference that these units do not allow.
    """
    if inference not in get_args(Inference):
        raise EstimationError(f"inference={inference!r} is not one of {', '.join(get_args(Inference))}")
    covariates = [x] if isinstance(x, str) else list(x)
    frame = panel_frame(df, [y, treat, *covariates], entity=entity, time=time)
    panel = _panel(frame, y, treat, covariates)
    cohorts = _estimate(panel)
    effect = _overall(cohorts)
    if inference == "jackknife":
        values = _jackknife(panel, cohorts)
        n = len(values)
        variance = float((n - 1) / n * np.sum((values - values.mean()) ** 2))
    else:
        generator = _need_rng(rng, draws)
        resample = _placebo_panel if inference == "placebo" else _bootstrap_panel
        values = np.array([_overall(_estimate(resample(panel, generator))) for _ in range(draws)])
        variance = float(np.mean((values - values.mean()) ** 2))
    return _assemble(frame, panel, cohorts, effect, variance, values, y, inference, covariates)


def _panel(frame: PanelFrame, y: str, treat: str, covariates: Sequence[str]) -> _Panel:
    N, T = len(frame.entities), len(frame.times)
    if not frame.is_balanced:
        raise EstimationError(
            f"synthetic DID needs a balanced panel: {len(frame.data)} rows for {N} units x {T} periods"
        )
    d = frame.array(treat).reshape(N, T)
    if not np.isin(d, (0, 1)).all() or (np.diff(d, axis=1) < 0).any():
        raise EstimationError(f"{treat} must be 0 or 1 and stay 1 once it is 1")
    start = T - d.sum(axis=1).astype(int)
    if (start == T).sum() < 2 or (start == T).all():
        raise EstimationError(
            f"synthetic DID needs treated and at least two never-treated units; {(start == T).sum()} never"
        )
    if start.min() < 2:
        bad = frame.entities[start < 2][:5]
        raise EstimationError(f"unit(s) {', '.join(map(str, bad))} have fewer than two periods before treatment")
    outcome = frame.array(y)
    if covariates:
        outcome = outcome - _covariate_part(frame, outcome, d.ravel() > 0, covariates)
    return _Panel(outcome.reshape(N, T), start)


def _covariate_part(frame: PanelFrame, y: np.ndarray, treated: np.ndarray, covariates: Sequence[str]) -> np.ndarray:
    """x b with b estimated on untreated observations with unit and period effects."""
    X = frame.array(list(covariates))
    kept = ~treated
    codes = [np.unique(code[kept], return_inverse=True)[1] for code in (frame.entity_codes, frame.time_codes)]
    within = Within(codes[0], codes[1], "twoways")
    X_within = within.transform(X[kept])
    check_full_rank(X_within, X[kept], list(covariates))
    return X @ least_squares(within.transform(y[kept]), X_within).beta


def simplex_least_squares(A: np.ndarray, b: np.ndarray, ridge: float) -> np.ndarray:
    """Weights w >= 0, sum w = 1, minimising |A w - b|^2 + ridge |w|^2, exactly.

    With sum w = 1 the objective is |M w|^2, M = [A - b1'; sqrt(ridge) I]; its minimiser over the simplex is u / sum u
    for the non-negative least-squares solution u of [M; 1'] u = (0, 1) (Lawson and Hanson 1974, ch. 23).
    """
    M = np.vstack([A - b[:, None], np.sqrt(ridge) * np.eye(A.shape[1])])
    # The row of ones must weigh as much as the data, or the problem is badly scaled.
    unit = np.sqrt(np.mean(np.square(M)) * len(M)) or 1.0
    target = np.append(np.zeros(len(M)), 1.0)
    u = nnls(np.vstack([M / unit, np.ones(A.shape[1])]), target)[0]
    return u / u.sum()


def _estimate(panel: _Panel) -> list[_Cohort]:
    T = panel.Y.shape[1]
    control = panel.Y[panel.start == T]
    cohorts = []
    for start in np.unique(panel.start[panel.start < T]):
        units = np.flatnonzero(panel.start == start)
        treated = panel.Y[units].mean(axis=0)
        omega, lam = _weights(control, treated, int(start), len(units))
        effect = _double_difference(control, treated, int(start), omega, lam)
        cohorts.append(_Cohort(int(start), units, omega, lam, effect, len(units) * (T - int(start))))
    return cohorts


def _weights(control: np.ndarray, treated: np.ndarray, start: int, n_treated: int) -> tuple[np.ndarray, np.ndarray]:
    """Unit weights (controls,) and period weights (start,)."""
    pre, post = control[:, :start], control[:, start:]
    noise = float(np.std(np.diff(pre, axis=1), ddof=1))
    zeta = (n_treated * post.shape[1]) ** 0.25 * noise
    centred = pre - pre.mean(axis=1, keepdims=True)
    goal = treated[:start] - treated[:start].mean()
    omega = simplex_least_squares(centred.T, goal, zeta**2 * start)
    later = post.mean(axis=1)
    ridge = (TIME_RIDGE * noise) ** 2 * len(control)
    lam = simplex_least_squares(pre - pre.mean(axis=0), later - later.mean(), ridge)
    return omega, lam


def _double_difference(
    control: np.ndarray, treated: np.ndarray, start: int, omega: np.ndarray, lam: np.ndarray
) -> float:
    own = treated[start:].mean() - lam @ treated[:start]
    others = control[:, start:].mean(axis=1) - control[:, :start] @ lam
    return float(own - omega @ others)


def _overall(cohorts: Sequence[_Cohort]) -> float:
    cells = np.array([cohort.cells for cohort in cohorts])
    return float(cells @ np.array([cohort.effect for cohort in cohorts]) / cells.sum())


def _need_rng(rng: np.random.Generator | None, draws: int) -> np.random.Generator:
    if rng is None or draws < 2:
        raise EstimationError("placebo and bootstrap inference need rng (a numpy Generator) and at least 2 draws")
    return rng


def _placebo_panel(panel: _Panel, rng: np.random.Generator) -> _Panel:
    T = panel.Y.shape[1]
    control, starts = panel.Y[panel.start == T], panel.start[panel.start < T]
    if len(control) - len(starts) < 2:
        raise EstimationError(
            f"placebo inference needs at least two more never-treated ({len(control)}) than treated ({len(starts)}) units; "
            "use inference='bootstrap' or 'jackknife'"
        )
    order = rng.permutation(len(control))
    start = np.full(len(control), T)
    start[order[: len(starts)]] = starts
    return _Panel(control, start)


def _bootstrap_panel(panel: _Panel, rng: np.random.Generator) -> _Panel:
    T = panel.Y.shape[1]
    if (panel.start < T).sum() < 2:
        raise EstimationError("bootstrap inference needs at least two treated units; use inference='placebo'")
    while True:
        rows = rng.integers(0, len(panel.Y), len(panel.Y))
        start = panel.start[rows]
        if (start == T).sum() >= 2 and (start < T).any():
            return _Panel(panel.Y[rows], start)


def _jackknife(panel: _Panel, cohorts: Sequence[_Cohort]) -> np.ndarray:
    """(N,) effects leaving out one unit, weights fixed and rescaled."""
    if any(len(cohort.units) < 2 for cohort in cohorts):
        raise EstimationError("jackknife inference needs at least two units in every cohort; use inference='placebo'")
    T = panel.Y.shape[1]
    never = np.flatnonzero(panel.start == T)
    values = []
    for left_out in range(len(panel.Y)):
        kept_controls = never != left_out
        refit = []
        for cohort in cohorts:
            units = cohort.units[cohort.units != left_out]
            omega = cohort.omega[kept_controls]
            total = omega.sum()
            omega = omega / total if total > 0 else np.full(len(omega), 1 / len(omega))
            treated = panel.Y[units].mean(axis=0)
            effect = _double_difference(panel.Y[never[kept_controls]], treated, cohort.start, omega, cohort.lam)
            refit.append(replace(cohort, effect=effect, cells=len(units) * (T - cohort.start)))
        values.append(_overall(refit))
    return np.array(values)


def _assemble(
    frame: PanelFrame,
    panel: _Panel,
    cohorts: Sequence[_Cohort],
    effect: float,
    variance: float,
    values: np.ndarray,
    y: str,
    inference: str,
    covariates: Sequence[str],
) -> SyntheticDid:
    T = panel.Y.shape[1]
    labels = [frame.times[cohort.start] for cohort in cohorts]
    total = sum(cohort.cells for cohort in cohorts)
    table = pd.DataFrame(
        {
            "n_units": [len(cohort.units) for cohort in cohorts],
            "n_post": [T - cohort.start for cohort in cohorts],
            "effect": [cohort.effect for cohort in cohorts],
            "share": [cohort.cells / total for cohort in cohorts],
        },
        index=pd.Index(labels, name="cohort"),
    )
    lam = np.full((T, len(cohorts)), np.nan)
    for j, cohort in enumerate(cohorts):
        lam[: cohort.start, j] = cohort.lam
    omega = np.column_stack([cohort.omega for cohort in cohorts])
    adjusted = (
        f"; outcome adjusted for {', '.join(covariates)} (coefficients from untreated observations)"
        if covariates
        else ""
    )
    count = "" if inference == "jackknife" else f", {len(values)} draws"
    return SyntheticDid(
        dependent=y,
        estimator="synthetic_did",
        vcov=inference,
        convention=f"Synthetic DID, cohorts weighted by treated unit-periods{adjusted}; {inference} variance{count}; normal.",
        coef=pd.Series([effect], index=["att"], name="estimate"),
        cov=pd.DataFrame([[variance]], index=["att"], columns=["att"]),
        nobs=panel.Y.size,
        n_entities=len(panel.Y),
        df_resid=float(panel.Y.size - 1),
        n_dropped=frame.n_dropped,
        cohorts=table,
        unit_weights=pd.DataFrame(omega, index=frame.entities[panel.start == T], columns=labels),
        time_weights=pd.DataFrame(lam, index=frame.times, columns=labels),
        inference=inference,
        draws=values,
    )
