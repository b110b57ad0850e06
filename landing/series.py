"""Yearly series of many cities as matrices (city x year, NaN where absent): neighbours and deviations."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]

NEAR_YEARS = 3
LONG_YEARS = 10


@dataclass(frozen=True)
class Neighbours:
    """For every city and year, without the year itself: `middle` and `count` of the values at most three years away,
    medians `before` and `after` of those on either side, `previous` and `following` value at any distance."""

    middle: Matrix
    count: NDArray[np.int64]
    before: Matrix
    after: Matrix
    previous: Matrix
    following: Matrix


def neighbours(matrix: Matrix) -> Neighbours:
    """Neighbours of every position of a city x year matrix, whether or not it holds a value itself."""
    earlier = _shifted(matrix, range(1, NEAR_YEARS + 1))
    later = _shifted(matrix, range(-NEAR_YEARS, 0))
    both = np.concatenate([earlier, later])
    return Neighbours(
        middle=median_of(both),
        count=(~np.isnan(both)).sum(axis=0),
        before=median_of(earlier),
        after=median_of(later),
        previous=_carried(matrix),
        following=_carried(matrix[:, ::-1])[:, ::-1],
    )


def middle_of_neighbours(matrix: Matrix) -> Matrix:
    """Median of the values at most three years away from every position."""
    return median_of(
        np.concatenate([_shifted(matrix, range(1, NEAR_YEARS + 1)), _shifted(matrix, range(-NEAR_YEARS, 0))])
    )


def long_median(matrix: Matrix, backwards: bool) -> Matrix:
    """Median of the ten years before (or after) every position."""
    return median_of(_shifted(matrix, range(1, LONG_YEARS + 1) if backwards else range(-LONG_YEARS, 0)))


def median_of(stack: Matrix) -> Matrix:
    """Median along the first axis, NaN left out; NaN where nothing is left."""
    ordered = np.sort(stack, axis=0)
    count = (~np.isnan(ordered)).sum(axis=0)
    low = np.maximum((count - 1) // 2, 0)[None]
    high = np.minimum(count // 2, stack.shape[0] - 1)[None]
    middle = (np.take_along_axis(ordered, low, axis=0) + np.take_along_axis(ordered, high, axis=0)) / 2
    return np.where(count == 0, np.nan, middle[0])


def column_quantiles(matrix: Matrix, share: float) -> tuple[Matrix, NDArray[np.int64]]:
    """Quantile of every column (linear between values), NaN left out, and the number of values it rests on."""
    ordered = np.sort(matrix, axis=0)
    count = (~np.isnan(ordered)).sum(axis=0)
    position = np.maximum(count - 1, 0) * share
    low, high = np.floor(position).astype(int), np.ceil(position).astype(int)
    column = np.arange(matrix.shape[1])
    quantile = ordered[low, column] + (ordered[high, column] - ordered[low, column]) * (position - low)
    return np.where(count == 0, np.nan, quantile), count


def _shifted(matrix: Matrix, steps: range) -> Matrix:
    """Stack of the matrix moved right by each step (left by a negative one)."""
    stack = np.full((len(steps), *matrix.shape), np.nan)
    for layer, step in zip(stack, steps, strict=True):
        if abs(step) >= matrix.shape[1]:
            continue
        if step > 0:
            layer[:, step:] = matrix[:, :-step]
        else:
            layer[:, :step] = matrix[:, -step:]
    return stack


def _carried(matrix: Matrix) -> Matrix:
    """Last value before every position."""
    position = np.where(np.isnan(matrix), -1, np.arange(matrix.shape[1]))
    last = np.maximum.accumulate(position, axis=1)
    last = np.concatenate([np.full((matrix.shape[0], 1), -1), last[:, :-1]], axis=1)
    return np.where(last < 0, np.nan, np.take_along_axis(matrix, np.maximum(last, 0), axis=1))
