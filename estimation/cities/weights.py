"""Spatial weights among the cities of each study: contiguity, inverse distance, economic distance, as long tables."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from estimation.cities.weight_matrices import contiguity, economic_distance, inverse_distance, weight_matrix
from estimation.core.frame import EstimationError
from estimation.indices.systems import base_mask

MATRICES = {
    "common_prosperity": ("contiguity", "inverse_distance", "economic_distance"),
    "digital_industry": ("contiguity",),
}
DIGITAL = {
    "contiguity": ("contiguity",),
    "contiguity_distance": ("contiguity_distance",),
    "both": ("contiguity", "contiguity_distance"),
}
NORMALISATIONS = ("none", "row", "spectral")
WEIGHTS = ["study", "matrix", "city_code_i", "city_code_j", "weight", "weight_row", "weight_spectral", "by_island_rule"]
SMALLEST_GAP_YUAN = 1.0
EIGENVALUES = ["study", "matrix", "normalisation", "position", "eigenvalue"]


def city_weights(
    samples: pd.DataFrame,
    distances: pd.DataFrame,
    adjacency: pd.DataFrame,
    incomes: pd.DataFrame,
    switches: Mapping[str, str],
    frozen: Mapping[str, tuple[int, int]] | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Weights and their eigenvalues for every study that has a spatial model and a sample.

    Args:
        samples: study, city_code, year. distances: city_code_i, city_code_j, distance_km, all ordered pairs.
        adjacency: city_code_i, city_code_j of neighbours. incomes: city_code, year, gdp_pc_yuan.
        switches: island_rule, distance_weight_power, distance_weight_cutoff_km, economic_weight, digital_weights, index_base_years (years of mean GDP per
            head). frozen: base years by study.

    Gaps of mean GDP per head below one yuan count as one yuan (two cities may have the same mean).

    Returns:
        One row a pair with a weight (``weight`` as built, ``weight_row`` divided by the row's sum, ``weight_spectral`` by the largest
        absolute eigenvalue; ``by_island_rule``: whether the pair was added because a city has no neighbour), and one row an
        eigenvalue, rising (``position`` from 1): the spatial parameter lies between the reciprocals of the first and the last.

    Raises:
        EstimationError: islands under ``error``, an unknown choice, or incomes missing for a city of a sample.
    """
    weights, eigenvalues = [], []
    for study in MATRICES:
        cities = np.array(sorted(samples.loc[samples["study"] == study, "city_code"].unique()))
        if len(cities) < 2:
            continue
        wide = distances.pivot(index="city_code_i", columns="city_code_j", values="distance_km")
        D = wide.reindex(index=cities, columns=cities).to_numpy()
        for name in _matrices(study, switches["digital_weights"]):
            if name in ("contiguity", "contiguity_distance"):
                raw = contiguity(adjacency[["city_code_i", "city_code_j"]].itertuples(index=False, name=None), cities)
                raw = raw * _inverse_distance(D, switches) if name == "contiguity_distance" else raw
            elif name == "inverse_distance":
                raw = _inverse_distance(D, switches)
            else:
                years = samples.loc[samples["study"] == study]
                years = years[base_mask(years["year"], switches["index_base_years"], (frozen or {}).get(study))]
                raw = _economic_distance(study, cities, years, incomes, D, switches["economic_weight"])
            table, roots = _tables(raw, cities, D, switches["island_rule"])
            weights.append(table.assign(study=study, matrix=name))
            eigenvalues.append(roots.assign(study=study, matrix=name))
    return _joined(weights, WEIGHTS), _joined(eigenvalues, EIGENVALUES)


def _matrices(study: str, digital: str) -> tuple[str, ...]:
    """Matrices of a study; those of the digital industry by the switch ``digital_weights``."""
    if digital not in DIGITAL:
        raise EstimationError(f"digital_weights={digital!r} is not one of {', '.join(DIGITAL)}")
    return DIGITAL[digital] if study == "digital_industry" else MATRICES[study]


def _inverse_distance(D: np.ndarray, switches: Mapping[str, str]) -> np.ndarray:
    limit = switches["distance_weight_cutoff_km"]
    cutoff = None if limit == "none" else float(limit)
    return inverse_distance(D, power=float(switches["distance_weight_power"]), cutoff=cutoff)


def _economic_distance(
    study: str, cities: np.ndarray, years: pd.DataFrame, incomes: pd.DataFrame, D: np.ndarray, form: str
) -> np.ndarray:
    """Weights from the mean GDP per head over the base years of the study."""
    if form not in ("plain", "with_distance"):
        raise EstimationError(f"economic_weight={form!r} is not one of plain, with_distance")
    mean = (
        years[["city_code", "year"]].merge(incomes, on=["city_code", "year"]).groupby("city_code")["gdp_pc_yuan"].mean()
    )
    values = mean.reindex(cities)
    if values.isna().any():
        raise EstimationError(
            f"{study}: no GDP per head for {', '.join(values.index[values.isna()][:5])}: no economic distance"
        )
    return economic_distance(values.to_numpy(), D if form == "with_distance" else None, smallest_gap=SMALLEST_GAP_YUAN)


def _tables(raw: np.ndarray, cities: np.ndarray, D: np.ndarray, islands: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Long weights under every normalisation, and the eigenvalues of each."""
    built = {
        how: weight_matrix(raw, cities, normalisation=how, islands=islands, D=D)  # type: ignore[arg-type]
        for how in NORMALISATIONS
    }
    i, j = np.nonzero(built["none"].matrix)
    table = pd.DataFrame({"city_code_i": cities[i], "city_code_j": cities[j], "by_island_rule": raw[i, j] == 0})
    for how, column in zip(NORMALISATIONS, ("weight", "weight_row", "weight_spectral"), strict=True):
        table[column] = built[how].matrix[i, j]
    roots = pd.DataFrame({how: matrix.eigenvalues for how, matrix in built.items()})
    roots["position"] = np.arange(1, len(cities) + 1)
    return table, roots.melt("position", var_name="normalisation", value_name="eigenvalue")


def _joined(parts: list[pd.DataFrame], columns: list[str]) -> pd.DataFrame:
    if parts:
        return pd.concat(parts, ignore_index=True)[columns]
    kinds = {"position": "int64", "by_island_rule": "bool"} | dict.fromkeys(
        ("weight", "weight_row", "weight_spectral", "eigenvalue"), "float64"
    )
    return pd.DataFrame({c: pd.Series(dtype=kinds.get(c, "str")) for c in columns})
