"""Minimal .xlsx workbooks: one sheet of texts and numbers with merged cells, the same bytes for the same content."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from html import escape

Cell = str | int | float | None
Merge = tuple[int, int, int, int]

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
OFFICE = "application/vnd.openxmlformats-officedocument"
HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
CREATED = "2026-01-01T00:00:00Z"
ZIP_TIME = (1980, 1, 1, 0, 0, 0)

CONTENT_TYPES = (
    f'{HEAD}<Types xmlns="{PACKAGE}/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/>'
    f'<Override PartName="/xl/workbook.xml" ContentType="{OFFICE}.spreadsheetml.sheet.main+xml"/>'
    f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{OFFICE}.spreadsheetml.worksheet+xml"/>'
    f'<Override PartName="/xl/sharedStrings.xml" ContentType="{OFFICE}.spreadsheetml.sharedStrings+xml"/>'
    f'<Override PartName="/xl/styles.xml" ContentType="{OFFICE}.spreadsheetml.styles+xml"/>'
    '<Override PartName="/docProps/core.xml" ContentType="application/vnd.openxmlformats-package.core-properties+xml"/>'
    f'<Override PartName="/docProps/custom.xml" ContentType="{OFFICE}.custom-properties+xml"/>'
    "</Types>"
)
ROOT_RELATIONS = (
    f'{HEAD}<Relationships xmlns="{PACKAGE}/relationships">'
    f'<Relationship Id="rId1" Type="{RELATIONS}/officeDocument" Target="xl/workbook.xml"/>'
    f'<Relationship Id="rId2" Type="{PACKAGE}/relationships/metadata/core-properties" Target="docProps/core.xml"/>'
    f'<Relationship Id="rId3" Type="{RELATIONS}/custom-properties" Target="docProps/custom.xml"/>'
    "</Relationships>"
)
WORKBOOK_RELATIONS = (
    f'{HEAD}<Relationships xmlns="{PACKAGE}/relationships">'
    f'<Relationship Id="rId1" Type="{RELATIONS}/worksheet" Target="worksheets/sheet1.xml"/>'
    f'<Relationship Id="rId2" Type="{RELATIONS}/sharedStrings" Target="sharedStrings.xml"/>'
    f'<Relationship Id="rId3" Type="{RELATIONS}/styles" Target="styles.xml"/>'
    "</Relationships>"
)
STYLES = (
    f'{HEAD}<styleSheet xmlns="{MAIN}"><fonts count="1"><font><sz val="11"/><name val="宋体"/></font></fonts>'
    '<fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill></fills>'
    '<borders count="1"><border/></borders>'
    '<cellStyleXfs count="1"><xf/></cellStyleXfs><cellXfs count="1"><xf/></cellXfs>'
    '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
)


def column_letters(index: int) -> str:
    """Letters of a zero-based column: 0 is A, 26 is AA."""
    letters = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def workbook_bytes(
    sheet_name: str,
    rows: Sequence[Sequence[Cell]],
    merges: Sequence[Merge] = (),
    properties: Mapping[str, str] | None = None,
    description: str = "",
) -> bytes:
    """An .xlsx file with one sheet.

    `rows` hold texts, numbers (written as numbers, shortest exact form) and None for empty cells; `merges` are zero-based
    inclusive (top, left, bottom, right); `properties` become custom document properties. No clock, no machine enters.
    """
    sheet, strings = _sheet_xml(rows, merges)
    parts = {
        "[Content_Types].xml": CONTENT_TYPES,
        "_rels/.rels": ROOT_RELATIONS,
        "docProps/core.xml": _core_xml(description),
        "docProps/custom.xml": _custom_xml(properties or {}),
        "xl/workbook.xml": _workbook_xml(sheet_name),
        "xl/_rels/workbook.xml.rels": WORKBOOK_RELATIONS,
        "xl/styles.xml": STYLES,
        "xl/sharedStrings.xml": strings,
        "xl/worksheets/sheet1.xml": sheet,
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in parts.items():
            info = zipfile.ZipInfo(name, ZIP_TIME)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.create_system = 0
            archive.writestr(info, text.encode(), compresslevel=4)
    return buffer.getvalue()


def _sheet_xml(rows: Sequence[Sequence[Cell]], merges: Sequence[Merge]) -> tuple[str, str]:
    """Sheet and shared-strings parts; strings are numbered in order of first appearance."""
    numbers: dict[str, int] = {}
    width = max((len(row) for row in rows), default=0)
    letters = [column_letters(index) for index in range(width)]
    lines = []
    for number, row in enumerate(rows, start=1):
        cells = [
            f'<c r="{letter}{number}" t="s"><v>{numbers.setdefault(value, len(numbers))}</v></c>'
            if type(value) is str
            else f'<c r="{letter}{number}"><v>{value!r}</v></c>'
            for letter, value in zip(letters, row, strict=False)
            if value is not None and value != ""
        ]
        lines.append(f'<row r="{number}">{"".join(cells)}</row>')
    ranges = "".join(
        f'<mergeCell ref="{letters[left]}{top + 1}:{letters[right]}{bottom + 1}"/>'
        for top, left, bottom, right in merges
    )
    merged = f'<mergeCells count="{len(merges)}">{ranges}</mergeCells>' if merges else ""
    extent = f"A1:{letters[-1] if letters else 'A'}{max(len(rows), 1)}"
    sheet = (
        f'{HEAD}<worksheet xmlns="{MAIN}"><dimension ref="{extent}"/>'
        f"<sheetData>{''.join(lines)}</sheetData>{merged}</worksheet>"
    )
    items = "".join(f'<si><t xml:space="preserve">{escape(text, quote=False)}</t></si>' for text in numbers)
    return sheet, f'{HEAD}<sst xmlns="{MAIN}" uniqueCount="{len(numbers)}">{items}</sst>'


def _workbook_xml(sheet_name: str) -> str:
    return (
        f'{HEAD}<workbook xmlns="{MAIN}" xmlns:r="{RELATIONS}"><sheets>'
        f'<sheet name="{escape(sheet_name)}" sheetId="1" r:id="rId1"/></sheets></workbook>'
    )


def _core_xml(description: str) -> str:
    return (
        f'{HEAD}<cp:coreProperties xmlns:cp="{PACKAGE}/metadata/core-properties" xmlns:dc="http://purl.org/dc/elements/1.1/" '
        'xmlns:dcterms="http://purl.org/dc/terms/" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
        f"<dc:creator>nianjian demo</dc:creator><dc:description>{escape(description)}</dc:description>"
        f'<dcterms:created xsi:type="dcterms:W3CDTF">{CREATED}</dcterms:created></cp:coreProperties>'
    )


def _custom_xml(properties: Mapping[str, str]) -> str:
    entries = "".join(
        f'<property fmtid="{{D5CDD505-2E9C-101B-9397-08002B2CF9AE}}" pid="{number}" name="{escape(name)}">'
        f"<vt:lpwstr>{escape(value)}</vt:lpwstr></property>"
        for number, (name, value) in enumerate(properties.items(), start=2)
    )
    return (
        f'{HEAD}<Properties xmlns="http://schemas.openxmlformats.org/officeDocument/2006/custom-properties" '
        f'xmlns:vt="http://schemas.openxmlformats.org/officeDocument/2006/docPropsVTypes">{entries}</Properties>'
    )
