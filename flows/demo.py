"""`nianjian demo`, and the demo that a refresh without extracts writes for itself."""

from __future__ import annotations

from pathlib import Path

from flows.errors import RunFailed, UsageError
from flows.progress import shown


def write(directory: Path, *, seed: int, editions: str, cities: int) -> int:
    """Write a demo and return its number of files; on a terminal, say what is being written.

    Raises:
        UsageError: options outside their limits, or a directory that holds other files.
        RunFailed: the directory cannot be written, or the run was interrupted; the directory is as it was.
    """
    chosen = read_editions(editions)
    try:
        from demo.write import write_demo

        with shown("drawing") as show:
            return len(write_demo(directory, seed=seed, editions=chosen, cities=cities, progress=show))
    except (ValueError, FileExistsError) as error:
        raise UsageError(str(error)) from error
    except OSError as error:
        what = f"{error.strerror} ({error.filename})" if error.strerror and error.filename else str(error)
        raise RunFailed(
            f"the demo could not be written to {directory}: {what}; name a directory that can be written"
        ) from error
    except MemoryError as error:
        raise RunFailed(
            f"the demo could not be written to {directory}: not enough memory for {cities:,} cities"
        ) from error
    except KeyboardInterrupt as error:
        raise RunFailed(f"stopped while writing the demo; {directory} holds no half-written one") from error


def needs_demo(folder: Path) -> bool:
    """Whether the folder is new or empty, or holds a demo that was cut short (its truth comes last)."""
    from demo.folder import is_complete
    from landing.archive import SYNTHETIC_MARK
    from landing.listing import list_files

    if not folder.is_dir() or not list_files(folder):
        return True
    return (folder / SYNTHETIC_MARK).is_file() and not is_complete(folder)


def read_editions(text: str) -> range:
    """Editions of `2006-2023` or `2021`.

    Raises:
        UsageError: not a year or a range, or the first year comes last.
    """
    first, dash, last = text.partition("-")
    years = [part.strip() for part in (first, last if dash else first)]
    if not all(year.isascii() and year.isdigit() and len(year) == 4 for year in years):
        raise UsageError(f"--editions {text!r} is not a year or a range like 2006-2023")
    editions = range(int(years[0]), int(years[1]) + 1)
    if not editions:
        raise UsageError(f"--editions {text!r} is empty: the first year comes first")
    return editions
