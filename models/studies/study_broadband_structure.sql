{{ config(alias='broadband_structure') }}

/*
    Estimation sample of "Broadband China and industrial structure", exactly as used: prefecture-level cities, 2006-2020.
    A city-year enters when outcome and base controls are known; science_share may be missing (its columns start in 2007).
*/
{% set used = [
    'va_secondary_100m_yuan', 'va_tertiary_100m_yuan', 'gdp_100m_yuan', 'gdp_pc_yuan', 'fiscal_exp_100m_yuan',
    'loans_100m_yuan', 'exp_science_100m_yuan',
] %}

with pilots as (

    select
        city_code,
        min(start_year) as cohort
    from {{ ref('policies') }}
    where policy = 'broadband_china' and granularity = 'prefecture'
    group by city_code

),

-- Which city-years lean on a value that somebody filled: upstream (not flagged by the source) or here.
filled as (

    select
        city_code,
        year,
        bool_or(status = 'upstream_interpolated' and variable <> 'exp_science_100m_yuan') as upstream_interpolated,
        bool_or({{ filled_here() }} and variable <> 'exp_science_100m_yuan') as interpolated,
        bool_or(
            (status = 'upstream_interpolated' or {{ filled_here() }}) and variable = 'exp_science_100m_yuan'
        ) as science_interpolated
    from {{ ref('panel_long') }}
    where variable in ('{{ used | join("', '") }}')
    group by city_code, year

),

sample as (

    select
        panel.city_code,
        panel.year,
        cities.region3,
        pilots.cohort,
        coalesce(panel.year >= pilots.cohort, false)::integer as did,
        ln(panel.va_tertiary_100m_yuan / panel.va_secondary_100m_yuan) as ln_structure,
        ln(panel.gdp_pc_yuan) as ln_gdp_pc,
        panel.fiscal_exp_100m_yuan / panel.gdp_100m_yuan as fiscal_exp_gdp,
        panel.loans_100m_yuan / panel.gdp_100m_yuan as loans_gdp,
        case when panel.year >= 2007 then panel.exp_science_100m_yuan / panel.fiscal_exp_100m_yuan end as science_share,
        filled.upstream_interpolated,
        filled.interpolated,
        filled.science_interpolated
    from {{ study_panel('broadband_structure') }} as panel
    inner join {{ ref('cities') }} as cities on panel.city_code = cities.city_code
    left join pilots on panel.city_code = pilots.city_code
    left join filled on panel.city_code = filled.city_code and panel.year = filled.year
    where panel.year between 2006 and 2020

)

select * from sample
where ln_structure is not null and ln_gdp_pc is not null and fiscal_exp_gdp is not null and loans_gdp is not null
order by city_code, year
