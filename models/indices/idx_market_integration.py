"""Market segmentation and integration from 16 retail price categories, by study and year."""

from estimation.cities.markets import market_integration


def model(dbt, session):
    dbt.config(materialized="table", alias="market_integration")
    switches_table = dbt.ref("audit_switches").df()
    prices = dbt.ref("stg_prices").df()
    samples = dbt.ref("panel_samples").df()
    adjacency = dbt.ref("city_adjacency_2021").df()
    switches = dict(switches_table[["switch", "value"]].itertuples(index=False))
    return market_integration(prices, samples, adjacency, switches)
