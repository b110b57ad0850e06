"""Cells on their way into the database: the text of a number is the one `cell_text` gives, texts keep their letters."""

from __future__ import annotations

import random
import struct
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from landing.collect import texts_and_values
from landing.numbers import cell_text
from landing.resolve import ADD_CELLS, create_cells


def stored(cells: list[Any]) -> list[tuple[str, float | None]]:
    """(value_text, value) of cells as they stand in the database."""
    texts, values = texts_and_values(cells)
    numbers = np.arange(len(cells), dtype=np.int32)
    with duckdb.connect() as con:
        create_cells(con)
        incoming = pa.table({"line": numbers, "head": numbers, "value_text": texts, "value": values})
        con.register("landing_incoming", incoming)
        con.execute(ADD_CELLS)
        return con.execute("select value_text, value from landing_cells order by line").fetchall()


def test_numbers_read_as_the_shortest_text_that_gives_them_back() -> None:
    rng = random.Random(7)
    numbers = [0.0, 0.1, 5935.0, 1e15, 9999999999999998.0, 1e16, 1e22, 1e-4, 1e-5, 5e-324, -2.5]
    numbers += [round(rng.uniform(-1e6, 1e6), rng.randint(0, 6)) for _ in range(2000)]
    numbers += [float(rng.randint(-(10**18), 10**18)) for _ in range(2000)]
    anything = (struct.unpack("d", struct.pack("Q", rng.getrandbits(64)))[0] for _ in range(2000))
    numbers += [number for number in anything if np.isfinite(number)]
    assert stored(numbers) == [(cell_text(number), number) for number in numbers]


@pytest.mark.parametrize(
    ("cell", "text", "value"),
    [
        ("12.50", "12.50", 12.5),
        (" 7", " 7", None),  # parsed once, with its blanks
        ("1,234", "1,234", None),
        ("1e3", "1e3", None),
        ("2003-04", "2003-04", None),
        ("", "", None),
        ("-", "-", None),
        (True, "TRUE", None),
        (3, "3", 3.0),
        (float("inf"), "inf", None),
    ],
)
def test_texts_stand_beside_numbers_unchanged(cell: object, text: str, value: float | None) -> None:
    assert stored([1.5, cell]) == [("1.5", 1.5), (text, value)]
