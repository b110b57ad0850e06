"""Units with inputs, outputs and undesirable outputs for the tests of efficiency models."""

from __future__ import annotations

import numpy as np

TOLERANCE = 1e-8


def economy(n: int = 24, seed: int = 0, spread: float = 1.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Three inputs, two outputs, two undesirables of n units of very different size."""
    rng = np.random.default_rng(seed)
    size = rng.lognormal(0, spread, (n, 1))
    X = size * rng.lognormal(0, 0.5, (n, 3))
    Y = (X**0.33).prod(axis=1, keepdims=True) * rng.lognormal(0, 0.3, (n, 2))
    return X, Y, Y[:, :1] * rng.lognormal(0, 0.4, (n, 2))
