"""Virtual agglomeration and its types: own term, unit, normalisation, national ratio, quotient; cuts."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from tests.models.recomputed.expectation import Expectation, Read, distances, sample

STUDIES = ("common_prosperity", "green_development", "digital_industry", "industrial_upgrading", "new_quality_va_types")
KEYS = ("study", "city_code", "year")
Weights = Callable[[pd.DataFrame, Read], np.ndarray]


def own_term(diagonal: float, unit_km: float = 1) -> Weights:
    """(n, n) unit / d_ij, and a number for a city itself."""

    def weights(D: pd.DataFrame, read: Read) -> np.ndarray:
        far = D.to_numpy() + np.diag(np.full(len(D), np.inf))
        return unit_km / far + np.diag(np.full(len(D), diagonal))

    return weights


def internal(D: pd.DataFrame, read: Read) -> np.ndarray:
    """The own term is 1 over the mean distance inside a disc of the city's area, 2/3 sqrt(area / pi)."""
    area = read("panel.city_year").groupby("city_code")["land_area_km2"].mean().loc[D.index]
    inside = 2 / 3 * np.sqrt(area.to_numpy() / np.pi)
    return own_term(0)(D, read) + np.diag(1 / inside)


def by_row(D: pd.DataFrame, read: Read) -> np.ndarray:
    """Weights with an own term of 1, over the sum of the row."""
    plain = own_term(1)(D, read)
    return plain / plain.sum(axis=1, keepdims=True)


def agglomeration(weights: Weights, of: str = "other") -> Expectation:
    """VA_it = sum_j w_ij LQ_jt; the quotient may be that of the city itself."""

    def compute(read: Read, value: str) -> pd.DataFrame:
        parts = []
        for (study, year), own in read("indices.location_quotients").groupby(["study", "year"]):
            own = own.sort_values("city_code")
            W = weights(distances(read, own["city_code"]), read)
            quotient = own["lq_ict"].to_numpy()
            va = W @ quotient if of == "other" else W.sum(axis=1) * quotient
            parts.append(own[["city_code"]].assign(study=study, year=year, va=va, va_sq=va**2, va_share=va / va.sum()))
        return with_growth(pd.concat(parts))

    return Expectation("indices.virtual_agglomeration", compute, KEYS)


def with_growth(table: pd.DataFrame) -> pd.DataFrame:
    """VA_it / VA_i,t-1 - 1; the samples are balanced, so that the row before is the year before."""
    table = table.sort_values(list(KEYS), ignore_index=True)
    before = table.groupby(["study", "city_code"])["va"].shift()
    return table.assign(va_growth=table["va"] / before - 1)


def quotients(read: Read, value: str) -> pd.DataFrame:
    """Location quotients whose national ratio is that of all years of the study together, or of another category of employment."""
    parts = []
    for study in STUDIES:
        rows = sample(read, study).dropna(subset=["emp_ict_10k"])
        digital = value == "emp_digital" and study == "digital_industry"
        ict, total = rows["emp_digital_10k" if digital else "emp_ict_10k"], rows["emp_total_10k"]
        by = rows["year"] if value != "pooled" else pd.Series(0, index=rows.index)
        nation = ict.groupby(by).transform("sum") / total.groupby(by).transform("sum")
        parts.append(rows[["city_code", "year"]].assign(study=study, lq_ict=ict / total / nation))
    return pd.concat(parts).dropna()


