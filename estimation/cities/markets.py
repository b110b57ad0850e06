"""Market segmentation and integration of the cities of each study, from retail prices by category."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import numpy as np
import pandas as pd

from estimation.cities.weight_matrices import contiguity
from estimation.core.frame import EstimationError
from estimation.economy.market import Demean, market_segmentation

STUDIES = ("common_prosperity", "green_development", "digital_industry")
COLUMNS = [
    "study",
    "city_code",
    "year",
    "segmentation",
    "integration",
    "partners",
    "categories",
    "categories_from_province",
]


def market_integration(
    prices: pd.DataFrame, samples: pd.DataFrame, adjacency: pd.DataFrame, switches: Mapping[str, str]
) -> pd.DataFrame:
    """Segmentation Seg_it and integration Mar = (1/Seg)^(1/2) times a scale, one row a (study, city, year), with the number of price categories.

    Args:
        prices: city_code, year, category, price_index (last year = 100), province_fallback.
        samples: study, city_code, year. adjacency: city_code_i, city_code_j of neighbours.
        switches: mar_scale (1 or 0.01), market_demean, market_partners (``all`` cities of the study, or ``contiguous`` ones; a city
            without a neighbour in the study then has no value).

    A study with prices of one category only has no rows: the variance runs over categories.

    Raises:
        EstimationError: an unknown choice, or unusable prices.
    """
    partners = switches["market_partners"]
    if partners not in ("all", "contiguous"):
        raise EstimationError(f"market_partners={partners!r} is not one of all, contiguous")
    parts = []
    for study in STUDIES:
        keys = samples.loc[samples["study"] == study, ["city_code", "year"]]
        own = prices.merge(keys, on=["city_code", "year"])
        if own["category"].nunique() < 2:
            continue
        wide = own.pivot_table(index=["city_code", "year"], columns="category", values="price_index").reset_index()
        goods = [c for c in wide.columns if c not in ("city_code", "year")]
        found = market_segmentation(
            wide,
            goods,
            weights=None if partners == "all" else _neighbours(wide, adjacency),
            demean=cast("Demean", switches["market_demean"]),
            scale=float(switches["mar_scale"]),
        )
        priced = own.groupby(["city_code", "year"], as_index=False).agg(
            categories=("price_index", "count"), categories_from_province=("province_fallback", "sum")
        )
        table = found.table.merge(priced, on=["city_code", "year"], how="left")
        parts.append(table.assign(study=study)[COLUMNS])
    if not parts:
        kinds = {"study": "str", "city_code": "str", "year": "int64"}
        return pd.DataFrame({c: pd.Series(dtype=kinds.get(c, "float64")) for c in COLUMNS})
    return pd.concat(parts, ignore_index=True)


def _neighbours(wide: pd.DataFrame, adjacency: pd.DataFrame) -> np.ndarray:
    """(n, n) contiguity of the cities with prices, in code order; zero throughout where no two of them are neighbours."""
    cities = sorted(wide["city_code"].unique())
    among = adjacency[adjacency["city_code_i"].isin(cities) & adjacency["city_code_j"].isin(cities)]
    if among.empty:
        return np.zeros((len(cities), len(cities)))
    return contiguity(among[["city_code_i", "city_code_j"]].itertuples(index=False, name=None), cities)
