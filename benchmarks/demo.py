"""Time and memory of writing demos, and of the hand-written workbooks against openpyxl, in one run.

python -m benchmarks.demo [--large]
"""

from __future__ import annotations

import io
import multiprocessing
import resource
import sys
import tempfile
import time
from pathlib import Path

import openpyxl
import pandas as pd

from demo.printing import roundings
from demo.sheet import lay_out
from demo.tables import tables_of
from demo.write import build_world, make, other_inputs, write_demo, yearbooks
from demo.xlsx import workbook_bytes

SEED = 20260101
DEFAULT = range(2006, 2024)


def measure(cities: int, editions: range) -> tuple[float, float, float, int]:
    """(wall seconds, processor seconds, peak MiB, bytes) of one demo, in a process of its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_write, (cities, editions))


def _write(cities: int, editions: range) -> tuple[float, float, float, int]:
    with tempfile.TemporaryDirectory() as folder:
        wall, cpu = time.perf_counter(), time.process_time()
        files = write_demo(Path(folder), seed=SEED, editions=editions, cities=cities)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        size = sum(path.stat().st_size for path in files)
    return wall, cpu, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, size


def parts() -> dict[str, float]:
    """Processor seconds of the steps of the default demo."""
    out = {}
    started = time.process_time()
    build_world(seed=SEED, editions=DEFAULT, cities=300)
    out["world"] = time.process_time() - started
    started = time.process_time()
    made = make(seed=SEED, editions=DEFAULT, cities=300)
    out["planting"] = time.process_time() - started - out["world"]
    started = time.process_time()
    sum(len(content) for _, content, _ in yearbooks(made.world, DEFAULT))
    out["yearbooks"] = time.process_time() - started
    started = time.process_time()
    sum(len(content) for _, content in other_inputs(made))
    out["other inputs"] = time.process_time() - started
    assert roundings(made.world, DEFAULT)
    return out


def workbooks(repeat: int = 40) -> tuple[float, float]:
    """Processor seconds of writing one yearbook sheet `repeat` times: by hand, by openpyxl in write-only mode."""
    world = build_world(seed=SEED, editions=DEFAULT, cities=300)
    table = next(table for table in tables_of(2020) if table.kind == "employment_industries")
    listed = world.roster.listed(2019).to_numpy()
    places = pd.DataFrame(world.roster.units.loc[listed]).assign(name=world.roster.names(2019)[listed])
    wanted = [(column.indicator, scope) for column in table.columns for scope in column.scopes]
    layout = lay_out(table, 2020, {key: world.cells[key][listed, world.at(2019)] for key in wanted}, places)
    started = time.process_time()
    for _ in range(repeat):
        workbook_bytes(layout.name, layout.rows, layout.merges)
    own = time.process_time() - started
    started = time.process_time()
    for _ in range(repeat):
        book = openpyxl.Workbook(write_only=True)
        sheet = book.create_sheet(layout.name)
        for row in layout.rows:
            sheet.append(row)
        book.save(io.BytesIO())
    return own, time.process_time() - started


def main() -> None:
    """Print seconds, memory and the ratio."""
    sizes = [(30, DEFAULT), (300, DEFAULT)]
    if "--large" in sys.argv:
        sizes += [(1000, DEFAULT), (3000, DEFAULT)]
    print(f"{'cities':>8}{'editions':>12}{'wall s':>10}{'cpu s':>9}{'MiB':>8}{'MB written':>12}")
    for cities, editions in sizes:
        wall, cpu, peak, size = measure(cities, editions)
        span = f"{editions[0]}-{editions[-1]}"
        print(f"{cities:>8}{span:>12}{wall:>10.1f}{cpu:>9.1f}{peak:>8.0f}{size / 1e6:>12.1f}")
    for name, seconds in parts().items():
        print(f"{name:<14}{seconds:>7.1f} s of processor time")
    own, other = workbooks()
    print(f"one sheet of 19 columns: {own / 40:.4f} s, openpyxl write-only {other / 40:.4f} s, ratio {other / own:.1f}")


if __name__ == "__main__":
    main()
