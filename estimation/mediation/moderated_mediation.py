"""Indirect effects that depend on a moderator (Preacher, Rucker and Hayes 2007; Hayes 2015)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Unpack, get_args

import numpy as np
import pandas as pd

from estimation.core.entity_bootstrap import bootstrap_moments, percentile_interval
from estimation.core.entity_moments import solve_moments
from estimation.core.frame import EstimationError
from estimation.core.options import PanelOptions
from estimation.core.results import critical_value, two_sided_p
from estimation.core.terms import (
    PERCENTILES,
    Sample,
    block,
    estimation_sample,
    names,
    percentile_values,
    product_name,
    with_columns,
)
from estimation.mediation.moderation import fit_with_main_effect
from estimation.panel.fit import PanelFit

Stage = Literal["first", "second", "both"]


@dataclass(frozen=True)
class ModeratedMediation:
    """Indirect effects that depend on a moderator.

    Attributes:
        indirect: one row a percentile of the moderator (and its mean): ``value``, ``effect``, delta-method
            ``std_error`` and ``p_value``, interval (percentile bootstrap with draws, normal without).
        index: change of the indirect effect per unit of the moderator (Hayes), one moderated stage only; NaN for both
            stages.
        index_ci: its interval, as in ``indirect``.
        mediator_fit, outcome_fit: the two regressions.
        convention: every choice in words.
    """

    indirect: pd.DataFrame
    index: float
    index_ci: tuple[float, float]
    mediator_fit: PanelFit
    outcome_fit: PanelFit
    convention: str


def moderated_mediation(
    df: pd.DataFrame,
    y: str,
    treat: str,
    mediator: str,
    moderator: str,
    x: str | Sequence[str] = (),
    *,
    stage: Stage = "first",
    moderated_direct: bool = False,
    percentiles: Sequence[float] = PERCENTILES,
    draws: int = 0,
    rng: np.random.Generator | None = None,
    level: float = 0.95,
    **options: Unpack[PanelOptions],
) -> ModeratedMediation:
    """Indirect effect (a + a_w W)(b + b_w W) of T on Y through M, by value of the moderator W.

    M = a T + a_w T#W + W + controls (``first``, ``both``) and Y = c' T + b M + b_w M#W + W + controls (``second``,
    ``both``); terms of a stage that is not moderated are left out.

    Args:
        moderated_direct: also put T#W (and W) into the equation of Y.
        draws, rng: bootstrap over entities. options: as `estimation.panel.fit_panel`.

    Raises:
        EstimationError: as `fit_panel`, an unknown stage, or draws without rng.
    """
    if stage not in get_args(Stage):
        raise EstimationError(f"stage={stage!r} is not one of {', '.join(get_args(Stage))}")
    controls = names(x)
    sample = estimation_sample(df, [y, treat, mediator, moderator, *controls], options)
    tw, mw = product_name(treat, moderator), product_name(mediator, moderator)
    products = {tw: sample.data[treat] * sample.data[moderator], mw: sample.data[mediator] * sample.data[moderator]}
    data = with_columns(sample.data, products)
    sample = Sample(sample.frame, data, sample.n_dropped)
    first = [treat, *([tw, moderator] if stage != "second" else [])]
    second = [treat, mediator, *([mw] if stage != "first" else []), *([tw] if moderated_direct else [])]
    second += [moderator] if len(second) > 2 else []
    fit_m = fit_with_main_effect(data, mediator, [*first, *controls], moderator, options)
    fit_y = fit_with_main_effect(data, y, [*second, *controls], moderator, options)
    at = percentile_values(data[moderator].to_numpy(float), percentiles)
    paths = _Paths(treat, mediator, tw, mw)
    drawn = _bootstrap(sample, fit_m, fit_y, paths, controls, draws, rng, options)
    table = _indirect_table(fit_m, fit_y, paths, at, drawn, level)
    index, index_ci = _index(fit_m, fit_y, paths, stage, drawn, level)
    how = f"percentile bootstrap over entities, {draws} draws" if draws else "normal interval from the delta method"
    sentence = (
        f"Moderated mediation of {treat} through {mediator} by {moderator}, stage: {stage}; {how}. {fit_y.convention}"
    )
    return ModeratedMediation(table, index, index_ci, fit_m, fit_y, sentence)


@dataclass(frozen=True)
class _Paths:
    """Names of the terms of the two paths."""

    treat: str
    mediator: str
    tw: str
    mw: str


def _path(coef: pd.Series, base: str, product: str) -> tuple[float, float]:
    return float(coef[base]), float(coef.get(product, 0.0))


def _path_variance(fit: PanelFit, base: str, product: str, v: np.ndarray) -> np.ndarray:
    if product not in fit.coef.index:
        return np.full(len(v), fit.se[base] ** 2)
    V = block(fit, [base, product])
    return V[0, 0] + 2 * v * V[0, 1] + v**2 * V[1, 1]


def _bootstrap(
    sample: Sample,
    fit_m: PanelFit,
    fit_y: PanelFit,
    paths: _Paths,
    controls: Sequence[str],
    draws: int,
    rng: np.random.Generator | None,
    options: PanelOptions,
) -> np.ndarray:
    """(draws, 4) a, a_w, b, b_w on samples of entities (zero where a stage is not moderated)."""
    if draws == 0:
        return np.empty((0, 4))
    first, second = ([t for t in fit.coef.index if t not in (*controls, "const")] for fit in (fit_m, fit_y))
    core = list(dict.fromkeys([fit_y.dependent, fit_m.dependent, *first, *second]))
    moments = bootstrap_moments(sample, core, controls, draws, rng, options)
    beta_m = solve_moments(moments, core.index(fit_m.dependent), [core.index(t) for t in first])
    beta_y = solve_moments(moments, core.index(fit_y.dependent), [core.index(t) for t in second])
    columns = []
    for beta, terms, pair in ((beta_m, first, (paths.treat, paths.tw)), (beta_y, second, (paths.mediator, paths.mw))):
        columns += [beta[:, terms.index(t)] if t in terms else np.zeros(draws) for t in pair]
    return np.column_stack(columns)


def _indirect_table(
    fit_m: PanelFit, fit_y: PanelFit, paths: _Paths, at: dict[str, float], drawn: np.ndarray, level: float
) -> pd.DataFrame:
    v = np.array(list(at.values()))
    a, a_w = _path(fit_m.coef, paths.treat, paths.tw)
    b, b_w = _path(fit_y.coef, paths.mediator, paths.mw)
    alpha, beta = a + a_w * v, b + b_w * v
    variance = beta**2 * _path_variance(fit_m, paths.treat, paths.tw, v)
    variance += alpha**2 * _path_variance(fit_y, paths.mediator, paths.mw, v)
    se = np.sqrt(variance)
    effect = alpha * beta
    half = critical_value(level, np.inf) * se
    limits = np.column_stack([effect - half, effect + half])
    if len(drawn):
        samples = (drawn[:, [0]] + drawn[:, [1]] * v) * (drawn[:, [2]] + drawn[:, [3]] * v)
        limits = np.array([percentile_interval(column, level) for column in samples.T])
    return pd.DataFrame(
        {
            "value": v,
            "effect": effect,
            "std_error": se,
            "p_value": two_sided_p(effect / se, np.inf),
            "conf_low": limits[:, 0],
            "conf_high": limits[:, 1],
        },
        index=pd.Index(list(at), name="at"),
    )


def _index(
    fit_m: PanelFit, fit_y: PanelFit, paths: _Paths, stage: Stage, drawn: np.ndarray, level: float
) -> tuple[float, tuple[float, float]]:
    """a_w b (first stage moderated) or a b_w (second), with its interval."""
    if stage == "both":
        return np.nan, (np.nan, np.nan)
    first = stage == "first"
    p, q = (paths.tw, paths.mediator) if first else (paths.treat, paths.mw)
    one, two = float(fit_m.coef[p]), float(fit_y.coef[q])
    if len(drawn):
        return one * two, percentile_interval(drawn[:, 1] * drawn[:, 2] if first else drawn[:, 0] * drawn[:, 3], level)
    se = float(np.hypot(two * fit_m.se[p], one * fit_y.se[q]))
    half = critical_value(level, np.inf) * se
    return one * two, (one * two - half, one * two + half)
