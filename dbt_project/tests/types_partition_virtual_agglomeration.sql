-- The five type variables sum to virtual agglomeration: every city-year with a type belongs to exactly one.
select
    city_code,
    year
from {{ ref('idx_va_types') }}
where va_type is not null and abs(v1 + v2 + v3 + v4 + v5 - va) > 1e-12
