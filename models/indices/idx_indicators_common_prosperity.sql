{{ config(alias='indicators_common_prosperity') }}

/*
    The 20 indicators of the common-prosperity index (Table 1 of the paper), among the cities of its sample. Ratios to provincial and national means
    (i07 to i16) as they are, or as distances from equality, |ratio - 1| (`cp_gaps`).
*/
{% set gaps = ['i07', 'i08', 'i09', 'i10', 'i11', 'i12', 'i13', 'i14', 'i15', 'i16'] %}

with province as (

    select
        place_code,
        year,
        {{ context_columns([
            'inc_urban_prov_yuan', 'inc_rural_prov_yuan', 'edu_exp_per_student_prov_yuan_per_student',
            'hospital_beds_prov_per_10k_persons', 'green_area_prov_m2_per_person',
        ]) }}
    from {{ ref('stg_series') }}
    group by place_code, year

),

nation as (

    select
        year,
        {{ context_columns([
            'inc_urban_nat_yuan', 'inc_rural_nat_yuan', 'edu_exp_per_student_nat_yuan_per_student',
            'hospital_beds_nat_per_10k_persons', 'green_area_nat_m2_per_person',
        ]) }}
    from {{ ref('stg_series') }}
    where place_code = 'national'
    group by year

),

inputs as (

    select
        panel.*,
        province.* exclude (place_code, year),
        nation.* exclude (year)
    from {{ ref('panel_samples') }} as samples
    inner join {{ ref('panel_city_year') }} as panel
        on samples.city_code = panel.city_code and samples.year = panel.year
    inner join {{ ref('cities') }} as cities on panel.city_code = cities.city_code
    left join province on cities.province_code = province.place_code and panel.year = province.year
    left join nation on panel.year = nation.year
    where samples.study = 'common_prosperity'

),

indicators as (

    select
        city_code,
        year,
        inc_urban_yuan / 10000 as i01,
        inc_rural_yuan / 10000 as i02,
        inc_all_yuan / nullif(gdp_pc_yuan, 0) as i03,
        savings_household_100m_yuan / nullif(pop_resident_10k, 0) as i04,
        inc_rural_yuan / nullif(inc_urban_yuan, 0) as i05,
        cons_rural_yuan / nullif(cons_urban_yuan, 0) as i06,
        inc_urban_yuan / nullif(inc_urban_prov_yuan, 0) as i07,
        inc_rural_yuan / nullif(inc_rural_prov_yuan, 0) as i08,
        inc_urban_yuan / nullif(inc_urban_nat_yuan, 0) as i09,
        inc_rural_yuan / nullif(inc_rural_nat_yuan, 0) as i10,
        edu_exp_per_student_yuan_per_student / nullif(edu_exp_per_student_prov_yuan_per_student, 0) as i11,
        edu_exp_per_student_yuan_per_student / nullif(edu_exp_per_student_nat_yuan_per_student, 0) as i12,
        hospital_beds / nullif(pop_resident_10k, 0) / nullif(hospital_beds_prov_per_10k_persons, 0) as i13,
        hospital_beds / nullif(pop_resident_10k, 0) / nullif(hospital_beds_nat_per_10k_persons, 0) as i14,
        green_area_hectare / nullif(pop_resident_10k, 0) / nullif(green_area_prov_m2_per_person, 0) as i15,
        green_area_hectare / nullif(pop_resident_10k, 0) / nullif(green_area_nat_m2_per_person, 0) as i16,
        unemployment_rate_pct as i17,
        pop_65plus_10k / nullif(pop_resident_10k, 0) as i18,
        energy_consumption_10k_t_ce / nullif(gdp_100m_yuan, 0) as i19,
        waste_harmless_rate_pct as i20
    from inputs

)

select * {{ distances_from_one(gaps) if switch('cp_gaps') == 'equality' }}
from indicators
order by city_code, year
