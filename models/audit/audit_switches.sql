{{ config(alias='switches') }}

-- The value in use: that of the seed, or of `--vars '{name: value}'` (SQL models read it through the macro `switch`, Python models here).
{% set overridden = {} %}
{% if execute %}
    {% set declared = run_query('select switch from ' ~ api.Relation.create(schema='seeds', identifier='switches')) %}
    {% for name in declared.columns[0].values() if var(name, none) is not none %}
        {% do overridden.update({name: switch(name) | trim}) %}
    {% endfor %}
{% endif %}

select
    switch,
    {% if overridden -%}
        case switch
            {%- for name, value in overridden.items() %}
                when '{{ name }}' then '{{ value }}'
            {%- endfor %}
            else value
        end as value,
    {%- else -%}
        value,
    {%- endif %}
    allowed,
    applies_to,
    description
from {{ ref('switches') }}
order by switch
