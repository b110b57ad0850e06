"""Indices of industrial upgrading: co-agglomeration, allocation of people, coordination, logs of zeros, structure, size."""

from __future__ import annotations

import numpy as np
import pandas as pd

from tests.models.recomputed.cleaning import on_the_line
from tests.models.recomputed.expectation import CITY_YEAR, Expectation, Read, distances, sample

STUDY = "industrial_upgrading"
NARROW = ["emp_transport_post_10k", "emp_ict_10k", "emp_finance_10k", "emp_sci_10k"]
LOGS = {"lnecol": "ecol", "lneland": "eland", "lnrel": "rel", "lncac": "cac"}


def coagglomeration(unit_km: float = 100, form: str = "symmetric", leasing: bool = True) -> Expectation:
    """1 - |k_m - k_s| / (k_m + k_s), k the employment around a city, decaying with distance, over its own, against the nation."""

    def compute(read: Read, value: str) -> pd.DataFrame:
        services = [*NARROW, "emp_leasing_business_10k"] if leasing else NARROW
        parts = []
        for year, own in sample(read, STUDY).groupby("year"):
            T = np.exp(-distances(read, own["city_code"]).to_numpy() / unit_km)
            total = own["emp_total_10k"].to_numpy()
            k = [
                kappa(T, own[list(names)].sum(axis=1).to_numpy(), total)
                for names in (["emp_manufacturing_10k"], services)
            ]
            cac = 1 - abs(k[0] - k[1]) / (k[0] + k[1] if form == "symmetric" else k[0])
            parts.append(own[["city_code"]].assign(year=year, kappa_manufacturing=k[0], kappa_services=k[1], cac=cac))
        table = pd.concat(parts)
        return table.assign(lncac=floored(table["cac"]))

    return Expectation("indices.coagglomeration", compute)


def kappa(T: np.ndarray, employed: np.ndarray, total: np.ndarray) -> np.ndarray:
    """Distance-decay agglomeration of one industry in one year."""
    return T @ employed / T.sum(axis=1) / total / (employed.sum() / total.sum())


def floored(values: pd.Series) -> pd.Series:
    """Log, the smallest positive value in place of what has none."""
    return np.log(values.where(values > 0, values[values > 0].min()).where(values.notna()))


def logs(rule: str) -> Expectation:
    """ln(1 + x), or no log of what is not above zero."""

    def compute(read: Read, value: str) -> pd.DataFrame:
        built = read(f"studies.{STUDY}_built")
        columns = {}
        for name, level in LOGS.items():
            x = built[level]
            columns[name] = np.log1p(x.where(x > -1)) if rule == "ln1p" else np.log(x.where(x > 0))
        return built[list(CITY_YEAR)].assign(**columns)

    return Expectation(f"studies.{STUDY}_built", compute)


def coordination(form: str = "standard", scale: str = "minmax") -> Expectation:
    """(ab)^(1/4), or the fourth root of the harmonic mean."""

    def compute(read: Read, value: str) -> pd.DataFrame:
        table = read("indices.land_efficiency")[[*CITY_YEAR, "eland"]].merge(
            read("indices.allocation_efficiency")[[*CITY_YEAR, "ecol"]], on=list(CITY_YEAR)
        )
        table = table.dropna()
        a, b = (to_unit(table[c], scale) for c in ("ecol", "eland"))
        rel = (a * b) ** 0.25 if form == "standard" else (2 / (1 / a + 1 / b)) ** 0.25
        return table.assign(rel=rel)

    return Expectation("indices.coordination", compute)


def to_unit(x: pd.Series, scale: str) -> pd.Series:
    """From 0.001 to 1 between the limits."""
    if scale == "none":
        return x
    low, high = (x.quantile(0.01), x.quantile(0.99)) if scale == "quantiles" else (x.min(), x.max())
    return 0.001 + 0.999 * (x.clip(low, high) - low) / (high - low)


