"""Regressions of the papers on the estimation samples of a release, with the estimator of record: what the joint check compares with the truth.

Variables are the columns of `studies.<paper>`, exactly as a study uses them; only products, lags and two units are made here.
"""

from __future__ import annotations

from collections.abc import Sequence

import duckdb
import pandas as pd

from estimation.iv import fit_iv
from estimation.panel import fit_panel

Key = tuple[str, str, str]
Coefficients = dict[tuple[str, str], float]
CONTROLS = {
    "common_prosperity": ["ln_gdp_pc", "finance", "fdi", "gov", "edu", "ind"],
    "industrial_upgrading": ["eco", "fix", "mar", "tech", "open", "gov", "base"],
    "green_development": ["Fina", "Gov", "Edu", "Er", "lntech", "lnpop"],
    "digital_industry": ["develop", "unemployed", "finance", "human", "traffic", "support"],
}
# Column of the sample to the paper's name of the variable.
PRINTED = {
    "common_prosperity": {
        "cp_index": "CP", "did": "DID", "va_cp": "VG", "distk": "distK", "distl": "distL", "finance_cp": "finance", "fdi_gdp": "fdi",
        "gov_exp_ratio": "gov", "edu_share_cp": "edu", "ind_share": "ind", "admin_level": "level", "admin_level_d": "admin_level",
    },
    "industrial_upgrading": {"gov_exp_ratio": "gov"},
    "green_development": {
        "gtfp": "Gtfp", "va_gd": "Va", "va_sq": "Va_sq", "finance_gd": "Fina", "fiscal_decentral": "Gov", "edu_gdp": "Edu", "er": "Er",
        "ina": "Ina", "ind": "Ind", "smart_city": "Smart_city", "low_carbon_city": "Low_carbon",
    },
    "digital_industry": {"unemployed_rate": "unemployed", "finance_di": "finance"},
    "new_quality_va_types": {"nq_topsis": "NQ", **{f"v{k}": f"V{k}" for k in range(1, 6)}},
}  # fmt: skip


def recovered(con: duckdb.DuckDBPyConnection) -> dict[Key, float]:
    """Every planted or implied coefficient of the release, by (paper, column as `table column`, term)."""
    papers = (
        common_prosperity, industrial_upgrading, green_development, digital_industry, new_quality_va_types,
    )  # fmt: skip
    return {
        (paper.__name__, column, term): value
        for paper in papers
        for (column, term), value in paper(sample(con, paper.__name__)).items()
    }


def sample(con: duckdb.DuckDBPyConnection, paper: str) -> pd.DataFrame:
    """The estimation sample of the release under the paper's names."""
    table = con.execute(f"select * from studies.{paper} order by city_code, year").df()
    return table.rename(columns=PRINTED[paper])


def coefficients(df: pd.DataFrame, y: str, x: Sequence[str], column: str, effects: str = "twoways") -> Coefficients:
    """Coefficients of one column."""
    fit = fit_panel(df, y, list(x), effects=effects)  # type: ignore[arg-type]
    return {(column, term): float(value) for term, value in fit.coef.items()}


def common_prosperity(df: pd.DataFrame) -> Coefficients:
    """Tables 3 to 5."""
    z = CONTROLS["common_prosperity"]
    groups = ("admin_level", "digital_finance_high", "market_integration_high")
    df = df.assign(
        **{f"VG#{name}": df["VG"] * df[name] for name in ("distK", "distL")},
        **{f"DID#{name}": df["DID"] * df[name] for name in groups},
    )
    out = coefficients(df, "CP", ["DID", *z], "Table 3 (2)")
    out |= coefficients(df, "CP", ["DID", *z], "Table 3 (1)", "none")
    out |= coefficients(df, "VG", ["DID", *z], "Table 4 VG model")
    out |= coefficients(df, "CP", ["DID", "VG", "distK", "VG#distK", *z], "Table 4 (1)")
    out |= coefficients(df, "CP", ["DID", "VG", "distL", "VG#distL", *z], "Table 4 (2)")
    for at, name in enumerate(groups, start=1):
        moving = [name] if df.groupby("city_code")[name].nunique().max() > 1 else []
        out |= coefficients(df, "CP", [f"DID#{name}", "DID", *moving, *z], f"Table 5 ({at})")
    return out


