"""Regression coefficients as linear functions of the outcome, and the smallest move of the outcome that gives wanted ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

Effects = Literal["none", "entity", "twoways"]
TOLERANCE = 1e-11
REWEIGHTINGS, SLACK = 60, 0.02


@dataclass(frozen=True)
class Projection:
    """A regression whose coefficients are wanted.

    Attributes:
        table, column, dependent: where the paper prints it.
        x: regressors by term, arrays of shape (units, years).
        effects: intercept only, city effects, or city and year effects.
        targets: wanted coefficients of some of the terms.
        keep: (units, years) observations used; None for all.
        instruments: instruments by name (the exogenous regressors instrument themselves); None for least squares.
        digits: decimals printed, by term.
        implied: printed coefficients of terms that other targets decide; they are reported, not planted.
    """

    table: str
    column: str
    dependent: str
    x: Mapping[str, np.ndarray]
    effects: Effects
    targets: Mapping[str, float]
    keep: np.ndarray | None = None
    instruments: Mapping[str, np.ndarray] | None = None
    digits: Mapping[str, int] = field(default_factory=dict)
    implied: Mapping[str, float] = field(default_factory=dict)

    def operator(self, terms: Sequence[str] | None = None) -> np.ndarray:
        """(terms, units * years) rows L with coefficient = L y, y flattened city by city; by default of the targets.

        b = (Z'X)^-1 Z'y with X and Z free of the effects; without instruments Z = X.
        """
        shape = next(iter(self.x.values())).shape
        keep = np.ones(shape, dtype=bool) if self.keep is None else self.keep
        names = list(self.x)
        wanted = list(self.targets) if terms is None else list(terms)
        X = np.column_stack([_without(values, keep, self.effects) for values in self.x.values()])
        Z = X
        if self.instruments is not None:
            exogenous = [
                values for term, values in self.x.items() if term not in self.targets
            ]  # the endogenous are planted
            given = [*self.instruments.values(), *exogenous]
            Z = np.column_stack([_without(values, keep, self.effects) for values in given])
        scale = np.sqrt((X**2).sum(axis=0))
        solved = np.linalg.solve(Z.T @ (X / scale), Z.T) / scale[:, None]
        out = np.zeros((len(wanted), keep.size))
        out[:, keep.ravel()] = solved[[names.index(term) for term in wanted]]
        return out

    def where_known(self, y: np.ndarray) -> Projection:
        """The same regression without the rows whose outcome (n,) is missing, as an estimator drops them."""
        shape = next(iter(self.x.values())).shape
        known = ~np.isnan(y.reshape(shape))
        return self if known.all() else replace(self, keep=known if self.keep is None else known & self.keep)

    def estimates(self, y: np.ndarray) -> dict[str, float]:
        """Coefficients of the targets and of the implied terms; rows with a missing outcome take no part."""
        terms = [*self.targets, *self.implied]
        values = self.where_known(y).operator(terms) @ np.nan_to_num(y)
        return dict(zip(terms, values.tolist(), strict=True))

    @property
    def wanted(self) -> np.ndarray:
        """(targets,) wanted coefficients."""
        return np.array(list(self.targets.values()))

    @property
    def precision(self) -> np.ndarray:
        """(targets,) half a unit of the last digit printed."""
        return np.array([0.5 * 10.0 ** -self.digits[term] for term in self.targets])


def _without(values: np.ndarray, keep: np.ndarray, effects: Effects) -> np.ndarray:
    """Kept values as one column, without their means by city and year (exact: alternating until nothing moves)."""
    if effects == "none":
        column = values[keep]
        return np.asarray(column - column.mean())
    left = np.where(keep, values, 0.0)
    cities, years = keep.sum(axis=1, keepdims=True), keep.sum(axis=0, keepdims=True)
    for _ in range(1000):
        before = left
        left = np.where(keep, left - left.sum(axis=1, keepdims=True) / np.maximum(cities, 1), 0.0)
        if effects == "twoways":
            left = np.where(keep, left - left.sum(axis=0, keepdims=True) / np.maximum(years, 1), 0.0)
        if np.abs(left - before).max() <= TOLERANCE * max(np.abs(left).max(), 1e-300):
            break
    return np.asarray(left[keep])


@dataclass(frozen=True)
class Wanted:
    """Several regressions of one outcome: stacked operator, targets and printed precision."""

    operator: np.ndarray
    targets: np.ndarray
    precision: np.ndarray
    labels: list[tuple[str, str, str]]

    def gap(self, y: np.ndarray) -> np.ndarray:
        """Wanted less present coefficients, in halves of the last printed digit; missing outcomes have no weight."""
        return np.asarray((self.targets - self.operator @ np.nan_to_num(y)) / self.precision)

    def worst(self, y: np.ndarray) -> float:
        """Largest gap, in halves of the last printed digit."""
        return float(np.max(np.abs(self.gap(y))))


def smallest_move(
    operator: np.ndarray,
    gap: np.ndarray,
    freedom: np.ndarray,
    lowest: np.ndarray,
    highest: np.ndarray,
    spread: np.ndarray | None = None,
) -> np.ndarray:
    """The d with operator d = gap that is small in sum d^2 / freedom (+ d' spread d); zero where freedom is zero.

    Moves beyond `lowest` and `highest` lose freedom until they fit (iterated reweighting), and are cut off in the end.
    Rows that contradict each other are met in the least-squares sense. `spread` (units, years, years) is what the moves of a
    unit's years cost together.
    """
    step = np.zeros(len(freedom))
    for _ in range(REWEIGHTINGS):
        weighted = operator * freedom if spread is None else _weighted(operator, freedom, spread)
        step = weighted.T @ np.linalg.lstsq(weighted @ operator.T, gap, rcond=1e-10)[0]
        bound = np.where(step > 0, highest, -lowest)
        excess = np.abs(step) > bound * (1 + SLACK)
        if not excess.any():
            break
        freedom = freedom * np.where(excess, bound / np.where(excess, np.abs(step), 1.0), 1.0)
    return np.clip(step, lowest, highest)


def _weighted(operator: np.ndarray, freedom: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """operator (1 / freedom + spread)^-1, unit by unit; zero where freedom is zero."""
    root = np.sqrt(freedom).reshape(spread.shape[:2])
    cost = np.eye(spread.shape[1]) + root[:, :, None] * spread * root[:, None, :]
    own = operator.reshape(len(operator), *root.shape) * root
    return np.asarray(
        (np.linalg.solve(cost, own.transpose(1, 2, 0)) * root[:, :, None]).transpose(2, 0, 1).reshape(operator.shape)
    )


def stack(projections: Sequence[Projection]) -> Wanted:
    """The planted terms of the regressions of one outcome together."""
    projections = [item for item in projections if item.targets]
    return Wanted(
        np.vstack([item.operator() for item in projections]),
        np.concatenate([item.wanted for item in projections]),
        np.concatenate([item.precision for item in projections]),
        [(item.table, item.column, term) for item in projections for term in item.targets],
    )
