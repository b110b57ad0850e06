"""The composite indices of the papers from their indicator tables: scores, weights and diagnostics as long frames."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from estimation.core.frame import EstimationError
from estimation.indices.methods import PcaIndex, entropy_weights, pca_index, topsis

KEYS = ["city_code", "year"]
SCORES = {"index_name": "str", "city_code": "str", "year": "int64", "score": "float64"}
WEIGHTS = {
    "index_name": "str", "indicator": "str", "direction": "str", "statistic": "str", "value": "float64", "base_first_year": "int64",
    "base_last_year": "int64", "n_base": "int64",
}  # fmt: skip


@dataclass(frozen=True)
class Composite:
    """One composite index.

    Attributes:
        scores: one row a (city, year): columns of `SCORES`.
        weights: one row a statistic of an indicator (weight, entropy, loading_k, msa) or of the whole (indicator ``''``: eigenvalue_k,
            component_weight_k, kmo, bartlett, bartlett_p, shift, factor): columns of `WEIGHTS`.
    """

    scores: pd.DataFrame
    weights: pd.DataFrame


def composite(
    name: str,
    method: str,
    table: pd.DataFrame,
    directions: Mapping[str, str],
    *,
    base_years: tuple[int, int] | None = None,
    options: Mapping[str, Any] | None = None,
) -> Composite:
    """Compute one index from its indicator table.

    Args:
        name: name of the index.
        method: ``pca``, ``entropy`` or ``topsis`` (entropy weights, then closeness).
        table: city_code, year and one column an indicator. Rows with a missing indicator get no score; where no row is complete the results are
            empty: the extracts do not hold the indicators.
        directions: ``+`` or ``-`` by indicator column.
        base_years: first and last year whose rows set weights, means and limits; None takes all rows. With frozen years, a later year does not
            change earlier scores.
        options: keyword options of the index function.

    Raises:
        EstimationError: unknown method, an indicator without direction, or base years outside the table.
    """
    if method not in ("pca", "entropy", "topsis"):
        raise EstimationError(f"method={method!r} is not one of pca, entropy, topsis")
    indicators = [c for c in table.columns if c not in KEYS]
    without = [c for c in indicators if c not in directions]
    if without:
        raise EstimationError(f"index {name}: no direction for {', '.join(without)}")
    table = table.dropna().sort_values(KEYS, kind="stable").reset_index(drop=True)
    if table.empty:
        return Composite(_empty(SCORES), _empty(WEIGHTS))
    base = _base_rows(name, table["year"], base_years)
    signs = [directions[c] for c in indicators]
    try:
        score, rows = _computed(method, table[indicators], signs, base, dict(options or {}))
    except EstimationError as error:
        raise EstimationError(f"index {name}: {error}") from error
    years = table.loc[base, "year"]
    weights = pd.DataFrame(rows).assign(
        index_name=name,
        direction=lambda f: f["indicator"].map(dict(directions)).fillna(""),
        base_first_year=int(years.min()),
        base_last_year=int(years.max()),
        n_base=int(base.sum()),
    )
    scores = table[KEYS].assign(index_name=name, score=score)
    return Composite(_typed(scores, SCORES), _typed(weights, WEIGHTS))


def _computed(
    method: str, values: pd.DataFrame, signs: list[str], base: np.ndarray, options: dict[str, Any]
) -> tuple[np.ndarray, list[dict[str, Any]]]:
    """Scores, and the rows of weights and diagnostics."""
    if method == "pca":
        pca = pca_index(values, signs, base=base, **options)
        return pca.score, [*_indicator_rows(pca.to_frame()), *_pca_rows(pca)]
    weighting = {k: options.pop(k) for k in ("zero", "share_of") if k in options}
    entropy = entropy_weights(values, signs, base=base, **weighting)
    score = entropy.score if method == "entropy" else topsis(values, entropy, base=base, **options).score
    return score, _indicator_rows(entropy.to_frame())


def _base_rows(name: str, years: pd.Series, base_years: tuple[int, int] | None) -> np.ndarray:
    if base_years is None:
        return np.ones(len(years), dtype=bool)
    inside = years.between(*base_years).to_numpy()
    if not inside.any():
        raise EstimationError(f"index {name}: no row in the base years {base_years[0]}-{base_years[1]}")
    return np.asarray(inside)


def _indicator_rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    statistics = [c for c in frame.columns if c not in ("indicator", "sign")]
    return [
        {"indicator": row["indicator"], "statistic": s, "value": float(row[s])}
        for row in frame.to_dict("records")
        for s in statistics
    ]


def _pca_rows(pca: PcaIndex) -> list[dict[str, Any]]:
    whole = {f"eigenvalue_{k}": v for k, v in enumerate(pca.eigenvalues, 1)}
    whole |= {f"component_weight_{k}": v for k, v in enumerate(pca.weights, 1)}
    whole |= {
        "explained": pca.explained,
        "kmo": pca.kmo,
        "bartlett": pca.bartlett.statistic,
        "bartlett_p": pca.bartlett.p_value,
        "shift": pca.shift,
        "factor": pca.factor,
    }
    return [{"indicator": "", "statistic": name, "value": float(value)} for name, value in whole.items()]


def _typed(frame: pd.DataFrame, columns: Mapping[str, str]) -> pd.DataFrame:
    return frame[list(columns)].astype(dict(columns)).reset_index(drop=True)


def _empty(columns: Mapping[str, str]) -> pd.DataFrame:
    return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in columns.items()})
