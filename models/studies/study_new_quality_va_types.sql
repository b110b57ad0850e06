{{ config(alias='new_quality_va_types') }}

/*
    Estimation sample of "Types of virtual agglomeration and new quality productive forces", one row a city-year of its balanced sample. Whole
    cities. Level groups are terciles of the index over its base rows (index_base_years); the lag of the index is taken inside the group by default.
*/
{% set study = 'new_quality_va_types' %}
{% set inside = switch('nq_lag') == 'inside_group' %}
{% set same_group = 'lag(nq_level_group) over city = nq_level_group' if inside else 'true' %}
{% set judged = 'nq_topsis' if switch('nq_group_level') == 'city_year' else 'nq_mean' %}

with sample as (

    select
        samples.city_code,
        samples.year,
        samples.interpolated,
        samples.upstream_interpolated,
        scores.score as nq_topsis,
        {{ mean_of_city(study, 'scores.score', 'samples.city_code', 'samples.year') }} as nq_mean
    from {{ ref('panel_samples') }} as samples
    left join {{ ref('idx_composite_scores') }} as scores
        on samples.city_code = scores.city_code and samples.year = scores.year and scores.index_name = 'nq_topsis'
    where samples.study = '{{ study }}'

),

grouped as (

    select
        *,
        case
            when {{ judged }} > quantile_cont({{ judged }}, 2 / 3) filter (where {{ base_rows(study) }}) over () then 'high'
            when {{ judged }} > quantile_cont({{ judged }}, 1 / 3) filter (where {{ base_rows(study) }}) over () then 'middle'
            when {{ judged }} is not null then 'low'
        end as nq_level_group
    from sample

),

lagged as (

    select
        * exclude (nq_mean),
        case
            when lag(year) over city = year - 1 and {{ same_group }}
                then lag(nq_topsis) over city
        end as l_nq
    from grouped
    window city as (partition by city_code order by year)

)

select
    lagged.city_code,
    lagged.year,
    attributes.province_code,
    attributes.region3,
    attributes.admin_level,

    -- outcome
    lagged.nq_topsis,
    lagged.l_nq,
    lagged.nq_level_group,
    pollution.score as env_pollution_index,

    -- virtual agglomeration and its types
    quotients.lq_ict,
    agglomeration.va as va_nq,
    agglomeration.va_share,
    agglomeration.va_growth,
    types.va_type,
    types.v1,
    types.v2,
    types.v3,
    types.v4,
    types.v5,

    -- controls
    ratios.ms,
    ratios.ti,
    ratios.ct,
    ratios.fi,
    ratios.di,
    panel.pop_yearend_10k as population,
    policies.open_data_platform as open_data,

    lagged.interpolated,
    lagged.upstream_interpolated
from lagged
inner join {{ ref('panel_city_year') }} as panel on lagged.city_code = panel.city_code and lagged.year = panel.year
inner join {{ ref('idx_city_attributes') }} as attributes on lagged.city_code = attributes.city_code
inner join {{ ref('idx_policies') }} as policies
    on lagged.city_code = policies.city_code and lagged.year = policies.year
inner join {{ ref('idx_ratios') }} as ratios on lagged.city_code = ratios.city_code and lagged.year = ratios.year
left join {{ ref('idx_pollution') }} as pollution
    on lagged.city_code = pollution.city_code and lagged.year = pollution.year
left join {{ ref('idx_location_quotients') }} as quotients
    on
        lagged.city_code = quotients.city_code
        and lagged.year = quotients.year
        and quotients.study = 'new_quality_va_types'
left join {{ ref('idx_virtual_agglomeration') }} as agglomeration
    on
        lagged.city_code = agglomeration.city_code
        and lagged.year = agglomeration.year
        and agglomeration.study = 'new_quality_va_types'
left join {{ ref('idx_va_types') }} as types on lagged.city_code = types.city_code and lagged.year = types.year
order by lagged.city_code, lagged.year
