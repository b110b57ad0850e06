/*
    Value added of the three sectors adds up to GDP within the rounding of the four printed numbers (half a unit of each last decimal).
    Only values that yearbooks or exports print: a compiled panel derives its sectors from rounded shares.
*/
with printed as (

    select
        candidates.city_code,
        candidates.year,
        candidates.variable,
        candidates.value,
        0.5 * pow(10, -{{ decimals('candidates.value_printed') }}) * abs(candidates.value / candidates.value_printed)
            as half_unit
    from {{ ref('panel_candidates') }} as candidates
    where
        candidates.chosen
        and candidates.reason = 'chosen'
        and candidates.source_kind in ('yearbook', 'export')
        and candidates.value_printed <> 0
        and candidates.variable in (
            'gdp_100m_yuan', 'va_primary_100m_yuan', 'va_secondary_100m_yuan', 'va_tertiary_100m_yuan'
        )

)

select
    city_code,
    year,
    sum(case when variable = 'gdp_100m_yuan' then value else -value end) as difference,
    sum(half_unit) as rounding
from printed
group by city_code, year
having count(*) = 4 and abs(difference) > rounding + 1e-6
