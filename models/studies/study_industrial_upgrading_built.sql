{{ config(alias='industrial_upgrading_built') }}

/*
    Sample of "Network infrastructure, co-agglomeration and industrial upgrading" before winsorising, one row a city-year. Whole cities; land-use
    efficiency is that of the urban districts. Logs of variables that may be zero follow `log_zero_rule`.
*/
{% set study = 'industrial_upgrading' %}

select
    samples.city_code,
    samples.year,
    attributes.province_code,
    attributes.region3,
    attributes.admin_level,

    -- outcome and treatment
    sophistication.stru,
    sophistication.lnstru,
    events.cohort,
    policies.broadband_china as did,
    events.event_time,

    -- co-agglomeration
    coagglomeration.kappa_manufacturing,
    coagglomeration.kappa_services,
    coagglomeration.cac,
    coagglomeration.lncac,

    -- people, land, and their coordination
    allocation.ecol,
    {{ ln_by_rule(study, 'allocation.ecol', 'samples.year') }} as lnecol,
    land.eland,
    {{ ln_by_rule(study, 'land.eland', 'samples.year') }} as lneland,
    coordination.rel,
    {{ ln_by_rule(study, 'coordination.rel', 'samples.year') }} as lnrel,
    coordination.rel_bin,
    capital.capital as capital_stock,
    ratios.so2_district,

    -- controls
    ratios.eco,
    ratios.fix,
    ratios.mar,
    ratios.tech,
    ratios.open,
    ratios.gov_exp_ratio,
    ratios.base,

    -- robustness, instrument, groups, other policies
    ratios.industry_structure_upgrade,
    instruments.iv_terrain_year,
    {% for of_year in instrument_years(study) -%}
        instruments.iv_terrain_{{ of_year }},
    {% endfor -%}
    sizes.city_size_class,
    policies.hitech_zone,
    policies.smart_city,
    policies.special_economic_zone,

    samples.interpolated,
    samples.upstream_interpolated
from {{ ref('panel_samples') }} as samples
inner join {{ ref('idx_city_attributes') }} as attributes on samples.city_code = attributes.city_code
inner join {{ ref('idx_policies') }} as policies
    on samples.city_code = policies.city_code and samples.year = policies.year
inner join {{ ref('idx_event_time') }} as events on samples.city_code = events.city_code and samples.year = events.year
inner join {{ ref('idx_ratios') }} as ratios on samples.city_code = ratios.city_code and samples.year = ratios.year
inner join {{ ref('idx_instruments') }} as instruments
    on samples.city_code = instruments.city_code and samples.year = instruments.year
left join {{ ref('idx_industrial_sophistication') }} as sophistication
    on samples.city_code = sophistication.city_code and samples.year = sophistication.year
left join {{ ref('idx_coagglomeration') }} as coagglomeration
    on samples.city_code = coagglomeration.city_code and samples.year = coagglomeration.year
left join {{ ref('idx_allocation_efficiency') }} as allocation
    on samples.city_code = allocation.city_code and samples.year = allocation.year
left join {{ ref('idx_land_efficiency') }} as land on samples.city_code = land.city_code and samples.year = land.year
left join {{ ref('idx_coordination') }} as coordination
    on samples.city_code = coordination.city_code and samples.year = coordination.year
left join {{ ref('idx_capital') }} as capital on samples.city_code = capital.city_code and samples.year = capital.year
left join {{ ref('idx_city_size') }} as sizes on samples.city_code = sizes.city_code and samples.year = sizes.year
where samples.study = '{{ study }}'
order by samples.city_code, samples.year