def industrial_upgrading(df: pd.DataFrame) -> Coefficients:
    """Tables 2 and 3, and the cities above 10 million of the text."""
    z = CONTROLS["industrial_upgrading"]
    out = coefficients(df, "lnstru", ["did"], "Table 2 (1)") | coefficients(df, "lnstru", ["did", *z], "Table 2 (2)")
    for at, region in enumerate(("east", "central", "west"), start=3):
        out |= coefficients(df[df["region3"] == region], "lnstru", ["did", *z], f"Table 2 ({at})")
    out |= coefficients(df[df["city_size_class"] == "above_1000"], "lnstru", ["did", *z], "text pop>10m")
    out |= coefficients(df, "lncac", ["did", *z], "Table 3 (1)")
    return out | coefficients(df, "lnstru", ["did", "lncac", *z], "Table 3 (2)")


def green_development(df: pd.DataFrame) -> Coefficients:
    """Tables 2 to 8; market integration in hundredths, as the printed coefficient needs it."""
    z, curve = CONTROLS["green_development"], ["Va", "Va_sq"]
    df = df.assign(Mar=df["market_integration_gd"] / 100)
    border = df[df["border_city"] == 1]
    splits = {
        "Table 2 (2)": df,
        "Table 3 (1)": df[df["municipality"] == 0],
        "Table 6 (1)": df[df["region3"] == "east"],
        "Table 6 (2)": df[df["region3"] == "central"],
        "Table 6 (3)": df[df["region3"] == "west"],
        "Table 6 (4)": df[df["cluster_city"] == 1],
        "Table 6 (5)": df[df["cluster_city"] == 0],
        "Table 8 (2)": border,
    }
    out = coefficients(df, "Gtfp", curve, "Table 2 (1)") | coefficients(border, "Gtfp", curve, "Table 8 (1)")
    for column, part in splits.items():
        out |= coefficients(part, "Gtfp", [*curve, *z], column)
    for column, term in (
        ("Table 3 (3)", "Smart_city"), ("Table 3 (4)", "Low_carbon"), ("Table 7 (1)", "Ina"), ("Table 7 (3)", "Ind"),
        ("Table 7 (5)", "Mar"),
    ):  # fmt: skip
        out |= coefficients(df, "Gtfp", [*curve, term, *z], column)
    out |= coefficients(df, "Ina", [*curve, *z], "Table 7 (2)")
    out |= coefficients(df, "green_index", [*curve, *z], "Table 3 (2)")
    fit = fit_iv(df, "Gtfp", z, curve, ["iv_terrain_inet", "iv_terrain_inet_sq"], effects="twoways")
    return out | {("Table 5 (3)", term): float(fit.coef[term]) for term in curve}


def digital_industry(df: pd.DataFrame) -> Coefficients:
    """Tables 3 and 4; research staff in 10 000 persons, the unit of the printed coefficient."""
    df = df.assign(inno_rd_staff=df["inno_rd_staff"] / 1e4)
    x = ["agglomeration", *CONTROLS["digital_industry"]]
    out = coefficients(df, "np_entropy", ["agglomeration"], "Table 3 (1)", "none")
    for column, effects in (("Table 3 (2)", "none"), ("Table 3 (3)", "entity"), ("Table 3 (4)", "twoways")):
        out |= coefficients(df, "np_entropy", x, column, effects)
    mechanisms = (
        "inno_rd_staff", "inno_patents_pc", "factor_exchange", "factor_bigdata_projects", "industry_structure",
        "industry_productivity",
    )  # fmt: skip
    for at, y in enumerate(mechanisms, start=1):
        out |= coefficients(df, y, x, f"Table 4 ({at})")
    return out


def new_quality_va_types(df: pd.DataFrame) -> Coefficients:
    """The three regions that scaled coefficients are planted in; the lag is taken within the city."""
    df = df.assign(**{"L.NQ": df.groupby("city_code")["NQ"].shift()}).dropna(subset=["L.NQ"])
    out: Coefficients = {}
    for region in ("east", "central", "west"):
        own = df[df["region3"] == region]
        x = ["L.NQ", *(f"V{k}" for k in range(1, 6) if own[f"V{k}"].any())]
        out |= coefficients(own, "NQ", x, f"exogenous groups {region}", "entity")
    return out
