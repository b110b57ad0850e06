"""The result of a dynamic-panel GMM fit and how it is put together from the two steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd

from estimation.core.frame import EstimationError
from estimation.core.results import Estimates, HypothesisTest
from estimation.gmm.steps import Moments, Step, error_variance, robust_covariance, windmeijer_covariance
from estimation.gmm.system import CONSTANT, Spec, System
from estimation.gmm.tests import (
    DifferenceTest,
    SarganTest,
    ar_tests,
    difference_in_hansen,
    hansen_test,
    sargan_test,
    wald_test,
)


@dataclass(frozen=True, kw_only=True)
class GmmResult(Estimates):
    """A dynamic-panel GMM fit.

    Attributes:
        ar: Arellano-Bond tests by order (1, 2, ...), on first-differenced residuals.
        sargan: Sargan test; ``statistic`` divides by N, ``statistic_nk`` by N - k.
        hansen: Hansen J of the two-step criterion (also after one-step estimation).
        diff_hansen: by group of instruments, ``excluding`` and ``difference``.
        wald: all slopes jointly zero (F when ``small``).
        n_instruments: linearly independent instruments (rank of Z'HZ).
        n_transformed: rows of the transformed equation (``nobs`` counts the levels equation in a system).
        obs_per_entity: (smallest, mean, largest) number of observations.
        sigma2: variance of the idiosyncratic error from the one-step residuals, divided by N.
        instruments: names of the instrument columns.
        dropped: collinear regressors left out.
        many_instruments: instruments reach or exceed the number of entities.
        singular_weighting: a generalised inverse replaced the inverse of a weighting matrix.
        notes: the warnings issued, as text.
    """

    ar: Mapping[int, HypothesisTest] = field(default_factory=dict)
    sargan: SarganTest
    hansen: HypothesisTest
    diff_hansen: Mapping[str, DifferenceTest]
    wald: HypothesisTest
    n_instruments: int
    n_transformed: int
    obs_per_entity: tuple[int, float, int]
    sigma2: float
    instruments: tuple[str, ...]
    dropped: tuple[str, ...] = ()
    many_instruments: bool = False
    singular_weighting: bool = False
    notes: tuple[str, ...] = ()

    def joint_test(self, terms: Sequence[str]) -> HypothesisTest:
        """Wald test that the named coefficients are all zero.

        Raises:
            EstimationError: a name that is not a term of the fit.
        """
        unknown = [term for term in terms if term not in self.coef.index]
        if unknown:
            raise EstimationError(
                f"not in the model: {', '.join(unknown)}; terms: {', '.join(map(str, self.coef.index))}"
            )
        picked = np.asarray(self.coef.index.isin(list(terms)))
        return wald_test(self.coef.to_numpy(), self.cov.to_numpy(), picked, self.df_t, f"H0: {', '.join(terms)} = 0")


@dataclass(frozen=True)
class Options:
    """The arguments of ``fit_gmm`` that shape estimation and inference."""

    steps: int
    h: int
    windmeijer: bool
    small: bool
    vcov: str
    ar_orders: int


@dataclass(frozen=True)
class Fit:
    """Both steps and what they were computed from."""

    spec: Spec
    options: Options
    data: System
    moments: Moments
    first: Step
    second: Step
    n_instruments: int
    dropped: tuple[str, ...]

    @property
    def final(self) -> Step:
        """The step whose coefficients are reported."""
        return self.first if self.options.steps == 1 else self.second

    @cached_property
    def counts(self) -> np.ndarray:
        """(G,) observations of each entity in the main equation, without empty ones."""
        counts = self.data.used_main.sum(axis=1)
        return counts[counts > 0]

    @cached_property
    def sigma2(self) -> float:
        """Error variance from the first step, divided by N."""
        return error_variance(self.data, self.first, self.options.h)[0]

    @cached_property
    def moment_covariance(self) -> np.ndarray:
        """(j, j) sum over entities of Z_i'u_i u_i'Z_i at the first step."""
        return self.first.Zu.T @ self.first.Zu

    @cached_property
    def vcov(self) -> tuple[np.ndarray, str]:
        """(k, k) covariance of the coefficients before any small-sample factor, and its name."""
        if self.options.vcov == "conventional":
            return self.first.bread * self.sigma2, "conventional"
        if self.options.steps == 1:
            return robust_covariance(self.first, self.moments), "robust"
        if self.options.windmeijer:
            return windmeijer_covariance(self.first, self.second, self.moments), "windmeijer"
        return self.second.bread, "two-step uncorrected"

    @property
    def small_factor(self) -> float:
        """Multiplier of the covariance: N/(N-k+1) G/(G-1) as in xtabond2's printed results; N/(N-k) when conventional."""
        if not self.options.small:
            return 1.0
        k = len(self.data.terms)
        if self.options.vcov == "conventional":
            count = int(self.data.used_transformed.sum())
            return count / (count - k)
        count, entities = int(self.counts.sum()), len(self.counts)
        return count / (count - k + 1) * entities / (entities - 1)

    @property
    def df_t(self) -> float:
        """Degrees of freedom of t and F: entities (less one with a constant); infinite without ``small``."""
        if not self.options.small:
            return np.inf
        if self.options.vcov == "conventional":
            return float(self.counts.sum() - len(self.data.terms))
        return float(len(self.counts) - self.data.is_system)


def notes_on(fit: Fit) -> tuple[str, ...]:
    """What must be said about instruments, weighting matrices and regressors."""
    notes = []
    entities, columns = len(fit.counts), len(fit.data.instruments)
    if fit.dropped:
        notes.append(f"dropped because of collinearity: {', '.join(fit.dropped)}")
    if fit.n_instruments >= entities:
        notes.append(
            f"{fit.n_instruments} instruments for {entities} entities: the Hansen test is weak and two-step estimates are"
            " biased; collapse the instruments or limit their lags"
        )
    if fit.second.rank < fit.n_instruments:
        notes.append(
            f"the covariance of the moments is singular (rank {fit.second.rank} of {fit.n_instruments}): a generalised"
            " inverse is the two-step weighting matrix, difference-in-Hansen statistics may be negative"
        )
    elif min(fit.second.rank, fit.first.rank) < columns:
        notes.append(
            f"{columns} instrument columns, {fit.n_instruments} linearly independent: a generalised inverse is the"
            " weighting matrix"
        )
    if np.linalg.norm(fit.first.residuals) <= 1e-10 * np.linalg.norm(fit.data.y):
        notes.append("perfect fit: residuals are zero up to rounding, standard errors and tests mean nothing")
    return tuple(notes)


def convention(fit: Fit) -> str:
    """A sentence naming every choice behind the printed numbers."""
    options, spec = fit.options, fit.spec
    errors = {
        "windmeijer": "Windmeijer-corrected",
        "two-step uncorrected": "two-step uncorrected (too small in finite samples)",
        "robust": f"robust (clustered by {spec.entity})",
        "conventional": "conventional (homoskedastic, error variance divided by N)",
    }[fit.vcov[1]]
    finite = "no small-sample factor, normal and chi-squared reference"
    if options.small:
        finite = f"small-sample factor {fit.small_factor:.6g} on the covariance, t and F reference"
    equation = "levels" if spec.system else "transformed"
    dummies = f"; time dummies instrument the {equation} equation" if spec.time_dummies else ""
    return (
        f"{'system' if spec.system else 'difference'} GMM in"
        f" {'first differences' if spec.transform == 'fd' else 'forward orthogonal deviations'}, {options.steps}-step,"
        f" h={options.h}, xtabond2 conventions: {errors} standard errors, {finite}; AR tests use this covariance without"
        f" the small-sample factor, Sargan divides by N{dummies}."
    )


def assemble(fit: Fit, notes: tuple[str, ...]) -> GmmResult:
    """Tests, labels and counts of a fit."""
    data, options = fit.data, fit.options
    covariance = fit.vcov[0] * fit.small_factor
    homoskedastic = fit.sigma2 if options.vcov == "conventional" else None
    ar = ar_tests(data, fit.final, fit.moments, fit.vcov[0], options.ar_orders, homoskedastic, options.h)
    sargan = sargan_test(data, fit.first, fit.n_instruments, options.h)
    hansen = hansen_test(fit.second, fit.n_instruments)
    differences = difference_in_hansen(data, fit.moments, fit.moment_covariance, hansen, fit.n_instruments)
    slopes = np.array([term != CONSTANT for term in data.terms])
    wald = wald_test(fit.final.coef, covariance, slopes, fit.df_t, "H0: all slopes are zero")
    index = pd.Index(data.terms, name="term")
    counts = fit.counts
    return GmmResult(
        dependent=fit.spec.y,
        estimator=f"{'system' if fit.spec.system else 'difference'}_gmm",
        vcov=fit.vcov[1],
        convention=convention(fit),
        coef=pd.Series(fit.final.coef, index=index, name="estimate"),
        cov=pd.DataFrame(covariance, index=index, columns=index),
        nobs=int(counts.sum()),
        n_entities=len(counts),
        df_resid=float(counts.sum() - len(data.terms)),
        df_t=fit.df_t,
        tests=_flat_tests(fit, covariance, ar, sargan, hansen, differences, wald),
        n_dropped=data.n_rows - int(counts.sum()),
        ar=ar,
        sargan=sargan,
        hansen=hansen,
        diff_hansen=differences,
        wald=wald,
        n_instruments=fit.n_instruments,
        n_transformed=int(data.used_transformed.sum()),
        obs_per_entity=(int(counts.min()), float(counts.mean()), int(counts.max())),
        sigma2=fit.sigma2,
        instruments=data.instruments,
        dropped=fit.dropped,
        many_instruments=fit.n_instruments >= len(counts),
        singular_weighting=min(fit.second.rank, fit.first.rank) < len(data.instruments),
        notes=notes,
    )


def _flat_tests(
    fit: Fit,
    covariance: np.ndarray,
    ar: Mapping[int, HypothesisTest],
    sargan: SarganTest,
    hansen: HypothesisTest,
    differences: Mapping[str, DifferenceTest],
    wald: HypothesisTest,
) -> dict[str, HypothesisTest]:
    """Every test under one name, for tables and ``results.tests``."""
    tests = {f"ar{order}": test for order, test in ar.items()}
    tests |= {"sargan": sargan, "hansen": hansen, "wald": wald}
    tests["sargan_nk"] = HypothesisTest(sargan.statistic_nk, sargan.df, sargan.p_value_nk, "error variance: / (N - k)")
    for label, pair in differences.items():
        tests[f"hansen_excluding[{label}]"] = pair.excluding
        tests[f"diff_hansen[{label}]"] = pair.difference
    dummies = np.array([term in fit.data.dummies for term in fit.data.terms])
    if dummies.any():
        tests["wald_time_dummies"] = wald_test(fit.final.coef, covariance, dummies, fit.df_t, "H0: no time effects")
    return tests
