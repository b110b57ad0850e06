"""Options that every function built on `estimation.panel.fit_panel` passes through, under the same names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from estimation.core.covariance import Kernel, Ssc, Vcov
from estimation.core.frame import EstimationError
from estimation.core.within import Effects


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


def check_options(given: Mapping[str, Any], allowed: type) -> None:
    """Refuse an option the function does not take, so that none is ignored in silence.

    Args:
        allowed: one of the option types of this module.
    """
    known = sorted(allowed.__optional_keys__ | allowed.__required_keys__)  # type: ignore[attr-defined]
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise EstimationError(f"unknown option(s) {', '.join(unknown)}; allowed: {', '.join(known)}")
