"""Spreadsheet bytes to grids of cells, with what a value reader hides: merges, formulas, error cells, hidden sheets."""

from __future__ import annotations

import io
import re
import struct
import zipfile
from dataclasses import dataclass, field
from datetime import date, time, timedelta
from typing import Any
from xml.etree import ElementTree

import msoffcrypto
import olefile
from python_calamine import CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

from landing.limits import LandingError, Limits, check_grid

Cell = str | float | int | bool | date | time | timedelta
Position = tuple[int, int]

EXCEL_DEFAULT_PASSWORD = "VelvetSweatshop"
OLE_MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
ZIP_MAGIC = b"PK\x03\x04"
RELATIONSHIP_ID = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
# Deflate packs at most 1,032 to 1: what is smaller than this cannot unpack to more than 64 MB
UNCHECKED_BYTES = 2**16
VALUE_PARTS = ("xl/sharedStrings", "xl/workbook", "xl/styles", "xl/_rels/")
# BIFF8 record numbers, [MS-XLS] 2.3
BOF, EOF, BOUNDSHEET, FORMULA, BOOLERR, FILEPASS, MULRK, MULBLANK = 0x809, 0x0A, 0x85, 0x06, 0x205, 0x2F, 0xBD, 0xBE
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


@dataclass(frozen=True)
class Sheet:
    """One sheet as a rectangle of values; positions are zero-based (row, column), merges are inclusive corners.

    `scaled` cells show another number than they store (per cent, thousands cut off).
    """

    name: str
    rows: list[list[Any]]
    merges: list[tuple[Position, Position]] = field(default_factory=list)
    formulas: frozenset[Position] = frozenset()
    errors: dict[Position, str] = field(default_factory=dict)
    scaled: frozenset[Position] = frozenset()
    hidden: bool = False


@dataclass
class SheetMarks:
    """What is read beside the values: used size, formula cells, error cells."""

    height: int = 0
    width: int = 0
    formulas: set[Position] = field(default_factory=set)
    errors: dict[Position, str] = field(default_factory=dict)
    scaled: set[Position] = field(default_factory=set)


def read_workbook(data: bytes, limits: Limits | None = None) -> list[Sheet]:
    """Sheets of an .xlsx or .xls file, in order, chart sheets left out.

    Formulas are never evaluated: a formula cell holds the value the writing program cached. Error cells, which value
    readers turn into blanks, keep their text (`#N/A`). Files protected with Excel's default password are opened.
    Raises LandingError(unreadable_file | encrypted_file | too_large).
    """
    limits = limits or Limits()
    data = _decrypted(data)
    marks = _xls_marks(data, limits) if data.startswith(OLE_MAGIC) else _xlsx_marks(data, limits)
    try:
        workbook = CalamineWorkbook.from_object(io.BytesIO(data))
        metadata = [sheet for sheet in workbook.sheets_metadata if sheet.typ == SheetTypeEnum.WorkSheet]
        if len(metadata) > limits.sheets:
            raise LandingError("too_large", f"{len(metadata)} sheets, the limit is {limits.sheets}")
        return [_sheet(workbook, meta.name, meta.visible, marks.get(meta.name)) for meta in metadata]
    except LandingError:
        raise
    except BaseException as error:
        if isinstance(error, (KeyboardInterrupt, SystemExit, MemoryError)):
            raise
        raise _unreadable(str(error)) from error


def _unreadable(detail: str) -> LandingError:
    return LandingError("unreadable_file", detail, "open it in a spreadsheet program and save it again, or fetch it anew")


def _sheet(workbook: CalamineWorkbook, name: str, visible: SheetVisibleEnum, marks: SheetMarks | None) -> Sheet:
    source = workbook.get_sheet_by_name(name)
    rows = source.to_python(skip_empty_area=False)
    marks = marks or SheetMarks()
    for (row, column), text in marks.errors.items():
        if row < len(rows) and column < len(rows[row]):
            rows[row][column] = text
    # `end` of a merge range is inclusive
    merges = [corners for corners in source.merged_cell_ranges or [] if corners[0] != corners[1]]
    return Sheet(
        name=name,
        rows=rows,
        merges=merges,
        formulas=frozenset(marks.formulas),
        errors=marks.errors,
        scaled=frozenset(marks.scaled),
        hidden=visible != SheetVisibleEnum.Visible,
    )


