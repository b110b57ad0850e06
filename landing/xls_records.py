"""What the records of a BIFF8 `.xls` say beside its values: used size, formula cells, error cells, formats that scale."""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass, field

import olefile

from landing.limits import LandingError, Limits, check_grid
from landing.sheet import SheetMarks, unreadable
from landing.xlsx_package import scales

# BIFF8 record numbers, [MS-XLS] 2.3
BOF, BOUNDSHEET, FORMULA, BOOLERR, MULRK, FORMAT, STYLE = 0x809, 0x85, 0x06, 0x205, 0xBD, 0x41E, 0xE0
PER_CENT_FORMATS = {9, 10}
VALUE_RECORDS = {FORMULA, BOOLERR, 0x203, 0x204, 0x27E, 0xFD, 0xD6, MULRK}
BIFF_ERRORS = {
    0x00: "#NULL!",
    0x07: "#DIV/0!",
    0x0F: "#VALUE!",
    0x17: "#REF!",
    0x1D: "#NAME?",
    0x24: "#NUM!",
    0x2A: "#N/A",
}


def xls_marks(data: bytes, limits: Limits) -> dict[str, SheetMarks]:
    """What values alone do not show of each sheet of an .xls workbook (BIFF records): used size, formula cells, error cells.

    Raises:
        LandingError: not a readable workbook, or one beyond the limits.
    """
    try:
        with olefile.OleFileIO(io.BytesIO(data)) as container:
            stream = next((name for name in ("Workbook", "Book") if container.exists(name)), None)
            if stream is None:
                raise unreadable("an OLE file without a workbook")
            content = container.openstream(stream).read()
    except LandingError:
        raise
    except Exception as error:
        raise unreadable(f"not a readable .xls: {error}") from error
    return _biff_marks(content, limits)


@dataclass
class _Formats:
    """Number formats by number, and which of them each cell style uses."""

    codes: dict[int, str] = field(default_factory=dict)
    styles: list[int] = field(default_factory=list)

    def scales(self, style: int) -> bool:
        number = self.styles[style] if style < len(self.styles) else 0
        return number in PER_CENT_FORMATS or scales(self.codes.get(number, ""))


def _biff_marks(content: bytes, limits: Limits) -> dict[str, SheetMarks]:
    """Walk the records of a BIFF8 stream; a substream is a sheet, found by the offset its BOUNDSHEET gives."""
    names: dict[int, str] = {}
    marks: dict[str, SheetMarks] = {}
    formats = _Formats()
    current: SheetMarks | None = None
    offset = 0
    while offset + 4 <= len(content):
        record, length = struct.unpack_from("<HH", content, offset)
        body = content[offset + 4 : offset + 4 + length]
        if len(body) < length:
            raise unreadable("the .xls ends in the middle of a record")
        if record == BOUNDSHEET and length >= 8:
            names[struct.unpack_from("<I", body)[0]] = _short_string(body[6:])
        elif record == BOF and offset in names:
            current = marks.setdefault(names[offset], SheetMarks())
        elif record == FORMAT and length >= 5:
            formats.codes[struct.unpack_from("<H", body)[0]] = _long_string(body[2:])
        elif record == STYLE and length >= 4:
            formats.styles.append(struct.unpack_from("<H", body, 2)[0])
        elif record in VALUE_RECORDS and current is not None and length >= 6:
            _note_value(record, body, current, formats)
        offset += 4 + length
    for name, sheet in marks.items():
        check_grid(sheet.height, sheet.width, limits, f"sheet {name}")
    return marks


def _note_value(record: int, body: bytes, marks: SheetMarks, formats: _Formats) -> None:
    row, column, style = struct.unpack_from("<HHH", body)
    last = struct.unpack_from("<H", body, len(body) - 2)[0] if record == MULRK else column
    marks.height = max(marks.height, row + 1)
    marks.width = max(marks.width, last + 1)
    if record == MULRK:
        styles = struct.unpack_from("<" + "H4x" * (last - column + 1), body, 4)
        marks.scaled |= {(row, column + i) for i, each in enumerate(styles) if formats.scales(each)}
    elif formats.scales(style):
        marks.scaled.add((row, column))
    if record == BOOLERR and len(body) >= 8 and body[7]:
        marks.errors[row, column] = BIFF_ERRORS.get(body[6], "#ERROR!")
    elif record == FORMULA and len(body) >= 14:
        marks.formulas.add((row, column))
        if body[12:14] == b"\xff\xff" and body[6] == 2:
            marks.errors[row, column] = BIFF_ERRORS.get(body[8], "#ERROR!")


def _long_string(body: bytes) -> str:
    count, wide = struct.unpack_from("<H", body)[0], body[2] & 1
    raw = body[3 : 3 + count * (2 if wide else 1)]
    return raw.decode("utf-16-le" if wide else "latin-1")


def _short_string(body: bytes) -> str:
    count, wide = body[0], body[1] & 1
    raw = body[2 : 2 + count * (2 if wide else 1)]
    return raw.decode("utf-16-le" if wide else "latin-1")
