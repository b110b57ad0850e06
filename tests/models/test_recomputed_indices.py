"""Composite indices, capital, factor distortion, allocation, coordination, export sophistication and robots, recomputed from the specifications."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tests.models.by_hand import KEYS, agree, on_the_line

pytestmark = pytest.mark.slow

# Indicators of the indices on the panel, as index_indicators.csv writes them; scales are free, weights and scores do not depend on them.
GREEN = {
    "energy": ("-", lambda p: p.energy_per_gdp_tce_per_10k_yuan), "water": ("-", lambda p: p.wastewater_industrial_10k_t / p.gdp_100m_yuan),
    "tertiary": ("+", lambda p: p.va_tertiary_100m_yuan / p.gdp_100m_yuan), "gas": ("+", lambda p: p.gas_residential_pc_m3_per_person_districts),
    "tap": ("+", lambda p: p.water_residential_pc_t_per_person_districts), "parks": ("+", lambda p: p.park_area_pc_m2_per_person_districts),
    "cover": ("+", lambda p: p.green_coverage_pct_districts), "so2": ("-", lambda p: p.so2_industrial_t),
    "sewage": ("+", lambda p: p.sewage_treatment_rate_pct),
}  # fmt: skip
PRODUCTIVE = [
    "listed_strategic_emp_persons", "emp_sci_10k", "wage_avg_yuan", "cons_urban_yuan", "telecom_volume_100m_yuan", "ai_firms_share_pct", "robots",
    "env_invest_100m_yuan", "waste_harmless_rate_pct", "carbon_trade_100m_yuan", "patents_green_invention_pieces", "patents_green_utility_pieces",
    "broadband_users_10k_households", "internet_penetration_pct", "exp_science_100m_yuan", "exp_education_100m_yuan",
]  # fmt: skip
QUALITY = [
    ("+", lambda p: p.gdp_100m_yuan / p.pop_yearend_10k), ("+", lambda p: p.wage_avg_yuan), ("+", lambda p: p.emp_tertiary_10k / p.emp_total_10k),
    ("+", lambda p: p.students_higher_persons / p.pop_yearend_10k), ("+", lambda p: p.exp_education_100m_yuan / p.fiscal_exp_100m_yuan),
    ("+", lambda p: p.students_regular_persons / p.pop_yearend_10k), ("+", lambda p: p.emp_sci_10k), ("+", lambda p: p.new_firms_per_100_persons),
    ("+", lambda p: p.robots_printed), ("+", lambda p: p.green_area_hectare), ("+", lambda p: p.exp_env_100m_yuan / p.fiscal_exp_100m_yuan),
    ("-", lambda p: p.wastewater_industrial_10k_t / p.gdp_100m_yuan), ("-", lambda p: p.so2_industrial_t / p.gdp_100m_yuan),
    ("+", lambda p: p.patents_green_pieces / p.patents_applied_pieces), ("+", lambda p: p.road_length_km), ("+", lambda p: p.fibre_density),
    ("+", lambda p: p.ports_per_person), ("+", lambda p: p.emp_ict_10k / p.emp_total_10k),
    ("+", lambda p: p.telecom_revenue_100m_yuan / p.pop_yearend_10k), ("+", lambda p: p.mobile_users_10k_households / p.pop_yearend_10k),
    ("+", lambda p: p.broadband_users_10k_households / p.pop_yearend_10k), ("-", lambda p: p.energy_consumption_10k_t_ce / p.gdp_100m_yuan),
    ("+", lambda p: p.co2_before - p.co2_emissions_10k_t), ("-", lambda p: p.pollution),
    ("+", lambda p: p.patents_granted_pieces / p.pop_yearend_10k), ("+", lambda p: p.rd_expenditure_100m_yuan / p.gdp_100m_yuan),
    ("+", lambda p: p.digital_economy_index),
]  # fmt: skip
PROSPERITY = [
    ("+", lambda p: p.inc_urban_yuan), ("+", lambda p: p.inc_rural_yuan), ("+", lambda p: p.inc_all_yuan / p.gdp_pc_yuan),
    ("+", lambda p: p.savings_household_100m_yuan / p.pop_resident_10k), ("+", lambda p: p.inc_rural_yuan / p.inc_urban_yuan),
    ("+", lambda p: p.cons_rural_yuan / p.cons_urban_yuan), ("+", lambda p: p.inc_urban_yuan / p.inc_urban_prov_yuan),
    ("+", lambda p: p.inc_rural_yuan / p.inc_rural_prov_yuan), ("+", lambda p: p.inc_urban_yuan / p.inc_urban_nat_yuan),
    ("+", lambda p: p.inc_rural_yuan / p.inc_rural_nat_yuan),
    ("+", lambda p: p.edu_exp_per_student_yuan_per_student / p.edu_exp_per_student_prov_yuan_per_student),
    ("+", lambda p: p.edu_exp_per_student_yuan_per_student / p.edu_exp_per_student_nat_yuan_per_student),
    ("+", lambda p: p.hospital_beds / p.pop_resident_10k / p.hospital_beds_prov_per_10k_persons),
    ("+", lambda p: p.hospital_beds / p.pop_resident_10k / p.hospital_beds_nat_per_10k_persons),
    ("+", lambda p: p.green_area_hectare / p.pop_resident_10k / p.green_area_prov_m2_per_person),
    ("+", lambda p: p.green_area_hectare / p.pop_resident_10k / p.green_area_nat_m2_per_person), ("-", lambda p: p.unemployment_rate_pct),
    ("-", lambda p: p.pop_65plus_10k / p.pop_resident_10k), ("-", lambda p: p.energy_consumption_10k_t_ce / p.gdp_100m_yuan),
    ("+", lambda p: p.waste_harmless_rate_pct),
]  # fmt: skip


def sample_panel(read, study):
    """The panel of a study's sample, in order of city and year."""
    return read(
        f"select p.* from panel.city_year as p join panel.samples as s using (city_code, year) where s.study = '{study}' order by city_code, year"
    )


