"""Neighbours of yearly series against a loop over years."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from landing.series import long_median, median_of, middle_of_neighbours, neighbours


def naive(values: np.ndarray, offsets: list[int]) -> np.ndarray:
    result = np.full(values.shape, np.nan)
    for row in range(values.shape[0]):
        for year in range(values.shape[1]):
            near = [values[row, year + o] for o in offsets if 0 <= year + o < values.shape[1]]
            near = [value for value in near if not np.isnan(value)]
            if near:
                result[row, year] = np.median(near)
    return result


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 4), st.integers(1, 14), st.integers(0, 2**32 - 1))
def test_neighbours_against_a_loop(cities: int, years: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = np.where(rng.random((cities, years)) < 0.3, np.nan, rng.normal(size=(cities, years)))
    near = neighbours(values)
    both = [-3, -2, -1, 1, 2, 3]
    np.testing.assert_array_equal(near.middle, naive(values, both))
    np.testing.assert_array_equal(middle_of_neighbours(values), naive(values, both))
    np.testing.assert_array_equal(near.before, naive(values, [-3, -2, -1]))
    np.testing.assert_array_equal(near.after, naive(values, [1, 2, 3]))
    np.testing.assert_array_equal(long_median(values, True), naive(values, list(range(-10, 0))))
    np.testing.assert_array_equal(long_median(values, False), naive(values, list(range(1, 11))))
    for row in range(cities):
        for year in range(years):
            past = values[row, :year][~np.isnan(values[row, :year])]
            assert np.isnan(near.previous[row, year]) if not past.size else near.previous[row, year] == past[-1]
            future = values[row, year + 1 :][~np.isnan(values[row, year + 1 :])]
            assert np.isnan(near.following[row, year]) if not future.size else near.following[row, year] == future[0]


@pytest.mark.parametrize(
    ("column", "median"), [([np.nan] * 3, np.nan), ([1.0, np.nan, 5.0], 3.0), ([4.0, 1.0, 2.0], 2.0)]
)
def test_median_leaves_blanks_out(column: list[float], median: float) -> None:
    assert median_of(np.array(column)[:, None])[0] == pytest.approx(median, nan_ok=True)
