{{ config(alias='indicators_pollution') }}

-- The three emissions of the pollution index that is nested in the TOPSIS index of new quality productive forces.
select
    panel.city_code,
    panel.year,
    panel.wastewater_industrial_10k_t as i01,
    panel.so2_industrial_t as i02,
    panel.dust_industrial_t as i03
from {{ ref('panel_samples') }} as samples
inner join {{ ref('panel_city_year') }} as panel
    on samples.city_code = panel.city_code and samples.year = panel.year
where samples.study = 'new_quality_va_types'
order by panel.city_code, panel.year
