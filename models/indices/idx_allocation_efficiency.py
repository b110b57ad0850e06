"""Allocation efficiency of human capital over listed firms (Olley-Pakes covariance), by city and year."""

import pandas as pd

from estimation.allocation_efficiency import allocation_efficiency

COLUMNS = ["city_code", "year", "n_firms", "covariance", "ecol"]


def model(dbt, session):
    dbt.config(materialized="table", alias="allocation_efficiency")
    firms = dbt.ref("stg_firms").df()
    if firms.empty:
        return pd.DataFrame({c: pd.Series(dtype="str" if c == "city_code" else "float64") for c in COLUMNS})
    return allocation_efficiency(firms, "revenue_100m_yuan", "rd_staff", "employees").table[COLUMNS]