def directed(table, signs):
    """(n, p) min-max scores over all rows, larger is better."""
    x = np.column_stack([np.asarray(column, dtype=float) for column in table])
    low, high = x.min(axis=0), x.max(axis=0)
    return np.where(np.array(signs) == "+", x - low, high - x) / (high - low)


def entropy(scores):
    """(p,) weights: e_j = -(1 / ln n) sum p ln p with 0 ln 0 = 0, w_j = (1 - e_j) / sum (1 - e_j)."""
    p = scores / scores.sum(axis=0)
    plogp = np.where(p > 0, p * np.log(np.where(p > 0, p, 1)), 0)
    diversity = 1 + plogp.sum(axis=0) / np.log(len(p))
    return diversity / diversity.sum()


def pollution(panel):
    scores = directed([panel.wastewater_industrial_10k_t, panel.so2_industrial_t, panel.dust_industrial_t], ["+"] * 3)
    return scores @ entropy(scores)


def test_pollution_index(read):
    own = sample_panel(read, "new_quality_va_types")
    built = read("select city_code, year, env_pollution_index from studies.new_quality_va_types")
    agree(built, own.assign(env_pollution_index=pollution(own)), "env_pollution_index")


def test_green_index(read):
    own = sample_panel(read, "green_development")
    scores = directed([f(own) for _, f in GREEN.values()], [sign for sign, _ in GREEN.values()])
    built = read("select city_code, year, green_index from studies.green_development")
    agree(built, own.assign(green_index=scores @ entropy(scores)), "green_index")


def robots_by_employment(read):
    """National robots of an industry group times the city's share in its employment of the first year."""
    groups = read("select distinct standard::varchar as edition, industry_code, group_code from seeds.gbt_industries")
    stock = read(
        "select year, right(standard, 4) as edition, industry_code, robots_stock_machines as robots from raw.robots"
    )
    people = read(
        "select city_code, year, right(standard::varchar, 4) as edition, industry_code, employed_10k from raw.city_industry"
    )
    first = people[people["year"] == people["year"].min()].merge(groups, on=["edition", "industry_code"])
    first = first.groupby(["city_code", "group_code"], as_index=False)["employed_10k"].sum()
    first["share"] = first["employed_10k"] / first.groupby("group_code")["employed_10k"].transform("sum")
    national = (
        stock.merge(groups, on=["edition", "industry_code"])
        .groupby(["group_code", "year"], as_index=False)["robots"]
        .sum()
    )
    both = first.merge(national, on="group_code")
    return both.assign(robots=both["robots"] * both["share"]).groupby(KEYS, as_index=False)["robots"].sum()


