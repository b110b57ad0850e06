"""Difference-in-differences with control units that the treatment may have reached left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Unpack

import pandas as pd

from estimation.core.design import regressors
from estimation.core.frame import EstimationError
from estimation.core.options import PanelOptions
from estimation.panel.fit import PanelFit, fit_panel
from estimation.spatial.distance_bands import band_columns


@dataclass(frozen=True, kw_only=True)
class SpilloverDid:
    """Treatment effect before and after nearby untreated units are left out.

    Attributes:
        full, clean: the regression on all rows, and without the rows exposed to spillovers.
        excluded: labels of the units left out (``rule="ever"``), or of the (unit, period) rows (``rule="current"``).
        n_excluded_rows: rows left out. radius_km, rule: options.
    """

    full: PanelFit
    clean: PanelFit
    excluded: tuple[Any, ...]
    n_excluded_rows: int
    radius_km: float
    rule: str


def spillover_did(
    df: pd.DataFrame,
    y: str,
    treat: str,
    x: str | Sequence[str],
    D: Any,
    *,
    radius_km: float,
    rule: Literal["ever", "current"] = "ever",
    **options: Unpack[PanelOptions],
) -> SpilloverDid:
    """Difference-in-differences with the untreated neighbours of treated units left out.

    Args:
        radius_km: neighbours are units at most this far away.
        rule: ``ever`` drops never-treated units with an ever-treated neighbour, in all periods; ``current`` drops the
            rows of units untreated in a period (not yet treated ones too) that have a neighbour treated in that period.
        options: of `estimation.panel.fit_panel`.

    Raises:
        EstimationError: unusable input, a radius that is not positive, or no never-treated unit (``ever``) or untreated
            row (``current``) beyond the radius.
    """
    if rule not in ("ever", "current"):
        raise EstimationError(f"rule={rule!r} is not one of ever, current")
    if not radius_km > 0:
        raise EstimationError(f"radius_km={radius_km} must be positive")
    names = regressors([treat, *([x] if isinstance(x, str) else x)], y)
    entity, time = options.get("entity", "city_code"), options.get("time", "year")
    exposure = band_columns(df, treat, D, edges_km=(0.0, radius_km), entity=entity, time=time).iloc[:, 0] > 0
    is_treated = df[treat].astype(float) == 1
    if rule == "ever":
        ever, exposed = (flag.groupby(df[entity]).transform("any") for flag in (is_treated, exposure))
        drop, control = ~ever & exposed, ~ever & ~exposed
    else:
        drop, control = ~is_treated & exposure, ~is_treated & ~exposure
    if not control.any():
        kind = "never-treated unit" if rule == "ever" else "untreated row"
        raise EstimationError(f"no {kind} lies beyond {radius_km:g} km of every treated unit: no clean control is left")
    lost = df.loc[drop]
    labels = lost[entity].drop_duplicates() if rule == "ever" else lost[[entity, time]].apply(tuple, axis=1)
    return SpilloverDid(
        full=fit_panel(df, y, names, **options), clean=fit_panel(df.loc[~drop], y, names, **options),
        excluded=tuple(sorted(labels.tolist())), n_excluded_rows=int(drop.sum()), radius_km=float(radius_km), rule=rule,
    )  # fmt: skip
