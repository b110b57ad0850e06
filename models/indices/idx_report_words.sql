{{ config(alias='report_words') }}

-- How often the words of a list (seeds/word_lists.csv) occur in a city's government work report, one row a report.
select
    city_code,
    year,
    sum(occurrences) filter (where word_list = 'digital_economy')::bigint as gov_digital_freq,
    sum(occurrences) filter (where word_list = 'new_quality_productivity')::bigint as gov_nq_freq
from {{ source('raw', 'report_words') }}
where city_code is not null
group by city_code, year
order by city_code, year
