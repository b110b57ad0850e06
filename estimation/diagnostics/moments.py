"""Descriptive statistics: can printed moments be true, and how far are built variables from printed ones?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from estimation.core.frame import EstimationError

COLUMNS = ("mean", "sd", "min", "max")


def check_moments(table: pd.DataFrame, *, decimals: int | None = 4, n: str = "n") -> pd.DataFrame:
    """Whether printed moments can belong to any data.

    A mean must lie in [min, max]; by Bhatia and Davis (2000) the population variance is at most (max - mean)(mean - min), the
    sample variance n/(n - 1) times that. Printed numbers are rounded: a moment is flagged only if no numbers within half a
    unit of the last decimal would pass.

    Args:
        table: one row a variable (its index is kept) with columns mean, sd, min, max and, if known, the number of observations
            in the column ``n``. Missing moments are not judged.
        decimals: decimals printed; None: the numbers are exact.

    Returns:
        Frame on the index of ``table``: ``sd_limit`` (largest possible, from the numbers as printed), ``mean_outside``,
        ``sd_impossible``, ``z_min``, ``z_max`` (extremes in standard deviations from the mean), ``checked``. Where the mean is
        outside the range there is no limit and the standard deviation is not judged.

    Raises:
        EstimationError: absent columns, text, or a negative standard deviation.
    """
    absent = [c for c in COLUMNS if c not in table.columns]
    if absent:
        raise EstimationError(f"column(s) not in the table: {', '.join(absent)}")
    try:
        mean, sd, low, high = (table[c].astype(float) for c in COLUMNS)
    except (TypeError, ValueError) as error:
        raise EstimationError(f"the moments are not numeric: {error}") from error
    if (sd < 0).any():
        raise EstimationError(f"the standard deviation of {sd.index[sd < 0][0]} is negative")
    half = 0.0 if decimals is None else 0.5 * 10.0**-decimals
    size = table[n].astype(float) if n in table.columns else pd.Series(np.nan, index=table.index)
    correction = (size / (size - 1)).fillna(1.0) ** 0.5
    inside = (mean >= low - 2 * half) & (mean <= high + 2 * half)
    generous = ((high - mean + 2 * half) * (mean - low + 2 * half)).clip(lower=0) ** 0.5 * correction
    printed = ((high - mean) * (mean - low)).clip(lower=0) ** 0.5 * correction
    known = mean.notna() & low.notna() & high.notna()
    return pd.DataFrame(
        {
            "sd_limit": printed.where(known & inside),
            "mean_outside": known & ~inside,
            "sd_impossible": known & inside & (sd - half > generous * (1 + 1e-12)),
            "z_min": (low - mean) / sd.where(sd > 0),
            "z_max": (high - mean) / sd.where(sd > 0),
            "checked": known & sd.notna(),
        }
    )


def describe(df: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """n, mean, sample standard deviation, min and max of each column, missing values left out."""
    absent = [c for c in columns if c not in df.columns]
    if absent:
        raise EstimationError(f"column(s) not in the data: {', '.join(absent)}")
    values = df[list(columns)].astype(float)
    return pd.DataFrame(
        {"n": values.count(), "mean": values.mean(), "sd": values.std(), "min": values.min(), "max": values.max()}
    )


def compare_moments(
    df: pd.DataFrame, published: pd.DataFrame, *, columns: Mapping[str, str] | None = None
) -> pd.DataFrame:
    """Built against published moments, with distances.

    Args:
        df: the built panel. published: one row a variable (index), columns mean, sd, min, max (missing where not printed).
        columns: published name -> column of ``df`` where they differ. Variables that are not built are listed with NaN.

    Returns:
        One row a published variable: ``published_*``, ``built_*``, ``mean_distance`` = (built - published mean) / published sd,
        ``log_sd_ratio`` = ln(built sd / published sd), ``below_min`` and ``above_max``: share of built values beyond the
        published extremes, ``built``: whether the variable exists.
    """
    rows = []
    for name, printed in published.reindex(columns=list(COLUMNS)).astype(float).to_dict("index").items():
        column = (columns or {}).get(str(name), str(name))
        rows.append(_compared(str(name), df[column] if column in df.columns else None, printed))
    return pd.DataFrame(rows).set_index("variable")


def _compared(name: str, values: pd.Series | None, printed: Mapping[Any, float]) -> dict[str, object]:
    row: dict[str, object] = {"variable": name, "built": values is not None}
    row |= {f"published_{c}": printed[c] for c in COLUMNS}
    if values is None:
        return row | {f"built_{c}": np.nan for c in ("n", *COLUMNS)}
    known = values.astype(float).dropna()
    built = describe(known.to_frame("x"), ["x"]).loc["x"].to_dict()
    row |= {f"built_{c}": float(built[c]) for c in ("n", *COLUMNS)}
    sd, low, high = printed["sd"], printed["min"], printed["max"]
    row["mean_distance"] = (built["mean"] - printed["mean"]) / sd if sd > 0 else np.nan
    row["log_sd_ratio"] = float(np.log(built["sd"] / sd)) if sd > 0 and built["sd"] > 0 else np.nan
    row["below_min"] = float((known < low).mean()) if len(known) and not np.isnan(low) else np.nan
    row["above_max"] = float((known > high).mean()) if len(known) and not np.isnan(high) else np.nan
    return row
