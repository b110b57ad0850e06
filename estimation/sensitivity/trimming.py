"""Trimming: values beyond two quantiles become missing (winsorising is in `estimation.cleaning.winsor`)."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from estimation.cleaning.winsor import LIMITS, QUANTILE, Quantile, check_limits, is_dummy, quantile_pair
from estimation.core.ledger import numeric_columns, row_groups
from estimation.core.terms import names


def trim(
    df: pd.DataFrame,
    columns: str | Sequence[str],
    *,
    limits: tuple[float, float] = LIMITS,
    by: str | None = None,
    quantile: Quantile = QUANTILE,
) -> pd.DataFrame:
    """A copy in which values below the lower or above the upper quantile are missing (as Stata's ``winsor2, trim``).

    Args:
        columns: continuous columns; dummies are left as they are, as in `estimation.cleaning.winsor.winsorise`.
        limits: the two quantiles. by: column within whose values they are taken; None: all rows.
        quantile: definition of the quantiles, the same default as `estimation.cleaning.winsor.winsorise`.

    Raises:
        EstimationError: an absent, non-numeric or infinite column, a group without a value, or quantiles that do not rise
            within [0, 1].
    """
    check_limits(limits, quantile)
    arrays, groups, new = numeric_columns(df, names(columns), []), row_groups(df, by), {}
    for column, values in arrays.items():
        if is_dummy(values):
            continue
        kept = values.copy()
        for group, rows in groups.items():
            low, high = quantile_pair(values[rows], limits, quantile, column, group)
            kept[rows[(values[rows] < low) | (values[rows] > high)]] = float("nan")
        new[column] = kept
    return df.assign(**new)
