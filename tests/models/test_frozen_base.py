"""A frozen base (index_base_years = frozen) leaves every old value of indices, weights and samples untouched when a year is added; with all years
as the base values change, and audit.study_changes names them. On a small demo, every column of every table at its old keys.

The added year is rough on purpose: its cells are up to three times what the demo says, listed firms appear where there were none and vanish
elsewhere, a trade year closer to the last years arrives. The last year before it holds an outlier that no line can replace until then. All
studies are cut to end in the same year. Numbers are compared to 1e-9, as gate 2 does: sums over more rows run in another order.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest

from demo.write import write_demo
from expectations.changes import write_changes
from landing.load import land
from tests.models.test_dbt_models import ROOT, dbt

LAST, ADDED = 2019, 2020
ALL = ("staging", "panel", "indices", "studies", "audit")
SOME = ("+study_new_quality_va_types", "+study_digital_industry", "+idx_city_size", "+idx_spatial_weights")
COMPARED = ("panel", "indices", "studies")
KEYS = (
    "study", "index_name", "matrix", "normalisation", "position", "indicator", "statistic", "city_code", "city_code_i", "city_code_j", "year",
    "variable", "product_code", "file_id", "sheet", "cell", "source_kind", "value_printed",
)  # fmt: skip
OTHER_CHOICES = {
    "va_national_ratio": "pooled", "va_own_term": "internal", "va_type_level": "city_year", "median_scope": "city_mean",
    "digital_finance_scope": "pooled", "nq_group_level": "city", "nq_lag": "before_split", "land_frontier": "global",
    "rel_normalise": "quantiles", "topsis_norm": "vector", "entropy_zero": "shift", "pca_rescale": "minmax", "pca_standardise": "minmax",
    "prodfun_effects": "none", "cac_form": "printed", "gml_first_year": "year_before", "economic_weight": "with_distance",
    "outlier_rule": "mad", "outlier_scale": "level", "ecol_normalise": "none",
}  # fmt: skip
# What depends on all years of a sample, and so must move when they do: the proof is empty where nothing would have moved.
MOVES = {
    "indices.composite_scores": {"score"},
    "indices.composite_weights": {"value", "n_base"},
    "indices.pollution": {"score"},
    "indices.allocation_efficiency": {"ecol"},
    "indices.capital": {"capital"},
    "indices.city_size": {"city_size_class", "population_10k"},
    "indices.coordination": {"rel"},
    "indices.factor_distortion": {"alpha", "beta", "dist_k", "dist_l"},
    "indices.green_productivity": {"efficiency", "gtfp"},
    "indices.industrial_sophistication": {"stru"},
    "indices.spatial_eigenvalues": {"eigenvalue"},
    "indices.spatial_weights": {"weight", "weight_row", "weight_spectral"},
    "indices.va_types": {"share", "growth", "va_type"},
    "studies.common_prosperity": {"cp_index", "market_integration_high", "digital_finance_high"},
    "studies.digital_industry": {"np_entropy", "market_integration_high", "fiscal_share_high", "unemployed_rate"},
    "studies.industrial_upgrading": {"eco", "fix", "lnecol", "lnrel", "city_size_class"},
    "studies.new_quality_va_types": {"nq_topsis", "nq_level_group", "l_nq", "va_type"},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with the landed demo and its seeds; restores the environment."""
    path = tmp_path_factory.mktemp("frozen")
    write_demo(path / "demo", seed=7, editions=range(2006, 2022), cities=40)
    with duckdb.connect(str(path / "landed.duckdb")) as connection:
        land([path / "demo"], connection, seeds=ROOT / "seeds", synthetic=True)
    before = os.environ.get("NIANJIAN_DB")
    os.environ["NIANJIAN_DB"] = str(path / "landed.duckdb")
    dbt(path, "seed")
    yield path
    if before is None:
        del os.environ["NIANJIAN_DB"]
    else:
        os.environ["NIANJIAN_DB"] = before


def built(
    folder: Path, last_year: int, base: str, models: Sequence[str] = ALL, choices: dict[str, str] | None = None
) -> Path:
    """The warehouse of the studies up to a year, their base years ending in LAST; built once."""
    name = f"until_{last_year}_{base}_{len(models)}_{len(choices or {})}.duckdb"
    path = folder / name
    if not path.exists():
        shutil.copy(folder / "landed.duckdb", path)
        with duckdb.connect(str(path)) as connection:
            cut(connection, last_year)
        os.environ["NIANJIAN_DB"] = str(path)
        switches = ", ".join(f"{k}: '{v}'" for k, v in {"index_base_years": base, **(choices or {})}.items())
        dbt(folder, "run", "--vars", f"{{{switches}}}", "--select", *models)
    return path


def cut(connection: duckdb.DuckDBPyConnection, last_year: int) -> None:
    """End the studies in the year, make the added year rough, and leave out what is later than the year."""
    for statement in (
        f"update seeds.study_samples set last_year = {last_year}, base_last_year = {LAST}",
        f"update raw.resolved set value = value * (1 + hash(city_code || variable) % 5 / 2) where year = {ADDED}",
        f"""
        update raw.resolved set value = 900 * value
        where variable = 'unemployed_registered_persons' and year = {LAST} and city_code = (select min(city_code) from raw.resolved)
        """,
        f"delete from raw.firms where year = {ADDED} and hash(city_code) % 3 = 0",
        f"""
        insert into raw.firms by name
        select * replace ({ADDED} as year, revenue_100m_yuan * 5 as revenue_100m_yuan)
        from raw.firms where year = {LAST} - 2 and hash(city_code) % 3 = 1
        """,
        f"""
        insert into raw.trade by name
        select * replace ({ADDED} as year, value_1k_usd * (1 + hash(exporter || product_code) % 7) as value_1k_usd)
        from raw.trade
        """,
        f"insert into raw.country_series by name select * replace ({ADDED} as year) from raw.country_series where year = 2013",
    ):
        connection.execute(statement)
    dated = connection.execute(
        "select table_name from information_schema.columns where table_schema = 'raw' and column_name = 'year'"
    ).fetchall()
    for (table,) in dated:
        connection.execute(f"delete from raw.{table} where year > {last_year}")


