-- Prefecture entries of policy lists brought with the extracts (smart cities, e-commerce cities, high-tech zones ...).
select
    policy,
    city_code,
    start_year
from {{ source('raw', 'policies') }}
where problem is null and coalesce(granularity, 'prefecture') = 'prefecture' and start_year is not null
order by policy, city_code, start_year
