"""Robots of a city: by its shares in each industry's employment, and as one paper prints it."""

from estimation.cities.robots import city_robots


def model(dbt, session):
    dbt.config(materialized="table", alias="robots")
    robots = dbt.source("raw", "robots").df()
    city_industry = dbt.source("raw", "city_industry").df()
    industries = dbt.ref("gbt_industries").df()
    panel = dbt.ref("panel_city_year").df()
    series = dbt.ref("stg_series").df()
    return city_robots(robots, city_industry, industries, panel[["city_code", "year", "emp_industry_10k"]], series)
