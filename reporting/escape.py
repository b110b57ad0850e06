"""Text that a spreadsheet program would run as a formula, made harmless for CSV and Excel exports."""

from __future__ import annotations

import re

# What starts a formula in one of the usual programs, also behind white space; a number may start with its sign.
_RISKY = re.compile(r"^[\s\0]*[=+\-@|%\t\r]")
_NUMBER = re.compile(r"^[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$")


def escape_formula(text: str) -> str:
    """`text` with an apostrophe in front where a spreadsheet program would take it for a formula; numbers as they are."""
    return f"'{text}" if _RISKY.match(text) and not _NUMBER.match(text) else text
