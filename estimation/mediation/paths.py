"""Mechanisms: channels, mediation with the indirect effect; moderation and moderated mediation under the same roof.

The three regressions of a mediation (all on one sample, so that total = direct + indirect holds exactly):

    M = a T + controls,   Y = c' T + b M + controls,   Y = c T + controls;   indirect a b, direct c', total c.

Sources: Baron and Kenny (1986); Sobel (1982); Aroian (1947); Goodman (1960); MacKinnon, Lockwood and Williams (2004)
for the percentile bootstrap; 江艇 (2022) for the two-step channel regressions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Unpack

import numpy as np
import pandas as pd

from estimation.core.entity_bootstrap import bootstrap_moments, percentile_interval
from estimation.core.entity_moments import solve_moments
from estimation.core.options import PanelOptions
from estimation.core.results import Estimates, HypothesisTest, two_sided_p
from estimation.core.terms import Sample, block, estimation_sample, names
from estimation.panel.fit import PanelFit, fit_panel


@dataclass(frozen=True)
class ProductTest(HypothesisTest):
    """Normal test of a product of two coefficients; ``statistic`` is z.

    Attributes:
        estimate: a b. std_error: by the formula named in ``note`` (NaN when the variance estimate is negative).
    """

    estimate: float = np.nan
    std_error: float = np.nan


def product_tests(a: float, a_se: float, b: float, b_se: float) -> dict[str, ProductTest]:
    """Sobel, Aroian and Goodman tests of a b.

    Variances: Sobel a^2 sb^2 + b^2 sa^2; Aroian adds sa^2 sb^2 (exact under independence); Goodman subtracts it
    (unbiased).
    """
    first_order, second_order = a**2 * b_se**2 + b**2 * a_se**2, a_se**2 * b_se**2
    variances = {
        "sobel": first_order,
        "aroian": first_order + second_order,
        "goodman": first_order - second_order,
    }
    tests = {}
    for name, variance in variances.items():
        se = float(np.sqrt(variance)) if variance > 0 else np.nan
        z = a * b / se
        tests[name] = ProductTest(z, None, float(two_sided_p(np.array(z), np.inf)), f"{name} standard error", a * b, se)
    return tests


@dataclass(frozen=True)
class IdentityCheck:
    """Whether total = direct + a b within rounding; ``gap`` is the difference, ``tolerance`` what rounding explains."""

    gap: float
    tolerance: float

    @property
    def holds(self) -> bool:
        """Whether the gap is within the tolerance."""
        return abs(self.gap) <= self.tolerance


def check_identity(total: float, direct: float, a: float, b: float, *, decimals: int | None = None) -> IdentityCheck:
    """Check total = direct + a b for printed coefficients.

    Args:
        decimals: digits printed after the point; half a unit of the last digit of each number is allowed for. None:
            computed numbers, tolerance 1e-10 relative to the largest of them.
    """
    gap = total - direct - a * b
    if decimals is None:
        return IdentityCheck(gap, 1e-10 * max(abs(total), abs(direct), abs(a * b)))
    half = 0.5 * 10.0**-decimals
    return IdentityCheck(gap, 2 * half + abs(a) * half + abs(b) * half + half**2)


@dataclass(frozen=True, kw_only=True)
class Mediation(Estimates):
    """Three-step mediation; ``coef`` holds a, b, direct, indirect and total (covariances across equations are NaN).

    Attributes:
        a, b, direct, indirect, total: see the module.
        sobel, aroian, goodman: tests of the indirect effect.
        ci: percentile interval of the indirect effect from the entity bootstrap (NaN without draws).
        draws: (B,) bootstrapped indirect effects. n_failed: draws in which a coefficient was not identified (left out).
        share_mediated: indirect / total (NaN when their signs differ: see ``suppression``).
        suppression: whether direct and indirect effect have opposite signs.
        identity: check of total = direct + indirect.
        models: the regressions ``mediator``, ``outcome``, ``total``.
    """

    a: float
    b: float
    direct: float
    indirect: float
    total: float
    sobel: ProductTest
    aroian: ProductTest
    goodman: ProductTest
    ci: tuple[float, float]
    draws: np.ndarray
    n_failed: int
    share_mediated: float
    suppression: bool
    identity: IdentityCheck
    models: Mapping[str, PanelFit]


def mediate(
    df: pd.DataFrame,
    y: str,
    treat: str,
    mediator: str,
    x: str | Sequence[str] = (),
    *,
    draws: int = 0,
    rng: np.random.Generator | None = None,
    level: float = 0.95,
    **options: Unpack[PanelOptions],
) -> Mediation:
    """Three-step mediation of ``treat`` through ``mediator``.

    For a quadratic treatment give the square among the controls ``x`` (or call once for each of the two terms): the
    identity holds term by term.

    Args:
        df: long frame, one row an (entity, time).
        draws: bootstrap samples of entities (0: no interval); rng: their generator.
        options: as `estimation.panel.fit_panel`, except that ``vcov`` is ``iid`` unless given, as in Sobel's formula.

    Raises:
        EstimationError: as `fit_panel`; draws without rng; fewer than 90 % of the draws identified.
    """
    options.setdefault("vcov", "iid")
    controls = names(x)
    sample = estimation_sample(df, [y, treat, mediator, *controls], options)
    fits = {
        "mediator": fit_panel(sample.data, mediator, [treat, *controls], **options),
        "outcome": fit_panel(sample.data, y, [treat, mediator, *controls], **options),
        "total": fit_panel(sample.data, y, [treat, *controls], **options),
    }
    fits = {name: replace(fit, n_dropped=sample.n_dropped) for name, fit in fits.items()}
    drawn = _bootstrap_indirect(sample, y, treat, mediator, controls, draws, rng, options)
    return _assemble(fits, treat, mediator, drawn, level)


def _bootstrap_indirect(
    sample: Sample,
    y: str,
    treat: str,
    mediator: str,
    controls: Sequence[str],
    draws: int,
    rng: np.random.Generator | None,
    options: PanelOptions,
) -> np.ndarray:
    """(draws,) indirect effects on samples of entities, NaN where not identified."""
    if draws == 0:
        return np.empty(0)
    moments = bootstrap_moments(sample, [y, mediator, treat], controls, draws, rng, options)
    a = solve_moments(moments, 1, [2])[:, 0]
    b = solve_moments(moments, 0, [1, 2])[:, 0]
    return a * b


def _assemble(fits: Mapping[str, PanelFit], treat: str, mediator: str, drawn: np.ndarray, level: float) -> Mediation:
    step, outcome, whole = fits["mediator"], fits["outcome"], fits["total"]
    a, b = float(step.coef[treat]), float(outcome.coef[mediator])
    direct, total = float(outcome.coef[treat]), float(whole.coef[treat])
    tests = product_tests(a, float(step.se[treat]), b, float(outcome.se[mediator]))
    terms = ["a", "b", "direct", "indirect", "total"]
    V = np.full((5, 5), np.nan)
    V[0, 0] = step.se[treat] ** 2
    V[1:3, 1:3] = block(outcome, [mediator, treat])
    V[3, 3] = tests["sobel"].std_error ** 2
    V[4, 4] = whole.se[treat] ** 2
    bootstrap = f"percentile bootstrap over entities, {len(drawn)} draws" if len(drawn) else "no bootstrap"
    suppressed = direct * a * b < 0
    return Mediation(
        dependent=outcome.dependent,
        estimator="mediation",
        vcov=outcome.vcov,
        convention=f"{treat} through {mediator}; indirect effect: Sobel standard error, {bootstrap}. {outcome.convention}",
        coef=pd.Series([a, b, direct, a * b, total], index=terms, name="estimate"),
        cov=pd.DataFrame(V, index=terms, columns=terms),
        nobs=outcome.nobs,
        n_entities=outcome.n_entities,
        df_resid=outcome.df_resid,
        df_t=outcome.df_t,
        tests=tests,
        n_dropped=outcome.n_dropped,
        a=a,
        b=b,
        direct=direct,
        indirect=a * b,
        total=total,
        **tests,
        ci=percentile_interval(drawn, level),
        draws=drawn,
        n_failed=int(np.isnan(drawn).sum()),
        share_mediated=np.nan if suppressed else a * b / total,
        suppression=suppressed,
        identity=check_identity(total, direct, a, b),
        models=dict(fits),
    )


def channels(
    df: pd.DataFrame,
    treat: str | Sequence[str],
    mediators: str | Sequence[str],
    x: str | Sequence[str] = (),
    **options: Unpack[PanelOptions],
) -> dict[str, PanelFit]:
    """Two-step channel regressions: each mediator on the treatment (or a treatment and its square) and controls."""
    return {name: fit_panel(df, name, [*names(treat), *names(x)], **options) for name in names(mediators)}
