"""Which extracts say that they are synthetic: a mark in their folder, their name, a property of a workbook, the notice in their text.

Each of these is enough, so that a sheet opened and saved under a plain name, or saved as text by a spreadsheet program, is still
known. Files are searched as bytes, never parsed: the notice is words that no real source prints.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from landing.archive import DOCUMENTS, SYNTHETIC_MARK
from landing.limits import Limits

WORKBOOKS = {".xlsx", ".xlsm"}
# The name of a file of the demo, of a copy of it (" (1)", " - Copy", "_副本"), or of an exported table of a synthetic release.
NAME = re.compile(
    r"_synthetic(?:[\s_-]*(?:\(\d+\)|（\d+）|copy\b.*|副本.*|\d*))*$|^synthetic_(?:panel|studies|results|audit)_",
    re.IGNORECASE,
)
# Words of every notice of `demo.csvfile`, of its policy lists and of what is exported; closing words of its reports.
WORDS = ("nianjian demo", "（合成文本）")
NEEDLES = tuple({word.encode(code) for word in WORDS for code in ("utf-8", "gb18030", "utf-16-le", "utf-16-be")})
PROPERTY = re.compile(rb'name="synthetic"[^>]*>\s*<vt:\w+>\s*(true|1)\s*<', re.IGNORECASE)
PROPERTIES, TEXTS = "docProps/", "xl/"
BLOCK, OVERLAP = 2**20, 100
WHOLE, ENDS = 2**26, 2**20  # larger files are searched at both ends, where notices stand


@dataclass(frozen=True)
class Said:
    """A file, or a member of an archive (behind `!`), and how it says that it is synthetic; "" where it does not."""

    path: str
    why: str


def find_synthetic(directory: Path, files: Sequence[Path]) -> tuple[list[Said], list[Said]]:
    """(files that are synthetic, files that do not say so); notes (.md, .bib) are neither.

    A file is synthetic where a folder above it carries `SYNTHETIC.json`, or where it says so itself. A file that cannot be read
    says nothing; landing names it.
    """
    marked = {path.parent for path in files if path.name == SYNTHETIC_MARK}
    marked |= {folder for folder in (directory, *directory.parents) if (folder / SYNTHETIC_MARK).is_file()}
    found: list[Said] = []
    for path in files:
        if path.suffix.lower() in DOCUMENTS or path.name == SYNTHETIC_MARK:
            continue
        if marked.isdisjoint(path.parents):
            found += says_synthetic(path)
        else:
            found.append(Said(str(path), f"its folder holds {SYNTHETIC_MARK}"))
    if not found and marked:
        return [Said(str(directory / SYNTHETIC_MARK), "it is the mark")], []
    return [one for one in found if one.why], [one for one in found if not one.why]


def says_synthetic(path: Path) -> list[Said]:
    """What the file says itself; for an archive, what each of its members says."""
    with path.open("rb") as handle:
        return list(_said(str(path), path.name, handle, path.stat().st_size, Limits().nesting))


def _said(label: str, name: str, handle: IO[bytes], size: int, depth: int) -> Iterator[Said]:
    """One finding, or one a member of an archive nested at most `depth` deep."""
    suffix = PurePosixPath(name).suffix.lower()
    if NAME.search(PurePosixPath(name).stem):
        yield Said(label, "its name")
    elif suffix == ".zip" and depth > 0:
        yield from _archive(label, handle, depth)
    elif suffix in WORKBOOKS:
        yield Said(label, _workbook(handle))
    else:
        yield Said(label, "the notice in its text" if _noticed(handle, size) else "")


def _archive(label: str, handle: IO[bytes], depth: int) -> Iterator[Said]:
    try:
        with zipfile.ZipFile(handle) as archive:
            members = [info for info in archive.infolist() if not info.is_dir()]
            if any(PurePosixPath(info.filename).name == SYNTHETIC_MARK for info in members):
                yield Said(label, f"it holds {SYNTHETIC_MARK}")
                return
            for info in members:
                name = PurePosixPath(info.filename)
                if name.suffix.lower() not in DOCUMENTS and info.file_size <= Limits().file_bytes:
                    content = io.BytesIO(archive.read(info))
                    yield from _said(f"{label}!{info.filename}", name.name, content, info.file_size, depth - 1)
    except Exception:  # a damaged archive raises anything; landing quarantines it with its reason
        yield Said(label, "")


def _workbook(handle: IO[bytes]) -> str:
    """Properties first; then shared strings and sheets, whatever program wrote them."""
    try:
        with zipfile.ZipFile(handle) as archive:
            parts = archive.infolist()
            for info in parts:
                if info.filename.startswith(PROPERTIES) and info.file_size <= BLOCK:
                    content = archive.read(info)
                    if PROPERTY.search(content) or _in(content):
                        return "a property of the workbook"
            for info in parts:
                read = info.file_size <= Limits().unpacked_bytes  # larger ones landing refuses
                if read and info.filename.startswith(TEXTS) and info.filename.endswith(".xml"):
                    with archive.open(info) as part:
                        if _noticed(part, info.file_size):
                            return "the notice in a cell"
    except Exception:  # a damaged workbook raises anything; landing quarantines it with its reason
        return ""
    return ""


def _noticed(handle: IO[bytes], size: int) -> bool:
    """Whether the notice stands in the bytes from the handle's position on."""
    left = min(size, WHOLE) if size <= WHOLE else ENDS
    before = b""
    while block := handle.read(min(BLOCK, left)):
        if _in(before + block):
            return True
        before, left = block[-OVERLAP:], left - len(block)
    if size > WHOLE and handle.seekable():
        handle.seek(size - ENDS)
        return _in(handle.read(ENDS))
    return False


def _in(content: bytes) -> bool:
    """Whether words of a notice stand in the bytes."""
    return any(needle in content for needle in NEEDLES)
