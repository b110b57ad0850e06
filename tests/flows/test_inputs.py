"""The hash that decides whether a refresh has anything to do."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from demo.csvfile import csv_bytes
from demo.xlsx import workbook_bytes
from flows.errors import UsageError
from flows.inputs import code_hash, read_inputs
from landing.archive import SYNTHETIC_MARK


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


SYNTHETIC_SHEET = workbook_bytes("Sheet1", [["城市", "x"], ["石家庄市", 1.0]], properties={"synthetic": "true"})


def zipped(content: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a/2-6.xlsx", content)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("lone.xlsx", SYNTHETIC_SHEET),
        ("lone.trade_synthetic.csv", b"t,i,j,k,v,q\n"),
        ("lone.csv", csv_bytes(["a"], [["1"]])),
        ("lone.zip", zipped(SYNTHETIC_SHEET)),
        ("sub/SYNTHETIC.json", b"{}"),
    ],
)
def test_one_synthetic_file_among_real_ones_is_found(tmp_path: Path, name: str, content: bytes) -> None:
    real = folder(tmp_path / "real", a="1")
    (real / "sub").mkdir()
    (real / "sub" / "b.csv").write_text("1")
    (real / name).write_bytes(content)
    with pytest.raises(UsageError, match=r"never mix: .*(lone|b)\."):
        read_inputs([real], [], 1)


def test_part_of_a_synthetic_folder_is_synthetic(tmp_path: Path) -> None:
    demo = folder(tmp_path / "demo", a="1")
    (demo / SYNTHETIC_MARK).write_text("{}")
    assert read_inputs([folder(demo / "part", b="1")], [], 1).synthetic
    assert read_inputs([tmp_path], [], 1).synthetic


def test_files_that_say_nothing_are_real(tmp_path: Path) -> None:
    real = folder(tmp_path / "real", a="1")
    (real / "broken.xlsx").write_bytes(SYNTHETIC_SHEET[: len(SYNTHETIC_SHEET) // 2])
    (real / "plain.xlsx").write_bytes(workbook_bytes("Sheet1", [["x"]]))
    (real / "empty.zip").write_bytes(b"")
    assert not read_inputs([real], [], 1).synthetic
