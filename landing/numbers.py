"""The text of a data cell: a number, a known way of leaving it out, or a problem."""

from __future__ import annotations

import re
import unicodedata
from datetime import date, time, timedelta
from math import isfinite
from typing import Any

NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?")
THOUSANDS = re.compile(r"[+-]?\d{1,3}(?:([, ])\d{3})(?:\1\d{3})*(?:\.\d+)?")
MISSING = {
    "": "blank",
    **dict.fromkeys(("-", "--", "---"), "dash"),
    **dict.fromkeys(("...", "......", "..", "⋯", "⋯⋯"), "ellipsis"),
    **dict.fromkeys(("na", "n/a", "nan", "null", "none", "."), "not_available"),
}
DASHES = dict.fromkeys(map(ord, "‐‑‒–—―−－─━ー﹣"), "-")
NOT_A_NUMBER = "text where a number belongs"
CURRENCY_OR_QUOTES = "'‘’"


def cell_text(value: Any) -> str:
    """A cell's value as text that reads back as the same number; whole floats lose their `.0`."""
    if type(value) is str:
        return value
    if type(value) is float:
        text = repr(value)
        return text[:-2] if text[-2:] == ".0" else text
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, timedelta):
        return str(value)
    return str(value)


def half_width(text: str) -> str:
    """Compatibility form: full-width digits and punctuation become ASCII, every dash a hyphen, outer blanks go."""
    return unicodedata.normalize("NFKC", text).translate(DASHES).strip().strip(CURRENCY_OR_QUOTES).strip()


def parse_number(text: str) -> tuple[float | None, str | None, str | None]:
    """(value, missing reason, problem): exactly one is set.

    Accepts full-width digits, one kind of thousands separator in groups of three, a sign, an exponent. Whatever else
    stands with digits (letters, brackets, two numbers, a percent sign) is a problem: it is not guessed at.
    """
    plain = half_width(text)
    missing = MISSING.get(plain.casefold())
    if missing is not None:
        return None, missing, None
    if NUMBER.fullmatch(plain):
        value = float(plain)
        return (value, None, None) if isfinite(value) else (None, None, "a number out of range")
    if THOUSANDS.fullmatch(plain):
        return float(plain.replace(",", "").replace(" ", "")), None, None
    return None, None, _problem(plain)


def _problem(plain: str) -> str:
    if plain.startswith("#") and plain.rstrip("!?").isupper():
        return f"spreadsheet error {plain}"
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}(T.*)?", plain):
        return "a date where a number belongs"
    if re.search(r"\d", plain):
        return "digits mixed with other characters"
    return NOT_A_NUMBER
