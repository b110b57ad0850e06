"""Placebo tests: random pilot lists that keep the sizes of the waves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd

from estimation.core.covariance import Ssc, is_nested, small_sample
from estimation.core.design import absorbed_effects
from estimation.core.frame import EstimationError
from estimation.core.results import two_sided_p
from estimation.core.within import Within
from estimation.did.cohorts import Cohorts
from estimation.did.staggered_input import staggered_input
from estimation.placebo.resampling import entity_kernel

Scheme = Literal["cities", "by_year"]


@dataclass(frozen=True)
class Placebo:
    """Distribution of the two-way coefficient under random pilot lists.

    Attributes:
        estimate, std_error, p_value: of the actual list.
        draws: (B,) placebo coefficients. std_errors, p_values: (B,) their standard errors and t-test p-values.
        p_exact: two-sided permutation p-value of the coefficient, (1 + #{|draw| >= |estimate|}) / (B + 1).
        p_exact_t: the same for t statistics.
        share_significant: share of draws with p-value below 0.05.
        wave_sizes: entities by first treated period (never treated left out), kept in every draw.
        n_failed: draws whose treatment the effects absorb (NaN in ``draws``; counted as extreme in the p-values).
        nobs, n_entities, n_dropped, convention: as in other results.
    """

    estimate: float
    std_error: float
    p_value: float
    draws: np.ndarray
    std_errors: np.ndarray
    p_values: np.ndarray
    p_exact: float
    p_exact_t: float
    share_significant: float
    wave_sizes: pd.Series
    n_failed: int
    nobs: int
    n_entities: int
    n_dropped: int
    convention: str

    def to_rows(self) -> list[dict[str, object]]:
        """One dict a draw, then one for the actual list (``draw`` = -1)."""
        values = zip(self.draws, self.std_errors, self.p_values, strict=True)
        rows = [{"draw": i, "estimate": b, "std_error": s, "p_value": p} for i, (b, s, p) in enumerate(values)]
        actual = {"draw": -1, "estimate": self.estimate, "std_error": self.std_error, "p_value": self.p_value}
        return [*rows, actual]


def permute_pilots(
    df: pd.DataFrame,
    y: str,
    cohort: str,
    x: str | Sequence[str] | None = None,
    *,
    scheme: Scheme = "cities",
    draws: int,
    rng: np.random.Generator,
    cluster: str | None = None,
    ssc: Ssc = "fixest",
    weights: str | None = None,
    entity: str = "city_code",
    time: str = "year",
) -> Placebo:
    """Two-way regressions of y on the placebo treatment 1{t >= g*} and controls, g* assigned at random.

    Args:
        cohort: column with the first treated period; NaN, 0 or inf mean never treated.
        scheme: ``cities`` shuffles the list of first treated periods over all entities. ``by_year`` goes through the waves in
            order and draws each among the entities observed in that year that no earlier wave has drawn; on a balanced panel
            both have the same distribution.
        draws: number of lists (the papers use 500 and 1,000). rng: numpy Generator.
        cluster: column to cluster by, coarser than the entity or the entity (default).

    Raises:
        EstimationError: unusable input, unknown scheme, a cluster that splits entities, or a wave larger than the entities
            left to draw from.
    """
    if scheme not in get_args(Scheme):
        raise EstimationError(f"scheme={scheme!r} is not one of {', '.join(get_args(Scheme))}")
    if draws < 1:
        raise EstimationError(f"draws={draws} must be at least 1")
    data = staggered_input(df, y, cohort, x, cluster=cluster, weights=weights, entity=entity, time=time)
    cohorts, frame = data.cohorts, data.cohorts.frame
    clusters = entity_clusters(data.structure.groups[0], frame.entity_codes, data.structure.label)
    kernel = entity_kernel(frame, data.outcome, data.X, data.controls, cohorts.periods, cohorts.groups, data.mass)
    absorbed = absorbed_effects(frame, Within(frame.entity_codes, frame.time_codes, "twoways"))
    choice = small_sample(data.structure, absorbed, kernel.n, 1 + kernel.n_controls, ssc)
    groups = cohort_codes(cohorts)
    fitted = kernel.regress(np.vstack([groups, *_random_lists(cohorts, groups, scheme, draws, rng)]), clusters)
    if np.isnan(fitted.coef[0]):
        raise EstimationError(f"the treatment of {cohort} is absorbed by the effects and controls: nothing to estimate")
    sizes = pd.Series(np.bincount(groups, minlength=len(kernel.starts))[: len(kernel.starts)], index=kernel.starts)
    return _summarise(
        fitted.coef,
        np.sqrt(fitted.variance * choice.factor),
        choice.df_t,
        wave_sizes=sizes.rename("entities"),
        nobs=kernel.n,
        n_entities=len(frame.entities),
        n_dropped=frame.n_dropped,
        convention=f"Placebo, scheme {scheme}, {draws} lists, wave sizes kept; two-way effects. {choice.sentence}",
    )


def _summarise(coef: np.ndarray, errors: np.ndarray, df_t: float, **about: Any) -> Placebo:
    """The placebo result of (B + 1,) coefficients and standard errors, the actual list first."""
    with np.errstate(divide="ignore", invalid="ignore"):
        statistics = coef / errors
    p_values = two_sided_p(statistics, df_t)
    return Placebo(
        estimate=float(coef[0]),
        std_error=float(errors[0]),
        p_value=float(p_values[0]),
        draws=coef[1:],
        std_errors=errors[1:],
        p_values=p_values[1:],
        p_exact=permutation_p(coef),
        p_exact_t=permutation_p(statistics),
        share_significant=float(np.mean(p_values[1:] < 0.05)),
        n_failed=int(np.isnan(coef[1:]).sum()),
        **about,
    )


def permutation_p(values: np.ndarray) -> float:
    """Two-sided permutation p-value of values[0] among values[1:] (Phipson and Smyth 2010); NaN counts as extreme."""
    drawn = values[1:]
    extreme = np.isnan(drawn) | (np.abs(drawn) >= abs(values[0]) * (1 - 1e-12))
    return float((1 + extreme.sum()) / (1 + len(drawn)))


def cohort_codes(cohorts: Cohorts) -> np.ndarray:
    """(N,) index of the first treated period among the cohorts; their number for never treated."""
    first, starts = cohorts.entity_first, cohorts.groups
    return np.where(np.isnan(first), len(starts), np.searchsorted(starts, np.nan_to_num(first)))


def entity_clusters(row_clusters: np.ndarray, entity_codes: np.ndarray, label: str) -> np.ndarray:
    """(N,) cluster code of every entity.

    Raises:
        EstimationError: an entity lies in several clusters.
    """
    if not is_nested(entity_codes, row_clusters):
        raise EstimationError(f"{label} splits entities: the resampling kernel needs entities nested in clusters")
    clusters = np.empty(int(entity_codes.max()) + 1, dtype=int)
    clusters[entity_codes] = row_clusters
    return clusters


def _random_lists(
    cohorts: Cohorts, groups: np.ndarray, scheme: Scheme, draws: int, rng: np.random.Generator
) -> list[np.ndarray]:
    """``draws`` (N,) lists of codes."""
    if scheme == "cities":
        return [rng.permutation(groups) for _ in range(draws)]
    observed = _observed_at(cohorts)
    return [_waves(groups, observed, cohorts.groups, rng) for _ in range(draws)]


def _observed_at(cohorts: Cohorts) -> np.ndarray:
    """(G, N) whether an entity is observed in the first treated period of a wave (all, if nobody is)."""
    observed = np.zeros((len(cohorts.groups), len(cohorts.entity_first)), dtype=bool)
    for wave, start in enumerate(cohorts.groups):
        observed[wave, cohorts.frame.entity_codes[cohorts.periods == start]] = True
    observed[~observed.any(axis=1)] = True
    return observed


def _waves(groups: np.ndarray, observed: np.ndarray, starts: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One list drawn wave by wave among the entities at risk."""
    drawn = np.full(len(groups), len(starts))
    for wave, start in enumerate(starts):
        size = int((groups == wave).sum())
        at_risk = np.flatnonzero(observed[wave] & (drawn == len(starts)))
        if len(at_risk) < size:
            raise EstimationError(f"wave {start:g} has {size} entities, but only {len(at_risk)} are left to draw from")
        drawn[rng.choice(at_risk, size=size, replace=False)] = wave
    return drawn
