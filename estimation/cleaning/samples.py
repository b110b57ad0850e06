"""Cleaning of a study's sample as its paper does it: winsorising, or outliers replaced on the line between the neighbouring years."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

import numpy as np
import pandas as pd

from estimation.cleaning.outlier_rules import replace_outliers
from estimation.cleaning.winsor import Quantile, winsorise
from estimation.core.frame import EstimationError
from estimation.core.ledger import Cleaned
from estimation.indices.systems import base_mask

RULES = ("none", "winsorise", "replace_outliers")


def clean_sample(
    sample: pd.DataFrame,
    columns: Sequence[str],
    rule: str,
    switches: Mapping[str, str],
    frozen: tuple[int, int] | None = None,
) -> Cleaned:
    """A cleaned copy of the sample: same rows and columns, with a ledger of every changed cell.

    Columns without a single value (their inputs are not in the extracts) are left alone.

    Args:
        sample: city_code, year and the study's variables. columns: its continuous variables.
        rule: ``none``, ``winsorise`` or ``replace_outliers``.
        switches: winsor_by, winsor_share, winsor_quantile; outlier_rule, outlier_width, outlier_scale, interpolation_max_gap; index_base_years: ``all``
            rows set the quantiles of winsorising and the limits of outliers, the ``first`` year, or the ``frozen`` years.
        frozen: base years of the study.

    Raises:
        EstimationError: an unknown rule, or columns that cannot be cleaned.
    """
    if rule not in RULES:
        raise EstimationError(f"cleaning={rule!r} is not one of {', '.join(RULES)}")
    known = [column for column in columns if sample[column].notna().any()]
    off = {
        "none": True,
        "winsorise": switches["winsor_by"] == "none",
        "replace_outliers": switches["outlier_rule"] == "none",
    }
    if off[rule] or not known:
        return Cleaned(sample.copy(), pd.DataFrame(), pd.DataFrame())
    base = base_mask(sample["year"], switches["index_base_years"], frozen)
    if rule == "winsorise":
        share = float(switches["winsor_share"])
        by = "year" if switches["winsor_by"] == "year" else None
        quantile = cast("Quantile", switches["winsor_quantile"])
        return winsorise(sample, known, limits=(share, 1 - share), by=by, base=None if by else base, quantile=quantile)
    return _without_outliers(sample, known, switches, base)


def typed(frame: pd.DataFrame, kinds: Mapping[str, str]) -> pd.DataFrame:
    """The frame with the column types of a database table, so that empty columns and whole numbers with gaps keep theirs.

    Args:
        kinds: type by column, e.g. VARCHAR, INTEGER, BIGINT, BOOLEAN, DOUBLE.
    """
    names = {"VARCHAR": "str", "BOOLEAN": "boolean"}
    return frame.astype({c: names.get(k, "Int64" if "INT" in k else "float64") for c, k in kinds.items()})


def _without_outliers(
    sample: pd.DataFrame, columns: list[str], switches: Mapping[str, str], base: np.ndarray
) -> Cleaned:
    """Outliers replaced; in logs zeros and negative values take no part and stay as they are."""
    log = switches["outlier_scale"] == "log"
    values = sample[columns].astype(float)
    aside = values.le(0) if log else values.isna()
    cleaned = replace_outliers(
        sample.assign(**values.mask(aside)),
        columns,
        rule=switches["outlier_rule"],  # type: ignore[arg-type]
        threshold=float(switches["outlier_width"]),
        log=log,
        max_gap=int(switches["interpolation_max_gap"]) or 1,
        base=base,
    )
    data = cleaned.data.assign(**cleaned.data[columns].where(~aside, values))
    return Cleaned(data, cleaned.ledger, cleaned.limits)
