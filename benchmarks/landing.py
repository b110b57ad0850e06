"""How long landing takes against only reading the same sheets and inserting their raw cells in bulk; and trade rows.

python -m benchmarks.landing            # 500 yearbook sheets, then 70,000 and 7,000,000 BACI rows
python -m benchmarks.landing sheets     # only the sheets (`trade`: only the rows)
"""

from __future__ import annotations

import csv
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa
from python_calamine import CalamineWorkbook

from demo.xlsx import workbook_bytes
from landing.load import land

SEEDS = Path(__file__).resolve().parents[1] / "seeds"
SHEETS = 500
TABLES = (
    (
        "2-6",
        "",
        (
            "地区生产总值（亿元） Gross Regional Product (100 000 000 yuan)",
            "人均地区生产总值（元） Per Capita GRP (yuan)",
        ),
    ),
    ("2-8", "单位：万元", ("地方一般公共预算收入 Revenue", "地方一般公共预算支出 Expenditure")),
    ("2-10", "单位：万元", ("年末金融机构人民币各项存款余额 Deposits", "年末金融机构人民币各项贷款余额 Loans")),
    ("2-1", "", ("常住人口（万人） Permanent Resident Population (10 000 persons)",)),
    (
        "2-16",
        "单位：万元",
        ("社会消费品零售总额 Retail Sales", "限额以上单位商品零售额 Sales", "限额以上批发零售业商品销售总额 Wholesale"),
    ),
)
TRADE_ROWS = (70_000, 7_000_000)
REPEATS = 7


def write_sheets(folder: Path) -> list[Path]:
    """500 workbooks in the layouts of the yearbook, cities that kept their name, editions 2000 to 2099."""
    cities = pd.read_csv(SEEDS / "cities.csv", dtype=str)
    changed = pd.read_csv(SEEDS / "city_events.csv", dtype=str)["city_code"]
    cities = cities[
        cities["name_zh"].str.endswith("市") & cities["valid_to"].isna() & ~cities["city_code"].isin(changed)
    ]
    rng = random.Random(7)
    files = []
    for number in range(SHEETS):
        edition, (table, unit_line, heads) = 2000 + number // len(TABLES), TABLES[number % len(TABLES)]
        path = folder / "yearbook" / str(edition) / f"{table}.xlsx"
        path.parent.mkdir(parents=True, exist_ok=True)
        rows, merges = _sheet(cities, table, unit_line, heads, 1.03 ** (edition - 2000), rng)
        path.write_bytes(workbook_bytes(f"Sheet{number}", rows, merges, {}, "benchmark"))
        files.append(path)
    return files


def _sheet(
    cities: pd.DataFrame, table: str, unit_line: str, heads: tuple[str, ...], growth: float, rng: random.Random
) -> tuple[list[list[str | float | None]], list[tuple[int, int, int, int]]]:
    """Rows and merges of one sheet: title, unit line, two header rows, provinces as headings."""
    width = 2 * len(heads)
    rows: list[list[str | float | None]] = [[table + "表"], [None], [unit_line], [None]]
    rows.append(["城 市", "City", *[part for head in heads for part in (head, None)]])
    rows.append([None, None, *["全市 Total City", "市辖区 Districts under City"] * len(heads)])
    province = ""
    for i, (name, english, zh) in enumerate(
        zip(cities["name_zh"], cities["name_en"], cities["province_zh"], strict=True)
    ):
        if zh != province and zh.endswith(("省", "区")):
            rows.append([zh, None])
        province = zh
        rows.append(
            [f"  {name}", english, *[round((500 + 20 * i) * growth * rng.uniform(0.9, 1.1), 2) for _ in range(width)]]
        )
    return rows, [(4, 0, 5, 0), (4, 1, 5, 1), *[(4, 2 + 2 * i, 4, 3 + 2 * i) for i in range(len(heads))]]


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
    table = pa.table(
        {
            "file": pa.array(names),
            "row": pa.array(rows_at, pa.int32()),
            "col": pa.array(columns_at, pa.int32()),
            "value_text": pa.array(texts),
        }
    )
    with duckdb.connect() as con:
        con.register("incoming", table)
        con.execute("create table cells as select * from incoming")
    return len(texts)


def seconds_of(work: Callable[..., object], *arguments: object) -> tuple[float, float]:
    """Wall-clock and processor seconds of one run."""
    wall, processor = time.perf_counter(), time.process_time()
    work(*arguments)
    return time.perf_counter() - wall, time.process_time() - processor


def land_folder(folder: Path) -> None:
    with duckdb.connect() as con:
        land([folder], con, seeds=SEEDS, synthetic=True)


def benchmark_sheets() -> None:
    """Runs in pairs, one straight after the other, so that a machine that is busy for a while slows both."""
    with tempfile.TemporaryDirectory() as scratch:
        files = write_sheets(Path(scratch))
        cells = read_and_insert(files)
        pairs = [(seconds_of(read_and_insert, files), seconds_of(land_folder, Path(scratch))) for _ in range(REPEATS)]
    print(f"{len(files)} sheets, {cells:,} cells, least (median) of {REPEATS} pairs of runs")
    print(f"{'':<32}{'wall clock':>20}{'processor':>20}")
    for name, of in (
        ("read with calamine and insert, s", lambda pair, clock: pair[0][clock]),
        ("land, s", lambda pair, clock: pair[1][clock]),
        ("land / read", lambda pair, clock: pair[1][clock] / pair[0][clock]),
    ):
        figures = [sorted(of(pair, clock) for pair in pairs) for clock in (0, 1)]
        print(f"{name:<32}" + "".join(f"{runs[0]:12.2f} ({statistics.median(runs):.2f})" for runs in figures))


def write_trade(path: Path, rows: int) -> None:
    """Rows in BACI form: codes without leading zeros, some quantities NA."""
    rng = random.Random(7)
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["t", "i", "j", "k", "v", "q"])
        for _ in range(rows):
            quantity = "NA" if rng.random() < 0.05 else f"{rng.random() * 100:.3f}"
            writer.writerow(
                [
                    2020,
                    rng.randint(4, 894),
                    rng.randint(4, 894),
                    rng.randint(10_110, 970_600),
                    f"{rng.random() * 1000:.3f}",
                    quantity,
                ]
            )


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
    """Landing of trade rows: seconds and peak memory by the number of rows."""
    figures = []
    for rows in TRADE_ROWS:
        with tempfile.TemporaryDirectory() as scratch:
            write_trade(Path(scratch) / "baci_HS17_2020.csv", rows)
            command = [sys.executable, "-m", "benchmarks.landing", "trade-alone", scratch]
            output = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
        seconds, peak = float(output[0]), float(output[1])
        figures.append((rows, seconds))
        print(
            f"{rows:>10,} trade rows  {seconds:7.2f} s  {seconds / rows * 1e6:6.2f} s a million rows  peak memory {peak:,.0f} MB"
        )
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
