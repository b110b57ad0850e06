"""Whether a coefficient differs between two groups: interaction, Chow, seemingly unrelated regressions, permutation.

Sources: Chow (1960); Zellner (1962) and Stata's ``suest`` for the joint covariance of separate regressions; Cleary
(1999), Journal of Finance 54(2), and 连玉君、廖俊平 (2017) for Fisher's permutation test (Stata's ``bdiff``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Unpack, get_args

import numpy as np
import pandas as pd
from scipy import stats

from estimation.core.covariance import AbsorbedEffects, ErrorStructure, estimate_covariance, meat
from estimation.core.design import panel_design
from estimation.core.entity_moments import entity_moments, solve_moments
from estimation.core.frame import EstimationError, PanelFrame, panel_frame
from estimation.core.least_squares import check_full_rank, least_squares
from estimation.core.options import PanelOptions, check_options
from estimation.core.results import HypothesisTest, two_sided_p
from estimation.core.terms import estimation_sample, key_names, names, structure_of
from estimation.core.within import Within
from estimation.heterogeneity.by_group import fit_interaction

Method = Literal["interaction", "permutation", "sur", "chow"]
Unit = Literal["entity", "row"]
CHUNK = 500


@dataclass(frozen=True)
class GroupDifference(HypothesisTest):
    """Difference of a coefficient between two groups (second label minus first, in sorted order).

    Attributes:
        statistic, df, p_value: of the difference of ``term``; two-sided.
        estimates: coefficient in each group (separate regressions; common controls with ``interaction``).
        difference, std_error: NaN standard error for ``permutation``.
        joint: test that all slopes are equal (``chow`` and ``sur``), else None.
        draws: permuted differences. method: as asked for. convention: every choice in words.
    """

    term: str = ""
    estimates: pd.Series | None = None
    difference: float = np.nan
    std_error: float = np.nan
    joint: HypothesisTest | None = None
    draws: np.ndarray | None = None
    method: str = ""
    convention: str = ""


def group_difference(
    df: pd.DataFrame,
    y: str,
    term: str,
    group: str,
    x: str | Sequence[str] = (),
    *,
    method: Method = "interaction",
    draws: int = 1000,
    rng: np.random.Generator | None = None,
    unit: Unit | None = None,
    **options: Unpack[PanelOptions],
) -> GroupDifference:
    """Test that ``term`` has the same coefficient in the two groups of ``group``.

    Args:
        method: ``interaction`` one regression with common controls and effects; ``chow`` everything separate, common
            error variance under iid, all slopes tested jointly; ``sur`` separate regressions whose estimates are
            correlated through shared clusters; ``permutation`` shuffles the group labels.
        draws, rng: permutations. unit: what is shuffled: ``entity`` (label constant within entities) or ``row`` (as
            bdiff); default entity where the label is constant.

    Raises:
        EstimationError: not exactly two groups, an unknown method, permutation without rng, ``unit="entity"`` with
            labels that change over time, or as `estimation.panel.fit_panel`.
    """
    check_options(options, PanelOptions)
    if method not in get_args(Method):
        raise EstimationError(f"method={method!r} is not one of {', '.join(get_args(Method))}")
    controls = names(x)
    sample = estimation_sample(df, [y, term, *controls], options, keep=[group])
    data = sample.data.dropna(subset=[group]).reset_index(drop=True)
    labels = sorted(data[group].unique())
    if len(labels) != 2:
        raise EstimationError(f"{group} must have exactly two groups, found {len(labels)}: {labels[:5]}")
    if method == "interaction":
        return _by_interaction(data, y, term, group, controls, labels, options)
    if method == "permutation":
        return _by_permutation(data, y, term, group, controls, labels, draws, rng, unit, options)
    return _by_separate(data, y, term, group, controls, labels, method, options)


def _by_interaction(
    data: pd.DataFrame, y: str, term: str, group: str, controls: list[str], labels: list[Any], options: PanelOptions
) -> GroupDifference:
    fit = fit_interaction(data, y, term, group, controls, **options)
    product = next(name for name in fit.coef.index if str(name).startswith(f"{term}#"))
    return GroupDifference(
        statistic=float(fit.statistics[product]),
        df=fit.df_t,
        p_value=float(fit.p_values[product]),
        note=f"H0: {product} = 0",
        term=term,
        estimates=fit.group_effects["effect"],
        difference=float(fit.coef[product]),
        std_error=float(fit.se[product]),
        method="interaction",
        convention=fit.convention,
    )


@dataclass(frozen=True)
class _Side:
    """Separate regression of one group: slopes (k,), bread (k, k), scores (n, k), residual sum of squares."""

    rows: np.ndarray
    beta: np.ndarray
    bread: np.ndarray
    scores: np.ndarray
    ssr: float
    absorbed: AbsorbedEffects
    terms: tuple[str, ...]


def _side(data: pd.DataFrame, rows: np.ndarray, y: str, x: Sequence[str], options: PanelOptions) -> _Side:
    entity, time = key_names(options)
    weights = options.get("weights")
    frame = panel_frame(data.iloc[rows], [y, *x, *([weights] if weights else [])], entity=entity, time=time)
    design = panel_design(frame, y, x, options.get("effects", "twoways"), weights)
    check_full_rank(design.X_within, design.X, list(design.terms), design.weights)
    ols = least_squares(design.y_within, design.X_within, design.weights)
    scores = design.X_within * (design.mass * ols.residuals)[:, None]
    ssr = float(design.mass @ ols.residuals**2)
    return _Side(rows, ols.beta, ols.bread, scores, ssr, design.absorbed, design.terms)


def _by_separate(
    data: pd.DataFrame,
    y: str,
    term: str,
    group: str,
    controls: list[str],
    labels: list[Any],
    method: Method,
    options: PanelOptions,
) -> GroupDifference:
    x = [term, *controls]
    sides = [_side(data, np.flatnonzero(data[group] == label), y, x, options) for label in labels]
    structure = _structure(data, options)
    ssc = options.get("ssc", "fixest")
    if method == "chow":
        V, df_t, sentence = _chow_covariance(sides, structure, ssc)
    else:
        V, df_t, sentence = _sur_covariance(sides, structure, ssc)
    k = len(sides[0].beta)
    gap = sides[1].beta - sides[0].beta
    spread = V[k:, k:] + V[:k, :k] - V[:k, k:] - V[k:, :k]
    slopes = [j for j, name in enumerate(sides[0].terms) if name != "const"]
    se = float(np.sqrt(spread[0, 0]))
    return GroupDifference(
        statistic=float(gap[0] / se),
        df=df_t,
        p_value=float(two_sided_p(np.array(gap[0] / se), df_t)),
        note=f"H0: {term} equal in {group} = {labels[0]} and {labels[1]}",
        term=term,
        estimates=pd.Series([side.beta[0] for side in sides], index=labels, name="estimate"),
        difference=float(gap[0]),
        std_error=se,
        joint=_joint(gap[slopes], spread[np.ix_(slopes, slopes)], df_t),
        method=method,
        convention=sentence,
    )


def _structure(data: pd.DataFrame, options: PanelOptions) -> ErrorStructure:
    """Error structure of all rows, in the order of ``data`` (sorted by key)."""
    entity, time = key_names(options)
    frame = panel_frame(data, [], entity=entity, time=time, keep=[c for c in data.columns if c not in (entity, time)])
    return structure_of(frame, options)


def _stacked(sides: Sequence[_Side]) -> tuple[np.ndarray, np.ndarray]:
    """Scores (n, 2k) of both regressions side by side, and the block-diagonal bread."""
    n, k = sum(len(side.rows) for side in sides), len(sides[0].beta)
    scores, bread = np.zeros((n, 2 * k)), np.zeros((2 * k, 2 * k))
    for g, side in enumerate(sides):
        block = slice(g * k, (g + 1) * k)
        scores[side.rows, block] = side.scores
        bread[block, block] = side.bread
    return scores, bread


def _chow_covariance(sides: Sequence[_Side], structure: ErrorStructure, ssc: Any) -> tuple[np.ndarray, float, str]:
    """Covariance of both sets of slopes as one regression with everything interacted."""
    scores, bread = _stacked(sides)
    codes: dict[str, np.ndarray] = {}
    for name in sides[0].absorbed.codes:
        joined, offset = np.zeros(len(scores), dtype=int), 0
        for side in sides:
            joined[side.rows] = side.absorbed.codes[name] + offset
            offset += int(side.absorbed.codes[name].max()) + 1
        codes[name] = joined
    absorbed = AbsorbedEffects(codes, sum(side.absorbed.rank for side in sides))
    found = estimate_covariance(bread, scores, sum(side.ssr for side in sides), structure, absorbed, ssc)
    return found.matrix, found.df_t, f"Chow: slopes and effects by group in one regression. {found.sentence}"


def _sur_covariance(sides: Sequence[_Side], structure: ErrorStructure, ssc: Any) -> tuple[np.ndarray, float, str]:
    """Each group's own covariance on the diagonal, the covariance through shared clusters off it."""
    k = len(sides[0].beta)
    scores, bread = _stacked(sides)
    V = np.zeros((2 * k, 2 * k))
    factors, sentence = [], ""
    for g, side in enumerate(sides):
        block = slice(g * k, (g + 1) * k)
        own = _restricted(structure, side.rows)
        found = estimate_covariance(side.bread, side.scores, side.ssr, own, side.absorbed, ssc)
        V[block, block] = found.matrix
        factors.append(found.factor)
        sentence = found.sentence
    if structure.kind not in ("iid", "robust"):
        cross = (bread @ meat(scores, structure) @ bread)[:k, k:] * np.sqrt(factors[0] * factors[1])
        V[:k, k:], V[k:, :k] = cross, cross.T
    return (
        V,
        np.inf,
        f"Seemingly unrelated regressions: separate fits, joint covariance, normal. Second group: {sentence}",
    )


