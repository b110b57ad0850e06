"""How often 95 % intervals cover: drawn, and computed without drawing.

Errors follow a first-order autoregression within cities (0.5) with a standard deviation that differs by city (0.6 to 1.4 times
its mean, anew in each draw), so that only clustering by city is right. Their scale does not matter for coverage.

Here are the columns by least squares on regressors that do not depend on the outcome; `tests.demo.coverage_lag` draws those with a
lag, `tests.demo.coverage_iv` those by instruments.

Two intervals: bias-reduced errors with degrees of freedom by term (`estimation.panel.fit_bias_reduced`), and the usual ones
(`estimation.panel.fit_panel`). Either is k times the root of the sum of squared city scores, linear in the residuals (`Rule`).

With given standard deviations an estimate and its city scores are jointly normal. The interval covers where
u^2 <= k^2 sum_c w_c^2, with u the error of the estimate and w_c the score of city c: a quadratic form in normal variables, whose distribution Imhof (1961, Biometrika 48, 419-426, eq. 3.2) gives
as one integral. Its mean over some drawn standard deviations is the coverage of the design itself; draws scatter around it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.linalg import toeplitz
from scipy.stats import t

from demo.planting import common_prosperity, digital_industry, green_development, industrial_upgrading
from demo.planting.desk import View
from demo.planting.projection import Effects, Projection
from estimation.core.least_squares import least_squares
from estimation.core.quadratic_forms import probability_not_positive
from estimation.core.results import Estimates
from estimation.core.within import Within
from estimation.panel import fit_bias_reduced, fit_panel
from estimation.panel.bias_reduced import adjusted_scores

PERSISTENCE, SCALE, SPREAD = 0.5, 0.01, (0.6, 1.4)
PAPERS = ("common_prosperity", "industrial_upgrading", "green_development", "digital_industry")
CHUNK = 400  # draws in memory at once


def columns(view: View, paper: str) -> list[Projection]:
    """The least-squares columns of a paper that are planted or implied, those with two-way effects first."""
    found = {
        "common_prosperity": lambda: [
            common_prosperity.agglomeration_column(view), *common_prosperity.regressions(view)
        ],
        "industrial_upgrading": lambda: [
            industrial_upgrading.coagglomeration_column(view), *industrial_upgrading.regressions(view)
        ],
        "green_development": lambda: [
            green_development.on_curve(view, "Table 7", "(2)"), green_development.on_curve(view, "Table 3", "(2)"),
            *green_development.regressions(view),
        ],
        "digital_industry": lambda: [
            *digital_industry.regressions(view, "Table 3", "(1)", "(2)", "(3)", "(4)"),
            *digital_industry.regressions(view, "Table 4", *(f"({at})" for at in range(1, 7))),
        ],
    }[paper]()  # fmt: skip
    return sorted((item for item in found if item.instruments is None), key=lambda item: item.effects != "twoways")


@dataclass(frozen=True)
class Design:
    """A column with everything that its intervals depend on; no outcome enters.

    Attributes:
        column: the regression.
        terms: its planted terms, then its implied ones.
        truth: (terms,) their printed values.
        operator: (terms, cities, years) rows L, estimate = L y.
        keep: (cities, years) observations used.
    """

    column: Projection
    terms: list[str]
    truth: np.ndarray
    operator: np.ndarray
    keep: np.ndarray


def design_of(column: Projection) -> Design:
    """The design of a column."""
    truth = {**column.targets, **column.implied}
    shape = next(iter(column.x.values())).shape
    keep = np.ones(shape, dtype=bool) if column.keep is None else np.asarray(column.keep)
    operator = column.operator(list(truth)).reshape(len(truth), *shape)
    return Design(column, list(truth), np.array(list(truth.values())), operator, keep)


def spreads(design: Design, rng: np.random.Generator, draws: int) -> np.ndarray:
    """(draws, cities, 1) standard deviations of the cities' errors."""
    return SCALE * sizes(rng, (draws, len(design.keep)))


