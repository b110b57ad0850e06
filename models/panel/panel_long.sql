{{ config(alias='long') }}

with chosen as (

    select
        candidates.city_code,
        candidates.year,
        candidates.variable,
        candidates.value,
        candidates.file_id,
        candidates.sheet,
        candidates.cell,
        case
            when candidates.correction_id is not null then 'corrected'
            when lines.year is not null then 'upstream_interpolated'
            else 'observed'
        end as status
    from {{ ref('panel_candidates') }} as candidates
    left join {{ ref('panel_straight_lines') }} as lines
        on
            candidates.file_id = lines.file_id
            and candidates.city_code = lines.city_code
            and candidates.variable = lines.variable
            and candidates.year = lines.year
    where candidates.chosen

),

-- The gap after each value, where its variable may be interpolated.
gaps as (

    select
        chosen.city_code,
        chosen.variable,
        chosen.year as year_before,
        chosen.value as value_before,
        lead(chosen.year) over city as year_after,
        lead(chosen.value) over city as value_after
    from chosen
    inner join {{ ref('indicators') }} as indicators
        on chosen.variable = indicators.variable and indicators.interpolate
    window city as (partition by chosen.city_code, chosen.variable order by chosen.year)

),

interpolated as (

    select
        city_code,
        filled.year,
        variable,
        value_before
        + (value_after - value_before) * (filled.year - year_before) / (year_after - year_before) as value,
        null::varchar as file_id,
        null::varchar as sheet,
        null::varchar as cell,
        'interpolated' as status
    from gaps, lateral (select unnest(range(year_before + 1, year_after)) as year) as filled
    where
        year_after - year_before - 1 between 1 and {{ switch('interpolation_max_gap') }}
        and {{ may_rest_on('year_after', 'filled.year') }}

),

-- No replacement is invented for a value that was set aside.
set_aside as (

    select distinct
        city_code,
        variable,
        year
    from {{ ref('panel_candidates') }}
    where value is null

),

-- A line between two values keeps precedence over a chain of growth rates, which rests on one.
grown as (

    select
        city_code,
        year,
        variable,
        value,
        null::varchar as file_id,
        null::varchar as sheet,
        null::varchar as cell,
        'extended_by_growth' as status
    from {{ ref('panel_grown_levels') }}
    anti join interpolated using (city_code, variable, year)

),

without_cell as (

    select * from interpolated
    union all by name
    select * from grown

),

filled as (

    select *
    from without_cell
    anti join set_aside using (city_code, variable, year)

),

final as (

    select * from chosen
    union all by name
    select * from filled

)

select * from final
order by city_code, variable, year
