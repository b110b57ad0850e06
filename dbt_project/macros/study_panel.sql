{# The panel a study reads: panel.city_year, or, where its choices about abolished units change it, its own rows of panel.study_city_year. #}
{% macro study_panel(study) -%}
    {%- set plain = ref('panel_city_year') -%}
    {%- set own = ref('panel_study_city_year') -%}
    {%- set changed = false -%}
    {%- if execute -%}
        {%- set changed = run_query("select count(*) from " ~ own ~ " where study = '" ~ study ~ "'").rows[0][0] > 0 -%}
    {%- endif -%}
    {%- if changed -%} (select * exclude (study) from {{ own }} where study = '{{ study }}') {%- else -%} {{ plain }} {%- endif -%}
{%- endmacro %}
