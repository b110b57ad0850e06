{{ config(alias='candidates') }}

with staged as (

    select * from {{ ref('stg_yearbook') }}
    union all by name
    select * from {{ ref('stg_export') }}
    union all by name
    select * from {{ ref('stg_panel') }}
    union all by name
    select * from {{ ref('stg_index') }}

),

ranked as (

    select
        *,
        row_number() over (
            partition by city_code, year, variable
            order by (value is null), source_rank asc, edition desc nulls last, path asc, sheet asc, cell asc
        ) as rank
    from staged

),

final as (

    select
        city_code,
        year,
        variable,
        file_id,
        sheet,
        cell,
        source_kind,
        edition,
        value_printed,
        unit_printed,
        value_in_unit,
        value,
        rank,
        rank = 1 and value is not null as chosen,
        correction_id,
        case
            when value is null then 'quarantined: ' || quarantine_reason
            when rank > 1 then 'precedence'
            when correction_id is not null then 'corrected: ' || correction_id
            else 'chosen'
        end as reason
    from ranked

)

select * from final
order by city_code, variable, year, rank
