"""Regressions of the papers on the tables of a release, with the estimator of record: what the joint check compares with the truth."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import duckdb
import numpy as np
import pandas as pd

from estimation.iv import fit_iv
from estimation.panel import fit_panel

Key = tuple[str, str, str]
CONTROLS = {
    "common_prosperity": ["ln_gdp_pc", "finance", "fdi", "gov", "edu", "ind"],
    "industrial_upgrading": ["eco", "fix", "mar", "tech", "open", "gov", "base"],
    "green_development": ["Fina", "Gov", "Edu", "Er", "lntech", "lnpop"],
    "digital_industry": ["develop", "unemployed", "finance", "human", "traffic", "support"],
}
RENAMED = {
    "common_prosperity": {
        "broadband_china": "DID", "finance_cp": "finance", "fdi_gdp": "fdi", "gov_exp_ratio": "gov", "edu_share_cp": "edu",
        "ind_share": "ind", "va": "VG", "dist_k": "distK", "dist_l": "distL",
    },
    "industrial_upgrading": {"broadband_china": "did", "gov_exp_ratio": "gov"},
    "green_development": {
        "finance_gd": "Fina", "fiscal_decentral": "Gov", "edu_gdp": "Edu", "er": "Er", "va": "Va", "ina": "Ina", "ind_sum": "Ind",
        "smart_city": "Smart_city", "low_carbon_city": "Low_carbon", "gtfp": "Gtfp",
    },
    "digital_industry": {"lq_ict": "agglomeration", "unemployed_rate": "unemployed", "finance_di": "finance"},
}  # fmt: skip
FRAME = """
select samples.city_code, samples.year, cities.region3, cities.admin_level, cities.lon, cities.lat,
    ratios.* exclude (city_code, year), policies.* exclude (city_code, year), agglomeration.va, quotients.lq_ict,
    capital.dist_k, capital.dist_l, market.integration, green.gtfp, co.lncac, complexity.lnstru, scores.score
from panel.samples as samples
inner join seeds.cities as cities using (city_code)
left join indices.ratios as ratios using (city_code, year)
left join indices.policies as policies using (city_code, year)
left join indices.virtual_agglomeration as agglomeration using (study, city_code, year)
left join indices.location_quotients as quotients using (study, city_code, year)
left join indices.factor_distortion as capital using (city_code, year)
left join indices.market_integration as market using (study, city_code, year)
left join indices.green_productivity as green using (city_code, year)
left join indices.coagglomeration as co using (city_code, year)
left join indices.industrial_sophistication as complexity using (city_code, year)
left join indices.composite_scores as scores
    on scores.index_name = ? and scores.city_code = samples.city_code and scores.year = samples.year
where samples.study = ? order by samples.city_code, samples.year
"""
INDEX = {
    "common_prosperity": "common_prosperity", "industrial_upgrading": "", "green_development": "green_index",
    "digital_industry": "np_entropy", "new_quality_va_types": "nq_topsis",
}  # fmt: skip


def recovered(con: duckdb.DuckDBPyConnection) -> dict[Key, float]:
    """Every planted or implied coefficient of the release, by (paper, column as `table column`, term)."""
    out: dict[Key, float] = {}
    for paper, columns in (
        ("common_prosperity", common_prosperity), ("industrial_upgrading", industrial_upgrading),
        ("green_development", green_development), ("digital_industry", digital_industry),
        ("new_quality_va_types", new_quality_va_types),
    ):  # fmt: skip
        for (column, term), value in columns(con).items():
            out[paper, column, term] = value
    return out


def frame(con: duckdb.DuckDBPyConnection, paper: str) -> pd.DataFrame:
    """The paper's sample with its variables."""
    table = con.execute(FRAME, [INDEX[paper], paper]).df()
    return table.rename(columns=RENAMED.get(paper, {}))


