"""Industrial structure of a city: the weighted sum of shares and the angle index.

Shares are those of the primary, secondary and tertiary sector in their total.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from estimation.core.frame import EstimationError


def sector_shares(primary: Any, secondary: Any, tertiary: Any) -> np.ndarray:
    """(n, 3) shares of the three sectors in their sum; NaN where one is missing.

    Raises:
        EstimationError: negative or infinite value added, or a total of zero.
    """
    values = np.stack([np.asarray(v, dtype=float) for v in (primary, secondary, tertiary)], axis=-1)
    wrong = (values < 0) | np.isinf(values)
    if wrong.any():
        where = tuple(int(k) for k in np.argwhere(wrong)[0])
        raise EstimationError(f"value added is negative or infinite at {where[:-1]}, sector {where[-1] + 1}")
    total = values.sum(axis=-1, keepdims=True)
    if (total == 0).any():
        raise EstimationError(f"value added is zero in all three sectors in {int((total == 0).sum())} row(s)")
    return np.asarray(values / total)


def structure_sum(primary: Any, secondary: Any, tertiary: Any) -> np.ndarray:
    """sum_m m y_m of the sector shares y_m, in [1, 3]: 1 is all primary, 3 all tertiary."""
    return np.asarray(sector_shares(primary, secondary, tertiary) @ np.array([1.0, 2.0, 3.0]))


def structure_angle(primary: Any, secondary: Any, tertiary: Any) -> np.ndarray:
    """Angle index W = sum_{k=1}^3 sum_{j=1}^k theta_j = 3 theta_1 + 2 theta_2 + theta_3 of the sector shares, in radians.

    theta_j is the angle between the vector of shares and the j-th unit vector (agriculture, industry, services). Equal
    shares give 6 arccos(1/sqrt 3). Source: Fu Linghui (2010), Statistical Research (统计研究) 27(8), 79-81.
    """
    shares = sector_shares(primary, secondary, tertiary)
    cosines = shares / np.linalg.norm(shares, axis=-1, keepdims=True)
    return np.asarray(np.arccos(np.clip(cosines, 0.0, 1.0)) @ np.array([3.0, 2.0, 1.0]))
