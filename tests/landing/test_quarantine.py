"""What explains a quarantine row, and what does not: patterns, years, end dates, corrections and their expectations."""

from __future__ import annotations

import csv
import shutil
from datetime import date
from pathlib import Path

import pytest

from tests.landing.sheets import SEEDS, Grid, Landed, gdp_sheet, land_folder, save

ACCEPTED = [
    *("id", "reason", "file_pattern", "sheet_pattern", "cell_pattern", "city_code", "variable", "year_from", "year_to"),
    *("value_pattern", "explanation", "until"),
]
CORRECTION = ["id", "file_pattern", "city_code", "year", "variable", "expect", "action", "value", "reason", "source"]


def seeds_with(tmp_path: Path, accepted: list[dict[str, str]], corrections: list[dict[str, str]]) -> Path:
    """A copy of the seeds with these entries alone."""
    seeds = Path(shutil.copytree(SEEDS, tmp_path / "seeds"))
    for name, columns, entries in (
        ("accepted_quarantine", ACCEPTED, accepted),
        ("corrections", CORRECTION, corrections),
    ):
        with (seeds / f"{name}.csv").open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, columns, restval="")
            writer.writeheader()
            writer.writerows(entries)
    return seeds


def garbled(tmp_path: Path, accepted: dict[str, str], today: date = date(2026, 1, 1)) -> list[str | None]:
    grid = gdp_sheet([["石家庄市", "", "75O4", 4710, 67099, 81615]])
    save(tmp_path / "e", "yearbook/2024/2-6_x.xlsx", grid)
    entry = {"id": "one", "reason": "not_a_number", "explanation": "misread by the scanner", **accepted}
    landed = land_folder(tmp_path / "e", seeds_with(tmp_path, [entry], []), today=today)
    assert landed.report.accepted + len(landed.report.unexplained) == landed.report.quarantined == 1
    return [None if value != value else value for value in landed.quarantine["accepted_by"].tolist()]


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"file_pattern": "2-6_", "sheet_pattern": "Sheet\\d+", "cell_pattern": "C8", "value_pattern": "75O4"},
        {"city_code": "130100", "variable": "gdp_100m_yuan", "year_from": "2023", "year_to": "2023"},
        {"until": "2026-01-01"},
    ],
)
def test_entries_that_match(tmp_path: Path, fields: dict[str, str]) -> None:
    assert garbled(tmp_path, fields) == ["one"]


@pytest.mark.parametrize(
    "fields",
    [
        {"reason": "unknown_city"},
        {"file_pattern": "2-7"},
        {"sheet_pattern": "Sheet"},
        {"cell_pattern": "C"},
        {"value_pattern": "75"},
        {"city_code": "130200"},
        {"variable": "gdp_pc_yuan"},
        {"year_from": "2024"},
        {"year_to": "2022"},
        {"until": "2025-12-31"},
    ],
)
def test_entries_that_do_not_match(tmp_path: Path, fields: dict[str, str]) -> None:
    assert garbled(tmp_path, fields) == [None]


def slip(tmp_path: Path, correction: dict[str, str], *, synthetic: bool = False, value: float = 75340) -> Landed:
    rows = [
        ["城市", "年份", "GDP(亿元)"],
        *[["石家庄市", year, value if year == 2015 else 7534] for year in range(2010, 2021)],
    ]
    save(tmp_path / "e", "panel/p.xlsx", Grid(rows))
    entry = {
        "id": "ten",
        "file_pattern": "p\\.xlsx$",
        "city_code": "130100",
        "year": "2015",
        "variable": "gdp_100m_yuan",
        "expect": "75340",
        "action": "divide",
        "value": "10",
        "reason": "one digit too many",
        **correction,
    }
    return land_folder(tmp_path / "e", seeds_with(tmp_path, [], [entry]), synthetic=synthetic)


def test_a_correction_explains_its_cell(tmp_path: Path) -> None:
    landed = slip(tmp_path, {})
    assert landed.quarantine[["cell", "reason", "accepted_by"]].to_numpy().tolist() == [
        ["C7", "magnitude_jump", "correction:ten"]
    ]
    assert landed.report.unexplained == []
    assert landed.resolved.set_index("cell")["value"]["C7"] == 75340


@pytest.mark.parametrize(
    ("correction", "detail"),
    [
        ({"expect": "75341"}, "expects 75341, the cell holds 75340"),
        ({"city_code": "130200"}, "matches no cell of this file"),
    ],
)
def test_a_correction_that_no_longer_fits_is_loud(tmp_path: Path, correction: dict[str, str], detail: str) -> None:
    landed = slip(tmp_path, correction)
    stale = landed.quarantine[landed.quarantine["reason"] == "correction_stale"]
    assert len(stale) == 1 and detail in stale["detail"].iloc[0]
    assert any("correction_stale" in line for line in landed.report.unexplained)


def test_a_source_that_was_fixed_is_loud(tmp_path: Path) -> None:
    assert slip(tmp_path, {}, value=7534).reasons() == {"correction_stale": 1}


def test_corrections_of_real_files_leave_synthetic_ones_alone(tmp_path: Path) -> None:
    landed = slip(tmp_path, {}, synthetic=True)
    assert landed.reasons() == {"magnitude_jump": 1}
    assert landed.report.accepted == 0


@pytest.mark.parametrize(
    ("accepted", "corrections", "message"),
    [
        ([{"id": "a", "reason": "not_a_number"}], [], "line 2: explanation is empty"),
        ([{"id": "a", "reason": "x", "explanation": "y"}] * 2, [], "'a' stands twice"),
        ([], [dict.fromkeys(CORRECTION, "1") | {"action": "guess"}], "action .*guess.*allowed"),
    ],
)
def test_entries_without_a_reason_are_refused(
    tmp_path: Path, accepted: list[dict[str, str]], corrections: list[dict[str, str]], message: str
) -> None:
    save(tmp_path / "e", "yearbook/2024/2-6_x.xlsx", gdp_sheet())
    with pytest.raises(ValueError, match=message):
        land_folder(tmp_path / "e", seeds_with(tmp_path, accepted, corrections))


def test_every_shipped_entry_has_a_reason_and_matches_its_kind() -> None:
    with (SEEDS / "accepted_quarantine.csv").open(encoding="utf-8", newline="") as lines:
        accepted = list(csv.DictReader(lines))
    with (SEEDS / "corrections.csv").open(encoding="utf-8", newline="") as lines:
        corrections = list(csv.DictReader(lines))
    assert all(len(entry["explanation"]) > 30 for entry in accepted)
    assert all(len(entry["reason"]) > 20 and float(entry["value"]) > 0 for entry in corrections)
    assert len({entry["id"] for entry in (*accepted, *corrections)}) == len(accepted) + len(corrections)
