"""Coverage by instruments: agglomeration and its square in green_development (Table 5 (3)), terrain and internet users as instruments.

The first stage is the demo's: agglomeration is its projection on effects, controls and instruments, plus an error of the size of what is
left, drawn anew; its square follows. The error of the outcome has correlation ENDOGENEITY with it in every city and year, both persist
within cities and differ in size by city.

Instruments this weak identify neither coefficient: 2SLS intervals say little. The Anderson-Rubin region of both (all values at which
the instruments do not enter the reduced form) covers whatever the first stage; here a few cities decide the instruments' coefficients, so
it needs `estimation.iv.anderson_rubin_bias_reduced`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import f

from demo.planting.desk import View
from demo.planting.green_development import instrumented
from demo.planting.projection import Projection
from estimation.core.least_squares import least_squares
from estimation.core.within import Within
from estimation.iv import IVFit, anderson_rubin_bias_reduced, fit_iv
from estimation.panel.bias_reduced import adjusted_scores, joint_rule
from tests.demo.coverage import CHUNK, SCALE, persistent, sizes, without_effects

ENDOGENEITY, LEVEL = 0.5, 0.95


@dataclass(frozen=True)
class Instrumented:
    """The column with what its outcomes are drawn from.

    Attributes:
        column: the regression. terms: both endogenous ones. truth: (2,) their planted coefficients.
        basis: (n, controls) orthonormal, the controls without effects. Z: (2, n) instruments without effects and controls.
        given: (cities, years) agglomeration without its error. size: standard deviation of that error.
    """

    column: Projection
    terms: list[str]
    truth: np.ndarray
    basis: np.ndarray
    Z: np.ndarray
    given: np.ndarray
    size: float

    @property
    def shape(self) -> tuple[int, int]:
        """Cities and years."""
        return self.given.shape[0], self.given.shape[1]


def instrumented_column(view: View) -> Instrumented:
    """Table 5 (3) of green_development."""
    column = instrumented(view)
    assert column.keep is None and column.effects == "twoways" and column.instruments is not None
    terms = list(column.targets)
    controls = [values for term, values in column.x.items() if term not in terms]
    shape = controls[0].shape
    basis = np.linalg.qr(_flat(np.stack(controls)).T)[0]
    Z = _partialled(np.stack(list(column.instruments.values())), basis)
    first = column.x[terms[0]]
    error = least_squares(_partialled(first[None], basis)[0], Z.T).residuals
    given = first - error.reshape(shape)
    return Instrumented(column, terms, np.array(list(column.targets.values())), basis, Z, given, float(error.std()))


def _flat(values: np.ndarray) -> np.ndarray:
    """(m, n) of (m, cities, years) values without effects."""
    return without_effects(values, np.ones(values.shape[1:], dtype=bool), "twoways").reshape(len(values), -1)


def _partialled(values: np.ndarray, basis: np.ndarray) -> np.ndarray:
    """(m, n) of (m, cities, years) values without effects and controls."""
    flat = _flat(values)
    return np.asarray(flat - (flat @ basis) @ basis.T)


def samples(design: Instrumented, rng: np.random.Generator, draws: int) -> tuple[np.ndarray, np.ndarray]:
    """(2, draws, cities, years) endogenous regressors and (draws, cities, years) outcomes; effects and controls have no part."""
    shape = (draws, *design.shape)
    own, other = persistent(rng, shape), persistent(rng, shape)
    size = sizes(rng, shape[:2])
    agglomeration = design.given + design.size * size * own
    endogenous = np.stack([agglomeration, agglomeration**2])
    error = SCALE * size * (ENDOGENEITY * own + np.sqrt(1 - ENDOGENEITY**2) * other)
    return endogenous, np.tensordot(design.truth, endogenous, axes=1) + error


@dataclass(frozen=True)
class Region:
    """The Anderson-Rubin region as a rule that no outcome enters.

    Attributes:
        weights: (2, n) scores of a city are sums of weights times residuals. operator: (2, n) coefficients of the instruments, in the
            same units. highest: of d'V^-1 d for values inside.
    """

    weights: np.ndarray
    operator: np.ndarray
    highest: float


def region(design: Instrumented, *, bias_reduced: bool) -> Region:
    """The region of `anderson_rubin_bias_reduced`, or of the usual clustered errors (fixest's small-sample factor)."""
    n_cities, n_years = design.shape
    n, q = n_cities * n_years, 2
    bread = np.linalg.inv(design.Z @ design.Z.T)
    if not bias_reduced:
        counted = (
            q + design.basis.shape[1] + n_years
        )  # city effects are nested in the clusters, one of them is the constant
        factor = n_cities / (n_cities - 1) * (n - 1) / (n - counted)
        highest = q * f.ppf(LEVEL, q, n_cities - 1) * factor
        return Region(bread @ design.Z, bread @ design.Z, float(highest))
    codes = np.repeat(np.arange(n_cities), n_years)
    within = Within(codes, np.tile(np.arange(n_years), n_cities), "twoways")
    X = np.column_stack([design.Z.T, design.basis])
    whole = least_squares(X[:, 0], X).bread
    scores = adjusted_scores(X, whole, within, codes)
    rule = joint_rule(scores, [0, 1], X, whole, within, codes)
    highest = rule.eta * q / rule.df[1] * f.ppf(LEVEL, *rule.df)
    return Region(rule.root @ scores.weights[:, :2].T, rule.root @ bread @ design.Z, float(highest))


def region_covers(design: Instrumented, rule: Region, endogenous: np.ndarray, y: np.ndarray) -> np.ndarray:
    """(draws,) whether the region holds the planted pair."""
    left = _partialled(y - np.tensordot(design.truth, endogenous, axes=1), design.basis)
    on_instruments = np.linalg.solve(design.Z @ design.Z.T, design.Z @ left.T)
    residuals = left - on_instruments.T @ design.Z
    scores = _by_city(rule.weights, residuals, design.shape)
    d = left @ rule.operator.T
    V = np.einsum("idc,jdc->dij", scores, scores)
    return np.asarray(np.einsum("di,di->d", d, np.linalg.solve(V, d[..., None])[..., 0]) <= rule.highest)


def interval_covers(design: Instrumented, wide: float, endogenous: np.ndarray, y: np.ndarray) -> np.ndarray:
    """(2, draws) whether 2SLS estimates lie within `wide` clustered standard errors, without small-sample factor, of the truth."""
    estimate, error = two_stage(design, endogenous, y)
    return np.asarray(np.abs(estimate - design.truth[:, None]) <= wide * error)


def two_stage(design: Instrumented, endogenous: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(2, draws) estimates b = (Z'D)^-1 Z'y and their clustered standard errors without small-sample factor."""
    D = np.stack([_partialled(values, design.basis) for values in endogenous])
    left = _partialled(y, design.basis)
    inverse = np.linalg.inv(np.einsum("in,jdn->dij", design.Z, D))
    estimate = np.einsum("dij,dj->id", inverse, left @ design.Z.T)
    residuals = left - np.einsum("jd,jdn->dn", estimate, D)
    scores = np.einsum("dij,jdc->idc", inverse, _by_city(design.Z, residuals, design.shape))
    return estimate, np.sqrt((scores**2).sum(axis=2))


def _by_city(weights: np.ndarray, residuals: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """(2, draws, cities) sums of (2, n) weights times (draws, n) residuals."""
    return np.asarray((weights[:, None, :] * residuals).reshape(len(weights), len(residuals), *shape).sum(axis=3))


def coverage(
    design: Instrumented, rule: Region, usual: Region, wide: float, rng: np.random.Generator, draws: int
) -> tuple[float, float, np.ndarray]:
    """Share of draws that the region, the usual region, and (2,) the 2SLS intervals cover."""
    regions, usuals, intervals = 0.0, 0.0, np.zeros(2)
    for _ in range(draws // CHUNK):
        drawn = samples(design, rng, CHUNK)
        regions += region_covers(design, rule, *drawn).sum()
        usuals += region_covers(design, usual, *drawn).sum()
        intervals += interval_covers(design, wide, *drawn).sum(axis=1)
    total = draws // CHUNK * CHUNK
    return regions / total, usuals / total, intervals / total


def of_record(view: View, design: Instrumented, endogenous: np.ndarray, y: np.ndarray) -> tuple[IVFit, float]:
    """2SLS and the p-value of the bias-reduced Anderson-Rubin test at the truth, of one (cities, years) sample by what users call."""
    assert design.column.instruments is not None
    controls = {f"x{at}": design.column.x[term] for at, term in enumerate(design.column.x) if term not in design.terms}
    instruments = {f"z{at}": values for at, values in enumerate(design.column.instruments.values())}
    frame = view.frame({"y": y, "d0": endogenous[0], "d1": endogenous[1], **controls, **instruments})
    names = (list(controls), ["d0", "d1"], list(instruments))
    test = anderson_rubin_bias_reduced(frame, "y", *names, design.truth.tolist(), cluster="city_code")
    return fit_iv(frame, "y", *names, effects="twoways", cluster="city_code"), test.p_value


def widths(view: View, design: Instrumented, rng: np.random.Generator) -> float:
    """Critical value times the root of the small-sample factor of `fit_iv`, taken from one sample."""
    endogenous, y = samples(design, rng, 1)
    fit, _ = of_record(view, design, endogenous[:, 0], y[0])
    half = np.diff(fit.conf_int().loc[["d0", "d1"]])[:, 0] / 2
    return float((half / two_stage(design, endogenous, y)[1][:, 0]).mean())


def confirm_iv(view: View, design: Instrumented, rule: Region, wide: float, rng: np.random.Generator) -> None:
    """The estimators that users call give the same estimates, errors and decisions, on samples the rules have not seen."""
    endogenous, y = samples(design, rng, 6)
    inside = region_covers(design, rule, endogenous, y)
    estimate, error = two_stage(design, endogenous, y)
    for at in range(len(y)):
        fit, p_value = of_record(view, design, endogenous[:, at], y[at])
        np.testing.assert_allclose(fit.coef.loc[["d0", "d1"]], estimate[:, at], rtol=1e-5)
        np.testing.assert_allclose(np.diff(fit.conf_int().loc[["d0", "d1"]])[:, 0] / 2, wide * error[:, at], rtol=1e-5)
        assert inside[at] == (p_value > 1 - LEVEL)
