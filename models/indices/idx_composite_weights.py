"""Composite indices of the papers and the pollution index nested in one of them: weights, one long table."""

import pandas as pd

from estimation.indices.systems import METHODS, frozen_years, index_systems, pollution_index


def model(dbt, session):
    dbt.config(materialized="table", alias="composite_weights")
    common_prosperity = dbt.ref("idx_indicators_common_prosperity").df()
    nq_topsis = dbt.ref("idx_indicators_nq_topsis").df()
    green_index = dbt.ref("idx_indicators_green_index").df()
    np_entropy = dbt.ref("idx_indicators_np_entropy").df()
    emissions = dbt.ref("idx_indicators_pollution").df()
    switches_table = dbt.ref("audit_switches").df()
    definitions = dbt.ref("index_indicators").df()
    studies = dbt.ref("study_samples").df()
    tables = {
        "common_prosperity": common_prosperity,
        "nq_topsis": nq_topsis,
        "green_index": green_index,
        "np_entropy": np_entropy,
    }
    switches = dict(switches_table[["switch", "value"]].itertuples(index=False))
    frozen = frozen_years(studies)
    systems = index_systems(tables, definitions, switches, frozen)
    nested = pollution_index(emissions, switches, frozen)
    return pd.concat([*(systems[name].weights for name in METHODS), nested.weights], ignore_index=True)
