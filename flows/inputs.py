"""What a release depends on, as hashes: extracts, seeds, code and lock."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from flows.errors import UsageError
from flows.home import ROOT
from flows.synthetic import Said, find_synthetic
from landing.listing import list_files

ROOMS = ("dbt_project", "demo", "estimation", "expectations", "flows", "landing", "models", "reporting", "seeds")
CODE_SUFFIXES = {".py", ".sql", ".yml", ".csv", ".j2", ".css", ".svg"}
CODE_FILES = ("dbt_project.yml", "pyproject.toml", "requirements.lock")


@dataclass(frozen=True)
class Inputs:
    """Everything that decides a release.

    Attributes:
        files: (path as given, SHA-256) of every extract, in path order.
        code: SHA-256 over seeds, models, code and lock.
        studies: names of the studies to run.
        synthetic: whether the extracts, or the folders they lie in, say that they are synthetic.
        seed: seed of everything that draws.
        switches: values taken instead of the declared ones, by switch.
    """

    directories: tuple[Path, ...]
    files: tuple[tuple[str, str], ...]
    code: str
    studies: tuple[str, ...]
    synthetic: bool
    seed: int
    switches: Mapping[str, str] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """SHA-256 over all of it; file names count, folder locations do not."""
        parts = [self.code, str(self.seed), *self.studies, *(f"{sha}  {name}" for name, sha in self.files)]
        parts += [f"{name}={value}" for name, value in sorted(self.switches.items())]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def read_inputs(
    directories: Sequence[Path], studies: Sequence[str], seed: int, switches: Mapping[str, str] | None = None
) -> Inputs:
    """Hash the extracts and the project.

    Raises:
        UsageError: a folder is absent or empty, or synthetic and real files are mixed.
        OSError: a folder that cannot be listed or a file that cannot be read.
    """
    files: list[tuple[str, str]] = []
    invented: list[Said] = []
    others: list[Said] = []
    for directory in directories:
        if not directory.is_dir():
            raise UsageError(f"{directory} is not a folder: name the folder of extracts with --extracts")
        found = list_files(directory)
        if not found:
            raise UsageError(f"{directory} holds no files: put extracts there or name another folder with --extracts")
        files += [(p.relative_to(directory).as_posix(), file_sha256(p)) for p in found]
        synthetic, real = find_synthetic(directory, found)
        invented += synthetic
        others += real
    if invented and others:
        raise UsageError(
            f"synthetic and real extracts never mix: {invented[0].path}{_more(invented)} says that it is synthetic ({invented[0].why}), "
            f"{others[0].path}{_more(others)} does not; keep them in separate folders"
        )
    return Inputs(
        directories=tuple(directories),
        files=tuple(sorted(files)),
        code=code_hash(),
        studies=tuple(sorted(studies)),
        synthetic=bool(invented),
        seed=seed,
        switches=dict(switches or {}),
    )


def _more(found: Sequence[Said]) -> str:
    return f" (and {len(found) - 1} more)" if len(found) > 1 else ""


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, read in blocks."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def code_hash(root: Path = ROOT) -> str:
    """SHA-256 over names and contents of everything in the project that can change a result."""
    digest = hashlib.sha256()
    for path in _code_files(root):
        digest.update(f"{path.relative_to(root).as_posix()}\n{file_sha256(path)}\n".encode())
    return digest.hexdigest()


def _code_files(root: Path) -> Iterable[Path]:
    yield from (root / name for name in CODE_FILES if (root / name).is_file())
    for room in ROOMS:
        yield from (
            p
            for p in sorted((root / room).rglob("*"))
            if p.is_file() and p.suffix in CODE_SUFFIXES and "__pycache__" not in p.parts
        )
