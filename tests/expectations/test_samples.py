"""Gate 2 on the samples of studies finds a value out of range, a lost year and a jump, and names them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import duckdb
import pandas as pd
import pytest

from expectations.gate import failures, run_suites
from expectations.samples import STUDIES, SUITES


def sample(cities: int = 50) -> pd.DataFrame:
    rows = [
        (f"{c:06d}", year, "east", False, 0.5 + 0.01 * (year - 2013), 1)
        for c in range(cities)
        for year in range(2013, 2017)
    ]
    return pd.DataFrame(rows, columns=["city_code", "year", "region3", "interpolated", "cp_index", "did"])


@pytest.fixture
def checked() -> Iterator[Callable[[pd.DataFrame], list[str]]]:
    """Failures of the gate with this sample of one study and empty samples of the others."""
    con = duckdb.connect()
    con.execute("create schema studies; create schema seeds; create schema panel; create schema audit")
    con.execute("create table seeds.study_samples as select 'common_prosperity' as study, 300 as published_city_years")
    con.execute(
        """
        create table audit.variable_ranges as
        select 'common_prosperity' as study, unnest(['cp_index', 'did']) as column_name, 0.0 as low, 1.6 as high, unnest([0.05, null]) as max_jump
        """
    )

    def check(frame: pd.DataFrame) -> list[str]:
        for study in STUDIES:
            given = frame if study == "common_prosperity" else frame.iloc[:0]
            con.register("given", given)
            con.execute(f"create or replace table studies.{study} as select * from given")
        con.register("given", frame)
        con.execute(
            "create or replace table panel.samples as select 'common_prosperity' as study, city_code, year from given"
        )
        return failures(run_suites("panel", SUITES, lambda query: con.execute(query).df()))

    yield check
    con.close()


def test_a_plain_sample_and_no_sample_pass(checked):
    assert checked(sample()) == []
    assert checked(sample().iloc[:0]) == []


@pytest.mark.parametrize("value", [1.7, -0.1, float("inf")])
def test_a_value_out_of_range_is_named(checked, value):
    frame = sample(200)
    frame.loc[(frame["city_code"] == "000007") & (frame["year"] == 2016), "cp_index"] = value
    (line,) = checked(frame)
    assert "every value of a study is finite and plausible" in line
    assert "variable=cp_index" in line and "000007 2016" in line


def test_a_lost_year_is_named(checked):
    frame = sample()
    frame.loc[(frame["year"] == 2015) & (frame["city_code"] > "000020"), "cp_index"] = None
    lines = checked(frame)
    assert any("variable=cp_index year=2015" in line for line in lines)


def test_jumps_of_many_cities_fail_and_of_one_pass(checked):
    one, many = sample(), sample()
    one.loc[(one["city_code"] == "000007") & (one["year"] == 2016), "cp_index"] += 0.5
    many.loc[(many["city_code"] < "000010") & (many["year"] == 2016), "cp_index"] += 0.5
    assert checked(one) == []
    (line,) = checked(many)
    assert "at most 2% of city-years" in line and "variable=cp_index" in line


def test_jumps_of_a_sample_far_smaller_than_the_published_one_are_not_judged(checked):
    """Shares and pooled indices of few cities move more: 30 cities of the published 75 are less than half."""
    few = sample(30)
    few.loc[(few["city_code"] < "000010") & (few["year"] == 2016), "cp_index"] += 0.5
    assert checked(few) == []
