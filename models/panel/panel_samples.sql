{{ config(alias='samples') }}

/*
    The balanced samples of the published studies: every city that has, in each year of the study, a value of every variable the
    study needs (interpolated cells count, values are never invented), less the cities the study excludes by name.
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

complete as (

    select
        studies.study,
        long.city_code,
        any_value(studies.first_year) as first_year,
        any_value(studies.last_year) as last_year
    from studies
    inner join {{ ref('panel_long') }} as long
        on list_contains(studies.needed, long.variable) and long.year between studies.first_year and studies.last_year
    where not list_contains(studies.excluded, long.city_code)
    group by studies.study, long.city_code
    having count(*) = any_value(len(studies.needed)) * (any_value(studies.last_year) - any_value(studies.first_year) + 1)

),

final as (

    select
        study,
        city_code,
        unnest(range(first_year, last_year + 1))::integer as year
    from complete

)

select * from final
order by study, city_code, year
