"""`nianjian new-edition`: the comparison of a new edition with the header maps, and its patch."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from flows.errors import UsageError
from flows.home import ROOT


def report_new_edition(directory: Path, patch: Path | None) -> Iterable[str]:
    """Lines of the comparison; with `patch`, the proposed map lines are written there.

    Raises:
        UsageError: the folder does not hold exactly one edition.
    """
    from landing.edition_patch import write_patch
    from landing.new_edition import compare_edition

    if not directory.is_dir():
        raise UsageError(f"{directory} is not a folder: name the folder that holds the sheets of one edition")
    try:
        report = compare_edition(directory, ROOT / "seeds")
    except ValueError as error:
        raise UsageError(str(error)) from error
    yield from report.lines()
    target = patch or Path(f"edition-{report.edition}.patch")
    if report.clean and patch is None:
        yield "every column and place is known already"
    elif write_patch(report, ROOT / "seeds", target):
        yield f"proposed map lines: {target} (read it, then `git apply {target}`)"
    else:
        yield "nothing to add to the maps"
