{{ config(alias='ratios') }}

/*
    Ratios, logs and levels of the five papers, one column each, named as in the method specifications. Amounts in yuan of both sides of
    a ratio are in 100 million yuan, so ratios carry no unit. A variable whose inputs are missing is NULL.
*/
with exchange_rate as (

    select
        year,
        value as yuan_per_usd
    from {{ ref('stg_series') }}
    where place_code = 'national' and variable = 'fx_usd_cny_yuan_per_usd'

),

inputs as (

    select
        panel.*,
        exchange_rate.yuan_per_usd
    from {{ ref('panel_city_year') }} as panel
    left join exchange_rate on panel.year = exchange_rate.year

),

final as (

    select
        city_code,
        year,

        -- common prosperity
        ln(nullif(gdp_pc_yuan, 0)) as ln_gdp_pc,
        {% if switch('finance_def') == 'deposits_and_loans' -%}
            (deposits_100m_yuan + loans_100m_yuan) / gdp_100m_yuan
        {%- else -%}
            loans_100m_yuan / gdp_100m_yuan
        {%- endif %} as finance_cp,
        {% if switch('fdi_fx') == 'converted' -%}
            fdi_actual_100m_usd * yuan_per_usd / gdp_100m_yuan
        {%- else -%}
            fdi_actual_100m_usd / gdp_100m_yuan
        {%- endif %} as fdi_gdp,
        fiscal_exp_100m_yuan / gdp_100m_yuan as gov_exp_ratio,
        exp_education_100m_yuan / fiscal_exp_100m_yuan as edu_share_cp,
        {% if switch('ind_def') == 'industry' -%}
            va_industry_100m_yuan / gdp_100m_yuan
        {%- else -%}
            va_secondary_100m_yuan / gdp_100m_yuan
        {%- endif %} as ind_share,

        -- industrial upgrading
        gdp_pc_yuan / 10000 as eco,
        fai_100m_yuan / gdp_100m_yuan as fix,
        emp_private_self_10k / emp_total_10k as mar,
        exp_science_100m_yuan / fiscal_exp_100m_yuan as tech,
        fdi_actual_100m_usd * yuan_per_usd / gdp_100m_yuan as open,
        emp_mining_10k / pop_yearend_10k as base,
        va_tertiary_100m_yuan / va_secondary_100m_yuan as industry_structure_upgrade,
        so2_industrial_t * gdp_100m_yuan_districts / gdp_100m_yuan as so2_district,

        -- green development
        loans_100m_yuan / gdp_100m_yuan as finance_gd,
        fiscal_rev_100m_yuan / fiscal_exp_100m_yuan as fiscal_decentral,
        exp_education_100m_yuan / gdp_100m_yuan as edu_gdp,
        ln(nullif(dust_industrial_t, 0)) as er,
        ln(nullif(exp_science_100m_yuan * 10000, 0)) as lntech,
        ln(nullif(pop_yearend_10k, 0)) as lnpop,
        {% if switch('patents_log') == 'ln1p' -%}
            ln(1 + patents_granted_pieces)
        {%- else -%}
            ln(nullif(patents_granted_pieces, 0))
        {%- endif %} as ina,
        (va_primary_100m_yuan + 2 * va_secondary_100m_yuan + 3 * va_tertiary_100m_yuan)
        / (va_primary_100m_yuan + va_secondary_100m_yuan + va_tertiary_100m_yuan) as ind_sum,
        {{ structure_angle('va_primary_100m_yuan', 'va_secondary_100m_yuan', 'va_tertiary_100m_yuan') }} as ind_angle,
        100 * broadband_users_10k_households / pop_yearend_10k as infra,

        -- digital industry
        gdp_pc_yuan / 10000 as develop,
        loans_100m_yuan / gdp_100m_yuan as finance_di,
        unemployed_registered_persons / (10000 * pop_resident_10k) as unemployed_rate,
        students_higher_persons / 10000 as human,
        expressway_length_km / 10000 as traffic,
        (exp_science_100m_yuan + exp_education_100m_yuan) / fiscal_exp_100m_yuan as support,
        rd_personnel_persons as inno_rd_staff,
        patents_applied_pieces / pop_yearend_10k as inno_patents_pc,
        va_tertiary_100m_yuan / (va_primary_100m_yuan + va_secondary_100m_yuan) as industry_structure,
        (
            va_primary_100m_yuan * va_primary_100m_yuan / emp_primary_10k
            + va_secondary_100m_yuan * va_secondary_100m_yuan / emp_secondary_10k
            + va_tertiary_100m_yuan * va_tertiary_100m_yuan / emp_tertiary_10k
        ) / gdp_100m_yuan as industry_productivity,
        fiscal_exp_100m_yuan / gdp_100m_yuan as fiscal_share,
        emp_public_10k / emp_private_self_10k as public_staff_ratio,

        -- new quality productive forces: levels
        students_secondary_persons as ms,
        medical_insured_persons as ti,
        passenger_volume_10k as ct,
        output_foreign_firms_100m_yuan * 10000 as fi,
        gdp_growth_pct as di
    from inputs

)

select * from final
order by city_code, year
