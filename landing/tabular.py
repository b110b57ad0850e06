"""Comma-separated and Stata files as sheets, so that one layout reader serves them all."""

from __future__ import annotations

import csv
import io
import math
from itertools import islice
from typing import Any

import pandas as pd

from landing.limits import LandingError, Limits, check_grid
from landing.roles import CJK
from landing.workbook import Sheet

ENCODINGS = ("utf-8-sig", "gb18030")
DELIMITERS = ",\t;|"
SAMPLE_LINES = 50


def decode(data: bytes) -> str:
    """Text of UTF-8 (with or without a byte-order mark), UTF-16 with a mark, or GB18030 bytes."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        encodings: tuple[str, ...] = ("utf-16",)
    else:
        encodings = ENCODINGS
    for encoding in encodings:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise LandingError("unreadable_file", "neither UTF-8 nor GB18030 text", "save it as UTF-8")


def csv_sheet(data: bytes, limits: Limits | None = None) -> Sheet:
    """The one sheet of a delimited file, all cells text; the row number is the record's number, blank lines counted."""
    limits = limits or Limits()
    text = decode(data)
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True))
    except csv.Error as error:
        raise LandingError("unreadable_file", f"not a delimited table: {error}", "check its quotation marks") from error
    check_grid(len(rows), max(map(len, rows), default=0), limits, "the table")
    return Sheet("", rows)


def _delimiter(text: str) -> str:
    """The delimiter that stands in most of the first lines, in equally many the one that stands there most often."""
    lines = list(islice(io.StringIO(text), SAMPLE_LINES))
    return max(
        DELIMITERS, key=lambda mark: (sum(mark in line for line in lines), sum(line.count(mark) for line in lines))
    )


def dta_sheet(data: bytes, limits: Limits | None = None) -> Sheet:
    """A Stata file: one header row (the variable label where it is Chinese, else the name), then its rows.

    Labelled values become their labels where every value has one (a city coded 1, 2, 3), else numbers stay numbers.
    """
    limits = limits or Limits()
    try:
        numbers = pd.read_stata(io.BytesIO(data), convert_categoricals=False, convert_dates=False)
        labelled = pd.read_stata(io.BytesIO(data), convert_dates=False)
        with pd.read_stata(io.BytesIO(data), iterator=True) as reader:
            titles = reader.variable_labels()
    except Exception as error:
        raise LandingError("unreadable_file", f"not a readable Stata file: {error}", "save it again") from error
    check_grid(len(numbers) + 1, numbers.shape[1], limits, "the table")
    columns = []
    for name in numbers.columns:
        categories: list[object] = list(labelled[name].cat.categories) if labelled[name].dtype == "category" else []
        worded = len(categories) > 0 and all(isinstance(category, str) for category in categories)
        values = (labelled if worded else numbers)[name].astype(object).tolist()
        columns.append([titles.get(name) if CJK.search(titles.get(name) or "") else name, *map(_plain, values)])
    return Sheet("", [list(row) for row in zip(*columns, strict=True)])


def _plain(value: Any) -> Any:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value
