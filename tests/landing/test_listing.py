"""Listing extracts: nothing is passed over in silence."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from landing.listing import list_files


def test_files_in_path_order_without_hidden_ones(tmp_path: Path) -> None:
    for name in ("b/2.csv", "a.csv", ".hidden", ".git/x", "b/1.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    assert [p.relative_to(tmp_path).as_posix() for p in list_files(tmp_path)] == ["a.csv", "b/1.csv", "b/2.csv"]


def test_a_folder_that_cannot_be_opened_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "2022").mkdir()
    scan = os.scandir

    def refuse(path: str) -> object:
        if Path(path).name == "2022":
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(PermissionError, match="2022"):
        list_files(tmp_path)


def test_a_link_to_nowhere_is_named(tmp_path: Path) -> None:
    (tmp_path / "panel.csv").symlink_to(tmp_path / "gone.csv")
    with pytest.raises(FileNotFoundError, match=r"panel.csv: a link that leads nowhere"):
        list_files(tmp_path)


def test_a_name_of_another_encoding_is_named(tmp_path: Path) -> None:
    name = os.fsencode(str(tmp_path)) + b"/" + "中介.csv".encode("gbk")
    try:
        os.close(os.open(name, os.O_CREAT | os.O_WRONLY))
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    with pytest.raises(OSError, match=r"not UTF-8"):
        list_files(tmp_path)
