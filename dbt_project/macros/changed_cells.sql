{# Cells of continuous columns that differ between a study's built and its cleaned sample by more than rounding: one row each, with what was there before. #}
{% macro changed_cells(study, status) -%}
    {%- set columns = study_columns(study, ['continuous']) -%}
    with before_cleaning as (
        select city_code, year{% for column in columns %}, {{ column }}::double as {{ column }}{% endfor %}
        from {{ ref('study_' ~ study ~ '_built') }}
    ),
    after_cleaning as (
        select city_code, year{% for column in columns %}, {{ column }}::double as {{ column }}{% endfor %}
        from {{ ref('study_' ~ study) }}
    )
    select
        '{{ study }}' as study,
        city_code,
        year,
        variable,
        case when after.value is null then 'outlier_left_missing' else '{{ status }}' end as status,
        'was ' || format('{:.10g}', before.value) as detail
    from before_cleaning unpivot include nulls (value for variable in ({{ columns | join(', ') }})) as before
    inner join after_cleaning unpivot include nulls (value for variable in ({{ columns | join(', ') }})) as after
        using (city_code, year, variable)
    where coalesce(abs(before.value - after.value) > 1e-9 * abs(before.value), before.value is distinct from after.value)
{%- endmacro %}
