"""Types of virtual agglomeration (share by growth) in the sample of new quality productive forces."""

import pandas as pd

from estimation.va_types import va_types

COLUMNS = ["city_code", "year", "va", "share", "growth", "va_type", "v1", "v2", "v3", "v4", "v5"]


def model(dbt, session):
    dbt.config(materialized="table", alias="va_types")
    va = dbt.ref("idx_virtual_agglomeration").df()
    va = va.loc[va["study"] == "new_quality_va_types", ["city_code", "year", "va"]]
    if va.empty:
        return pd.DataFrame({c: pd.Series(dtype="str" if c == "city_code" else "float64") for c in COLUMNS})
    table = va_types(va).table
    return table.rename(columns=str.lower)[COLUMNS].astype({"va_type": "float64"})
