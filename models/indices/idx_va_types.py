"""Types of virtual agglomeration (share by growth) in the sample of new quality productive forces."""

import pandas as pd

from estimation.agglomeration.va_types import va_types
from estimation.indices.systems import base_years, frozen_years

COLUMNS = ["city_code", "year", "va", "share", "growth", "va_type", "v1", "v2", "v3", "v4", "v5"]
GROWTH_CUTS = {"terciles": (1 / 3, 2 / 3), "quartiles": (1 / 4, 3 / 4)}


def model(dbt, session):
    dbt.config(materialized="table", alias="va_types")
    switches_table = dbt.ref("audit_switches").df()
    va = dbt.ref("idx_virtual_agglomeration").df()
    studies = dbt.ref("study_samples").df()
    switches = dict(switches_table[["switch", "value"]].itertuples(index=False))
    va = va.loc[va["study"] == "new_quality_va_types", ["city_code", "year", "va"]]
    if va.empty:
        kinds = {"city_code": "str", "year": "int64", "va_type": "Int64"}
        return pd.DataFrame({c: pd.Series(dtype=kinds.get(c, "float64")) for c in COLUMNS})
    base = base_years(va["year"], switches["index_base_years"], frozen_years(studies)["new_quality_va_types"])
    if base and base[0] == base[1]:
        base = base[0], base[0] + 1  # growth needs two years
    types = va_types(
        va,
        share_cut=float(switches["va_share_cut"]),
        growth_cuts=GROWTH_CUTS[switches["va_growth_cuts"]],
        low_middle=int(switches["va_low_middle"]),
        level=switches["va_type_level"],
        base=base,
    )
    return types.table.rename(columns=str.lower)[COLUMNS].astype({"va_type": "Int64"})
