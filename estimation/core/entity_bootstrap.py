"""Bootstrap samples of entities for coefficients that are functions of moments."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from estimation.core.entity_moments import bootstrap_multiplicities, entity_moments
from estimation.core.frame import EstimationError
from estimation.core.options import PanelOptions
from estimation.core.terms import Sample


def bootstrap_moments(
    sample: Sample,
    core: Sequence[str],
    controls: Sequence[str],
    draws: int,
    rng: np.random.Generator | None,
    options: PanelOptions,
) -> np.ndarray:
    """(draws, c, c) moments of the core columns on bootstrap samples of entities, controls and effects partialled
    out.
    """
    if rng is None:
        raise EstimationError("draws need rng, a numpy Generator, e.g. numpy.random.default_rng(1)")
    columns, weights = [*core, *controls], options.get("weights")
    mass = sample.data[weights].to_numpy(float) if weights else None
    values = sample.data[columns].to_numpy(float)
    moments = entity_moments(sample.frame, columns, options.get("effects", "twoways"), values, mass)
    return moments.partial(bootstrap_multiplicities(rng, len(sample.frame.entities), draws), core)


def percentile_interval(drawn: np.ndarray, level: float) -> tuple[float, float]:
    """Percentile interval of the identified draws, NaN without draws.

    Raises:
        EstimationError: fewer than 90 % of the draws are identified.
    """
    if len(drawn) == 0:
        return (np.nan, np.nan)
    usable = drawn[~np.isnan(drawn)]
    if len(usable) < 0.9 * len(drawn):
        raise EstimationError(
            f"only {len(usable)} of {len(drawn)} bootstrap samples identify the effect: too few entities vary in treatment"
        )
    low, high = np.quantile(usable, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
