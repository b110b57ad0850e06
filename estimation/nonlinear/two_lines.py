"""Two-lines test of a U shape: an interrupted regression at a data-driven break.

Both lines must have significant slopes of opposite sign. The break is set by the Robin Hood algorithm of Simonsohn
(2018), "Two lines: a valid alternative to the invalid testing of U-shaped relationships with quadratic regressions",
AMPPS 1(4): a smooth curve is fitted, the break is first the middle of the flat region around its extreme (values
within one standard error of the most extreme fitted value), then moved within that region towards the side whose
slope is estimated more precisely. The smooth curve is a restricted cubic spline inside the same panel regression (the
original uses a spline of an additive model).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Unpack

import numpy as np
import pandas as pd

from estimation.core.frame import EstimationError
from estimation.core.options import PanelOptions
from estimation.core.terms import block
from estimation.panel.fit import PanelFit, fit_panel

KNOTS = (0.05, 0.275, 0.5, 0.725, 0.95)
LOW, HIGH, JUMP = "__line_low__", "__line_high__", "__jump__"


@dataclass(frozen=True)
class TwoLines:
    """Interrupted regression at ``break_point``.

    Attributes:
        slope_low, slope_high: slopes below and above the break; se_low, se_high; p_low, p_high two-sided.
        supported: whether both are significant at 5 % with opposite signs. shape: ``U``, ``inverse U`` or ``none``.
        flat_region: values of the variable whose fitted height is within one standard error of the extreme.
        note: why the test could not be run (then everything is NaN).
    """

    break_point: float
    slope_low: float
    slope_high: float
    se_low: float
    se_high: float
    p_low: float
    p_high: float
    supported: bool
    shape: str
    flat_region: tuple[float, float]
    note: str = ""


def two_lines_test(
    data: pd.DataFrame, y: str, term: str, controls: Sequence[str], *, shape_up: bool, **options: Unpack[PanelOptions]
) -> TwoLines:
    """Two-lines test on a sample without missing values.

    Args:
        shape_up: whether the extreme looked for is a minimum (a U) or a maximum.
    """
    values = data[term].to_numpy(float)
    try:
        flat = flat_region(data, y, term, controls, shape_up, options)
        first = float(np.median(flat))
        fit = interrupted_regression(data, y, term, controls, first, options)
        z = np.abs(fit.statistics[[LOW, HIGH]].to_numpy())
        # Robin Hood: the more precise side gives observations to the other.
        final = float(np.quantile(flat, z[1] / z.sum()))
        fit = interrupted_regression(data, y, term, controls, final, options)
    except EstimationError as error:
        nan = float("nan")
        return TwoLines(nan, nan, nan, nan, nan, nan, nan, False, "none", (nan, nan), str(error))
    slopes, se = fit.coef[[LOW, HIGH]].to_numpy(), fit.se[[LOW, HIGH]].to_numpy()
    p = fit.p_values[[LOW, HIGH]].to_numpy()
    opposite = slopes[0] * slopes[1] < 0
    supported = bool(opposite and (p < 0.05).all())
    shape = ("U" if slopes[0] < 0 else "inverse U") if supported else "none"
    region = (float(values[np.isin(values, flat)].min()), float(flat.max()))
    return TwoLines(
        final, float(slopes[0]), float(slopes[1]), float(se[0]), float(se[1]), float(p[0]), float(p[1]),
        supported, shape, region,
    )  # fmt: skip


def interrupted_regression(
    data: pd.DataFrame, y: str, term: str, controls: Sequence[str], at: float, options: PanelOptions
) -> PanelFit:
    """y on (v - c) below c, (v - c) from c on, a jump at c, and controls."""
    v = data[term].to_numpy(float)
    above = (v >= at).astype(float)
    if above.all() or not above.any():
        raise EstimationError(f"the break {at:g} lies at the edge of {term}: one line has no observation")
    lines = {LOW: (v - at) * (1 - above), HIGH: (v - at) * above, JUMP: above}
    return fit_panel(data.assign(**lines), y, [LOW, HIGH, JUMP, *controls], **options)


def flat_region(
    data: pd.DataFrame, y: str, term: str, controls: Sequence[str], shape_up: bool, options: PanelOptions
) -> np.ndarray:
    """Sorted observed values whose fitted height lies within one standard error of the extreme one.

    The outer tenths of the values are not searched, as in Simonsohn's code, so that neither line is left without data.
    """
    v = data[term].to_numpy(float)
    basis = restricted_cubic_spline(v)
    labels = [f"__spline_{j}__" for j in range(basis.shape[1])]
    splined = data.assign(**{label: basis[:, j] for j, label in enumerate(labels)})
    fit = fit_panel(splined, y, [*labels, *controls], **options)
    inner = np.flatnonzero((v >= np.quantile(v, 0.1)) & (v <= np.quantile(v, 0.9)))
    B = basis[inner]
    height = B @ fit.coef[labels].to_numpy()
    extreme = int(height.argmin() if shape_up else height.argmax())
    gap = B - B[extreme]
    V = block(fit, labels)
    centred = B - basis.mean(axis=0)
    se = np.sqrt(np.einsum("ij,jk,ik->i", centred, V, centred))
    distance = np.abs(gap @ fit.coef[labels].to_numpy())
    return np.sort(v[inner][distance <= se[extreme]])


def restricted_cubic_spline(v: np.ndarray) -> np.ndarray:
    """(n, 4) linear term and three restricted cubic terms at five quantile knots, scaled by the squared knot range.

    Source: Harrell (2015), Regression Modeling Strategies, section 2.4.5.
    """
    knots = np.quantile(v, KNOTS)
    if len(np.unique(knots)) < len(KNOTS):
        raise EstimationError("too few distinct values for a spline with five knots")
    last, before = knots[-1], knots[-2]

    def cube(at: float) -> np.ndarray:
        return np.maximum(v - at, 0) ** 3

    columns = [v]
    for knot in knots[:-2]:
        tail = cube(before) * (last - knot) - cube(last) * (before - knot)
        columns.append((cube(knot) - tail / (last - before)) / (last - knots[0]) ** 2)
    return np.column_stack(columns)