def allocation(normalise: bool = True, fill: tuple[str, ...] = ("line", "province")) -> Expectation:
    """Covariance over a city's firms of output per R&D worker with the share of R&D staff."""

    def compute(read: Read, value: str) -> pd.DataFrame:
        rows = sample(read, STUDY)[list(CITY_YEAR)]
        firms = read("staging.stg_firms").merge(rows, on=list(CITY_YEAR))
        firms = firms[["city_code", "year", "revenue_100m_yuan", "rd_staff", "employees"]].dropna()
        firms = firms[(firms["rd_staff"] > 0) & (firms["employees"] > 0)]
        found = {key: covariance(own) for key, own in firms.groupby(list(CITY_YEAR))}
        c = pd.Series(found)
        ecol = to_unit(c, "minmax") if normalise else c
        table = rows.merge(
            ecol.rename("ecol").rename_axis(list(CITY_YEAR)).reset_index(), on=list(CITY_YEAR), how="left"
        )
        return filled(table, read, fill)

    return Expectation("indices.allocation_efficiency", compute)


def covariance(own: pd.DataFrame) -> float:
    """Sum of products of the deviations from the city's means."""
    product, share = own["revenue_100m_yuan"] / own["rd_staff"], own["rd_staff"] / own["employees"]
    return float(((product - product.mean()) * (share - share.mean())).sum())


def filled(table: pd.DataFrame, read: Read, steps: tuple[str, ...]) -> pd.DataFrame:
    """City-years without firms: interior gaps on the line, then the mean over the province's cities with firms in that year."""
    firms = table["ecol"]
    ecol = firms
    if "line" in steps:
        ecol = pd.concat([on_the_line(own, table["year"]) for _, own in firms.groupby(table["city_code"])]).sort_index()
    if "province" in steps:
        province = table["city_code"].map(read("seeds.cities").set_index("city_code")["province_code"])
        ecol = ecol.fillna(firms.groupby([province, table["year"]]).transform("mean"))
    return table.assign(ecol=ecol)


def sizes(column: str = "pop_yearend_10k", yearly: bool = False) -> Expectation:
    """Class of a city by 10,000 persons; a population on a limit belongs to the class below."""

    def compute(read: Read, value: str) -> pd.DataFrame:
        long = read("panel.long")
        long = long.loc[long["variable"] == column, [*CITY_YEAR, "value"]].rename(columns={"value": column})
        rows = sample(read, STUDY)[list(CITY_YEAR)].merge(long, on=list(CITY_YEAR))
        people = rows[column] if yearly else rows.groupby("city_code")[column].transform("mean")
        names = ["up_to_100", "100_to_300", "300_to_500", "500_to_1000", "above_1000"]
        kinds = pd.cut(people, [0, 100, 300, 500, 1000, np.inf], labels=names).astype(str)
        return rows[list(CITY_YEAR)].assign(population_10k=people, city_size_class=kinds)

    return Expectation("indices.city_size", compute)


EXPECTED = {
    ("kappa_distance_unit_km", "1"): coagglomeration(unit_km=1),
    ("kappa_distance_unit_km", "1000"): coagglomeration(unit_km=1000),
    ("cac_form", "printed"): coagglomeration(form="printed"),
    ("producer_services", "printed"): coagglomeration(leasing=False),
    ("log_zero_rule", "ln1p"): logs("ln1p"),
    ("log_zero_rule", "drop"): logs("drop"),
    ("rel_form", "printed"): coordination(form="printed"),
    ("rel_normalise", "quantiles"): coordination(scale="quantiles"),
    ("rel_normalise", "none"): coordination(scale="none"),
    ("ecol_normalise", "none"): allocation(normalise=False),
    ("ecol_missing", "line"): allocation(fill=("line",)),
    ("ecol_missing", "none"): allocation(fill=()),
    ("size_population", "urban_resident"): sizes("pop_urban_resident_10k"),
    ("size_scope", "yearly"): sizes(yearly=True),
}
