/*
    National and provincial series and the exchange rate, one value a (place, year, variable), in the unit of the variable. A price level of
    investment (1952 = 1) gives the yearly index 100 P_t / P_t-1 where no source prints the index itself.
*/
with price_levels as (

    select
        province_code,
        year,
        file_id,
        row_number,
        case
            when lag(year) over levels = year - 1
                then 100 * investment_price_1952 / lag(investment_price_1952) over levels
        end as price_index
    from {{ source('raw', 'investment_price') }}
    where problem is null and investment_price_1952 > 0
    window levels as (partition by file_id, province_code order by year)

),

printed as (

    select
        case when place_type = 'country' then 'national' else province_code end as place_code,
        year,
        variable,
        value,
        unit,
        1 as priority,
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
        1 as priority,
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
        1 as priority,
        file_id,
        row_number
    from {{ source('raw', 'exchange_rate') }}
    where problem is null

    union all

    select
        province_code as place_code,
        year,
        'fai_price_index_prev100' as variable,
        price_index as value,
        'index_prev100' as unit,
        2 as priority,
        file_id,
        row_number
    from price_levels

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
            order by printed.priority, printed.file_id, printed.row_number
        ) = 1

)

select * from final
order by place_code, year, variable
