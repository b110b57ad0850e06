"""The static report of a release: pages that open offline, built from the warehouse alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from estimation.study import Study
from reporting.figures import event_study_figure, va_types_figure
from reporting.tables import RegressionTable, number, optional, regression_table

PAGES = ("index", "data", "gates", "quarantine")
MOST_ROWS = 500


def build_site(
    connection: duckdb.DuckDBPyConnection, folder: Path, manifest: Mapping[str, Any], studies: Mapping[str, Study]
) -> None:
    """Write index.html, data.html, gates.html and quarantine.html into `folder`.

    Args:
        connection: the finished database.
        manifest: what the release is; `synthetic` puts the banner on every page.
        studies: descriptions by name, for titles and labels.
    """
    folder.mkdir(parents=True, exist_ok=True)
    environment = Environment(
        loader=PackageLoader("reporting"), autoescape=select_autoescape(["html", "j2"]), undefined=StrictUndefined
    )
    environment.filters["number"] = number
    environment.filters["optional"] = optional
    content = {
        "manifest": manifest,
        "files": _rows(connection, FILES),
        "quarantine_counts": _rows(connection, QUARANTINE_COUNTS),
        "quarantine": _rows(connection, QUARANTINE),
        "expectations": _rows(connection, "select * from audit.expectations order by all"),
        "statuses": _rows(connection, STATUSES),
        "errors": _rows(connection, ERRORS),
        "coverage": coverage_view(connection),
        "moments": _rows(connection, MOMENTS),
        "changes": _rows(connection, CHANGES),
        "programs": _rows(connection, PROGRAMS),
        "notices": _rows(connection, "select * from audit.notices order by warns desc, study, variable, group_value"),
        "va_types": _va_types(connection, bool(manifest["synthetic"])),
        "switches": _rows(connection, "select * from audit.switches order by switch"),
        "studies": [
            study_view(connection, row, studies, bool(manifest["synthetic"]))
            for row in _rows(connection, "from results.studies order by study")
        ],
        "most_rows": MOST_ROWS,
    }
    for page in PAGES:
        html = environment.get_template(f"{page}.html.j2").render(page=page, **content)
        (folder / f"{page}.html").write_text(html, encoding="utf-8")


FILES = """
    select kind, count(*) as files, sum(n_cells) as cells, string_agg(distinct edition::varchar, ', ' order by edition::varchar) as editions
    from raw.files group by kind order by kind
"""
QUARANTINE_COUNTS = """
    select reason, count(*) as n, count(accepted_by) as explained
    from audit.quarantine group by reason order by n desc, reason
"""
QUARANTINE = f"""
    select f.path, q.sheet, q.cell, q.value_text, q.reason, q.detail, q.accepted_by
    from audit.quarantine as q left join raw.files as f using (file_id)
    order by q.accepted_by is not null, f.path, q.sheet, q.cell limit {MOST_ROWS}
"""
# One row a kind of error and variable: cells corrected, set aside, of another entity, or interpolated upstream.
ERRORS = """
    with found as (
        select
            c.variable, c.city_code, c.year,
            case
                when c.correction_id is not null then 1
                when c.reason = 'quarantined: entity_not_valid' then 3
                else 2
            end as kind
        from panel.candidates as c
        where c.correction_id is not null or c.reason like 'quarantined: %'
        union all
        select variable, city_code, year, 4 as kind from panel.straight_lines
    )
    select
        ['digits or units wrong, corrected', 'magnitude or value not believable, set aside',
         'value of another entity under the name, set aside', 'straight line in a compiled source, marked'][found.kind] as error,
        found.variable, i.zh_name, count(*) as n, count(distinct found.city_code) as cities, min(year) as first_year,
        max(year) as last_year
    from found left join seeds.indicators as i using (variable)
    group by found.kind, found.variable, i.zh_name order by found.kind, n desc, found.variable
