"""Allocation of human capital over the firms of a city: the covariance of Olley and Pakes.

Source: Olley and Pakes (1996), Econometrica 64, 1263-1297, section 6.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
import pandas as pd

from estimation.core.frame import EstimationError

Normalise = Literal["minmax", "none"]
LOWEST = 0.001


class OlleyPakes(NamedTuple):
    """weighted = mean + covariance, with shares that sum to one."""

    weighted: float
    mean: float
    covariance: float


def olley_pakes(productivity: Any, size: Any) -> OlleyPakes:
    """Split size-weighted productivity into its plain mean and the covariance sum_v (m_v - mean m)(s_v - mean s).

    Args:
        productivity, size: (n,) of the firms; sizes are turned into shares s_v.

    Raises:
        EstimationError: different lengths, missing values, negative sizes or a total of zero.
    """
    m, raw = np.asarray(productivity, dtype=float), np.asarray(size, dtype=float)
    if m.shape != raw.shape or m.ndim != 1 or len(m) == 0:
        raise EstimationError(f"productivity and size must be columns of one length: {m.shape} and {raw.shape}")
    if not (np.isfinite(m).all() and np.isfinite(raw).all() and (raw >= 0).all() and raw.sum() > 0):
        raise EstimationError("productivity and size must be finite, sizes not negative and not all zero")
    shares = raw / raw.sum()
    covariance = float(((m - m.mean()) * (shares - shares.mean())).sum())
    return OlleyPakes(float(m @ shares), float(m.mean()), covariance)


@dataclass(frozen=True)
class AllocationEfficiency:
    """Allocation efficiency by city and year.

    Attributes:
        table: keys, ``n_firms``, ``covariance`` and ``ecol`` (normalised covariance); sorted by key. A place with one firm has
            covariance zero.
        n_dropped: firms left out because a value is missing or staff or employees are not above zero.
        normalise: the rule used.
    """

    table: pd.DataFrame
    n_dropped: int
    normalise: str


def allocation_efficiency(
    firms: pd.DataFrame,
    output: str,
    staff: str,
    employees: str,
    *,
    entity: str = "city_code",
    time: str = "year",
    elasticity: float = 1.0,
    normalise: Normalise = "minmax",
    base: tuple[int, int] | None = None,
) -> AllocationEfficiency:
    """ecol_it = sum_v (mpl_ivt - mean mpl_it)(s_ivt - mean s_it) over the firms v of a city.

    mpl = elasticity * output / staff is the marginal product of R&D staff, s = staff / employees their share in the firm.

    Args:
        firms: one row a firm and year. output, staff, employees: columns. elasticity: xi (a scale only).
        normalise: ``minmax`` maps the covariance to [0.001, 1] (so that logs exist), ``none`` keeps it.
        base: first and last period whose rows set the limits of ``minmax``; None: all. What lies beyond counts as standing on them.

    Raises:
        EstimationError: absent columns, no usable firm, negative values, or covariances that are all equal under ``minmax``.
    """
    if normalise not in get_args(Normalise):
        raise EstimationError(f"normalise={normalise!r} is not one of {', '.join(get_args(Normalise))}")
    absent = [c for c in (entity, time, output, staff, employees) if c not in firms.columns]
    if absent:
        raise EstimationError(f"column(s) not in the data: {', '.join(absent)}")
    values = firms[[entity, time, output, staff, employees]]
    negative = values[(values[[output, staff, employees]] < 0).any(axis=1)]
    if len(negative):
        label, when = (negative[name].to_list()[0] for name in (entity, time))
        raise EstimationError(
            f"{output}, {staff} or {employees} is negative for {len(negative)} firm(s), first in {label} in {when}; correct them"
        )
    usable = values.dropna()
    usable = usable[(usable[staff] > 0) & (usable[employees] > 0)]
    if usable.empty:
        raise EstimationError("no firm has output, staff and employees")
    usable = usable.assign(mpl=elasticity * usable[output] / usable[staff], share=usable[staff] / usable[employees])
    keys = [entity, time]
    centred = usable[["mpl", "share"]] - usable.groupby(keys)[["mpl", "share"]].transform("mean")
    groups = usable.assign(product=centred["mpl"] * centred["share"]).groupby(keys, sort=True)
    table = pd.DataFrame({"n_firms": groups.size(), "covariance": groups["product"].sum()}).reset_index()
    inside = pd.Series(True, index=table.index) if base is None else table[time].between(*base)
    table["ecol"] = table["covariance"] if normalise == "none" else to_unit(table["covariance"], inside)
    return AllocationEfficiency(table, len(values) - len(usable), normalise)


def staff_elasticity(
    firms: pd.DataFrame, output: str, capital: str, staff: str, employees: str, *, time: str = "year"
) -> float:
    """xi of ln output = c_t + a ln capital + b ln(employees - staff) + xi ln staff by least squares over the firms.

    Args:
        firms: one row a firm and year. output, capital, staff, employees: columns; rows where a logarithm does not exist are left out.

    Raises:
        EstimationError: too few or too similar firms, or an elasticity that is not above zero (it would turn the ranking over).
    """
    levels = firms[[output, capital, staff]].assign(others=firms[employees] - firms[staff])
    usable = levels[(levels > 0).all(axis=1)]
    logs = usable.apply(np.log)
    logs = logs - logs.groupby(firms.loc[usable.index, time]).transform("mean")
    slopes, _, rank, _ = np.linalg.lstsq(logs[[capital, "others", staff]].to_numpy(), logs[output].to_numpy())
    if rank < 3:
        raise EstimationError(f"{len(usable)} firms are too few or too similar to estimate xi; take xi_est=one")
    if not slopes[2] > 0:
        raise EstimationError(
            f"the estimated elasticity of {staff} is {slopes[2]:.4g}, not above zero; take xi_est=one"
        )
    return float(slopes[2])


def to_unit(values: pd.Series, base: pd.Series) -> pd.Series:
    """Values mapped to [0.001, 1] by the limits of the base rows.

    Raises:
        EstimationError: the values of the base rows are all equal.
    """
    low, high = values[base].min(), values[base].max()
    width = high - low
    if not width > 0:
        raise EstimationError("the covariances are all equal: normalise='minmax' is not defined")
    return LOWEST + (1 - LOWEST) * (values.clip(low, high) - low) / width
