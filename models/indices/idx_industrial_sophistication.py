"""Technological complexity of a city's industry: PRODY of traded products, averaged by industry, weighted by output."""

from estimation.cities.sophistication import city_sophistication


def model(dbt, session):
    dbt.config(materialized="table", alias="industrial_sophistication")
    exports = dbt.ref("stg_industry_exports").df()
    city_industry = dbt.source("raw", "city_industry").df()
    industries = dbt.ref("gbt_industries").df()
    return city_sophistication(exports, city_industry, industries)
