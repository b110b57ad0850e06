"""Mutated sheets: whatever happens to a sheet, each number is the same, or its cell or file is named in quarantine.

Five editions of one table stand in a folder; one is mutated. No value may ever differ from the one that was printed.
"""

from __future__ import annotations

import copy
import io
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl.worksheet.cell_range import CellRange

from tests.landing.sheets import CITIES, GDP, GDP_PC, Grid, Landed, gdp_sheet, land_folder, save

EDITIONS = range(2020, 2025)
TOP, HEADER, FIRST_ROW = 5, 6, 7  # zero-based: first header row, second header row, first row of places
Key = tuple[str, int, str]


def edition_sheet(edition: int) -> Grid:
    """Values that grow by a few per cent an edition, so that no year stands out."""
    factor = 1.06 ** (edition - 2024)
    rows = [[cell if not isinstance(cell, int) else round(cell * factor) for cell in row] for row in CITIES]
    grid = gdp_sheet(rows)
    grid.rows = [[*row, *[None] * (6 - len(row))] for row in grid.rows]
    return grid


UNTOUCHED = {edition: edition_sheet(edition).bytes() for edition in EDITIONS}


def land_with(mutated: dict[int, bytes]) -> Landed:
    with tempfile.TemporaryDirectory() as scratch:
        for edition in EDITIONS:
            content = mutated.get(edition, UNTOUCHED[edition])
            save(Path(scratch), f"yearbook/{edition}/2-6_地区生产总值.xlsx", content)
        return land_folder(Path(scratch))


BASE = land_with({})
TRUTH = BASE.values()


def write(grid: Grid, hidden_text: bool) -> bytes:
    """The workbook; with `hidden_text` cells under a merge keep their text, as some programs write them."""
    if not hidden_text:
        return grid.bytes()
    book = Grid(grid.rows, [], grid.title).workbook()
    assert book.active is not None
    for merge in grid.merges:
        book.active.merged_cells.ranges.add(CellRange(merge))
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


Mutation = Callable[[Grid], None]
columns = st.integers(0, 5)
texts = st.sampled_from(["", "合计", "备注", "某某指标", "xyz", "全市", "2-9 别的表", "续表", "1", "单位：万元"])


@st.composite
def swap_columns(draw: st.DrawFn) -> Mutation:
    """Two columns of one heading, or the two headings with their columns."""
    one, other = draw(st.sampled_from([([0], [1]), ([2], [3]), ([4], [5]), ([2, 3], [4, 5])]))

    def mutate(grid: Grid) -> None:
        for row in grid.rows[TOP:]:
            for left, right in zip(one, other, strict=True):
                row[left], row[right] = row[right], row[left]

    return mutate


@st.composite
def insert_row(draw: st.DrawFn) -> Mutation:
    at, text, column = draw(st.integers(0, 14)), draw(texts), draw(columns)

    def mutate(grid: Grid) -> None:
        row: list[Any] = [None] * 6
        row[column] = text or None
        grid.rows.insert(min(at, len(grid.rows)), row)
        grid.merges = [_down(merge, at) for merge in grid.merges]

    return mutate


def _down(merge: str, at: int) -> str:
    cells = CellRange(merge)
    if cells.min_row > at:
        cells.shift(row_shift=1)
    elif cells.max_row > at:
        cells.expand(down=1)
    return str(cells.coord)


@st.composite
def change_unit(draw: st.DrawFn) -> Mutation:
    chinese, english = draw(
        st.sampled_from(
            [("万元", "10 000 yuan"), ("元", "yuan"), ("千元", "1000 yuan"), ("人", "persons"), ("两", "liang")]
        )
    )
    both, column = draw(st.booleans()), draw(st.sampled_from([2, 4]))

    def mutate(grid: Grid) -> None:
        text = str(grid.rows[TOP][column]).replace("亿元", chinese).replace("(元)", f"({chinese})")
        grid.rows[TOP][column] = (
            text.replace("100 000 000 yuan", english).replace("(yuan)", f"({english})") if both else text
        )

    return mutate


