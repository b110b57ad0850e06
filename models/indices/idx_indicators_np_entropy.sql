{{ config(alias='indicators_np_entropy') }}

-- The 16 indicators of the entropy-weighted index of new productive forces (Table 1 of the paper), among the cities of its sample.
select
    panel.city_code,
    panel.year,
    panel.listed_strategic_emp_persons as i01,
    panel.emp_sci_10k as i02,
    panel.wage_avg_yuan as i03,
    panel.cons_urban_yuan as i04,
    panel.telecom_volume_100m_yuan as i05,
    panel.ai_firms_share_pct as i06,
    robots.robots_{{ 'printed' if switch('np_robots') == 'printed' else 'by_employment' }} as i07,
    panel.env_invest_100m_yuan as i08,
    panel.waste_harmless_rate_pct as i09,
    panel.carbon_trade_100m_yuan as i10,
    panel.patents_green_invention_pieces as i11,
    panel.patents_green_utility_pieces as i12,
    panel.broadband_users_10k_households as i13,
    panel.internet_penetration_pct as i14,
    panel.exp_science_100m_yuan as i15,
    panel.exp_education_100m_yuan as i16
from {{ ref('panel_samples') }} as samples
inner join {{ ref('panel_city_year') }} as panel
    on samples.city_code = panel.city_code and samples.year = panel.year
left join {{ ref('idx_robots') }} as robots
    on panel.city_code = robots.city_code and panel.year = robots.year
where samples.study = 'digital_industry'
order by panel.city_code, panel.year
