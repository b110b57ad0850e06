"""Comparison of a recomputed table with the one that was built."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

TOLERANCE = 1e-8
PARTS = {"study", "index_name", "matrix"}  # keys of parts of a table, of which a recomputation may take up some only


def differences(expected: pd.DataFrame, built: pd.DataFrame, keys: Sequence[str]) -> dict[str, str]:
    """What differs by column: rows, values (relative to the value, or a thousandth of the usual one), and where there is none."""
    names = [c for c in expected.columns if c not in keys]
    for part in PARTS & set(keys):
        built = built[built[part].isin(expected[part])]
    both = expected.merge(
        built[[*keys, *names]], on=list(keys), how="outer", suffixes=("_expected", "_built"), indicator=True
    )
    apart = both["_merge"].value_counts()
    if len(both) != len(built) or apart["both"] != len(both):
        return {"rows": str(apart.to_dict())}
    found = {name: _worst(both[f"{name}_expected"], both[f"{name}_built"]) for name in names}
    return {name: text for name, text in found.items() if text}


def _worst(expected: pd.Series, built: pd.Series) -> str:
    if not pd.api.types.is_numeric_dtype(built):
        wrong = expected.astype(object).where(expected.notna(), None) != built.astype(object).where(built.notna(), None)
        return f"{int(wrong.sum())} other words" if wrong.any() else ""
    x, y = expected.to_numpy(dtype=float, na_value=np.nan), built.to_numpy(dtype=float, na_value=np.nan)
    absent = int((np.isnan(x) != np.isnan(y)).sum())
    size = np.nan_to_num(np.abs(x))
    usual = np.median(size[size > 0]) if size.any() else 1.0
    gap = np.abs(x - y) / np.maximum(size, usual / 1000)
    far = int((gap > TOLERANCE).sum())
    return f"{far} differ by up to {np.nanmax(gap):.3g}, {absent} are known on one side only" if far or absent else ""
