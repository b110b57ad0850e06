{# Columns of a study's sample of the given kinds (seeds/study_variables.csv), in name order. #}
{% macro study_columns(study, kinds) -%}
    {%- if execute -%}
        {%- set seed = api.Relation.create(schema='seeds', identifier='study_variables') -%}
        {%- set query = "select column_name from " ~ seed ~ " where study = '" ~ study ~ "' and kind in ('" ~ kinds | join("', '") ~ "') order by 1" -%}
        {{- return(run_query(query).columns[0].values()) -}}
    {%- else -%}
        {%- do ref('study_variables') -%}
        {{- return([]) -}}
    {%- endif -%}
{%- endmacro %}
