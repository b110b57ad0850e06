{{ config(alias='cell_status') }}

/*
    One row a (city, year, variable) that is not plainly observed: filled, corrected or marked values with their status, and
    missing values with the reason (the mark the source printed, or why its cell was set aside).
*/
with filled as (

    select
        long.city_code,
        long.year,
        long.variable,
        long.status,
        long.file_id,
        long.sheet,
        long.cell,
        case
            when long.status = 'extended_by_growth'
                then
                    format('from {:.10g} in {} by ', grown.base_value, grown.base_year)
                    || grown.growth_variable
        end as detail
    from {{ ref('panel_long') }} as long
    left join {{ ref('panel_grown_levels') }} as grown
        on long.city_code = grown.city_code and long.year = grown.year and long.variable = grown.variable
    where long.status <> 'observed'

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

-- What each column and each row of a sheet stands for, learnt from its cells that hold a number.
sheet_columns as (

    select distinct
        observations.file_id,
        observations.sheet,
        observations.indicator_text,
        observations.scope,
        observations.unit_text,
        resolved.variable
    from {{ source('raw', 'resolved') }} as resolved
    inner join
        {{ source('raw', 'observations') }} as observations
        on
            resolved.file_id = observations.file_id
            and resolved.sheet = observations.sheet
            and resolved.cell = observations.cell

),

sheet_places as (

    select
        observations.file_id,
        observations.sheet,
        observations.province_text,
        observations.city_text,
        min(resolved.city_code) as city_code
    from {{ source('raw', 'resolved') }} as resolved
    inner join
        {{ source('raw', 'observations') }} as observations
        on
            resolved.file_id = observations.file_id
            and resolved.sheet = observations.sheet
            and resolved.cell = observations.cell
    group by all
    having count(distinct resolved.city_code) = 1

),

missing as (

    select
        sheet_places.city_code,
        observations.year,
        sheet_columns.variable,
        'missing_' || observations.missing_reason as status,
        observations.file_id,
        observations.sheet,
        observations.cell,
        null::varchar as detail
    from {{ source('raw', 'observations') }} as observations
    inner join sheet_columns
        on
            observations.file_id = sheet_columns.file_id
            and observations.sheet = sheet_columns.sheet
            and observations.indicator_text = sheet_columns.indicator_text
            and observations.scope is not distinct from sheet_columns.scope
            and observations.unit_text is not distinct from sheet_columns.unit_text
    inner join sheet_places
        on
            observations.file_id = sheet_places.file_id
            and observations.sheet = sheet_places.sheet
            and observations.city_text = sheet_places.city_text
            and observations.province_text is not distinct from sheet_places.province_text
    where observations.missing_reason is not null

),

without_value as (

    select * from set_aside
    union all by name
    select * from missing

),

-- Several sources may lack the same value: what was set aside says more than a blank.
absent as (

    select without_value.*
    from without_value
    left join {{ ref('panel_long') }} as present using (city_code, year, variable)
    where present.value is null
    qualify
        row_number() over (
            partition by city_code, year, variable
            order by
                starts_with(without_value.status, 'missing_'),
                without_value.file_id,
                without_value.sheet,
                without_value.cell
        ) = 1

),

final as (

    select * from filled
    union all by name
    select * from absent

)

select * from final
order by city_code, variable, year
