"""Trimming: values beyond two quantiles become missing (winsorising is in `estimation.winsor`)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from estimation.frame import EstimationError
from estimation.winsor import LIMITS, Quantile


def trim(
    df: pd.DataFrame,
    columns: str | Sequence[str],
    *,
    limits: tuple[float, float] = LIMITS,
    by: str | None = None,
    quantile: Quantile = "averaged_inverted_cdf",
) -> pd.DataFrame:
    """A copy in which values below the lower or above the upper quantile are missing (Stata's ``winsor2, trim``).

    Args:
        limits: the two quantiles. by: column within whose values they are taken; None: all rows.
        quantile: definition of the quantiles, Stata's ``_pctile`` by default (as in `estimation.winsor`).

    Raises:
        EstimationError: an absent column or quantiles that do not rise within [0, 1].
    """
    chosen = [columns] if isinstance(columns, str) else list(columns)
    absent = [name for name in [*chosen, *([by] if by else [])] if name not in df.columns]
    if absent:
        raise EstimationError(f"column(s) not in the data: {', '.join(absent)}")
    if not 0 <= limits[0] < limits[1] <= 1:
        raise EstimationError(f"limits={limits} must rise within [0, 1]")

    def cut(values: pd.Series) -> pd.Series:
        known = values.dropna().to_numpy(dtype=float)
        if len(known) == 0:
            return values
        low, high = np.quantile(known, limits, method=quantile)
        return values.where((values >= low) & (values <= high))

    new = {}
    for name in chosen:
        values = df[name].astype(float)
        new[name] = values.groupby(df[by]).transform(cut) if by else cut(values)
    return df.assign(**new)
