"""Identities between efficiency models, tried on the data of this release."""

from estimation.cities.productivity import frontier_identities


def model(dbt, session):
    dbt.config(materialized="table", alias="frontier_identities")
    samples = dbt.ref("panel_samples").df()
    panel = dbt.ref("panel_city_year").df()
    capital = dbt.ref("idx_capital").df()
    keys = samples.loc[samples["study"] == "green_development", ["city_code", "year"]]
    frame = keys.merge(panel, on=["city_code", "year"])
    return frontier_identities(frame.merge(capital, on=["city_code", "year"]))
