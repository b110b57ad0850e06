"""Figures of curves: what is drawn follows from the curve alone."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from reporting.figures import distance_band_figure, va_types_figure

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


def types(kinds: list[int | None]) -> pd.DataFrame:
    """Two years of one city a type; share and growth are those that the type needs."""
    place = {1: (0.02, 0.2), 2: (0.03, 0.1), 3: (0.002, 0.3), 4: (0.05, 0.01), 5: (0.001, 0.02)}
    rows = [(f"c{at}", *place.get(kind or 0, (np.nan, np.nan)), kind) for at, kind in enumerate(kinds)]
    return pd.DataFrame(rows * 2, columns=["city_code", "share", "growth", "va_type"])


def test_types_are_counted_once_a_city_and_cut_by_three_lines() -> None:
    svg = va_types_figure(types([1, 2, 3, 3, 4, 5, None]))
    for label in ("1 frontier (1)", "2 steady (1)", "3 potential (2)", "4 high base, adjusting (1)", "5 stagnant (1)"):
        assert f"<!-- {label} -->" in svg
    with_cut, without = va_types_figure(types([1, 2, 3, 4, 5])), va_types_figure(types([3, 5]))
    assert groups(with_cut, "line2d") > groups(without, "line2d")
    assert "SYNTHETIC" not in svg and "SYNTHETIC DATA" in va_types_figure(types([1, 2, 3, 4, 5]), synthetic=True)


def test_same_types_same_text_in_any_row_order() -> None:
    table = types([1, 2, 3, 3, 4, 5])
    table["share"] *= 1 + table["city_code"].rank() / 10
    assert va_types_figure(table) == va_types_figure(table.iloc[::-1])
