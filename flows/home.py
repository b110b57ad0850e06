"""The folder a warehouse lives in: raw files, releases, and which release is current."""

from __future__ import annotations

import fcntl
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flows.errors import RunFailed, UsageError

ROOT = Path(__file__).resolve().parents[1]
REAL_HOME, DEMO_HOME = "warehouse", "warehouse-demo"
DATABASE = "warehouse.duckdb"


@dataclass(frozen=True)
class Home:
    """Paths of one warehouse home; nothing is created until a run needs it."""

    path: Path

    @property
    def store(self) -> Path:
        """Raw files by content hash, immutable."""
        return self.path / "store"

    @property
    def releases(self) -> Path:
        """One folder a release."""
        return self.path / "releases"

    @property
    def work(self) -> Path:
        """What is being built."""
        return self.path / "work"

    @property
    def current(self) -> Path:
        """Directory symlink to the published release."""
        return self.path / "current"

    def current_release(self) -> Path | None:
        """The published release's folder, None before the first."""
        return self.current.resolve() if self.current.exists() else None

    def release_ids(self) -> list[str]:
        """Published releases, oldest first."""
        if not self.releases.is_dir():
            return []
        return sorted(p.name for p in self.releases.iterdir() if (p / "manifest.json").is_file())

    def release(self, release_id: str) -> Path:
        """Folder of one release.

        Raises:
            UsageError: no release of that id.
        """
        folder = self.releases / release_id
        if not (folder / "manifest.json").is_file():
            known = ", ".join(self.release_ids()) or "none"
            raise UsageError(f"no release {release_id} in {self.path}; releases: {known}")
        return folder

    def manifest(self, release_id: str | None = None) -> dict[str, Any] | None:
        """The manifest of a release (default: the current one), None where there is none."""
        folder = self.release(release_id) if release_id else self.current_release()
        return None if folder is None else json.loads((folder / "manifest.json").read_text(encoding="utf-8"))

    def check_kind(self, synthetic: bool) -> None:
        """Refuse to put synthetic and real releases into one home.

        Raises:
            UsageError: the home already holds releases of the other kind.
        """
        manifest = self.manifest()
        if manifest is not None and bool(manifest["synthetic"]) != synthetic:
            kinds = {True: "synthetic (demo)", False: "real"}
            raise UsageError(
                f"{self.path} holds {kinds[not synthetic]} releases and these extracts are {kinds[synthetic]}: "
                "give another folder with --home"
            )

    def clear_work(self) -> None:
        """Delete what is being built."""
        shutil.rmtree(self.work, ignore_errors=True)

    def clear_leftovers(self) -> None:
        """Delete what a killed run left half built, unless a refresh is at work there now."""
        if self.work.exists():
            with suppress(RunFailed), self.locked():
                self.clear_work()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """One refresh at a time.

        Raises:
            RunFailed: another refresh holds the home.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        with (self.path / ".lock").open("w") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise RunFailed(f"another refresh is running in {self.path}; wait for it to end") from error
            yield


def reading_home(given: Path | None) -> Home:
    """The home a reading command takes: the given one, else `warehouse/` if it has a release, else `warehouse-demo/`.

    Raises:
        UsageError: no release there.
    """
    candidates = [given] if given else [Path(REAL_HOME), Path(DEMO_HOME)]
    for path in candidates:
        home = Home(path.resolve())
        if home.current_release() is not None:
            return home
    where = " or ".join(f"{path}/" for path in candidates)
    raise UsageError(f"no release in {where}: run `nianjian refresh` first, or name a home with --home")


def publish(home: Home, built: Path, release_id: str) -> Path:
    """Move a finished build among the releases and swap `current` to it in one step.

    Readers that hold the old release keep it; new readers see the new one. A release already published under this id is
    never overwritten.

    Raises:
        RunFailed: the build left a `.wal` file (it was not closed cleanly), or the id is taken.
    """
    leftovers = [p.name for p in built.glob("*.wal")]
    if leftovers:
        raise RunFailed(f"the build was not closed cleanly ({', '.join(leftovers)}); nothing was published")
    target = home.releases / release_id
    if target.exists():
        raise RunFailed(f"release {release_id} exists already; nothing was published")
    home.releases.mkdir(parents=True, exist_ok=True)
    built.rename(target)
    link = home.path / f".current-{release_id}"
    link.unlink(missing_ok=True)
    link.symlink_to(target.relative_to(home.path), target_is_directory=True)
    link.replace(home.current)
    return target


def prune(home: Home, keep: int) -> list[str]:
    """Delete the oldest releases, keeping the newest `keep` and always the current one; returns the ids deleted."""
    current = home.current_release()
    old = [r for r in home.release_ids()[: -keep or None] if current is None or r != current.name]
    for release_id in old:
        shutil.rmtree(home.releases / release_id)
    return old