def test_robots(read):
    built = read(
        "select city_code, year, robots_by_employment as robots from indices.robots where robots_by_employment is not null"
    )
    own = robots_by_employment(read).merge(built[KEYS], on=KEYS)
    agree(built, own, "robots")


def test_new_productive_forces_by_entropy(read):
    own = sample_panel(read, "digital_industry").merge(robots_by_employment(read), on=KEYS, how="left")
    scores = directed([own[c] for c in PRODUCTIVE], ["+"] * 16)
    built = read("select city_code, year, np_entropy from studies.digital_industry_built")
    agree(built, own.assign(np_entropy=scores @ entropy(scores)), "np_entropy")


def quality_panel(read):
    """The sample with what the 27 indicators need from elsewhere: emissions of the year before, provincial densities, national robots."""
    panel = read("select p.*, c.province_code from panel.city_year as p join seeds.cities as c using (city_code)")
    series = read("from staging.stg_series")
    wide = series.pivot_table(index=["place_code", "year"], columns="variable", values="value")
    area = panel.groupby(["province_code", "year"])[["land_area_km2", "pop_yearend_10k"]].sum()
    area = area.rename_axis(["place_code", "year"])
    density = pd.DataFrame(
        {
            "fibre_density": wide["fibre_length_km"] / area["land_area_km2"],
            "ports_per_person": wide["broadband_ports_10k_ports"] / area["pop_yearend_10k"],
        }
    ).reset_index()
    before = panel[KEYS].assign(year=panel["year"] + 1, co2_before=panel["co2_emissions_10k_t"])
    machines = read("select year, sum(robots_stock_machines) as machines from raw.robots group by year")
    everyone = series[(series["place_code"] == "national") & (series["variable"] == "emp_total_national_10k")]
    own = sample_panel(read, "new_quality_va_types").merge(panel[[*KEYS, "province_code"]], on=KEYS)
    own = own.merge(density, left_on=["province_code", "year"], right_on=["place_code", "year"], how="left")
    own = own.merge(before, on=KEYS, how="left").merge(machines, on="year", how="left")
    own = own.merge(everyone[["year", "value"]], on="year", how="left")
    own["robots_printed"] = own["machines"] * own["emp_industry_10k"] / own["value"]
    return own.assign(pollution=pollution(own)).sort_values(KEYS, ignore_index=True)


def test_new_quality_by_topsis_its_groups_and_lag(read):
    """d- / (d+ + d-) of the weighted scores; terciles over city-years; the lag only from a year in the same group."""
    own = quality_panel(read)
    built = read("select city_code, year, nq_topsis, nq_level_group, l_nq from studies.new_quality_va_types")
    weighted = directed([f(own) for _, f in QUALITY], [sign for sign, _ in QUALITY])
    weighted = weighted * entropy(weighted)
    best, worst = (np.sqrt(((weighted - end) ** 2).sum(axis=1)) for end in (weighted.max(axis=0), weighted.min(axis=0)))
    own["nq_topsis"] = worst / (best + worst)
    agree(built, own, "nq_topsis")
    cuts = np.quantile(own["nq_topsis"], [1 / 3, 2 / 3])
    own["group"] = np.select([own["nq_topsis"] > cuts[1], own["nq_topsis"] > cuts[0]], ["high", "middle"], "low")
    assert (built.merge(own, on=KEYS).eval("nq_level_group == group")).all()
    last = own.groupby("city_code")[["nq_topsis", "group"]].shift()
    agree(built, own.assign(l_nq=last["nq_topsis"].where(last["group"] == own["group"])), "l_nq")


