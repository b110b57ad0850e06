{# Number of decimals the shortest text of a number needs. #}
{% macro decimals(column) -%}
    length(regexp_extract(rtrim(format('{:.6f}', {{ column }}), '0'), '\.(\d*)$', 1))
{%- endmacro %}
