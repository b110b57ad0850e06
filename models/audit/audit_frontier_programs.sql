{{ config(alias='frontier_programs') }}

/*
    How the linear programs behind the frontier indices ended, one row an (index, year, status): infeasible ones leave a city-year without a value.
    Beyond the frontier of another year (land-use efficiency) a unit is scored above one by super-SBM; such programs are counted too.
*/
with programs as (

    select
        'green_productivity' as index_name,
        year,
        status,
        gtfp as value,
        n_beyond
    from {{ ref('idx_green_productivity') }}

    union all

    select
        'land_efficiency' as index_name,
        year,
        status,
        eland as value,
        n_beyond
    from {{ ref('idx_land_efficiency') }}

)

select
    index_name,
    year,
    status,
    count(*) as city_years,
    count(*) - count(value) as without_value,
    sum(n_beyond)::bigint as programs_beyond_frontier
from programs
group by index_name, year, status
order by index_name, year, status
