{{ config(alias='instruments') }}

/*
    Instruments of the papers, one row a (city, year): standard deviation of terrain relief times a trend (industrial upgrading); reciprocal
    of terrain relief times the log of the nation's internet users in the year before, and its square (green development); distance to
    Hangzhou times a trend, or times those users (digital industry). Trends start at 0 in the first year of the study. Terrain and Hangzhou may be taken by
    year instead (terrain_time, hangzhou_time: year_dummies): one column a year after the first, and none for the trend.
*/
{% set terrain = switch('terrain_time') %}
{% set hangzhou = switch('hangzhou_time') %}

with first_years as (

    select
        max(first_year) filter (where study = 'industrial_upgrading') as industrial_upgrading,
        max(first_year) filter (where study = 'digital_industry') as digital_industry
    from {{ ref('study_samples') }}

),

internet as (

    select
        year + 1 as year,
        value as users_before
    from {{ ref('stg_series') }}
    where place_code = 'national' and variable = 'internet_users_national_10k'

),

inputs as (

    select
        policies.city_code,
        policies.year,
        attributes.terrain_relief,
        attributes.terrain_relief_sd,
        attributes.hangzhou_distance_km,
        internet.users_before,
        policies.year - first_years.industrial_upgrading as trend_industrial_upgrading,
        policies.year - first_years.digital_industry as trend_digital_industry
    from {{ ref('idx_policies') }} as policies
    cross join first_years
    inner join {{ ref('idx_city_attributes') }} as attributes on policies.city_code = attributes.city_code
    left join internet on policies.year = internet.year

),

final as (

    select
        city_code,
        year,
        terrain_relief_sd * {{ 'null::double' if terrain == 'year_dummies' else 'trend_industrial_upgrading' }}
            as iv_terrain_year,
        ln(users_before) / nullif(terrain_relief, 0) as iv_terrain_inet,
        {% if hangzhou == 'trend' -%}
            hangzhou_distance_km * trend_digital_industry
        {%- elif hangzhou == 'internet_users' -%}
            hangzhou_distance_km * users_before
        {%- else -%}
            null::double
        {%- endif %} as iv_hangzhou,
        {{ year_interactions('industrial_upgrading', 'terrain_relief_sd', 'iv_terrain', terrain == 'year_dummies') }},
        {{ year_interactions('digital_industry', 'hangzhou_distance_km', 'iv_hangzhou', hangzhou == 'year_dummies') }}
    from inputs

)

select
    *,
    iv_terrain_inet ^ 2 as iv_terrain_inet_sq
from final
order by city_code, year
