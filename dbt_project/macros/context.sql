{# Columns of national or provincial series beside a city-year: one aggregate a variable. #}
{% macro context_columns(variables) -%}
    {%- for variable in variables %}
        max(value) filter (where variable = '{{ variable }}') as {{ variable }}{{ ',' if not loop.last }}
    {%- endfor %}
{%- endmacro %}
