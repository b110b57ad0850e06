{# Names of the dictionary's variables of the given scopes, in the dictionary's order. #}
{% macro dictionary_variables(scopes) %}
    {% if not execute %}{{ return([]) }}{% endif %}
    {% set query %}
        select variable from {{ ref('indicators') }}
        where scope in ('{{ scopes | join("', '") }}')
        order by variable
    {% endset %}
    {{ return(run_query(query).columns[0].values()) }}
{% endmacro %}
