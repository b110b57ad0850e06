"""The arrays of one panel regression: outcome and regressors before and after the effects are removed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from estimation.core.covariance import AbsorbedEffects
from estimation.core.frame import EstimationError, PanelFrame
from estimation.core.least_squares import check_full_rank, dependent_columns, describe_dependence
from estimation.core.within import Effects, Within

CONSTANT = "const"


@dataclass(frozen=True)
class PanelDesign:
    """Arrays of one regression.

    Attributes:
        terms: names of the columns of ``X``; ends with ``const`` without effects.
        y, X: (n,), (n, k) as observed. y_within, X_within: the same with the effects removed.
        weights: (n,) positive, or None.
    """

    frame: PanelFrame
    dependent: str
    terms: tuple[str, ...]
    effects: Effects
    within: Within
    y: np.ndarray
    X: np.ndarray
    y_within: np.ndarray
    X_within: np.ndarray
    weights: np.ndarray | None

    @property
    def mass(self) -> np.ndarray:
        """(n,) observation weights, ones without weights."""
        return np.ones(len(self.y)) if self.weights is None else self.weights

    @property
    def absorbed(self) -> AbsorbedEffects:
        """The effects removed, for counting degrees of freedom."""
        return absorbed_effects(self.frame, self.within)

    @property
    def is_connected(self) -> bool:
        """Whether period effects can be compared across all entities (one connected component)."""
        return self.effects != "twoways" or (
            self.within.n_absorbed == len(self.frame.entities) + len(self.frame.times) - 1
        )


def absorbed_effects(frame: PanelFrame, within: Within) -> AbsorbedEffects:
    """The effects that ``within`` removes from the rows of ``frame``, for counting degrees of freedom."""
    codes = {"entity": frame.entity_codes, "time": frame.time_codes}
    names = {"none": (), "entity": ("entity",), "time": ("time",), "twoways": ("entity", "time")}[within.effects]
    return AbsorbedEffects({name: codes[name] for name in names}, within.n_absorbed if names else 0)


def regressors(x: str | Sequence[str] | None, y: str) -> list[str]:
    """Names of the regressors, checked to be distinct, not empty and without the dependent."""
    names = [] if x is None else [x] if isinstance(x, str) else list(x)
    if not names:
        raise EstimationError("no regressor: name at least one column in x")
    if len(set(names)) != len(names) or y in names or CONSTANT in names:
        raise EstimationError(
            f"x must name each column once, without the dependent {y!r} and {CONSTANT!r}; got {', '.join(names)}"
        )
    return names


def positive_weights(mass: np.ndarray, name: str) -> np.ndarray:
    """The weights, checked to be positive."""
    if (mass <= 0).any():
        raise EstimationError(f"weights column {name} must be positive; {int((mass <= 0).sum())} row(s) are not")
    return mass


def check_varies(name: str, outcome: np.ndarray, left: np.ndarray, effects: Effects = "twoways") -> None:
    """Raise an EstimationError if hardly any of (n,) ``outcome`` is ``left`` once the effects are removed."""
    if np.linalg.norm(left) <= 1e-12 * np.linalg.norm(outcome):
        removed = "constant is" if effects == "none" else f"{effects} effects are"
        raise EstimationError(f"{name} does not vary once the {removed} removed: nothing to explain")


def panel_design(
    frame: PanelFrame, y: str, x: Sequence[str], effects: Effects, weights: str | None = None
) -> PanelDesign:
    """Outcome and regressors with the effects removed; without effects the regressors end with a constant.

    Raises:
        EstimationError: a weight is not positive, or the outcome does not vary once the effects are removed.
    """
    mass = None
    if weights:
        mass = positive_weights(frame.array(weights), weights)
    within = Within(frame.entity_codes, frame.time_codes, effects, mass)
    outcome, X, terms = frame.array(y), frame.array(list(x)), list(x)
    if effects == "none":
        X, terms = np.column_stack([X, np.ones(len(X))]), [*terms, CONSTANT]
    y_within = within.transform(outcome)
    check_varies(y, outcome, y_within - np.average(y_within, weights=mass), effects)
    return PanelDesign(frame, y, tuple(terms), effects, within, outcome, X, y_within, within.transform(X), mass)


def identified(design: PanelDesign, collinear: str = "error") -> tuple[PanelDesign, dict[str, str]]:
    """The design with identified columns only, and what was left out with the reason.

    Args:
        collinear: ``error`` raises, naming the columns; ``drop`` leaves out the later of collinear columns.

    Raises:
        EstimationError: a column is not identified (``error``) or none is left (``drop``).
    """
    if collinear not in ("error", "drop"):
        raise EstimationError(f"collinear={collinear!r} is not one of error, drop")
    # The constant goes first, so that it is never the column that is blamed.
    order = sorted(range(len(design.terms)), key=lambda i: design.terms[i] != CONSTANT)
    names = [design.terms[i] for i in order]
    ordered = design.X_within[:, order], design.X[:, order]
    if collinear == "error":
        check_full_rank(*ordered, names, design.weights)
        return design, {}
    found = dependent_columns(*ordered, design.weights)
    dropped = {names[j]: describe_dependence({j: others}, names) for j, others in found.items()}
    kept = [i for i, name in enumerate(design.terms) if name not in dropped]
    if not [i for i in kept if design.terms[i] != CONSTANT]:
        raise EstimationError(f"not identified: {'; '.join(dropped.values())}; no column is left")
    terms = tuple(design.terms[i] for i in kept)
    return replace(design, terms=terms, X=design.X[:, kept], X_within=design.X_within[:, kept]), dropped
