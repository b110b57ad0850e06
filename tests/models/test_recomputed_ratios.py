"""Ratios, logs, dummies, groups, instruments and the cleaning of samples, recomputed from the formulas of the method specifications."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tests.models.by_hand import KEYS, agree, kilometres, on_the_line

pytestmark = pytest.mark.slow

# Variable: study that has it, formula on the panel `p` (100 million yuan, 10,000 persons), as the specifications write it.
RATIOS = {
    "ln_gdp_pc": ("common_prosperity", lambda p: np.log(p.gdp_pc_yuan)),
    "finance_cp": ("common_prosperity", lambda p: (p.deposits_100m_yuan + p.loans_100m_yuan) / p.gdp_100m_yuan),
    "fdi_gdp": ("common_prosperity", lambda p: p.fdi_actual_100m_usd * p.yuan_per_usd / p.gdp_100m_yuan),
    "gov_exp_ratio": ("common_prosperity", lambda p: p.fiscal_exp_100m_yuan / p.gdp_100m_yuan),
    "edu_share_cp": ("common_prosperity", lambda p: p.exp_education_100m_yuan / p.fiscal_exp_100m_yuan),
    "ind_share": ("common_prosperity", lambda p: p.va_industry_100m_yuan / p.gdp_100m_yuan),
    "eco": ("industrial_upgrading_built", lambda p: p.gdp_pc_yuan / 1e4),
    "fix": ("industrial_upgrading_built", lambda p: p.fai_100m_yuan / p.gdp_100m_yuan),
    "mar": ("industrial_upgrading_built", lambda p: p.emp_private_self_10k / p.emp_total_10k),
    "tech": ("industrial_upgrading_built", lambda p: p.exp_science_100m_yuan / p.fiscal_exp_100m_yuan),
    "open": ("industrial_upgrading_built", lambda p: p.fdi_actual_100m_usd * p.yuan_per_usd / p.gdp_100m_yuan),
    "base": ("industrial_upgrading_built", lambda p: p.emp_mining_10k / p.pop_yearend_10k),
    "so2_district": (
        "industrial_upgrading_built", lambda p: p.so2_industrial_t * p.gdp_100m_yuan_districts / p.gdp_100m_yuan,
    ),
    "industry_structure_upgrade": (
        "industrial_upgrading_built", lambda p: p.va_tertiary_100m_yuan / p.va_secondary_100m_yuan,
    ),
    "finance_gd": ("green_development", lambda p: p.loans_100m_yuan / p.gdp_100m_yuan),
    "fiscal_decentral": ("green_development", lambda p: p.fiscal_rev_100m_yuan / p.fiscal_exp_100m_yuan),
    "edu_gdp": ("green_development", lambda p: p.exp_education_100m_yuan / p.gdp_100m_yuan),
    "er": ("green_development", lambda p: np.log(p.dust_industrial_t)),
    "lntech": ("green_development", lambda p: np.log(p.exp_science_100m_yuan * 1e4)),
    "lnpop": ("green_development", lambda p: np.log(p.pop_yearend_10k)),
    "ina": ("green_development", lambda p: np.log1p(p.patents_granted_pieces)),
    "infra": ("green_development", lambda p: p.broadband_users_10k_households / (p.pop_yearend_10k / 100)),
    "develop": ("digital_industry_built", lambda p: p.gdp_pc_yuan / 1e4),
    "unemployed_rate": (
        "digital_industry_built", lambda p: p.unemployed_registered_persons / (p.pop_resident_10k * 1e4),
    ),
    "finance_di": ("digital_industry_built", lambda p: p.loans_100m_yuan / p.gdp_100m_yuan),
    "human": ("digital_industry_built", lambda p: p.students_higher_persons / 1e4),
    "traffic": ("digital_industry_built", lambda p: p.expressway_length_km / 1e4),
    "support": (
        "digital_industry_built",
        lambda p: (p.exp_science_100m_yuan + p.exp_education_100m_yuan) / p.fiscal_exp_100m_yuan,
    ),
    "inno_rd_staff": ("digital_industry_built", lambda p: p.rd_personnel_persons),
    "inno_patents_pc": ("digital_industry_built", lambda p: p.patents_applied_pieces / p.pop_yearend_10k),
    "industry_structure": (
        "digital_industry_built",
        lambda p: p.va_tertiary_100m_yuan / (p.va_primary_100m_yuan + p.va_secondary_100m_yuan),
    ),
    "fiscal_share": ("digital_industry_built", lambda p: p.fiscal_exp_100m_yuan / p.gdp_100m_yuan),
    "public_staff_ratio": ("digital_industry_built", lambda p: p.emp_public_10k / p.emp_private_self_10k),
    "ms": ("new_quality_va_types", lambda p: p.students_secondary_persons),
    "ti": ("new_quality_va_types", lambda p: p.medical_insured_persons),
    "ct": ("new_quality_va_types", lambda p: p.passenger_volume_10k),
    "fi": ("new_quality_va_types", lambda p: p.output_foreign_firms_100m_yuan * 1e4),  # 10,000 yuan
    "di": ("new_quality_va_types", lambda p: p.gdp_growth_pct),
}  # fmt: skip


@pytest.fixture(scope="module")
def panel(read):
    """The panel with the yuan a dollar costs."""
    rates = read(
        "select year, value as yuan_per_usd from staging.stg_series where place_code = 'national' and variable = 'fx_usd_cny_yuan_per_usd'"
    )
    return read("from panel.city_year").merge(rates, on="year", how="left")


@pytest.mark.parametrize("variable", RATIOS)
def test_ratios_logs_and_levels(read, panel, variable):
    study, formula = RATIOS[variable]
    built = read(f"select city_code, year, {variable} from studies.{study}")
    own = panel.merge(built[KEYS], on=KEYS)
    agree(built, own.assign(**{variable: formula(own)}), variable)


def test_labour_productivity_weighted_by_value_added(read, panel):
    built = read("select city_code, year, industry_productivity from studies.digital_industry_built")
    own = panel.merge(built[KEYS], on=KEYS)
    total = 0
    for sector in ("primary", "secondary", "tertiary"):
        added = own[f"va_{sector}_100m_yuan"]
        total = total + (added / own[f"emp_{sector}_10k"]) * (added / own["gdp_100m_yuan"])
    agree(built, own.assign(industry_productivity=total), "industry_productivity")


def test_industrial_structure_as_the_sum_and_as_angles(read, panel):
    """Printed sum of m y_m; angle index sum_k sum_{j <= k} theta_j, theta_j the angle between the shares and the j-th axis, largest weight first."""
    built = read(
        "select city_code, year, ind_sum, ind_angle from indices.ratios where ind_sum is not null and ind_angle is not null"
    )
    own = panel.merge(built[KEYS], on=KEYS)
    shares = own[["va_primary_100m_yuan", "va_secondary_100m_yuan", "va_tertiary_100m_yuan"]].to_numpy()
    shares = shares / shares.sum(axis=1, keepdims=True)
    own["ind_sum"] = shares @ [1, 2, 3]
    theta = np.arccos(shares / np.linalg.norm(shares, axis=1, keepdims=True))
    own["ind_angle"] = theta.cumsum(axis=1).sum(axis=1)
    agree(built, own, "ind_sum")
    agree(built, own, "ind_angle")


def test_designation_event_time_and_dummies(read):
    listed = read(
        "select city_code, start_year from seeds.policies where policy = 'broadband_china' and granularity = 'prefecture'"
    )
    start = listed.groupby("city_code")["start_year"].min()
    built = read("from indices.event_time").merge(
        read("select city_code, year, did from studies.common_prosperity"), on=KEYS
    )
    own = built[KEYS].assign(g=built["city_code"].map(start))
    since = own["year"] - own["g"]
    agree(built, own.assign(did=(since >= 0).astype(int)), "did")
    assert built["event_time"].astype(float).equals(since.astype(float).rename("event_time"))
    for k in range(-7, 8):
        at = since.le(-7) if k == -7 else since.ge(7) if k == 7 else since.eq(k)
        column = f"event_{'m' if k < 0 else 'p'}{abs(k)}"
        agree(built, own.assign(**{column: at.astype(int)}), column)


def test_instruments(read):
    terrain = read("select city_code, terrain_relief, terrain_relief_sd from raw.terrain").set_index("city_code")
    cities = read("from seeds.cities")
    to_hangzhou = kilometres(cities)["330100"]
    users = read(
        "select year, value from staging.stg_series where place_code = 'national' and variable = 'internet_users_national_10k'"
    ).set_index("year")["value"]
    iu = read("select city_code, year, iv_terrain_year from studies.industrial_upgrading_built")
    trend = iu["city_code"].map(terrain["terrain_relief_sd"]) * (iu["year"] - 2006)
    agree(iu, iu[KEYS].assign(iv_terrain_year=trend), "iv_terrain_year")
    gd = read("select city_code, year, iv_terrain_inet, iv_terrain_inet_sq from studies.green_development")
    iv = np.log((gd["year"] - 1).map(users)) / gd["city_code"].map(terrain["terrain_relief"])
    own = gd[KEYS].assign(iv_terrain_inet=iv, iv_terrain_inet_sq=iv**2)
    agree(gd, own, "iv_terrain_inet")
    agree(gd, own, "iv_terrain_inet_sq")
    di = read("select city_code, year, iv_hangzhou from studies.digital_industry_built")
    agree(di, di[KEYS].assign(iv_hangzhou=di["city_code"].map(to_hangzhou) * (di["year"] - 2013)), "iv_hangzhou")


def test_administrative_level_border_and_cluster(read):
    built = read("select city_code, 0 as year, admin_level_d, border_city, cluster_city from indices.city_attributes")
    cities = read("from seeds.cities").set_index("city_code")
    pairs, clusters = read("from seeds.city_adjacency_2021"), read("from seeds.city_clusters")
    across = pairs[
        pairs["city_code_i"].map(cities["province_code"]) != pairs["city_code_j"].map(cities["province_code"])
    ]
    approved = set(clusters.loc[clusters["approval_year"].notna(), "city_code"])
    high = {"municipality", "provincial_capital", "sub_provincial"}
    own = built[KEYS].assign(
        admin_level_d=built["city_code"].map(cities["admin_level"].isin(high)).astype(int),
        border_city=built["city_code"].isin(set(across["city_code_i"]) | set(across["city_code_j"])).astype(int),
        cluster_city=built["city_code"].isin(approved).astype(int),
    )
    for column in ("admin_level_d", "border_city", "cluster_city"):
        agree(built, own, column)


def test_size_class_by_mean_population(read, panel):
    built = read("select city_code, year, city_size_class from studies.industrial_upgrading")
    mean = panel.merge(built[KEYS], on=KEYS).groupby("city_code")["pop_yearend_10k"].mean()
    names = ["up_to_100", "100_to_300", "300_to_500", "500_to_1000", "above_1000"]
    own = pd.cut(built["city_code"].map(mean), [-np.inf, 100, 300, 500, 1000, np.inf], labels=names)
    assert (own.astype(str) == built["city_size_class"]).all()


def test_groups_above_the_median(read, panel):
    """Market integration: of all city-years. Digital finance, whose series starts a year late: of the city means."""
    cp = read(
        "select city_code, year, market_integration, market_integration_high, digital_finance_high from studies.common_prosperity"
    )
    own = cp[KEYS].assign(
        market_integration_high=(cp["market_integration"] > cp["market_integration"].median()).astype(int)
    )
    agree(cp, own, "market_integration_high")
    mean = panel.merge(cp[KEYS], on=KEYS).groupby("city_code")["pku_dfiic_index"].mean()
    agree(
        cp,
        own.assign(digital_finance_high=own["city_code"].map(mean > mean.median()).astype(int)),
        "digital_finance_high",
    )


def continuous(read, study):
    return read(f"select column_name from seeds.study_variables where study = '{study}' and kind = 'continuous'")[
        "column_name"
    ].tolist()


def test_winsorised_at_one_and_ninety_nine_per_cent(read):
    before, after = read("from studies.industrial_upgrading_built"), read("from studies.industrial_upgrading")
    changed = 0
    for column in continuous(read, "industrial_upgrading"):
        values = before[column].astype(float)
        low, high = np.nanquantile(values, [0.01, 0.99])
        agree(after, before[KEYS].assign(**{column: values.clip(low, high)}), column)
        changed += int(((values < low) | (values > high)).sum())
    statuses = read("select count(*) as n from audit.study_cell_status where status = 'winsorised'")
    assert changed == statuses["n"].item() > 0


def test_outliers_replaced_on_the_line(read):
    """Three interquartile ranges beyond the quartiles in logs, zeros left alone; a line of at most three missing years, or no value."""
    before, after = read("from studies.digital_industry_built"), read("from studies.digital_industry")
    before = before.sort_values(KEYS, ignore_index=True)
    changed = 0
    for column in continuous(read, "digital_industry"):
        values = before[column].astype(float)
        logs = np.log(values.where(values > 0))
        first, third = np.nanquantile(logs, [0.25, 0.75])
        odd = (logs < first - 3 * (third - first)) | (logs > third + 3 * (third - first))
        odd &= third > first
        blank = values.mask(odd | (values <= 0))
        line = pd.concat(
            [
                pd.Series(on_the_line(before.loc[g.index, "year"].to_numpy(), g.to_numpy(), 3), index=g.index)
                for _, g in blank.groupby(before["city_code"])
            ]
        )
        agree(after, before[KEYS].assign(**{column: values.mask(odd, line)}), column)
        changed += int(odd.sum())
    statuses = read("select count(*) as n from audit.study_cell_status where status like 'outlier%'")
    assert changed == statuses["n"].item() > 0
