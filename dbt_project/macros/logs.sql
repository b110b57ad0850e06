{# Natural log of a number above zero, NULL otherwise. #}
{% macro ln_positive(x) -%}
    case when {{ x }} > 0 then ln({{ x }}) end
{%- endmacro %}

{# Natural log by the switch log_zero_rule: where the value is not above zero, its smallest positive value of the study's base rows
   (index_base_years) stands in, or ln(1 + x) is taken of all values, or there is none. #}
{% macro ln_by_rule(study, x, year='year') -%}
    {%- set rule = switch('log_zero_rule') -%}
    {%- if rule == 'ln1p' -%}
        case when {{ x }} > -1 then ln(1 + {{ x }}) end
    {%- elif rule == 'drop' -%}
        {{ ln_positive(x) }}
    {%- else -%}
        case when {{ x }} is not null
            then ln(case
                when {{ x }} > 0 then {{ x }}
                else min({{ x }}) filter (where {{ x }} > 0 and {{ base_rows(study, year) }}) over ()
            end)
        end
    {%- endif -%}
{%- endmacro %}
