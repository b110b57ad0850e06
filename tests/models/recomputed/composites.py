"""Composite indices: principal components, entropy weights, TOPSIS, and the indicators and directions they take."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from tests.models.recomputed.expectation import Expectation, Read

KEYS = ("index_name", "city_code", "year")
METHOD = {"common_prosperity": "pca", "nq_topsis": "topsis", "green_index": "entropy", "np_entropy": "entropy"}
GAPS = [f"i{k:02d}" for k in range(7, 17)]
PRINTED_MEAN, PRINTED_SD = 0.6003, 0.0480
Change = Callable[[pd.DataFrame, pd.Series, Read], tuple[pd.DataFrame, pd.Series]]


def index(name: str, change: Change | None = None, **options: str) -> Expectation:
    """One composite index from its indicator table and the directions of the seed, either changed first."""

    def compute(read: Read, value: str) -> pd.DataFrame:
        table = read(f"indices.indicators_{name}").set_index(["city_code", "year"]).sort_index()
        seed = read("seeds.index_indicators")
        own = seed[seed["index"] == name]
        signs = pd.Series(own["direction_default"].to_numpy(), [f"i{int(k):02d}" for k in own["no"]])
        if change is not None:
            table, signs = change(table, signs, read)
        table = table.dropna()
        turned = np.where(signs[table.columns] == "-", -1.0, 1.0)
        score = {"pca": components, "entropy": entropy, "topsis": closeness}[METHOD[name]](
            table.to_numpy(dtype=float), turned, **options
        )
        return table.index.to_frame(index=False).assign(index_name=name, score=score)

    return Expectation("indices.composite_scores", compute, KEYS)


def components(I: np.ndarray, signs: np.ndarray, standardise="zscore", keep="kaiser", rescale="printed") -> np.ndarray:  # noqa: E741
    """Sum over the components kept of (share of its eigenvalue) times score; loadings of each sum to a positive number."""
    x = (I - I.mean(0)) / I.std(0) * signs if standardise == "zscore" else scaled(I, signs)
    x = x - x.mean(0)
    _, singular, axes = np.linalg.svd(x, full_matrices=False)
    roots = singular**2 / len(x)
    kept = int((roots > roots.mean()).sum())
    if keep == "cumulative":
        kept = int(np.searchsorted(np.cumsum(roots) / roots.sum(), 0.85)) + 1
    axes = axes * np.sign(axes.sum(axis=1, keepdims=True))
    raw = x @ axes[:kept].T @ (roots[:kept] / roots[:kept].sum())
    if rescale == "minmax":
        return (raw - raw.min()) / (raw.max() - raw.min())
    return raw if rescale == "none" else PRINTED_MEAN + PRINTED_SD * (raw - raw.mean()) / raw.std()


def scaled(I: np.ndarray, signs: np.ndarray) -> np.ndarray:  # noqa: E741
    """Min-max scores, 1 the best."""
    low, high = I.min(0), I.max(0)
    return np.where(signs > 0, I - low, high - I) / (high - low)


def entropy_shares(x: np.ndarray, shift: float) -> np.ndarray:
    """Weights w_j = (1 - e_j) / sum(1 - e_j), e_j = -(1/ln n) sum p ln p."""
    p = (x + shift) / (x + shift).sum(0)
    e = -np.where(p > 0, p * np.log(np.where(p > 0, p, 1)), 0).sum(0) / np.log(len(x))
    return (1 - e) / (1 - e).sum()


def entropy(I: np.ndarray, signs: np.ndarray, zero: str = "limit") -> np.ndarray:  # noqa: E741
    """Sum of weight times min-max score."""
    x = scaled(I, signs)
    return x @ entropy_shares(x, 1e-4 if zero == "shift" else 0.0)


def closeness(I: np.ndarray, signs: np.ndarray, zero: str = "limit", norm: str = "minmax") -> np.ndarray:  # noqa: E741
    """d- / (d+ + d-), distances to the worst and the best weighted values."""
    x = scaled(I, signs)
    w = entropy_shares(x, 1e-4 if zero == "shift" else 0.0)
    V = w * (x if norm == "minmax" else I / np.sqrt((I**2).sum(0)) * signs)
    best, worst = np.sqrt(((V - V.max(0)) ** 2).sum(1)), np.sqrt(((V - V.min(0)) ** 2).sum(1))
    return worst / (best + worst)


def equality(table: pd.DataFrame, signs: pd.Series, read: Read) -> tuple[pd.DataFrame, pd.Series]:
    """Ratios to means as distances from 1, of which less is better."""
    return table.assign(**(table[GAPS] - 1).abs()), signs.mask(signs.index.isin(GAPS), "-")


def older_is_better(table: pd.DataFrame, signs: pd.Series, read: Read) -> tuple[pd.DataFrame, pd.Series]:
    """The share of persons of 65 and more counts as good."""
    return table, signs.mask(signs.index == "i18", "+")


def printed(table: pd.DataFrame, signs: pd.Series, read: Read) -> tuple[pd.DataFrame, pd.Series]:
    """Directions of the green index as the paper prints them."""
    seed = read("seeds.index_indicators")
    own = seed[seed["index"] == "green_index"]["direction_printed"]
    return table, pd.Series([s if s in ("+", "-") else d for s, d in zip(own, signs, strict=True)], signs.index)


def without(*columns: str) -> Change:
    """Fewer indicators."""
    return lambda table, signs, read: (table.drop(columns=list(columns)), signs)


def robots(indicator: str, column: str) -> Change:
    """Another count of robots."""

    def change(table: pd.DataFrame, signs: pd.Series, read: Read) -> tuple[pd.DataFrame, pd.Series]:
        other = read("indices.robots").set_index(["city_code", "year"])[column]
        return table.assign(**{indicator: other.reindex(table.index)}), signs

    return change


EXPECTED = {
    ("pca_rescale", "minmax"): index("common_prosperity", rescale="minmax"),
    ("pca_rescale", "none"): index("common_prosperity", rescale="none"),
    ("pca_k_rule", "cumulative"): index("common_prosperity", keep="cumulative"),
    ("pca_standardise", "minmax"): index("common_prosperity", standardise="minmax"),
    ("cp_gaps", "equality"): index("common_prosperity", equality),
    ("cp_aging", "positive"): index("common_prosperity", older_is_better),
    ("topsis_norm", "vector"): index("nq_topsis", norm="vector"),
    ("entropy_zero", "shift"): index("np_entropy", zero="shift"),
    ("index_directions", "printed"): index("green_index", printed),
    ("index_overlap", "drop"): index("np_entropy", without("i15", "i16")),
    ("np_robots", "printed"): index("np_entropy", robots("i07", "robots_printed")),
    ("nq_robots", "employment"): index("nq_topsis", robots("i09", "robots_by_employment")),
}
