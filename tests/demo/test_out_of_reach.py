"""Reasons of `demo/planting/moments.csv` that are not arithmetic on printed numbers: what would bring a mean and a spread about."""

import numpy as np
import pytest

from demo.planting import common_prosperity, green_development, new_quality_va_types
from demo.planting.desk import Desk, View
from demo.planting.moments import CLOSE
from demo.planting.projection import stack
from demo.samples import study
from demo.write import build_world
from tests.demo.proofs import moment

EDITIONS = range(2006, 2024)
PAPER = "new_quality_va_types"
# Positions among the 27 indicators: research staff, new firms, green area, roads, patents a head.
FAR_OUT = (6, 7, 9, 14, 24)


@pytest.fixture(scope="module")
def indicators() -> list[np.ndarray]:
    desk = Desk(build_world(seed=20260101, editions=EDITIONS, cities=300), EDITIONS)
    return new_quality_va_types.indicators(View(desk, study(PAPER)))


def described(indicators: list[np.ndarray], times: float, years: slice) -> tuple[float, float]:
    """Mean and sd of the index over those printed where, in each of five indicators, another city has `times` the largest value."""
    changed = [values.copy() for values in indicators]
    for city, at in enumerate(FAR_OUT):
        changed[at][city, years] = times * indicators[at].max()
    y, _ = new_quality_va_types.index(changed)
    printed = [moment(PAPER, "NQ", what) for what in ("mean", "sd")]
    return tuple(own / (one.low + one.high) * 2 for own, one in zip((y.mean(), y.std(ddof=1)), printed, strict=True))  # type: ignore[return-value]


def test_five_single_years_far_out_would_give_new_productivity_its_printed_mean_and_spread(
    indicators: list[np.ndarray],
) -> None:
    """They leave every other city near the minimum of an indicator that weighs as much as before; the quarantine holds such years back."""
    assert described(indicators, 25.0, slice(8, 9)) == pytest.approx((1.0, 1.0), abs=CLOSE)


def test_cities_that_stay_far_out_spread_new_productivity_too_widely(indicators: list[np.ndarray]) -> None:
    for times in (1.0, 2.0, 3.0, 4.0, 5.0, 6.0):
        assert described(indicators, times, slice(None))[1] > 1.2
    assert described(indicators, 6.0, slice(None))[0] < 1 - CLOSE


def test_slopes_of_table_6_leave_room_for_the_printed_spread_of_green_productivity() -> None:
    """The least spread that any index with all planted slopes has, growth of the first year one: .044 of .064."""
    desk = Desk(build_world(seed=20260101, editions=EDITIONS, cities=300), EDITIONS)
    common_prosperity.plant_agglomeration(desk)
    green_development.plant_patents(desk)
    goal = stack(green_development.regressions(View(desk, study("green_development"))))
    cities = goal.operator.shape[1] // 8
    later = goal.operator.reshape(-1, cities, 8)[:, :, 1:].reshape(len(goal.targets), -1)
    # distances from the mean: those of later years are free, that of the first year is the same in all cities
    free = np.column_stack([later, later.sum(axis=1) / np.sqrt(cities)])
    gap = goal.targets - goal.operator.sum(axis=1)
    least = np.linalg.norm(free.T @ np.linalg.lstsq(free @ free.T, gap, rcond=1e-12)[0]) / np.sqrt(8 * cities)
    assert 0.0435 < least < 0.0445
    assert least < moment("green_development", "Gtfp", "sd").low
