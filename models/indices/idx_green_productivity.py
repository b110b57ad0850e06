"""Green total factor productivity: EBM against the global frontier, Malmquist-Luenberger index."""

from estimation.cities.productivity import constant_gdp, green_productivity, with_year_before
from estimation.indices.systems import frozen_years


def model(dbt, session):
    dbt.config(materialized="table", alias="green_productivity")
    switches_table = dbt.ref("audit_switches").df()
    samples = dbt.ref("panel_samples").df()
    studies = dbt.ref("study_samples").df()
    panel = dbt.ref("panel_city_year").df()
    capital = dbt.ref("idx_capital").df()
    switches = dict(switches_table[["switch", "value"]].itertuples(index=False))
    keys = samples.loc[samples["study"] == "green_development", ["city_code", "year"]]
    if switches["gml_first_year"] == "year_before":
        keys = with_year_before(keys)
    panel = panel.loc[panel["city_code"].isin(keys["city_code"])]
    if (
        switches["gdp_prices"] == "constant"
    ):  # chained before the sample's years are cut out: the base year may lie outside
        panel = constant_gdp(panel, int(switches["price_base_year"]))
    frame = keys.merge(panel, on=["city_code", "year"])
    frame = frame.merge(capital, on=["city_code", "year"])
    return green_productivity(frame, switches, frozen_years(studies)["green_development"])
