"""Printed moments of every variable beside those of the built samples, with distances."""

from estimation.diagnostics.moment_registry import moment_registry


def model(dbt, session):
    dbt.config(materialized="table", alias="published_moments")
    common_prosperity = dbt.ref("study_common_prosperity").df()
    industrial_upgrading = dbt.ref("study_industrial_upgrading").df()
    new_quality_va_types = dbt.ref("study_new_quality_va_types").df()
    green_development = dbt.ref("study_green_development").df()
    digital_industry = dbt.ref("study_digital_industry").df()
    published = dbt.ref("published_moments").df()
    variables = dbt.ref("study_variables").df()
    samples = {
        "common_prosperity": common_prosperity,
        "industrial_upgrading": industrial_upgrading,
        "new_quality_va_types": new_quality_va_types,
        "green_development": green_development,
        "digital_industry": digital_industry,
    }
    return moment_registry(samples, published, variables)
