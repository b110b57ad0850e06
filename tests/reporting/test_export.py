"""Exports: every table once, names Stata takes, formulas made harmless, nothing passed on that may not be."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pandas as pd
import pytest

from flows.synthetic import says_synthetic
from reporting.escape import escape_formula
from reporting.export import ExportRefused, export_release, stata_names

MANIFEST = {
    "release_id": "20260101T000000Z-abcdef01", "created_at": "2026-01-01", "code_version": "v1", "input_hash": "ab", "synthetic": False,
}  # fmt: skip
LONG = "a_variable_with_a_name_longer_than_stata_takes"


@pytest.fixture
def release() -> duckdb.DuckDBPyConnection:
    con = duckdb.connect()
    con.execute(
        f"""
        create schema raw; create schema panel; create schema studies; create schema results; create schema audit;
        create table raw.files as from (values ('f1', 'a.xlsx', 'own', true, false), ('f2', 'b.xlsx', 'academic', false, false))
            as t (file_id, path, licence, redistributable, synthetic);
        create table panel.long as
            from (values ('130100', 2020, 'gdp', 1.5, 'f1'), ('130200', 2020, 'gdp', null, 'f1')) as t (city_code, year, variable, value, file_id);
        create table panel.candidates as select 1 as x;
        create table studies.s as select '=1+1' as city_code, 2020 as year, 1.5 as {LONG}, 2.5 as {LONG}_too;
        create table studies.s_built as select 1 as x;
        create table results.estimates as select * from (values ('s', true), ('t', null)) as t (study, kept), (select timestamptz '2026-01-01' as at, 0.1 as estimate);
        create table audit.data_dictionary as select 'panel' as table_schema;
        comment on table studies.s is 'Sample';
        comment on column studies.s.{LONG} is 'What it is';
        """
    )
    return con


TABLES = {"panel_long", "studies_s", "results_estimates", "audit_data_dictionary"}


@pytest.mark.parametrize("form", ["csv", "parquet", "stata"])
def test_every_table_once(release: duckdb.DuckDBPyConnection, tmp_path: Path, form: str) -> None:
    written = export_release(release, tmp_path / "out", form, MANIFEST, own_use=False)
    assert {path.stem for path in written} == TABLES | {"README"}
    read = {"csv": pd.read_csv, "parquet": pd.read_parquet, "stata": pd.read_stata}[form]
    panel = read(next(path for path in written if path.stem == "panel_long"))
    assert panel["value"].tolist()[0] == 1.5 and pd.isna(panel["value"]).tolist() == [False, True]
    assert panel["city_code"].astype(str).tolist() == ["130100", "130200"]


def test_formulas_are_text_and_stata_keeps_full_names_as_labels(
    release: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    export_release(release, tmp_path / "csv", "csv", MANIFEST, own_use=False)
    assert "\n'=1+1,2020" in (tmp_path / "csv" / "studies_s.csv").read_text(encoding="utf-8-sig")
    export_release(release, tmp_path / "stata", "stata", MANIFEST, own_use=False)
    with pd.io.stata.StataReader(tmp_path / "stata" / "studies_s.dta") as reader:
        assert reader.variable_labels()[LONG[:32]] == f"{LONG}: What it is"
        assert reader.data_label == "Sample"
    assert len(set(stata_names([LONG, f"{LONG}_too", f"{LONG}_three"]).values())) == 3


def test_cells_that_may_not_be_passed_on_are_refused(release: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    release.execute("insert into panel.long values ('1', 2020, 'x', 1, 'f2')")
    with pytest.raises(ExportRefused, match=r"1 file\(s\) .* b.xlsx \(academic\): add --own-use"):
        export_release(release, tmp_path / "out", "csv", MANIFEST, own_use=False)
    assert not (tmp_path / "out").exists()
    export_release(release, tmp_path / "out", "csv", MANIFEST, own_use=True)
    assert "may not be passed on" in (tmp_path / "out" / "README.txt").read_text(encoding="utf-8")
    with pytest.raises(ExportRefused, match="not empty"):
        export_release(release, tmp_path / "out", "csv", MANIFEST, own_use=True)


@pytest.mark.parametrize("form", ["csv", "parquet", "stata"])
def test_synthetic_says_so_in_every_name_and_every_row(
    release: duckdb.DuckDBPyConnection, tmp_path: Path, form: str
) -> None:
    written = export_release(release, tmp_path / "out", form, MANIFEST | {"synthetic": True}, own_use=False)
    assert {path.stem for path in written} == {f"synthetic_{name}" for name in TABLES} | {"README"}
    assert "SYNTHETIC" in (tmp_path / "out" / "README.txt").read_text(encoding="utf-8")
    read = {"csv": pd.read_csv, "parquet": pd.read_parquet, "stata": pd.read_stata}[form]
    for path in written[:-1]:
        table = read(path)
        assert table.columns[-1] == "synthetic"
        assert set(table["synthetic"]) == {"nianjian demo"}
        renamed = path.rename(path.with_name(f"renamed{path.suffix}"))
        assert form == "parquet" or [one.why for one in says_synthetic(renamed)] == ["the notice in its text"]


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("=1+1", "'=1+1"),
        ("@sum", "'@sum"),
        ("+86", "+86"),
        ("-5.5", "-5.5"),
        ("-cmd", "'-cmd"),
        ("+cmd|x", "'+cmd|x"),
        ("\t=1", "'\t=1"),
        ("  =1", "'  =1"),
        ("石家庄市", "石家庄市"),
        ("", ""),
        ("-1e5", "-1e5"),
        ("1-2", "1-2"),
        ("%x", "'%x"),
    ],
)
def test_escape_of_formula_like_text(text: str, escaped: str) -> None:
    assert escape_formula(text) == escaped
