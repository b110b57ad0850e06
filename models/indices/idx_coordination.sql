{{ config(alias='coordination') }}

/*
    Coupling coordination of human capital (ecol) and land (eland) in the sample of industrial upgrading. Inputs a and b are scaled to
    [0.001, 1] by min-max over the base years of the sample (index_base_years), or between their 1 % and 99 % quantiles (rel_normalise), so that
    logs exist; what lies beyond counts as standing on the limit. Standard form sqrt(C T) = (ab)^(1/4), with C = 2 sqrt(ab) / (a + b) and
    T = (a + b) / 2; printed form (harmonic mean)^(1/4).
*/
{% set lowest, highest = ('quantile_cont({}, 0.01)', 'quantile_cont({}, 0.99)')
    if switch('rel_normalise') == 'quantiles' else ('min({})', 'max({})') %}

with inputs as (

    select
        land.city_code,
        land.year,
        allocation.ecol,
        land.eland
    from {{ ref('idx_land_efficiency') }} as land
    inner join {{ ref('idx_allocation_efficiency') }} as allocation
        on land.city_code = allocation.city_code and land.year = allocation.year
    where land.eland is not null and allocation.ecol is not null

),

limits as (

    select
        {{ lowest.format('ecol') }} as low_a,
        {{ highest.format('ecol') }} as high_a,
        {{ lowest.format('eland') }} as low_b,
        {{ highest.format('eland') }} as high_b
    from inputs
    where {{ base_rows('industrial_upgrading') }}

),

scaled as (

    select
        *,
        {% if switch('rel_normalise') != 'none' -%}
            0.001 + 0.999 * (greatest(low_a, least(high_a, ecol)) - low_a) / nullif(high_a - low_a, 0) as a,
            0.001 + 0.999 * (greatest(low_b, least(high_b, eland)) - low_b) / nullif(high_b - low_b, 0) as b
        {%- else -%}
            ecol as a,
            eland as b
        {%- endif %},
        {{ 'false' if switch('rel_normalise') == 'none' else
            'greatest(low_a - ecol, ecol - high_a) > 1e-9 * abs(ecol) or greatest(low_b - eland, eland - high_b) > 1e-9 * abs(eland)' }} as limited
    from inputs
    cross join limits

),

forms as (

    select
        city_code,
        year,
        ecol,
        eland,
        a as ecol_scaled,
        b as eland_scaled,
        limited,
        pow(a * b, 0.25) as rel_standard,
        pow(2 * a * b / nullif(a + b, 0), 0.25) as rel_printed
    from scaled

),

final as (

    select
        *,
        rel_{{ switch('rel_form') }} as rel
    from forms

)

select
    *,
    case
        when rel < 0.3 then 'uncoordinated'
        when rel < 0.5 then 'basic'
        when rel < 0.7 then 'moderate'
        when rel >= 0.7 then 'high'
    end as rel_bin
from final
order by city_code, year
