"""Part of gate 2: the panel and the samples of studies against those of the published release.

A new edition adds years; it does not rewrite earlier values by more than is plausible from one year to the next, and loses none: neither values of
a panel variable (study ``panel``) nor city-years of a study (variable ``city_years``). What is meant to change is accepted with a reason in
seeds/accepted_changes.csv, and by switches that have another value than in the published release. Every difference, large or small, stands in
`audit.study_changes`: also that of an index whose weights moved because a year was added. `audit.changed_values` lists the values themselves, before and now, classes too.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import duckdb

from expectations.gate import Suite
from expectations.samples import LARGEST_SHARE_OF_JUMPS, STUDIES, classes, numbers

TABLE, VALUES = "audit.study_changes", "audit.changed_values"
LARGEST_SHARE_LOST = 0.05
PANEL, CITY_YEARS = "panel", "city_years"
ROUNDING = 1e-9  # result tables keep ten significant digits
SCHEMA = f"""
    create or replace table {TABLE} (
        previous_release varchar, study varchar, variable varchar, n_before bigint, n_now bigint, n_added bigint, n_lost bigint, n_changed bigint,
        n_jumps bigint, largest_change double, largest_at varchar, same_sources boolean, accepted_by varchar
    )
"""
VALUES_SCHEMA = f"""
    create or replace table {VALUES} (
        previous_release varchar, study varchar, variable varchar, city_code varchar, year integer, value_before double, value_now double,
        class_before varchar, class_now varchar
    )
"""
# Invented economies of two seeds have nothing in common: they are compared only where they share their files. Real ones always are.
SAME_SOURCES = """
    select coalesce(not bool_or(now.synthetic) or avg((before.sha256 is not null)::integer) >= 0.5, true)
    from raw.files as now
    left join (select distinct sha256 from previous.raw.files) as before on now.sha256 = before.sha256
"""
ACCEPTED = """
    select ?, changes.*, ?, coalesce(accepted.id, ?)
    from ({changes}) as changes
    left join seeds.accepted_changes as accepted
        on regexp_full_match(changes.study, accepted.study) and regexp_full_match(changes.variable, accepted.variable)
        and coalesce(accepted.until >= current_date, true)
    qualify row_number() over (partition by changes.study, changes.variable order by accepted.id) = 1
    order by changes.study, changes.variable
"""


def write_changes(connection: duckdb.DuckDBPyConnection, published: Path | None) -> None:
    """Write `audit.study_changes` (one row a variable of a study) and `audit.changed_values` (one row a value) into the open database.

    Both are empty before the first release; values are listed only where the releases share their sources.

    Args:
        published: database of the published release, attached read-only for the time of the comparison.
    """
    connection.execute(SCHEMA)
    connection.execute(VALUES_SCHEMA)
    if published is None:
        return
    path = str(published).replace("'", "''")
    connection.execute(f"attach '{path}' as previous (read_only)")
    try:
        ((own,),) = connection.execute("select current_database()").fetchall()
        ((same,),) = connection.execute(SAME_SOURCES).fetchall()
        chosen = switched(connection, "previous", str(own))
        for compared in all_changes(connection, "previous", str(own)):
            connection.execute(
                f"insert into {TABLE} {ACCEPTED.format(changes=compared)}", [published.parent.name, same, chosen]
            )
        for compared in value_changes(connection, "previous", str(own)) if same else []:
            connection.execute(f"insert into {VALUES} {compared}", [published.parent.name])
    finally:
        connection.execute("detach previous")


def switched(connection: duckdb.DuckDBPyConnection, before: str, now: str) -> str | None:
    """The switches that both databases know and that have another value now, in words; None where there are none."""
    if ("audit", "switches") not in tables_in(connection, before) & tables_in(connection, now):
        return None
    rows = connection.execute(
        f"""
        select switch, before.value, now.value from {before}.audit.switches as before inner join {now}.audit.switches as now using (switch)
        where before.value <> now.value order by switch
        """
    ).fetchall()
    return ", ".join(f"switch {name}: {old} to {new}" for name, old, new in rows) or None


def all_changes(connection: duckdb.DuckDBPyConnection, before: str, now: str) -> list[str]:
    """The comparisons that two attached databases allow, as SQL with the same columns: panel, city-years of studies, values of studies."""
    earlier, later = (tables_in(connection, name) for name in (before, now))
    queries = [panel_changes(before, now)] if ("panel", "long") in earlier & later else []
    samples = sorted(name for schema, name in earlier & later if schema == "studies" and not name.endswith("_built"))
    queries += [city_year_changes(before, now, study) for study in samples]
    papers = [study for study in STUDIES if study in samples]
    return [*queries, changes(before, now, papers)] if papers else queries


def value_changes(connection: duckdb.DuckDBPyConnection, before: str, now: str) -> list[str]:
    """SQL for each paper's sample in both databases: one row a value that the earlier one held and the later one has otherwise or not at all."""
    earlier, later = (tables_in(connection, name) for name in (before, now))
    studies = [study for study in STUDIES if ("studies", study) in earlier & later]
    return [changed_values(before, now, study) for study in studies]


