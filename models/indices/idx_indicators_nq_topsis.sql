{{ config(alias='indicators_nq_topsis') }}

/*
    The 27 indicators of the TOPSIS index of new quality productive forces (Table 1 of the paper), among the cities of its sample.
    Fibre length and broadband ports are provincial: a city has the density of its province. The fall of emissions needs the year
    before; in the first year of the data it is 0.
*/
with province as (

    select
        cities.province_code,
        panel.year,
        sum(panel.land_area_km2) as land_area_km2,
        sum(panel.pop_yearend_10k) as pop_10k
    from {{ ref('panel_city_year') }} as panel
    inner join {{ ref('cities') }} as cities on panel.city_code = cities.city_code
    group by cities.province_code, panel.year

),

series as (

    select
        place_code,
        year,
        {{ context_columns(['fibre_length_km', 'broadband_ports_10k_ports']) }}
    from {{ ref('stg_series') }}
    group by place_code, year

),

emissions as (

    select
        city_code,
        year,
        coalesce(
            lag(co2_emissions_10k_t) over (partition by city_code order by year) - co2_emissions_10k_t, 0
        ) as co2_fall_10k_t
    from {{ ref('panel_city_year') }}

)

select
    panel.city_code,
    panel.year,
    panel.gdp_100m_yuan / panel.pop_yearend_10k as i01,
    panel.wage_avg_yuan as i02,
    panel.emp_tertiary_10k / panel.emp_total_10k as i03,
    panel.students_higher_persons / panel.pop_yearend_10k as i04,
    panel.exp_education_100m_yuan / panel.fiscal_exp_100m_yuan as i05,
    panel.students_regular_persons / panel.pop_yearend_10k as i06,
    panel.emp_sci_10k as i07,
    panel.new_firms_per_100_persons as i08,
    robots.robots_printed as i09,
    panel.green_area_hectare as i10,
    panel.exp_env_100m_yuan / panel.fiscal_exp_100m_yuan as i11,
    panel.wastewater_industrial_10k_t / panel.gdp_100m_yuan as i12,
    panel.so2_industrial_t / panel.gdp_100m_yuan as i13,
    panel.patents_green_pieces / nullif(panel.patents_applied_pieces, 0) as i14,
    panel.road_length_km as i15,
    series.fibre_length_km / province.land_area_km2 as i16,
    series.broadband_ports_10k_ports / province.pop_10k as i17,
    panel.emp_ict_10k / panel.emp_total_10k as i18,
    panel.telecom_revenue_100m_yuan / panel.pop_yearend_10k as i19,
    panel.mobile_users_10k_households / panel.pop_yearend_10k as i20,
    panel.broadband_users_10k_households / panel.pop_yearend_10k as i21,
    panel.energy_consumption_10k_t_ce / panel.gdp_100m_yuan as i22,
    emissions.co2_fall_10k_t as i23,
    pollution.score as i24,
    panel.patents_granted_pieces / panel.pop_yearend_10k as i25,
    panel.rd_expenditure_100m_yuan / panel.gdp_100m_yuan as i26,
    panel.digital_economy_index as i27
from {{ ref('panel_samples') }} as samples
inner join {{ ref('panel_city_year') }} as panel
    on samples.city_code = panel.city_code and samples.year = panel.year
inner join {{ ref('cities') }} as cities on panel.city_code = cities.city_code
left join province on cities.province_code = province.province_code and panel.year = province.year
left join series on cities.province_code = series.place_code and panel.year = series.year
left join emissions on panel.city_code = emissions.city_code and panel.year = emissions.year
left join {{ ref('idx_robots') }} as robots on panel.city_code = robots.city_code and panel.year = robots.year
left join {{ ref('idx_pollution') }} as pollution
    on panel.city_code = pollution.city_code and panel.year = pollution.year
where samples.study = 'new_quality_va_types'
order by panel.city_code, panel.year
