{{ config(alias='indicators_nq_topsis') }}

/*
    The 27 indicators of the TOPSIS index of new quality productive forces (Table 1 of the paper), among the cities of its sample.
    Fibre length and broadband ports are provincial: a city has the density of its province, over the land area and the population of
    the province's yearbook cities (none where a city's area is missing). The fall of emissions needs the year before; without it the indicator is missing.
*/
with province as (

    select
        cities.province_code,
        panel.year,
        case when count(panel.land_area_km2) >= count(panel.pop_yearend_10k) then sum(panel.land_area_km2) end
            as land_area_km2,
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
        case
            when lag(year) over city = year - 1 then lag(co2_emissions_10k_t) over city - co2_emissions_10k_t
        end as co2_fall_10k_t
    from {{ ref('panel_city_year') }}
    window city as (partition by city_code order by year)

)

select
    panel.city_code,
    panel.year,
    panel.gdp_100m_yuan / nullif(panel.pop_yearend_10k, 0) as i01,
    panel.wage_avg_yuan as i02,
    panel.emp_tertiary_10k / nullif(panel.emp_total_10k, 0) as i03,
    panel.students_higher_persons / nullif(panel.pop_yearend_10k, 0) as i04,
    panel.exp_education_100m_yuan / nullif(panel.fiscal_exp_100m_yuan, 0) as i05,
    panel.students_regular_persons / nullif(panel.pop_yearend_10k, 0) as i06,
    panel.emp_sci_10k as i07,
    panel.new_firms_per_100_persons as i08,
    robots.robots_{{ 'printed' if switch('nq_robots') == 'printed' else 'by_employment' }} as i09,
    panel.green_area_hectare as i10,
    panel.exp_env_100m_yuan / nullif(panel.fiscal_exp_100m_yuan, 0) as i11,
    panel.wastewater_industrial_10k_t / nullif(panel.gdp_100m_yuan, 0) as i12,
    panel.so2_industrial_t / nullif(panel.gdp_100m_yuan, 0) as i13,
    panel.patents_green_pieces / nullif(panel.patents_applied_pieces, 0) as i14,
    panel.road_length_km as i15,
    series.fibre_length_km / nullif(province.land_area_km2, 0) as i16,
    series.broadband_ports_10k_ports / nullif(province.pop_10k, 0) as i17,
    panel.emp_ict_10k / nullif(panel.emp_total_10k, 0) as i18,
    panel.telecom_revenue_100m_yuan / nullif(panel.pop_yearend_10k, 0) as i19,
    panel.mobile_users_10k_households / nullif(panel.pop_yearend_10k, 0) as i20,
    panel.broadband_users_10k_households / nullif(panel.pop_yearend_10k, 0) as i21,
    panel.energy_consumption_10k_t_ce / nullif(panel.gdp_100m_yuan, 0) as i22,
    emissions.co2_fall_10k_t as i23,
    pollution.score as i24,
    panel.patents_granted_pieces / nullif(panel.pop_yearend_10k, 0) as i25,
    panel.rd_expenditure_100m_yuan / nullif(panel.gdp_100m_yuan, 0) as i26,
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
