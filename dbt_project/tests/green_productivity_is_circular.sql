-- Against one global frontier the product of yearly indices is the ratio of the first and the last efficiency, whatever lies between.
select
    city_code,
    year
from {{ ref('idx_green_productivity') }}
where gtfp_cumulated is not null
qualify
    abs(
        gtfp_cumulated / (efficiency / first_value(efficiency) over (partition by city_code order by year)) - 1
    ) > 1e-9