def sizes(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """(*shape, 1) standard deviations of the cities' errors over their mean."""
    return rng.uniform(*SPREAD, (*shape, 1))


def outcomes(design: Design, rng: np.random.Generator, draws: int) -> np.ndarray:
    """(draws, cities, years) outcomes: the printed coefficients' signal and fresh errors."""
    values = zip(design.terms, design.truth, strict=True)
    signal = sum(value * design.column.x[term] for term, value in values)
    out = persistent(rng, (draws, *design.keep.shape))
    return np.asarray(signal + spreads(design, rng, draws) * out)


def persistent(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """(..., years) errors of variance one that persist from year to year."""
    out = rng.normal(size=shape)
    for year in range(1, shape[-1]):
        out[..., year] = PERSISTENCE * out[..., year - 1] + np.sqrt(1 - PERSISTENCE**2) * out[..., year]
    return out


@dataclass(frozen=True)
class Rule:
    """A 95 % interval: estimate +- wide sqrt(sum_c (sum of weights x residuals of city c)^2).

    Attributes:
        weights: (terms, cities, years). wide: (terms,) critical value, times the small-sample factor if there is one.
    """

    weights: np.ndarray
    wide: np.ndarray


def bias_reduced(design: Design) -> Rule:
    """The interval of `fit_bias_reduced`."""
    column, keep = design.column, design.keep
    city, year = np.nonzero(keep)
    codes = np.unique(city, return_inverse=True)[1]
    within = Within(codes, year, column.effects)
    constant = [np.ones(len(city))] if column.effects == "none" else []
    X = within.transform(np.column_stack([*(values[keep] for values in column.x.values()), *constant]))
    scores = adjusted_scores(X, least_squares(X[:, 0], X).bread, within, codes)
    at = [list(column.x).index(term) for term in design.terms]
    weights = np.zeros((len(at), *keep.shape))
    weights[:, keep] = scores.weights.T[at]
    return Rule(weights, t.ppf(0.975, scores.df[at]))


def usual(view: View, design: Design, rng: np.random.Generator) -> Rule:
    """The interval of `fit_panel`: factor and critical value as one number a term, taken from one outcome."""
    y = outcomes(design, rng, 1)
    bare = half_widths(design, Rule(design.operator, np.ones(len(design.terms))), y)[:, 0]
    _, half_width = of_record(view, design, y[0], bias_reduced=False)
    return Rule(design.operator, half_width / bare)


def of_record(view: View, design: Design, y: np.ndarray, *, bias_reduced: bool) -> tuple[np.ndarray, np.ndarray]:
    """(terms,) estimates and half-widths of one outcome (cities, years) by the estimator that users call."""
    names = {term: f"x{at}" for at, term in enumerate(design.column.x)}
    frame = view.frame({"y": y, **{names[term]: values for term, values in design.column.x.items()}})
    estimator: Callable[..., Estimates] = fit_bias_reduced if bias_reduced else fit_panel
    fit = estimator(
        frame[design.keep.ravel()], "y", list(names.values()), effects=design.column.effects, cluster="city_code"
    )
    interval = fit.conf_int().loc[[names[term] for term in design.terms]].to_numpy()
    return interval.mean(axis=1), np.diff(interval, axis=1)[:, 0] / 2


def confirm(view: View, design: Design, rule: Rule, rng: np.random.Generator, *, bias_reduced: bool) -> None:
    """The estimator that users call gives the same estimates and intervals, on an outcome the rule has not seen."""
    y = outcomes(design, rng, 1)
    estimate, half_width = of_record(view, design, y[0], bias_reduced=bias_reduced)
    np.testing.assert_allclose(estimates(design, y)[:, 0], estimate, rtol=1e-7)
    np.testing.assert_allclose(half_widths(design, rule, y)[:, 0], half_width, rtol=1e-7)


def estimates(design: Design, draws: np.ndarray) -> np.ndarray:
    """(terms, draws) estimates of (draws, cities, years) outcomes."""
    return np.tensordot(design.operator, draws, axes=([1, 2], [1, 2]))


def half_widths(design: Design, rule: Rule, draws: np.ndarray) -> np.ndarray:
    """(terms, draws) half-widths of the intervals of (draws, cities, years) outcomes."""
    residuals = residuals_of(design, draws)
    by_city = (residuals.transpose(1, 0, 2) @ rule.weights.transpose(1, 2, 0)).transpose(2, 1, 0)
    return np.asarray(rule.wide[:, None] * np.sqrt((by_city**2).sum(axis=2)))


def residuals_of(design: Design, values: np.ndarray) -> np.ndarray:
    """(draws, cities, years) values without effects and regressors; zero where an observation is not used."""
    names = list(design.column.x)
    slopes = np.tensordot(
        values, design.column.operator(names).reshape(len(names), *design.keep.shape), axes=([1, 2], [1, 2])
    )
    fitted = np.tensordot(slopes, np.stack(list(design.column.x.values())), axes=1)
    return without_effects(values - fitted, design.keep, design.column.effects)


def without_effects(values: np.ndarray, keep: np.ndarray, effects: Effects) -> np.ndarray:
    """(draws, cities, years) less their mean, or means by city, or by city and year, of whole cities; zero elsewhere."""
    rows = keep.all(axis=1)
    assert (rows == keep.any(axis=1)).all()
    own = values[:, rows]
    out = np.zeros_like(values)
    mean = own.mean(axis=(1, 2), keepdims=True)
    if effects == "none":
        out[:, rows] = own - mean
        return out
    out[:, rows] = own - own.mean(axis=2, keepdims=True)
    if effects == "twoways":
        out[:, rows] += mean - own.mean(axis=1, keepdims=True)
    return out


def drawn_coverage(design: Design, rule: Rule, rng: np.random.Generator, draws: int) -> np.ndarray:
    """(terms,) share of draws whose interval covers the truth."""
    covered = np.zeros(len(design.terms))
    for _ in range(draws // CHUNK):
        drawn = outcomes(design, rng, CHUNK)
        inside = np.abs(estimates(design, drawn) - design.truth[:, None]) <= half_widths(design, rule, drawn)
        covered += inside.sum(axis=1)
    return np.asarray(covered / (draws // CHUNK * CHUNK))


def exact_coverage(design: Design, rule: Rule, rng: np.random.Generator, draws: int) -> np.ndarray:
    """(terms, draws) probability that the interval covers, by Imhof's integral, for `draws` draws of the cities' spreads."""
    n_years = design.keep.shape[1]
    root = np.linalg.cholesky(toeplitz(PERSISTENCE ** np.arange(n_years)))
    cities = np.flatnonzero(design.keep.any(axis=1))
    scales = spreads(design, rng, draws)
    out = np.zeros((len(design.terms), draws))
    for at, (own, weights, wide) in enumerate(zip(design.operator, rule.weights, rule.wide, strict=True)):
        by_city = np.zeros((len(cities), *design.keep.shape))
        by_city[np.arange(len(cities)), cities] = weights[cities]
        maps = np.concatenate([own[None], residuals_of(design, by_city)]) @ root
        signs = np.array([1.0, *[-(wide**2)] * len(cities)])
        for draw, scale in enumerate(scales):
            errors = (maps * scale).reshape(len(maps), -1)
            out[at, draw] = probability_below_zero(errors @ errors.T, signs)
    return out


def probability_below_zero(covariance: np.ndarray, signs: np.ndarray) -> float:
    """P(sum_i signs_i v_i^2 <= 0) for normal v (n,) of mean zero and the covariance (n, n)."""
    values, vectors = np.linalg.eigh(covariance / np.trace(covariance))
    root = (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
    return probability_not_positive(np.linalg.eigvalsh(root @ (signs[:, None] * root)))
