"""The hash that decides whether a refresh has anything to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from flows.errors import UsageError
from flows.inputs import SYNTHETIC_MARK, code_hash, read_inputs


def folder(path: Path, **files: str) -> Path:
    path.mkdir()
    for name, text in files.items():
        (path / f"{name}.csv").write_text(text)
    return path


def test_digest_depends_on_content_seed_and_studies_not_on_place(tmp_path: Path) -> None:
    one = read_inputs([folder(tmp_path / "one", a="1", b="2")], ["s"], 1)
    assert read_inputs([folder(tmp_path / "two", a="1", b="2")], ["s"], 1).digest == one.digest
    assert read_inputs([tmp_path / "one"], ["s"], 2).digest != one.digest
    assert read_inputs([tmp_path / "one"], ["s", "t"], 1).digest != one.digest
    assert read_inputs([folder(tmp_path / "three", a="1", b="3")], ["s"], 1).digest != one.digest


def test_code_hash_sees_seeds_and_models(tmp_path: Path) -> None:
    (tmp_path / "seeds").mkdir()
    seed = tmp_path / "seeds" / "x.csv"
    seed.write_text("a\n1\n")
    before = code_hash(tmp_path)
    seed.write_text("a\n2\n")
    assert code_hash(tmp_path) != before


def test_synthetic_and_real_do_not_mix(tmp_path: Path) -> None:
    real, demo = folder(tmp_path / "real", a="1"), folder(tmp_path / "demo", a="1")
    (demo / SYNTHETIC_MARK).write_text("{}")
    assert read_inputs([demo], [], 1).synthetic
    with pytest.raises(UsageError, match="never mix"):
        read_inputs([real, demo], [], 1)


def test_missing_and_empty_folders_are_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not a folder"):
        read_inputs([tmp_path / "absent"], [], 1)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="holds no files"):
        read_inputs([tmp_path / "empty"], [], 1)
