{{ config(alias='digital_industry_built') }}

/*
    Sample of "Digital industry agglomeration and new productive forces" before outliers are replaced, one row a city-year. Whole cities. Groups
    are 1 above the median: reports that speak much of digital or new productive forces, free and integrated markets, and dominance of the
    government by spending and by staff.
*/
{% set study = 'digital_industry' %}
{% set scope = switch('median_scope') %}
{% set grouped = [
    'market_integration', 'market_index', 'gov_digital_freq', 'gov_nq_freq', 'fiscal_share', 'public_staff_ratio',
] %}

with marketisation as (

    select
        place_code,
        year,
        value as market_index
    from {{ ref('stg_series') }}
    where variable = 'market_index_fangang_index'

),

sample as (

    select
        samples.city_code,
        samples.year,
        attributes.province_code,
        attributes.region3,
        attributes.admin_level,
        (attributes.admin_level = 'municipality')::integer as municipality,

        -- outcome and agglomeration
        scores.score as np_entropy,
        quotients.lq_ict as agglomeration,
        quotients.lq_ict,

        -- controls
        ratios.develop,
        ratios.unemployed_rate,
        ratios.finance_di,
        ratios.human,
        ratios.traffic,
        ratios.support,

        -- mechanisms
        ratios.inno_rd_staff,
        ratios.inno_patents_pc,
        ratios.factor_exchange,
        ratios.factor_bigdata_projects,
        ratios.industry_structure,
        ratios.industry_productivity,

        -- instrument, and what groups are formed by
        instruments.iv_hangzhou,
        {% for of_year in instrument_years(study) -%}
            instruments.iv_hangzhou_{{ of_year }},
        {% endfor -%}
        markets.integration as market_integration,
        marketisation.market_index,
        words.gov_digital_freq,
        words.gov_nq_freq,
        ratios.fiscal_share,
        ratios.public_staff_ratio,

        samples.interpolated,
        samples.upstream_interpolated
    from {{ ref('panel_samples') }} as samples
    inner join {{ ref('idx_city_attributes') }} as attributes on samples.city_code = attributes.city_code
    inner join {{ ref('idx_ratios') }} as ratios
        on samples.city_code = ratios.city_code and samples.year = ratios.year
    inner join {{ ref('idx_instruments') }} as instruments
        on samples.city_code = instruments.city_code and samples.year = instruments.year
    left join {{ ref('idx_composite_scores') }} as scores
        on samples.city_code = scores.city_code and samples.year = scores.year and scores.index_name = 'np_entropy'
    left join {{ ref('idx_location_quotients') }} as quotients
        on
            samples.study = quotients.study
            and samples.city_code = quotients.city_code
            and samples.year = quotients.year
    left join {{ ref('idx_market_integration') }} as markets
        on samples.study = markets.study and samples.city_code = markets.city_code and samples.year = markets.year
    left join marketisation on attributes.province_code = marketisation.place_code and samples.year = marketisation.year
    left join {{ ref('idx_report_words') }} as words
        on samples.city_code = words.city_code and samples.year = words.year
    where samples.study = '{{ study }}'

),

means as (

    select
        *
        {%- for column in grouped %}
            ,
            {{ mean_of_city(study, column) }} as {{ column }}_mean
        {%- endfor %}
    from sample

)

select
    * exclude ({{ grouped | join('_mean, ') }}_mean)
    {%- for column in grouped %}
        ,
        {{ above_median(study, column, scope, column ~ '_mean') }} as {{ column }}_high
    {%- endfor %}
from means
order by city_code, year
