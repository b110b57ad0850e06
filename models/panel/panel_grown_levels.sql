{{ config(alias='grown_levels') }}

/*
    Levels that are no longer printed, carried on by their published growth rates: level_t = level_b * product of (1 + g_s / 100), s = b + 1 .. t,
    where b is the last year before t in which the city has a value of its own. Which variable holds the growth rates of a level is declared in
    seeds/indicators.csv (growth_variable). A run ends before the first year without a growth rate, or with one of -100 % or less, and before the
    next value of the city's own, and before the first year in which the city holds another unit, which its level of before does not: no value rests on a later year, so that a year that is added changes none of them. A gap that
    closes while the level is still printed (last_printed) is a gap like any other, with the limit of interpolation_max_gap.
*/
with declared as (

    select
        variable,
        growth_variable,
        case when indicator = 'fai' then 2017 else 0 end as last_printed
    from {{ ref('indicators') }}
    where
        growth_variable is not null
        and ('{{ switch('fai_after_2017') }}' = 'growth' or indicator <> 'fai')

),

bases as (

    select
        candidates.city_code,
        candidates.variable,
        declared.growth_variable,
        declared.last_printed,
        candidates.year as base_year,
        candidates.value as base_value,
        lead(candidates.year) over (
            partition by candidates.city_code, candidates.variable order by candidates.year
        ) as next_year
    from {{ ref('panel_candidates') }} as candidates
    inner join declared on candidates.variable = declared.variable
    where candidates.chosen

),

enlarged as (

    select
        successors.successor_code as city_code,
        absorbed.valid_to + 1 as year
    from {{ ref('city_event_successors') }} as successors
    inner join {{ ref('cities') }} as absorbed on successors.old_code = absorbed.city_code

),

rates as (

    select
        city_code,
        variable as growth_variable,
        year,
        value as growth_pct
    from {{ ref('panel_candidates') }}
    anti join enlarged using (city_code, year)
    where chosen and value > -100

),

-- Every known rate between a value and the next one, numbered: in an unbroken run its number is its distance from the base year.
steps as (

    select
        bases.city_code,
        rates.year,
        bases.variable,
        bases.base_year,
        bases.base_value,
        bases.growth_variable,
        row_number() over run as step,
        product(1 + rates.growth_pct / 100) over run as growth
    from bases
    inner join rates
        on
            bases.city_code = rates.city_code
            and bases.growth_variable = rates.growth_variable
            and bases.base_year < rates.year
            and (bases.next_year is null or bases.next_year > greatest(rates.year, bases.last_printed))
    window run as (partition by bases.city_code, bases.variable, bases.base_year order by rates.year)

)

select
    city_code,
    year,
    variable,
    base_value * growth as value,
    base_year,
    base_value,
    growth_variable
from steps
where step = year - base_year
order by city_code, variable, year
