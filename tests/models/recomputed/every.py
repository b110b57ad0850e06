"""Every recomputation, by switch and value."""

from __future__ import annotations

from tests.models.recomputed import (
    agglomeration,
    capital,
    cleaning,
    composites,
    frontier,
    groups,
    markets,
    panel,
    ratios,
    upgrading,
    weights,
)
from tests.models.recomputed.expectation import Expectation

TOPICS = (agglomeration, capital, cleaning, composites, frontier, groups, markets, panel, ratios, upgrading, weights)
EXPECTED: dict[tuple[str, str], Expectation] = {
    pair: found for topic in TOPICS for pair, found in topic.EXPECTED.items()
}
