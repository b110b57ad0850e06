"""Estimation sample of industrial upgrading: the built sample, winsorised as the paper does."""

from estimation.cleaning.samples import clean_sample, typed
from estimation.indices.systems import frozen_years

STUDY = "industrial_upgrading"


def model(dbt, session):
    dbt.config(materialized="table", alias="industrial_upgrading")
    switches_table = dbt.ref("audit_switches").df()
    studies = dbt.ref("study_samples").df()
    variables = dbt.ref("study_variables").df()
    built = dbt.ref("study_industrial_upgrading_built")
    switches = dict(switches_table[["switch", "value"]].itertuples(index=False))
    own = variables.loc[(variables["study"] == STUDY) & (variables["kind"] == "continuous"), "column_name"]
    rule = studies.set_index("study").loc[STUDY, "cleaning"]
    cleaned = clean_sample(built.df(), list(own), rule, switches, frozen_years(studies)[STUDY])
    return typed(cleaned.data, dict(zip(built.columns, map(str, built.types), strict=True)))
