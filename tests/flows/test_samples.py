"""Which studies a refresh estimates, and what it says of the others."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pandas as pd
import pytest

from estimation.study import all_studies
from flows.refresh import _study_row, read_sample


@pytest.mark.parametrize(
    ("variables", "rows", "reason"),
    [
        (("gdp_100m_yuan",), 1, "the extracts hold no value of "),
        (None, 0, "has no rows"),
        (None, 1, None),
    ],
)  # fmt: skip
def test_a_study_without_inputs_or_without_a_city_year_is_not_runnable(tmp_path: Path, variables, rows, reason) -> None:
    """Extracts of years outside a study leave it without rows: the release says so instead of stopping."""
    study = all_studies()["broadband_structure"]
    path = tmp_path / "warehouse.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("create schema panel; create schema studies")
        connection.execute("create table panel.long (variable varchar)")
        connection.executemany("insert into panel.long values (?)", [[v] for v in variables or study.requires])
        connection.execute(f"create table {study.sample} (city_code varchar)")
        connection.execute(f"insert into {study.sample} select '130100' from range({rows})")
    found = read_sample.fn(path, study)
    row = _study_row(study, found)
    if reason is None:
        assert isinstance(found, pd.DataFrame) and row["status"] == "estimated" and row["n_obs"] == 1
    else:
        assert reason in found and row["status"] == "not_runnable" and row["detail"] == found
