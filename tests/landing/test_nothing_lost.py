"""Grids of any content: the layout reader never fails, and no number of a sheet escapes it."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from landing.header_block import YEAR_ONLY
from landing.layout import read_blocks
from landing.numbers import cell_text
from landing.places import load_places
from landing.roles import load_roles
from landing.sheet import Sheet
from tests.landing.sheets import SEEDS

ROLES = load_roles(SEEDS)
PROVINCES = frozenset(name for name in load_places(SEEDS).province_of_name if not name.isascii())
CELLS = st.sampled_from(
    [
        "",
        "",
        "",
        "城市",
        "City",
        "城 市",
        "地区",
        "年份",
        "省份",
        "城市代码",
        "指标名称(单位)",
        "单位",
        "数值",
        "全市",
        "市辖区",
        "地区生产总值（亿元）",
        "石家庄市",
        "河北省",
        "吉林",
        "吉林省",
        "2-6 地区生产总值",
        "续表",
        "注：略",
        "单位：万元",
        "(10 000 yuan)",
        "2020年",
        "…",
        "-",
        "x",
        1.0,
        2.0,
        3.0,
        2020.0,
        7534.0,
        0.5,
        "7,534",
        "12",
    ]
)


@st.composite
def sheets(draw: st.DrawFn) -> Sheet:
    width = draw(st.integers(1, 6))
    rows: list[list[Any]] = draw(st.lists(st.lists(CELLS, min_size=width, max_size=width), max_size=12))
    corner = st.integers(0, 6)
    merges = []
    for top, left, down, right in draw(
        st.lists(st.tuples(corner, corner, st.integers(0, 2), st.integers(0, 2)), max_size=2)
    ):
        if rows and down + right:
            merges.append(((top, left), (top + down, left + right)))
    return Sheet("s", rows, merges)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(sheets())
@example(
    Sheet(
        "s",
        [[""] * 3] * 3 + [["城市", "", "城市"], [1.0, "", "地区生产总值（亿元）"], ["x", "", ""]],
        [((2, 0), (4, 0))],
    )
)
def test_no_number_escapes(sheet: Sheet) -> None:
    """A number is data, a label of its row, reported as outside, a year, or a count of the columns."""
    blocks = read_blocks(sheet, ROLES, PROVINCES)
    used = {(row, column) for block in blocks for row in block.rows.index for column in block.span}
    data = {(row, column.index) for block in blocks for row in block.rows.index for column in block.columns}
    labels = {(row, column) for block in blocks for row in block.rows.index for column in block.label_columns}
    outside = {position for block in blocks for position in block.stray}
    assert not data & outside
    assert len(data) == sum(len(block.rows.index) * len(block.columns) for block in blocks)
    for row, cells in enumerate(sheet.rows if blocks else []):
        numbers = [value for value in cells if isinstance(value, float) or value in ("7,534", "12")]
        for column, value in enumerate(cells):
            if isinstance(value, float) and (row, column) not in data | labels | outside:
                year = YEAR_ONLY.fullmatch(cell_text(value))
                assert (row, column) not in used and (
                    year or numbers == [1.0, 2.0, 3.0, 4.0, 5.0, 6.0][: len(numbers)]
                ), (
                    row,
                    column,
                )
