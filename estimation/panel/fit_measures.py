"""R-squared measures of a panel regression, each under its own name."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class FitMeasures:
    """Shares of variation explained, definitions in `estimation.panel.PanelFit`."""

    r2_within: float
    r2_overall: float
    r2_inclusive: float
    r2_between: float
    r2_within_entity: float
    corr2_overall: float
    corr2_between: float


def fit_measures(
    y: np.ndarray,
    y_within: np.ndarray,
    fitted: np.ndarray,
    residuals: np.ndarray,
    entity_codes: np.ndarray,
    mass: np.ndarray,
) -> FitMeasures:
    """R-squared measures of one regression.

    Args:
        y: (n,) outcome. y_within: the outcome without its effects. fitted: (n,) constant + xb, without effects.
        residuals: (n,) with effects explained. mass: (n,) weights, or ones.
    """
    centred = y - np.average(y, weights=mass)
    total = float(mass @ centred**2)
    ssr = float(mass @ residuals**2)
    left = y_within - np.average(y_within, weights=mass)
    entity_mass = np.bincount(entity_codes, mass)
    y_mean = np.bincount(entity_codes, mass * y) / entity_mass
    fitted_mean = np.bincount(entity_codes, mass * fitted) / entity_mass
    share = np.ones_like(entity_mass) if np.ptp(mass) == 0 else entity_mass
    between = float(share @ (y_mean - np.average(y_mean, weights=share)) ** 2)
    return FitMeasures(
        r2_within=_share(ssr, float(mass @ left**2)),
        r2_overall=_share(float(mass @ (y - fitted) ** 2), total),
        r2_inclusive=_share(ssr, total),
        r2_between=_share(float(share @ (y_mean - fitted_mean) ** 2), between),
        r2_within_entity=_share(ssr, float(mass @ (y - y_mean[entity_codes]) ** 2)),
        corr2_overall=_squared_correlation(y, fitted, mass),
        corr2_between=_squared_correlation(y_mean, fitted_mean, share),
    )


def _share(unexplained: float, total: float) -> float:
    """1 - unexplained/total; NaN where there is nothing to explain."""
    return float(1 - unexplained / total) if total > 0 else np.nan


def _squared_correlation(a: np.ndarray, b: np.ndarray, mass: np.ndarray) -> float:
    a, b = a - np.average(a, weights=mass), b - np.average(b, weights=mass)
    product = (mass @ a**2) * (mass @ b**2)
    return float((mass @ (a * b)) ** 2 / product) if product > 0 else np.nan
