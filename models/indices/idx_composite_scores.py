"""Composite indices of the papers: scores, one long table."""

import pandas as pd

from estimation.indices.systems import METHODS, frozen_years, index_systems


def model(dbt, session):
    dbt.config(materialized="table", alias="composite_scores")
    common_prosperity = dbt.ref("idx_indicators_common_prosperity").df()
    nq_topsis = dbt.ref("idx_indicators_nq_topsis").df()
    green_index = dbt.ref("idx_indicators_green_index").df()
    np_entropy = dbt.ref("idx_indicators_np_entropy").df()
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
    systems = index_systems(tables, definitions, switches, frozen_years(studies))
    return pd.concat([systems[name].scores for name in METHODS], ignore_index=True)
