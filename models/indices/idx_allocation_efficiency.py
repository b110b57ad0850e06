"""Allocation efficiency of human capital over listed firms (Olley-Pakes covariance), by city and year of the sample."""

from estimation.cities.allocation import city_allocation
from estimation.indices.systems import frozen_years


def model(dbt, session):
    dbt.config(materialized="table", alias="allocation_efficiency")
    switches_table = dbt.ref("audit_switches").df()
    firms = dbt.ref("stg_firms").df()
    samples = dbt.ref("panel_samples").df()
    studies = dbt.ref("study_samples").df()
    cities = dbt.ref("cities").df()[["city_code", "province_code"]]
    switches = dict(switches_table[["switch", "value"]].itertuples(index=False))
    sample = samples.loc[samples["study"] == "industrial_upgrading", ["city_code", "year"]]
    return city_allocation(firms, sample, cities, switches, frozen_years(studies)["industrial_upgrading"])
