{{ config(alias='virtual_agglomeration') }}

/*
    Virtual agglomeration VA_it = sum_j LQ_jt w_ij, w_ij = 1 / d_ij, over the cities of a study. The papers leave j = i open: the default gives
    the own location quotient the weight 1 (d_ii := 1 km), which fits the printed moments; `exclude` leaves it out. Distances in km.
    `va_constant` is the double sum one paper prints: the same number for all cities of a year, kept to show why it is not used.
*/
{% set own = switch('va_own_term') %}
{% set unit_km = switch('va_distance_unit_km') %}
{% set quotient = 'j.lq_ict' if switch('va_quotient') == 'j' else 'i.lq_ict' %}

with weights as (

    select
        city_code_i,
        city_code_j,
        case
            when city_code_i = city_code_j then {{ 1 if own == 'one' else 0 }}
            else {{ unit_km }} / distance_km
        end as weight
    from {{ ref('idx_city_distances') }}

),

summed as (

    select
        i.study,
        i.city_code,
        i.year,
        sum({{ quotient }} * weights.weight)
        {%- if switch('va_normalise') == 'row' %} / sum(weights.weight){% endif %} as va
    from {{ ref('idx_location_quotients') }} as i
    inner join {{ ref('idx_location_quotients') }} as j on i.study = j.study and i.year = j.year
    inner join weights on i.city_code = weights.city_code_i and j.city_code = weights.city_code_j
    group by i.study, i.city_code, i.year

),

final as (

    select
        study,
        city_code,
        year,
        va,
        va ^ 2 as va_sq,
        va / sum(va) over (partition by study, year) as va_share,
        case
            when lag(year) over city = year - 1 then va / lag(va) over city - 1
        end as va_growth,
        sum(va) over (partition by study, year) as va_constant
    from summed
    window city as (partition by study, city_code order by year)

)

select * from final
order by study, city_code, year