def test_common_prosperity_by_principal_components(read):
    """Components of the correlation matrix with an eigenvalue above one, weighted by it, loadings that sum to a positive number; scaled to the printed moments."""
    series = read("from staging.stg_series where variable similar to '(inc|edu|hospital|green)_.*_(prov|nat)_.*'")
    wide = series.pivot_table(index=["place_code", "year"], columns="variable", values="value").reset_index()
    nation = wide[wide["place_code"] == "national"].dropna(axis=1, how="all").drop(columns="place_code")
    province = wide[wide["place_code"] != "national"].dropna(axis=1, how="all")
    codes = read("select city_code, province_code as place_code from seeds.cities")
    own = sample_panel(read, "common_prosperity").merge(codes, on="city_code")
    own = own.merge(province, on=["place_code", "year"]).merge(nation, on="year")
    x = np.column_stack([np.where(sign == "+", 1, -1) * f(own) for sign, f in PROSPERITY])
    z = (x - x.mean(axis=0)) / x.std(axis=0)
    values, vectors = np.linalg.eigh(np.corrcoef(x, rowvar=False))
    kept = values > 1
    vectors = vectors[:, kept] * np.sign(vectors[:, kept].sum(axis=0))
    raw = z @ vectors @ (values[kept] / values[kept].sum())
    own["cp_index"] = 0.6003 + 0.0480 * (raw - raw.mean()) / raw.std()
    agree(read("select city_code, year, cp_index from studies.common_prosperity"), own, "cp_index")


def capital(read):
    """K_t = (1 - 0.096) K_{t-1} + I_t / P_t, K_0 = I_0 / (g + 0.096), g the average growth of real investment; prices of 2013, after 2019 at the mean growth of five years."""
    panel = read(
        "select city_code, year, fai_100m_yuan as i, province_code from panel.city_year join seeds.cities using (city_code) where fai_100m_yuan > 0"
    )
    index = read("select place_code, year, value from staging.stg_series where variable = 'fai_price_index_prev100'")
    index = index[index["year"] <= 2019].pivot(index="year", columns="place_code", values="value") / 100
    for year in range(2020, panel["year"].max() + 1):
        index.loc[year] = np.exp(np.log(index.loc[2015:2019]).mean())
    level = index.cumprod()
    level = level / level.loc[2013]
    first = index.index.min() - 1  # the year before the first index
    level.loc[first] = 1 / index.loc[first + 1 : 2013].prod()
    out = []
    for _, rows in panel.sort_values("year").groupby("city_code"):
        real = rows["i"].to_numpy() / [
            level.loc[y, p] for y, p in zip(rows["year"], rows["province_code"], strict=True)
        ]
        assert (np.diff(rows["year"]) == 1).all()
        g = (real[-1] / real[0]) ** (1 / (len(real) - 1)) - 1
        stock = [real[0] / (g + 0.096)]
        for now in real[1:]:
            stock.append((1 - 0.096) * stock[-1] + now)
        out.append(rows[KEYS].assign(capital=stock))
    return pd.concat(out)


def test_capital_stock(read):
    built = read("select city_code, year, capital from indices.capital")
    agree(built, capital(read).merge(built[KEYS], on=KEYS), "capital")


def test_factor_distortion(read):
    """ln Y on ln K and ln L with effects of city and year; |alpha Y / (0.10 K) - 1| and |beta Y / (w L) - 1|."""
    own = sample_panel(read, "common_prosperity").merge(capital(read), on=KEYS).sort_values(KEYS, ignore_index=True)
    logs = np.log(own[["gdp_100m_yuan", "capital", "emp_total_10k"]])
    dummies = pd.get_dummies(own[["city_code", "year"]].astype(str)).to_numpy(dtype=float)
    alpha, beta = np.linalg.lstsq(np.column_stack([logs.iloc[:, 1:], dummies]), logs.iloc[:, 0], rcond=None)[0][:2]
    own["distk"] = (alpha * own["gdp_100m_yuan"] / (0.10 * own["capital"]) - 1).abs()
    own["distl"] = (beta * own["gdp_100m_yuan"] * 1e4 / (own["wage_avg_yuan"] * own["emp_total_10k"]) - 1).abs()
    built = read("select city_code, year, distk, distl from studies.common_prosperity")
    agree(built, own, "distk")
    agree(built, own, "distl")


def unit(values):
    """[0.001, 1] by the smallest and the largest."""
    return 0.001 + 0.999 * (values - values.min()) / (values.max() - values.min())


