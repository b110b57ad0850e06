{{ config(alias='instruments') }}

/*
    Instruments of the papers, one row a (city, year): standard deviation of terrain relief times a trend (industrial upgrading); reciprocal
    of terrain relief times the log of the nation's internet users in the year before, and its square (green development); distance to
    Hangzhou times a trend, or times those users (digital industry). Trends start at 0 in the first year of the study.
*/
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
        terrain_relief_sd * trend_industrial_upgrading as iv_terrain_year,
        ln(users_before) / nullif(terrain_relief, 0) as iv_terrain_inet,
        hangzhou_distance_km * {{ 'trend_digital_industry' if switch('hangzhou_time') == 'trend' else 'users_before' }}
            as iv_hangzhou
    from inputs

)

select
    *,
    iv_terrain_inet ^ 2 as iv_terrain_inet_sq
from final
order by city_code, year
