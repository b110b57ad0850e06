"""The folder a demo is written to: written aside, checked for other people's files, and moved into place in one go."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from demo.industries import trade_concordances
from landing.archive import SYNTHETIC_MARK

TRUTH, README = "truth.json", "README.md"
SUFFIX = "_synthetic."  # in the name of every file whose layout leaves the name free
ASIDE = ".demo-being-written"  # hidden: nothing lands from it


class DemoFolder:
    """Collects the files of a demo in a hidden folder inside `directory` and moves them into place at the end.

    On leaving without `finish` the directory is as it was before, and gone if it is new. What a killed run leaves is the hidden
    folder, which the next run removes.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._aside = directory / ASIDE
        self._names: list[str] = []
        self._created: list[Path] = []

    def __enter__(self) -> DemoFolder:
        """Check the directory and make the hidden folder.

        Raises:
            FileExistsError: the directory holds files that the demo did not write.
            OSError: the directory cannot be written.
        """
        earlier_files(self._directory)
        missing = [path for path in (self._directory, *self._directory.parents) if not path.exists()]
        try:
            for path in reversed(missing):
                path.mkdir()
                self._created.append(path)
            shutil.rmtree(self._aside, ignore_errors=True)
            self._aside.mkdir()
        except BaseException:
            self._clean()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._clean()

    def write(self, name: str, content: bytes) -> None:
        """Write one file aside; `name` is its path below the directory."""
        path = self._aside / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        self._names.append(name)

    def finish(self) -> list[Path]:
        """Replace an earlier demo by the files written, the mark first and the truth last; returns their paths in that order.

        Raises:
            FileExistsError: files came into the directory in the meantime; it stays as it is.
        """
        earlier = earlier_files(self._directory)
        with _signals_wait():
            (self._directory / TRUTH).unlink(missing_ok=True)  # from here to the end the folder is no complete demo
            for path in earlier:
                if path.name != SYNTHETIC_MARK:
                    path.unlink(missing_ok=True)
            for name in self._names:
                target = self._directory / name
                target.parent.mkdir(parents=True, exist_ok=True)
                (self._aside / name).replace(target)
            for folder in sorted({path.parent for path in earlier}, reverse=True):
                if folder != self._directory and not any(folder.iterdir()):
                    folder.rmdir()
        self._created.clear()
        return [self._directory / name for name in self._names]

    def _clean(self) -> None:
        shutil.rmtree(self._aside, ignore_errors=True)
        for path in reversed(self._created):
            if path.is_dir() and not any(path.iterdir()):
                path.rmdir()


def is_complete(directory: Path) -> bool:
    """Whether the directory holds a whole demo: its truth comes last."""
    return (directory / SYNTHETIC_MARK).is_file() and (directory / TRUTH).is_file()


def earlier_files(directory: Path) -> list[Path]:
    """The files of an earlier demo in the directory; none where it is new or empty.

    Raises:
        FileExistsError: some of them the demo did not write.
    """
    if not directory.exists():
        return []
    if not (directory / SYNTHETIC_MARK).is_file():  # nothing here is a demo's: the first file found will do
        stranger = _first_file(directory)
        if stranger:
            raise FileExistsError(
                f"{directory} holds files that the demo did not write ({stranger.relative_to(directory)}): name an empty directory"
            )
        return []
    found = [path for path in sorted(directory.rglob("*")) if not path.is_dir() and ASIDE not in path.parts]
    own = {SYNTHETIC_MARK, TRUTH, README, *(f"trade/{name}" for name in trade_concordances())}
    foreign = [path for path in found if path.relative_to(directory).as_posix() not in own and SUFFIX not in path.name]
    if foreign:
        more = f" and {len(foreign) - 1} more" if len(foreign) > 1 else ""
        raise FileExistsError(
            f"{directory} holds files that the demo did not write ({foreign[0].relative_to(directory)}{more}): name an empty directory"
        )
    return found


def _first_file(directory: Path) -> Path | None:
    """Some file below the directory, of the highest folder that has one; what a killed run left does not count."""
    for folder, below, names in os.walk(directory):
        below[:] = sorted(name for name in below if name != ASIDE)
        if names:
            return Path(folder) / min(names)
    return None


@contextmanager
def _signals_wait() -> Iterator[None]:
    """Keep an interrupt waiting until the files are in place."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
