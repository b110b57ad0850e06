"""Listing a folder of extracts: every file, or an error that names what cannot be listed; nothing is passed over in silence."""

from __future__ import annotations

import os
from pathlib import Path


def list_files(folder: Path) -> list[Path]:
    """All files below the folder in path order, hidden ones left out.

    Raises:
        OSError: a folder that cannot be opened, a link that leads nowhere, or a name that is not UTF-8 (an archive unpacked under another
            encoding).
    """
    found: list[Path] = []
    for parent, folders, names in os.walk(folder, onerror=_raise):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in [*folders, *names]:
            _check_name(parent, name)
        found += [Path(parent, name) for name in names if not name.startswith(".")]
    for path in found:
        if path.is_symlink() and not path.exists():
            raise FileNotFoundError(f"{path}: a link that leads nowhere; remove it or bring back its target")
    return sorted((path for path in found if path.is_file()), key=lambda path: path.relative_to(folder).as_posix())


def _raise(error: OSError) -> None:
    raise error


def _check_name(parent: str, name: str) -> None:
    try:
        name.encode()
    except UnicodeEncodeError as error:
        shown = os.fsencode(name).decode("ascii", "backslashreplace")
        raise OSError(
            f"{parent}: the name {shown} is not UTF-8 (unpacked under another encoding?); rename the file"
        ) from error
