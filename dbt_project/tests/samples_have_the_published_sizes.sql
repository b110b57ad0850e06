/*
    On synthetic extracts of the full roster the balanced samples have the printed numbers of city-years. Demos of fewer or more cities, or of fewer
    editions, and real extracts are not held to them.
*/
with roster as (

    select
        count(distinct city_code) as n_cities,
        min(year) as first_year,
        max(year) as last_year
    from {{ ref('panel_long') }}
    where variable = 'gdp_100m_yuan' and (select bool_and(synthetic) from {{ source('raw', 'files') }})

),

sizes as (

    select
        study,
        count(*) as city_years
    from {{ ref('panel_samples') }}
    group by study

)

select
    studies.study,
    studies.published_city_years,
    coalesce(sizes.city_years, 0) as city_years
from {{ ref('study_samples') }} as studies
cross join roster
left join sizes on studies.study = sizes.study
where
    roster.n_cities between 290 and 340
    and studies.first_year >= roster.first_year
    and studies.last_year <= roster.last_year
    and coalesce(sizes.city_years, 0) <> studies.published_city_years
