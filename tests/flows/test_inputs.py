"""The hash that decides whether a refresh has anything to do."""

from __future__ import annotations

import io
import re
import time
import zipfile
from pathlib import Path

import openpyxl
import pytest

from demo.csvfile import NOTICE_ZH, csv_bytes
from demo.xlsx import workbook_bytes
from flows.errors import UsageError
from flows.inputs import code_hash, read_inputs
from flows.synthetic import BLOCK, WHOLE, _noticed, find_synthetic
from landing.archive import SYNTHETIC_MARK
from landing.listing import list_files


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
    assert read_inputs([tmp_path / "one"], ["s"], 1, {"va_own_term": "exclude"}).digest != one.digest
    assert read_inputs([tmp_path / "one"], ["s"], 1, {}).digest == one.digest
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


ROWS = [["城市", "x"], ["石家庄市", 1.0], [f"注：{NOTICE_ZH}。", None]]
PROPERTY = workbook_bytes("Sheet1", ROWS[:2], properties={"synthetic": "true"})


def without_properties(content: bytes) -> bytes:
    """The workbook without its document properties."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(buffer, "w") as new:
        for name in old.namelist():
            if not name.startswith("docProps/"):
                new.writestr(name, re.sub(rb"<(Override|Relationship)[^>]*docProps[^>]*/>", b"", old.read(name)))
    return buffer.getvalue()


FOOTNOTE = without_properties(workbook_bytes("Sheet1", ROWS))
TEXT = f"城市,x\n石家庄市,1\n注：{NOTICE_ZH}。,\n"


def zipped(content: bytes, name: str = "a/2-6.xlsx") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(name, content)
    return buffer.getvalue()


def saved_again(writer: str) -> bytes:
    """The sheet without properties as other programs save it: shared strings, strings in the cells, strings in two runs."""
    buffer = io.BytesIO()
    if writer == "openpyxl":
        book = openpyxl.load_workbook(io.BytesIO(FOOTNOTE))
        book.save(buffer)
        return buffer.getvalue()
    with zipfile.ZipFile(io.BytesIO(FOOTNOTE)) as old, zipfile.ZipFile(buffer, "w") as new:
        for name in old.namelist():
            text = old.read(name).decode()
            if writer == "inline" and name == "xl/sharedStrings.xml":
                continue
            if name == "xl/worksheets/sheet1.xml" and writer == "inline":
                text = text.replace(
                    "</sheetData>", f'<row r="9"><c t="inlineStr"><is><t>{NOTICE_ZH}</t></is></c></row></sheetData>'
                )
            if writer == "runs":
                text = text.replace("：由 nianjian", '：由</t></r><r><rPr><sz val="11"/></rPr><t> nianjian')
            new.writestr(name, text)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("lone.xlsx", PROPERTY, "a property of the workbook"),
        ("lone.xlsx", FOOTNOTE, "the notice in a cell"),
        ("lone.xlsx", saved_again("openpyxl"), "the notice in a cell"),
        ("lone.xlsx", saved_again("inline"), "the notice in a cell"),
        ("lone.xlsx", saved_again("runs"), "the notice in a cell"),
        ("lone.trade_synthetic.csv", b"t,i,j,k,v,q\n", "its name"),
        ("lone.trade_synthetic (1).csv", b"t,i,j,k,v,q\n", "its name"),
        ("lone_SYNTHETIC - Copy.csv", b"t,i,j,k,v,q\n", "its name"),
        ("synthetic_panel_long_lone.csv", b"city,year\n", "its name"),
        ("lone.csv", csv_bytes(["a"], [["1"]]), "the notice in its text"),
        ("lone.csv", TEXT.encode("gb18030"), "the notice in its text"),
        ("lone.tsv", TEXT.encode("utf-16"), "the notice in its text"),
        ("lone.xls", b"\xd0\xcf\x11\xe0" + TEXT.encode("utf-16-le"), "the notice in its text"),
        ("lone.zip", zipped(PROPERTY), "a property of the workbook"),
        ("lone.zip", zipped(zipped(FOOTNOTE), "inner.zip"), "the notice in a cell"),
        ("sub/SYNTHETIC.json", b"{}", "its folder holds SYNTHETIC.json"),
    ],
)
def test_one_synthetic_file_among_real_ones_is_found_and_located(
    tmp_path: Path, name: str, content: bytes, why: str
) -> None:
    real = folder(tmp_path / "real", a="1")
    (real / "sub").mkdir()
    (real / "sub" / "b.csv").write_text("1")
    (real / name).write_bytes(content)
    with pytest.raises(UsageError, match=rf"never mix: .*(lone|b)\.?.* \({re.escape(why)}\), .*a\.csv") as stopped:
        read_inputs([real], [], 1)
    assert "\n" not in str(stopped.value)


def test_an_archive_that_mixes_is_stopped_and_its_members_named(tmp_path: Path) -> None:
    both = tmp_path / "both"
    both.mkdir()
    with zipfile.ZipFile(both / "x.zip", "w") as archive:
        archive.writestr("real.csv", "1")
        archive.writestr("notes.md", NOTICE_ZH)
        archive.writestr("invented.xlsx", FOOTNOTE)
    with pytest.raises(UsageError, match=r"x\.zip!invented\.xlsx says .*x\.zip!real\.csv does not"):
        read_inputs([both], [], 1)


def test_notices_at_the_end_of_large_files_and_across_blocks_are_found() -> None:
    notice = b"nianjian demo"
    for at in (BLOCK - 10, BLOCK + 5, 3 * BLOCK):
        content = b"1" * at + notice + b"2" * 100
        assert _noticed(io.BytesIO(content), len(content))
    large = b"1" * (WHOLE + BLOCK) + notice
    assert _noticed(io.BytesIO(large), len(large))
    assert not _noticed(io.BytesIO(large[:-5]), len(large) - 5)


def test_part_of_a_synthetic_folder_is_synthetic(tmp_path: Path) -> None:
    demo = folder(tmp_path / "demo", a="1")
    (demo / SYNTHETIC_MARK).write_text("{}")
    assert read_inputs([folder(demo / "part", b="1")], [], 1).synthetic
    assert read_inputs([tmp_path], [], 1).synthetic


def test_files_that_say_nothing_are_real(tmp_path: Path) -> None:
    real = folder(tmp_path / "real", a="1")
    (real / "broken.xlsx").write_bytes(PROPERTY[: len(PROPERTY) // 2])
    (real / "plain.xlsx").write_bytes(without_properties(workbook_bytes("Sheet1", [["x"]])))
    (real / "合成数据.csv").write_text("产品,产量\n合成纤维,1\n合成数据：由企业报送,2\n")
    (real / "synthetic_control.csv").write_text("unit,weight\n")
    (real / "did_synthetic_control.csv").write_text("unit,weight\n")
    (real / "empty.zip").write_bytes(b"")
    assert not read_inputs([real], [], 1).synthetic


def test_no_real_extract_is_taken_for_synthetic_and_the_search_is_fast(extracts: Path) -> None:
    found = list_files(extracts)
    started = time.perf_counter()
    synthetic, real = find_synthetic(extracts, found)
    assert synthetic == []
    assert len(real) >= 30
    assert time.perf_counter() - started < 2.0
