{#
    1 where a column is above its median, 0 at or below, NULL where it is missing. `scope`: pooled over all rows; yearly; city_mean, the
    city's mean over the years against the median over all rows of these means (in a balanced sample the median of the cities). `mean` is the
    column of city means, which scope city_mean reads. Only the base rows of the study set a median that is not of one year (index_base_years).
#}
{% macro above_median(study, column, scope, mean, year='year') -%}
    {%- if scope == 'yearly' -%}
        ({{ column }} > median({{ column }}) over (partition by {{ year }}))::integer
    {%- else -%}
        {%- set judged = mean if scope == 'city_mean' else column -%}
        ({{ judged }} > median({{ judged }}) filter (where {{ base_rows(study, year) }}) over ())::integer
    {%- endif -%}
{%- endmacro %}

{# Mean of a column over the base years of a study, by city: the column a window of cities stands on. #}
{% macro mean_of_city(study, column, city='city_code', year='year') -%}
    avg({{ column }}) filter (where {{ base_rows(study, year) }}) over (partition by {{ city }})
{%- endmacro %}
