"""From a checked spatial panel and a specification to the maximum of its likelihood."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import get_args

import numpy as np

from estimation.core.frame import EstimationError
from estimation.core.within import Effects
from estimation.spatial.data import LAG_PREFIX, SpatialDesign, SpatialPanel, TimeConvention, spatial_design
from estimation.spatial.information import Parameters
from estimation.spatial.likelihood import Degrees, Maximum, maximise, profile
from estimation.spatial.logdet import LogDeterminant
from estimation.spatial.result import MODELS, LeeYu, Model


@dataclass(frozen=True)
class Specification:
    """The options of one spatial model, checked against each other.

    Attributes:
        own: regressors that enter themselves. lagged: regressors that enter spatially lagged.
    """

    model: Model
    effects: Effects
    time_convention: TimeConvention
    lee_yu: LeeYu
    own: tuple[str, ...]
    lagged: tuple[str, ...]

    def restricted(self, model: Model) -> Specification:
        """The nested model without spatially lagged regressors."""
        return replace(self, model=model, lagged=())


@dataclass(frozen=True)
class Fitted:
    """The maximum of one model's likelihood with the arrays it came from."""

    specification: Specification
    design: SpatialDesign
    degrees: Degrees
    logdet: LogDeterminant
    maximum: Maximum

    @property
    def parameters(self) -> Parameters:
        """The parameters at the maximum."""
        m, parts = self.maximum, MODELS[self.specification.model]
        return Parameters(m.beta, m.rho, m.lambda_, m.sigma2, parts.rho, parts.lambda_)


def specification(
    model: str,
    effects: str,
    time_convention: str,
    lee_yu: str,
    own: Sequence[str],
    lag_x: str | Sequence[str] | None,
) -> Specification:
    """Check the options; ``lag_x=None`` lags every regressor in the models that lag any.

    Raises:
        EstimationError: an unknown value (the allowed ones are listed) or a combination without meaning.
    """
    for name, value, allowed in (
        ("model", model, tuple(MODELS)),
        ("effects", effects, get_args(Effects)),
        ("time_convention", time_convention, get_args(TimeConvention)),
        ("lee_yu", lee_yu, get_args(LeeYu)),
    ):
        if value not in allowed:
            raise EstimationError(f"{name}={value!r} is not one of {', '.join(allowed)}{_hint(value)}")
    if lee_yu != "none" and effects == "none":
        raise EstimationError(f"lee_yu={lee_yu!r} corrects for effects; with effects='none' only 'none' is allowed")
    if lee_yu == "transform" and time_convention != "A" and effects in ("time", "twoways"):
        raise EstimationError("lee_yu='transform' is defined for time_convention='A' only; use 'bias' with B and C")
    lagged = _lagged(model, own, lag_x)
    _check_names(model, own, lagged)
    return Specification(model, effects, time_convention, lee_yu, tuple(own), lagged)  # type: ignore[arg-type]


def _hint(value: str) -> str:
    return "; random effects: estimation.spatial.spatial_hausman (sar, sdm)" if value == "random" else ""


def _check_names(model: str, own: Sequence[str], lagged: Sequence[str]) -> None:
    """Raise an error if a regressor bears the name of another term of the model."""
    parts = MODELS[model]
    terms = [name for name, has in (("rho", parts.rho), ("lambda", parts.lambda_)) if has]
    terms += [LAG_PREFIX + name for name in lagged]
    taken = [name for name in own if name in terms]
    if taken:
        raise EstimationError(f"x names {', '.join(taken)}, also a term of the model {model}; rename the column(s)")


def _lagged(model: str, own: Sequence[str], lag_x: str | Sequence[str] | None) -> tuple[str, ...]:
    if not MODELS[model].wx:
        if lag_x is not None:
            with_wx = ", ".join(name for name, parts in MODELS.items() if parts.wx)
            raise EstimationError(f"lag_x is used by the models {with_wx} only, not {model}")
        return ()
    names = tuple(own) if lag_x is None else (lag_x,) if isinstance(lag_x, str) else tuple(lag_x)
    if not names or len(set(names)) != len(names):
        raise EstimationError(f"lag_x must name at least one column, each once; got {list(names)}")
    return names


def fit_specification(panel: SpatialPanel, spec: Specification, logdet: LogDeterminant) -> Fitted:
    """Maximise the likelihood of one specification."""
    parts = MODELS[spec.model]
    degrees = degrees_of(panel, spec)
    design = spatial_design(
        panel, spec.own, spec.lagged,
        effects=spec.effects, time_convention=spec.time_convention, lag_regressors=parts.lambda_,
    )  # fmt: skip
    likelihood = profile(design, degrees, logdet, has_rho=parts.rho, has_lambda=parts.lambda_)
    return Fitted(spec, design, degrees, logdet, maximise(likelihood))


def degrees_of(panel: SpatialPanel, spec: Specification) -> Degrees:
    """Effective periods and observations of the likelihood.

    Raises:
        EstimationError: too few periods or units for the effects, or a transformation that W does not allow.
    """
    n, periods = panel.y.shape
    entity, time = spec.effects in ("entity", "twoways"), spec.effects in ("time", "twoways")
    if entity and periods < 2:
        raise EstimationError(f"{spec.effects} effects need at least 2 periods; the panel has {periods}")
    if spec.lee_yu != "transform":
        return Degrees(periods, n * periods, None)
    if time and panel.weights.row_sum is None:
        sums = np.asarray(panel.weights.matrix.sum(axis=1)).ravel()
        raise EstimationError(
            "lee_yu='transform' with time effects needs a W whose rows all have the same sum (row-standardised); these "
            f"sums run from {sums.min():.10g} to {sums.max():.10g}; row-standardise W or use lee_yu='bias'"
        )
    kept = periods - 1 if entity else periods
    return Degrees(kept, kept * (n - 1 if time else n), panel.weights.row_sum if time else None)
