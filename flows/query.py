"""Reading releases: SQL, and what differs between two of them."""

from __future__ import annotations

from collections.abc import Iterable

import duckdb
import pandas as pd

from expectations.changes import PANEL, all_changes, value_changes
from flows.errors import UsageError
from flows.home import DATABASE, Home
from reporting.export import harmless

PROMPT = "nianjian> "


def open_release(home: Home, release_id: str | None = None) -> duckdb.DuckDBPyConnection:
    """Read-only connection to a release (default: the current one) that cannot reach other files either."""
    folder = home.release(release_id) if release_id else home.current_release()
    if folder is None:
        raise UsageError(f"no release in {home.path}")
    return duckdb.connect(str(folder / DATABASE), read_only=True, config={"enable_external_access": "false"})


def run_sql(home: Home, query: str, *, as_csv: bool = False) -> str:
    """Result of one query as text.

    Raises:
        UsageError: the query is not valid, or tries to write.
    """
    with open_release(home) as connection:
        return _answer(connection, query, as_csv)


def sql_prompt(home: Home) -> None:
    """Read queries from the terminal until an empty line or end of file."""
    with open_release(home) as connection:
        while True:
            try:
                query = input(PROMPT).strip()
            except EOFError:
                return
            if not query:
                return
            try:
                print(_answer(connection, query, False))  # noqa: T201
            except UsageError as error:
                print(error)  # noqa: T201


def diff_lines(home: Home, a: str | None, b: str | None) -> Iterable[str]:
    """Values and estimates that differ between release `a` and release `b` (default: the last two)."""
    ids = home.release_ids()
    if a is None and len(ids) < 2:
        raise UsageError(f"{home.path} holds {len(ids)} release(s): a diff needs two")
    old = a or ids[-2]
    new = b or ids[-1]
    with duckdb.connect() as connection:
        for name, release_id in (("old", old), ("new", new)):
            path = str(home.release(release_id) / DATABASE).replace("'", "''")
            connection.execute(f"attach '{path}' as {name} (read_only)")
        yield f"{old} -> {new}{'  (synthetic)' if (home.manifest(new) or {}).get('synthetic') else ''}"
        yield from _value_changes(connection)
        yield from _study_changes(connection)
        yield from _estimate_changes(connection)


def _value_changes(connection: duckdb.DuckDBPyConnection) -> Iterable[str]:
    rows = connection.execute(
        """
        select
            coalesce(o.variable, n.variable) as variable,
            count(*) filter (where o.value is null) as added,
            count(*) filter (where n.value is null) as lost,
            count(*) filter (where o.value <> n.value) as revised
        from old.panel.long as o
        full join new.panel.long as n using (city_code, year, variable)
        where o.value is distinct from n.value
        group by 1 order by 1
        """
    ).fetchall()
    if not rows:
        yield "panel: no value differs"
    for variable, added, lost, revised in rows:
        yield f"panel: {variable}: {added} added, {revised} revised, {lost} lost"


def _study_changes(connection: duckdb.DuckDBPyConnection) -> Iterable[str]:
    """Constructed variables that differ: also those of an index whose weights moved because a year was added."""
    compared = pd.concat([connection.execute(query).df() for query in all_changes(connection, "old", "new")])
    moved = compared[(compared[["n_added", "n_changed", "n_lost"]] > 0).any(axis=1) & (compared["study"] != PANEL)]
    classes = list(_class_changes(connection))
    if moved.empty and not classes:
        yield "studies: no value differs"
    for row in moved.itertuples():
        largest = f"; largest change {row.largest_change:.4g} at {row.largest_at}" if row.n_changed else ""
        yield f"study: {row.study}.{row.variable}: {row.n_added} added, {row.n_changed} changed, {row.n_lost} lost{largest}"
    yield from classes


def _class_changes(connection: duckdb.DuckDBPyConnection) -> Iterable[str]:
    """City-years that stand in another class (size class, tercile, grade), or in none any more."""
    for query in value_changes(connection, "old", "new"):
        rows = connection.execute(
            f"""
            select study, variable, count(class_now), count(*) - count(class_now)
            from ({query}) where class_before is not null group by study, variable order by study, variable
            """,
            ["old"],
        ).fetchall()
        for study, variable, changed, lost in rows:
            yield f"study: {study}.{variable}: {changed} changed class, {lost} lost"


def _estimate_changes(connection: duckdb.DuckDBPyConnection) -> Iterable[str]:
    rows = connection.execute(
        """
        select study, table_id, column_id, term, o.estimate, n.estimate
        from old.results.estimates as o
        full join new.results.estimates as n using (study, table_id, column_id, term)
        where o.estimate is distinct from n.estimate
        order by study, table_id, column_id, term
        """
    ).fetchall()
    if not rows:
        yield "estimates: none moved"
    for study, table, column, term, before, after in rows:
        yield f"estimate: {study} {table} {column} {term}: {before} -> {after}"


def _answer(connection: duckdb.DuckDBPyConnection, query: str, as_csv: bool) -> str:
    try:
        connection.execute(query)
        if connection.description is None:
            return "done"
        frame = connection.df()
    except duckdb.Error as error:
        raise UsageError(" ".join(str(error).split())) from error
    return harmless(frame).to_csv(index=False).rstrip("\n") if as_csv else frame.to_string(index=False, max_rows=200)
