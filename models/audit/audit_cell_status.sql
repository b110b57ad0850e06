{{ config(alias='cell_status') }}

/*
    One row a (city, year, variable) that is not plainly observed: filled, corrected or marked values with their status, and
    missing values with the reason (the mark the source printed, or why its cell was set aside).
*/
with filled as (

    select
        city_code,
        year,
        variable,
        status,
        file_id,
        sheet,
        cell,
        null::varchar as detail
    from {{ ref('panel_long') }}
    where status <> 'observed'

),

set_aside as (

    select
        city_code,
        year,
        variable,
        replace(reason, 'quarantined: ', '') as status,
        file_id,
        sheet,
        cell,
        'printed ' || value_printed || ' ' || unit_printed as detail
    from {{ ref('panel_candidates') }}
    where value is null

),

missing as (

    select
        city_code,
        year,
        variable,
        'missing_' || missing_reason as status,
        file_id,
        sheet,
        cell,
        null::varchar as detail
    from {{ source('raw', 'resolved') }}
    where value is null and missing_reason is not null

),

without_value as (

    select * from (
        select * from set_aside
        union all by name
        select * from missing
    )
    anti join {{ ref('panel_long') }} using (city_code, year, variable)
    qualify row_number() over (partition by city_code, year, variable order by starts_with(status, 'missing_'), file_id, sheet, cell) = 1

),

final as (

    select * from filled
    union all by name
    select * from without_value

)

select * from final
order by city_code, variable, year
