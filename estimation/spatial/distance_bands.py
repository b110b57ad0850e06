"""How far a treatment reaches: exposure to treated units by distance band.

N^s_it = 1 if some other unit j is treated in t and s - step < d_ij <= s;
y_it = b D_it + sum_s b_s N^s_it + x_it g + effects + e_it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Literal, Unpack

import numpy as np
import pandas as pd

from estimation.core.design import regressors
from estimation.core.frame import EstimationError, panel_frame
from estimation.core.options import PanelOptions
from estimation.panel.fit import PanelFit, fit_panel
from estimation.spatial.data import check_balanced

EDGES_KM = tuple(range(0, 1201, 150))
_BAND = "band_"


@dataclass(frozen=True, kw_only=True)
class DistanceBands:
    """Estimates by distance band.

    Attributes:
        curve: one row a band: lower_km, upper_km, estimate, std_error, p_value, conf_low, conf_high, n_exposed (rows
            with N = 1), note (why a band is not identified; its estimate is then NaN).
        crossings: one row a change of sign between neighbouring bands: x_km (straight line between the upper edges of
            the two bands), std_error (delta method; NaN for separate fits), direction.
        crossing_km: first crossing from positive to negative, NaN if there is none.
        mode: ``joint`` or ``separate``. fits: the regression(s) by band name, or ``joint``. convention: of the fit(s).
    """

    curve: pd.DataFrame
    crossings: pd.DataFrame
    crossing_km: float
    mode: str
    fits: dict[str, PanelFit] = field(repr=False)
    convention: str

    def curve_rows(self, series: str = "distance band") -> list[dict[str, Any]]:
        """One dict a band with the columns of ``results.curves``: x is the upper edge in km."""
        return [
            {"series": f"{series} ({self.mode})", "x": x, "y": y, "lower": lower, "upper": upper}
            for x, y, lower, upper in self.curve[["upper_km", "estimate", "conf_low", "conf_high"]]
            .to_numpy(float)
            .tolist()
        ]

    def to_rows(self) -> list[dict[str, Any]]:
        """Rows of ``results.estimates``: all terms of the joint fit, or the band's own term of each separate fit."""
        if self.mode == "joint":
            return self.fits["joint"].to_rows()
        return [row for name, fit in self.fits.items() for row in fit.to_rows() if row["term"] == name]


def distance_matrix(D: Any, units: np.ndarray) -> np.ndarray:
    """(n, n) distances in km in the order of ``units``.

    Args:
        D: DataFrame labelled with the units (matched by label; more units than needed are allowed), or an (n, n) array
            in sorted unit order.

    Raises:
        EstimationError: wrong shape, units without a distance, missing, negative or asymmetric distances, a non-zero
            diagonal, or a zero distance between two units.
    """
    if isinstance(D, pd.DataFrame):
        absent = [u for u in units if u not in D.index or u not in D.columns]
        if absent:
            raise EstimationError(f"no distance for {len(absent)} unit(s), e.g. {', '.join(map(str, absent[:5]))}")
        if not D.index.is_unique or not D.columns.is_unique:
            raise EstimationError("the distance matrix has duplicated labels")
        values = D.loc[units, units].to_numpy(dtype=float)
    else:
        values = np.array(D, dtype=float)
    if values.shape != (len(units), len(units)):
        raise EstimationError(f"distances must be {len(units)}x{len(units)} (one row a unit); got {values.shape}")
    if not np.isfinite(values).all() or (values < 0).any():
        raise EstimationError("distances must be finite and not negative")
    if np.diag(values).any():
        raise EstimationError("the distance of a unit to itself must be zero")
    if not np.allclose(values, values.T, rtol=1e-6, atol=1e-6):
        raise EstimationError("the distance matrix is not symmetric")
    twins = np.argwhere(np.triu((values == 0), k=1))
    if len(twins):
        raise EstimationError(
            f"{units[twins[0][0]]} and {units[twins[0][1]]} are at distance zero; correct the coordinates"
        )
    return values


def band_columns(
    df: pd.DataFrame,
    treat: str,
    D: Any,
    *,
    edges_km: Sequence[float] = EDGES_KM,
    entity: str = "city_code",
    time: str = "year",
) -> pd.DataFrame:
    """Exposure dummies ``band_<upper edge>`` in the row order and index of ``df``.

    Raises:
        EstimationError: ``treat`` is not 0/1 or not known for every unit in every period; unusable edges or distances.
    """
    edges = _edges(edges_km)
    frame = panel_frame(df, [treat], entity=entity, time=time)
    if frame.n_dropped:
        raise EstimationError(f"{treat} is missing in {frame.n_dropped} row(s): exposure needs every unit's treatment")
    check_balanced(frame, entity, time)
    treated = _binary(frame.array(treat), treat).reshape(len(frame.entities), len(frame.times))
    distances = distance_matrix(D, frame.entities)
    bands = {}
    for lower, upper in pairwise(edges):
        near = (distances > lower) & (distances <= upper)
        bands[f"{_BAND}{upper:g}"] = (near.astype(float) @ treated > 0).astype(float).ravel()
    keys = pd.MultiIndex.from_frame(frame.data[[entity, time]])
    wanted = pd.MultiIndex.from_frame(df[[entity, time]])
    table = pd.DataFrame(bands, index=keys).reindex(wanted)
    return table.set_axis(df.index, axis=0)


