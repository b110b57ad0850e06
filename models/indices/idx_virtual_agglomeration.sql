{{ config(alias='virtual_agglomeration') }}

/*
    Virtual agglomeration VA_it = sum_j LQ_jt / d_ij over the cities of a study. The papers leave j = i open: the default gives the own
    location quotient the weight 1 (d_ii := 1 km), which fits the printed moments; `exclude` leaves it out. Distances in km.
    `va_constant` is the double sum one paper prints: the same number for all cities of a year, kept to show why it is not used.
*/
{% set own = switch('va_own_term') %}
{% set unit_km = switch('va_distance_unit_km') %}

with contributions as (

    select
        i.study,
        i.city_code,
        i.year,
        case
            when i.city_code = j.city_code then j.lq_ict * {{ 1 if own == 'one' else 0 }}
            else j.lq_ict / (distances.distance_km / {{ unit_km }})
        end as contribution
    from {{ ref('idx_location_quotients') }} as i
    inner join {{ ref('idx_location_quotients') }} as j on i.study = j.study and i.year = j.year
    inner join {{ ref('idx_city_distances') }} as distances
        on i.city_code = distances.city_code_i and j.city_code = distances.city_code_j

),

summed as (

    select
        study,
        city_code,
        year,
        sum(contribution) as va
    from contributions
    group by study, city_code, year

),

final as (

    select
        study,
        city_code,
        year,
        va,
        va ^ 2 as va_sq,
        va / sum(va) over (partition by study, year) as va_share,
        va / lag(va) over (partition by study, city_code order by year) - 1 as va_growth,
        sum(va) over (partition by study, year) as va_constant
    from summed

)

select * from final
order by study, city_code, year
