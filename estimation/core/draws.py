"""The random generator of estimators that draw."""

from __future__ import annotations

import numpy as np

from estimation.core.frame import EstimationError


def generator_of(rng: np.random.Generator | int | None) -> np.random.Generator:
    """The generator itself, one seeded with a whole number, or ``default_rng(0)`` for None: never an unseeded one.

    Raises:
        EstimationError: anything else.
    """
    try:
        return np.random.default_rng(0 if rng is None else rng)
    except (TypeError, ValueError) as error:
        raise EstimationError(f"rng={rng!r} is not a numpy Generator, a seed or None") from error
