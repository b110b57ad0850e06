"""Pollution index nested in new quality productive forces: entropy weights over three emissions, more is more pollution."""

from estimation.composites import composite


def model(dbt, session):
    dbt.config(materialized="table", alias="pollution")
    emissions = dbt.ref("idx_indicators_pollution").df()
    table = emissions
    directions = dict.fromkeys(("i01", "i02", "i03"), "+")
    return composite("pollution", "entropy", table, directions).scores
