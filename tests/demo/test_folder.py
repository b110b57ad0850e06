"""The folder of a demo holds a whole demo or what it held before, whatever happens while one is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from demo import write
from demo.folder import ASIDE, DemoFolder, earlier_files, is_complete
from demo.write import write_demo
from flows.demo import needs_demo
from landing.archive import SYNTHETIC_MARK
from landing.listing import list_files

SMALL = {"seed": 1, "editions": range(2022, 2024), "cities": 30}


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt(), MemoryError()])
def test_an_error_in_the_middle_leaves_the_folder_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    earlier = tmp_path / "earlier"
    write_demo(earlier, **SMALL)
    before = contents(earlier)

    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(write, "other_inputs", fail)  # after the yearbooks, before the truth
    (tmp_path / "empty").mkdir()
    for folder in (earlier, tmp_path / "empty", tmp_path / "new" / "deep"):
        with pytest.raises(type(error)):
            write_demo(folder, **{**SMALL, "seed": 2})
    assert contents(earlier) == before
    assert list((tmp_path / "empty").iterdir()) == []
    assert not (tmp_path / "new").exists()


def test_what_a_killed_run_leaves_is_hidden_and_goes_with_the_next(tmp_path: Path) -> None:
    folder = DemoFolder(tmp_path)
    folder.__enter__()
    folder.write(SYNTHETIC_MARK, b"{}")
    folder.write("yearbook/2022/x_synthetic.xlsx", b"half")
    assert list_files(tmp_path) == []
    assert needs_demo(tmp_path)
    written = write_demo(tmp_path, **SMALL)
    assert set(contents(tmp_path)) == set(written)
    assert not (tmp_path / ASIDE).exists()
    assert not needs_demo(tmp_path)


def test_files_that_come_while_the_demo_is_written_stay(tmp_path: Path) -> None:
    with pytest.raises(FileExistsError, match="did not write"), DemoFolder(tmp_path) as folder:
        folder.write("truth.json", b"{}")
        (tmp_path / "mine.csv").write_text("mine")
        folder.finish()
    assert contents(tmp_path) == {tmp_path / "mine.csv": b"mine"}


def test_a_folder_of_other_files_is_refused_without_a_look_at_all_of_them(tmp_path: Path) -> None:
    """The root of the file system holds folders that nobody can list to the end."""
    with pytest.raises(
        FileExistsError, match=r"^/ holds files that the demo did not write \(.+\): name an empty directory$"
    ):
        earlier_files(Path("/"))
    (tmp_path / "empty" / "deep").mkdir(parents=True)
    assert earlier_files(tmp_path) == []
    (tmp_path / "empty" / "deep" / "mine.csv").write_text("1")
    with pytest.raises(FileExistsError, match=r"empty/deep/mine\.csv"):
        earlier_files(tmp_path)


def test_a_demo_without_its_truth_is_not_complete_and_other_folders_are_not_demos(tmp_path: Path) -> None:
    write_demo(tmp_path / "demo", **SMALL)
    assert is_complete(tmp_path / "demo")
    (tmp_path / "demo" / "truth.json").unlink()
    assert not is_complete(tmp_path / "demo")
    assert needs_demo(tmp_path / "demo")
    (tmp_path / "own").mkdir()
    assert needs_demo(tmp_path / "own")
    (tmp_path / "own" / "a.csv").write_text("1")
    assert not needs_demo(tmp_path / "own")


def test_the_current_folder_and_a_link_to_a_folder_can_hold_a_demo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to("there", target_is_directory=True)
    write_demo(tmp_path / "link", **SMALL)
    assert is_complete(tmp_path / "there")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    write_demo(Path(), **SMALL)
    assert is_complete(tmp_path / "here")


def test_progress_names_every_file_and_the_readme_explains_the_truth(tmp_path: Path) -> None:
    told: list[str] = []
    written = write_demo(tmp_path, **SMALL, progress=told.append)
    assert {f"writing {path.relative_to(tmp_path).as_posix()}" for path in written} <= set(told)
    readme = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert "ynthetic" in readme.splitlines()[0]
    for word in ("truth.json", "planted", "implied", "not_plantable", "dirty_cells", "moments", "samples", "refresh"):
        assert word in readme
