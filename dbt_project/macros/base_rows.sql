{# Whether a row of a study's sample sets limits that depend on the whole sample (switch index_base_years): all years, the study's first, or its base years. #}
{% macro base_rows(study) -%}
    {%- set rule = switch('index_base_years') -%}
    {%- set first, last = ('first_year', 'first_year') if rule == 'first' else ('base_first_year', 'base_last_year') -%}
    {%- set years = "(select {} from " ~ ref('study_samples') ~ " where study = '" ~ study ~ "')" -%}
    {%- if rule == 'all' -%} true {%- else -%} year between {{ years.format(first) }} and {{ years.format(last) }} {%- endif -%}
{%- endmacro %}
