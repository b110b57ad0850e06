{{ config(alias='study_cell_status', schema='audit') }}

/*
    One row a cell of a study's sample that is not what its formula gives: limited or replaced by the study's cleaning (whatever differs
    between the built and the final sample), filled or floored by a stated rule, or resting on a substitute. Cells of the panel itself are
    in audit.cell_status.
*/
{% set rule = switch('log_zero_rule') %}

with winsorised as (

    {{ changed_cells('industrial_upgrading', 'winsorised') }}

),

without_outliers as (

    {{ changed_cells('digital_industry', 'outlier_interpolated') }}

),

filled as (

    select
        'industrial_upgrading' as study,
        city_code,
        year,
        'ecol' as variable,
        status,
        'no listed firm' as detail
    from {{ ref('idx_allocation_efficiency') }}
    where status in ('interpolated', 'province_mean')

),

levels as (

    select
        city_code,
        year,
        unnest(['lncac', 'lnecol', 'lneland', 'lnrel']) as variable,
        unnest([cac, ecol, eland, rel]) as level
    from {{ ref('study_industrial_upgrading_built') }}

),

floored as (

    select
        'industrial_upgrading' as study,
        city_code,
        year,
        variable,
        'floored' as status,
        'the value is ' || format('{:.10g}', level) as detail
    from levels
    where level <= 0 and '{{ rule }}' = 'floor'

),

first_years as (

    select
        'green_development' as study,
        city_code,
        year,
        'gtfp' as variable,
        'first_year_set_to_one' as status,
        'no year before' as detail
    from {{ ref('idx_green_productivity') }}
    where status = 'first period' and gtfp is not null

),

provincial_prices as (

    select
        study,
        city_code,
        year,
        case when study = 'green_development' then 'market_integration_gd' else 'market_integration' end as variable,
        'province_fallback' as status,
        categories_from_province::integer || ' price categories are the province''s' as detail
    from {{ ref('idx_market_integration') }}
    where categories_from_province > 0

),

extended_prices as (

    select
        samples.study,
        samples.city_code,
        samples.year,
        'capital_stock' as variable,
        'price_index_extended' as status,
        'investment prices after 2019: {{ switch('fai_price_after_2019') }}' as detail
    from {{ ref('panel_samples') }} as samples
    inner join {{ ref('idx_capital') }} as capital
        on samples.city_code = capital.city_code and samples.year = capital.year
    where
        samples.year > 2019
        and samples.study in ('common_prosperity', 'industrial_upgrading', 'green_development')

),

final as (

    select * from winsorised
    union all by name
    select * from without_outliers
    union all by name
    select * from filled
    union all by name
    select * from floored
    union all by name
    select * from first_years
    union all by name
    select * from provincial_prices
    union all by name
    select * from extended_prices

)

select
    study,
    city_code,
    year,
    variable,
    status,
    null::varchar as file_id,
    null::varchar as sheet,
    null::varchar as cell,
    detail
from final
order by study, city_code, variable, year, status
