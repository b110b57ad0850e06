{{ config(alias='notices') }}

/*
    What a reader should know before using a variable, measured on the data of this release; `warns` says whether it applies.
      group_size    a paper prints how many cities form a group: its share of the sample differs by more than 0.02;
      narrow_scale  a variable is scaled by its smallest and largest value: more than half of the city-years lie in one hundredth of the scale,
                    so that a few extremes decide about all others;
      city_years    the sample holds city-years whose values change what an estimate means (audit.study_warnings lists them).
*/
{% set groups = ['border_city', 'cluster_city', 'region3'] %}
{% set scaled = ['ecol_scaled', 'eland_scaled'] %}

with cities as (

    select distinct
        city_code
        {%- for name in groups %}
            ,
            {{ name }}::varchar as {{ name }}
        {%- endfor %}
    from {{ ref('study_green_development') }}

),

built_groups as (
    {% for name in groups %}
        select
            '{{ name }}' as column_name,
            {{ name }} as value,
            count(*) as n,
            sum(count(*)) over ()::bigint as n_cities
        from cities
        group by {{ name }}
        {{ 'union all' if not loop.last }}
    {% endfor %}
),

group_sizes as (

    select
        printed.study,
        printed.column_name as variable,
        'group_size' as notice,
        printed.value as group_value,
        built.n / built.n_cities as measured,
        printed.printed_cities / printed.printed_of as expected,
        abs(measured - expected) > 0.02 as warns,
        format(
            '{} of {} cities here, {} of {} in print. {}',
            built.n, built.n_cities, printed.printed_cities, printed.printed_of, printed.reading
        ) as meaning
    from {{ ref('published_groups') }} as printed
    inner join built_groups as built on printed.column_name = built.column_name and printed.value = built.value
    where printed.study = 'green_development'

),

hundredths as (
    {% for name in scaled %}
        select
            '{{ name }}' as variable,
            least(99, floor(100 * {{ name }})) as hundredth,
            count(*) as n
        from {{ ref('idx_coordination') }}
        group by hundredth
        {{ 'union all' if not loop.last }}
    {% endfor %}
),

fullest as (

    select
        variable,
        n / sum(n) over (partition by variable) as measured,
        hundredth
    from hundredths
    qualify row_number() over (partition by variable order by n desc, hundredth asc) = 1

),

scales as (

    select
        'industrial_upgrading' as study,
        variable,
        'narrow_scale' as notice,
        null::varchar as group_value,
        measured,
        0.5 as expected,
        measured > expected as warns,
        format(
            '{:.0f} % of the city-years lie between {:.2f} and {:.2f} of the scale of this input of rel',
            100 * measured, hundredth / 100, (hundredth + 1) / 100
        )
        || ' (rel_normalise: {{ switch('rel_normalise') }}; quantiles: its ends are the 1 % and 99 % quantiles)'
            as meaning
    from fullest

),

warned as (

    select
        study,
        variable,
        'city_years' as notice,
        warning as group_value,
        count(*)::double as measured,
        0.0 as expected,
        true as warns,
        format(
            '{}; {} rows ({}) from {:.4g} to {:.4g}',
            any_value(detail),
            count(*),
            array_to_string(list_sort(list(coalesce(city_code || ' ', '') || year))[:10], ', '),
            min(value),
            max(value)
        ) as meaning
    from {{ ref('audit_study_warnings') }}
    group by study, variable, warning

),

final as (

    select * from group_sizes
    union all by name
    select * from warned
    union all by name
    select * from scales

)

select * from final
order by study, variable, notice, group_value
