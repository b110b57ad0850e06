"""Which extracts say that they are synthetic: a mark in their folder, a property of a workbook, the first line of a table, a name."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from landing.archive import DOCUMENTS, SYNTHETIC_MARK

WORKBOOKS, TABLES = {".xlsx", ".xlsm"}, {".csv", ".tsv"}
NAME_MARK = "_synthetic"  # of tables whose layout has no room for a notice
NOTICE = "合成数据：由 nianjian".encode()
HEAD_BYTES, PROPERTY_BYTES, MEMBER_BYTES = 512, 2**16, 2**26
PROPERTY = re.compile(rb'name="synthetic"[^>]*>\s*<vt:\w+>\s*(true|1)\s*<', re.IGNORECASE)


def find_synthetic(directory: Path, files: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """(files that are synthetic, files that do not say so); notes (.md, .bib) are neither.

    A file is synthetic where a folder above it carries `SYNTHETIC.json`, or where it says so itself: the demo's workbooks
    have a property, its tables a first line, its trade rows a name. A file that cannot be read says nothing; landing names it.
    """
    marked = {path.parent for path in files if path.name == SYNTHETIC_MARK}
    marked |= {folder for folder in (directory, *directory.parents) if (folder / SYNTHETIC_MARK).is_file()}
    synthetic: list[Path] = []
    real: list[Path] = []
    for path in files:
        if path.suffix.lower() in DOCUMENTS or path.name == SYNTHETIC_MARK:
            continue
        invented = not marked.isdisjoint(path.parents) or says_synthetic(path)
        (synthetic if invented else real).append(path)
    if not real and not synthetic and marked:
        return [directory / SYNTHETIC_MARK], []
    return synthetic, real


def says_synthetic(path: Path) -> bool:
    """Whether the file itself, or a member of the archive, says that it is synthetic."""
    with path.open("rb") as handle:
        return _says(path.name, handle, archives=True)


def _says(name: str, handle: IO[bytes], *, archives: bool) -> bool:
    suffix = Path(name).suffix.lower()
    if Path(name).stem.endswith(NAME_MARK):
        return True
    if suffix in TABLES:
        return NOTICE in handle.read(HEAD_BYTES)
    if suffix in WORKBOOKS or (suffix == ".zip" and archives):
        try:
            with zipfile.ZipFile(handle) as archive:
                return _workbook_says(archive) if suffix in WORKBOOKS else _archive_says(archive)
        except Exception:  # a damaged archive raises anything; landing quarantines it with its reason
            return False
    return False


def _workbook_says(archive: zipfile.ZipFile) -> bool:
    with archive.open("docProps/custom.xml") as part:
        return PROPERTY.search(part.read(PROPERTY_BYTES)) is not None


def _archive_says(archive: zipfile.ZipFile) -> bool:
    for info in archive.infolist():
        if Path(info.filename).name == SYNTHETIC_MARK:
            return True
        if info.file_size <= MEMBER_BYTES:
            with archive.open(info) as member:
                if _says(info.filename, member, archives=False):
                    return True
    return False
