"""The index systems of the papers, computed from their indicator tables under the declared switches."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from estimation.core.frame import EstimationError
from estimation.indices.composites import Composite, composite

METHODS = {"common_prosperity": "pca", "nq_topsis": "topsis", "green_index": "entropy", "np_entropy": "entropy"}
STUDIES = {
    "common_prosperity": "common_prosperity",
    "nq_topsis": "new_quality_va_types",
    "green_index": "green_development",
    "np_entropy": "digital_industry",
}
POLLUTION = "pollution"
POLLUTANTS = {"i01": "+", "i02": "+", "i03": "+"}
GAPS, AGING = tuple(f"i{k:02d}" for k in range(7, 17)), "i18"
OVERLAP = {"nq_topsis": ("i18",), "np_entropy": ("i15", "i16")}


def index_systems(
    tables: Mapping[str, pd.DataFrame],
    definitions: pd.DataFrame,
    switches: Mapping[str, str],
    frozen: Mapping[str, tuple[int, int]] | None = None,
) -> dict[str, Composite]:
    """Every index by name.

    Args:
        tables: indicator table by index name: city_code, year, i01, i02, ... in the order of the definitions.
        definitions: rows of the seed `index_indicators`: index, no, direction_printed, direction_default.
        switches: values of index_base_years, index_directions, cp_gaps, cp_aging, index_overlap, pca_standardise, pca_rescale, pca_k_rule, topsis_norm,
            entropy_zero.
        frozen: base years by study, for index_base_years=frozen.

    Raises:
        EstimationError: a definition is missing, or an index cannot be computed.
    """
    options = {
        "pca": {
            "standardise": switches["pca_standardise"],
            "rescale": switches["pca_rescale"],
            "k_rule": switches["pca_k_rule"],
        },
        "entropy": {"zero": switches["entropy_zero"]},
        "topsis": {"zero": switches["entropy_zero"], "norm": switches["topsis_norm"]},
    }
    systems = {}
    for name, method in METHODS.items():
        table = without_overlap(name, tables[name], switches["index_overlap"])
        years = base_years(table["year"], switches["index_base_years"], (frozen or {}).get(STUDIES[name]))
        directions = index_directions(definitions, name, switches["index_directions"])
        if name == "common_prosperity":
            directions |= open_directions(switches["cp_gaps"], switches["cp_aging"])
        systems[name] = composite(name, method, table, directions, base_years=years, options=options[method])
    return systems


def pollution_index(
    emissions: pd.DataFrame, switches: Mapping[str, str], frozen: Mapping[str, tuple[int, int]] | None = None
) -> Composite:
    """The entropy index of three emissions that is nested in `nq_topsis`; more is more pollution.

    Args:
        emissions: city_code, year, i01 (waste water), i02 (sulphur dioxide), i03 (dust). Others as in `index_systems`.
    """
    years = base_years(emissions["year"], switches["index_base_years"], (frozen or {}).get(STUDIES["nq_topsis"]))
    options = {"zero": switches["entropy_zero"]}
    return composite(POLLUTION, "entropy", emissions, POLLUTANTS, base_years=years, options=options)


def frozen_years(samples: pd.DataFrame) -> dict[str, tuple[int, int]]:
    """Base years by study from the seed `study_samples` (study, base_first_year, base_last_year)."""
    rows = samples[["study", "base_first_year", "base_last_year"]].itertuples(index=False)
    return {str(study): (int(first), int(last)) for study, first, last in rows}


def base_years(years: pd.Series, rule: str, frozen: tuple[int, int] | None = None) -> tuple[int, int] | None:
    """First and last year whose rows set the weights.

    Args:
        years: years of the rows. frozen: the base years that the study declares.
        rule: ``all`` rows (None), the ``first`` year, or the ``frozen`` years.

    Raises:
        EstimationError: an unknown rule, or frozen years that nobody declared.
    """
    if rule not in ("all", "frozen", "first"):
        raise EstimationError(f"index_base_years={rule!r} is not one of all, frozen, first")
    if rule == "all" or years.empty:
        return None
    if rule == "first":
        return int(years.min()), int(years.min())
    if frozen is None:
        raise EstimationError("index_base_years=frozen needs the base years of the study (study_samples)")
    return frozen


def base_mask(years: pd.Series, rule: str, frozen: tuple[int, int] | None = None) -> np.ndarray:
    """(n,) rows that set weights, limits and frontiers; see `base_years`.

    Raises:
        EstimationError: as `base_years`, or no row in the base years.
    """
    limits = base_years(years, rule, frozen)
    if limits is None:
        return np.ones(len(years), dtype=bool)
    inside = years.between(*limits).to_numpy()
    if not inside.any():
        raise EstimationError(f"no row in the base years {limits[0]}-{limits[1]}")
    return np.asarray(inside)


def index_directions(definitions: pd.DataFrame, name: str, rule: str) -> dict[str, str]:
    """Directions by indicator column: the ``default`` ones, or as ``printed`` where a direction is printed.

    Raises:
        EstimationError: no definition of the index, or an unknown rule.
    """
    if rule not in ("default", "printed"):
        raise EstimationError(f"index_directions={rule!r} is not one of default, printed")
    own = definitions.loc[definitions["index"] == name]
    if own.empty:
        raise EstimationError(f"index {name}: no definition in index_indicators")
    chosen = own["direction_default"]
    if rule == "printed":
        chosen = own["direction_printed"].where(own["direction_printed"].isin(["+", "-"]), chosen)
    return {f"i{int(number):02d}": str(sign) for number, sign in zip(own["no"], chosen, strict=True)}


def open_directions(gaps: str, aging: str) -> dict[str, str]:
    """Directions of common prosperity that the paper leaves open: its ratios to means, and the share of persons of 65 and more.

    Args:
        gaps: ``above_average``: more is better; ``equality``: the indicators are |ratio - 1|, and less is. aging: ``negative``, ``positive``.

    Raises:
        EstimationError: an unknown choice.
    """
    signs = {"above_average": "+", "equality": "-", "negative": "-", "positive": "+"}
    if gaps not in ("above_average", "equality") or aging not in ("negative", "positive"):
        raise EstimationError(
            f"cp_gaps={gaps!r} must be one of above_average, equality; cp_aging={aging!r} one of negative, positive"
        )
    return dict.fromkeys(GAPS, signs[gaps]) | {AGING: signs[aging]}


def without_overlap(name: str, table: pd.DataFrame, rule: str) -> pd.DataFrame:
    """The table, or without the indicators that also stand on the right-hand side of the study's regressions (``drop``).

    Raises:
        EstimationError: an unknown rule.
    """
    if rule not in ("keep", "drop"):
        raise EstimationError(f"index_overlap={rule!r} is not one of keep, drop")
    return table.drop(columns=list(OVERLAP.get(name, ()))) if rule == "drop" else table
