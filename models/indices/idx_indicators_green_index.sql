{{ config(alias='indicators_green_index') }}

-- The 9 indicators of the entropy-weighted green index (Table 4 of the paper), among the cities of its sample.
select
    panel.city_code,
    panel.year,
    panel.energy_per_gdp_tce_per_10k_yuan as i01,
    panel.wastewater_industrial_10k_t / nullif(panel.gdp_100m_yuan, 0) as i02,
    panel.va_tertiary_100m_yuan / nullif(panel.gdp_100m_yuan, 0) as i03,
    panel.gas_residential_pc_m3_per_person_districts as i04,
    panel.water_residential_pc_t_per_person_districts as i05,
    panel.park_area_pc_m2_per_person_districts as i06,
    panel.green_coverage_pct_districts as i07,
    panel.so2_industrial_t as i08,
    panel.sewage_treatment_rate_pct as i09
from {{ ref('panel_samples') }} as samples
inner join {{ ref('panel_city_year') }} as panel
    on samples.city_code = panel.city_code and samples.year = panel.year
where samples.study = 'green_development'
order by panel.city_code, panel.year
