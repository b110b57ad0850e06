"""Archives: members land under labels, their paths are never used, sizes and nesting are bounded."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from landing.archive import source_files
from landing.edition import edition_of, edition_years, table_of
from landing.limits import Limits
from tests.landing.sheets import gdp_sheet, land_folder, save


def zipped(members: dict[str, bytes], **options: int) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, **options) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


def test_members_land_with_their_edition(tmp_path: Path) -> None:
    data = zipped({"2-6_地区生产总值.xlsx": gdp_sheet().bytes(), "__MACOSX/._x": b"", "notes/.hidden": b""})
    save(tmp_path / "e", "yearbook/2024.zip", data)
    landed = land_folder(tmp_path / "e")
    assert landed.report.unexplained == []
    assert len(landed.values()) == 20
    assert set(landed.observations["year"]) == {2023}


def test_member_paths_are_labels_only(tmp_path: Path) -> None:
    before = sorted(path for path in tmp_path.parent.rglob("*") if "escaped" in path.name)
    names = ["../../escaped.xlsx", "/escaped2.xlsx", "C:\\escaped3.xlsx", "a/../../escaped4.xlsx"]
    sheets = [gdp_sheet().bytes() + bytes(i) for i in range(len(names))]
    save(tmp_path / "e", "yearbook/2024.zip", zipped(dict(zip(names, sheets, strict=True))))
    paths = [source.path for source in source_files([tmp_path / "e"])]
    assert all(path.startswith("yearbook/2024.zip!") and ".." not in path and ":" not in path for path in paths)
    land_folder(tmp_path / "e")
    assert sorted(path for path in tmp_path.parent.rglob("*") if "escaped" in path.name) == before


def test_gb18030_names(tmp_path: Path) -> None:
    info = zipfile.ZipInfo("2-6_x.xlsx")
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(info, gdp_sheet().bytes())
    name = "2-6_地.xlsx".encode("gb18030")
    save(tmp_path / "e", "2024.zip", stream.getvalue().replace(b"2-6_x.xlsx", name.ljust(10, b"x")[:10]))
    assert next(source.path for source in source_files([tmp_path / "e"])).startswith("2024.zip!2-6_地")


def test_nested_archives_are_bounded(tmp_path: Path) -> None:
    inner = zipped({"2-6_x.xlsx": gdp_sheet().bytes()})
    save(tmp_path / "a", "yearbook/2024/one.zip", zipped({"two.zip": inner}))
    assert len(land_folder(tmp_path / "a").values()) == 20
    save(tmp_path / "b", "yearbook/2024/one.zip", zipped({"two.zip": zipped({"three.zip": inner})}))
    assert land_folder(tmp_path / "b").reasons() == {"too_large": 1}


@pytest.mark.parametrize(
    ("limits", "members"),
    [
        (Limits(members=2), {"a.csv": b"1", "b.csv": b"2", "c.csv": b"3"}),
        (Limits(unpacked_bytes=1000), {"a.csv": bytes(2000)}),
        (Limits(expansion_floor=1000, expansion=10), {"a.csv": bytes(100_000)}),
    ],
)
def test_archives_beyond_the_bounds(tmp_path: Path, limits: Limits, members: dict[str, bytes]) -> None:
    save(tmp_path / "e", "x.zip", zipped(members))
    landed = land_folder(tmp_path / "e", limits=limits)
    assert landed.reasons() == {"too_large": 1}


def test_damaged_archive_is_one_row(tmp_path: Path) -> None:
    save(tmp_path / "e", "yearbook/2023.zip", zipped({"2-6_x.xlsx": gdp_sheet().bytes()})[:-60])
    save(tmp_path / "e", "yearbook/2024/2-6_x.xlsx", gdp_sheet())
    landed = land_folder(tmp_path / "e")
    assert landed.reasons() == {"unreadable_file": 1}
    assert len(landed.values()) == 20


def test_large_file_is_refused_unread(tmp_path: Path) -> None:
    save(tmp_path / "e", "yearbook/2024/2-6_x.xlsx", gdp_sheet())
    assert land_folder(tmp_path / "e", limits=Limits(file_bytes=1000)).reasons() == {"too_large": 1}


def test_same_bytes_land_once_and_in_one_edition(tmp_path: Path) -> None:
    data = gdp_sheet().bytes()
    save(tmp_path / "a", "yearbook/2024/2-6_x.xlsx", data)
    save(tmp_path / "a", "yearbook/2024/copy/2-6_y.xlsx", data)
    landed = land_folder(tmp_path / "a")
    assert (landed.report.files, landed.report.unexplained) == (1, [])
    save(tmp_path / "a", "yearbook/2025/2-6_x.xlsx", data)
    assert land_folder(tmp_path / "a").reasons() == {"wrong_year": 1}


def test_links_out_of_the_directory_are_not_followed(tmp_path: Path) -> None:
    save(tmp_path / "outside", "2-6_x.xlsx", gdp_sheet())
    (tmp_path / "e").mkdir()
    (tmp_path / "e" / "2-6_x.xlsx").symlink_to(tmp_path / "outside" / "2-6_x.xlsx")
    assert source_files([tmp_path / "e"]) == []
    with pytest.raises(FileNotFoundError):
        source_files([tmp_path / "absent"])


def test_place_of_the_directory_does_not_matter(tmp_path: Path) -> None:
    for folder in ("here", "there/below"):
        save(tmp_path / folder, "yearbook/2024/2-6_x.xlsx", gdp_sheet())
    here, there = land_folder(tmp_path / "here"), land_folder(tmp_path / "there" / "below")
    assert here.observations.equals(there.observations)
    assert here.resolved.equals(there.resolved)


@pytest.mark.parametrize(
    ("path", "edition", "table"),
    [
        ("yearbook/2021/2021_2021-2-18.xlsx", 2021, "2-18"),
        ("yearbook/2022/2022_2022-3-3 地区生产总值.xlsx", 2022, "3-3"),
        ("yearbook/2024/2-6_地区生产总值.xlsx", 2024, "2-6"),
        ("中国城市统计年鉴2023/2-1.xls", 2023, "2-1"),
        ("2019.zip!2-1.xls", 2019, "2-1"),
        ("2-6.xlsx", None, "2-6"),
        ("panel/city_panel_2003_2023.csv", None, ""),
    ],
)
def test_edition_and_table_of_a_path(path: str, edition: int | None, table: str) -> None:
    assert (edition_of(path), table_of(path)) == (edition, table)


def test_edition_from_the_directory_itself() -> None:
    assert edition_of("2-6.xlsx", "2024") == 2024
    assert edition_years("2022/2021_2021-2-7.xlsx") == (2022, 2021)
