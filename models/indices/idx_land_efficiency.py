"""Land-use efficiency of the urban districts: Malmquist-Luenberger index with undesirable output, cumulated."""

from estimation.cities.productivity import land_efficiency
from estimation.indices.systems import frozen_years


def model(dbt, session):
    dbt.config(materialized="table", alias="land_efficiency")
    switches_table = dbt.ref("audit_switches").df()
    samples = dbt.ref("panel_samples").df()
    studies = dbt.ref("study_samples").df()
    panel = dbt.ref("panel_city_year").df()
    ratios = dbt.ref("idx_ratios").df()
    capital = dbt.ref("idx_capital").df()
    switches = dict(switches_table[["switch", "value"]].itertuples(index=False))
    keys = samples.loc[samples["study"] == "industrial_upgrading", ["city_code", "year"]]
    frame = keys.merge(panel, on=["city_code", "year"])
    frame = frame.merge(ratios[["city_code", "year", "so2_district"]], on=["city_code", "year"])
    frame = frame.merge(capital, on=["city_code", "year"])
    return land_efficiency(frame, switches, frozen_years(studies)["industrial_upgrading"])
