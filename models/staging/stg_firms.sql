/*
    Listed firms of manufacturing and producer services, without those under special treatment; one row a (firm, year) with a city.
    Industries by the letter of the CSRC code (C manufacturing, G transport and post, I telecommunication and software, J finance,
    M research and technical services) or by the division of GB/T 4754.
*/
with firms as (

    select
        firm_id,
        city_code,
        year,
        industry_code,
        employees,
        rd_staff,
        revenue_100m_yuan,
        fixed_assets_100m_yuan,
        coalesce(special_treatment, false) as special_treatment
    from {{ source('raw', 'firms') }}
    where problem is null and city_code is not null

)

select * exclude (special_treatment)
from firms
where
    not special_treatment
    and (
        left(industry_code, 1) in ('C', 'G', 'I', 'J', 'M')
        or try_cast(left(industry_code, 2) as integer) between 13 and 43
        or try_cast(left(industry_code, 2) as integer) between 53 and 60
        or try_cast(left(industry_code, 2) as integer) between 63 and 69
        or try_cast(left(industry_code, 2) as integer) between 73 and 75
    )
order by city_code, year, firm_id
