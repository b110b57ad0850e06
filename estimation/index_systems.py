"""The four index systems of the papers, computed from their indicator tables under the declared switches."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from estimation.composites import Composite, composite
from estimation.frame import EstimationError

METHODS = {"common_prosperity": "pca", "nq_topsis": "topsis", "green_index": "entropy", "np_entropy": "entropy"}


def index_systems(
    tables: Mapping[str, pd.DataFrame], definitions: pd.DataFrame, switches: Mapping[str, str]
) -> dict[str, Composite]:
    """Every index by name.

    Args:
        tables: indicator table by index name: city_code, year, i01, i02, ... in the order of the definitions.
        definitions: rows of the seed `index_indicators`: index, no, direction_default.
        switches: values of index_base_years, pca_rescale, pca_k_rule, topsis_norm, entropy_zero.

    Raises:
        EstimationError: a definition is missing, or an index cannot be computed.
    """
    options = {
        "pca": {"rescale": switches["pca_rescale"], "k_rule": switches["pca_k_rule"]},
        "entropy": {"zero": switches["entropy_zero"]},
        "topsis": {"zero": switches["entropy_zero"], "norm": switches["topsis_norm"]},
    }
    return {
        name: composite(
            name,
            method,
            tables[name],
            _directions(definitions, name),
            base_years=base_years(tables[name]["year"], switches["index_base_years"]),
            options=options[method],
        )
        for name, method in METHODS.items()
    }


def base_years(years: pd.Series, rule: str) -> tuple[int, int] | None:
    """First and last year whose rows set the weights: ``all`` rows (None), the ``first`` year, or ``frozen`` (all but the last)."""
    if rule == "all" or years.empty:
        return None
    first, last = int(years.min()), int(years.max())
    if rule == "first":
        return first, first
    if rule == "frozen":
        return first, max(first, last - 1)
    raise EstimationError(f"index_base_years={rule!r} is not one of all, first, frozen")


def _directions(definitions: pd.DataFrame, name: str) -> dict[str, str]:
    own = definitions.loc[definitions["index"] == name]
    if own.empty:
        raise EstimationError(f"index {name}: no definition in index_indicators")
    return {f"i{int(number):02d}": sign for number, sign in zip(own["no"], own["direction_default"], strict=True)}
