{#
    1 where a column is above its median, 0 at or below, NULL where it is missing. `scope`: pooled over all rows; yearly; city_mean, the
    city's mean over the years against the median over all rows of these means (in a balanced sample the median of the cities). `mean` is the
    column of city means, which scope city_mean reads.
#}
{% macro above_median(column, scope, mean, year='year') -%}
    {%- if scope == 'city_mean' -%}
        ({{ mean }} > median({{ mean }}) over ())::integer
    {%- elif scope == 'yearly' -%}
        ({{ column }} > median({{ column }}) over (partition by {{ year }}))::integer
    {%- else -%}
        ({{ column }} > median({{ column }}) over ())::integer
    {%- endif -%}
{%- endmacro %}
