{{ config(alias='published_vs_estimated') }}

/*
    Every coefficient the papers print beside the one estimated here; a paper whose study has not run keeps NULL estimates.
*/
with published as (

    select
        paper as study,
        "table" as table_id,
        "column" as column_id,
        term,
        try_cast(estimate as double) as published,
        try_cast(se as double) as published_se,
        stars_printed
    from {{ ref('published_coefficients') }}

),

final as (

    select
        published.study,
        published.table_id,
        published.column_id,
        published.term,
        published.published,
        published.published_se,
        estimates.estimate as estimated,
        estimates.std_error,
        sign(published.published) = sign(estimates.estimate) as sign_agrees,
        abs(published.published - estimates.estimate) <= 2 * published.published_se as within_2se,
        published.stars_printed,
        case
            when estimates.p_value < 0.01 then '***'
            when estimates.p_value < 0.05 then '**'
            when estimates.p_value < 0.1 then '*'
            when estimates.p_value is not null then ''
        end as stars_estimated,
        null::double as truth
    from published
    left join {{ source('results', 'estimates') }} as estimates
        on
            published.study = estimates.study
            and published.table_id = estimates.table_id
            and published.column_id = estimates.column_id
            and published.term = estimates.term

)

select * from final
order by study, table_id, column_id, term
