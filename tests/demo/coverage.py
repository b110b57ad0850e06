"""How often 95 % intervals cover: drawn, and computed without drawing.

Errors follow a first-order autoregression within cities (0.5) with a standard deviation that differs by city (0.6 to 1.4 times
its mean, anew in each draw), so that only clustering by city is right. Their scale does not matter for coverage.

With given standard deviations an estimate and its cluster scores are jointly normal. The interval covers where
u^2 <= k sum_c w_c^2, with u the error of the estimate, w_c the score of city c and k the squared product of critical value and
small-sample factor: a quadratic form in normal variables, whose distribution Imhof (1961, Biometrika 48, 419-426, eq. 3.2) gives
as one integral. Its mean over some drawn standard deviations is the coverage of the design itself; draws scatter around it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.integrate import quad
from scipy.linalg import toeplitz

from demo.planting import common_prosperity, digital_industry, green_development, industrial_upgrading
from demo.planting.desk import View
from demo.planting.projection import Effects, Projection
from estimation.panel import fit_panel

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
    return SCALE * rng.uniform(*SPREAD, (draws, len(design.keep), 1))


def outcomes(design: Design, rng: np.random.Generator, draws: int) -> np.ndarray:
    """(draws, cities, years) outcomes: the printed coefficients' signal and fresh errors."""
    values = zip(design.terms, design.truth, strict=True)
    signal = sum(value * design.column.x[term] for term, value in values)
    shocks = rng.normal(size=(draws, *design.keep.shape))
    out = shocks.copy()
    for year in range(1, out.shape[2]):
        out[:, :, year] = PERSISTENCE * out[:, :, year - 1] + np.sqrt(1 - PERSISTENCE**2) * shocks[:, :, year]
    return np.asarray(signal + spreads(design, rng, draws) * out)


@dataclass(frozen=True)
class Intervals:
    """Estimates and half-widths of 95 % intervals, (terms, draws) each."""

    estimate: np.ndarray
    half_width: np.ndarray


def of_record(view: View, design: Design, y: np.ndarray) -> Intervals:
    """Estimates and half-widths of one outcome (cities, years) by the estimator of record, clustered by city."""
    names = {term: f"x{at}" for at, term in enumerate(design.column.x)}
    frame = view.frame({"y": y, **{names[term]: values for term, values in design.column.x.items()}})
    fit = fit_panel(
        frame[design.keep.ravel()], "y", list(names.values()), effects=design.column.effects, vcov="cluster",
        cluster="city_code",
    )  # fmt: skip
    interval = fit.conf_int().loc[[names[term] for term in design.terms]].to_numpy()
    return Intervals(interval.mean(axis=1, keepdims=True), np.diff(interval, axis=1) / 2)


def record_factor(view: View, design: Design, rng: np.random.Generator) -> np.ndarray:
    """(terms,) half-width over raw standard error, from one outcome; a second one proves that it does not depend on it."""
    y = outcomes(design, rng, 2)
    drawn = of_draws(design, y)
    first, second = (of_record(view, design, one) for one in y)
    factor = np.asarray(first.half_width[:, 0] / drawn.half_width[:, 0])
    np.testing.assert_allclose(first.estimate[:, 0], drawn.estimate[:, 0], rtol=1e-7)
    np.testing.assert_allclose(second.half_width[:, 0], factor * drawn.half_width[:, 1], rtol=1e-7)
    return factor


def of_draws(design: Design, draws: np.ndarray) -> Intervals:
    """Estimates and raw clustered standard errors (without factor and critical value) of all draws."""
    residuals = residuals_of(design, draws)
    estimate = np.tensordot(design.operator, draws, axes=([1, 2], [1, 2]))
    by_city = (residuals.transpose(1, 0, 2) @ design.operator.transpose(1, 2, 0)).transpose(2, 1, 0)
    return Intervals(estimate, np.sqrt((by_city**2).sum(axis=2)))


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


def drawn_coverage(design: Design, factor: np.ndarray, rng: np.random.Generator, draws: int) -> np.ndarray:
    """(terms,) share of draws whose interval covers the truth; `factor` (terms,) makes half-widths of standard errors."""
    covered = np.zeros(len(design.terms))
    for _ in range(draws // CHUNK):
        drawn = of_draws(design, outcomes(design, rng, CHUNK))
        inside = np.abs(drawn.estimate - design.truth[:, None]) <= factor[:, None] * drawn.half_width
        covered += inside.sum(axis=1)
    return np.asarray(covered / (draws // CHUNK * CHUNK))


def exact_coverage(design: Design, factor: np.ndarray, rng: np.random.Generator, draws: int) -> np.ndarray:
    """(terms, draws) probability that the interval covers, by Imhof's integral, for `draws` draws of the cities' spreads."""
    n_years = design.keep.shape[1]
    root = np.linalg.cholesky(toeplitz(PERSISTENCE ** np.arange(n_years)))
    cities = np.flatnonzero(design.keep.any(axis=1))
    scales = spreads(design, rng, draws)
    out = np.zeros((len(design.terms), draws))
    for at, (own, wide) in enumerate(zip(design.operator, factor, strict=True)):
        by_city = np.zeros((len(cities), *design.keep.shape))
        by_city[np.arange(len(cities)), cities] = own[cities]
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
    weights = np.linalg.eigvalsh(root @ (signs[:, None] * root))
    weights = weights / np.abs(weights).max()

    def integrand(t: float) -> float:
        at = np.exp(t)  # on the log scale, where du / u = dt
        angle = 0.5 * np.arctan(weights * at).sum()
        return float(np.sin(angle) * np.exp(-0.25 * np.log1p((weights * at) ** 2).sum()))

    area, error = quad(integrand, -25.0, 25.0, limit=500, epsabs=1e-8)
    assert error < 1e-5
    return float(0.5 - area / np.pi)
