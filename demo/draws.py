"""Random numbers that depend on the seed, a name and the unit only, not on what else is drawn or on how many units there are."""

from __future__ import annotations

from collections.abc import Sequence
from zlib import crc32

import numpy as np

FURTHEST = 2.6  # standard deviations: no city is larger or richer than any real one
WAVES, WAVE_LENGTH_KM, KM_PER_DEGREE = 24, (500.0, 2200.0), 111.2


class Draws:
    """Named random numbers of units.

    Every (name, unit) has its own stream: adding an indicator, a year or a city leaves all other draws as they are.
    """

    def __init__(self, seed: int, codes: Sequence[str]) -> None:
        self.seed = seed
        self.codes = [int(code) for code in codes]

    def normal(self, name: str, width: int = 1) -> np.ndarray:
        """Standard normal up to `FURTHEST` on either side, shape (units, width)."""
        drawn = np.stack([self.stream(name, code).standard_normal(width) for code in self.codes])
        return np.clip(drawn, -FURTHEST, FURTHEST)

    def uniform(self, name: str, width: int = 1) -> np.ndarray:
        """Uniform on [0, 1), shape (units, width)."""
        return np.stack([self.stream(name, code).random(width) for code in self.codes])

    def path(self, name: str, years: int, rho: float = 0.7) -> np.ndarray:
        """Stationary first-order autoregression with unit variance, shape (units, years)."""
        shocks = self.normal(name, years)
        out = shocks.copy()
        for year in range(1, years):
            out[:, year] = rho * out[:, year - 1] + np.sqrt(1 - rho**2) * shocks[:, year]
        return out

    def field(self, name: str, lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
        """Smooth field over the map with about unit variance, shape (units, 1): neighbours have similar values."""
        rng = self.stream(name)
        angle, phase = rng.uniform(0, 2 * np.pi, WAVES), rng.uniform(0, 2 * np.pi, WAVES)
        length = rng.uniform(*WAVE_LENGTH_KM, WAVES)
        east, north = lon * KM_PER_DEGREE * np.cos(np.radians(33.0)), lat * KM_PER_DEGREE
        way = np.cos(angle) * east[:, None] + np.sin(angle) * north[:, None]
        return np.asarray(np.sqrt(2 / WAVES) * np.cos(2 * np.pi * way / length + phase).sum(axis=1, keepdims=True))

    def stream(self, name: str, code: int = 0) -> np.random.Generator:
        """The generator of a name and unit."""
        return np.random.default_rng([self.seed, crc32(name.encode()), code])
