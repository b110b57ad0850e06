"""A frozen base (index_base_years = frozen) leaves every old value of indices, weights and samples untouched when a year is added; with all years
as the base values change, audit.study_changes counts them and audit.changed_values lists them. On a small demo, every column of every table at
its old keys, without exceptions.

The added year is rough on purpose: its cells are up to three times what the demo says, listed firms appear where there were none and vanish
elsewhere, a trade year closer to the last years arrives. The last year before it holds what only the year after can resolve: an outlier without a
line to replace it, gaps of one and of two years (in one variable with growth rates to fill them), and a compiled panel whose values come to lie on a
straight line. All studies are cut to end in the same year. Numbers are compared to 1e-9, as gate 2 does: sums over more rows run in another order.
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
COMPARED = """
    schema_name in ('panel', 'indices', 'studies') or schema_name = 'audit' and table_name in ('cell_status', 'study_cell_status')
"""
KEYS = (
    "study", "index_name", "matrix", "normalisation", "position", "indicator", "statistic", "city_code", "city_code_i", "city_code_j", "year",
    "variable", "product_code", "capital_price", "file_id", "sheet", "cell", "source_kind", "value_printed", "status",
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
    "panel.long": {"value"},
    "panel.city_year": {"fdi_actual_100m_usd", "exp_science_100m_yuan", "fai_100m_yuan"},
    "panel.straight_lines": {"evidence"},
    "panel.samples": {"interpolated"},
    "audit.study_cell_status": {"detail"},
    "indices.composite_scores": {"score"},
    "indices.composite_weights": {"value", "n_base"},
    "indices.pollution": {"score"},
    "indices.allocation_efficiency": {"ecol"},
    "indices.capital": {"capital"},
    "indices.city_size": {"city_size_class", "population_10k"},
    "indices.coordination": {"rel"},
    "indices.factor_distortion": {"alpha", "beta", "dist_k", "dist_l"},
    "indices.distortion_by_price": {"n", "mean", "median"},
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

# An outlier; a gap of one year in a variable that samples need, and of two years; one of two years that growth rates fill until the line does; a line
# in a compiled panel, of a variable that nothing else holds.
OPEN_UNTIL_THE_YEAR_AFTER = (
    f"""
    update raw.resolved set value = 900 * value
    where variable = 'unemployed_registered_persons' and year = {LAST} and city_code = (select min(city_code) from raw.resolved)
    """,
    f"delete from raw.resolved where variable = 'fdi_actual_100m_usd' and year = {LAST} and city_code = '411600'",
    f"delete from raw.resolved where variable = 'exp_science_100m_yuan' and year in ({LAST} - 1, {LAST}) and city_code = '430300'",
    f"""
    insert into raw.resolved by name
    select * replace ('fai_growth_pct' as variable, 'fai_growth' as indicator, 'pct' as unit, 'growth' as sheet, year % 7 + 3.5 as value)
    from raw.resolved where variable = 'fai_100m_yuan' and year >= {LAST} - 1 and city_code = '430300'
    """,
    f"delete from raw.resolved where variable = 'fai_100m_yuan' and year in ({LAST} - 1, {LAST}) and city_code = '430300'",
    f"""
    insert into raw.resolved by name
    select * replace (
        'panel' as source_kind, 'compiled' as sheet, 'pension_insured_persons' as variable,
        (select min(file_id) from raw.resolved) as file_id, case when year < {LAST} - 1 then year % 3 else year - {LAST} + 9 end as value
    )
    from raw.resolved where variable = 'students_higher_persons' and source_kind = 'yearbook'
    """,
)


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
        *OPEN_UNTIL_THE_YEAR_AFTER,
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
    """Cells at keys up to LAST that differ between two warehouses: table, column, year."""
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
        where database_name = 'old' and ({COMPARED}) order by 1
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
    """No cell of a year up to LAST differs."""
    cells = different_cells(before, after)
    assert cells[["table", "column", "year"]].drop_duplicates().to_numpy().tolist() == []


def study_changes(before: Path, after: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows about the five studies of audit.study_changes, by variable, and of audit.changed_values."""
    with duckdb.connect(str(after)) as connection:
        write_changes(connection, before)
        rows = connection.execute("from audit.study_changes where study <> 'panel' and variable <> 'city_years'").df()
        values = connection.execute("from audit.changed_values").df()
    return rows.set_index(["study", "variable"]), values


def test_groups_and_cleaning_of_two_studies(folder):
    """The quick version: two studies, the size classes and the spatial weights."""
    check_untouched(built(folder, LAST, "all", SOME), built(folder, ADDED, "frozen", SOME))


@pytest.mark.slow
class TestEveryTable:
    def test_a_frozen_base_leaves_old_values_untouched(self, folder):
        before, after = built(folder, LAST, "all"), built(folder, ADDED, "frozen")
        check_untouched(before, after)
        changes, values = study_changes(before, after)
        assert (changes["n_changed"] == 0).all() and (changes["n_lost"] == 0).all() and values.empty
        assert (changes["n_added"] > 0).any()

    def test_all_years_as_the_base_move_them_and_the_change_is_shown(self, folder):
        before, after = built(folder, LAST, "all"), built(folder, ADDED, "all")
        cells = different_cells(before, after)
        moved = cells.groupby("table")["column"].agg(set).to_dict()
        assert {t: columns - moved.get(t, set()) for t, columns in MOVES.items() if columns - moved.get(t, set())} == {}
        changes, values = study_changes(before, after)
        gone = changes["n_changed"] + changes["n_lost"]
        listed = values.dropna(subset=["value_before"]).groupby(["study", "variable"]).size()
        assert listed.to_dict() == gone[gone > 0].to_dict()
        for study in ("common_prosperity", "digital_industry", "industrial_upgrading", "new_quality_va_types"):
            shown = set(values.loc[values["study"] == study, "variable"])
            # An outlier left missing gets its line: a value that is added, not changed.
            assert MOVES[f"studies.{study}"] - {"unemployed_rate"} <= shown, study

    def test_a_listed_change_says_what_was_and_what_is(self, folder):
        before, after = built(folder, LAST, "all"), built(folder, ADDED, "all")
        _, values = study_changes(before, after)
        for variable, kind in (("nq_topsis", "value"), ("nq_level_group", "class")):
            row = values[values["variable"] == variable].iloc[-1]
            for path, told in ((before, f"{kind}_before"), (after, f"{kind}_now")):
                with duckdb.connect(str(path), read_only=True) as connection:
                    ((held,),) = connection.execute(
                        f"select {variable} from studies.new_quality_va_types where city_code = ? and year = ?",
                        [row["city_code"], int(row["year"])],
                    ).fetchall()
                assert row[told] == held

    def test_also_under_other_choices(self, folder):
        """Choices that bring in another pooled step."""
        before = built(folder, LAST, "all", ALL, OTHER_CHOICES)
        check_untouched(before, built(folder, ADDED, "frozen", ALL, OTHER_CHOICES))
