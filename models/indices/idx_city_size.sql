{{ config(alias='city_size') }}

/*
    Size classes of the cities in the sample of industrial upgrading, by population in 10,000 persons: above 1,000; 500 to 1,000; 300 to 500;
    100 to 300; below 100. A population on a limit belongs to the class below it. A mean is that of the base years (index_base_years).
*/
{% set study = 'industrial_upgrading' %}
{% set population = 'pop_yearend_10k' if switch('size_population') == 'yearend' else 'pop_urban_resident_10k' %}
{% set mean = mean_of_city(study, 'long.value', 'samples.city_code', 'samples.year') %}

with people as (

    select
        samples.city_code,
        samples.year,
        {% if switch('size_scope') == 'city_mean' -%}
            {{ mean }}
        {%- else -%}
            long.value
        {%- endif %} as population_10k
    from {{ ref('panel_samples') }} as samples
    inner join {{ ref('panel_long') }} as long
        on samples.city_code = long.city_code and samples.year = long.year and long.variable = '{{ population }}'
    where samples.study = '{{ study }}'

)

select
    *,
    case
        when population_10k > 1000 then 'above_1000'
        when population_10k > 500 then '500_to_1000'
        when population_10k > 300 then '300_to_500'
        when population_10k > 100 then '100_to_300'
        when population_10k is not null then 'up_to_100'
    end as city_size_class
from people
order by city_code, year
