"""Industrial robots of a country allocated to its cities."""

from __future__ import annotations

from typing import Any

import numpy as np

from estimation.core.frame import EstimationError


def robots_by_employment(robots: Any, employment: Any) -> np.ndarray:
    """(n,) or (n, T) robots_i = sum_k R_k e_ik / sum_i e_ik: each industry's robots by the cities' shares in its employment.

    Args:
        robots: (k,) or (k, T) national stock by industry. employment: (n, k) employment of city by industry in a base year.

    The cities' sum is the national total.

    Raises:
        EstimationError: unusable values, or an industry with robots but without employment.
    """
    stock = _not_negative(robots, "robots")
    people = _not_negative(employment, "employment")
    if people.ndim != 2 or stock.ndim not in (1, 2) or people.shape[1] != len(stock):
        raise EstimationError(f"employment must be cities by {len(stock)} industries; its shape is {people.shape}")
    total = people.sum(axis=0)
    empty = (total == 0) & (stock.reshape(len(stock), -1).sum(axis=1) > 0)
    if empty.any():
        raise EstimationError(f"industry {int(empty.argmax())} has robots but no employment in any city")
    shares = np.divide(people, total, out=np.zeros_like(people), where=total > 0)
    return np.asarray(shares @ stock)


def robots_printed(robots: Any, emp_industry: Any, emp_total_national: Any) -> np.ndarray:
    """R_t e_it / E_t with e_it the industrial employment of the city and E_t **all** national employment, as one paper prints.

    Args:
        robots: number or (T,) robots of the country. emp_industry: (n,) or (n, T). emp_total_national: number or (T,).

    The cities' sum is less than the national total (industry is a part of all employment).
    """
    stock, people = _not_negative(robots, "robots"), _not_negative(emp_industry, "emp_industry")
    everyone = _not_negative(emp_total_national, "emp_total_national")
    if (everyone == 0).any():
        raise EstimationError("emp_total_national must be above zero")
    return np.asarray(people * (stock / everyone))


def _not_negative(values: Any, name: str) -> np.ndarray:
    array = np.asarray(values, dtype=float)
    if not (np.isfinite(array) & (array >= 0)).all():
        raise EstimationError(f"{name} must be finite and not negative")
    return array
