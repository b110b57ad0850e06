"""PRODY of every traded product: income per head of its exporters, weighted by their specialisation in it."""

from estimation.cities.sophistication import product_complexity


def model(dbt, session):
    dbt.config(materialized="table", alias="product_complexity")
    exports = dbt.ref("stg_industry_exports").df()
    return product_complexity(exports)
