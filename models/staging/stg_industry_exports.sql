/*
    Exports by year, exporter and product, with the exporter's income and the industry groups the product belongs to: HS six-digit product ->
    classes of ISIC revision 4 -> two-digit industries of GB/T 4754-2017 (longest matching prefix) -> groups that the editions of 2002,
    2011 and 2017 have in common. A product that several groups make has a row for each; one that no group makes (farm products) has a row
    without a group, because shares are of all exports. Support, repair and installation are left out.
*/
with exports as (

    select
        year,
        exporter,
        product_code,
        sum(value_1k_usd) as value_1k_usd
    from {{ source('raw', 'trade') }}
    where problem is null and value_1k_usd > 0
    group by year, exporter, product_code

),

classes as (

    select distinct
        product_code,
        isic4_class
    from {{ source('raw', 'concordance_hs_isic') }}
    where
        problem is null
        and not (
            starts_with(isic4_class, '016')
            or starts_with(isic4_class, '024')
            or starts_with(isic4_class, '09')
            or starts_with(isic4_class, '33')
        )

),

class_industries as (

    select
        distinct_classes.isic4_class,
        isic_gbt.industry_code
    from (select distinct isic4_class from classes) as distinct_classes
    inner join {{ ref('isic_gbt') }} as isic_gbt
        on starts_with(distinct_classes.isic4_class, isic_gbt.isic4_prefix) and isic_gbt.standard = 2017
    qualify
        rank() over (partition by distinct_classes.isic4_class order by length(isic_gbt.isic4_prefix) desc) = 1

),

product_groups as (

    select distinct
        classes.product_code,
        industries.group_code
    from classes
    inner join class_industries on classes.isic4_class = class_industries.isic4_class
    inner join {{ ref('gbt_industries') }} as industries
        on class_industries.industry_code = industries.industry_code and industries.standard = 2017

),

incomes as (

    select
        countries.country_code,
        series.year,
        max(series.gdp_pc_current_usd) as gdp_pc_usd
    from {{ source('raw', 'country_series') }} as series
    inner join {{ ref('trade_countries') }} as countries on series.country_iso3 = countries.country_iso3
    where series.problem is null
    group by countries.country_code, series.year

)

select
    exports.year,
    exports.exporter,
    exports.product_code,
    product_groups.group_code,
    exports.value_1k_usd,
    incomes.gdp_pc_usd
from exports
left join product_groups on exports.product_code = product_groups.product_code
left join incomes on exports.exporter = incomes.country_code and exports.year = incomes.year
order by exports.year, exports.exporter, exports.product_code, product_groups.group_code
