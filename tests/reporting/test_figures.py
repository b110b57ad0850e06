"""Figures of curves: what is drawn follows from the curve alone."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from reporting.figures import distance_band_figure

CURVE = pd.DataFrame(
    {
        "x": [150.0, 300.0, 450.0, 600.0],
        "y": [0.3, 0.1, -0.1, -0.05],
        "lower": [0.2, 0.0, -0.2, -0.2],
        "upper": [0.4, 0.2, 0.0, 0.1],
    }
)


def groups(svg: str, kind: str) -> int:
    """How many drawn objects of a kind (``line2d``, ``text``) the figure has."""
    return len(re.findall(rf'<g id="{kind}_\d+"', svg))


def test_same_curve_same_text_in_any_row_order() -> None:
    first = distance_band_figure(CURVE, "Decay", 375.0)
    assert first.startswith("<svg")
    assert first == distance_band_figure(CURVE.iloc[::-1], "Decay", 375.0)
    assert first != distance_band_figure(CURVE, "Decay", 376.0)
    assert first != distance_band_figure(CURVE.assign(upper=CURVE["upper"] + 0.1), "Decay", 375.0)


@pytest.mark.parametrize("crossing", [None, float("nan")])
def test_crossing_is_one_line_and_its_distance(crossing: float | None) -> None:
    crossed, plain = distance_band_figure(CURVE, "Decay", 375.0), distance_band_figure(CURVE, "Decay", crossing)
    assert groups(crossed, "line2d") == groups(plain, "line2d") + 1
    assert groups(crossed, "text") == groups(plain, "text") + 1
    assert "375 km" in crossed
    assert "375 km" not in plain


def test_a_band_that_is_not_identified_is_a_gap() -> None:
    holed = CURVE.copy()
    holed.loc[1, ["y", "lower", "upper"]] = np.nan
    before = holed.copy()
    svg = distance_band_figure(holed, "Decay")
    assert "nan" not in svg.lower()
    assert groups(svg, "text") == groups(distance_band_figure(CURVE, "Decay"), "text")
    pd.testing.assert_frame_equal(holed, before)
