"""Agglomeration of industries over cities: location quotients, virtual agglomeration, co-agglomeration, PRODY and EXPY.

Arrays run over cities (rows) and, where there are several, periods (columns).
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, Literal, get_args

import numpy as np

from estimation.core.distance import check_distances
from estimation.core.frame import EstimationError
from estimation.core.labels import check_aligned

National = Literal["yearly", "pooled"]
Own = Literal["one", "exclude", "internal"]
QuotientIndex = Literal["j", "i"]
Form = Literal["single", "double"]
CoagglomerationForm = Literal["symmetric", "printed"]
Missing = Literal["error", "skip"]

_OWN_WEIGHTS = {"one": 1.0, "exclude": 0.0}
_INTERNAL = 2 / 3


class ConstantIndexWarning(UserWarning):
    """An index formula gives every city the same value."""


class UnderflowWarning(UserWarning):
    """Distance weights vanish: only a city's own term is left."""


def location_quotient(emp_i: Any, emp: Any, *, national: National | tuple[Any, Any] = "yearly") -> np.ndarray:
    """LQ_jt = (e_jt / E_jt) / (e_t / E_t): the industry's share in a city over its share in the nation.

    Args:
        emp_i, emp: (n,) or (n, T) employment of the industry and of all industries, in the same unit (``emp`` may be one
            number, e.g. for several industries of one city with national totals given).
        national: ``yearly``: national ratio of each period from the sums over the cities that have both values;
            ``pooled``: one ratio for all periods; or a pair (e, E) of national totals, numbers or (T,) arrays.

    Returns:
        Array of the same shape, NaN where a value is missing. With ``yearly`` its employment-weighted mean is 1.

    Raises:
        EstimationError: different shapes, negative values, a city with industry employment but none in all, or no national
            employment.
    """
    check_aligned(emp_i, emp, "emp_i and emp")
    part, whole = np.asarray(emp_i, dtype=float), np.asarray(emp, dtype=float)
    if whole.ndim == 0:
        whole = np.full(part.shape, float(whole))
    if part.shape != whole.shape:
        raise EstimationError(f"emp_i and emp have different shapes: {part.shape} and {whole.shape}")
    known = ~(np.isnan(part) | np.isnan(whole))
    wrong = known & ((part < 0) | (whole <= 0) | ~np.isfinite(part) | ~np.isfinite(whole))
    if wrong.any():
        where = tuple(int(k) for k in np.argwhere(wrong)[0])
        raise EstimationError(
            f"emp_i must be >= 0 and emp > 0 (finite); at {where} they are {part[wrong][0]}, {whole[wrong][0]}"
        )
    local = np.divide(part, whole, out=np.full(part.shape, np.nan), where=known)
    return np.asarray(local / _national_ratio(np.where(known, part, 0.0), np.where(known, whole, 0.0), national))


def _national_ratio(part: np.ndarray, whole: np.ndarray, national: Any) -> np.ndarray:
    if isinstance(national, str):
        if national not in get_args(National):
            raise EstimationError(f"national={national!r} is not one of yearly, pooled or a pair of totals")
        axis = 0 if national == "yearly" else None
        totals = part.sum(axis=axis), whole.sum(axis=axis)
    elif not isinstance(national, Sequence | np.ndarray) or len(national) != 2:
        raise EstimationError(f"national={national!r} is not one of yearly, pooled or a pair of totals")
    else:
        totals = np.asarray(national[0], dtype=float), np.asarray(national[1], dtype=float)
    if not all((np.isfinite(total) & (total > 0)).all() for total in totals):
        raise EstimationError("national employment, of the industry and in all, must be above zero in every period")
    return np.asarray(totals[0] / totals[1])


def virtual_agglomeration(
    lq: Any,
    D: Any,
    *,
    own: Own | float = "one",
    unit_km: float = 1.0,
    row_normalise: bool = False,
    quotient: QuotientIndex = "j",
    area_km2: Any = None,
    form: Form = "single",
    missing: Missing = "error",
) -> np.ndarray:
    """VA_it = sum_j LQ_jt w_ij with w_ij = unit / d_ij: location quotients of all cities, weighted by inverse distance.

    Args:
        lq: (n,) or (n, T) location quotients. D: (n, n) distances in km (the diagonal is not used).
        own: weight of the city itself: ``one`` (or 1), ``exclude`` (or 0), another number, or ``internal``:
            unit / (2/3 sqrt(area / pi)), the mean distance within a disc, which needs ``area_km2`` (n,).
        unit_km: unit of the distances; the own weights ``one`` and numbers do not change with it.
        row_normalise: divide each city's weights by their sum.
        quotient: ``j`` takes the quotient of the other city (spillover), ``i`` the city's own: LQ_it sum_j w_ij.
        form: ``single`` as above; ``double`` sums over i as well, as one paper prints: a constant, with a warning.
        missing: ``error``, or ``skip``: a city without a quotient adds nothing to the others and has no value itself.

    Raises:
        EstimationError: unusable distances or quotients, or unknown options.
    """
    for name, value, allowed in (
        ("quotient", quotient, QuotientIndex),
        ("form", form, Form),
        ("missing", missing, Missing),
    ):
        if value not in get_args(allowed):
            raise EstimationError(f"{name}={value!r} is not one of {', '.join(get_args(allowed))}")
    check_aligned(lq, D, "lq and D")
    quotients = np.asarray(lq, dtype=float)
    known = ~np.isnan(quotients)
    if (known & ~((quotients >= 0) & np.isfinite(quotients))).any():
        raise EstimationError("location quotients must be finite and not negative")
    if missing == "error" and not known.all():
        raise EstimationError(
            f"{int((~known).sum())} location quotient(s) missing, first at {tuple(map(int, np.argwhere(~known)[0]))}; fill "
            "them or pass missing='skip'"
        )
    weights = _inverse_distances(check_distances(D, len(quotients)), own, unit_km, area_km2)
    if row_normalise:
        weights = weights / weights.sum(axis=1, keepdims=True)
    if quotient == "i":
        reach = weights.sum(axis=1)
        result = quotients * (reach if quotients.ndim == 1 else reach[:, None])
    else:
        result = np.where(known, weights @ np.where(known, quotients, 0.0), np.nan)
    if form == "double":
        warnings.warn(
            "the double sum gives every city the same value in a period: it cannot explain differences between cities",
            ConstantIndexWarning,
            stacklevel=2,
        )
        result = np.where(known, np.nansum(result, axis=0), np.nan)
    return np.asarray(result)


