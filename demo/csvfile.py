"""CSV files of the demo: a line that says they are synthetic, a header, rows."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

NOTICE_ZH = "合成数据：由 nianjian demo 生成，非官方统计"
NOTICE = (
    "Synthetic numbers written by `nianjian demo`; not data of the National Bureau of Statistics. City names are real."
)


def csv_bytes(header: Sequence[str], rows: Iterable[Sequence[object]], *, notice: str = NOTICE_ZH) -> bytes:
    """UTF-8 bytes; `notice` stands alone on the first line (none if empty). Missing values print as nothing."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    if notice:
        writer.writerow([notice])
    writer.writerow(header)
    writer.writerows(rows)
    return buffer.getvalue().encode()


def number(value: float, decimals: int) -> str:
    """A number as printed; nothing where it is missing."""
    return "" if value != value else f"{value:.{decimals}f}"
