"""Planting: projections equal the estimators of record, moves are the smallest ones, every printed coefficient is accounted for."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from demo.planting import common_prosperity, digital_industry, green_development
from demo.planting.desk import Desk, View
from demo.planting.plan import PAPERS, can_plant, check
from demo.planting.projection import Projection, smallest_move, stack
from demo.planting.published import decimals, published
from demo.planting.settle import Measured, Settled, flip, settle
from demo.samples import STUDIES, study
from demo.truth import IMPLIED, MISSED, OUTLIERS, truth_of
from demo.world import World
from demo.write import build_world, write_demo
from estimation.iv import fit_iv
from estimation.panel import fit_panel

CITIES, YEARS = 40, 6
ALL_EDITIONS = range(2006, 2024)


@pytest.fixture(scope="module")
def rng() -> np.random.Generator:
    return np.random.default_rng(11)


@pytest.fixture(scope="module")
def arrays(rng: np.random.Generator) -> dict[str, np.ndarray]:
    names = ("y", "x", "z", "w", "v")
    out = {name: rng.normal(size=(CITIES, YEARS)) + rng.normal(size=(CITIES, 1)) for name in names}
    return out | {"x": out["x"] + 0.7 * out["w"]}


@pytest.fixture(scope="module")
def world() -> World:
    return build_world(seed=20260101, editions=ALL_EDITIONS, cities=300)


def long(arrays: dict[str, np.ndarray]) -> pd.DataFrame:
    keys = {"city_code": np.repeat([f"{i:03d}" for i in range(CITIES)], YEARS), "year": np.tile(range(YEARS), CITIES)}
    return pd.DataFrame(keys | {name: values.ravel() for name, values in arrays.items()})


@pytest.mark.parametrize("effects", ["none", "entity", "twoways"])
@pytest.mark.parametrize("part", [False, True])
def test_projection_equals_the_estimator_of_record(arrays: dict[str, np.ndarray], effects: str, part: bool) -> None:
    keep = np.ones((CITIES, YEARS), dtype=bool)
    if part:
        keep[:7] = False
        keep[10:14, :2] = False
    x = {name: arrays[name] for name in ("x", "z")}
    projection = Projection("T", "(1)", "y", x, effects, {"x": 0.0, "z": 0.0}, keep=keep)  # type: ignore[arg-type]
    fit = fit_panel(long(arrays)[keep.ravel()], "y", ["x", "z"], effects=effects)  # type: ignore[arg-type]
    found = projection.estimates(arrays["y"].ravel())
    assert found == pytest.approx({name: fit.coef[name] for name in x}, rel=1e-9)


def test_instrumented_projection_equals_two_stage_least_squares(arrays: dict[str, np.ndarray]) -> None:
    x = {"x": arrays["x"], "z": arrays["z"]}
    projection = Projection("T", "(1)", "y", x, "twoways", {"x": 0.0}, instruments={"w": arrays["w"]})
    fit = fit_iv(long(arrays), "y", ["z"], ["x"], ["w"], effects="twoways")
    assert projection.estimates(arrays["y"].ravel())["x"] == pytest.approx(fit.coef["x"], rel=1e-8)


def test_the_smallest_move_meets_its_targets_and_no_other_is_smaller(rng: np.random.Generator) -> None:
    operator, gap = rng.normal(size=(3, 50)), rng.normal(size=3)
    freedom = rng.uniform(0.5, 2.0, 50)
    freedom[:5] = 0.0
    free = np.full(50, np.inf)
    step = smallest_move(operator, gap, freedom, -free, free)
    assert operator @ step == pytest.approx(gap)
    assert (step[:5] == 0).all()
    used = freedom > 0
    aside = np.zeros(50)
    aside[used] = np.linalg.svd(operator[:, used])[2][-1]
    other = step + 0.1 * aside
    assert operator @ other == pytest.approx(gap)
    assert (other[used] ** 2 / freedom[used]).sum() > (step[used] ** 2 / freedom[used]).sum()
    bound = 0.8 * np.abs(step).max()
    within = smallest_move(operator, gap, freedom, np.full(50, -bound), np.full(50, bound))
    assert np.abs(within).max() <= bound
    assert operator @ within == pytest.approx(gap, abs=0.05)


def test_moves_that_spread_an_index_cost_more_where_asked(rng: np.random.Generator) -> None:
    operator, gap = rng.normal(size=(3, CITIES * YEARS)), rng.normal(size=3)
    freedom = rng.uniform(0.5, 2.0, CITIES * YEARS)
    freedom[:YEARS] = 0.0
    growth = rng.uniform(0.9, 1.1, (CITIES, YEARS))
    free = np.full(freedom.size, np.inf)

    def cost(step: np.ndarray, weight: float) -> float:
        logs, used = step.reshape(growth.shape), freedom > 0
        spread = ((growth[:, 1:] * np.diff(logs, axis=1)) ** 2).sum()
        return float((step[used] ** 2 / freedom[used]).sum() + weight * spread)

    steps = {}
    for weight in (0.0, 40.0):
        spread = weight * green_development.squares_of_growth(growth)
        steps[weight] = step = smallest_move(operator, gap, freedom, -free, free, spread)
        assert operator @ step == pytest.approx(gap)
        assert (step[:YEARS] == 0).all()
        aside = np.zeros(freedom.size)
        aside[YEARS:] = np.linalg.svd(operator[:, YEARS:])[2][-1]
        assert min(cost(step + 0.1 * aside, weight), cost(step - 0.1 * aside, weight)) > cost(step, weight)
    assert steps[0.0] == pytest.approx(smallest_move(operator, gap, freedom, -free, free))
    assert cost(steps[40.0], 40.0) < cost(steps[0.0], 40.0)


def test_settling_plants_a_coefficient_through_rounding_and_within_bounds(rng: np.random.Generator) -> None:
    x = rng.normal(size=(CITIES, YEARS))
    cells = np.exp(rng.normal(3.0, 0.5, (CITIES, YEARS)))
    goal = stack([Projection("T", "(1)", "y", {"x": x}, "twoways", {"x": 1.5}, digits={"x": 2})])

    def measure() -> Measured:
        printed = np.round(cells, 2).ravel()
        return Measured(printed, printed)

    def scale(factor: np.ndarray) -> None:
        nonlocal cells
        cells = cells * factor.reshape(cells.shape)

    before = cells.copy()
    end = settle(measure, scale, goal)
    fitted = goal.operator @ np.round(cells, 2).ravel()
    assert fitted == pytest.approx([1.5], abs=0.001)
    assert end.worst <= 0.2
    assert np.abs(np.log(cells / before)).max() == pytest.approx(end.largest_move, rel=1e-6)


def test_counts_are_planted_by_single_changes(rng: np.random.Generator) -> None:
    x, start = rng.normal(size=(CITIES, YEARS)), rng.poisson(1.0, (CITIES, YEARS)).astype(float)
    goal = stack([Projection("T", "(1)", "y", {"x": x}, "twoways", {"x": 0.3}, digits={"x": 4})])
    changes, worst = flip(start.ravel(), np.ones(start.size), lambda changes: -start.ravel(), goal)
    y = start.ravel() + changes
    assert (y >= 0).all()
    assert (y % 1 == 0).all()
    assert worst <= 0.2
    assert goal.operator @ y == pytest.approx([0.3], abs=5e-5)


def test_every_printed_coefficient_is_planted_implied_or_explained(world: World) -> None:
    """On the world before planting: what is aimed at is missed, nothing else changes."""
    desk = Desk(world, ALL_EDITIONS)
    truth = truth_of(desk, {"as if": Settled(0, 0.0, 0.0, 0.0)})
    entries = truth["coefficients"]
    assert len(entries) == sum(len(published(paper.PAPER)) for paper in PAPERS)
    targets = {
        (paper, projection.table, projection.column, term)
        for paper, items in check(desk).items()
        for item in items
        for projection in item.projections
        for term in projection.targets
    }
    aimed = [entry for entry in entries if tuple(entry[key] for key in ("paper", "table", "column", "term")) in targets]
    assert all(entry["kind"] == "planted" or entry["reason"] in (MISSED, OUTLIERS) for entry in aimed)
    assert pd.DataFrame(aimed).groupby("paper").size().to_dict() == {
        "common_prosperity": 16, "digital_industry": 13, "green_development": 31, "industrial_upgrading": 8,
    }  # fmt: skip
    assert {entry["kind"] for entry in entries} <= {"planted", "implied", "not_plantable"}
    for entry in entries:
        assert (entry["target"] is None) == (entry["kind"] != "planted")
        assert bool(entry["reason"]) == (entry["kind"] != "planted")
    implied = {(e["table"], e["column"]): e["reason"] for e in entries if e["kind"] == "implied"}
    assert implied["Table 3", "(1)"] == IMPLIED["none"]
    assert set(implied.values()) <= set(IMPLIED.values())
    assert {entry["column"] for entry in truth["planted_elsewhere"]} == {"east", "central", "west"}


@pytest.mark.parametrize(("text", "digits"), [("0.0020", 4), ("-2.1086", 4), ("3.520e-7", 10), ("5", 0), ("1.50e2", 0)])
def test_digits_of_printed_numbers(text: str, digits: int) -> None:
    assert decimals(text) == digits


def test_planting_needs_the_published_samples(world: World) -> None:
    assert can_plant(world, ALL_EDITIONS)
    assert not can_plant(world, range(2006, 2022))
    assert not can_plant(build_world(seed=1, editions=ALL_EDITIONS, cities=60), ALL_EDITIONS)


def test_a_demo_that_is_too_small_says_that_nothing_is_planted(tmp_path: Path) -> None:
    write_demo(tmp_path / "small", seed=1, editions=range(2023, 2024), cities=30)
    truth = json.loads((tmp_path / "small" / "truth.json").read_text(encoding="utf-8"))
    assert {entry["kind"] for entry in truth["coefficients"]} == {"not_planted"}
    assert len(truth["coefficients"]) == sum(len(published(paper.PAPER)) for paper in PAPERS)


def test_agglomeration_and_structure_are_planted_in_the_printed_cells(world: World) -> None:
    desk = Desk(world, ALL_EDITIONS)
    before = {key: desk.cells[key].copy() for key in (("gdp", "city"), ("emp_total", "city"), ("va_primary", "city"))}
    common_prosperity.plant_agglomeration(desk)
    digital_industry.plant_structure(desk)
    checked = [common_prosperity.agglomeration_column(View(desk, study("common_prosperity")))]
    view = View(desk, study("common_prosperity"))
    quotients = common_prosperity.quotient(view)
    weights = view("emp_total") / view("emp_total").sum(axis=0)
    assert (quotients * weights).sum(axis=0) == pytest.approx(np.ones(len(view.columns)))
    found = checked[0].estimates(common_prosperity.virtual(view).ravel())
    assert found["DID"] == pytest.approx(0.1284, abs=5e-5)
    own = View(desk, study("digital_industry"))
    column = digital_industry.regressions(own, "Table 4", "(5)")[0]
    assert column.estimates(digital_industry.structure(own).ravel())["agglomeration"] == pytest.approx(0.0253, abs=5e-5)
    for key, values in before.items():
        np.testing.assert_array_equal(desk.cells[key], values)
    sectors = sum(own(f"va_{name}") for name in ("primary", "secondary", "tertiary"))
    assert sectors == pytest.approx(own("gdp"), rel=5e-3)


def test_city_years_of_the_papers() -> None:
    assert {item.name: item.city_years for item in STUDIES}["green_development"] == 2232
