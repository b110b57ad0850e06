"""The chain of an interpolated value names the two values it lies between."""

from __future__ import annotations

import duckdb
import pytest

from flows.trace import _neighbours


@pytest.mark.parametrize("year", [2020, 2021, 2022])
def test_neighbours_enclose_the_gap_wherever_in_it_the_year_lies(year: int) -> None:
    with duckdb.connect() as connection:
        connection.execute("""
            create schema panel;
            create table panel.long as
            select '130100' as city_code, 'gdp' as variable, y as year, y::double as value,
                case when y between 2020 and 2022 then 'interpolated' else 'observed' end as status
            from range(2015, 2026) as t (y)
        """)
        lines = list(_neighbours(connection, "130100", year, "gdp"))
    assert [line.strip().split(" [")[0] for line in lines] == [
        "interpolated between 2019: 2019",
        "interpolated between 2023: 2023",
    ]
