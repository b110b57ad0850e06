"""Market segmentation and integration: pairs, their mean, partners, prices, scale."""

from __future__ import annotations

import numpy as np
import pandas as pd

from tests.models.recomputed.expectation import Expectation, Read

STUDIES = ("common_prosperity", "green_development", "digital_industry")


def integration(
    demean: str = "all_pairs", partners: str = "all", scale: float = 1, own_prices: bool = False
) -> Expectation:
    """Seg_i = sum_j w_ij Var_k(|dlnP_ik - dlnP_jk| - mean), Mar_i = scale / sqrt(Seg_i)."""

    def compute(read: Read, value: str) -> pd.DataFrame:
        prices = read("staging.stg_prices")
        prices = prices[~prices["province_fallback"]] if own_prices else prices
        rows = read("panel.samples").merge(prices, on=["city_code", "year"])
        parts = []
        for (study, year), own in rows[rows["study"].isin(STUDIES)].groupby(["study", "year"]):
            wide = np.log(own.pivot(index="city_code", columns="category", values="price_index"))
            linked = np.ones((len(wide), len(wide))) if partners == "all" else neighbours(read, list(wide.index))
            segmentation = of_year(wide.to_numpy(), linked, demean)
            parts.append(
                pd.DataFrame({"study": study, "city_code": wide.index, "year": year, "segmentation": segmentation})
            )
        table = pd.concat(parts, ignore_index=True)
        return table.assign(integration=scale / np.sqrt(table["segmentation"]))

    return Expectation("indices.market_integration", compute, ("study", "city_code", "year"))


def of_year(logs: np.ndarray, linked: np.ndarray, demean: str) -> np.ndarray:
    """(n,) segmentation of one year: the variance over goods of every pair, averaged over the partners of a city."""
    gaps = np.abs(logs[:, None, :] - logs[None, :, :])
    gaps[np.arange(len(logs)), np.arange(len(logs))] = np.nan
    mean = np.nanmean(gaps, axis=(0, 1)) if demean == "all_pairs" else np.nanmean(gaps, axis=1)[:, None, :]
    variance = np.var(gaps - mean, axis=2, ddof=1)
    used = np.where((linked > 0) & ~np.isnan(variance), variance, np.nan)
    number = (~np.isnan(used)).sum(axis=1)
    return np.where(number > 0, np.nansum(used, axis=1) / np.maximum(number, 1), np.nan)


def neighbours(read: Read, cities: list[str]) -> np.ndarray:
    """(n, n) 1 for cities with a common border."""
    pairs = read("seeds.city_adjacency_2021")[["city_code_i", "city_code_j"]].astype(str)
    both = {frozenset(pair) for pair in pairs.itertuples(index=False)}
    return np.array([[float(i != j and frozenset((i, j)) in both) for j in cities] for i in cities])


EXPECTED = {
    ("market_demean", "own_pairs"): integration(demean="own_pairs"),
    ("market_partners", "contiguous"): integration(partners="contiguous"),
    ("mar_scale", "0.01"): integration(scale=0.01),
    ("price_fallback", "none"): integration(own_prices=True),
}
