"""Ratios, logs and levels whose formula a switch chooses, from the panel."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from tests.models.recomputed.expectation import Expectation, Read

Formula = Callable[[pd.DataFrame], pd.Series]


def ratio(column: str, formula: Formula) -> Expectation:
    """One column of the ratios."""

    def compute(read: Read, value: str) -> pd.DataFrame:
        panel = read("panel.city_year")
        return panel[["city_code", "year"]].assign(**{column: formula(panel)})

    return Expectation("indices.ratios", compute)


def per_head(read: Read, value: str) -> pd.DataFrame:
    """The four controls over the registered population, in 10,000 persons."""
    p = read("panel.city_year")
    people = p["pop_yearend_10k"]
    return p[["city_code", "year"]].assign(
        ms=p["students_secondary_persons"] / people,
        ti=p["medical_insured_persons"] / people,
        ct=p["passenger_volume_10k"] / people,
        fi=p["output_foreign_firms_100m_yuan"] * 10000 / people,
    )


def angle(read: Read, value: str) -> pd.DataFrame:
    """W = 3 t1 + 2 t2 + t3, t_j the angle between the vector of the sectors and the axis of sector j."""
    p = read("panel.city_year")
    sectors = p[["va_primary_100m_yuan", "va_secondary_100m_yuan", "va_tertiary_100m_yuan"]].to_numpy(dtype=float)
    cosines = sectors / np.linalg.norm(sectors, axis=1, keepdims=True)
    index = p[["city_code", "year"]].assign(ind=np.arccos(cosines) @ [3.0, 2.0, 1.0])
    return read("studies.green_development")[["city_code", "year"]].merge(index, on=["city_code", "year"])


def by_employment(p: pd.DataFrame) -> pd.Series:
    """Sum over sectors of (share in employment) times (value added over employment)."""
    sectors = ("primary", "secondary", "tertiary")
    employed = sum(p[f"emp_{s}_10k"] for s in sectors)
    return sum(p[f"emp_{s}_10k"] / employed * p[f"va_{s}_100m_yuan"] / p[f"emp_{s}_10k"] for s in sectors)


def log(values: pd.Series) -> pd.Series:
    """Natural log where the value is above zero."""
    return np.log(values.where(values > 0))


EXPECTED = {
    ("finance_def", "loans"): ratio("finance_cp", lambda p: p["loans_100m_yuan"] / p["gdp_100m_yuan"]),
    ("fdi_fx", "dollars"): ratio("fdi_gdp", lambda p: p["fdi_actual_100m_usd"] / p["gdp_100m_yuan"]),
    ("ind_def", "secondary"): ratio("ind_share", lambda p: p["va_secondary_100m_yuan"] / p["gdp_100m_yuan"]),
    ("patents_log", "ln"): ratio("ina", lambda p: log(p["patents_granted_pieces"])),
    ("finance_gd_def", "deposits_and_loans"): ratio(
        "finance_gd", lambda p: (p["deposits_100m_yuan"] + p["loans_100m_yuan"]) / p["gdp_100m_yuan"]
    ),
    ("er_form", "level"): ratio("er", lambda p: p["dust_industrial_t"]),
    ("infra_def", "broadband_per_100_persons"): ratio(
        "infra", lambda p: 100 * p["broadband_users_10k_households"] / p["pop_yearend_10k"]
    ),
    ("infra_def", "internet_penetration"): ratio("infra", lambda p: p["internet_penetration_pct"]),
    ("infra_def", "source_index"): ratio("infra", lambda p: p["infra_network_index"]),
    ("structure_scope", "districts"): ratio(
        "industry_structure_upgrade",
        lambda p: p["va_tertiary_100m_yuan_districts"] / p["va_secondary_100m_yuan_districts"],
    ),
    ("productivity_weight", "emp_share"): ratio("industry_productivity", by_employment),
    ("patent_unit", "per_person"): ratio(
        "inno_patents_pc", lambda p: p["patents_applied_pieces"] / (10000 * p["pop_yearend_10k"])
    ),
    ("controls_per_capita", "per_capita"): Expectation("indices.ratios", per_head),
    ("ind_index", "angle"): Expectation("studies.green_development", angle),
}
