"""Great-circle distances between cities, and bands of distance."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from estimation.core.covariance import EARTH_RADIUS_KM
from estimation.core.frame import EstimationError

_ASYMMETRY = 1e-9


def great_circle_km(lon: Any, lat: Any, *, radius_km: float = EARTH_RADIUS_KM) -> np.ndarray:
    """(n, n) great-circle distances in km between points given in degrees, by the haversine formula.

    2 R arcsin sqrt( sin^2(dlat/2) + cos lat_i cos lat_j sin^2(dlon/2) ), exact for short distances too.

    Raises:
        EstimationError: coordinates missing or out of range (longitude -180..180, latitude -90..90), naming rows.
    """
    longitude, latitude = _degrees(lon, "lon", 180), _degrees(lat, "lat", 90)
    if longitude.shape != latitude.shape:
        raise EstimationError(f"lon and lat have different lengths: {len(longitude)} and {len(latitude)}")
    phi = np.radians(latitude)
    cosine = np.cos(phi)
    # In place throughout: for thousands of points the time goes into moving memory.
    half = _half_angle_squared(np.radians(longitude))
    half *= np.multiply.outer(cosine, cosine)
    half += _half_angle_squared(phi)
    np.minimum(half, 1.0, out=half)
    np.arcsin(np.sqrt(half, out=half), out=half)
    half *= 2 * radius_km
    np.fill_diagonal(half, 0.0)
    return half


def _half_angle_squared(angles: np.ndarray) -> np.ndarray:
    """(n, n) sin^2 of half the difference of two angles."""
    result = np.subtract.outer(angles, angles)
    result *= 0.5
    np.sin(result, out=result)
    np.square(result, out=result)
    return np.asarray(result)


def _degrees(values: Any, name: str, limit: float) -> np.ndarray:
    array = np.asarray(values, dtype=float)
    if array.ndim != 1:
        raise EstimationError(f"{name} must be one column of degrees; its shape is {array.shape}")
    wrong = np.flatnonzero(~(np.abs(array) <= limit))
    if len(wrong):
        raise EstimationError(f"{name} is missing or beyond {limit} degrees in row {wrong[0]} ({array[wrong[0]]})")
    return array


def check_distances(D: Any, n: int | None = None) -> np.ndarray:
    """(n, n) float64 copy of a distance matrix: square, symmetric, finite and above zero off the diagonal, zero on it.

    Raises:
        EstimationError: naming the pair that is wrong.
    """
    distances = np.array(D, dtype=float)
    if distances.ndim != 2 or distances.shape[0] != distances.shape[1]:
        raise EstimationError(f"D must be a square matrix of distances; its shape is {distances.shape}")
    if n is not None and len(distances) != n:
        raise EstimationError(f"D is {len(distances)} x {len(distances)} for {n} units")
    np.fill_diagonal(distances, 1.0)
    if len(distances) and not (distances.min() > 0 and distances.max() < np.inf):
        i, j = np.argwhere(~(np.isfinite(distances) & (distances > 0)))[0]
        raise EstimationError(
            f"the distance of units {i} and {j} is {distances[i, j]}; it must be finite and above zero"
        )
    gap = distances - distances.T
    gap /= distances
    if len(gap) and max(gap.max(), -gap.min()) > _ASYMMETRY:
        raise EstimationError("D is not symmetric")
    np.fill_diagonal(distances, 0.0)
    return distances


def distance_bands(D: Any, treated: Any, edges: Any) -> np.ndarray:
    """(n, T, S) indicators N^s_it = 1 if some treated unit j != i lies within (s_(k-1), s_k] of unit i in period t.

    Args:
        D: (n, n) distances. treated: (n, T) zeros and ones. edges: (S + 1,) rising band limits, e.g. 0, 150, ..., 1200.

    Raises:
        EstimationError: unusable distances, treatment other than 0/1, or limits that do not rise.
    """
    status = np.asarray(treated, dtype=float)
    status = status[:, None] if status.ndim == 1 else status
    limits = np.asarray(edges, dtype=float)
    distances = check_distances(D, len(status))
    if not np.isin(status, (0, 1)).all():
        raise EstimationError("treated must hold 0 and 1 only")
    if limits.ndim != 1 or len(limits) < 2 or (np.diff(limits) <= 0).any():
        raise EstimationError(f"edges must rise; they are {limits.tolist()}")
    others = np.where(np.eye(len(distances), dtype=bool), -np.inf, distances)
    bands = [(others > low) & (others <= high) for low, high in pairwise(limits.tolist())]
    return np.stack([(band.astype(float) @ status > 0).astype(float) for band in bands], axis=-1)
