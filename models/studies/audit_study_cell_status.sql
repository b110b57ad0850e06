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

other_trade_years as (

    select
        samples.study,
        samples.city_code,
        samples.year,
        unnest(['stru', 'lnstru']) as variable,
        'trade_year_substituted' as status,
        'complexity from the trade of ' || sophistication.trade_year as detail
    from {{ ref('panel_samples') }} as samples
    inner join {{ ref('idx_industrial_sophistication') }} as sophistication
        on samples.city_code = sophistication.city_code and samples.year = sophistication.year
    where samples.study = 'industrial_upgrading' and sophistication.trade_year <> samples.year

),

people_limits as (

    select
        min(covariance) as low,
        max(covariance) as high
    from {{ ref('idx_allocation_efficiency') }}
    where {{ base_rows('industrial_upgrading') }}

),

-- Beyond the limits of a scale: of its quantiles, or of a frozen base.
limited as (

    select
        'industrial_upgrading' as study,
        city_code,
        year,
        'rel' as variable,
        'scale_limited' as status,
        'ecol ' || format('{:.10g}', ecol) || ', eland ' || format('{:.10g}', eland) as detail
    from {{ ref('idx_coordination') }}
    where limited

    union all by name

    select
        'industrial_upgrading' as study,
        city_code,
        year,
        'ecol' as variable,
        'scale_limited' as status,
        'the covariance is ' || format('{:.10g}', covariance) as detail
    from {{ ref('idx_allocation_efficiency') }}
    cross join people_limits
    where '{{ switch('ecol_normalise') }}' = 'minmax' and covariance not between low and high

),

-- An abolished unit was added to its successor: every variable of these city-years.
merged as (

    select
        panel.study,
        panel.city_code,
        panel.year,
        'all' as variable,
        'merged_units' as status,
        'with ' || successors.old_code as detail
    from {{ ref('study_events') }} as chosen
    inner join {{ ref('city_event_successors') }} as successors on chosen.event_id = successors.event_id
    inner join {{ ref('cities') }} as abolished on successors.old_code = abolished.city_code
    inner join {{ ref('panel_study_city_year') }} as panel
        on
            chosen.study = panel.study
            and successors.successor_code = panel.city_code
            and abolished.valid_to >= panel.year
    where chosen.choice = 'merge'

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
    select * from other_trade_years
    union all by name
    select * from limited
    union all by name
    select * from merged
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
