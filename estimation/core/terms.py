"""Derived regressors (squares, products) on the estimation sample; names as the published tables print them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from estimation.core.covariance import ErrorStructure
from estimation.core.error_structure import COORDINATES, carried_columns, error_structure
from estimation.core.frame import EstimationError, PanelFrame, panel_frame
from estimation.core.options import PanelOptions
from estimation.core.results import Estimates, critical_value, two_sided_p

PERCENTILES = (5.0, 10.0, 25.0, 50.0, 75.0, 90.0, 95.0)


def square_name(term: str) -> str:
    """Name of the square of a term, e.g. ``Va_sq``."""
    return f"{term}_sq"


def product_name(first: str, second: str) -> str:
    """Name of the product of two terms, e.g. ``did#lnrel``."""
    return f"{first}#{second}"


def names(given: str | Sequence[str] | None) -> list[str]:
    """One name or several as a list."""
    return [] if given is None else [given] if isinstance(given, str) else list(given)


@dataclass(frozen=True)
class Sample:
    """Rows without a missing value in any used column, sorted by key.

    Attributes:
        data: used columns, keys, and the columns the covariance needs. n_dropped: rows left out.
    """

    frame: PanelFrame
    data: pd.DataFrame
    n_dropped: int


def estimation_sample(
    df: pd.DataFrame, columns: Iterable[str], options: PanelOptions, keep: Iterable[str] = ()
) -> Sample:
    """The one sample every regression of an analysis is run on.

    Raises:
        EstimationError: as `estimation.core.frame.panel_frame` and `estimation.core.error_structure.carried_columns`.
    """
    entity, time = key_names(options)
    weights = options.get("weights")
    used = list(dict.fromkeys([*columns, *([weights] if weights else [])]))
    carried = carried_columns(
        options.get("vcov", "cluster"), options.get("cluster"), entity, time, options.get("coordinates", COORDINATES)
    )
    frame = panel_frame(df, used, entity=entity, time=time, keep=[*carried, *keep])
    return Sample(frame, frame.data, frame.n_dropped)


def structure_of(frame: PanelFrame, options: PanelOptions) -> ErrorStructure:
    """Error structure of the rows of a frame under the covariance options (``cluster`` unless ``vcov`` is given)."""
    entity, time = key_names(options)
    return error_structure(
        frame, options.get("vcov", "cluster"), options.get("cluster"), entity=entity, time=time,
        bandwidth=options.get("bandwidth"), coordinates=options.get("coordinates", COORDINATES),
        cutoff_km=options.get("cutoff_km"), kernel=options.get("kernel", "uniform"),
    )  # fmt: skip


def key_names(options: PanelOptions) -> tuple[str, str]:
    """Entity and time column."""
    return options.get("entity", "city_code"), options.get("time", "year")


def with_columns(data: pd.DataFrame, new: Mapping[str, np.ndarray | pd.Series]) -> pd.DataFrame:
    """A copy with derived columns.

    Raises:
        EstimationError: a column of that name exists and holds other values.
    """
    for name, values in new.items():
        if name in data.columns and not np.allclose(data[name].to_numpy(float), np.asarray(values, float), rtol=1e-9):
            raise EstimationError(f"column {name} exists but is not the derived term of that name; rename it")
    return data.assign(**new)


def marginal_effects(
    fit: Estimates,
    term: str,
    product: str,
    at: dict[str, float],
    *,
    shift: float = 0.0,
    level: float = 0.95,
) -> pd.DataFrame:
    """Effect b_term + b_product (v - shift) at each value v of the other variable, with delta-method errors.

    Args:
        at: values by label (e.g. ``"p50"``). shift: the value subtracted when the product was formed (centring).

    Returns:
        One row a value: ``value``, ``effect``, ``std_error``, ``statistic``, ``p_value``, ``conf_low``, ``conf_high``.
    """
    values = np.array(list(at.values()))
    weights = np.column_stack([np.ones(len(values)), values - shift])
    V = block(fit, [term, product])
    effect = weights @ fit.coef[[term, product]].to_numpy()
    se = np.sqrt(np.einsum("ij,jk,ik->i", weights, V, weights))
    half = critical_value(level, fit.df_t) * se
    return pd.DataFrame(
        {
            "value": values,
            "effect": effect,
            "std_error": se,
            "statistic": effect / se,
            "p_value": two_sided_p(effect / se, fit.df_t),
            "conf_low": effect - half,
            "conf_high": effect + half,
        },
        index=pd.Index(list(at), name="at"),
    )


def block(fit: Estimates, terms: Sequence[str]) -> np.ndarray:
    """(k, k) covariance of some terms."""
    return fit.cov.loc[list(terms), list(terms)].to_numpy(dtype=float)


def inherited(fit: Estimates) -> dict[str, Any]:
    """What an analysis built on one regression takes over from it, by field name of `Estimates`."""
    kept = ("dependent", "vcov", "coef", "cov", "nobs", "n_entities", "df_resid", "df_t", "tests")
    return {name: getattr(fit, name) for name in kept}


def percentile_values(values: np.ndarray, percentiles: Sequence[float] = PERCENTILES) -> dict[str, float]:
    """Percentiles (linear interpolation) and mean by label."""
    points = {f"p{p:g}": float(np.percentile(values, p)) for p in percentiles}
    return points | {"mean": float(values.mean())}
