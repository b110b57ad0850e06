"""Capital stock by perpetual inventory, at constant prices of the base year."""

from estimation.cities.capital import city_capital
from estimation.indices.systems import frozen_years


def model(dbt, session):
    dbt.config(materialized="table", alias="capital")
    switches_table = dbt.ref("audit_switches").df()
    panel = dbt.ref("panel_city_year").df()
    cities = dbt.ref("cities").df()
    series = dbt.ref("stg_series").df()
    studies = dbt.ref("study_samples").df()
    switches = dict(switches_table[["switch", "value"]].itertuples(index=False))
    panel = panel[["city_code", "year", "fai_100m_yuan"]]
    provinces = cities[["city_code", "province_code"]]
    frozen = switches["index_base_years"] != "all"  # one stock serves all studies: the last base year of any of them
    last = max(year for _, year in frozen_years(studies).values()) if frozen else None
    return city_capital(panel, provinces, series, switches, last)
