"""Spatial weights among the cities of the studies with spatial models: contiguity, inverse and economic distance."""

from estimation.cities.weights import city_weights
from estimation.indices.systems import frozen_years


def model(dbt, session):
    dbt.config(materialized="table", alias="spatial_weights")
    switches_table = dbt.ref("audit_switches").df()
    samples = dbt.ref("panel_samples").df()
    distances = dbt.ref("idx_city_distances").df()
    adjacency = dbt.ref("city_adjacency_2021").df()
    panel = dbt.ref("panel_city_year").df()
    studies = dbt.ref("study_samples").df()
    switches = dict(switches_table[["switch", "value"]].itertuples(index=False))
    incomes = panel[["city_code", "year", "gdp_pc_yuan"]]
    weights, _ = city_weights(samples, distances, adjacency, incomes, switches, frozen_years(studies))
    return weights
