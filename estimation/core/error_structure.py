"""From option names and columns of a frame to the error structure that `estimation.core.covariance` works on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

import numpy as np
import pandas as pd

from estimation.core.covariance import ErrorStructure, Kernel, Vcov
from estimation.core.frame import EstimationError, PanelFrame

COORDINATES = ("city_lat", "city_lon")


def cluster_columns(vcov: str, cluster: str | Sequence[str] | None, entity: str, time: str) -> tuple[str, ...]:
    """Names of the columns clustered on: by default the entity, for two ways entity and time.

    Raises:
        EstimationError: unknown ``vcov``, a cluster given for another covariance, or a wrong number of columns.
    """
    if vcov not in get_args(Vcov):
        raise EstimationError(f"vcov={vcov!r} is not one of {', '.join(get_args(Vcov))}")
    given = () if cluster is None else (cluster,) if isinstance(cluster, str) else tuple(cluster)
    if vcov not in ("cluster", "twoway"):
        if given:
            raise EstimationError(f"cluster={cluster!r} is used by vcov='cluster' and 'twoway' only, not {vcov!r}")
        return ()
    wanted = 1 if vcov == "cluster" else 2
    names = given or ((entity,) if wanted == 1 else (entity, time))
    if len(names) != wanted or len(set(names)) != wanted:
        raise EstimationError(f"vcov={vcov!r} needs {wanted} cluster column(s), got {', '.join(names)}")
    return names


def carried_columns(
    vcov: str, cluster: str | Sequence[str] | None, entity: str, time: str, coordinates: Sequence[str] = COORDINATES
) -> list[str]:
    """Columns besides the keys that the covariance needs in the panel frame."""
    names = cluster_columns(vcov, cluster, entity, time)
    wanted = [*names, *(coordinates if vcov == "conley" else ())]
    return [name for name in wanted if name not in (entity, time)]


def error_structure(
    frame: PanelFrame,
    vcov: str,
    cluster: str | Sequence[str] | None = None,
    *,
    entity: str = "city_code",
    time: str = "year",
    bandwidth: int | None = None,
    coordinates: Sequence[str] = COORDINATES,
    cutoff_km: float | None = None,
    kernel: Kernel = "uniform",
) -> ErrorStructure:
    """Error structure of the rows of a panel frame.

    Args:
        vcov: one of ``Vcov``. cluster: column(s) for ``cluster`` and ``twoway`` (default: entity; entity and time).
        bandwidth: lags of Driscoll-Kraay; default floor(T^(1/4)) as in fixest.
        coordinates, cutoff_km, kernel: latitude and longitude columns (degrees), cutoff and kernel of Conley.

    Raises:
        EstimationError: an option is unknown or missing, or a cluster label or coordinate is missing.
    """
    names = cluster_columns(vcov, cluster, entity, time)
    if vcov == "driscoll_kraay":
        lags = int(np.floor(len(frame.times) ** 0.25)) if bandwidth is None else int(bandwidth)
        if not 0 <= lags < len(frame.times):
            raise EstimationError(f"bandwidth={lags} must lie between 0 and the number of periods less one")
        return ErrorStructure("driscoll_kraay", f"driscoll_kraay(lags={lags})", (frame.time_codes,), lags)
    if vcov == "conley":
        return _conley(frame, coordinates, cutoff_km, kernel)
    if not names:
        return ErrorStructure("robust" if vcov == "robust" else "iid", vcov)
    groups = tuple(_codes(frame, name, entity, time) for name in names)
    kind: Vcov = "cluster" if vcov == "cluster" else "twoway"
    return ErrorStructure(kind, f"{vcov}({', '.join(names)})", groups)


def _codes(frame: PanelFrame, name: str, entity: str, time: str) -> np.ndarray:
    if name == entity:
        return frame.entity_codes
    if name == time:
        return frame.time_codes
    _refuse_missing(frame, [name], entity, time)
    return pd.factorize(frame.data[name], sort=True)[0]


def _conley(frame: PanelFrame, coordinates: Sequence[str], cutoff_km: float | None, kernel: Kernel) -> ErrorStructure:
    if cutoff_km is None or not cutoff_km > 0:
        raise EstimationError("vcov='conley' needs cutoff_km, a positive distance in kilometres")
    if kernel not in get_args(Kernel):
        raise EstimationError(f"kernel={kernel!r} is not one of {', '.join(get_args(Kernel))}")
    keys = list(frame.data.columns[:2])
    _refuse_missing(frame, list(coordinates), *keys)
    try:
        points = frame.data[list(coordinates)].to_numpy(dtype=float)
    except (TypeError, ValueError) as error:
        raise EstimationError(f"coordinates {', '.join(coordinates)} are not numeric") from error
    if (np.abs(points[:, 0]) > 90).any() or (np.abs(points[:, 1]) > 360).any():
        raise EstimationError(f"coordinates {', '.join(coordinates)} must be degrees (latitude first, within -90..90)")
    places, codes = np.unique(points, axis=0, return_inverse=True)
    label = f"conley({cutoff_km:g} km, {kernel})"
    return ErrorStructure("conley", label, (codes.ravel(),), 0, places[:, 0], places[:, 1], float(cutoff_km), kernel)


def _refuse_missing(frame: PanelFrame, names: Sequence[str], entity: str, time: str) -> None:
    for name in names:
        missing = frame.data[name].isna()
        if missing.any():
            rows = frame.data.loc[missing, [entity, time]].head(3).itertuples(index=False, name=None)
            raise EstimationError(f"{name} is missing in {int(missing.sum())} row(s), e.g. {', '.join(map(str, rows))}")
