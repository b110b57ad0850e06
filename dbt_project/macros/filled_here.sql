{# Whether a status of panel.long means that the value has no cell: this project filled it, on a line between two years or by growth rates. #}
{% macro filled_here(status='status') -%}
    {{ status }} in ('interpolated', 'extended_by_growth')
{%- endmacro %}
