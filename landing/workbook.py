"""Spreadsheet bytes to grids of cells, with what a value reader hides: merges, formulas, error cells, hidden sheets."""

from __future__ import annotations

import io

import msoffcrypto
from python_calamine import CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

from landing.limits import LandingError, Limits
from landing.sheet import Position, Sheet, SheetMarks, column_letters, unreadable
from landing.xls_records import xls_marks
from landing.xlsx_package import xlsx_marks

__all__ = ["Position", "Sheet", "column_letters", "read_workbook"]

EXCEL_DEFAULT_PASSWORD = "VelvetSweatshop"
OLE_MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def read_workbook(data: bytes, limits: Limits | None = None) -> list[Sheet]:
    """Sheets of an .xlsx or .xls file, in order, chart sheets left out.

    Formulas are never evaluated: a formula cell holds the value the writing program cached. Error cells, which value
    readers turn into blanks, keep their text (`#N/A`). Files protected with Excel's default password are opened.
    Raises LandingError(unreadable_file | encrypted_file | too_large).
    """
    limits = limits or Limits()
    data = _decrypted(data)
    marks = xls_marks(data, limits) if data.startswith(OLE_MAGIC) else xlsx_marks(data, limits)
    try:
        workbook = CalamineWorkbook.from_object(io.BytesIO(data))
        metadata = [sheet for sheet in workbook.sheets_metadata if sheet.typ == SheetTypeEnum.WorkSheet]
        if len(metadata) > limits.sheets:
            raise LandingError("too_large", f"{len(metadata)} sheets, the limit is {limits.sheets}")
        return [_sheet(workbook, meta.name, meta.visible, marks.get(meta.name)) for meta in metadata]
    except LandingError:
        raise
    except BaseException as error:
        # a panic of the reader is no Exception; neither is a signal that ends the run, which says nothing about the file
        panic = type(error).__name__ == "PanicException"
        if isinstance(error, MemoryError) or not (panic or isinstance(error, Exception)):
            raise
        raise unreadable(str(error)) from error


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
        raise unreadable(f"not a workbook: {error}") from error
    try:
        plain = io.BytesIO()
        office.load_key(password=EXCEL_DEFAULT_PASSWORD)
        office.decrypt(plain)
    except Exception as error:
        raise LandingError(
            "encrypted_file", f"protected with a password of its own ({error})", "save it without a password"
        ) from error
    return plain.getvalue()
