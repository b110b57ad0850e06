"""Calibration of raw values into set memberships: the direct method (three anchors) and crisp sets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import overload

import numpy as np
import pandas as pd
from scipy.special import expit

from estimation.core.frame import EstimationError

Anchors = float | Sequence[float] | Mapping[str, float]


@overload
def calibrate(x: pd.Series, anchors: Anchors, *, idm: float = ...) -> pd.Series: ...
@overload
def calibrate(x: np.ndarray | Sequence[float], anchors: Anchors, *, idm: float = ...) -> np.ndarray: ...
def calibrate(
    x: pd.Series | np.ndarray | Sequence[float], anchors: Anchors, *, idm: float = 0.95
) -> pd.Series | np.ndarray:
    """Memberships of raw values.

    Three anchors (exclusion e, crossover c, inclusion i): the direct method, m = 1 / (1 + exp(-L (x - c) / (a - c))) with
    a = i above and a = e below the crossover and L = ln(idm / (1 - idm)), so that m is 1 - idm, 0.5 and idm at the anchors
    (Ragin 2008, ch. 5; R package QCA, ``calibrate(type = "fuzzy")``). Descending anchors (e > c > i) give a decreasing set.
    One anchor: a crisp set, 1 where x reaches the anchor.

    Args:
        x: raw values; NaN stays NaN.
        anchors: (e, c, i), a mapping with the keys ``e``, ``c``, ``i``, or one number.
        idm: membership at the inclusion anchor. 0.95 is exact; the fsQCA program rounds the log odds to 3 (idm 0.9526).

    Returns:
        Memberships in [0, 1]: a Series with the same index when ``x`` is one, else an array. Unlike the R package, values
        below 0.0001 and above 0.9999 are not rounded to 0 and 1.

    Raises:
        EstimationError: text among the values, anchors that are not finite or not strictly monotone, or idm outside (0.5, 1).
    """
    try:
        values = np.asarray(x, dtype=float)
    except (TypeError, ValueError) as error:
        raise EstimationError(f"values to calibrate are not numeric: {error}") from error
    points = _anchor_points(anchors)
    if len(points) == 1:
        members = np.where(np.isnan(values), np.nan, (values >= points[0]).astype(float))
    else:
        if not 0.5 < idm < 1:
            raise EstimationError(f"idm={idm}: the membership at the inclusion anchor lies between 0.5 and 1")
        members = _direct(values, points, idm)
    return pd.Series(members, index=x.index, name=x.name) if isinstance(x, pd.Series) else members


def _anchor_points(anchors: Anchors) -> tuple[float, ...]:
    if isinstance(anchors, Mapping):
        if set(anchors) != {"e", "c", "i"}:
            raise EstimationError(f"anchors need the keys e, c, i; got {', '.join(map(str, anchors))}")
        points = _numbers([anchors[key] for key in "eci"])
    else:
        points = _numbers(anchors)
    if len(points) not in (1, 3) or not np.isfinite(points).all():
        raise EstimationError(
            f"anchors={anchors!r}: one finite number (crisp) or three (exclusion, crossover, inclusion)"
        )
    if len(points) == 3 and not (points[0] < points[1] < points[2] or points[0] > points[1] > points[2]):
        raise EstimationError(
            f"anchors {points} are not strictly ascending or descending: a condition without variation between them"
            " cannot be calibrated"
        )
    return points


def _numbers(anchors: object) -> tuple[float, ...]:
    try:
        return tuple(np.atleast_1d(np.asarray(anchors, dtype=float)).tolist())
    except (TypeError, ValueError) as error:
        raise EstimationError(
            f"anchors={anchors!r} are not numeric: give one number, (exclusion, crossover, inclusion) or a mapping e, c, i"
        ) from error


def _direct(values: np.ndarray, points: tuple[float, ...], idm: float) -> np.ndarray:
    exclusion, crossover, inclusion = points
    deviation = values - crossover
    towards_inclusion = deviation * np.sign(inclusion - crossover) >= 0
    width = np.where(towards_inclusion, inclusion - crossover, crossover - exclusion)
    return expit(np.log(idm / (1 - idm)) * deviation / width)


def percentile_anchors(
    x: pd.Series | np.ndarray | Sequence[float], percentiles: tuple[float, float, float] = (5, 50, 95)
) -> tuple[float, float, float]:
    """(exclusion, crossover, inclusion) anchors at percentiles of the observed values (linear interpolation).

    Raises:
        EstimationError: no value, or two percentiles coincide (the variable hardly varies).
    """
    values = np.asarray(x, dtype=float)
    values = values[np.isfinite(values)]
    if not len(values):
        raise EstimationError("no finite value to take percentiles of")
    points = tuple(float(point) for point in np.percentile(values, percentiles))
    if len(set(points)) < 3:
        raise EstimationError(
            f"percentiles {percentiles} coincide at {points}: the variable hardly varies; set anchors by hand"
        )
    return points[0], points[1], points[2]
