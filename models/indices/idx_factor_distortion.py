"""Distortion of capital and labour in the common-prosperity sample, from an estimated Cobb-Douglas function."""

import pandas as pd

from estimation.economy.factor_distortion import cobb_douglas, distortion
from estimation.indices.systems import base_mask, frozen_years

COLUMNS = ["city_code", "year", "alpha", "beta", "dist_k", "dist_l"]


def model(dbt, session):
    dbt.config(materialized="table", alias="factor_distortion")
    switches_table = dbt.ref("audit_switches").df()
    samples = dbt.ref("panel_samples").df()
    studies = dbt.ref("study_samples").df()
    panel = dbt.ref("panel_city_year").df()
    capital = dbt.ref("idx_capital").df()
    switches = dict(switches_table[["switch", "value"]].itertuples(index=False))
    keys = samples.loc[samples["study"] == "common_prosperity", ["city_code", "year"]]
    panel = panel[["city_code", "year", "gdp_100m_yuan", "emp_total_10k", "wage_avg_yuan"]]
    frame = keys.merge(panel, on=["city_code", "year"]).merge(capital, on=["city_code", "year"])
    if frame.empty:
        kinds = {"city_code": "str", "year": "int64"}
        return pd.DataFrame({c: pd.Series(dtype=kinds.get(c, "float64")) for c in COLUMNS})
    frame = frame.sort_values(["city_code", "year"], ignore_index=True)
    frame["wage_10k_yuan"] = frame["wage_avg_yuan"] / 10000  # output over labour is in 10,000 yuan a person
    base = base_mask(frame["year"], switches["index_base_years"], frozen_years(studies)["common_prosperity"])
    years = frame.loc[base, "year"]
    effects = switches["prodfun_effects"] if years.min() < years.max() else "none"  # one year cannot tell effects apart
    function = cobb_douglas(frame[base], "gdp_100m_yuan", "capital", "emp_total_10k", effects=effects)
    result = distortion(frame, function, "wage_10k_yuan", capital_price=float(switches["capital_price"]))
    keys = frame[["city_code", "year"]].assign(alpha=function.alpha, beta=function.beta)
    return pd.concat([keys, result[["dist_k", "dist_l"]]], axis=1)[COLUMNS]
