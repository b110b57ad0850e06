-- Row-standardised spatial weights of a city sum to 1.
select
    study,
    matrix,
    city_code_i
from {{ ref('idx_spatial_weights') }}
group by study, matrix, city_code_i
having abs(sum(weight_row) - 1) > 1e-9
