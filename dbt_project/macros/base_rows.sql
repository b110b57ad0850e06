{#
    Whether a row of a study's sample sets limits that depend on the whole sample (switch index_base_years): all years, the study's first, or its
    base years. Without a study the row's own column `study` says which. `year` is the row's year, with its table where two have one.
#}
{% macro base_rows(study=none, year='year') -%}
    {%- set rule = switch('index_base_years') -%}
    {%- if rule == 'all' -%}
        true
    {%- else -%}
        {%- set samples = ref('study_samples') -%}
        {%- set first, last = ('first_year', 'first_year') if rule == 'first' else ('base_first_year', 'base_last_year') -%}
        {%- if study -%}
            {%- set own = " from " ~ samples ~ " where study = '" ~ study ~ "')" -%}
            {{ year }} between (select {{ first }}{{ own }} and (select {{ last }}{{ own }}
        {%- else -%}
            (study, {{ year }}) in (select (study, unnest(generate_series({{ first }}, {{ last }}))) from {{ samples }})
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}

{# Whether a row of the panel may enter what serves all studies alike (a city's area): every year, or none after the last base year of any study. #}
{% macro until_base_end(year='year') -%}
    {%- if switch('index_base_years') == 'all' -%}
        true
    {%- else -%}
        {{ year }} <= (select max(base_last_year) from {{ ref('study_samples') }})
    {%- endif -%}
{%- endmacro %}

{#
    Whether a cell of the panel may rest on the value of a later year: always, but with a frozen base (index_base_years) not across the last base
    year of any study. Cells up to that year are filled, and straight lines among them recognised, from years up to it only: a year that is added
    changes none of them. Cells after it are no base and may rest on whatever year comes later.
#}
{% macro may_rest_on(later, year='year') -%}
    {%- if switch('index_base_years') in ('all', 'first') -%}
        true
    {%- else -%}
        ({{ until_base_end(later) }} or not {{ until_base_end(year) }})
    {%- endif -%}
{%- endmacro %}
