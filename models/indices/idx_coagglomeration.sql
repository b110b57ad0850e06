{{ config(alias='coagglomeration') }}

/*
    Co-agglomeration of manufacturing and producer services in the sample of industrial upgrading. Distance-decay agglomeration of an industry:
    kappa_n = [(sum_h E_ih exp(-d_nh) / sum_h exp(-d_nh)) / E_n] / (E_i / E), d in units of `kappa_distance_unit_km`; co-agglomeration
    1 - |k_m - k_s| / (k_m + k_s), or over k_m alone as printed. City-years without employment of either industry take no part.
    Its log follows `log_zero_rule`.
*/
{% set unit_km = switch('kappa_distance_unit_km') %}

with employment as (

    select
        panel.city_code,
        panel.year,
        panel.emp_manufacturing_10k as manufacturing,
        panel.emp_transport_post_10k + panel.emp_ict_10k + panel.emp_finance_10k + panel.emp_sci_10k
        {%- if switch('producer_services') == 'wide' %} + panel.emp_leasing_business_10k{% endif %} as services,
        panel.emp_total_10k as total
    from {{ ref('panel_samples') }} as samples
    inner join {{ ref('panel_city_year') }} as panel
        on samples.city_code = panel.city_code and samples.year = panel.year
    where samples.study = 'industrial_upgrading'

),

known as (

    select *
    from employment
    where manufacturing is not null and services is not null and total > 0

),

decay as (

    select
        city_code_i,
        city_code_j,
        exp(-distance_km / {{ unit_km }}) as weight
    from {{ ref('idx_city_distances') }}

),

smoothed as (

    select
        n.city_code,
        n.year,
        any_value(n.total) as total,
        sum(h.manufacturing * decay.weight) / sum(decay.weight) as manufacturing,
        sum(h.services * decay.weight) / sum(decay.weight) as services
    from known as n
    inner join known as h on n.year = h.year
    inner join decay on n.city_code = decay.city_code_i and h.city_code = decay.city_code_j
    group by n.city_code, n.year

),

nation as (

    select
        year,
        sum(manufacturing) / sum(total) as manufacturing,
        sum(services) / sum(total) as services
    from known
    group by year

),

kappas as (

    select
        smoothed.city_code,
        smoothed.year,
        smoothed.manufacturing / smoothed.total / nation.manufacturing as kappa_manufacturing,
        smoothed.services / smoothed.total / nation.services as kappa_services
    from smoothed
    inner join nation on smoothed.year = nation.year

),

final as (

    select
        *,
        1 - abs(kappa_manufacturing - kappa_services)
        / nullif(
            kappa_manufacturing{% if switch('cac_form') == 'symmetric' %} + kappa_services{% endif %}, 0
        ) as cac
    from kappas

)

select
    *,
    {{ ln_by_rule('industrial_upgrading', 'cac') }} as lncac
from final
order by city_code, year
