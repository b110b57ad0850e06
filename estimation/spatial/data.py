"""The arrays of a spatial panel model under the three conventions for effects and spatial lags.

A  lag the raw y and X, then remove the effects from everything: equal to dummy variables, hence exact.
B  remove the effects from y and lag it without re-centring; X is lagged raw, then demeaned (R's splm). What the error
   filter of a SEM, SDEM or SAC lags is demeaned and not re-centred, as splm does.
C  remove the effects, then lag (Elhorst's and SDPDmod's way).
The three differ with time effects only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from estimation.core.design import CONSTANT, regressors
from estimation.core.frame import EstimationError, PanelFrame, panel_frame
from estimation.core.least_squares import check_full_rank
from estimation.core.within import Effects
from estimation.spatial.weights import Islands, SpatialWeights, spatial_weights

TimeConvention = Literal["A", "B", "C"]
LAG_PREFIX = "W#"


@dataclass(frozen=True)
class SpatialPanel:
    """A balanced panel with its weights, as observed.

    Attributes:
        y: (N, T). X: (N, T, k) columns ``names``. frame: the checked long frame, sorted by (entity, time).
    """

    frame: PanelFrame
    weights: SpatialWeights
    dependent: str
    names: tuple[str, ...]
    y: np.ndarray
    X: np.ndarray


@dataclass(frozen=True)
class SpatialDesign:
    """Outcome, regressors and their spatial lags with the effects removed.

    Attributes:
        terms: (k,) names of the regressors: x, ``W#x``, and ``const`` without effects.
        y0, y1, y2: (N, T) outcome, its first and its second spatial lag.
        X0: (N, T, k) regressors. X1: (N, T, k) their spatial lags, only for models with a spatial error.
        raw: (N, T, 1 + k) y and the regressors before the effects were removed.
    """

    panel: SpatialPanel
    effects: Effects
    time_convention: TimeConvention
    terms: tuple[str, ...]
    y0: np.ndarray
    y1: np.ndarray
    y2: np.ndarray
    X0: np.ndarray
    X1: np.ndarray | None
    raw: np.ndarray

    @property
    def shape(self) -> tuple[int, int]:
        """(N, T)."""
        return self.y0.shape

    def without_effects(self, values: np.ndarray) -> np.ndarray:
        """(N, T, ...) values with this design's effects removed."""
        return remove_effects(values, self.effects)


def remove_effects(values: np.ndarray, effects: Effects) -> np.ndarray:
    """(N, T, ...) balanced values minus entity means, time means, or both; a new array."""
    if effects in ("entity", "twoways"):
        values = values - values.mean(axis=1, keepdims=True)
    if effects in ("time", "twoways"):
        values = values - values.mean(axis=0, keepdims=True)
    return np.array(values)


def spatial_panel(
    df: pd.DataFrame,
    y: str,
    x: str | Sequence[str],
    W: object,
    *,
    lag_x: Sequence[str] = (),
    entity: str = "city_code",
    time: str = "year",
    islands: Islands = "error",
) -> SpatialPanel:
    """Check a long frame and its weights; the columns of ``lag_x`` that are not in ``x`` come last.

    Raises:
        EstimationError: unusable columns, a panel that is not balanced (the missing cells are named), or unusable W.
    """
    names = regressors(x, y)
    names += [name for name in lag_x if name not in names]
    if y in names:
        raise EstimationError(f"lag_x names the dependent {y}")
    frame = panel_frame(df, [y, *names], entity=entity, time=time)
    check_balanced(frame, entity, time)
    weights = spatial_weights(W, frame.entities, islands=islands)
    shape = (len(frame.entities), len(frame.times))
    return SpatialPanel(
        frame, weights, y, tuple(names), frame.array(y).reshape(shape), frame.array(names).reshape(*shape, len(names))
    )


def check_balanced(frame: PanelFrame, entity: str, time: str) -> None:
    """Raise an error that names the first missing cells of an unbalanced panel."""
    if frame.is_balanced:
        return
    seen = np.zeros((len(frame.entities), len(frame.times)), dtype=bool)
    seen[frame.entity_codes, frame.time_codes] = True
    holes = np.argwhere(~seen)
    some = ", ".join(f"({frame.entities[i]}, {frame.times[t]})" for i, t in holes[:5])
    dropped = f" ({frame.n_dropped} row(s) were dropped for missing values)" if frame.n_dropped else ""
    raise EstimationError(
        f"a spatial panel must be balanced: {len(holes)} of {seen.size} ({entity}, {time}) cells are missing{dropped}, "
        f"e.g. {some}; fill them or drop these entities from the data and from W"
    )


def spatial_design(
    panel: SpatialPanel,
    own: Sequence[str],
    lagged: Sequence[str],
    *,
    effects: Effects,
    time_convention: TimeConvention,
    lag_regressors: bool,
) -> SpatialDesign:
    """Arrays for y on ``own``, the spatial lags of ``lagged`` and the effects.

    Args:
        lag_regressors: also lag the regressors once more, for the filter of a spatial error.

    Raises:
        EstimationError: the outcome does not vary or a regressor is not identified once the effects are removed.
    """
    weights, exact = panel.weights, time_convention == "A"

    def clean(values: np.ndarray) -> np.ndarray:
        return remove_effects(values, effects)

    x = panel.X[:, :, [panel.names.index(name) for name in own]]
    z = panel.X[:, :, [panel.names.index(name) for name in lagged]]
    wz = weights.lag(z)
    parts, raw_parts, terms = [clean(x)], [x], list(own)
    if lagged:
        parts.append(weights.lag(clean(z)) if time_convention == "C" else clean(wz))
        raw_parts.append(wz)
        terms += [LAG_PREFIX + name for name in lagged]
    if effects == "none":
        ones = np.ones((*panel.y.shape, 1))
        parts, raw_parts, terms = [*parts, ones], [*raw_parts, ones], [*terms, CONSTANT]
    X0, raw_X = np.concatenate(parts, axis=2), np.concatenate(raw_parts, axis=2)
    y0 = clean(panel.y)
    _check_identified(panel, y0, X0, raw_X, terms, effects)
    wy = weights.lag(panel.y)
    y1 = clean(wy) if exact else weights.lag(y0)
    y2 = clean(weights.lag(wy)) if exact else weights.lag(y1)
    X1 = None
    if lag_regressors:
        X1 = clean(weights.lag(raw_X)) if exact else weights.lag(X0)
    raw = np.concatenate([panel.y[:, :, None], raw_X], axis=2)
    return SpatialDesign(panel, effects, time_convention, tuple(terms), y0, y1, y2, X0, X1, raw)


def _check_identified(
    panel: SpatialPanel, y0: np.ndarray, X0: np.ndarray, raw_X: np.ndarray, terms: list[str], effects: Effects
) -> None:
    spread = y0 - y0.mean()
    if np.linalg.norm(spread) <= 1e-12 * np.linalg.norm(panel.y):
        removed = "constant is" if effects == "none" else f"{effects} effects are"
        raise EstimationError(f"{panel.dependent} does not vary once the {removed} removed: nothing to explain")
    # The constant goes first, so that it is never the column that is blamed.
    order = sorted(range(len(terms)), key=lambda i: terms[i] != CONSTANT)
    k = len(terms)
    check_full_rank(
        X0.reshape(-1, k)[:, order], raw_X.reshape(-1, k)[:, order], [terms[i] for i in order]
    )  # fmt: skip
    if X0[..., 0].size <= k:
        raise EstimationError(f"{X0[..., 0].size} observations are too few for {k} regressors")
