-- The employment-weighted mean of the location quotient is 1 in every year of a study (over all its years with a pooled national ratio); a year
-- of employment without any quotient fails too.
select
    study,
    sum(employed * lq_ict) / sum(employed) as weighted_mean
from {{ ref('idx_location_quotients') }}
where employed is not null
group by study{{ ', year' if switch('va_national_ratio') == 'yearly' }}
having coalesce(abs(sum(employed * lq_ict) / sum(employed) - 1), 1) > 1e-9