def _decrypted(data: bytes) -> bytes:
    """The file itself, or its plain content where it is protected with the password Excel applies by default."""
    if not data.startswith(OLE_MAGIC):
        return data
    try:
        office = msoffcrypto.OfficeFile(io.BytesIO(data))
        if not office.is_encrypted():
            return data
    except Exception as error:
        raise _unreadable(f"not a workbook: {error}") from error
    try:
        plain = io.BytesIO()
        office.load_key(password=EXCEL_DEFAULT_PASSWORD)
        office.decrypt(plain)
    except Exception as error:
        raise LandingError(
            "encrypted_file", f"protected with a password of its own ({error})", "save it without a password"
        ) from error
    return plain.getvalue()


# .xlsx


def _xlsx_marks(data: bytes, limits: Limits) -> dict[str, SheetMarks]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            _check_package(archive, len(data), limits)
            names = set(archive.namelist())
            for info in archive.infolist():
                # damaged members, and those that would unpack to much more than they declare, fail their checksum here
                checked = info.compress_size > UNCHECKED_BYTES or info.filename.startswith(VALUE_PARTS)
                if checked and not info.filename.startswith("xl/worksheets/"):
                    archive.read(info)
            paths = _worksheet_paths(archive, names)
            scaled = _scaling_styles(archive.read("xl/styles.xml")) if "xl/styles.xml" in names else frozenset()
            return {
                sheet: _worksheet_marks(archive.read(path), sheet, limits, scaled) for sheet, path in paths.items()
            }
    except LandingError:
        raise
    except Exception as error:
        raise _unreadable(f"not a readable workbook: {error}") from error


def _check_package(archive: zipfile.ZipFile, packed: int, limits: Limits) -> None:
    infos = archive.infolist()
    unpacked = sum(info.file_size for info in infos)
    if len(infos) > limits.members:
        raise LandingError("too_large", f"{len(infos):,} members, the limit is {limits.members:,}")
    if unpacked > limits.unpacked_bytes or (
        unpacked > limits.expansion_floor and unpacked > limits.expansion * max(packed, 1)
    ):
        raise LandingError(
            "too_large", f"unpacks from {packed:,} to {unpacked:,} bytes", "not a plain table; check its origin"
        )


def _worksheet_paths(archive: zipfile.ZipFile, names: set[str]) -> dict[str, str]:
    """Sheet name to the member of the package that holds it."""
    if not {"xl/workbook.xml", "xl/_rels/workbook.xml.rels"} <= names:
        raise _unreadable("a zip archive without xl/workbook.xml")
    relations = _xml(archive.read("xl/_rels/workbook.xml.rels"))
    targets = {item.get("Id"): item.get("Target", "") for item in relations}
    paths = {}
    for sheet in _xml(archive.read("xl/workbook.xml")).iter():
        if sheet.tag.endswith("}sheet"):
            target = targets.get(sheet.get(RELATIONSHIP_ID), "")
            path = target.lstrip("/") if target.startswith("/") else f"xl/{target}"
            if path not in names:
                raise _unreadable(f"sheet {sheet.get('name', '')!r} is listed, but its part is missing")
            if "/worksheets/" in path:
                paths[sheet.get("name", "")] = path
    return paths


def _xml(content: bytes) -> ElementTree.Element:
    if b"<!DOCTYPE" in content[:4096]:
        raise _unreadable("a document type declaration inside the workbook")
    return ElementTree.fromstring(content)


ROW_NUMBER = re.compile(rb"<(?:\w+:)?(?:row|c)\b[^>]*?\br=[\"'][A-Z]*(\d+)")
# Sheets whose cells all lie within NEAR_ROWS x NEAR_COLUMNS (ZZ) are small enough without looking closer
FAR_CELL = re.compile(rb"r=[\"'](?:[A-Z]{3}|[A-Z]{0,2}\d{5})")
NEAR_ROWS, NEAR_COLUMNS = 9_999, 702
CELL_COLUMN = re.compile(rb"<(?:\w+:)?c\b[^>]*?\br=[\"']([A-Z]{1,3})\d")
STYLED_CELL = re.compile(rb'<(?:\w+:)?c\b[^>]*?\br="([A-Z]{1,3})(\d+)"[^>]*?\bs="(\d+)"')
BUILT_IN_PER_CENT = {"9", "10"}
SCALING_FORMAT = re.compile(r'%|[0#?],+(?![0#?,])')
FORMULA_CELL = re.compile(rb'<(?:\w+:)?c\b[^>]*?\br="([A-Z]{1,3})(\d+)"[^>]*>\s*<(?:\w+:)?f\b')
ERROR_CELL = re.compile(
    rb'<(?:\w+:)?c\b(?=[^>]*\bt="e")[^>]*?\br="([A-Z]{1,3})(\d+)"[^>]*>.*?<(?:\w+:)?v>([^<]*)<', re.DOTALL
)


