"""Capital stock by perpetual inventory, at constant prices of the base year."""

from estimation.cities.capital import city_capital


def model(dbt, session):
    dbt.config(materialized="table", alias="capital")
    switches_table = dbt.ref("audit_switches").df()
    panel = dbt.ref("panel_city_year").df()
    cities = dbt.ref("cities").df()
    series = dbt.ref("stg_series").df()
    switches = dict(switches_table[["switch", "value"]].itertuples(index=False))
    panel = panel[["city_code", "year", "fai_100m_yuan"]]
    provinces = cities[["city_code", "province_code"]]
    return city_capital(panel, provinces, series, switches)
