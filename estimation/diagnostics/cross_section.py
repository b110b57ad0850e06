"""Cross-section dependence of a panel variable or of residuals.

Source: Pesaran (2004), General diagnostic tests for cross section dependence in panels, Cambridge WP in Economics 0435;
(2015), Econometric Reviews 34, 1089-1117.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from estimation.core.frame import EstimationError, panel_frame
from estimation.core.results import HypothesisTest


@dataclass(frozen=True)
class CrossSectionDependence:
    """Pesaran's CD test.

    Attributes:
        test: CD, standard normal under independence (two-sided). mean_correlation, mean_abs_correlation: over the pairs used.
        n_pairs: pairs with enough common periods and variation.
    """

    test: HypothesisTest
    mean_correlation: float
    mean_abs_correlation: float
    n_pairs: int


def pesaran_cd(
    df: pd.DataFrame, column: str, *, entity: str = "city_code", time: str = "year", min_common: int = 3
) -> CrossSectionDependence:
    """CD = sqrt(1/n_pairs) sum_{i<j} sqrt(T_ij) r_ij, with r_ij the correlation over the T_ij common periods.

    With a balanced panel this is sqrt(2T/(N(N-1))) sum r_ij. After two-way fixed effects residuals are negatively correlated
    by construction and CD is not standard normal (Juodis and Reese 2022): use it on variables or one-way residuals.

    Raises:
        EstimationError: unusable data, fewer than two entities, or no pair with ``min_common`` common periods.
    """
    frame = panel_frame(df, [column], entity=entity, time=time)
    if min_common < 2:
        raise EstimationError(f"min_common={min_common} must be at least 2")
    shape = len(frame.entities), len(frame.times)
    values, known = np.zeros(shape), np.zeros(shape)
    values[frame.entity_codes, frame.time_codes] = frame.array(column)
    known[frame.entity_codes, frame.time_codes] = 1.0
    values = (values - _row_means(values, known)) * known
    common = known @ known.T
    # Sums over common periods, for each pair (i, j): of i, of i squared, of the product.
    sums, squares, products = values @ known.T, values**2 @ known.T, values @ values.T
    spread = squares - sums**2 / np.maximum(common, 1)
    scale = np.sqrt(spread * spread.T)
    usable = np.triu(common >= min_common, 1) & (scale > 1e-12 * np.sqrt(squares * squares.T))
    if not usable.any():
        raise EstimationError(f"no pair of entities has {min_common} common periods of {column} with variation")
    r = (products - sums * sums.T / np.maximum(common, 1))[usable] / scale[usable]
    statistic = float((np.sqrt(common[usable]) * r).sum() / np.sqrt(len(r)))
    note = f"{len(r)} pairs, common periods {int(common[usable].min())} to {int(common[usable].max())}"
    test = HypothesisTest(statistic, None, float(2 * stats.norm.sf(abs(statistic))), note)
    return CrossSectionDependence(test, float(r.mean()), float(np.abs(r).mean()), len(r))


def _row_means(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    return np.asarray((values * known).sum(axis=1, keepdims=True) / known.sum(axis=1, keepdims=True))
