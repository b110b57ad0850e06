"""Retail prices of the demo: as far apart as the printed market integration needs, and no further."""

import numpy as np
import pytest

from demo.planting.desk import Desk, View
from demo.planting.measures import market
from demo.prices import CALM_EVERY, category_prices
from demo.samples import study
from demo.world import World
from demo.write import build_world

EDITIONS = range(2006, 2024)


@pytest.fixture(scope="module", params=[20260101, 3])
def world(request: pytest.FixtureRequest) -> World:
    return build_world(seed=request.param, editions=EDITIONS, cities=300)


def test_market_integration_has_the_printed_moments(world: World) -> None:
    integration = market(View(Desk(world, EDITIONS), study("green_development")))
    room = 0.05 if world.seed == 20260101 else 0.1
    assert integration.mean() == pytest.approx(8.142, rel=room)
    assert integration.std(ddof=1) == pytest.approx(8.539, rel=room)


def test_prices_stay_between_sixty_and_a_hundred_and_sixty_and_do_not_drift_apart(world: World) -> None:
    prices = np.stack(list(category_prices(world).values()))
    assert prices.min() > 65
    assert prices.max() < 150
    levels = np.log(prices / 100).cumsum(axis=1)
    assert np.abs(levels - np.median(levels, axis=0)).max() < np.log(5)
    calm = world.years % CALM_EVERY == 0
    assert prices[:, calm].std() < 0.3 * prices[:, ~calm].std()
