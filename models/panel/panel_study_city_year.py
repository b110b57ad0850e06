"""The panel of studies that do not simply keep abolished units: their choices carried out, one row a (study, city, year)."""

from estimation.cleaning.mergers import study_panels


def model(dbt, session):
    dbt.config(materialized="table", alias="study_city_year")
    chosen = dbt.ref("study_events").df()
    panel = dbt.ref("panel_city_year").df()
    cities = dbt.ref("cities").df()
    successors = dbt.ref("city_event_successors").df()
    indicators = dbt.ref("indicators").df()
    return study_panels(panel, chosen, cities, successors, indicators)
