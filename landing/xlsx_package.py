"""What an .xlsx package says beside its values: used size, formula cells, error cells, formats that scale.

Every part that values come from is read here first, so that a damaged one fails its checksum before a value is taken.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Collection
from xml.etree import ElementTree

from landing.limits import LandingError, Limits, check_grid
from landing.sheet import Position, SheetMarks, column_number, unreadable

RELATIONSHIP_ID = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
# Deflate packs at most 1,032 to 1: what is smaller than this cannot unpack to more than 64 MB
UNCHECKED_BYTES = 2**16
WORKBOOK, RELATIONS, STYLES = "xl/workbook.xml", "xl/_rels/workbook.xml.rels", "xl/styles.xml"
VALUE_PARTS = ("xl/sharedStrings", "xl/workbook", "xl/styles", "xl/_rels/")


def xlsx_marks(data: bytes, limits: Limits) -> dict[str, SheetMarks]:
    """What values alone do not show of each sheet of an .xlsx workbook (its XML parts): used size, formula, error and percent cells.

    Raises:
        LandingError: not a readable workbook, or one beyond the limits.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            _check_package(archive, len(data), limits)
            parts = _checked_parts(archive)
            paths = _worksheet_paths(parts, archive.NameToInfo.keys())
            scaled = _scaling_styles(parts[STYLES]) if STYLES in parts else frozenset()
            return {sheet: _worksheet_marks(archive.read(path), sheet, limits, scaled) for sheet, path in paths.items()}
    except LandingError:
        raise
    except Exception as error:
        raise unreadable(f"not a readable workbook: {error}") from error


def _checked_parts(archive: zipfile.ZipFile) -> dict[str, bytes]:
    """Parts beside the worksheets that values come from. Damaged members, and those that would unpack to much more
    than they declare, fail their checksum here."""
    parts = {}
    for info in archive.infolist():
        name = info.filename
        if name.startswith(VALUE_PARTS):
            parts[name] = archive.read(info)
        elif info.compress_size > UNCHECKED_BYTES and not name.startswith("xl/worksheets/"):
            archive.read(info)
    return parts


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


def _worksheet_paths(parts: dict[str, bytes], names: Collection[str]) -> dict[str, str]:
    """Sheet name to the member of the package that holds it."""
    if not {WORKBOOK, RELATIONS} <= parts.keys():
        raise unreadable("a zip archive without xl/workbook.xml")
    relations = _xml(parts[RELATIONS])
    targets = {item.get("Id"): item.get("Target", "") for item in relations}
    paths = {}
    for sheet in _xml(parts[WORKBOOK]).iter():
        if sheet.tag.endswith("}sheet"):
            target = targets.get(sheet.get(RELATIONSHIP_ID), "")
            path = target.lstrip("/") if target.startswith("/") else f"xl/{target}"
            if path not in names:
                raise unreadable(f"sheet {sheet.get('name', '')!r} is listed, but its part is missing")
            if "/worksheets/" in path:
                paths[sheet.get("name", "")] = path
    return paths


def _xml(content: bytes) -> ElementTree.Element:
    if b"<!DOCTYPE" in content[:4096]:
        raise unreadable("a document type declaration inside the workbook")
    return ElementTree.fromstring(content)


ROW_NUMBER = re.compile(rb"<(?:\w+:)?(?:row|c)\b[^>]*?\br=[\"'][A-Z]*(\d+)")
# Sheets whose cells all lie within NEAR_ROWS x NEAR_COLUMNS (ZZ) are small enough without looking closer
FAR_CELL = re.compile(rb"r=[\"'](?:[A-Z]{3}|[A-Z]{0,2}\d{5})")
NEAR_ROWS, NEAR_COLUMNS = 9_999, 702
CELL_COLUMN = re.compile(rb"<(?:\w+:)?c\b[^>]*?\br=[\"']([A-Z]{1,3})\d")
STYLED_CELL = re.compile(rb'<(?:\w+:)?c\b[^>]*?\br="([A-Z]{1,3})(\d+)"[^>]*?\bs="(\d+)"')
BUILT_IN_PER_CENT = {"9", "10"}
_LITERAL = re.compile(r'"[^"]*"|\\.|_.|\*.')
_SCALING = re.compile(r"%|[0#?],+(?![0#?,])")
FORMULA_CELL = re.compile(rb'<(?:\w+:)?c\b[^>]*?\br="([A-Z]{1,3})(\d+)"[^>]*>\s*<(?:\w+:)?f\b')
ERROR_CELL = re.compile(
    rb'<(?:\w+:)?c\b(?=[^>]*\bt="e")[^>]*?\br="([A-Z]{1,3})(\d+)"[^>]*>.*?<(?:\w+:)?v>([^<]*)<', re.DOTALL
)


def scales(code: str) -> bool:
    """Whether a number format shows another number than the cell stores; literal text in it does not count."""
    return _SCALING.search(_LITERAL.sub("", code)) is not None


def _scaling_styles(content: bytes) -> frozenset[bytes]:
    """Style numbers whose format shows another number than it stores: per cent, or thousands cut off by commas."""
    styles = _xml(content)
    codes = {node.get("numFmtId"): node.get("formatCode", "") for node in styles.iter() if node.tag.endswith("}numFmt")}
    scaling = BUILT_IN_PER_CENT | {number for number, code in codes.items() if number and scales(code)}
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
