{{ config(alias='location_quotients') }}

/*
    Location quotient of employment in information transmission, computer services and software, among the cities of a study:
    LQ_jt = (VS_jt / X_jt) / (VS_t / X_t). The national ratio is that of the study's sample, yearly by default, so that the
    employment-weighted mean of LQ is 1 in every year; a pooled ratio is that of the base years (index_base_years). The paper on the digital industry does not define its employment.
*/
with employment as (

    select
        samples.study,
        panel.city_code,
        panel.year,
        {% if switch('digital_employment') == 'emp_digital' -%}
            case when samples.study = 'digital_industry' then panel.emp_digital_10k else panel.emp_ict_10k end
        {%- else -%}
            panel.emp_ict_10k
        {%- endif %} as employed_ict,
        panel.emp_total_10k as employed
    from {{ ref('panel_samples') }} as samples
    inner join {{ ref('panel_city_year') }} as panel
        on samples.city_code = panel.city_code and samples.year = panel.year
    where panel.emp_total_10k > 0

)

select
    study,
    city_code,
    year,
    employed_ict,
    employed,
    (employed_ict / employed)
    / (
        {%- if switch('va_national_ratio') == 'yearly' %}
            sum(employed_ict) over (partition by study, year) / sum(employed) over (partition by study, year)
        {%- else %}
            sum(employed_ict) filter (where {{ base_rows() }}) over (partition by study)
            / sum(employed) filter (where {{ base_rows() }}) over (partition by study)
        {%- endif %}
    ) as lq_ict
from employment
where employed_ict is not null
order by study, city_code, year