def fit_distance_bands(
    df: pd.DataFrame,
    y: str,
    treat: str,
    x: str | Sequence[str],
    D: Any,
    *,
    edges_km: Sequence[float] = EDGES_KM,
    mode: Literal["joint", "separate"] = "joint",
    **options: Unpack[PanelOptions],
) -> DistanceBands:
    """Effect of treated units by their distance.

    Exposure is computed on all rows of ``df``; rows with a missing outcome or control are left out of the regression.

    Args:
        x: controls (may be empty). D: distances in km, see `distance_matrix`. edges_km: 0, 150, ..., 1200 by default.
        mode: ``joint`` all bands in one regression; ``separate`` one regression a band.
        options: of `estimation.panel.fit_panel` (effects, vcov, cluster, ssc, entity, time, …).

    Raises:
        EstimationError: unusable input, or a control or the treatment that is not identified.
    """
    if mode not in ("joint", "separate"):
        raise EstimationError(f"mode={mode!r} is not one of joint, separate")
    names = regressors([treat, *([x] if isinstance(x, str) else x)], y)
    entity, time = options.get("entity", "city_code"), options.get("time", "year")
    exposure = band_columns(df, treat, D, edges_km=edges_km, entity=entity, time=time)
    bands = [str(name) for name in exposure.columns]
    clash = [name for name in bands if name in df.columns]
    if clash:
        raise EstimationError(f"the data already have column(s) {', '.join(clash)}; rename them")
    data = pd.concat([df, exposure], axis=1)
    groups = {"joint": bands} if mode == "joint" else {name: [name] for name in bands}
    fits = {name: fit_panel(data, y, [*names, *group], collinear="drop", **options) for name, group in groups.items()}
    for fit in fits.values():
        lost = [why for term, why in fit.dropped.items() if term not in bands]
        if lost:
            raise EstimationError(f"not identified: {'; '.join(lost)}; leave the column(s) out")
    curve = _curve(fits, exposure, _edges(edges_km), mode)
    crossings = _crossings(curve, fits["joint"].cov if mode == "joint" else None)
    falling = crossings.loc[crossings["direction"] == "positive to negative", "x_km"]
    return DistanceBands(
        curve=curve, crossings=crossings, crossing_km=float(falling.iloc[0]) if len(falling) else np.nan,
        mode=mode, fits=fits, convention=next(iter(fits.values())).convention,
    )  # fmt: skip


def _edges(edges_km: Sequence[float]) -> list[float]:
    edges = [float(edge) for edge in edges_km]
    if len(edges) < 2 or edges[0] < 0 or any(b <= a for a, b in pairwise(edges)):
        raise EstimationError(f"edges_km must rise from 0 or above and hold at least two values; got {list(edges_km)}")
    return edges


def _binary(values: np.ndarray, name: str) -> np.ndarray:
    if not np.isin(values, (0.0, 1.0)).all():
        raise EstimationError(f"{name} must be 0 or 1 in every row")
    return values


def _curve(fits: dict[str, PanelFit], exposure: pd.DataFrame, edges: list[float], mode: str) -> pd.DataFrame:
    """Rows of the decay figure, in order of distance."""
    rows = {}
    for name, (lower, upper) in zip([str(c) for c in exposure.columns], pairwise(edges), strict=True):
        fit = fits["joint" if mode == "joint" else name]
        estimates = [np.nan] * 5
        if name in fit.coef.index:
            limits = fit.conf_int()
            estimates = [
                float(column[name])
                for column in (fit.coef, fit.se, fit.p_values, limits["conf_low"], limits["conf_high"])
            ]
        columns = ("estimate", "std_error", "p_value", "conf_low", "conf_high")
        rows[name] = {
            "lower_km": lower, "upper_km": upper, **dict(zip(columns, estimates, strict=True)),
            "n_exposed": int(exposure[name].sum()), "note": fit.dropped.get(name, ""),
        }  # fmt: skip
    return pd.DataFrame.from_dict(rows, orient="index")


def _crossings(curve: pd.DataFrame, cov: pd.DataFrame | None) -> pd.DataFrame:
    """Changes of sign between neighbouring identified bands, on the straight line between their upper edges."""
    known = curve.dropna(subset=["estimate"])
    points = zip(known.index, known["upper_km"].to_numpy(float), known["estimate"].to_numpy(float), strict=True)
    found = []
    for (first, s1, e1), (second, s2, e2) in pairwise(points):
        if np.sign(e1) == np.sign(e2) or e1 == 0:
            continue
        width, gap = s2 - s1, e1 - e2
        gradient = width / gap**2 * np.array([-e2, e1])
        error = np.nan
        if cov is not None:
            pair = cov.loc[[first, second], [first, second]].to_numpy()
            error = float(np.sqrt(gradient @ pair @ gradient))
        direction = "positive to negative" if e1 > 0 else "negative to positive"
        found.append({
            "x_km": s1 + width * e1 / gap, "std_error": error, "between": f"{first} and {second}",
            "direction": direction,
        })  # fmt: skip
    return pd.DataFrame(found, columns=["x_km", "std_error", "between", "direction"])
