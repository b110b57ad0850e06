{{ config(alias='common_prosperity') }}

/*
    Estimation sample of "Digital infrastructure, virtual agglomeration and common prosperity", one row a city-year of its balanced sample. Whole
    cities. Groups split at the median are 1 above it. Digital finance is published from 2011: what stands in for 2010 where groups are formed is the switch
    digital_finance_2010 (finance_judged); the index itself stays as published.
*/
{% set study = 'common_prosperity' %}
{% set markets = (study, 'series.market_integration', switch('median_scope'), 'series.market_integration_mean') %}
{% set finance_2010 = switch('digital_finance_2010') %}
{% set finance = (study, 'series.finance_judged', switch('digital_finance_scope'), 'series.finance_mean') %}
{% set keys = ('samples.city_code', 'samples.year') %}

with published as (

    select
        samples.city_code,
        samples.year,
        samples.interpolated,
        samples.upstream_interpolated,
        markets.integration as market_integration,
        {{ mean_of_city(study, 'markets.integration', *keys) }} as market_integration_mean,
        panel.pku_dfiic_index as digital_finance,
        {{ mean_of_city(study, 'panel.pku_dfiic_index', *keys) }} as digital_finance_mean,
        arg_min(panel.pku_dfiic_index, samples.year) filter (where panel.pku_dfiic_index is not null)
            over (partition by samples.city_code) as digital_finance_first,
        min(samples.year) filter (where panel.pku_dfiic_index is not null)
            over (partition by samples.city_code) as digital_finance_since
    from {{ ref('panel_samples') }} as samples
    inner join {{ ref('panel_city_year') }} as panel
        on samples.city_code = panel.city_code and samples.year = panel.year
    left join {{ ref('idx_market_integration') }} as markets
        on samples.study = markets.study and samples.city_code = markets.city_code and samples.year = markets.year
    where samples.study = '{{ study }}'

),

judged as (

    select
        *,
        case
            when digital_finance is not null then digital_finance
            {% if finance_2010 == 'backfill' -%}
                when year < digital_finance_since then digital_finance_first
            {%- elif finance_2010 == 'city_mean' -%}
                else digital_finance_mean
            {%- endif %}
        end as finance_judged
    from published

),

series as (

    select
        *,
        {% if finance_2010 == 'backfill' -%}
            {{ mean_of_city(study, 'finance_judged') }}
        {%- elif finance_2010 == 'drop' -%}
            case when digital_finance is not null then digital_finance_mean end
        {%- else -%}
            digital_finance_mean
        {%- endif %} as finance_mean
    from judged

)

select
    series.city_code,
    series.year,
    attributes.province_code,
    attributes.region3,
    attributes.admin_level,

    -- outcome and treatment
    scores.score as cp_index,
    events.cohort,
    policies.broadband_china as did,
    events.event_time,

    -- controls
    ratios.ln_gdp_pc,
    ratios.finance_cp,
    ratios.fdi_gdp,
    ratios.gov_exp_ratio,
    ratios.edu_share_cp,
    ratios.ind_share,

    -- mechanisms
    agglomeration.va as va_cp,
    quotients.lq_ict,
    capital.capital as capital_stock,
    distortion.dist_k as distk,
    distortion.dist_l as distl,

    -- groups
    attributes.admin_level_d,
    series.market_integration,
    {{ above_median(*markets, year='series.year') }} as market_integration_high,
    series.digital_finance,
    {{ above_median(*finance, year='series.year') }} as digital_finance_high,

    -- other policies
    policies.city_cluster,
    policies.bigdata_zone,
    policies.innovative_city,
    policies.ecommerce_city,

    -- spillover bands
    bands.* exclude (city_code, year),

    series.interpolated,
    series.upstream_interpolated
from series
inner join {{ ref('idx_city_attributes') }} as attributes on series.city_code = attributes.city_code
inner join {{ ref('idx_policies') }} as policies
    on series.city_code = policies.city_code and series.year = policies.year
inner join {{ ref('idx_event_time') }} as events on series.city_code = events.city_code and series.year = events.year
inner join {{ ref('idx_ratios') }} as ratios on series.city_code = ratios.city_code and series.year = ratios.year
left join {{ ref('idx_composite_scores') }} as scores
    on series.city_code = scores.city_code and series.year = scores.year and scores.index_name = 'common_prosperity'
left join {{ ref('idx_virtual_agglomeration') }} as agglomeration
    on
        series.city_code = agglomeration.city_code
        and series.year = agglomeration.year
        and agglomeration.study = 'common_prosperity'
left join {{ ref('idx_location_quotients') }} as quotients
    on
        series.city_code = quotients.city_code
        and series.year = quotients.year
        and quotients.study = 'common_prosperity'
left join {{ ref('idx_capital') }} as capital on series.city_code = capital.city_code and series.year = capital.year
left join {{ ref('idx_factor_distortion') }} as distortion
    on series.city_code = distortion.city_code and series.year = distortion.year
left join {{ ref('idx_distance_bands') }} as bands on series.city_code = bands.city_code and series.year = bands.year
order by series.city_code, series.year