def coefficients(
    df: pd.DataFrame, y: str, x: Sequence[str], column: str, effects: str = "twoways"
) -> dict[tuple[str, str], float]:
    """Coefficients of one column."""
    fit = fit_panel(df, y, list(x), effects=effects)  # type: ignore[arg-type]
    return {(column, term): float(value) for term, value in fit.coef.items()}


def common_prosperity(con: duckdb.DuckDBPyConnection) -> dict[tuple[str, str], float]:
    df = frame(con, "common_prosperity")
    z = CONTROLS["common_prosperity"]
    df["CP"] = df["score"]
    df["admin_level"] = df["admin_level"].isin(["municipality", "sub_provincial", "provincial_capital"]).astype(float)
    finance = con.execute(
        "select city_code, avg(pku_dfiic_index) as dfi from panel.city_year where year between 2011 and 2022 group by all"
    ).df()
    df = df.merge(finance, on="city_code", how="left")
    city = df.drop_duplicates("city_code")["dfi"]
    df["digital_finance_high"] = (df["dfi"] > city.median()).astype(float)
    df["market_integration_high"] = (df["integration"] > df["integration"].median()).astype(float)
    for name in ("distK", "distL"):
        df[f"VG#{name}"] = df["VG"] * df[name]
    groups = ("admin_level", "digital_finance_high", "market_integration_high")
    for name in groups:
        df[f"DID#{name}"] = df["DID"] * df[name]
    out = coefficients(df, "CP", ["DID", *z], "Table 3 (2)")
    out |= coefficients(df, "CP", ["DID", *z], "Table 3 (1)", "none")
    out |= coefficients(df, "VG", ["DID", *z], "Table 4 VG model")
    out |= coefficients(df, "CP", ["DID", "VG", "distK", "VG#distK", *z], "Table 4 (1)")
    out |= coefficients(df, "CP", ["DID", "VG", "distL", "VG#distL", *z], "Table 4 (2)")
    for at, name in enumerate(groups, start=1):
        moving = [name] if df.groupby("city_code")[name].nunique().max() > 1 else []
        out |= coefficients(df, "CP", [f"DID#{name}", "DID", *moving, *z], f"Table 5 ({at})")
    return out


def industrial_upgrading(con: duckdb.DuckDBPyConnection) -> dict[tuple[str, str], float]:
    df = frame(con, "industrial_upgrading")
    z = CONTROLS["industrial_upgrading"]
    for name in [*z, "lnstru", "lncac"]:
        df[name] = df[name].clip(*np.quantile(df[name], [0.01, 0.99]))
    out = coefficients(df, "lnstru", ["did"], "Table 2 (1)") | coefficients(df, "lnstru", ["did", *z], "Table 2 (2)")
    for at, region in enumerate(("east", "central", "west"), start=3):
        out |= coefficients(df[df["region3"] == region], "lnstru", ["did", *z], f"Table 2 ({at})")
    out |= coefficients(df, "lncac", ["did", *z], "Table 3 (1)")
    return out | coefficients(df, "lnstru", ["did", "lncac", *z], "Table 3 (2)")


def green_development(con: duckdb.DuckDBPyConnection) -> dict[tuple[str, str], float]:
    df = frame(con, "green_development")
    z = CONTROLS["green_development"]
    df["Va_sq"], df["Mar"], df["green_index"] = df["Va"] ** 2, df["integration"] / 100, df["score"]
    attributes = con.execute("select city_code, cluster_city, border_city from indices.city_attributes").df()
    df = df.merge(attributes, on="city_code", how="left")
    curve = ["Va", "Va_sq"]
    out = coefficients(df, "Gtfp", curve, "Table 2 (1)")
    splits: dict[str, Callable[[pd.DataFrame], pd.Series]] = {
        "Table 2 (2)": lambda f: f["year"] > 0,
        "Table 3 (1)": lambda f: f["admin_level"] != "municipality",
        "Table 6 (2)": lambda f: f["region3"] == "central",
        "Table 6 (3)": lambda f: f["region3"] == "west",
        "Table 6 (4)": lambda f: f["cluster_city"] == 1,
        "Table 8 (2)": lambda f: f["border_city"] == 1,
    }
    for column, keep in splits.items():
        out |= coefficients(df[keep(df)], "Gtfp", [*curve, *z], column)
    out |= coefficients(df[df["border_city"] == 1], "Gtfp", curve, "Table 8 (1)")
    for column, term in (
        ("Table 3 (3)", "Smart_city"), ("Table 3 (4)", "Low_carbon"), ("Table 7 (1)", "Ina"), ("Table 7 (3)", "Ind"),
        ("Table 7 (5)", "Mar"),
    ):  # fmt: skip
        out |= coefficients(df, "Gtfp", [*curve, term, *z], column)
    out |= coefficients(df, "Ina", [*curve, *z], "Table 7 (2)")
    out |= coefficients(df, "green_index", [*curve, *z], "Table 3 (2)")
    return out | _instrumented(con, df, [*curve], z)


