{{ config(alias='distortion_by_price') }}

/*
    How much the distortion of capital in the sample of common prosperity depends on the price of capital r, which the paper does not state:
    |alpha Y / (r K) - 1| at every allowed value of the switch capital_price, alpha as estimated (idx_factor_distortion), over the base years
    (index_base_years).
*/
with prices as (

    select unnest(string_split(allowed, '|'))::double as capital_price
    from {{ ref('switches') }}
    where switch = 'capital_price'

),

products as (

    select distortion.alpha * panel.gdp_100m_yuan / stock.capital as marginal_product
    from {{ ref('idx_factor_distortion') }} as distortion
    inner join {{ ref('panel_city_year') }} as panel
        on distortion.city_code = panel.city_code and distortion.year = panel.year
    inner join {{ ref('idx_capital') }} as stock
        on distortion.city_code = stock.city_code and distortion.year = stock.year
    where {{ base_rows('common_prosperity', 'distortion.year') }}

)

select
    prices.capital_price,
    count(*) as n,
    avg(abs(products.marginal_product / prices.capital_price - 1)) as mean,
    median(abs(products.marginal_product / prices.capital_price - 1)) as median
from products
cross join prices
group by prices.capital_price
order by prices.capital_price
