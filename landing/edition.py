"""Edition and table number of a yearbook file from its path; the title of a sheet outranks both."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

_YEAR_FOLDER = re.compile(r"(?:.*\D)?((?:19|20)\d{2})(?:年|年版|年鉴|版)?")
_YEAR_IN_STEM = re.compile(r"(?<!\d)((?:19|20)\d{2})(?=[_\-\s年版]|$)")
_TABLE_IN_STEM = re.compile(r"(?<![\d-])(?:(?:19|20)\d{2}[_-])*(\d{1,2})-(\d{1,3})(?![\d-])")


def edition_of(path: str, folder: str = "") -> int | None:
    """Year of the edition: the innermost folder named by a year, else a year that opens the file's name.

    `folder` is the name of the extract directory itself, for editions landed one directory at a time.
    """
    parts = PurePosixPath(path.replace("!", "/")).parts
    for part in reversed(parts[:-1]):
        if match := _YEAR_FOLDER.fullmatch(part.removesuffix(".zip")):
            return int(match.group(1))
    stem = PurePosixPath(parts[-1]).stem if parts else ""
    if match := _YEAR_IN_STEM.match(stem):
        return int(match.group(1))
    if match := _YEAR_FOLDER.fullmatch(folder):
        return int(match.group(1))
    return None


def table_of(path: str) -> str:
    """Table number (`2-7`) in a file's name, '' without one."""
    stem = PurePosixPath(path).stem
    match = _TABLE_IN_STEM.search(stem)
    return f"{match.group(1)}-{match.group(2)}" if match else ""
