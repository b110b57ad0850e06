"""Coverage with a lag of the index: the coefficients of the five types planted in three regions (`planted_elsewhere`).

y_it = r y_i,t-1 + V_it b + c_i + e_it is drawn year by year from the demo's first year on, with the planted b, and r, the city effects and
the size of the errors as the demo's own regressions have them: r is not planted, `demo.planting.new_quality_va_types.persistence` takes it
from the index. Errors differ in size by city as everywhere, but they are drawn anew each year: with a lag, errors that persist are
another model.

Least squares is biased here, by its lag; intervals are those of `estimation.panel.fit_bias_corrected_lag`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from demo.planting.desk import View
from demo.planting.new_quality_va_types import index, indicators, regressions
from estimation.core.quadratic_forms import squared_t_probability
from estimation.panel import fit_bias_corrected_lag
from estimation.panel.bias_corrected_lag import Cities, Solution, solve
from tests.demo.coverage import sizes

LAG, LEVEL = "L.NQ", 0.95


@dataclass(frozen=True)
class Dynamic:
    """A region's column and what its outcomes are drawn from.

    Attributes:
        region: its name. terms: the lag and the planted types. truth: (terms,) coefficients.
        x: (terms - 1, cities, years) types. first: (cities,) index of the year before. effects: (cities,). size: of the errors.
        codes: (cities,) city codes. first_year: of the outcomes.
    """

    region: str
    terms: list[str]
    truth: np.ndarray
    x: np.ndarray
    first: np.ndarray
    effects: np.ndarray
    size: float
    codes: list[str]
    first_year: int


def dynamic_columns(view: View) -> list[Dynamic]:
    """The planted regions of new_quality_va_types."""
    y, _ = index(indicators(view))
    level = y.reshape(len(view.rows), -1)
    out = []
    for column in regressions(view, y):
        assert column.keep is not None
        rows = column.keep.any(axis=1)
        assert column.keep[rows, 1:].all()
        terms = [LAG, *column.targets]
        truth = np.array([(column.operator([LAG]) @ y).item(), *column.targets.values()])
        regressors = np.stack([column.x[term][rows, 1:] for term in terms])
        left = level[rows, 1:] - np.tensordot(truth, regressors, axes=1)
        effects = left.mean(axis=1)
        freedom = left.size - len(left) - len(terms)
        size = np.sqrt(((left - effects[:, None]) ** 2).sum() / freedom)
        codes = [code for code, own in zip(view.codes, rows, strict=True) if own]
        first_year = view.study.years[1]
        out.append(
            Dynamic(column.column, terms, truth, regressors[1:], level[rows, 0], effects, size, codes, first_year)
        )
    return out


def paths(design: Dynamic, rng: np.random.Generator, draws: int) -> np.ndarray:
    """(draws, cities, 1 + years) outcomes, the given first year in front."""
    n_cities, n_years = design.x.shape[1:]
    errors = design.size * sizes(rng, (draws, n_cities)) * rng.normal(size=(draws, n_cities, n_years))
    drive = np.tensordot(design.truth[1:], design.x, axes=1) + design.effects[:, None] + errors
    out = np.empty((draws, n_cities, 1 + n_years))
    out[:, :, 0] = design.first
    for year in range(n_years):
        out[:, :, year + 1] = design.truth[0] * out[:, :, year] + drive[:, :, year]
    return out


def cities(design: Dynamic, path: np.ndarray) -> Cities:
    """The arrays of the estimator for one (cities, 1 + years) outcome."""
    everything = np.stack([path[:, 1:], path[:, :-1], *design.x], axis=2)
    within = everything - everything.mean(axis=1, keepdims=True)
    return Cities(within[:, :, 1:], within[:, :, 0])


def covers(found: Solution, truth: np.ndarray) -> np.ndarray:
    """(terms,) whether 95 % intervals hold the truth (its p-value, without the limits: `confirm_lag` compares the two)."""
    squares = (found.beta - truth) ** 2 / np.diag(found.covariance)
    pairs = zip(squares, found.spectra, strict=True)
    return np.array([squared_t_probability(float(square), own) <= LEVEL for square, own in pairs])


@dataclass(frozen=True)
class Drawn:
    """What some draws gave.

    Attributes:
        covered: (terms,) share of intervals that cover. bias, plain_bias: (terms,) mean error of corrected and of least-squares
            estimates over the standard deviation of either.
    """

    covered: np.ndarray
    bias: np.ndarray
    plain_bias: np.ndarray


def drawn(design: Dynamic, rng: np.random.Generator, draws: int) -> Drawn:
    """Coverage and bias in fresh draws."""
    covered = np.zeros(len(design.terms))
    errors, plain = np.empty((2, draws, len(design.terms)))
    for at in range(draws):
        found = solve([cities(design, paths(design, rng, 1)[0])])
        errors[at], plain[at] = found.beta - design.truth, found.uncorrected - design.truth
        covered += covers(found, design.truth)
    bias, plain_bias = (part.mean(axis=0) / part.std(axis=0) for part in (errors, plain))
    return Drawn(covered / draws, bias, plain_bias)


def confirm_lag(view: View, design: Dynamic, rng: np.random.Generator) -> None:
    """The estimator that users call gives the same estimates and errors, and its intervals hold the same truths."""
    path = paths(design, rng, 1)[0]
    names = {term: f"x{at}" for at, term in enumerate(design.terms[1:])}
    n_years = path.shape[1]
    padded = np.concatenate([np.zeros((*design.x.shape[:2], 1)), design.x], axis=2)
    frame = view.frame({})
    frame = frame[frame["city_code"].isin(design.codes)].assign(
        y=path.ravel(), **{name: values.ravel() for name, values in zip(names.values(), padded, strict=True)}
    )
    assert frame["year"].nunique() == n_years
    fit, found = fit_bias_corrected_lag(frame, "y", list(names.values())), solve([cities(design, path)])
    np.testing.assert_allclose(fit.coef, found.beta, rtol=1e-9)
    np.testing.assert_allclose(fit.se, np.sqrt(np.diag(found.covariance)), rtol=1e-9)
    half_widths = np.diff(fit.conf_int(LEVEL))[:, 0] / 2
    for part in (0.999, 1.001):
        inside = covers(found, found.beta + part * half_widths)
        assert (inside == (part < 1)).all()