def _restricted(structure: ErrorStructure, rows: np.ndarray) -> ErrorStructure:
    """The error structure of some rows."""
    if structure.kind == "conley":
        return replace(structure, groups=(structure.groups[0][rows],))
    groups = tuple(np.unique(code[rows], return_inverse=True)[1] for code in structure.groups)
    return replace(structure, groups=groups)


def _joint(gap: np.ndarray, spread: np.ndarray, df_t: float) -> HypothesisTest:
    wald, m = float(gap @ np.linalg.solve(spread, gap)), len(gap)
    if np.isinf(df_t):
        return HypothesisTest(wald, float(m), float(stats.chi2.sf(wald, m)), "H0: all slopes equal")
    return HypothesisTest(wald / m, (float(m), df_t), float(stats.f.sf(wald / m, m, df_t)), "H0: all slopes equal")


def _by_permutation(
    data: pd.DataFrame,
    y: str,
    term: str,
    group: str,
    controls: list[str],
    labels: list[Any],
    draws: int,
    rng: np.random.Generator | None,
    unit: Unit | None,
    options: PanelOptions,
) -> GroupDifference:
    if rng is None or draws < 1:
        raise EstimationError("permutation needs rng (a numpy Generator) and at least one draw")
    entity, time = key_names(options)
    weights = options.get("weights")
    kept = [y, term, *controls, *([weights] if weights else [])]
    frame = panel_frame(data, kept, entity=entity, time=time, keep=[group])
    second = (frame.data[group] == labels[1]).to_numpy()
    constant = bool(frame.data.groupby(entity)[group].nunique().max() == 1)
    unit = unit or ("entity" if constant else "row")
    if unit not in get_args(Unit) or (unit == "entity" and not constant):
        raise EstimationError(f"unit={unit!r}: allowed are entity (labels constant within {entity}) and row")
    x = [term, *controls]
    sides = [_side(frame.data, np.flatnonzero(second == chosen), y, x, options) for chosen in (False, True)]
    observed = [float(side.beta[0]) for side in sides]
    shuffle = _entity_differences if unit == "entity" else _row_differences
    drawn = shuffle(frame, second, [y, *x], draws, rng, options)
    usable = drawn[~np.isnan(drawn)]
    if len(usable) < 0.9 * draws:
        raise EstimationError(f"only {len(usable)} of {draws} permutations can be estimated: the groups are too small")
    difference = observed[1] - observed[0]
    p_value = (1 + np.sum(np.abs(usable) >= abs(difference) * (1 - 1e-12))) / (1 + len(usable))
    sentence = f"Fisher permutation of {group} over {unit} labels, {draws} draws ({draws - len(usable)} not estimable)."
    return GroupDifference(
        statistic=difference,
        df=None,
        p_value=float(p_value),
        note=f"H0: {term} equal; p = (1 + #{{|permuted| >= |observed|}})/(1 + draws)",
        term=term,
        estimates=pd.Series(observed, index=labels, name="estimate"),
        difference=difference,
        draws=drawn,
        method="permutation",
        convention=sentence,
    )


