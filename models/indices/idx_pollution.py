"""Pollution index nested in new quality productive forces: entropy weights over three emissions, more is more pollution."""

from estimation.indices.systems import frozen_years, pollution_index


def model(dbt, session):
    dbt.config(materialized="table", alias="pollution")
    switches_table = dbt.ref("audit_switches").df()
    emissions = dbt.ref("idx_indicators_pollution").df()
    studies = dbt.ref("study_samples").df()
    switches = dict(switches_table[["switch", "value"]].itertuples(index=False))
    return pollution_index(emissions, switches, frozen_years(studies)).scores
