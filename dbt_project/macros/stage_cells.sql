{#
    The staging skeleton of every city-year source: resolved cells of one source kind, in the unit of their variable, with the
    correction or the quarantine entry that concerns them. Nothing is dropped here.
#}
{% macro stage_cells(source_kind) %}
with resolved as (

    select * from {{ source('raw', 'resolved') }}
    where source_kind = '{{ source_kind }}' and value is not null

),

converted as (

    select
        resolved.*,
        files.path,
        resolved.value * printed_unit.factor_to_base / variable_unit.factor_to_base as value_in_unit
    from resolved
    inner join {{ source('raw', 'files') }} as files on resolved.file_id = files.file_id
    inner join {{ ref('indicators') }} as indicators on resolved.variable = indicators.variable
    inner join {{ ref('units') }} as printed_unit on resolved.unit = printed_unit.unit
    inner join {{ ref('units') }} as variable_unit on indicators.unit = variable_unit.unit

),

quarantined as (

    select
        file_id,
        sheet,
        cell,
        min(reason) as quarantine_reason
    from {{ source('audit', 'quarantine') }}
    where cell is not null
    group by all

),

final as (

    select
        converted.file_id,
        converted.sheet,
        converted.cell,
        converted.city_code,
        converted.year,
        converted.variable,
        converted.source_kind,
        converted.source_rank,
        converted.edition,
        converted.path,
        converted.value as value_printed,
        converted.unit as unit_printed,
        converted.value_in_unit,
        corrections.id as correction_id,
        quarantined.quarantine_reason,
        case
            when corrections.action = 'multiply' then converted.value_in_unit * corrections.value
            when corrections.action = 'divide' then converted.value_in_unit / corrections.value
            when corrections.action = 'replace' then corrections.value
            when quarantined.quarantine_reason is null then converted.value_in_unit
        end as value
    from converted
    left join {{ ref('corrections') }} as corrections
        on
            converted.city_code = corrections.city_code
            and converted.variable = corrections.variable
            and converted.year = corrections.year
            and regexp_matches(converted.path, corrections.file_pattern)
            and abs(converted.value - corrections.expect) <= 1e-9 * abs(corrections.expect)
    left join quarantined
        on
            converted.file_id = quarantined.file_id
            and converted.sheet = quarantined.sheet
            and converted.cell = quarantined.cell

)

select * from final
{% endmacro %}