def test_allocation_of_human_capital(read):
    """sum_v (mpl_v - mean)(s_v - mean) with mpl = revenue / research staff, s = research staff / employees; line, then the mean of the province."""
    keys = read(
        "select city_code, year, province_code from panel.samples join seeds.cities using (city_code) where study = 'industrial_upgrading'"
    )
    firms = read("from staging.stg_firms").merge(keys, on=KEYS)
    firms = firms[(firms["rd_staff"] > 0) & (firms["employees"] > 0) & firms["revenue_100m_yuan"].notna()]
    firms = firms.assign(mpl=firms["revenue_100m_yuan"] / firms["rd_staff"], s=firms["rd_staff"] / firms["employees"])
    by_city = firms.groupby(KEYS)[["mpl", "s"]]
    products = ((firms[["mpl", "s"]] - by_city.transform("mean")).prod(axis=1)).groupby([firms[k] for k in KEYS]).sum()
    own = keys.merge(unit(products).rename("firms").reset_index(), on=KEYS, how="left").sort_values(
        KEYS, ignore_index=True
    )
    line = [on_the_line(g["year"].to_numpy(), g["firms"].to_numpy(), 3) for _, g in own.groupby("city_code")]
    mean = own.groupby(["province_code", "year"])["firms"].transform("mean")
    own["ecol"] = pd.Series(np.concatenate(line)).fillna(mean)
    agree(read("select city_code, year, ecol from studies.industrial_upgrading_built"), own, "ecol")


def test_coordination_of_people_and_land(read):
    """C = 2 sqrt(ab) / (a + b), T = (a + b) / 2, rel = sqrt(C T), both inputs scaled to [0.001, 1]; grades cut at 0.3, 0.5 and 0.7."""
    built = read("select city_code, year, ecol, eland, rel, rel_bin from indices.coordination order by city_code, year")
    a, b = unit(built["ecol"]), unit(built["eland"])
    rel = np.sqrt(2 * np.sqrt(a * b) / (a + b) * (a + b) / 2)
    agree(built, built[KEYS].assign(rel=rel), "rel")
    grades = pd.cut(rel, [-1, 0.3, 0.5, 0.7, 2], right=False, labels=["uncoordinated", "basic", "moderate", "high"])
    assert (grades.astype(str) == built["rel_bin"]).all()


def complexity(read):
    """PRODY_k = sum_c [(x_ck / X_c) / sum_c (x_ck / X_c)] y_c by trade year, in thousands of dollars."""
    flows = read(
        "select distinct year, exporter, product_code, value_1k_usd, gdp_pc_usd from staging.stg_industry_exports where gdp_pc_usd is not null"
    )
    share = flows["value_1k_usd"] / flows.groupby(["year", "exporter"])["value_1k_usd"].transform("sum")
    flows = flows.assign(share=share, income=share * flows["gdp_pc_usd"] / 1000)
    sums = flows.groupby(["year", "product_code"], as_index=False)[["share", "income"]].sum()
    return sums.assign(prody=sums["income"] / sums["share"])


def test_product_complexity(read):
    built = read("from indices.product_complexity")
    agree(built, complexity(read), "prody", keys=["year", "product_code"])


def test_industrial_sophistication(read):
    """Output-weighted mean over industries of the mean PRODY of their products, trade of the closest year; its log."""
    groups = read("select distinct standard::integer as standard, industry_code, group_code from seeds.gbt_industries")
    members = read(
        "select distinct year, product_code, group_code from staging.stg_industry_exports where group_code is not null"
    )
    pro = members.merge(complexity(read), on=["year", "product_code"]).groupby(["year", "group_code"])["prody"].mean()
    years = np.sort(pro.index.get_level_values("year").unique())
    output = read(
        "select city_code, year, standard::integer as standard, industry_code, output_100m_yuan as op from raw.city_industry where output_100m_yuan is not null"
    )
    output = output.merge(groups, on=["standard", "industry_code"])
    output["trade_year"] = [years[np.abs(years - y).argmin()] for y in output["year"]]
    output = output.merge(
        pro.rename("pro").reset_index(),
        left_on=["trade_year", "group_code"],
        right_on=["year", "group_code"],
        suffixes=("", "_of_trade"),
    )
    sums = output.assign(weighted=output["op"] * output["pro"]).groupby(KEYS, as_index=False)[["weighted", "op"]].sum()
    sums["stru"] = sums["weighted"] / sums["op"]
    sums["lnstru"] = np.log(sums["stru"])
    built = read("select city_code, year, stru, lnstru from indices.industrial_sophistication")
    agree(built, sums, "stru")
    agree(built, sums, "lnstru")
