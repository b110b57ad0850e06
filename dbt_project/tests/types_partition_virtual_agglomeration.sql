-- Every city-year with a type has its virtual agglomeration in that type's variable and 0 in the other four: the five sum to it.
select
    city_code,
    year
from {{ ref('idx_va_types') }}
where
    va_type is not null
    and (
        abs(v1 + v2 + v3 + v4 + v5 - va) > 1e-12
        {%- for k in range(1, 6) %}
            or v{{ k }} is distinct from case when va_type = {{ k }} then va else 0 end
        {%- endfor %}
    )
