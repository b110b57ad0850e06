{{ config(alias='green_development') }}

/*
    Estimation sample of "Does virtual agglomeration promote green development?", one row a city-year of its balanced sample. Whole cities; green
    coverage, parks, gas and water of the green index are of the urban districts.
*/
select
    samples.city_code,
    samples.year,
    attributes.province_code,
    attributes.region3,
    attributes.admin_level,
    (attributes.admin_level = 'municipality')::integer as municipality,

    -- outcomes
    productivity.{{ 'gtfp_cumulated' if switch('gtfp_form') == 'cumulated' else 'gtfp' }} as gtfp,
    productivity.efficiency as ebm_score,
    scores.score as green_index,
    capital.capital as capital_stock,

    -- virtual agglomeration
    quotients.lq_ict,
    agglomeration.va as va_gd,
    agglomeration.va_sq,

    -- controls
    ratios.finance_gd,
    ratios.fiscal_decentral,
    ratios.edu_gdp,
    ratios.er,
    ratios.lntech,
    ratios.lnpop,

    -- mechanisms and moderator
    ratios.ina,
    ratios.ind_{{ 'angle' if switch('ind_index') == 'angle' else 'sum' }} as ind,
    markets.integration as market_integration_gd,
    ratios.infra,

    -- instruments
    instruments.iv_terrain_inet,
    instruments.iv_terrain_inet_sq,

    -- groups and other policies
    attributes.border_city,
    attributes.cluster_city,
    policies.smart_city,
    policies.low_carbon_city,

    samples.interpolated,
    samples.upstream_interpolated
from {{ ref('panel_samples') }} as samples
inner join {{ ref('idx_city_attributes') }} as attributes on samples.city_code = attributes.city_code
inner join {{ ref('idx_policies') }} as policies
    on samples.city_code = policies.city_code and samples.year = policies.year
inner join {{ ref('idx_ratios') }} as ratios on samples.city_code = ratios.city_code and samples.year = ratios.year
inner join {{ ref('idx_instruments') }} as instruments
    on samples.city_code = instruments.city_code and samples.year = instruments.year
left join {{ ref('idx_green_productivity') }} as productivity
    on samples.city_code = productivity.city_code and samples.year = productivity.year
left join {{ ref('idx_composite_scores') }} as scores
    on samples.city_code = scores.city_code and samples.year = scores.year and scores.index_name = 'green_index'
left join {{ ref('idx_capital') }} as capital on samples.city_code = capital.city_code and samples.year = capital.year
left join {{ ref('idx_location_quotients') }} as quotients
    on samples.study = quotients.study and samples.city_code = quotients.city_code and samples.year = quotients.year
left join {{ ref('idx_virtual_agglomeration') }} as agglomeration
    on
        samples.study = agglomeration.study
        and samples.city_code = agglomeration.city_code
        and samples.year = agglomeration.year
left join {{ ref('idx_market_integration') }} as markets
    on samples.study = markets.study and samples.city_code = markets.city_code and samples.year = markets.year
where samples.study = 'green_development'
order by samples.city_code, samples.year
