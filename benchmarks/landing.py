"""How long landing takes against only reading the same sheets and inserting their raw cells in bulk; and trade rows.

python -m benchmarks.landing            # 500 yearbook sheets, then 70,000 and 7,000,000 BACI rows
python -m benchmarks.landing sheets     # only the sheets (`trade`: only the rows)
"""

from __future__ import annotations

import csv
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb
import pyarrow as pa
from python_calamine import CalamineWorkbook

from demo.write import write_demo
from landing.load import land

SEEDS = Path(__file__).resolve().parents[1] / "seeds"
SHEETS = 500
TRADE_ROWS = (70_000, 7_000_000)
REPEATS = 3


def write_sheets(folder: Path) -> list[Path]:
    """At least 500 workbooks in the layouts of the yearbook, 300 cities each; the surplus is deleted."""
    write_demo(folder, seed=7, editions=range(2001, 2060), cities=300)
    files = sorted(folder.rglob("*.xlsx"))
    for path in files[SHEETS:]:
        path.unlink()
    return files[:SHEETS]


def read_and_insert(files: list[Path]) -> int:
    """The yardstick: every cell of every sheet as text, one bulk insert; nothing is understood or resolved."""
    names: list[str] = []
    rows_at: list[int] = []
    columns_at: list[int] = []
    texts: list[str] = []
    for path in files:
        workbook = CalamineWorkbook.from_path(str(path))
        for sheet in workbook.sheet_names:
            rows = workbook.get_sheet_by_name(sheet).to_python(skip_empty_area=False)
            for i, row in enumerate(rows):
                names.extend([path.name] * len(row))
                rows_at.extend([i] * len(row))
                columns_at.extend(range(len(row)))
                texts.extend(map(str, row))
    table = pa.table({
        "file": pa.array(names), "row": pa.array(rows_at, pa.int32()), "col": pa.array(columns_at, pa.int32()),
        "value_text": pa.array(texts),
    })
    with duckdb.connect() as con:
        con.register("incoming", table)
        con.execute("create table cells as select * from incoming")
    return len(texts)


def seconds_of(work: object, *arguments: object) -> float:
    """Least time of a few runs."""
    best = float("inf")
    for _ in range(REPEATS):
        started = time.perf_counter()
        work(*arguments)  # type: ignore[operator]
        best = min(best, time.perf_counter() - started)
    return best


def land_folder(folder: Path) -> None:
    with duckdb.connect() as con:
        land([folder], con, seeds=SEEDS, synthetic=True)


def benchmark_sheets() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        files = write_sheets(Path(scratch))
        cells = read_and_insert(files)
        reading = seconds_of(read_and_insert, files)
        landing = seconds_of(land_folder, Path(scratch))
    print(f"{len(files)} sheets, {cells:,} cells")
    print(f"read with calamine and insert  {reading:6.2f} s")
    print(f"land                           {landing:6.2f} s   ratio {landing / reading:.2f}")


def write_trade(path: Path, rows: int) -> None:
    """Rows in BACI form: codes without leading zeros, some quantities NA."""
    rng = random.Random(7)
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["t", "i", "j", "k", "v", "q"])
        for _ in range(rows):
            quantity = "NA" if rng.random() < 0.05 else f"{rng.random() * 100:.3f}"
            writer.writerow([
                2020, rng.randint(4, 894), rng.randint(4, 894), rng.randint(10_110, 970_600), f"{rng.random() * 1000:.3f}", quantity])


def land_trade_alone(folder: str) -> None:
    """Land into a database file under a memory limit; prints seconds and the peak of the process."""
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as scratch, duckdb.connect(str(Path(scratch) / "trade.duckdb")) as con:
        con.execute("set memory_limit = '1GB'")
        report = land([Path(folder)], con, seeds=SEEDS)
    elapsed = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{elapsed} {peak} {report.quarantined}")


def benchmark_trade() -> None:
    figures = []
    for rows in TRADE_ROWS:
        with tempfile.TemporaryDirectory() as scratch:
            write_trade(Path(scratch) / "baci_HS17_2020.csv", rows)
            command = [sys.executable, "-m", "benchmarks.landing", "trade-alone", scratch]
            output = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
        seconds, peak = float(output[0]), float(output[1])
        figures.append((rows, seconds))
        print(f"{rows:>10,} trade rows  {seconds:7.2f} s  {seconds / rows * 1e6:6.2f} s a million rows  peak memory {peak:,.0f} MB")
    (few, fast), (many, slow) = figures
    print(f"{many / few:.0f} times the rows take {slow / fast:.1f} times as long (fixed costs included)")


if __name__ == "__main__":
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    if wanted == "trade-alone":
        land_trade_alone(sys.argv[2])
    else:
        if wanted in ("", "sheets"):
            benchmark_sheets()
        if wanted in ("", "trade"):
            benchmark_trade()
