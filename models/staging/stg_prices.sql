/*
    Retail price indices of 16 categories (last year = 100) a city and year: the city's own where it is printed, otherwise its
    province's, which is flagged (`price_fallback` = none leaves it out).
*/
with printed as (

    select
        coalesce(city_code, province_code) as place_code,
        city_code is not null as is_city,
        year,
        regexp_extract(variable, '^rpi_\d+') as category,
        value
    from {{ source('raw', 'price_index') }}
    where problem is null and value is not null and variable like 'rpi\_%' escape '\'
    qualify row_number() over (partition by place_code, year, category order by file_id, row_number) = 1

),

places as (

    select distinct
        cities.city_code,
        cities.province_code,
        printed.year,
        printed.category
    from {{ ref('cities') }} as cities
    inner join printed on printed.place_code in (cities.city_code, cities.province_code)

)

select
    places.city_code,
    places.year,
    places.category,
    coalesce(own.value, province.value) as price_index,
    own.value is null as province_fallback
from places
left join printed as own
    on
        places.city_code = own.place_code
        and places.year = own.year
        and places.category = own.category
left join printed as province
    on
        places.province_code = province.place_code
        and places.year = province.year
        and places.category = province.category
{% if switch('price_fallback') == 'none' %}where own.value is not null
{% endif -%}
order by places.city_code, places.year, places.category
