"""Spatial weights: power and reach of distance, economic distance, cities without a neighbour."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from tests.models.recomputed.expectation import Expectation, Read, distances, sample
from tests.models.recomputed.markets import neighbours

KEYS = ("study", "matrix", "city_code_i", "city_code_j")
Build = Callable[[Read, pd.Series], np.ndarray]


def matrix(name: str, studies: tuple[str, ...], build: Build) -> Expectation:
    """One matrix of some studies: as built, over its row's sum, over its largest absolute eigenvalue."""

    def compute(read: Read, value: str) -> pd.DataFrame:
        parts = []
        for study in studies:
            cities = sample(read, study)["city_code"].drop_duplicates().sort_values(ignore_index=True)
            W = build(read, cities)
            i, j = np.nonzero(W)
            sums, largest = W.sum(axis=1), np.abs(np.linalg.eigvalsh(W)).max()
            pairs = pd.DataFrame({"city_code_i": cities[i].to_numpy(), "city_code_j": cities[j].to_numpy()})
            pairs = pairs.assign(weight=W[i, j], weight_row=W[i, j] / sums[i], weight_spectral=W[i, j] / largest)
            parts.append(pairs.assign(study=study, matrix=name))
        return pd.concat(parts, ignore_index=True)

    return Expectation("indices.spatial_weights", compute, KEYS)


def inverse_distance(power: float = 1, cutoff_km: float = np.inf) -> Expectation:
    """d^-power up to the cutoff; a city beyond it of all others is linked with the nearest, at the largest weight there is."""

    def build(read: Read, cities: pd.Series) -> np.ndarray:
        D = distances(read, cities).to_numpy() + np.diag(np.full(len(cities), np.inf))
        W = np.where(cutoff_km >= D, D**-power, 0.0)
        for alone in np.flatnonzero(W.sum(axis=1) == 0):
            W[alone, D[alone].argmin()] = W[D[alone].argmin(), alone] = W.max()
        return W

    return matrix("inverse_distance", ("common_prosperity",), build)


def economic(read: Read, cities: pd.Series) -> np.ndarray:
    """1 / |difference of mean GDP per head| times 1 / d; a difference below one yuan counts as one."""
    income = sample(read, "common_prosperity").groupby("city_code")["gdp_pc_yuan"].mean()[cities].to_numpy()
    D = distances(read, cities).to_numpy() + np.diag(np.full(len(cities), np.inf))
    W = 1 / np.maximum(np.abs(income[:, None] - income[None, :]), 1) / D
    return W


def only_neighbours(read: Read, cities: pd.Series) -> np.ndarray:
    """Common borders; a city without any has no row."""
    W = neighbours(read, list(cities))
    return W


def near_neighbours(read: Read, cities: pd.Series) -> np.ndarray:
    """Common borders over distance in km; a city without any is linked with the nearest, at the largest weight there is."""
    D = distances(read, cities).to_numpy() + np.diag(np.full(len(cities), np.inf))
    W = neighbours(read, list(cities)) / D
    for alone in np.flatnonzero(W.sum(axis=1) == 0):
        W[alone, D[alone].argmin()] = W[D[alone].argmin(), alone] = W.max()
    return W


EXPECTED = {
    ("digital_weights", "contiguity_distance"): matrix("contiguity_distance", ("digital_industry",), near_neighbours),
    ("digital_weights", "both"): matrix("contiguity_distance", ("digital_industry",), near_neighbours),
    ("distance_weight_power", "2"): inverse_distance(power=2),
    ("distance_weight_cutoff_km", "500"): inverse_distance(cutoff_km=500),
    ("distance_weight_cutoff_km", "1000"): inverse_distance(cutoff_km=1000),
    ("economic_weight", "with_distance"): matrix("economic_distance", ("common_prosperity",), economic),
    ("island_rule", "zero"): matrix("contiguity", ("common_prosperity", "digital_industry"), only_neighbours),
}
