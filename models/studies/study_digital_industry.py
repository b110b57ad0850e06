"""Estimation sample of the digital industry: the built sample, outliers replaced as the paper does."""

from estimation.cleaning.samples import clean_sample, typed
from estimation.indices.systems import frozen_years

STUDY = "digital_industry"


def model(dbt, session):
    dbt.config(materialized="table", alias="digital_industry")
    switches_table = dbt.ref("audit_switches").df()
    studies = dbt.ref("study_samples").df()
    variables = dbt.ref("study_variables").df()
    built = dbt.ref("study_digital_industry_built")
    switches = dict(switches_table[["switch", "value"]].itertuples(index=False))
    own = variables.loc[(variables["study"] == STUDY) & (variables["kind"] == "continuous"), "column_name"]
    rule = studies.set_index("study").loc[STUDY, "cleaning"]
    cleaned = clean_sample(built.df(), list(own), rule, switches, frozen_years(studies)[STUDY])
    return typed(cleaned.data, dict(zip(built.columns, map(str, built.types), strict=True)))
