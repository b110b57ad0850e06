"""Bounds that keep a hostile or broken file from taking the machine down."""

from __future__ import annotations

from dataclasses import dataclass


class LandingError(Exception):
    """A file or sheet that cannot be read: machine-readable reason, what was found, what to do."""

    def __init__(self, reason: str, detail: str, hint: str = "") -> None:
        super().__init__(f"{reason}: {detail}" + (f"; {hint}" if hint else ""))
        self.reason = reason
        self.detail = detail
        self.hint = hint


@dataclass(frozen=True)
class Limits:
    """Largest input that is read. Sizes in bytes; `expansion` is unpacked size over packed size of an archive."""

    file_bytes: int = 512 * 2**20
    table_bytes: int = 64 * 2**30
    unpacked_bytes: int = 1024 * 2**20
    members: int = 10_000
    expansion: float = 250.0
    expansion_floor: int = 16 * 2**20
    nesting: int = 2
    rows: int = 1_048_576
    columns: int = 16_384
    cells: int = 20_000_000
    sheets: int = 500
    text_length: int = 32_767


def check_file_size(size: int, limit: int) -> None:
    if size > limit:
        raise LandingError("too_large", f"{size:,} bytes, the limit is {limit:,}", "split the file or raise the limit")


def check_grid(rows: int, columns: int, limits: Limits, where: str) -> None:
    """Refuse a grid before a reader allocates it densely: one far cell is enough to ask for 17 billion cells."""
    if rows > limits.rows or columns > limits.columns or rows * columns > limits.cells:
        raise LandingError(
            "too_large",
            f"{where} spans {rows:,} rows x {columns:,} columns, the limit is {limits.cells:,} cells",
            "delete stray cells far from the table",
        )
