{#
    Value of a named switch (seeds/switches.csv); `--vars '{name: value}'` overrides it. Stops on an unknown name or a value not allowed.
    The seed is a parent of every model that reads a switch (`ref` when dbt parses); its rows are read from the table itself, so that unit
    tests, which replace what `ref` stands for, see the declared values.
#}
{% macro switch(name) -%}
    {%- if execute -%}
        {%- set seed = api.Relation.create(schema='seeds', identifier='switches') -%}
        {%- set rows = run_query("select value, allowed from " ~ seed ~ " where switch = '" ~ name ~ "'").rows -%}
        {%- if rows | length == 0 -%}
            {{ exceptions.raise_compiler_error("no switch " ~ name ~ " in seeds/switches.csv") }}
        {%- endif -%}
        {%- set value = var(name, rows[0][0]) | string -%}
        {%- if value not in rows[0][1].split('|') -%}
            {{ exceptions.raise_compiler_error("switch " ~ name ~ "=" ~ value ~ " is not one of " ~ rows[0][1]) }}
        {%- endif -%}
        {{- value -}}
    {%- else -%}
        {%- do ref('switches') -%}
    {%- endif -%}
{%- endmacro %}

{# The column `value` of the switches as this run uses them: that of the seed, or of `--vars`. #}
{% macro switches_in_use() -%}
    {%- set overridden = {} -%}
    {%- if execute -%}
        {%- set declared = run_query('select switch from ' ~ api.Relation.create(schema='seeds', identifier='switches')) -%}
        {%- for name in declared.columns[0].values() if var(name, none) is not none -%}
            {%- do overridden.update({name: switch(name) | trim}) -%}
        {%- endfor -%}
    {%- endif -%}
    {%- if overridden -%}
        case switch
            {%- for name, value in overridden.items() %} when '{{ name }}' then '{{ value }}'{% endfor %}
            else value
        end
    {%- else -%}
        value
    {%- endif -%}
{%- endmacro %}
