-- Entropy weights of an index sum to 1; none is negative. (Principal components have no such weights.)
select
    index_name,
    sum(value) as total
from {{ ref('idx_composite_weights') }}
where statistic = 'weight' and index_name <> 'common_prosperity'
group by index_name
having abs(sum(value) - 1) > 1e-9 or min(value) < 0