"""
STATUSES = "select status, count(*) as n from audit.cell_status group by status order by n desc, status"


# Cities with a value, by variable and year, as a share of the cities of that year.
COVERAGE = """
    with cities as (
        select year, count(distinct city_code) as n_cities from panel.long group by year
    )
    select l.variable, i.zh_name, l.year, count(*) as n, count(*) / any_value(c.n_cities) as share
    from panel.long as l
    inner join cities as c on l.year = c.year
    left join seeds.indicators as i on l.variable = i.variable
    where l.value is not null
    group by l.variable, i.zh_name, l.year order by l.variable, l.year
"""
MOMENTS = """
    select * from results.published_moments where built_n > 0 order by study, table_id, column_name
"""


CHANGES = """
    select * from audit.study_changes where n_added + n_lost + n_changed > 0 order by n_jumps desc, n_lost desc, study, variable
"""
PROGRAMS = """
    select index_name, status, sum(city_years) as city_years, sum(without_value) as without_value,
        sum(programs_beyond_frontier) as programs_beyond_frontier
    from audit.frontier_programs group by index_name, status order by index_name, status
"""


def coverage_view(connection: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """Years, and one row a variable with (cities, share) of each year, None where no city has a value."""
    rows = _rows(connection, COVERAGE)
    years = sorted({row["year"] for row in rows})
    cells = {(row["variable"], row["year"]): (row["n"], row["share"]) for row in rows}
    names = {row["variable"]: row["zh_name"] for row in rows}
    return {
        "years": years,
        "rows": [
            {"variable": v, "zh_name": zh, "cells": [cells.get((v, y)) for y in years]} for v, zh in names.items()
        ],
    }


def _va_types(connection: duckdb.DuckDBPyConnection, synthetic: bool) -> str:
    """The figure of the types of virtual agglomeration; empty where no city has a type."""
    types = connection.execute("select * from indices.va_types where va_type is not null order by city_code, year").df()
    return "" if types.empty else va_types_figure(types, synthetic=synthetic)


def study_view(
    connection: duckdb.DuckDBPyConnection, row: Mapping[str, Any], studies: Mapping[str, Study], synthetic: bool
) -> dict[str, Any]:
    """What the templates print of one study; figures of synthetic data say so themselves."""
    study = studies[row["study"]]
    if row["status"] != "estimated":
        return {"row": row, "study": study, "descriptives": [], "tables": [], "figures": []}
    results = {
        name: connection.execute(f"select * from results.{name} where study = ?", [study.name]).df()
        for name in ("columns", "estimates", "fit", "tests", "curves", "descriptives")
    }
    return {
        "row": row,
        "study": study,
        "descriptives": [
            {**d, "label": study.label(d["variable"])} for d in results["descriptives"].to_dict("records")
        ],
        "tables": [_table(study, table.table_id, results) for table in study.tables],
        "figures": [_figure(figure.figure_id, figure.title, results, synthetic) for figure in study.event_studies],
    }


def _table(study: Study, table_id: str, results: Mapping[str, pd.DataFrame]) -> RegressionTable:
    columns, estimates, fit = (_of(results[name], "table_id", table_id) for name in ("columns", "estimates", "fit"))
    return regression_table(table_id, columns, estimates, fit, labels=study.labels)


def _figure(figure_id: str, title: str, results: Mapping[str, pd.DataFrame], synthetic: bool) -> dict[str, Any]:
    curve, column = _of(results["curves"], "figure_id", figure_id), _of(results["columns"], "table_id", figure_id)
    return {
        "figure_id": figure_id,
        "title": title,
        "svg": "" if curve.empty else event_study_figure(curve, title, synthetic=synthetic),
        "tests": _of(results["tests"], "table_id", figure_id).to_dict("records"),
        "notes": list(column["status"] if curve.empty else column["convention"]),
    }


def _of(rows: pd.DataFrame, key: str, value: str) -> pd.DataFrame:
    return rows.loc[rows[key] == value]


def _rows(connection: duckdb.DuckDBPyConnection, query: str) -> list[dict[str, Any]]:
    cursor = connection.execute(query)
    names = [d[0] for d in cursor.description or []]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
