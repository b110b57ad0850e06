"""Technological complexity of a city's industry: PRODY of traded products, averaged by industry, weighted by output."""

from estimation.cities.sophistication import city_sophistication
from estimation.indices.systems import frozen_years


def model(dbt, session):
    dbt.config(materialized="table", alias="industrial_sophistication")
    switches_table = dbt.ref("audit_switches").df()
    studies = dbt.ref("study_samples").df()
    exports = dbt.ref("stg_industry_exports").df()
    city_industry = dbt.source("raw", "city_industry").df()
    industries = dbt.ref("gbt_industries").df()
    switches = dict(switches_table[["switch", "value"]].itertuples(index=False))
    frozen = switches["index_base_years"] != "all"
    last = frozen_years(studies)["industrial_upgrading"][1] if frozen else None
    return city_sophistication(exports, city_industry, industries, last, switches["expy_form"])
