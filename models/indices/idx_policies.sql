{{ config(alias='policies') }}

/*
    Policy dummies, one row a (city, year): 1 from the first year on, never switched off. Lists of the seeds (prefecture entries only) and lists
    that extracts bring (smart cities, e-commerce cities, high-tech zones ...); where both know a policy, the seed decides. With
    `treat_start` = next_year the broadband designation counts from the year after.
*/
{% set broadband_delay = 1 if switch('treat_start') == 'next_year' else 0 %}

with listed as (

    select
        policy,
        city_code,
        start_year,
        1 as priority
    from {{ ref('policies') }}
    where granularity in ('prefecture', 'region_expanded') and start_year is not null

    union all

    select
        'city_cluster' as policy,
        city_code,
        approval_year as start_year,
        1 as priority
    from {{ ref('city_clusters') }}
    where approval_year is not null

    union all

    select
        policy,
        city_code,
        start_year,
        2 as priority
    from {{ ref('stg_policies') }}

),

decided as (

    select *
    from listed
    qualify priority = min(priority) over (partition by policy)

),

starts as (

    select
        policy,
        city_code,
        min(start_year) + case when policy = 'broadband_china' then {{ broadband_delay }} else 0 end as start_year
    from decided
    group by policy, city_code

),

city_years as (

    select distinct
        city_code,
        year
    from {{ ref('panel_city_year') }}

),

columns_by_city as (

    select
        city_code
        {%- for policy in policies() %}
            ,
            min(start_year) filter (where policy = '{{ policy }}') as {{ policy }}_year
        {%- endfor %}
    from starts
    group by city_code

)

select
    city_years.city_code,
    city_years.year
    {%- for policy in policies() %}
        ,
        columns_by_city.{{ policy }}_year,
        coalesce(city_years.year >= columns_by_city.{{ policy }}_year, false)::integer as {{ policy }}
    {%- endfor %}
from city_years
left join columns_by_city on city_years.city_code = columns_by_city.city_code
order by city_years.city_code, city_years.year
