"""Coverage at index level: fresh structural errors around the planted coefficients, clustered standard errors.

400 draws; the share of 95 % intervals that cover must lie in 91.0-98.3 % for every coefficient (the band of issue and planting note).
Every planted least-squares column of the four papers with two-way effects is drawn. Errors follow a first-order autoregression within
cities (0.5) with a standard deviation that differs by city (0.6 to 1.4 times its mean), so that only clustering by city is right. The
scale of the errors does not matter for coverage.

The estimator of record gives the intervals of two draws; the other draws reuse its small-sample factor and critical value, which do not
depend on the outcome (the second draw proves it to 1e-7).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from demo.planting import common_prosperity, digital_industry, green_development, industrial_upgrading
from demo.planting.desk import Desk, View
from demo.planting.projection import Projection
from demo.samples import study
from demo.write import make
from estimation.panel import fit_panel

DRAWS, LOW, HIGH = 400, 0.910, 0.983
PERSISTENCE = 0.5
EDITIONS = range(2006, 2024)


@pytest.fixture(scope="module")
def desk() -> Desk:
    """The printed cells of the default demo: regressors are those that the joint check uses."""
    return make(seed=20260101, editions=EDITIONS, cities=300).desk


def columns(view: View, paper: str) -> list[Projection]:
    """The planted columns of a paper with two-way effects, by least squares."""
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
            *digital_industry.regressions(view, "Table 3", "(4)"),
            *digital_industry.regressions(view, "Table 4", *(f"({at})" for at in range(1, 7))),
        ],
    }[paper]()  # fmt: skip
    return [item for item in found if item.effects == "twoways" and item.instruments is None and item.targets]


@dataclass(frozen=True)
class Intervals:
    """Coefficients and half-widths of 95 % intervals, (terms, draws) each."""

    estimate: np.ndarray
    half_width: np.ndarray


def kept(column: Projection) -> np.ndarray:
    """(cities, years) observations used."""
    shape = next(iter(column.x.values())).shape
    return np.ones(shape, dtype=bool) if column.keep is None else np.asarray(column.keep)


def errors(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """(cities, years) structural errors."""
    shocks = rng.normal(size=shape)
    out = shocks.copy()
    for year in range(1, shape[1]):
        out[:, year] = PERSISTENCE * out[:, year - 1] + np.sqrt(1 - PERSISTENCE**2) * shocks[:, year]
    return np.asarray(0.01 * rng.uniform(0.6, 1.4, (shape[0], 1)) * out)


def of_record(view: View, column: Projection, y: np.ndarray, terms: list[str]) -> Intervals:
    """Estimates and half-widths of one draw by the estimator of record, clustered by city."""
    names = {term: f"x{at}" for at, term in enumerate(column.x)}
    frame = view.frame({"y": y, **{names[term]: values for term, values in column.x.items()}})[kept(column).ravel()]
    fit = fit_panel(frame, "y", list(names.values()), effects="twoways", vcov="cluster", cluster="city_code")
    interval = fit.conf_int().loc[[names[term] for term in terms]].to_numpy()
    return Intervals(interval.mean(axis=1, keepdims=True), np.diff(interval, axis=1) / 2)


def of_draws(column: Projection, draws: np.ndarray, terms: list[str]) -> Intervals:
    """Estimates and raw clustered standard errors of all draws, (draws, cities, years) in."""
    operator = column.operator(terms).reshape(len(terms), *draws.shape[1:])
    everything = column.operator(list(column.x)).reshape(len(column.x), *draws.shape[1:])
    keep = kept(column)
    estimate = np.einsum("kct,dct->kd", operator, draws)
    slopes = np.einsum("kct,dct->dk", everything, draws)
    fitted = np.einsum("dk,kct->dct", slopes, np.stack(list(column.x.values())))
    residuals = without_effects(draws - fitted, keep)
    scores = np.einsum("kct,dct->kdc", operator, residuals)
    return Intervals(estimate, np.sqrt((scores**2).sum(axis=2)))


def without_effects(values: np.ndarray, keep: np.ndarray) -> np.ndarray:
    """(draws, cities, years) less means by city and year of whole cities; zero elsewhere."""
    rows = keep.all(axis=1)
    assert (rows == keep.any(axis=1)).all()
    own = values[:, rows]
    out = np.zeros_like(values)
    out[:, rows] = own - own.mean(axis=2, keepdims=True) - own.mean(axis=1, keepdims=True) + own.mean(
        axis=(1, 2), keepdims=True
    )  # fmt: skip
    return out


@pytest.mark.slow
@pytest.mark.parametrize(
    ("paper", "n_columns"),
    [("common_prosperity", 7), ("industrial_upgrading", 8), ("green_development", 15), ("digital_industry", 7)],
)
def test_intervals_cover_the_planted_coefficients(desk: Desk, paper: str, n_columns: int) -> None:
    view = View(desk, study(paper))
    found = columns(view, paper)
    assert len(found) == n_columns
    outside = {}
    for at, column in enumerate(found):
        rng = np.random.default_rng([20260101, len(paper), at])
        truth = {**column.targets, **column.implied}
        terms = list(truth)
        shape = kept(column).shape
        signal = sum(truth.get(term, 0.0) * values for term, values in column.x.items())
        draws = np.stack([signal + errors(shape, rng) for _ in range(DRAWS)])
        drawn = of_draws(column, draws, terms)
        first, second = (of_record(view, column, draws[at], terms) for at in (0, 1))
        factor = first.half_width[:, 0] / drawn.half_width[:, 0]
        assert first.estimate[:, 0] == pytest.approx(drawn.estimate[:, 0], rel=1e-7)
        assert second.half_width[:, 0] == pytest.approx(factor * drawn.half_width[:, 1], rel=1e-7)
        wanted = np.array(list(truth.values()))[:, None]
        shares = (np.abs(drawn.estimate - wanted) <= factor[:, None] * drawn.half_width).mean(axis=1)
        outside |= {
            (column.table, column.column, term): float(share)
            for term, share in zip(terms, shares, strict=True)
            if not LOW <= share <= HIGH
        }
    assert outside == {}