def _inverse_distances(distances: np.ndarray, own: Any, unit_km: float, area_km2: Any) -> np.ndarray:
    """(n, n) weights with the own weight on the diagonal; overwrites ``distances``."""
    if not unit_km > 0:
        raise EstimationError(f"unit_km={unit_km} must be above zero")
    np.fill_diagonal(distances, 1.0)
    weights = np.divide(unit_km, distances, out=distances)
    if own == "internal":
        area = np.asarray(area_km2, dtype=float) if area_km2 is not None else np.empty(0)
        if area.shape != (len(distances),) or not (area > 0).all():
            raise EstimationError(
                f"own='internal' needs area_km2, one value above zero for each of {len(distances)} cities"
            )
        np.fill_diagonal(weights, unit_km / (_INTERNAL * np.sqrt(area / np.pi)))
        return weights
    weight = _OWN_WEIGHTS.get(own) if isinstance(own, str) else own
    if not isinstance(weight, int | float | np.number) or not 0 <= weight < np.inf:
        raise EstimationError(f"own={own!r} is not one, exclude, internal or a weight >= 0")
    np.fill_diagonal(weights, weight)
    return weights


def distance_decay_agglomeration(
    emp_i: Any, emp: Any, D: Any, *, unit_km: float = 100.0, national: National | tuple[Any, Any] = "yearly"
) -> np.ndarray:
    """kappa_ni = [ (sum_h E_ih exp(-T_nh) / sum_h exp(-T_nh)) / E_n ] / (E_i / E), h over all cities, T_nn = 0.

    Args:
        emp_i, emp: (n,) or (n, T) employment of the industry and of all industries. D: (n, n) distances in km.
        unit_km: unit of T (100: T is the distance in hundreds of km). In single km exp(-T) vanishes and only the own term is
            left; this is warned of.
        national: as in `location_quotient`.

    Raises:
        EstimationError: as `location_quotient`, missing employment, or unusable distances.
    """
    part, whole = np.asarray(emp_i, dtype=float), np.asarray(emp, dtype=float)
    if np.isnan(part).any() or np.isnan(whole).any():
        raise EstimationError("employment is missing in some cities; the distance-weighted mean needs all of them")
    location_quotient(part, whole, national=national)
    if not unit_km > 0:
        raise EstimationError(f"unit_km={unit_km} must be above zero")
    decay = check_distances(D, len(part))
    decay /= -unit_km
    np.exp(decay, out=decay)
    np.fill_diagonal(decay, 0.0)
    nearest = decay.max(initial=0.0)
    np.fill_diagonal(decay, 1.0)
    if len(decay) > 1 and nearest < np.finfo(float).eps:
        warnings.warn(
            f"exp(-distance) is below {np.finfo(float).eps:.0e} for every pair with unit_km={unit_km}: only the own term is "
            "left",
            UnderflowWarning,
            stacklevel=2,
        )
    smooth = (decay @ part) / (decay.sum(axis=1) if part.ndim == 1 else decay.sum(axis=1)[:, None])
    return np.asarray(smooth / whole / _national_ratio(part, whole, national))


def coagglomeration(kappa_i: Any, kappa_j: Any, *, form: CoagglomerationForm = "symmetric") -> np.ndarray:
    """Co-agglomeration of two industries: 1 - |k_i - k_j| / (k_i + k_j), in [0, 1]; 1 where both are equal.

    Args:
        kappa_i, kappa_j: agglomeration of the two industries, same shape, not negative.
        form: ``symmetric`` as above, or ``printed``: 1 - |k_i - k_j| / k_i, which depends on the order and may be negative.

    Returns:
        Array of the same shape; NaN where the denominator is zero or a value is missing.

    Raises:
        EstimationError: different shapes, negative values, or an unknown form.
    """
    if form not in get_args(CoagglomerationForm):
        raise EstimationError(f"form={form!r} is not one of {', '.join(get_args(CoagglomerationForm))}")
    first, second = np.asarray(kappa_i, dtype=float), np.asarray(kappa_j, dtype=float)
    if first.shape != second.shape:
        raise EstimationError(f"kappa_i and kappa_j have different shapes: {first.shape} and {second.shape}")
    if (first < 0).any() or (second < 0).any():
        raise EstimationError("agglomeration must not be negative")
    below = first + second if form == "symmetric" else first
    gap = np.abs(first - second)
    return np.asarray(1 - np.divide(gap, below, out=np.full(gap.shape, np.nan), where=below > 0))