@st.composite
def rename_header(draw: st.DrawFn) -> Mutation:
    row, column = draw(st.sampled_from([TOP, HEADER])), draw(columns)
    text = draw(
        st.one_of(texts, st.text(alphabet="甲乙丙丁戊己庚辛", min_size=1, max_size=6), st.sampled_from([GDP, GDP_PC]))
    )

    def mutate(grid: Grid) -> None:
        grid.rows[row][column] = text or None

    return mutate


@st.composite
def shift_merge(draw: st.DrawFn) -> Mutation:
    which, down, right = draw(st.integers(0, 3)), draw(st.integers(-1, 2)), draw(st.integers(-2, 2))

    def mutate(grid: Grid) -> None:
        if not grid.merges:
            return
        cells = CellRange(grid.merges[which % len(grid.merges)])
        if cells.min_col + right >= 1 and cells.min_row + down >= 1:
            cells.shift(col_shift=right, row_shift=down)
            grid.merges[which % len(grid.merges)] = str(cells.coord)

    return mutate


@st.composite
def drop_merges(draw: st.DrawFn) -> Mutation:
    kept = draw(st.sets(st.integers(0, 3)))

    def mutate(grid: Grid) -> None:
        grid.merges = [merge for i, merge in enumerate(grid.merges) if i in kept]

    return mutate


@st.composite
def numbers_as_text(draw: st.DrawFn) -> Mutation:
    style = draw(st.sampled_from(["{}", "{:,}", " {} ", "{}.0", "wide", "{}*", "'{}", "{}%", "{}亿"]))

    def mutate(grid: Grid) -> None:
        for row in grid.rows[FIRST_ROW:]:
            for column, value in enumerate(row):
                if isinstance(value, int):
                    wide = str(value).translate({ord(str(d)): chr(0xFF10 + d) for d in range(10)})
                    row[column] = wide if style == "wide" else style.format(value)

    return mutate


MUTATIONS = st.one_of(
    swap_columns(), insert_row(), change_unit(), rename_header(), shift_merge(), drop_merges(), numbers_as_text()
)


def check(landed: Landed, edition: int) -> None:
    """No number differs; what is lost is named with its file."""
    values = landed.values()
    wrong = {key: (value, TRUTH.get(key)) for key, value in values.items() if TRUTH.get(key) != value}
    assert not wrong, wrong
    lost = TRUTH.keys() - values.keys()
    named = [line for line in landed.report.unexplained if line.startswith(f"yearbook/{edition}/")]
    assert not lost or named, lost


def mutated_sheet(edition: int, mutations: list[Mutation], hidden_text: bool) -> None:
    grid = copy.deepcopy(edition_sheet(edition))
    for mutate in mutations:
        mutate(grid)
    check(land_with({edition: write(grid, hidden_text)}), edition)


def corrupt_sheet(edition: int, flips: list[tuple[float, int]]) -> None:
    data = bytearray(UNTOUCHED[edition])
    for where, mask in flips:
        data[int(where * (len(data) - 1))] ^= mask
    check(land_with({edition: bytes(data)}), edition)


CALM = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
SHEETS = (st.sampled_from(EDITIONS), st.lists(MUTATIONS, min_size=1, max_size=2), st.booleans())
BYTES = (st.sampled_from(EDITIONS), st.lists(st.tuples(st.floats(0, 1), st.integers(1, 255)), min_size=1, max_size=3))
test_mutated_sheets_never_give_another_number = settings(max_examples=25, **CALM)(given(*SHEETS)(mutated_sheet))
test_corrupt_bytes_never_give_another_number = settings(max_examples=15, **CALM)(given(*BYTES)(corrupt_sheet))
test_many_mutated_sheets = pytest.mark.slow(settings(max_examples=600, **CALM)(given(*SHEETS)(mutated_sheet)))
test_many_corrupt_files = pytest.mark.slow(settings(max_examples=400, **CALM)(given(*BYTES)(corrupt_sheet)))


def test_truth_is_what_was_written() -> None:
    assert BASE.report.unexplained == []
    assert len(TRUTH) == 20 * len(EDITIONS)
    assert TRUTH["130100", 2023, "gdp_100m_yuan"] == 7534.0
