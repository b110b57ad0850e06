{{ config(alias='variable_ranges') }}

/*
    What is expected of each variable of a study under the switches in use: the limits declared beside it, widened by those of variable_ranges
    where another value of a switch changes its scale.
*/
with widened as (

    select
        ranges.study,
        ranges.column_name,
        min(ranges.low) as low,
        max(ranges.high) as high,
        max(ranges.max_jump) as max_jump,
        string_agg(ranges.switch || ': ' || ranges.value, ', ' order by ranges.switch) as widened_by
    from {{ ref('variable_ranges') }} as ranges
    inner join {{ ref('audit_switches') }} as switches
        on ranges.switch = switches.switch and ranges.value = switches.value
    group by ranges.study, ranges.column_name

),

final as (

    select
        variables.study,
        variables.column_name,
        least(variables.low, widened.low) as low,
        greatest(variables.high, widened.high) as high,
        greatest(variables.max_jump, widened.max_jump) as max_jump,
        widened.widened_by
    from {{ ref('study_variables') }} as variables
    left join widened on variables.study = widened.study and variables.column_name = widened.column_name

)

select * from final
order by study, column_name
