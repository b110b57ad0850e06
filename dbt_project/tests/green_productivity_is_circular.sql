-- Against one global frontier the product of yearly indices is the ratio of the efficiencies it leads from and to, whatever lies between. A city's
-- first year has no index of its own (1 or missing, by the switch gml_first_year). An index that is missing everywhere fails too.
with steps as (

    select
        city_code,
        year,
        gtfp,
        gtfp_cumulated,
        efficiency / first_value(efficiency) over (partition by city_code order by year) as ratio,
        case when row_number() over (partition by city_code order by year) = 1 then 0 else ln(gtfp) end as step
    from {{ ref('idx_green_productivity') }}

),

chained as (

    select
        *,
        case
            when count(step) over so_far = count(*) over so_far then exp(sum(step) over so_far)
        end as product
    from steps
    window so_far as (partition by city_code order by year rows between unbounded preceding and current row)

)

select
    city_code,
    year
from chained
where
    abs(gtfp_cumulated / ratio - 1) > 1e-9
    or abs(product / ratio - 1) > 1e-9

union all

select
    'all' as city_code,
    count(*) as year
from chained
having count(*) > 0 and count(gtfp) = 0
