{{ config(alias='distance_bands') }}

/*
    Spillover bands of the broadband designation in the sample of common prosperity: band_s is 1 if in that year some other designated city of
    the sample lies in (s - 150, s] km, s = 150, 300, ..., 1200.
*/
{% set bands = range(150, 1201, 150) %}

with sample as (

    select
        samples.city_code,
        samples.year,
        policies.broadband_china
    from {{ ref('panel_samples') }} as samples
    inner join {{ ref('idx_policies') }} as policies
        on samples.city_code = policies.city_code and samples.year = policies.year
    where samples.study = 'common_prosperity'

)

select
    own.city_code,
    own.year
    {%- for s in bands %}
        ,
        max((other.broadband_china = 1 and distance_km > {{ s - 150 }} and distance_km <= {{ s }})::integer)
            as band_{{ s }}
    {%- endfor %}
from sample as own
inner join sample as other on own.year = other.year and own.city_code <> other.city_code
inner join {{ ref('idx_city_distances') }} as distances
    on own.city_code = distances.city_code_i and other.city_code = distances.city_code_j
group by own.city_code, own.year
order by own.city_code, own.year
