{{ config(alias='study_warnings') }}

/*
    What a reader of a study's estimates has to know and what stops no release, one row a (warning, study, variable, city_code, year).

    infra_turns_the_curve_over: the printed interaction (green_development, Table 8 (3)) bends agglomeration by theta2 + theta4 * Infra, which has
    the sign of theta2 only while Infra < -theta2 / theta4 = 0.585 / 0.121 = 4.83 (point D21 of the method specification).

    agglomeration_is_constant: virtual agglomeration of new_quality_va_types is one number for all cities of a year, as its printed formula makes it (switch
    va_formula, point C1); no city_code. A coefficient on it is not identified beside year effects.
*/
with printed as (

    select
        max(estimate) filter (where term = 'Va_sq') as theta2,
        max(estimate) filter (where term = 'Va_sq#Infra') as theta4
    from {{ ref('published_coefficients') }}
    where paper = 'green_development' and "table" = 'Table 8' and "column" = '(3)'

),

infrastructure as (

    select
        'infra_turns_the_curve_over' as warning,
        'green_development' as study,
        'infra' as variable,
        samples.city_code,
        samples.year,
        samples.infra::double as value,
        'theta2 + theta4 * Infra has the sign of theta2 below ' || round(-printed.theta2 / printed.theta4, 2) as detail
    from {{ ref('study_green_development') }} as samples
    cross join printed
    where sign(printed.theta2 + printed.theta4 * samples.infra) <> sign(printed.theta2)

),

constant as (

    select
        'agglomeration_is_constant' as warning,
        'new_quality_va_types' as study,
        'va_nq' as variable,
        null::varchar as city_code,
        year,
        max(va_nq) as value,
        'the same for all cities of the year: coefficients on it are not identified under year effects' as detail
    from {{ ref('study_new_quality_va_types') }}
    group by year
    having count(va_nq) > 1 and max(va_nq) - min(va_nq) <= 1e-9 * max(va_nq)

),

final as (

    select * from infrastructure
    union all
    select * from constant

)

select * from final
order by warning, study, variable, city_code, year
