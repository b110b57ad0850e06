{{ config(alias='samples') }}

/*
    The balanced samples of the published studies: every city that has, in each year of the study, a value of every variable the
    study needs (filled cells count, values are never invented), less the cities the study excludes by name. Two marks say which
    city-years lean on a value that was filled here (interpolated, or extended by growth rates) or interpolated upstream, so that a study can be
    repeated without them.
*/
with studies as (

    select
        study,
        first_year,
        last_year,
        string_split(coalesce(excluded, ''), '|') as excluded,
        string_split(complete_in, '|') as needed
    from {{ ref('study_samples') }}

),

needed as (

    select
        study,
        first_year,
        last_year,
        excluded,
        len(needed) as n_needed,
        unnest(needed) as variable
    from studies

),

city_years as (

    select
        needed.study,
        long.city_code,
        long.year,
        any_value(needed.last_year - needed.first_year + 1) as n_years,
        count(*) = any_value(needed.n_needed) as complete,
        bool_or({{ filled_here('long.status') }}) as interpolated,
        bool_or(long.status = 'upstream_interpolated') as upstream_interpolated
    from needed
    inner join {{ ref('panel_long') }} as long
        on needed.variable = long.variable and long.year between needed.first_year and needed.last_year
    where not list_contains(needed.excluded, long.city_code)
    group by needed.study, long.city_code, long.year

)

select
    study,
    city_code,
    year,
    interpolated,
    upstream_interpolated
from city_years
where complete
qualify count(*) over (partition by study, city_code) = n_years
order by study, city_code, year
