-- National and provincial series and the exchange rate, one value a (place, year, variable), in the unit of the variable.
with printed as (

    select
        case when place_type = 'country' then 'national' else province_code end as place_code,
        year,
        variable,
        value,
        unit,
        file_id,
        row_number
    from {{ source('raw', 'national_series') }}
    where problem is null

    union all

    select
        province_code as place_code,
        year,
        variable,
        value,
        unit,
        file_id,
        row_number
    from {{ source('raw', 'province_series') }}
    where problem is null

    union all

    select
        'national' as place_code,
        year,
        'fx_usd_cny_yuan_per_usd' as variable,
        fx_usd_cny_yuan_per_usd as value,
        'yuan_per_usd' as unit,
        file_id,
        row_number
    from {{ source('raw', 'exchange_rate') }}
    where problem is null

),

final as (

    select
        printed.place_code,
        printed.year,
        printed.variable,
        printed.value * printed_unit.factor_to_base / variable_unit.factor_to_base as value
    from printed
    inner join {{ ref('indicators') }} as indicators on printed.variable = indicators.variable
    inner join {{ ref('units') }} as printed_unit on printed.unit = printed_unit.unit
    inner join {{ ref('units') }} as variable_unit on indicators.unit = variable_unit.unit
    where printed.value is not null
    qualify
        row_number() over (
            partition by printed.place_code, printed.year, printed.variable
            order by printed.file_id, printed.row_number
        ) = 1

)

select * from final
order by place_code, year, variable
