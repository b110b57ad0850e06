"""What a reader sees of an estimate."""

from __future__ import annotations

import pandas as pd
import pytest

from reporting.figures import SYNTHETIC, distance_band_figure, event_study_figure
from reporting.tables import number, regression_table, stars


@pytest.mark.parametrize(
    ("p", "mark"),
    [(0.0099, "***"), (0.01, "**"), (0.0499, "**"), (0.05, "*"), (0.0999, "*"), (0.1, ""), (float("nan"), "")],
)
def test_stars_at_and_around_the_levels(p: float, mark: str) -> None:
    assert stars(p) == mark


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.01301, "0.0130"),
        (-2.0, "-2.0000"),
        (1.61e-7, "1.61e-07"),
        (0.0, "0.0000"),
        (float("nan"), "–"),
        (0.00005, "0.0001"),
    ],
)
def test_numbers_never_print_a_small_effect_as_zero(value: float, text: str) -> None:
    assert number(value) == text


def test_table_has_a_cell_for_every_column_and_says_what_failed() -> None:
    columns = pd.DataFrame(
        {
            "column_id": ["(1)", "(2)"],
            "title": "Baseline",
            "label": ["", "west"],
            "note": "",
            "convention": ["cluster", ""],
            "status": ["estimated", "not estimated: no rows"],
        }
    )
    estimates = pd.DataFrame(
        {
            "column_id": ["(1)"],
            "term": ["did"],
            "dependent": ["y"],
            "estimate": [0.5],
            "std_error": [0.1],
            "p_value": [0.001],
        }
    )
    fit = pd.DataFrame({"column_id": ["(1)"], "statistic": ["nobs"], "value": [100.0]})
    table = regression_table("t", columns, estimates, fit, {"did": "Treatment", "y": "Outcome"})
    assert table.dependent == "Outcome"
    assert table.body == [("Treatment", ["0.5000***", ""]), ("", ["(0.1000)", ""])]
    assert table.fit[0] == ("Observations", ["100", "–"])
    assert "(2) not estimated: no rows" in table.notes


def test_figure_is_the_same_text_every_time() -> None:
    curve = pd.DataFrame(
        {"x": [-2.0, -1.0, 0.0], "y": [0.1, 0.0, 0.3], "lower": [0.0, 0.0, 0.1], "upper": [0.2, 0.0, 0.5]}
    )
    first = event_study_figure(curve, "Effect")
    assert first == event_study_figure(curve.iloc[::-1], "Effect")
    assert first.startswith("<svg") and SYNTHETIC not in first


def test_a_figure_of_synthetic_data_says_so_by_itself() -> None:
    curve = pd.DataFrame({"x": [-1.0, 0.0], "y": [0.0, 0.3], "lower": [0.0, 0.1], "upper": [0.0, 0.5]})
    assert f"<dc:title>{SYNTHETIC}" in event_study_figure(curve, "Effect", synthetic=True)
    assert SYNTHETIC in distance_band_figure(curve, "Effect", synthetic=True)
