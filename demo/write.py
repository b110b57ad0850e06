"""Write a synthetic edition set: yearbooks and the other inputs of the studies, in the real layouts, marked as synthetic."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from demo import firms, industries, lists, prices, reports, series
from demo.csvfile import NOTICE
from demo.dirt import Dirty, soil
from demo.exports import export_sheets
from demo.extremes import with_extremes
from demo.folder import TRUTH, DemoFolder
from demo.planting.desk import Desk
from demo.planting.plan import can_plant, plant
from demo.planting.settle import Settled
from demo.roster import SEEDS, check_cities, load_roster
from demo.samples import in_sample, leave_gaps, leave_out, study
from demo.sheet import lay_out
from demo.tables import Table, tables_of
from demo.truth import readme, truth_of
from demo.world import World, draw_world
from demo.xlsx import workbook_bytes
from landing.archive import SYNTHETIC_MARK

FIRST_YEAR, LAST_YEAR, LAST_EDITION = 2004, 2022, 2050
MOST_SEED = 2**63 - 1  # what the warehouse stores


@dataclass(frozen=True)
class Made:
    """What the files print.

    Attributes:
        base: the world before planting; averages, lists and prices come from it.
        world: the world with planted cells; yearbooks and exports print it.
        output, staff: output and employment by city and industry.
        settled: how each planting step ended; empty where nothing was planted.
        desk: the printed cells.
    """

    base: World
    world: World
    output: np.ndarray
    staff: np.ndarray
    settled: dict[str, Settled]
    desk: Desk


def write_demo(
    directory: Path, *, seed: int, editions: range, cities: int, progress: Callable[[str], None] | None = None
) -> list[Path]:
    """Write yearbooks of `editions` (edition E holds data of year E - 1), the other inputs, the marks and the truth.

    Returns the files in the order written; the same arguments give the same bytes. The published coefficients are planted
    where the demo holds the papers' samples: all real cities, editions 2006 to 2023. `progress` is told what is being done.
    An earlier demo in the directory is deleted when the new one is complete; until then, and after any error, the directory
    is as it was.

    Raises:
        ValueError: fewer than 30 or more than 3,000 cities, a seed below 0 or above 2^63 - 1, or editions outside 2006 to 2050.
        FileExistsError: the directory holds files that the demo did not write.
        OSError: the directory cannot be written.
    """
    check_options(seed, editions, cities)
    tell = progress or (lambda text: None)
    with DemoFolder(directory) as folder, threadpool_limits(limits=1):  # one thread adds up in one order
        tell("drawing the cities and planting the coefficients")
        made = make(seed=seed, editions=editions, cities=cities)
        tell("measuring what is planted")
        truth = truth_of(made.desk, made.settled)
        for path, content in _contents(made, truth, editions):
            tell(f"writing {path}")
            folder.write(path, content)
        return folder.finish()


def check_options(seed: int, editions: range, cities: int) -> None:
    """Refuse what the demo cannot write, before anything is drawn.

    Raises:
        ValueError: one line with the limits.
    """
    check_cities(cities)
    if not FIRST_YEAR + 2 <= editions[0] <= editions[-1] <= LAST_EDITION:
        raise ValueError(
            f"the demo begins with edition {FIRST_YEAR + 2} and ends with {LAST_EDITION}, not {editions[0]}-{editions[-1]}"
        )
    if not 0 <= seed <= MOST_SEED:
        raise ValueError(f"a seed is a whole number from 0 on (and below 2^63), not {seed}")


def _contents(made: Made, truth: dict[str, Any], editions: range) -> Iterator[tuple[str, bytes]]:
    """Path and bytes of every file: the marks first, the truth with the dirty cells last."""
    seed, cities = made.base.seed, len(made.world.roster.units)
    span = [editions[0], editions[-1]]
    mark = {"synthetic": True, "notice": NOTICE, "seed": seed, "cities": cities, "editions": span}
    yield SYNTHETIC_MARK, _json(mark)
    yield "README.md", readme(seed, bool(made.settled)).encode()
    dirty: list[Dirty] = []
    for path, content, soiled in yearbooks(made.world, editions):
        yield path, content
        dirty += soiled
    for name, rows, soiled in export_sheets(made.world):
        yield f"export/{name}", workbook_bytes("Sheet1", rows, (), _properties(made.base), NOTICE)
        dirty += soiled
    yield from other_inputs(made)
    yield TRUTH, _json(truth | {"dirty_cells": [asdict(cell) for cell in dirty]})


def _json(content: dict[str, Any]) -> bytes:
    return json.dumps(content, ensure_ascii=False, indent=1).encode() + b"\n"


def make(*, seed: int, editions: range, cities: int) -> Made:
    """The world, with the published coefficients planted in its cells where the samples are complete."""
    base = build_world(seed=seed, editions=editions, cities=cities)
    desk = Desk(base, editions)
    settled = plant(desk) if can_plant(base, editions) else {}
    return Made(base, desk.result(), desk.output, desk.staff, settled, desk)


def build_world(*, seed: int, editions: range, cities: int) -> World:
    """The world before planting."""
    roster = load_roster(cities)
    world = draw_world(roster, range(FIRST_YEAR, max(editions.stop - 1, LAST_YEAR + 1)), seed)
    return leave_gaps(leave_out(with_extremes(lists.counts(world))))


def yearbooks(world: World, editions: range) -> Iterator[tuple[str, bytes, list[Dirty]]]:
    """Path, bytes and dirty cells of every yearbook workbook."""
    for edition in editions:
        for table in tables_of(edition):
            path = f"yearbook/{edition}/{file_name(table, edition)}"
            content, dirty = yearbook_sheet(world, table, edition, editions, path)
            yield path, content, dirty


def file_name(table: Table, edition: int) -> str:
    """Name of a table's workbook: as each edition's files are named, with a mark that no entry for a real file matches."""
    if edition >= 2023:
        return f"{table.number}_{table.zh}_synthetic.xlsx"
    return f"{edition}_{edition}-{table.number}{f' {table.zh}' if edition == 2022 else ''}_synthetic.xlsx"


def yearbook_sheet(world: World, table: Table, edition: int, editions: range, path: str) -> tuple[bytes, list[Dirty]]:
    """The workbook of one table in one edition, and its dirty cells."""
    year = edition - 1
    listed = world.roster.listed(year).to_numpy()
    places = world.roster.units.loc[listed].assign(name=world.roster.names(year)[listed])
    wanted = [(column.indicator, scope) for column in table.columns for scope in column.scopes]
    values = {key: world.cells[key][listed, world.at(year)] for key in wanted}
    layout, dirty = soil(lay_out(table, edition, values, places), table, edition, editions, places, path)
    return workbook_bytes(layout.name, layout.rows, layout.merges, _properties(world), NOTICE), dirty


def other_inputs(made: Made) -> Iterator[tuple[str, bytes]]:
    """Path and bytes of series, prices, firms, industries, trade, lists, reports and indices."""
    base = made.base
    provinces = pd.read_csv(SEEDS / "provinces.csv", dtype=str)
    without_output = ~in_sample(base.roster, study("industrial_upgrading"))
    yield "series/national_series_synthetic.csv", series.national_series(base)
    yield "series/province_series_synthetic.csv", series.province_series(base, provinces)
    yield "series/exchange_rate_synthetic.csv", series.exchange_rate(base)
    yield "price/price_index_synthetic.csv", prices.price_index(base, provinces)
    yield "firms/listed_firms_synthetic.csv", firms.listed_firms(base)
    yield (
        "industry/city_industry_synthetic.csv",
        industries.city_industry(base, made.output, made.staff, without_output),
    )
    yield "industry/robots_synthetic.csv", industries.robots(base)
    yield f"trade/baci_hs07_{industries.TRADE_YEAR}_synthetic.csv", industries.trade_rows(base.seed)
    for name, content in industries.trade_concordances().items():
        yield f"trade/{name}", content
    yield "lists/policies_synthetic.csv", lists.policy_lists(base)
    yield "lists/terrain_synthetic.csv", lists.terrain(base)
    yield "reports/government_reports_synthetic.csv", reports.reports(base)
    yield "index/PKU_DFIIC_city_synthetic.csv", lists.digital_finance(base)


def _properties(world: World) -> dict[str, str]:
    return {"synthetic": "true", "notice": NOTICE, "seed": str(world.seed)}
