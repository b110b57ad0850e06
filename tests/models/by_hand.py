"""What the recomputations share: comparison cell by cell, and distances. Nothing here calls the project's own formulas."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd

KEYS = ["city_code", "year"]
CLOSE = 1e-8


def agree(built: pd.DataFrame, own: pd.DataFrame, column: str, *, keys: list[str] | None = None) -> None:
    """The rows of both frames hold the same values to 1e-8 (relative or absolute), missing where the other is missing; not all of them are."""
    both = built[[*(keys or KEYS), column]].merge(
        own[[*(keys or KEYS), column]],
        on=keys or KEYS,
        how="outer",
        suffixes=("", "_own"),
        validate="one_to_one",
        indicator=True,
    )
    assert (both["_merge"] == "both").all(), f"{column}: rows differ"
    was, now = (both[name].astype(float).to_numpy() for name in (column, f"{column}_own"))
    assert np.isfinite(was).mean() > 0.5, f"{column}: hardly a value"
    same = np.isclose(was, now, rtol=CLOSE, atol=CLOSE, equal_nan=True)
    assert same.all(), f"{column}: {(~same).sum()} differ\n{both[~same].head()}"


def kilometres(places: pd.DataFrame) -> pd.DataFrame:
    """Great-circle distances from the chord between unit vectors, sphere of 6371.01 km; rows and columns by city_code."""
    lon, lat = np.radians(places["lon"].to_numpy()), np.radians(places["lat"].to_numpy())
    point = np.column_stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])
    chord = np.linalg.norm(point[:, None, :] - point[None, :, :], axis=2)
    codes = places["city_code"].to_numpy()
    return pd.DataFrame(2 * 6371.01 * np.arcsin(chord / 2), index=codes, columns=codes)


def on_the_line(years: np.ndarray, values: np.ndarray, longest: int) -> np.ndarray:
    """Interior gaps of at most `longest` years filled between their two neighbours; years rise by one."""
    filled = values.copy()
    known = np.flatnonzero(~np.isnan(values))
    for left, right in itertools.pairwise(known):
        if 1 < right - left <= longest + 1:
            filled[left : right + 1] = np.interp(years[left : right + 1], years[[left, right]], values[[left, right]])
    return filled
