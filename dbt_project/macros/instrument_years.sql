{# Years after the first of a study's published sample: each has its interaction with what does not vary over time (the first year is the base). #}
{% macro instrument_years(study) %}
    {{ return({'industrial_upgrading': range(2007, 2021), 'digital_industry': range(2014, 2023)}[study]) }}
{% endmacro %}

{# Columns `prefix_YEAR`: the city's value in that year and 0 in every other one, or NULL where the study takes another form of time. #}
{% macro year_interactions(study, value, prefix, wanted) -%}
    {%- for of_year in instrument_years(study) %}
        {{ value ~ ' * (year = ' ~ of_year ~ ')::integer' if wanted else 'null::double' }} as {{ prefix }}_{{ of_year }}{{ ',' if not loop.last }}
    {%- endfor %}
{%- endmacro %}