def _scaling_styles(content: bytes) -> frozenset[bytes]:
    """Style numbers whose format shows another number than it stores: per cent, or thousands cut off by commas."""
    styles = _xml(content)
    codes = {node.get("numFmtId"): node.get("formatCode", "") for node in styles.iter() if node.tag.endswith("}numFmt")}
    scaling = BUILT_IN_PER_CENT | {number for number, code in codes.items() if number and SCALING_FORMAT.search(code)}
    cell_formats = [node for parent in styles if parent.tag.endswith("}cellXfs") for node in parent]
    return frozenset(str(i).encode() for i, node in enumerate(cell_formats) if node.get("numFmtId") in scaling)


def _worksheet_marks(content: bytes, sheet: str, limits: Limits, scaled: frozenset[bytes]) -> SheetMarks:
    height, width = NEAR_ROWS, NEAR_COLUMNS
    if FAR_CELL.search(content) or height * width > limits.cells:
        height = max((int(number) for number in ROW_NUMBER.findall(content)), default=0)
        width = max((column_number(letters.decode()) for letters in set(CELL_COLUMN.findall(content))), default=0)
    check_grid(height, width, limits, f"sheet {sheet}")
    marks = SheetMarks(height, width)
    if b"<f" in content or b":f" in content:
        marks.formulas = {_position(*found) for found in FORMULA_CELL.findall(content)}
    if b't="e"' in content:
        marks.errors = {
            _position(letters, number): text.decode() for letters, number, text in ERROR_CELL.findall(content)
        }
    if scaled:
        marks.scaled = {_position(*found[:2]) for found in STYLED_CELL.findall(content) if found[2] in scaled}
    return marks


def _position(letters: bytes, number: bytes) -> Position:
    return int(number) - 1, column_number(letters.decode()) - 1


def column_number(letters: str) -> int:
    """Number of a column from its letters: A is 1, AA is 27."""
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number


def column_letters(number: int) -> str:
    """Letters of a column from its number: 1 is A, 27 is AA."""
    letters = ""
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


# .xls


def _xls_marks(data: bytes, limits: Limits) -> dict[str, SheetMarks]:
    try:
        with olefile.OleFileIO(io.BytesIO(data)) as container:
            stream = next((name for name in ("Workbook", "Book") if container.exists(name)), None)
            if stream is None:
                raise _unreadable("an OLE file without a workbook")
            content = container.openstream(stream).read()
    except LandingError:
        raise
    except Exception as error:
        raise _unreadable(f"not a readable .xls: {error}") from error
    return _biff_marks(content, limits)


def _biff_marks(content: bytes, limits: Limits) -> dict[str, SheetMarks]:
    """Walk the records of a BIFF8 stream; a substream is a sheet, found by the offset its BOUNDSHEET gives."""
    names: dict[int, str] = {}
    marks: dict[str, SheetMarks] = {}
    current: SheetMarks | None = None
    offset = 0
    while offset + 4 <= len(content):
        record, length = struct.unpack_from("<HH", content, offset)
        body = content[offset + 4 : offset + 4 + length]
        if len(body) < length:
            raise _unreadable("the .xls ends in the middle of a record")
        if record == BOUNDSHEET and length >= 8:
            names[struct.unpack_from("<I", body)[0]] = _short_string(body[6:])
        elif record == BOF and offset in names:
            current = marks.setdefault(names[offset], SheetMarks())
        elif record in VALUE_RECORDS and current is not None and length >= 6:
            _note_value(record, body, current)
        offset += 4 + length
    for name, sheet in marks.items():
        check_grid(sheet.height, sheet.width, limits, f"sheet {name}")
    return marks


def _note_value(record: int, body: bytes, marks: SheetMarks) -> None:
    row, column = struct.unpack_from("<HH", body)
    last = struct.unpack_from("<H", body, len(body) - 2)[0] if record == MULRK else column
    marks.height = max(marks.height, row + 1)
    marks.width = max(marks.width, last + 1)
    if record == BOOLERR and len(body) >= 8 and body[7]:
        marks.errors[row, column] = BIFF_ERRORS.get(body[6], "#ERROR!")
    elif record == FORMULA and len(body) >= 14:
        marks.formulas.add((row, column))
        if body[12:14] == b"\xff\xff" and body[6] == 2:
            marks.errors[row, column] = BIFF_ERRORS.get(body[8], "#ERROR!")


def _short_string(body: bytes) -> str:
    count, wide = body[0], body[1] & 1
    raw = body[2 : 2 + count * (2 if wide else 1)]
    return raw.decode("utf-16-le" if wide else "latin-1")
