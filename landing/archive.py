"""Files under the extract directories, members of zip archives included, each known by the hash of its bytes."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from landing.limits import LandingError, Limits, check_file_size
from landing.listing import list_files

DOCUMENTS = frozenset({".md", ".bib"})
MEMBER_MARK = "!"
SYNTHETIC_MARK = "SYNTHETIC.json"
BESIDE_SYNTHETIC = frozenset({SYNTHETIC_MARK, "truth.json"})


@dataclass(frozen=True)
class SourceFile:
    """A file to land. `path` is relative to its extract directory (members of archives behind `!`), for people and
    patterns only; bytes come from `disk`, or from `content` for a member of an archive. `copies` are paths of the same
    bytes."""

    path: str
    sha256: str
    size: int
    disk: Path | None = None
    content: bytes | None = None
    folder: str = ""
    error: LandingError | None = None
    copies: tuple[str, ...] = ()

    @property
    def file_id(self) -> str:
        return self.sha256[:12]

    @property
    def suffix(self) -> str:
        return PurePosixPath(self.path).suffix.lower()

    def read(self, limits: Limits) -> bytes:
        if self.content is not None:
            return self.content
        assert self.disk is not None
        check_file_size(self.size, limits.file_bytes)
        return self.disk.read_bytes()


def source_files(directories: Sequence[Path], limits: Limits | None = None) -> list[SourceFile]:
    """Every file under the directories in path order, the same bytes once; hidden files and notes (.md, .bib) are left out.

    Symbolic links that leave the directory are not followed. Raises FileNotFoundError for a missing directory.
    """
    limits = limits or Limits()
    found: dict[str, SourceFile] = {}
    for directory in directories:
        root = Path(directory).resolve()
        if not root.is_dir():
            raise FileNotFoundError(f"{directory}: no such directory of extracts")
        synthetic = (root / SYNTHETIC_MARK).is_file()
        for path in list_files(root):
            inside = path.relative_to(root)
            if any(part.startswith("~$") for part in inside.parts):
                continue
            if path.suffix.lower() in DOCUMENTS or (synthetic and inside.as_posix() in BESIDE_SYNTHETIC):
                continue
            if not path.resolve().is_relative_to(root):
                continue
            for source in _unpacked(_on_disk(path, inside.as_posix(), root.name), limits, limits.nesting):
                first = found.setdefault(source.sha256, source)
                if first is not source:
                    found[source.sha256] = replace(first, copies=(*first.copies, source.path))
    return sorted(found.values(), key=lambda source: source.path)


def _on_disk(path: Path, label: str, folder: str) -> SourceFile:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(2**20):
            digest.update(chunk)
    return SourceFile(label, digest.hexdigest(), path.stat().st_size, disk=path, folder=folder)


def _unpacked(source: SourceFile, limits: Limits, depth: int) -> Iterator[SourceFile]:
    if source.suffix != ".zip":
        yield source
        return
    try:
        if depth <= 0:
            raise LandingError("too_large", f"archives nested deeper than {limits.nesting}", "unpack it by hand")
        members = list(_members(source, limits))
    except LandingError as error:
        yield _failed(source, error)
        return
    for member in members:
        yield from _unpacked(member, limits, depth - 1)


def _failed(source: SourceFile, error: LandingError) -> SourceFile:
    return replace(source, error=error)


def _members(source: SourceFile, limits: Limits) -> Iterator[SourceFile]:
    try:
        with zipfile.ZipFile(io.BytesIO(source.read(limits))) as archive:
            infos = [info for info in archive.infolist() if not info.is_dir()]
            _check_archive(infos, source.size, limits)
            for info in infos:
                name = PurePosixPath(_member_name(info).replace("\\", "/"))
                if name.name.startswith((".", "~$")) or "__MACOSX" in name.parts:
                    continue
                if info.flag_bits & 1:
                    raise LandingError("encrypted_file", f"member {name.name} needs a password", "unpack it by hand")
                content = archive.read(info)
                label = f"{source.path}{MEMBER_MARK}{_label(name)}"
                yield SourceFile(
                    label, hashlib.sha256(content).hexdigest(), len(content), content=content, folder=source.folder
                )
    except LandingError:
        raise
    except Exception as error:
        raise LandingError("unreadable_file", f"damaged archive: {error}", "fetch it anew") from error


def _label(name: PurePosixPath) -> str:
    """A member's path as text for people: never absolute, never climbing; it is not used to open or write a file."""
    return "/".join(part for part in name.parts if part not in ("/", "..", ".") and not part.endswith(":"))


def _member_name(info: zipfile.ZipInfo) -> str:
    """Chinese systems write GB18030 names without saying so; the archive module reads them as code page 437."""
    if info.flag_bits & 0x800:
        return info.filename
    try:
        return info.filename.encode("cp437").decode("gb18030")
    except UnicodeError:
        return info.filename


def _check_archive(infos: list[zipfile.ZipInfo], packed: int, limits: Limits) -> None:
    unpacked = sum(info.file_size for info in infos)
    if len(infos) > limits.members:
        raise LandingError("too_large", f"{len(infos):,} members, the limit is {limits.members:,}", "split it")
    if unpacked > limits.unpacked_bytes:
        raise LandingError(
            "too_large", f"unpacks to {unpacked:,} bytes, the limit is {limits.unpacked_bytes:,}", "split it"
        )
    if unpacked > limits.expansion_floor and unpacked > limits.expansion * max(packed, 1):
        raise LandingError(
            "too_large", f"unpacks {packed:,} bytes to {unpacked:,}", "not a plain archive; check its origin"
        )
