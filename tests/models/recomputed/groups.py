"""Groups, treatment dates and instruments: medians, terciles and lags, regions, first year of the policy, trends."""

from __future__ import annotations

import numpy as np
import pandas as pd

from tests.models.recomputed.expectation import CITY_YEAR, Expectation, Read

GROUPED = [
    "market_integration",
    "market_index",
    "gov_digital_freq",
    "gov_nq_freq",
    "fiscal_share",
    "public_staff_ratio",
]


def above_median(study: str, columns: list[str], scope: str) -> Expectation:
    """1 above the median of all city-years, of the year, or of the city means; 0 at or below; missing without a value."""

    def compute(read: Read, value: str) -> pd.DataFrame:
        rows = read(f"studies.{study}")
        high = {f"{name}_high": above(rows, name, scope) for name in columns}
        return rows[list(CITY_YEAR)].assign(**high)

    return Expectation(f"studies.{study}", compute)


def above(rows: pd.DataFrame, name: str, scope: str) -> pd.Series:
    """A group of one column."""
    judged = rows.groupby("city_code")[name].transform("mean") if scope == "city_mean" else rows[name]
    median = judged.groupby(rows["year"]).transform("median") if scope == "yearly" else judged.median()
    return (judged > median).astype(float).where(judged.notna())


def of_digital_finance(scope: str, fill: str = "city_mean") -> Expectation:
    """Groups of digital finance; years before it began take the city's mean, the first value of the city, or no group."""

    def compute(read: Read, value: str) -> pd.DataFrame:
        rows = read("studies.common_prosperity").sort_values(list(CITY_YEAR), ignore_index=True)
        known = rows["digital_finance"]
        mean, first = (known.groupby(rows["city_code"]).transform(how) for how in ("mean", "first"))
        judged = {"city_mean": known.fillna(mean), "backfill": known.fillna(first), "drop": known}[fill]
        mean = judged.groupby(rows["city_code"]).transform("mean") if fill == "backfill" else mean
        basis = mean.where(judged.notna()) if scope == "city_mean" else judged
        cut = basis.groupby(rows["year"]).transform("median") if scope == "yearly" else basis.median()
        return rows[list(CITY_YEAR)].assign(digital_finance_high=(basis > cut).astype(float).where(basis.notna()))

    return Expectation("studies.common_prosperity", compute)


def by_year(column: str, attribute: str, prefix: str) -> Expectation:
    """An attribute of the city in one year and 0 in the others; the column with a trend is empty."""

    def compute(read: Read, value: str) -> pd.DataFrame:
        rows = read("indices.instruments")
        given = rows["city_code"].map(read("indices.city_attributes").set_index("city_code")[attribute])
        years = [int(name.removeprefix(prefix)) for name in rows if name.startswith(prefix) and name[-4:].isdigit()]
        dummies = {f"{prefix}{year}": given.where(rows["year"] == year, 0.0 * given) for year in years}
        return rows[list(CITY_YEAR)].assign(**dummies, **{column: np.nan})

    return Expectation("indices.instruments", compute)


def terciles(read: Read, value: str) -> pd.DataFrame:
    """Terciles of the city means; the lag of the index stays inside the group, in which a city then always is."""
    rows = read("studies.new_quality_va_types").sort_values(list(CITY_YEAR), ignore_index=True)
    judged = rows.groupby("city_code")["nq_topsis"].transform("mean")
    low, high = judged.quantile(1 / 3), judged.quantile(2 / 3)
    group = pd.Series(np.where(judged > high, "high", np.where(judged > low, "middle", "low")), rows.index)
    return rows[list(CITY_YEAR)].assign(nq_level_group=group, l_nq=year_before(rows, "nq_topsis"))


def any_lag(read: Read, value: str) -> pd.DataFrame:
    """The index of the year before, whatever its group."""
    rows = read("studies.new_quality_va_types").sort_values(list(CITY_YEAR), ignore_index=True)
    return rows[list(CITY_YEAR)].assign(l_nq=year_before(rows, "nq_topsis"))


def year_before(rows: pd.DataFrame, column: str) -> pd.Series:
    """A column in the year before."""
    groups = rows.groupby("city_code")
    return groups[column].shift().where(groups["year"].diff() == 1)


def regions(read: Read, value: str) -> pd.DataFrame:
    """Four regions: the northeast (Liaoning, Jilin, Heilongjiang) apart."""
    rows = read("indices.city_attributes")
    return rows[["city_code"]].assign(
        region3=rows["region3"].where(~rows["province_code"].astype(str).str[:2].isin(["21", "22", "23"]), "northeast")
    )


def next_year(read: Read, value: str) -> pd.DataFrame:
    """The broadband designation counts from the year after."""
    rows = read("indices.policies")
    start = rows["broadband_china_year"].astype(float) + 1
    treated = (rows["year"] >= start).astype(float)
    return rows[list(CITY_YEAR)].assign(broadband_china_year=start, broadband_china=treated)


def open_ends(read: Read, value: str) -> pd.DataFrame:
    """Dummies of the years -7 to 7 around the designation only."""
    rows = read("indices.event_time")
    since = rows["year"] - rows["cohort"].astype(float)
    dummies = {f"event_{'m' if k < 0 else 'p'}{abs(k)}": (since == k).astype(float) for k in range(-7, 8)}
    return rows[list(CITY_YEAR)].assign(**dummies)


def internet_users(read: Read, value: str) -> pd.DataFrame:
    """Distance to Hangzhou times the nation's internet users of the year before."""
    series = read("staging.stg_series")
    users = series[(series["place_code"] == "national") & (series["variable"] == "internet_users_national_10k")]
    before = users.set_index(users["year"] + 1)["value"]
    far = read("indices.city_attributes").set_index("city_code")["hangzhou_distance_km"]
    rows = read("indices.instruments")[list(CITY_YEAR)]
    return rows.assign(iv_hangzhou=rows["city_code"].map(far) * rows["year"].map(before))


EXPECTED = {
    ("median_scope", "yearly"): above_median("digital_industry_built", GROUPED, "yearly"),
    ("median_scope", "city_mean"): above_median("digital_industry_built", GROUPED, "city_mean"),
    ("digital_finance_scope", "pooled"): of_digital_finance("pooled"),
    ("digital_finance_scope", "yearly"): of_digital_finance("yearly"),
    ("digital_finance_2010", "backfill"): of_digital_finance("city_mean", "backfill"),
    ("digital_finance_2010", "drop"): of_digital_finance("city_mean", "drop"),
    ("hangzhou_time", "year_dummies"): by_year("iv_hangzhou", "hangzhou_distance_km", "iv_hangzhou_"),
    ("terrain_time", "year_dummies"): by_year("iv_terrain_year", "terrain_relief_sd", "iv_terrain_"),
    ("nq_group_level", "city"): Expectation("studies.new_quality_va_types", terciles),
    ("nq_lag", "before_split"): Expectation("studies.new_quality_va_types", any_lag),
    ("treat_start", "next_year"): Expectation("indices.policies", next_year),
    ("event_bins", "open"): Expectation("indices.event_time", open_ends),
    ("hangzhou_time", "internet_users"): Expectation("indices.instruments", internet_users),
    ("region_def", "nbs4"): Expectation("indices.city_attributes", regions, ("city_code",)),
}
