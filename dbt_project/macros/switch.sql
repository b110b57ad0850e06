{# Value of a named switch (seeds/switches.csv); `--vars '{name: value}'` overrides it. Stops on an unknown name or a value not allowed. #}
{% macro switch(name) -%}
    {%- set switches = ref('switches') -%}
    {%- if execute -%}
        {%- set rows = run_query("select value, allowed from " ~ switches ~ " where switch = '" ~ name ~ "'").rows -%}
        {%- if rows | length == 0 -%}
            {{ exceptions.raise_compiler_error("no switch " ~ name ~ " in seeds/switches.csv") }}
        {%- endif -%}
        {%- set value = var(name, rows[0][0]) | string -%}
        {%- if value not in rows[0][1].split('|') -%}
            {{ exceptions.raise_compiler_error("switch " ~ name ~ "=" ~ value ~ " is not one of " ~ rows[0][1]) }}
        {%- endif -%}
        {{- value -}}
    {%- endif -%}
{%- endmacro %}
