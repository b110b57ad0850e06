"""Land use of the districts: the search for its two numbers, the coordination degree, and what the carriers look like."""

import numpy as np
import pytest

from demo.planting.desk import Desk, View
from demo.planting.industrial_upgrading import LAND_USE, coordination, land_use, nearest_root, plant_land_use
from demo.planting.measures import capital, cleaned
from demo.samples import study
from demo.write import build_world
from estimation.core.frame import EstimationError

EDITIONS = range(2006, 2024)
SLOPES = np.array([[-10.0, 6.0], [-22.0, 25.0]])
WITHIN = (0.0, 0.0), (0.15, 0.15)


def bent(pace: float, lead: float) -> np.ndarray:
    """Gaps that vanish at (.06, .05), with slopes unlike the rough ones."""
    x = np.array([pace - 0.06, lead - 0.05])
    return np.array([[-9.0, 4.0], [-25.0, 30.0]]) @ x + np.array([40.0, -30.0]) * x**2


def test_the_search_finds_a_root_from_rough_slopes() -> None:
    (pace, lead), rounds, worst = nearest_root(bent, (0.075, 0.07), SLOPES, WITHIN, 12, 1e-3)
    assert (pace, lead) == pytest.approx((0.06, 0.05), abs=2e-4)
    assert rounds < 12
    assert worst <= 1e-3
    assert np.abs(bent(pace, lead)).max() == worst


def test_the_search_keeps_the_best_round_and_ends_where_gaps_cannot_be_computed() -> None:
    asked: list[float] = []

    def gap(pace: float, lead: float) -> np.ndarray:
        asked.append(pace)
        if len(asked) == 3:
            raise EstimationError("no solution")
        return np.array([0.5, 0.5]) * len(asked)

    (pace, lead), rounds, worst = nearest_root(gap, (0.1, 0.1), SLOPES, WITHIN, 6, 0.01)
    assert (pace, lead, rounds, worst) == (0.1, 0.1, 2, 0.5)
    assert len(asked) == 3


def test_the_search_stays_within_its_limits() -> None:
    asked: list[tuple[float, float]] = []

    def gap(pace: float, lead: float) -> np.ndarray:
        asked.append((pace, lead))
        return np.array([1.0, 0.1])

    nearest_root(gap, (0.1, 0.1), SLOPES, WITHIN, 9, 0.01)
    assert len(asked) == 9
    assert asked[-1] == (0.15, 0.15)
    assert np.abs(np.diff(asked, axis=0)).max() <= 0.02 + 1e-12


def test_coordination_is_the_fourth_root_of_scaled_parts() -> None:
    people, land = np.array([[0.0, 1.0], [0.5, np.nan]]), np.array([[2.0, 6.0], [4.0, 100.0]])
    expected = [[0.001**0.5, 1.0], [(0.001 + 0.999 * 0.5) ** 0.5, np.nan]]
    np.testing.assert_allclose(coordination(people, land), expected)


def test_land_use_has_the_printed_moments_and_nothing_but_its_carriers_moves() -> None:
    desk = Desk(build_world(seed=20260101, editions=EDITIONS, cities=300), EDITIONS)
    before = dict(desk.cells)
    plant_land_use(desk)
    view = View(desk, study("industrial_upgrading"))
    values = cleaned(view, land_use(view, capital(view)))
    assert (values.mean(), values.std(ddof=1)) == pytest.approx(LAND_USE, rel=0.05)
    moved = {key for key, cells in desk.cells.items() if cells is not before[key]}
    assert moved == {("construction_land", "districts"), ("emp_nonagri", "districts")}
    per_person = 100 * view("construction_land", "districts") / view.cells("urban_population", "districts")
    assert 30 < np.median(per_person) < 100  # square metres
    assert 4 < per_person.min() < per_person.max() < 600
    staff = view("emp_nonagri", "districts") / view.cells("pop_resident", "districts")
    assert 0.05 < np.median(staff) < 0.15
    assert staff.max() < 1.0
