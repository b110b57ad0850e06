{# `replace (...)` for a star: the columns become |x - 1|. #}
{% macro distances_from_one(columns) -%}
    replace (
        {%- for column in columns %} abs({{ column }} - 1) as {{ column }}{{ ',' if not loop.last }}{% endfor -%}
    )
{%- endmacro %}
