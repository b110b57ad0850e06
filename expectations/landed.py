"""Gate 1: what was landed is complete, located and explained, before any model runs on it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from expectations.gate import Suite


def _files(gxe: Any) -> Sequence[Any]:
    return [
        gxe.ExpectColumnValuesToBeUnique(column="file_id", notes="a file lands once"),
        gxe.ExpectColumnValuesToMatchRegex(column="sha256", regex="^[0-9a-f]{64}$", notes="every file has its hash"),
        gxe.ExpectColumnValuesToBeBetween(
            column="n_kept", min_value=1, notes="every readable file leaves rows, every other one is in quarantine"
        ),
    ]


def _observations(gxe: Any) -> Sequence[Any]:
    return [
        gxe.ExpectTableRowCountToBeBetween(min_value=0, max_value=0, notes="a cell lands once (file_id, sheet, cell)"),
    ]


def _resolved(gxe: Any) -> Sequence[Any]:
    return [
        gxe.ExpectColumnValuesToNotBeNull(column="city_code", notes="every resolved cell has its city"),
        gxe.ExpectColumnValuesToNotBeNull(column="variable", notes="every resolved cell has its variable"),
        gxe.ExpectColumnValuesToBeBetween(column="year", min_value=1949, max_value=2100, notes="years are years"),
    ]


def _quarantine(gxe: Any) -> Sequence[Any]:
    return [
        gxe.ExpectColumnValuesToNotBeNull(
            column="accepted_by",
            notes="every quarantined cell is explained by an entry of accepted_quarantine or corrections",
        )
    ]


SUITES = (
    Suite(
        "files",
        "raw.files",
        """
        select
            files.*,
            coalesce(files.n_cells, 0) + (quarantine.file_id is not null)::integer as n_kept
        from raw.files as files
        left join (select distinct file_id from audit.quarantine) as quarantine using (file_id)
        where files.kind <> 'documentation'
        order by files.path
        """,
        ("path",),
        _files,
    ),
    Suite(
        "observation_keys",
        "raw.observations",
        "select file_id, sheet, cell, count(*) as n from raw.observations group by all having count(*) > 1 limit 100",
        ("file_id", "sheet", "cell"),
        _observations,
    ),
    Suite(
        "resolved",
        "raw.resolved",
        "select file_id, sheet, cell, city_code, variable, year from raw.resolved order by all",
        ("file_id", "sheet", "cell"),
        _resolved,
    ),
    Suite(
        "quarantine",
        "audit.quarantine",
        """
        select files.path, quarantine.*
        from audit.quarantine as quarantine
        left join raw.files as files using (file_id)
        order by files.path, sheet, cell
        """,
        ("path", "sheet", "cell", "reason"),
        _quarantine,
    ),
)
