{{ config(alias='city_attributes') }}

/*
    Groups a city belongs to, one row a city: region (`region_def`), administrative level, membership of an approved city cluster (Jing-Jin-Ji, which has no
    State Council approval as a cluster, is not counted), border with another province, distance to Hangzhou, terrain.
*/
with clusters as (

    select
        city_code,
        min(approval_year) as cluster_year
    from {{ ref('city_clusters') }}
    where approval_year is not null
    group by city_code

),

-- The list has each pair of neighbours once.
neighbours as (

    select
        city_code_i,
        city_code_j
    from {{ ref('city_adjacency_2021') }}

    union

    select
        city_code_j as city_code_i,
        city_code_i as city_code_j
    from {{ ref('city_adjacency_2021') }}

),

borders as (

    select distinct neighbours.city_code_i as city_code
    from neighbours
    inner join {{ ref('cities') }} as own on neighbours.city_code_i = own.city_code
    inner join {{ ref('cities') }} as other on neighbours.city_code_j = other.city_code
    where own.province_code <> other.province_code

),

terrain as (

    select
        city_code,
        any_value(terrain_relief order by file_id, row_number) as terrain_relief,
        any_value(terrain_relief_sd order by file_id, row_number) as terrain_relief_sd
    from {{ source('raw', 'terrain') }}
    where problem is null
    group by city_code

)

select
    cities.city_code,
    cities.province_code,
    cities.{{ 'region4' if switch('region_def') == 'nbs4' else 'region3' }} as region3,
    cities.admin_level,
    (cities.admin_level in ('municipality', 'provincial_capital', 'sub_provincial'))::integer as admin_level_d,
    (clusters.city_code is not null)::integer as cluster_city,
    clusters.cluster_year,
    (borders.city_code is not null)::integer as border_city,
    distances.distance_km as hangzhou_distance_km,
    terrain.terrain_relief,
    terrain.terrain_relief_sd
from {{ ref('cities') }} as cities
left join clusters on cities.city_code = clusters.city_code
left join borders on cities.city_code = borders.city_code
left join terrain on cities.city_code = terrain.city_code
left join {{ ref('idx_city_distances') }} as distances
    on cities.city_code = distances.city_code_i and distances.city_code_j = '330100'
order by cities.city_code
