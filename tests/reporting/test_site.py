"""What the pages of the report say, from tables written by hand."""

from __future__ import annotations

import duckdb
from jinja2 import Environment, PackageLoader, StrictUndefined

from reporting.site import WARNINGS
from reporting.tables import number


def warnings_of(rows: str) -> list[dict[str, object]]:
    with duckdb.connect() as connection:
        connection.execute("create schema audit")
        connection.execute(f"create table audit.study_warnings as {rows}")
        cursor = connection.execute(WARNINGS)
        names = [column[0] for column in cursor.description or []]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


TWELVE = """
    select 'too_high' as warning, 's' as study, 'x' as variable, 'c' || lpad(city::varchar, 2, '0') as city_code, 2020 as year,
        city / 2 as value, 'below 4' as detail
    from range(1, 13) as t (city)
"""


class TestWarnings:
    def test_one_row_a_warning_names_ten_city_years(self):
        (row,) = warnings_of(TWELVE)
        assert (row["n"], row["low"], row["high"], row["detail"]) == (12, 0.5, 6.0, "below 4")
        assert row["city_years"] == ", ".join(f"c{city:02d} 2020" for city in range(1, 11))

    def test_the_gate_page_prints_them(self):
        environment = Environment(loader=PackageLoader("reporting"), autoescape=True, undefined=StrictUndefined)
        environment.filters["number"] = number
        blocks = environment.get_template("gates.html.j2").blocks
        context = environment.get_template("gates.html.j2").new_context

        def content(rows: list[dict[str, object]]) -> str:
            return "".join(blocks["content"](context({"expectations": [], "warnings": rows})))

        assert "too_high" in content(warnings_of(TWELVE)) and "c10 2020" in content(warnings_of(TWELVE))
        assert "Warnings" not in content([])