def types(
    share_cut: float = 1 / 2,
    growth_cuts: tuple[float, float] = (1 / 3, 2 / 3),
    low_middle: int = 3,
    first_years: int | None = None,
) -> Expectation:
    """One type a city: share of its mean, average annual growth, both over the study's years or the first of them."""

    def compute(read: Read, value: str) -> pd.DataFrame:
        rows = read("indices.virtual_agglomeration")
        wide = rows[rows["study"] == "new_quality_va_types"].pivot(index="city_code", columns="year", values="va")
        base = wide.iloc[:, :first_years]
        share = base.mean(axis=1) / base.mean(axis=1).sum()
        growth = (base.iloc[:, -1] / base.iloc[:, 0]) ** (1 / (base.shape[1] - 1)) - 1
        slow, fast = np.quantile(growth, growth_cuts)
        kinds = classes(share > np.quantile(share, share_cut), growth, slow, fast, low_middle)
        table = wide.melt(ignore_index=False, value_name="va").reset_index()
        table["va_type"] = table["city_code"].map(kinds)
        return spread(table)

    return Expectation("indices.va_types", compute)


def yearly_types(read: Read, value: str) -> pd.DataFrame:
    """A type by share and growth of each year, cuts over all city-years with a growth."""
    rows = read("indices.virtual_agglomeration")
    rows = rows[rows["study"] == "new_quality_va_types"].reset_index(drop=True)
    known = rows["va_growth"].notna()
    slow, fast = np.quantile(rows.loc[known, "va_growth"], (1 / 3, 2 / 3))
    is_high = rows["va_share"] > np.quantile(rows.loc[known, "va_share"], 0.5)
    kinds = classes(is_high, rows["va_growth"], slow, fast, 3).where(known)
    return spread(rows[["city_code", "year", "va"]].assign(va_type=kinds))


def classes(is_high: pd.Series, growth: pd.Series, slow: float, fast: float, low_middle: int) -> pd.Series:
    """1 high share and growth, 2 high and middle, 3 low and high, 4 high and low, 5 low and low."""
    speed = np.where(growth > fast, "fast", np.where(growth <= slow, "slow", "middle"))
    of_high, of_low = {"fast": 1, "middle": 2, "slow": 4}, {"fast": 3, "middle": low_middle, "slow": 5}
    return pd.Series([(of_high if h else of_low)[s] for h, s in zip(is_high, speed, strict=True)], index=growth.index)


def spread(table: pd.DataFrame) -> pd.DataFrame:
    """V_k = VA of the cities of type k, 0 in the others, missing without a type."""
    own = {f"v{k}": (table["va"] * (table["va_type"] == k)).where(table["va_type"].notna()) for k in range(1, 6)}
    return table[["city_code", "year", "va_type"]].assign(**own)


def double_sum(read: Read, value: str) -> pd.DataFrame:
    """The sum over all cities of the study, the same for each, in new_quality_va_types."""
    rows = read("indices.virtual_agglomeration")
    total = rows.groupby(["study", "year"])["va"].transform("sum")
    va = rows["va"].where(rows["study"] != "new_quality_va_types", total)
    return rows[list(KEYS)].assign(va=va, va_sq=va**2, va_constant=total)


EXPECTED = {
    ("va_formula", "printed"): Expectation("indices.virtual_agglomeration", double_sum, KEYS),
    ("va_own_term", "exclude"): agglomeration(own_term(0)),
    ("va_own_term", "internal"): agglomeration(internal),
    ("va_distance_unit_km", "100"): agglomeration(own_term(1, 100)),
    ("va_distance_unit_km", "1000"): agglomeration(own_term(1, 1000)),
    ("va_normalise", "row"): agglomeration(by_row),
    ("va_quotient", "i"): agglomeration(own_term(1), of="own"),
    ("va_national_ratio", "pooled"): Expectation("indices.location_quotients", quotients, KEYS),
    ("digital_employment", "emp_digital"): Expectation("indices.location_quotients", quotients, KEYS),
    ("va_type_level", "city_year"): Expectation("indices.va_types", yearly_types),
    ("va_share_cut", "0.4"): types(share_cut=0.4),
    ("va_share_cut", "0.6"): types(share_cut=0.6),
    ("va_growth_cuts", "quartiles"): types(growth_cuts=(0.25, 0.75)),
    ("va_low_middle", "5"): types(low_middle=5),
    ("index_base_years", "first"): types(first_years=2),  # growth needs the year after the first
}
