{{ config(alias='city_year') }}

-- One column a variable of the dictionary, also where these extracts hold none of it: a column that is always there keeps models simple.
{% set variables = dictionary_variables(['city', 'districts']) %}

with long as (

    select
        city_code,
        year,
        variable,
        value
    from {{ ref('panel_long') }}

)

select *
from (
    pivot long on variable in ('{{ variables | join("', '") }}') using max(value)
    group by city_code, year
)
order by city_code, year
