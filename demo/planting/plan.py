"""The order of planting: what a later step needs is never moved after it.

Agglomeration first (a regressor of four papers), then sector structure and patents, mechanisms, the indices, each with carriers of its
own. Emissions move for green productivity before the TOPSIS index and land-use efficiency read them.
"""

from __future__ import annotations

from collections.abc import Callable

from demo.planting import (
    common_prosperity,
    digital_industry,
    green_development,
    industrial_upgrading,
    new_quality_va_types,
)
from demo.planting.desk import Desk
from demo.planting.settle import Checked, Settled
from demo.samples import STUDIES, complete
from demo.world import World

Step = Callable[[Desk], dict[str, Settled]]
STEPS: tuple[Step, ...] = (
    common_prosperity.plant_agglomeration,
    digital_industry.plant_structure,
    green_development.plant_patents,
    digital_industry.plant_mechanisms,
    common_prosperity.plant_index,
    digital_industry.plant_index,
    industrial_upgrading.plant_coagglomeration,
    industrial_upgrading.plant_structure,
    green_development.plant_productivity,
    green_development.plant_green_index,
    industrial_upgrading.plant_land_use,
    new_quality_va_types.plant_index,
)
PAPERS = (common_prosperity, industrial_upgrading, new_quality_va_types, green_development, digital_industry)


def can_plant(world: World, editions: range) -> bool:
    """Planting needs the published samples: all their cities and years."""
    whole = all(complete(world.roster, item) for item in STUDIES)
    first, last = min(item.years[0] for item in STUDIES), max(item.years[-1] for item in STUDIES)
    return whole and editions[0] <= first + 1 and last + 1 <= editions[-1]


def plant(desk: Desk) -> dict[str, Settled]:
    """Run all steps; returns how each ended, by paper and table."""
    out = {}
    for step in STEPS:
        paper = step.__module__.rsplit(".", 1)[-1]
        out.update({f"{paper} {name}": settled for name, settled in step(desk).items()})
    return out


def check(desk: Desk) -> dict[str, list[Checked]]:
    """Outcomes and regressions of every paper as the printed cells give them."""
    return {paper.PAPER: paper.check(desk) for paper in PAPERS}