def _instrumented(
    con: duckdb.DuckDBPyConnection, df: pd.DataFrame, curve: list[str], z: list[str]
) -> dict[tuple[str, str], float]:
    terrain = con.execute("select city_code, terrain_relief from raw.terrain where problem is null").df()
    users = con.execute(
        "select year + 1 as year, value as users from raw.national_series where variable = 'internet_users_national_10k'"
    ).df()
    df = df.merge(terrain, on="city_code").merge(users, on="year")
    df["Iv"] = np.log(df["users"]) / df["terrain_relief"]
    df["Iv_sq"] = df["Iv"] ** 2
    fit = fit_iv(df, "Gtfp", z, curve, ["Iv", "Iv_sq"], effects="twoways")
    return {("Table 5 (3)", term): float(fit.coef[term]) for term in curve}


def digital_industry(con: duckdb.DuckDBPyConnection) -> dict[tuple[str, str], float]:
    df = frame(con, "digital_industry")
    z = CONTROLS["digital_industry"]
    counts = con.execute(
        "select city_code, year, data_exchange_count as exchanges, bigdata_pilot_projects_count as projects from panel.city_year"
    ).df()
    df = df.merge(counts, on=["city_code", "year"], how="left")
    df["staff"] = con_staff(con, df)
    x = ["agglomeration", *z]
    out = coefficients(df, "score", ["agglomeration"], "Table 3 (1)", "none")
    for column, effects in (("Table 3 (2)", "none"), ("Table 3 (3)", "entity"), ("Table 3 (4)", "twoways")):
        out |= coefficients(df, "score", x, column, effects)
    for at, y in enumerate(
        ("staff", "inno_patents_pc", "exchanges", "projects", "industry_structure", "industry_productivity"), start=1
    ):
        out |= coefficients(df, y, x, f"Table 4 ({at})")
    return out


def con_staff(con: duckdb.DuckDBPyConnection, df: pd.DataFrame) -> np.ndarray:
    """Research staff, 10 000 persons, in the order of the frame."""
    staff = con.execute("select city_code, year, rd_personnel_persons / 10000 as staff from panel.city_year").df()
    return df[["city_code", "year"]].merge(staff, on=["city_code", "year"], how="left")["staff"].to_numpy()


def new_quality_va_types(con: duckdb.DuckDBPyConnection) -> dict[tuple[str, str], float]:
    df = frame(con, "new_quality_va_types")
    types = con.execute("select city_code, year, v1, v2, v3, v4, v5 from indices.va_types").df()
    df = df.merge(
        types.rename(columns=str.upper).rename(columns={"CITY_CODE": "city_code", "YEAR": "year"}),
        on=["city_code", "year"],
    )
    df["L.NQ"] = df.groupby("city_code")["score"].shift()
    out: dict[tuple[str, str], float] = {}
    for region in ("east", "central", "west"):
        own = df[(df["region3"] == region) & df["L.NQ"].notna()]
        x = ["L.NQ", *(f"V{k}" for k in range(1, 6) if own[f"V{k}"].any())]
        out |= coefficients(own, "score", x, f"exogenous groups {region}", "entity")
    return out