def _entity_differences(
    frame: PanelFrame,
    second: np.ndarray,
    columns: Sequence[str],
    draws: int,
    rng: np.random.Generator,
    options: PanelOptions,
) -> np.ndarray:
    """(draws,) differences with the labels of entities shuffled."""
    weights = options.get("weights")
    mass = frame.array(weights) if weights else None
    moments = entity_moments(frame, columns, options.get("effects", "twoways"), frame.array(list(columns)), mass)
    label = np.zeros(len(frame.entities))
    label[frame.entity_codes] = second

    def coefficients(members: np.ndarray) -> np.ndarray:
        return solve_moments(moments.partial(members, columns[:2]), 0, [1])[:, 0]

    found = []
    for start in range(0, draws, CHUNK):
        members = np.array([rng.permutation(label) for _ in range(min(CHUNK, draws - start))])
        found.append(coefficients(members) - coefficients(1 - members))
    return np.concatenate(found)


def _row_differences(
    frame: PanelFrame,
    second: np.ndarray,
    columns: Sequence[str],
    draws: int,
    rng: np.random.Generator,
    options: PanelOptions,
) -> np.ndarray:
    """(draws,) differences with the labels of rows shuffled."""
    weights = options.get("weights")
    mass = frame.array(weights) if weights else np.ones(len(second))
    values, effects = frame.array(list(columns)), options.get("effects", "twoways")
    if effects == "none":
        values = np.column_stack([values, np.ones(len(values))])

    def coefficient(rows: np.ndarray) -> float:
        codes = [np.unique(code[rows], return_inverse=True)[1] for code in (frame.entity_codes, frame.time_codes)]
        inside = Within(codes[0], codes[1], effects, mass[rows]).transform(values[rows])
        return _first_slope(inside, mass[rows])

    found = []
    for _ in range(draws):
        label = rng.permutation(second)
        found.append(coefficient(label) - coefficient(~label))
    return np.array(found)


def _first_slope(values: np.ndarray, mass: np.ndarray) -> float:
    """Coefficient of column 1 in the regression of column 0 on the others; NaN if not identified."""
    root = np.sqrt(mass)[:, None]
    y, d, others = values[:, :1] * root, values[:, 1:2] * root, values[:, 2:] * root
    before = float(np.sum(d**2))
    if others.shape[1]:
        left = np.column_stack([y, d])
        left = left - others @ np.linalg.lstsq(others, left, rcond=1e-10)[0]
        y, d = left[:, :1], left[:, 1:]
    after = float(np.sum(d**2))
    return float(np.sum(d * y)) / after if after > 1e-9 * before else float("nan")
