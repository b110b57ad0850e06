{{ config(alias='city_distances') }}

-- Great-circle distances between government seats (haversine, mean Earth radius 6371.01 km), all ordered pairs.
with seats as (

    select
        city_code,
        radians(lon) as longitude,
        radians(lat) as latitude
    from {{ ref('cities') }}

)

select
    i.city_code as city_code_i,
    j.city_code as city_code_j,
    case
        when i.city_code = j.city_code then 0
        else 2 * 6371.01 * asin(least(1, sqrt(
            sin((i.latitude - j.latitude) / 2) ^ 2
            + cos(i.latitude) * cos(j.latitude) * sin((i.longitude - j.longitude) / 2) ^ 2
        )))
    end as distance_km
from seats as i
cross join seats as j
order by 1, 2
