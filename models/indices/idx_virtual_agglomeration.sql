{{ config(alias='virtual_agglomeration') }}

/*
    Virtual agglomeration VA_it = sum_j LQ_jt w_ij, w_ij = 1 / d_ij, over the cities of a study. The papers leave j = i open: the default gives
    the own location quotient the weight 1 (d_ii := 1 km), which fits the printed moments; `exclude` leaves it out; `internal` takes the mean
    distance within a disc of the city's area, 2/3 sqrt(area / pi) (no value where the area is missing). Distances in km.
    `va_constant` is the double sum over c and j that new_quality_va_types prints, the same number for all cities of a year; `va_formula`: printed takes it as
    that study's index (audit.study_warnings then says so).
*/
{% set own = switch('va_own_term') %}
{% set counted = until_base_end() %}
{% set unit_km = switch('va_distance_unit_km') %}
{% set is_mean = switch('va_normalise') == 'row' %}
{% set printed = switch('va_formula') == 'printed' %}
{% set quotient = 'j.lq_ict' if switch('va_quotient') == 'j' else 'i.lq_ict' %}

with own_weights as (

    select
        city_code,
        {% if own == 'internal' -%}
            {{ unit_km }} / (2 / 3 * sqrt(nullif(avg(land_area_km2) filter (where {{ counted }}), 0) / pi()))
        {%- else -%}
            {{ 1 if own == 'one' else 0 }}
        {%- endif %} as weight
    from {{ ref('panel_city_year') }}
    group by city_code

),

weights as (

    select
        distances.city_code_i,
        distances.city_code_j,
        case
            when distances.city_code_i <> distances.city_code_j then {{ unit_km }} / distances.distance_km
            else own_weights.weight
        end as weight
    from {{ ref('idx_city_distances') }} as distances
    left join own_weights on distances.city_code_i = own_weights.city_code

),

summed as (

    select
        i.study,
        i.city_code,
        i.year,
        case
            when count(weights.weight) = count(*)
                then sum({{ quotient }} * weights.weight) / {{ 'sum(weights.weight)' if is_mean else '1' }}
        end as va
    from {{ ref('idx_location_quotients') }} as i
    inner join {{ ref('idx_location_quotients') }} as j on i.study = j.study and i.year = j.year
    inner join weights on i.city_code = weights.city_code_i and j.city_code = weights.city_code_j
    group by i.study, i.city_code, i.year

),

of_the_formula as (

    select
        study,
        city_code,
        year,
        {% if printed -%}
            case when study = 'new_quality_va_types' then sum(va) over (partition by study, year) else va end
        {%- else -%}
            va
        {%- endif %} as va,
        va as va_single
    from summed

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
        sum(va_single) over (partition by study, year) as va_constant
    from of_the_formula
    window city as (partition by study, city_code order by year)

)

select * from final
order by study, city_code, year