def different_cells(before: Path, after: Path) -> pd.DataFrame:
    """Cells at keys up to LAST that differ between two warehouses: table, column, year, was (missing where the row or the value is)."""
    parts = []
    with duckdb.connect() as connection:
        connection.execute(f"attach '{before}' as old (read_only)")
        connection.execute(f"attach '{after}' as new (read_only)")
        for table in tables(connection):
            old, new = (connection.execute(f"from {side}.{table}").df() for side in ("old", "new"))
            parts += [part.assign(table=table) for part in unequal(old, new, table)]
    return pd.concat(parts) if parts else pd.DataFrame(columns=["table", "column", "year", "was"])


def tables(connection: duckdb.DuckDBPyConnection) -> list[str]:
    rows = connection.execute(
        f"""
        select schema_name || '.' || table_name from duckdb_tables()
        where database_name = 'old' and schema_name in {COMPARED} order by 1
        """
    ).fetchall()
    return [str(name) for (name,) in rows]


def unequal(old: pd.DataFrame, new: pd.DataFrame, table: str) -> Iterator[pd.DataFrame]:
    """The differing cells of each column, rows matched by key; a row that only one side has differs in all its columns."""
    assert list(old.columns) == list(new.columns), table
    keys = [c for c in old.columns if c in KEYS]
    if "year" in keys:
        old, new = (frame[frame["year"] <= LAST] for frame in (old, new))
    both = old.merge(new, on=keys, how="outer", suffixes=("", "__new"), validate="one_to_one", indicator="__side")
    for column in (c for c in old.columns if c not in keys):
        was, now = both[column], both[f"{column}__new"]
        differs = ~equal(was, now) | (both["__side"] != "both")
        if differs.any():
            years = both.loc[differs, "year"] if "year" in keys else LAST
            yield pd.DataFrame({"column": column, "year": years, "was": was[differs].astype(object)})


def equal(was: pd.Series, now: pd.Series) -> np.ndarray:
    """(n,) whether two columns agree, missing with missing, numbers to 1e-9."""
    missing = was.isna() & now.isna()
    if pd.api.types.is_float_dtype(was) and pd.api.types.is_float_dtype(now):
        return np.isclose(was.astype(float), now.astype(float), rtol=1e-9, atol=1e-12, equal_nan=True)
    return (missing | (was.astype(object) == now.astype(object))).to_numpy()


def check_untouched(before: Path, after: Path) -> None:
    """Nothing differs but cells of the panel that were missing in its last year.

    A gap in the last year is no gap between two years: the panel leaves it missing until the year after is known, and then draws the line. That
    is the rule of the panel (interpolation_max_gap, marked `interpolated`), not of an index; no sample of this demo reads such a cell.
    """
    cells = different_cells(before, after)
    of_panel = cells["table"].str.startswith("panel.")
    assert cells.loc[~of_panel, ["table", "column"]].drop_duplicates().to_numpy().tolist() == []
    filled = cells[of_panel]
    assert filled["was"].isna().all() and (filled["year"] == LAST).all()
    assert set(filled["table"]) <= {"panel.long", "panel.city_year"}


def study_changes(before: Path, after: Path) -> pd.DataFrame:
    """Rows of audit.study_changes about the five studies."""
    with duckdb.connect(str(after)) as connection:
        write_changes(connection, before)
        rows = connection.execute("from audit.study_changes where study <> 'panel' and variable <> 'city_years'").df()
    return rows.set_index(["study", "variable"])


def test_groups_and_cleaning_of_two_studies(folder):
    """The quick version: two studies, the size classes and the spatial weights."""
    check_untouched(built(folder, LAST, "all", SOME), built(folder, ADDED, "frozen", SOME))


@pytest.mark.slow
class TestEveryTable:
    def test_a_frozen_base_leaves_old_values_untouched(self, folder):
        before, after = built(folder, LAST, "all"), built(folder, ADDED, "frozen")
        check_untouched(before, after)
        changes = study_changes(before, after)
        assert (changes["n_changed"] == 0).all() and (changes["n_lost"] == 0).all()
        assert (changes["n_added"] > 0).any()

    def test_all_years_as_the_base_move_them_and_the_change_is_shown(self, folder):
        before, after = built(folder, LAST, "all"), built(folder, ADDED, "all")
        cells = different_cells(before, after)
        moved = cells.groupby("table")["column"].agg(set).to_dict()
        assert {t: columns - moved.get(t, set()) for t, columns in MOVES.items() if columns - moved.get(t, set())} == {}
        changes = study_changes(before, after)
        for study in ("common_prosperity", "digital_industry", "industrial_upgrading", "new_quality_va_types"):
            shown = set(changes.loc[study].query("n_changed > 0").index)
            numeric = MOVES[f"studies.{study}"] - {"city_size_class", "nq_level_group"}  # classes are no numbers
            numeric -= {"unemployed_rate"}  # an outlier left missing gets its line: a value that is added, not changed
            assert numeric <= shown, study

    def test_also_under_other_choices(self, folder):
        """Choices that bring in another pooled step."""
        before = built(folder, LAST, "all", ALL, OTHER_CHOICES)
        check_untouched(before, built(folder, ADDED, "frozen", ALL, OTHER_CHOICES))
