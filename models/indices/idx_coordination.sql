{{ config(alias='coordination') }}

/*
    Coupling coordination of human capital (ecol) and land (eland) in the sample of industrial upgrading, both scaled to (0, 1] by min-max over
    the sample (floor 0.001): standard form sqrt(C T) = (ab)^(1/4), printed form (harmonic mean)^(1/4).
*/
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

scaled as (

    select
        *,
        greatest(0.001, (ecol - min(ecol) over ()) / nullif(max(ecol) over () - min(ecol) over (), 0)) as a,
        greatest(0.001, (eland - min(eland) over ()) / nullif(max(eland) over () - min(eland) over (), 0)) as b
    from inputs

),

final as (

    select
        city_code,
        year,
        ecol,
        eland,
        pow(a * b, 0.25) as rel_standard,
        pow(2 * a * b / (a + b), 0.25) as rel_printed,
        {% if switch('rel_form') == 'standard' %}pow(a * b, 0.25){% else %}pow(2 * a * b / (a + b), 0.25){% endif %} as rel
    from scaled

)

select
    *,
    case
        when rel < 0.3 then 'uncoordinated'
        when rel < 0.5 then 'basic'
        when rel < 0.7 then 'moderate'
        else 'high'
    end as rel_bin
from final
order by city_code, year
