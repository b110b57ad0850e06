"""The model of untreated outcomes: entity and time effects and controls fitted where nobody is treated.

Imputation and two-stage estimators share it. The normal equations of the dummies and controls are solved by concentrating the
entity effects out, so that panels with many entities stay small.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from estimation.core.frame import EstimationError
from estimation.core.least_squares import check_full_rank
from estimation.core.within import Within
from estimation.did.cohorts import Cohorts


@dataclass(frozen=True)
class UntreatedModel:
    """Least squares of y = alpha_i + gamma_t + x b on untreated rows.

    Attributes:
        entity_codes, time_codes: (n,) codes of all rows. X: (n, k) controls, standardised (the effects absorb the shift).
        mass: (n,) weights of all rows, zero on treated rows.
        imputable: (n,) whether the untreated rows identify alpha_i + gamma_t.
        entity_mass: (N,) untreated weight by entity.
        cross: (T + k, N) coupling of the entity effects with the other parameters. inverse: (T + k, T + k).
    """

    entity_codes: np.ndarray
    time_codes: np.ndarray
    X: np.ndarray
    mass: np.ndarray
    imputable: np.ndarray
    entity_mass: np.ndarray
    cross: np.ndarray
    inverse: np.ndarray

    def gradient(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Z'v for (n, m) values: the entity part (N, m) and the rest (T + k, m)."""
        by_entity = _sums(values, self.entity_codes, len(self.entity_mass))
        by_time = _sums(values, self.time_codes, len(self.inverse) - self.X.shape[1])
        return by_entity, np.vstack([by_time, self.X.T @ values])

    def solve(self, by_entity: np.ndarray, rest: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(Z'WZ)^-1 of a gradient, split in the same way."""
        scaled = by_entity * _reciprocal(self.entity_mass)[:, None]
        other = self.inverse @ (rest - self.cross @ scaled)
        return scaled - _reciprocal(self.entity_mass)[:, None] * (self.cross.T @ other), other

    def evaluate(self, entity_part: np.ndarray, rest: np.ndarray) -> np.ndarray:
        """Z times parameters: (n, m)."""
        n_times = len(self.inverse) - self.X.shape[1]
        return entity_part[self.entity_codes] + rest[:n_times][self.time_codes] + self.X @ rest[n_times:]

    def fitted(self, y: np.ndarray) -> np.ndarray:
        """(n,) untreated outcome predicted for every row; NaN where it is not identified."""
        values = (self.mass * y)[:, None]
        fitted = self.evaluate(*self.solve(*self.gradient(values)))[:, 0]
        return np.where(self.imputable, fitted, np.nan)

    def pull_back(self, weights: np.ndarray) -> np.ndarray:
        """(n, m) weights on untreated rows that reproduce Z'w of (n, m) weights: W Z (Z'WZ)^-1 Z'w."""
        return self.mass[:, None] * self.evaluate(*self.solve(*self.gradient(weights)))


def untreated_model(cohorts: Cohorts, X: np.ndarray, names: list[str], weights: np.ndarray | None) -> UntreatedModel:
    """Prepare the model for the untreated rows of a panel.

    Args:
        X: (n, k) controls, ``names`` their names. weights: (n,) or None.

    Raises:
        EstimationError: no row is untreated, or a control is not identified on untreated rows.
    """
    untreated = ~cohorts.treated
    if not untreated.any():
        raise EstimationError("no untreated observation: the untreated outcome cannot be modelled")
    mass = np.where(untreated, 1.0 if weights is None else weights, 0.0)
    entity_codes, time_codes = cohorts.frame.entity_codes, cohorts.frame.time_codes
    n_entities, n_times = len(cohorts.frame.entities), len(cohorts.frame.times)
    if names:
        _check_controls(cohorts, X, names, untreated, weights)
        X = (X - X[untreated].mean(axis=0)) / X[untreated].std(axis=0)
    part_entity, part_time = _parts(entity_codes[untreated], time_codes[untreated], n_entities, n_times)
    entity_mass = np.bincount(entity_codes, mass, minlength=n_entities)
    dummies = csr_array((mass, (time_codes, entity_codes)), shape=(n_times, n_entities)).toarray()
    cross = np.vstack([dummies, _sums(mass[:, None] * X, entity_codes, n_entities).T])
    gram = _gram(time_codes, X, mass, n_times) - (cross * _reciprocal(entity_mass)) @ cross.T
    # One period a connected part is the reference; periods without untreated rows have no effect.
    references = np.unique(part_time, return_index=True)[1]
    free = np.setdiff1d(np.arange(len(gram)), references)
    free = free[(free >= n_times) | (part_time[np.minimum(free, n_times - 1)] >= 0)]
    inverse = np.zeros_like(gram)
    inverse[np.ix_(free, free)] = np.linalg.inv(gram[np.ix_(free, free)])
    same_part = part_entity[entity_codes] == part_time[time_codes]
    imputable = same_part & (part_entity[entity_codes] >= 0)
    return UntreatedModel(entity_codes, time_codes, X, mass, imputable, entity_mass, cross, inverse)


def why_not_imputable(model: UntreatedModel, cohorts: Cohorts) -> dict[str, str]:
    """Reasons why treated rows have no untreated outcome, with counts and examples."""
    missing = cohorts.treated & ~model.imputable
    reasons = {}
    alone = missing & (model.entity_mass[model.entity_codes] == 0)
    if alone.any():
        names = cohorts.frame.entities[np.unique(model.entity_codes[alone])]
        reasons["no untreated period"] = f"{len(names)} entities, e.g. {', '.join(map(str, names[:5]))}"
    time_mass = np.bincount(model.time_codes, model.mass, minlength=len(cohorts.frame.times))
    late = missing & ~alone & (time_mass[model.time_codes] == 0)
    if late.any():
        times = cohorts.frame.times[np.unique(model.time_codes[late])]
        reasons["no untreated entity"] = f"periods {', '.join(map(str, times))}"
    rest = missing & ~alone & ~late
    if rest.any():
        reasons["not connected"] = f"{int(rest.sum())} rows whose entity and period share no chain of untreated rows"
    return reasons


def _check_controls(
    cohorts: Cohorts, X: np.ndarray, names: list[str], untreated: np.ndarray, weights: np.ndarray | None
) -> None:
    entity_codes = np.unique(cohorts.frame.entity_codes[untreated], return_inverse=True)[1].ravel()
    time_codes = np.unique(cohorts.frame.time_codes[untreated], return_inverse=True)[1].ravel()
    mass = None if weights is None else weights[untreated]
    within = Within(entity_codes, time_codes, "twoways", mass)
    check_full_rank(within.transform(X[untreated]), X[untreated], names, mass)


def _parts(
    entity_codes: np.ndarray, time_codes: np.ndarray, n_entities: int, n_times: int
) -> tuple[np.ndarray, np.ndarray]:
    """Connected part of every entity and period on untreated rows; -1 (entity) or -2 (period) without any."""
    size = n_entities + n_times
    edges = csr_array((np.ones(len(entity_codes)), (entity_codes, time_codes + n_entities)), shape=(size, size))
    part = connected_components(edges, directed=False)[1]
    seen_entity = np.bincount(entity_codes, minlength=n_entities) > 0
    seen_time = np.bincount(time_codes, minlength=n_times) > 0
    return np.where(seen_entity, part[:n_entities], -1), np.where(seen_time, part[n_entities:], -2)


def _gram(time_codes: np.ndarray, X: np.ndarray, mass: np.ndarray, n_times: int) -> np.ndarray:
    """(T + k, T + k) weighted cross products of time dummies and controls."""
    weighted = mass[:, None] * X
    by_time = _sums(weighted, time_codes, n_times)
    return np.block([[np.diag(np.bincount(time_codes, mass, minlength=n_times)), by_time], [by_time.T, X.T @ weighted]])


def _sums(values: np.ndarray, codes: np.ndarray, size: int) -> np.ndarray:
    """(size, m) sums of (n, m) values over codes."""
    columns = [np.bincount(codes, column, minlength=size) for column in values.T]
    return np.column_stack(columns) if columns else np.empty((size, 0))


def _reciprocal(values: np.ndarray) -> np.ndarray:
    return np.divide(1.0, values, out=np.zeros_like(values), where=values > 0)
