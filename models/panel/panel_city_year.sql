{{ config(alias='city_year') }}

-- One column a variable of the dictionary, also where these extracts hold none of it: a column that is always there keeps models simple.
{% set variables = dictionary_variables(['city', 'districts']) %}

select
    city_code,
    year
    {%- for variable in variables %}
        ,
        max(value) filter (where variable = '{{ variable }}') as {{ variable }}
    {%- endfor %}
from {{ ref('panel_long') }}
group by city_code, year
order by city_code, year
