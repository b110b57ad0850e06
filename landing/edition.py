"""Edition and table number of a yearbook file from its path; the title of a sheet outranks both."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import PurePosixPath

_YEAR_FOLDER = re.compile(r"(?:.*\D)?((?:19|20)\d{2})(?:年|年版|年鉴|版)?")
_YEAR_IN_STEM = re.compile(r"(?<!\d)((?:19|20)\d{2})(?=[_\-\s年版]|$)")
_TABLE_IN_STEM = re.compile(r"(?<![\d-])(?:(?:19|20)\d{2}[_-])*(\d{1,2})-(\d{1,3})(?![\d-])")


def edition_of(path: str, folder: str = "") -> int | None:
    """Year of the edition: the innermost folder named by a year, else a year that opens the file's name.

    `folder` is the name of the extract directory itself, for editions landed one directory at a time.
    """
    years = edition_years(path, folder)
    return years[0] if years else None


@lru_cache(maxsize=1000)
def edition_years(path: str, folder: str = "") -> tuple[int, ...]:
    """Years the innermost year folder and the file's name give for the edition; two of them contradict each other."""
    parts = PurePosixPath(path.replace("!", "/")).parts
    folders = [part.removesuffix(".zip") for part in reversed(parts[:-1])]
    named = next((int(match.group(1)) for part in folders if (match := _YEAR_FOLDER.fullmatch(part))), None)
    match = _YEAR_IN_STEM.match(PurePosixPath(parts[-1]).stem) if parts else None
    stem = int(match.group(1)) if match else None
    outer = _YEAR_FOLDER.fullmatch(folder)
    if named is None and stem is None and outer:
        named = int(outer.group(1))
    return tuple(dict.fromkeys(year for year in (named, stem) if year is not None))


def table_of(path: str) -> str:
    """Table number (`2-7`) in a file's name, '' without one."""
    stem = PurePosixPath(path).stem
    match = _TABLE_IN_STEM.search(stem)
    return f"{match.group(1)}-{match.group(2)}" if match else ""
