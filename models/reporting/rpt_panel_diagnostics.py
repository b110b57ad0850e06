"""Variance inflation, cross-section dependence and panel unit roots of each paper's sample."""

import pandas as pd

from estimation.diagnostics.samples import study_diagnostics


def model(dbt, session):
    dbt.config(materialized="table", alias="panel_diagnostics")
    common_prosperity = dbt.ref("study_common_prosperity").df()
    industrial_upgrading = dbt.ref("study_industrial_upgrading").df()
    new_quality_va_types = dbt.ref("study_new_quality_va_types").df()
    green_development = dbt.ref("study_green_development").df()
    digital_industry = dbt.ref("study_digital_industry").df()
    variables = dbt.ref("study_variables").df()
    samples = {
        "common_prosperity": common_prosperity,
        "industrial_upgrading": industrial_upgrading,
        "new_quality_va_types": new_quality_va_types,
        "green_development": green_development,
        "digital_industry": digital_industry,
    }
    parts = [
        study_diagnostics(study, sample, variables.loc[variables["study"] == study])
        for study, sample in samples.items()
    ]
    return pd.concat(parts, ignore_index=True)
