"""Composite indices of the papers: weights, one long table."""

import pandas as pd

from estimation.index_systems import METHODS, index_systems


def model(dbt, session):
    dbt.config(materialized="table", alias="composite_weights")
    common_prosperity = dbt.ref("idx_indicators_common_prosperity").df()
    nq_topsis = dbt.ref("idx_indicators_nq_topsis").df()
    green_index = dbt.ref("idx_indicators_green_index").df()
    np_entropy = dbt.ref("idx_indicators_np_entropy").df()
    switches_table = dbt.ref("audit_switches").df()
    definitions = dbt.ref("index_indicators").df()
    tables = {
        "common_prosperity": common_prosperity,
        "nq_topsis": nq_topsis,
        "green_index": green_index,
        "np_entropy": np_entropy,
    }
    switches = dict(switches_table[["switch", "value"]].itertuples(index=False))
    systems = index_systems(tables, definitions, switches)
    return pd.concat([systems[name].weights for name in METHODS], ignore_index=True)
