"""Levels of single indicators: the printed means and spreads are met by any seed, and every printed moment is met or explained."""

import numpy as np
import pandas as pd
import pytest

from demo.draws import FURTHEST, Draws
from demo.extremes import EXTREMES
from demo.levels import levelled, levels, rising
from demo.planting.moments import PRINTED
from demo.roster import SEEDS, load_roster
from demo.samples import STUDIES, complete, in_sample, study
from demo.tables import records
from demo.write import build_world

EDITIONS = range(2006, 2024)
# Printed under another name or, for one impossible number, on another scale.
RENAMED = {("industrial_upgrading", "stru"): "lnstru"}


@pytest.mark.parametrize("seed", [20260101, 3])
def test_levels_and_spreads_are_those_printed(seed: int) -> None:
    world = build_world(seed=seed, editions=EDITIONS, cities=300)
    for name, level in levels().items():
        extreme = [entry["city_code"] for entry in records(EXTREMES) if entry["indicator"] == name]
        inside = in_sample(world.roster, study(level.study)) & ~world.roster.units["city_code"].isin(extreme).to_numpy()
        rows = np.flatnonzero(inside)
        columns = [world.at(year) for year in study(level.study).years]
        cells = {key: values[np.ix_(rows, columns)] for (key, scope), values in world.cells.items() if scope == "city"}
        top = cells[name] + (cells[level.other] if level.other else 0.0)
        values = level.factor * top / (cells[level.over] if level.over else 1.0)
        values = np.log(values) if level.form == "log" else values
        assert values.mean() == pytest.approx(level.mean, rel=0.05), name
        assert values.std(ddof=1) == pytest.approx(level.sd, rel=0.05), name


def test_smaller_and_larger_demos_keep_the_levels_of_the_laws() -> None:
    values = np.ones((60, 19))
    roster = load_roster(60)
    assert not any(complete(roster, item) for item in STUDIES)
    assert levelled("fiscal_exp", values, np.ones((1, 1)), {}, roster, np.arange(2004, 2023)) is values


def test_halving_finds_where_a_rising_function_takes_a_value() -> None:
    assert rising(np.exp, 2.0, (-5.0, 5.0)) == pytest.approx(np.log(2.0))
    assert rising(np.exp, 1e9, (-5.0, 5.0)) == pytest.approx(5.0)


def test_no_draw_is_further_out_than_any_real_city() -> None:
    drawn = Draws(1, [str(code) for code in range(2000)]).normal("x", 5)
    assert np.abs(drawn).max() == FURTHEST
    assert drawn.std() == pytest.approx(1.0, abs=0.03)


def test_every_printed_moment_is_listed() -> None:
    printed = pd.read_csv(SEEDS / "published_moments.csv")
    listed = {(row["paper"], row["variable"]): row for row in records(PRINTED)}
    wanted = {(s, RENAMED.get((s, v), v)) for s, v in printed[["study", "printed"]].itertuples(index=False)}
    assert set(listed) == wanted
    for row in printed.itertuples():
        own = listed[row.study, RENAMED.get((row.study, row.printed), row.printed)]
        assert float(own["mean"]) == row.mean
        assert float(own["sd"]) == row.sd


def test_what_is_printed_on_another_scale_names_an_allowed_switch() -> None:
    switches = {row["switch"]: row["allowed"].split("|") for row in records(SEEDS / "switches.csv")}
    scales = [row["scale"].split("=") for row in records(PRINTED) if row["scale"]]
    assert len(scales) == 5
    assert all(value in switches[name] for name, value in scales)
