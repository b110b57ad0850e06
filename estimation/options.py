"""Options that every function built on `estimation.panel.fit_panel` passes through, under the same names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

from estimation.covariance import Kernel, Ssc, Vcov
from estimation.within import Effects


class KeyOptions(TypedDict, total=False):
    """Names of the key columns (default ``city_code`` and ``year``)."""

    entity: str
    time: str


class CovarianceDetails(KeyOptions, total=False):
    """Keyword options of `fit_panel` that go with a covariance; see there."""

    cluster: str | Sequence[str] | None
    ssc: Ssc
    bandwidth: int | None
    coordinates: Sequence[str]
    cutoff_km: float | None
    kernel: Kernel


class CovarianceOptions(CovarianceDetails, total=False):
    """Keyword options of `fit_panel` that choose the covariance; see there."""

    vcov: Vcov


class PanelOptions(CovarianceOptions, total=False):
    """Keyword options of `fit_panel`; see there."""

    effects: Effects
    weights: str | None


class SwitchedOptions(CovarianceDetails, total=False):
    """Keyword options of `fit_panel` without effects and covariance, which a specification curve switches."""

    weights: str | None
