{{ config(alias='ratios') }}

/*
    Ratios, logs and levels of the five papers, one column each, named as in the method specifications. Amounts in yuan of both sides of
    a ratio are in 100 million yuan, so ratios carry no unit. A variable whose inputs are missing, or whose denominator is zero, is NULL.
*/
{% set per_head = ' / nullif(pop_yearend_10k, 0)' if switch('controls_per_capita') == 'per_capita' else '' %}
{% set districts = '_districts' if switch('structure_scope') == 'districts' else '' %}

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
        nullif(panel.gdp_100m_yuan, 0) as gdp,
        nullif(panel.fiscal_exp_100m_yuan, 0) as fiscal_exp,
        nullif(panel.pop_yearend_10k, 0) as pop_yearend,
        exchange_rate.yuan_per_usd
    from {{ ref('panel_city_year') }} as panel
    left join exchange_rate on panel.year = exchange_rate.year

),

final as (

    select
        city_code,
        year,

        -- common prosperity
        {{ ln_positive('gdp_pc_yuan') }} as ln_gdp_pc,
        {% if switch('finance_def') == 'deposits_and_loans' -%}
            (deposits_100m_yuan + loans_100m_yuan) / gdp
        {%- else -%}
            loans_100m_yuan / gdp
        {%- endif %} as finance_cp,
        {% if switch('fdi_fx') == 'converted' -%}
            fdi_actual_100m_usd * yuan_per_usd / gdp
        {%- else -%}
            fdi_actual_100m_usd / gdp
        {%- endif %} as fdi_gdp,
        fiscal_exp_100m_yuan / gdp as gov_exp_ratio,
        exp_education_100m_yuan / fiscal_exp as edu_share_cp,
        {% if switch('ind_def') == 'industry' -%}
            va_industry_100m_yuan / gdp
        {%- else -%}
            va_secondary_100m_yuan / gdp
        {%- endif %} as ind_share,

        -- industrial upgrading
        gdp_pc_yuan / 10000 as eco,
        fai_100m_yuan / gdp as fix,
        emp_private_self_10k / nullif(emp_total_10k, 0) as mar,
        exp_science_100m_yuan / fiscal_exp as tech,
        fdi_actual_100m_usd * yuan_per_usd / gdp as open,
        emp_mining_10k / pop_yearend as base,
        va_tertiary_100m_yuan{{ districts }} / nullif(va_secondary_100m_yuan{{ districts }}, 0)
            as industry_structure_upgrade,
        so2_industrial_t * gdp_100m_yuan_districts / gdp as so2_district,

        -- green development
        {% if switch('finance_gd_def') == 'deposits_and_loans' -%}
            (deposits_100m_yuan + loans_100m_yuan) / gdp
        {%- else -%}
            loans_100m_yuan / gdp
        {%- endif %} as finance_gd,
        fiscal_rev_100m_yuan / fiscal_exp as fiscal_decentral,
        exp_education_100m_yuan / gdp as edu_gdp,
        {% if switch('er_form') == 'log' -%}
            {{ ln_positive('dust_industrial_t') }}
        {%- else -%}
            dust_industrial_t
        {%- endif %} as er,
        {{ ln_positive('exp_science_100m_yuan * 10000') }} as lntech,
        {{ ln_positive('pop_yearend_10k') }} as lnpop,
        {% if switch('patents_log') == 'ln1p' -%}
            ln(1 + patents_granted_pieces)
        {%- else -%}
            {{ ln_positive('patents_granted_pieces') }}
        {%- endif %} as ina,
        (va_primary_100m_yuan + 2 * va_secondary_100m_yuan + 3 * va_tertiary_100m_yuan)
        / nullif(va_primary_100m_yuan + va_secondary_100m_yuan + va_tertiary_100m_yuan, 0) as ind_sum,
        {{ structure_angle('va_primary_100m_yuan', 'va_secondary_100m_yuan', 'va_tertiary_100m_yuan') }} as ind_angle,
        {% if switch('infra_def') == 'broadband_per_person' -%}
            broadband_users_10k_households / pop_yearend
        {%- elif switch('infra_def') == 'broadband_per_100_persons' -%}
            100 * broadband_users_10k_households / pop_yearend
        {%- elif switch('infra_def') == 'internet_penetration' -%}
            internet_penetration_pct
        {%- else -%}
            infra_network_index
        {%- endif %} as infra,

        -- digital industry
        gdp_pc_yuan / 10000 as develop,
        loans_100m_yuan / gdp as finance_di,
        unemployed_registered_persons / nullif(10000 * pop_resident_10k, 0) as unemployed_rate,
        students_higher_persons / 10000 as human,
        expressway_length_km / 10000 as traffic,
        (exp_science_100m_yuan + exp_education_100m_yuan) / fiscal_exp as support,
        rd_personnel_persons as inno_rd_staff,
        patents_applied_pieces / pop_yearend{{ ' / 10000' if switch('patent_unit') == 'per_person' }} as inno_patents_pc,
        data_exchange_count as factor_exchange,
        bigdata_pilot_projects_count as factor_bigdata_projects,
        va_tertiary_100m_yuan / nullif(va_primary_100m_yuan + va_secondary_100m_yuan, 0) as industry_structure,
        {% if switch('productivity_weight') == 'va_share' -%}
            (
                va_primary_100m_yuan ^ 2 / nullif(emp_primary_10k, 0)
                + va_secondary_100m_yuan ^ 2 / nullif(emp_secondary_10k, 0)
                + va_tertiary_100m_yuan ^ 2 / nullif(emp_tertiary_10k, 0)
            ) / gdp
        {%- else -%}
            (va_primary_100m_yuan + va_secondary_100m_yuan + va_tertiary_100m_yuan)
            / nullif(emp_primary_10k + emp_secondary_10k + emp_tertiary_10k, 0)
        {%- endif %} as industry_productivity,
        fiscal_exp_100m_yuan / gdp as fiscal_share,
        emp_public_10k / nullif(emp_private_self_10k, 0) as public_staff_ratio,

        -- new quality productive forces
        students_secondary_persons{{ per_head }} as ms,
        medical_insured_persons{{ per_head }} as ti,
        passenger_volume_10k{{ per_head }} as ct,
        output_foreign_firms_100m_yuan * 10000{{ per_head }} as fi,
        gdp_growth_pct as di
    from inputs

)

select * from final
order by city_code, year
