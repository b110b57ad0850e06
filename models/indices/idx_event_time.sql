{{ config(alias='event_time') }}

/*
    Years since the broadband designation, event_k = 1{t - g = k} for k = -7, ..., 7 (m: before, p: after). With `event_bins` = binned the
    outermost two take in all years beyond them. Cities that were never designated are 0 in all of them.
*/
{% set binned = switch('event_bins') == 'binned' %}

with timed as (

    select
        city_code,
        year,
        broadband_china_year as cohort,
        year - broadband_china_year as event_time
    from {{ ref('idx_policies') }}

),

placed as (

    select
        *,
        {% if binned %}case when event_time is not null then greatest(-7, least(7, event_time)) end
        {%- else %}event_time{% endif %} as place
    from timed

)

select
    city_code,
    year,
    cohort,
    event_time
    {%- for k in range(-7, 8) %}
        ,
        coalesce(place = {{ k }}, false)::integer as event_{{ 'm' if k < 0 else 'p' }}{{ k | abs }}
    {%- endfor %}
from placed
order by city_code, year
