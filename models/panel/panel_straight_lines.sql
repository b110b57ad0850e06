{% set year_share = switch('straight_line_year_share') %}
{{ config(alias='straight_lines') }}

/*
    Cells of compiled panels that lie on the straight line between their neighbours: the mark of an interpolation somebody made
    upstream and did not flag. A lone point on a line may be chance, so one of three kinds of evidence is required:
      run        two or more consecutive interior points on one line;
      year       at least a declared share of the cities lies on their line in that year;
      precision  the step over the two years is at least 1,000 times the last printed decimal, so that chance puts fewer than
                 about one value in a thousand on the line.
    Flat stretches (slope 0) are not lines: stable quantities repeat. With a frozen base a point on the line is recognised from years up to
    the last base year only, as gaps are filled from them only (macro may_rest_on).
*/
with series as (

    select
        file_id,
        city_code,
        variable,
        year,
        value_in_unit as value,
        lag(value_in_unit) over city as before,
        lead(value_in_unit) over city as after,
        lag(year) over city as year_before,
        lead(year) over city as year_after,
        lag(value_printed) over city as printed_before,
        lead(value_printed) over city as printed_after,
        value_printed
    from {{ ref('stg_panel') }}
    window city as (partition by city_code, variable, file_id order by year)

),

measured as (

    select
        *,
        year_before = year - 1
        and year_after = year + 1
        and after <> before
        and {{ may_rest_on('year_after') }}
        -- the compiled panel prints four decimals: rounding moves the second difference by at most 2e-4
        and abs(after - 2 * value + before) <= greatest(2.001e-4, 1e-12 * abs(value)) as on_line,
        abs(printed_after - printed_before)
        * pow(10, greatest(
            {{ decimals('value_printed') }}, {{ decimals('printed_before') }}, {{ decimals('printed_after') }}
        )) as step_in_last_decimals
    from series

),

evidence as (

    select
        *,
        coalesce(lag(on_line) over city, false) or coalesce(lead(on_line) over city, false) as in_run,
        avg(on_line::integer) over (partition by file_id, variable, year) as share_of_cities
    from measured
    window city as (partition by file_id, city_code, variable order by year)

)

select
    file_id,
    city_code,
    variable,
    year,
    value,
    case
        when in_run then 'run'
        when share_of_cities >= {{ year_share }} then 'year'
        else 'precision'
    end as evidence,
    share_of_cities
from evidence
where on_line and (in_run or share_of_cities >= {{ year_share }} or step_in_last_decimals >= 1000)
order by file_id, city_code, variable, year