def changed_values(before: str, now: str, study: str) -> str:
    """SQL: the changed and lost values of a study's sample; numbers to the tenth digit, classes as words. Its parameter is the earlier release."""
    key = "study, city_code, year, variable"
    old, new = (
        f"(select *, null::varchar as class from ({numbers(study, f'{name}.')}) "
        f"union all by name select *, null::double as value from ({classes(study, f'{name}.')}))"
        for name in (before, now)
    )
    return f"""
        select
            ? as previous_release, study, variable, city_code, year, before.value as value_before, now.value as value_now,
            before.class as class_before, now.class as class_now
        from {old} as before
        left join {new} as now using ({key})
        where
            before.class is distinct from now.class
            or (before.value is null) <> (now.value is null)
            or abs(now.value - before.value) > {ROUNDING} * abs(before.value)
        order by variable, city_code, year
    """


def tables_in(connection: duckdb.DuckDBPyConnection, database: str) -> set[tuple[str, str]]:
    """(schema, table) of an attached database."""
    held = connection.execute("select schema_name, table_name from duckdb_tables() where database_name = ?", [database])
    return set(held.fetchall())


def panel_changes(before: str, now: str) -> str:
    """SQL: one row a panel variable: values added, lost, changed. Corrections and editions revise values: none counts as a jump here."""
    return f"""
        with compared as (
            select variable, city_code, year, before.value as value_before, now.value as value_now, abs(now.value - before.value) as change
            from {before}.panel.long as before
            full join {now}.panel.long as now using (city_code, year, variable)
        )
        select
            '{PANEL}' as study, variable, count(value_before) as n_before, count(value_now) as n_now,
            count(value_now) - count(change) as n_added, count(value_before) - count(change) as n_lost,
            count(*) filter (where change > {ROUNDING} * abs(value_before)) as n_changed, 0::bigint as n_jumps,
            max(change) as largest_change, arg_max(city_code || ' ' || year, change) filter (where change > 0) as largest_at
        from compared
        group by variable
        having count(value_before) + count(value_now) > 0
        order by variable
    """


def city_year_changes(before: str, now: str, study: str) -> str:
    """SQL: one row for a study's sample: city-years added and lost."""
    return f"""
        select
            '{study}' as study, '{CITY_YEARS}' as variable, count(was) as n_before, count(stays) as n_now,
            count(*) filter (where was is null) as n_added, count(*) filter (where stays is null) as n_lost,
            0::bigint as n_changed, 0::bigint as n_jumps, null::double as largest_change,
            min(city_code || ' ' || year) filter (where stays is null) as largest_at
        from (select city_code, year, true as was from {before}.studies.{study}) as before
        full join (select city_code, year, true as stays from {now}.studies.{study}) as now using (city_code, year)
    """


def changes(before: str, now: str, studies: Collection[str]) -> str:
    """SQL: one row a (study, variable) of two attached databases: how many values were added, lost, changed, and jumped; for one study at least.

    A value jumps if it moved by more than `max_jump` of `audit.variable_ranges`, which is what is plausible from one year to the next; dummies and counts
    jump with any change.
    """
    old, new = (" union all ".join(numbers(study, f"{name}.") for study in studies) for name in (before, now))
    return f"""
        with compared as (
            select
                study, variable, city_code, year, before.value as value_before, now.value as value_now,
                abs(now.value - before.value) as change, coalesce(max_jump, 0) as max_jump
            from ({old}) as before
            full join ({new}) as now using (study, city_code, year, variable)
            inner join {now}.audit.variable_ranges as expected using (study)
            where expected.column_name = variable
        )
        select
            study,
            variable,
            count(value_before) as n_before,
            count(value_now) as n_now,
            count(value_now) - count(change) as n_added,
            count(value_before) - count(change) as n_lost,
            count(*) filter (where change > {ROUNDING} * abs(value_before)) as n_changed,
            count(*) filter (where change > greatest(max_jump, {ROUNDING} * abs(value_before))) as n_jumps,
            max(change) as largest_change,
            arg_max(city_code || ' ' || year, change) filter (where change > 0) as largest_at
        from compared
        group by study, variable
        order by study, variable
    """


UNEXPLAINED = f"""
    select *, n_jumps / nullif(n_before - n_lost, 0) as share_of_jumps, n_lost / nullif(n_before, 0) as share_lost
    from {TABLE}
    where same_sources and accepted_by is null
    order by study, variable
"""


def _unexplained(gxe: Any) -> Sequence[Any]:
    accept = "(if it is meant: an entry in seeds/accepted_changes.csv)"
    return [
        gxe.ExpectColumnValuesToBeBetween(
            column="share_of_jumps", min_value=0, max_value=LARGEST_SHARE_OF_JUMPS,
            notes=f"at most {LARGEST_SHARE_OF_JUMPS:.0%} of a variable's values jumped against the published release {accept}",
        ),
        gxe.ExpectColumnValuesToBeBetween(
            column="share_lost", min_value=0, max_value=LARGEST_SHARE_LOST,
            notes=f"at most {LARGEST_SHARE_LOST:.0%} of a variable's values, or of a study's city-years, of the published release are lost {accept}",
        ),
    ]  # fmt: skip


SUITES = (Suite("study_changes", TABLE, UNEXPLAINED, ("study", "variable", "largest_at"), _unexplained),)
