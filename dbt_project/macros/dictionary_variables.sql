{# Names of the dictionary's numeric variables of the given scopes, in name order. #}
{% macro dictionary_variables(scopes) %}
    {% set query %}
        select variable from {{ ref('indicators') }}
        where scope in ('{{ scopes | join("', '") }}') and kind in ('level', 'ratio', 'growth', 'index')
        order by variable
    {% endset %}
    {% if execute %}{{ return(run_query(query).columns[0].values()) }}{% else %}{{ return([]) }}{% endif %}
{% endmacro %}
