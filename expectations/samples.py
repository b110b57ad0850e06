"""Part of gate 2: the variables of the five papers' samples are in range, cover every year and do not jump.

What is expected of a variable is declared beside it (seeds/study_variables.csv: low, high, max_jump), for values of switches that change its
scale in seeds/variable_ranges.csv; `audit.variable_ranges` holds what is in force. Where the extracts hold no sample of a study, there is
nothing to check.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from expectations.gate import Suite

STUDIES = ("common_prosperity", "industrial_upgrading", "new_quality_va_types", "green_development", "digital_industry")
TEXT = ("province_code", "region3", "admin_level", "rel_bin", "city_size_class", "nq_level_group")
MARKS = ("interpolated", "upstream_interpolated")
SMALLEST_COVERAGE = 0.8
LARGEST_SHARE_OF_JUMPS = 0.02
SMALLEST_PART = (
    0.5  # of the published sample: shares and pooled indices of fewer cities move more than the declared jumps
)


def numbers(study: str, database: str = "") -> str:
    """SQL: every number of a study's sample, one row a (study, city_code, year, variable); `database` is a prefix such as ``previous.``."""
    left_out = ", ".join(f"'{name}'" for name in ("city_code", "year", *TEXT, *MARKS))
    return f"""
        select '{study}' as study, city_code, year, variable, value
        from (
            unpivot (select city_code, year, columns(c -> c not in ({left_out}))::double from {database}studies.{study})
            on columns(* exclude (city_code, year)) into name variable value value
        )
    """


def classes(study: str, database: str = "") -> str:
    """SQL: every class of a study's sample as a word, one row a (study, city_code, year, variable), as `numbers`."""
    names = ", ".join(f"'{name}'" for name in TEXT)
    return f"""
        select '{study}' as study, city_code, year, variable, class
        from (
            unpivot (select city_code, year, columns(c -> c in ({names}))::varchar from {database}studies.{study})
            on columns(* exclude (city_code, year)) into name variable value class
        )
    """


VALUES = f"""
    with long as ({" union all ".join(numbers(study) for study in STUDIES)}),
    expected as (
        select
            long.*,
            v.low,
            v.high,
            v.max_jump,
            abs(value - lag(value) over (partition by long.study, variable, city_code order by year)) as jump
        from long
        inner join audit.variable_ranges as v on long.study = v.study and long.variable = v.column_name
    )
"""
OUTSIDE = f"""
    {VALUES}
    select
        study,
        variable,
        count(*) filter (where not isfinite(value) or value < low or value > high) as n_outside,
        min(city_code || ' ' || year || ': ' || value) filter (where not isfinite(value) or value < low or value > high) as worst
    from expected
    group by study, variable
    order by study, variable
"""
JUMPS = f"""
    {VALUES}
    select
        study,
        variable,
        avg((jump > max_jump)::integer) as share_of_jumps,
        arg_max(city_code || ' ' || year, jump) as largest
    from expected
    where
        max_jump is not null
        and jump is not null
        and study in (
            select s.study
            from panel.samples as s
            inner join seeds.study_samples as p on s.study = p.study
            group by s.study
            having count(*) >= {SMALLEST_PART} * any_value(p.published_city_years)
        )
    group by study, variable
    order by study, variable
"""
COVERAGE = f"""
    {VALUES}
    select study, variable, year, count(*) / lag(count(*)) over (partition by study, variable order by year) as against_last_year
    from expected
    group by study, variable, year
    order by study, variable, year
"""


def _ranges(gxe: Any) -> Sequence[Any]:
    return [
        gxe.ExpectColumnValuesToBeBetween(
            column="n_outside", min_value=0, max_value=0, notes="every value of a study is finite and plausible"
        )
    ]


def _jumps(gxe: Any) -> Sequence[Any]:
    return [
        gxe.ExpectColumnValuesToBeBetween(
            column="share_of_jumps",
            min_value=0,
            max_value=LARGEST_SHARE_OF_JUMPS,
            notes=f"at most {LARGEST_SHARE_OF_JUMPS:.0%} of city-years differ from the year before by more than is plausible",
        )
    ]


def _coverage(gxe: Any) -> Sequence[Any]:
    return [
        gxe.ExpectColumnValuesToBeBetween(
            column="against_last_year",
            min_value=SMALLEST_COVERAGE,
            notes=f"a variable covers at least {SMALLEST_COVERAGE:.0%} of the city-years of the year before",
        )
    ]


SUITES = (
    Suite("study_ranges", "studies", OUTSIDE, ("study", "variable", "worst"), _ranges),
    Suite("study_jumps", "studies", JUMPS, ("study", "variable", "largest"), _jumps),
    Suite("study_coverage", "studies", COVERAGE, ("study", "variable", "year"), _coverage),
)
