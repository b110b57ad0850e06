"""Tobit: a linear model of an outcome censored at known limits, by maximum likelihood.

In Olsen's parameters g = b/s, h = 1/s the log likelihood is globally concave, so Newton's method with halving finds
the maximum. Effects enter as dummy variables; with few periods the slopes of such a fixed-effects Tobit are close to
consistent, the standard errors are too small (Greene 2004, Econometric Reviews 23(2)), which the convention says.
Source: Tobin (1958); Olsen (1978).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Unpack

import numpy as np
import pandas as pd
from scipy import stats

from estimation.core.covariance import AbsorbedEffects, ErrorStructure, estimate_covariance
from estimation.core.design import CONSTANT, regressors
from estimation.core.frame import EstimationError, PanelFrame, panel_frame
from estimation.core.least_squares import check_full_rank
from estimation.core.options import CovarianceOptions, PanelOptions, check_options
from estimation.core.results import Estimates
from estimation.core.terms import estimation_sample, key_names, structure_of
from estimation.core.within import Effects, Within
from estimation.sensitivity.uninformative import informative_rows

MAX_STEPS = 100
CAUTION = ("", " Effects as dummies: standard errors are too small when periods are few.")
EFFECTS = {"none": (), "entity": ("entity",), "time": ("time",), "twoways": ("entity", "time")}


@dataclass(frozen=True, kw_only=True)
class Tobit(Estimates):
    """Tobit estimates of the latent model.

    Attributes:
        sigma, sigma_se: standard deviation of the error and its standard error. loglik: log likelihood.
        n_left, n_right: censored rows used. n_uninformative: rows left out because an entity or period is censored
            throughout.
        marginal_effects: average effects on the observed outcome, coef times the mean probability of no censoring.
    """

    sigma: float
    sigma_se: float
    loglik: float
    n_left: int
    n_right: int
    n_uninformative: int
    marginal_effects: pd.Series


def fit_tobit(
    df: pd.DataFrame,
    y: str,
    x: str | Sequence[str],
    *,
    lower: float | None = 0.0,
    upper: float | None = None,
    effects: Effects = "twoways",
    **options: Unpack[CovarianceOptions],
) -> Tobit:
    """Tobit of an outcome censored from below at ``lower`` and from above at ``upper`` (None: not censored).

    Args:
        options: ``vcov`` ``iid`` (default: inverse information), ``robust`` or ``cluster`` (sandwich, factor G/(G -
            1)), and ``cluster``, ``entity``, ``time`` as in `estimation.panel.fit_panel`.

    Raises:
        EstimationError: a value beyond the limits, no uncensored row, an unsupported ``vcov``, or collinear regressors.
    """
    check_options(options, CovarianceOptions)
    vcov = options.get("vcov", "iid")
    if vcov not in ("iid", "robust", "cluster") or effects not in EFFECTS:
        raise EstimationError(
            f"vcov={vcov!r}, effects={effects!r}: Tobit allows vcov iid, robust, cluster and effects {', '.join(EFFECTS)}"
        )
    names, panel_options = regressors(x, y), PanelOptions(**{**options, "vcov": vcov})
    entity, time = key_names(panel_options)
    sample = estimation_sample(df, [y, *names], panel_options)
    left, right = _censored(sample.data[y].to_numpy(float), lower, upper, y)
    frame, kept = _informative(sample.frame, left, right, effects, (entity, time))
    left, right = left[kept], right[kept]
    if (left | right).all():
        raise EstimationError(f"every value of {y} is censored")
    design, terms, n_slopes = _design(frame, names, effects)
    optimum = _maximise(design, frame.array(y), left, right)
    structure = structure_of(frame, panel_options)
    V, sentence = _covariance(optimum, structure)
    share = _share_uncensored(optimum, design, lower, upper)
    coef = pd.Series(optimum.beta[:n_slopes], index=terms[:n_slopes], name="estimate")
    return Tobit(
        dependent=y,
        estimator="tobit",
        vcov=structure.label,
        convention=f"Tobit, limits {lower} and {upper}, effects: {effects}; {sentence}; normal.{CAUTION[effects != 'none']}",
        coef=coef,
        cov=pd.DataFrame(V[:n_slopes, :n_slopes], index=terms[:n_slopes], columns=terms[:n_slopes]),
        nobs=len(design),
        n_entities=len(frame.entities),
        df_resid=float(len(design) - design.shape[1] - 1),
        n_dropped=sample.n_dropped,
        sigma=optimum.sigma,
        sigma_se=float(np.sqrt(V[-1, -1])),
        loglik=optimum.loglik,
        n_left=int(left.sum()),
        n_right=int(right.sum()),
        n_uninformative=int((~kept).sum()),
        marginal_effects=(coef.drop(CONSTANT, errors="ignore") * share).rename("marginal_effect"),
    )


def _censored(values: np.ndarray, lower: float | None, upper: float | None, y: str) -> tuple[np.ndarray, np.ndarray]:
    """(n,) marks of left and right censoring; a value beyond a limit is an error."""
    low, high = -np.inf if lower is None else lower, np.inf if upper is None else upper
    beyond = (values < low) | (values > high)
    if beyond.any() or low >= high:
        raise EstimationError(f"{y} lies beyond the limits [{low}, {high}] in {int(beyond.sum())} row(s)")
    return values == low, values == high


def _informative(
    frame: PanelFrame, left: np.ndarray, right: np.ndarray, effects: Effects, keys: tuple[str, str]
) -> tuple[PanelFrame, np.ndarray]:
    """The frame without groups censored on one side throughout, and the (n,) rows kept."""
    all_codes = {"entity": frame.entity_codes, "time": frame.time_codes}
    kept = informative_rows([left, right], [all_codes[name] for name in EFFECTS[effects]])
    if not kept.any():
        raise EstimationError(f"every value is censored within its group ({effects} effects)")
    others = [column for column in frame.data.columns if column not in keys]
    return panel_frame(frame.data[kept], [], entity=keys[0], time=keys[1], keep=others), kept


def _design(frame: PanelFrame, names: Sequence[str], effects: Effects) -> tuple[np.ndarray, list[str], int]:
    """Regressors, then constant or dummies; terms; and how many of them are reported."""
    X = frame.array(list(names))
    within = Within(frame.entity_codes, frame.time_codes, effects)
    full = X if effects != "none" else np.column_stack([X, np.ones(len(X))])
    labels = list(names) if effects != "none" else [*names, CONSTANT]
    check_full_rank(within.transform(full), full, labels)
    if effects == "twoways" and within.n_absorbed != len(frame.entities) + len(frame.times) - 1:
        raise EstimationError("entities and periods fall into unconnected parts: two-way effects are not identified")
    blocks, terms = [full], list(labels)
    if "entity" in EFFECTS[effects]:
        blocks.append((frame.entity_codes[:, None] == np.arange(len(frame.entities))).astype(float))
    if "time" in EFFECTS[effects]:
        first = 1 if "entity" in EFFECTS[effects] else 0
        blocks.append((frame.time_codes[:, None] == np.arange(first, len(frame.times))).astype(float))
    design = np.column_stack(blocks)
    terms += [f"dummy {j}" for j in range(design.shape[1] - len(terms))]
    return design, terms, len(labels)


@dataclass(frozen=True)
class _Optimum:
    """Maximum likelihood: beta (k,), sigma, log likelihood, information (k+1, k+1) and scores (n, k+1) in (g, h)."""

    beta: np.ndarray
    sigma: float
    loglik: float
    information: np.ndarray
    scores: np.ndarray


def _maximise(X: np.ndarray, y: np.ndarray, left: np.ndarray, right: np.ndarray) -> _Optimum:
    scale = np.sqrt(np.mean(X**2, axis=0))
    Z = X / scale
    start = np.linalg.lstsq(Z, y, rcond=None)[0]
    sigma = max(float(np.std(y - Z @ start)), 1e-8 * float(np.std(y)))
    par = np.append(start / sigma, 1 / sigma)
    value, gradient, hessian, scores = _likelihood(par, Z, y, left, right)
    for _ in range(MAX_STEPS):
        step = np.linalg.solve(-hessian, gradient)
        if float(gradient @ step) < 1e-18 * (1 + abs(value)) or np.abs(step).max() < 1e-12 * np.abs(par).max():
            turn = np.append(1 / scale, 1.0)
            beta, deviation = par[:-1] / par[-1] / scale, 1 / par[-1]
            # Back to unscaled columns: g = g_scaled / scale.
            return _Optimum(beta, float(deviation), value, -hessian / np.outer(turn, turn), scores / turn)
        length = 1.0
        while length > 1e-12:
            trial = par + length * step
            if trial[-1] > 0:
                found = _likelihood(trial, Z, y, left, right)
                if found[0] >= value - 1e-12 * abs(value):
                    break
            length /= 2
        par = trial
        value, gradient, hessian, scores = found
    raise EstimationError(
        f"the Tobit likelihood did not converge in {MAX_STEPS} steps: too little uncensored variation"
    )


def _likelihood(
    par: np.ndarray, X: np.ndarray, y: np.ndarray, left: np.ndarray, right: np.ndarray
) -> tuple[float, np.ndarray, np.ndarray, np.ndarray]:
    """Log likelihood, gradient, Hessian and (n, k+1) scores at (g, h)."""
    g, h = par[:-1], par[-1]
    a = h * y - X @ g
    slope = np.column_stack([-X, y])
    free = ~(left | right)
    log_left, log_right = stats.norm.logcdf(a[left]), stats.norm.logcdf(-a[right])
    first, second = -a.copy(), np.ones(len(y))
    mills = np.exp(stats.norm.logpdf(a[left]) - log_left)
    first[left], second[left] = mills, mills * (mills + a[left])
    mills = np.exp(stats.norm.logpdf(a[right]) - log_right)
    first[right], second[right] = -mills, mills * (mills - a[right])
    value = float(free.sum() * (np.log(h) - 0.5 * np.log(2 * np.pi)) - 0.5 * np.sum(a[free] ** 2))
    value += float(log_left.sum() + log_right.sum())
    scores = slope * first[:, None]
    scores[free, -1] += 1 / h
    hessian = -(slope * second[:, None]).T @ slope
    hessian[-1, -1] -= free.sum() / h**2
    return value, scores.sum(axis=0), hessian, scores


def _covariance(optimum: _Optimum, structure: ErrorStructure) -> tuple[np.ndarray, str]:
    """Covariance of (beta, sigma) and its description."""
    bread = np.linalg.inv(optimum.information)
    if structure.kind == "iid":
        matrix, sentence = bread, "inverse information"
    else:
        found = estimate_covariance(bread, optimum.scores, np.nan, structure, AbsorbedEffects({}, 0), "none")
        groups = int(structure.groups[0].max()) + 1 if structure.groups else len(optimum.scores)
        matrix = found.matrix * groups / (groups - 1)
        sentence = f"sandwich {structure.label}, factor G/(G-1), G={groups}"
    k = len(optimum.beta)
    turn = np.zeros((k + 1, k + 1))
    turn[:k, :k] = np.eye(k) * optimum.sigma
    turn[:k, k] = -optimum.beta * optimum.sigma
    turn[k, k] = -(optimum.sigma**2)
    return turn @ matrix @ turn.T, sentence


def _share_uncensored(optimum: _Optimum, X: np.ndarray, lower: float | None, upper: float | None) -> float:
    index = X @ optimum.beta
    high = 1.0 if upper is None else stats.norm.cdf((upper - index) / optimum.sigma)
    low = 0.0 if lower is None else stats.norm.cdf((lower - index) / optimum.sigma)
    return float(np.mean(high - low))
