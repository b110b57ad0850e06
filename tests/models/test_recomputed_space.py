"""Location quotients, virtual agglomeration and its types, co-agglomeration, distance bands, weights and market integration, recomputed."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest

from tests.models.by_hand import KEYS, agree, kilometres

pytestmark = pytest.mark.slow

VIRTUAL = {"common_prosperity": "va_cp", "new_quality_va_types": "va_nq", "green_development": "va_gd"}


@pytest.fixture(scope="module")
def distances(read):
    return kilometres(read("from seeds.cities"))


def sample_panel(read, study):
    """The panel of a study's sample."""
    return read(
        f"select p.* from panel.city_year as p join panel.samples as s using (city_code, year) where s.study = '{study}'"
    )


def quotient(employed):
    """(VS_j / X_j) / (VS / X) by year."""
    own = employed["emp_ict_10k"] / employed["emp_total_10k"]
    total = employed.groupby("year")[["emp_ict_10k", "emp_total_10k"]].transform("sum")
    return own / (total["emp_ict_10k"] / total["emp_total_10k"])


@pytest.mark.parametrize("study", [*VIRTUAL, "digital_industry_built"])
def test_location_quotient(read, study):
    own = sample_panel(read, study.removesuffix("_built"))
    agree(read(f"select city_code, year, lq_ict from studies.{study}"), own.assign(lq_ict=quotient(own)), "lq_ict")


@pytest.mark.parametrize("study", VIRTUAL)
def test_virtual_agglomeration(read, distances, study):
    """sum_j LQ_j / d_ij, the own quotient with weight one."""
    name = VIRTUAL[study]
    own = sample_panel(read, study)
    own["lq"] = quotient(own)
    wide = own.pivot(index="year", columns="city_code", values="lq")
    near = 1 / distances.loc[wide.columns, wide.columns].where(~np.eye(wide.shape[1], dtype=bool), 1.0)
    summed = (wide @ near.T).rename_axis(columns="city_code").stack().rename(name).reset_index()
    agree(read(f"select city_code, year, {name} from studies.{study}"), summed, name)


def test_square_share_and_growth(read):
    square = read("select city_code, year, va_gd, va_sq from studies.green_development")
    agree(square, square[KEYS].assign(va_sq=square["va_gd"] ** 2), "va_sq")
    built = read("select city_code, year, va_nq, va_share, va_growth from studies.new_quality_va_types")
    wide = built.pivot(index="year", columns="city_code", values="va_nq")
    agree(built, wide.div(wide.sum(axis=1), axis=0).stack().rename("va_share").reset_index(), "va_share")
    growth = (wide / wide.shift() - 1).unstack().rename("va_growth").reset_index()
    agree(built, growth, "va_growth")


def test_types_of_virtual_agglomeration(read):
    """Of a city: mean above the median of the cities by terciles of average annual growth; low with middle growth is type 3."""
    built = read("select city_code, year, va_nq, va_type, v1, v2, v3, v4, v5 from studies.new_quality_va_types")
    wide = built.pivot(index="year", columns="city_code", values="va_nq")
    high = wide.mean() > wide.mean().median()
    growth = (wide.iloc[-1] / wide.iloc[0]) ** (1 / (len(wide) - 1)) - 1
    low_cut, high_cut = np.quantile(growth, [1 / 3, 2 / 3])
    fast, slow = growth > high_cut, growth <= low_cut
    rules = [high & fast, high & slow, high, fast, slow]
    kind = pd.Series(np.select([r.to_numpy() for r in rules], [1, 4, 2, 3, 5], 3), index=wide.columns)
    own = built[KEYS].assign(va_type=built["city_code"].map(kind))
    agree(built, own, "va_type")
    for k in range(1, 6):
        agree(built, own.assign(**{f"v{k}": built["va_nq"] * (own["va_type"] == k)}), f"v{k}")


def test_distance_decay_and_coagglomeration(read, distances):
    """kappa = [(sum_h E_ih e^-d / sum_h e^-d) / E_n] / (E_i / E), d in hundreds of km; 1 - |k_m - k_s| / (k_m + k_s)."""
    own = sample_panel(read, "industrial_upgrading")
    own["services"] = own[
        [f"emp_{s}_10k" for s in ("transport_post", "ict", "finance", "sci", "leasing_business")]
    ].sum(axis=1)
    parts = []
    for _, rows in own.groupby("year"):
        decay = np.exp(-distances.loc[rows["city_code"], rows["city_code"]].to_numpy() / 100)
        everybody = rows["emp_total_10k"].to_numpy()
        out = rows[KEYS].copy()
        for name, column in (("kappa_manufacturing", "emp_manufacturing_10k"), ("kappa_services", "services")):
            staff = rows[column].to_numpy()
            out[name] = (decay @ staff / decay.sum(axis=1)) / everybody / (staff.sum() / everybody.sum())
        parts.append(out)
    table = pd.concat(parts)
    m, s = table["kappa_manufacturing"], table["kappa_services"]
    table["cac"] = 1 - (m - s).abs() / (m + s)
    built = read("from indices.coagglomeration")
    for column in ("kappa_manufacturing", "kappa_services", "cac"):
        agree(built, table, column)


def test_distance_bands(read, distances):
    """Some other designated city of the sample in (s - 150, s] km."""
    built = read("select city_code, year, did, columns('band_.*') from studies.common_prosperity")
    for s in range(150, 1201, 150):
        own = []
        for year, rows in built.groupby("year"):
            d = distances.loc[rows["city_code"], rows["city_code"]].to_numpy().copy()
            np.fill_diagonal(d, np.inf)
            ring = (d > s - 150) & (d <= s)
            own.append(
                pd.DataFrame(
                    {
                        "city_code": rows["city_code"],
                        "year": year,
                        f"band_{s}": (ring @ rows["did"].to_numpy() > 0).astype(int),
                    }
                )
            )
        agree(built, pd.concat(own), f"band_{s}")


@pytest.mark.parametrize("matrix", ["contiguity", "inverse_distance", "economic_distance"])
def test_spatial_weights(read, distances, matrix):
    """Raw, by rows, and by the largest eigenvalue; cities without a neighbour are linked with the nearest city, and it with them."""
    built = read(f"from indices.spatial_weights where study = 'common_prosperity' and matrix = '{matrix}'")
    panel = sample_panel(read, "common_prosperity")
    cities = sorted(panel["city_code"].unique())
    d = distances.loc[cities, cities].to_numpy().copy()
    np.fill_diagonal(d, np.inf)
    if matrix == "inverse_distance":
        raw = 1 / d
    elif matrix == "economic_distance":
        income = panel.groupby("city_code")["gdp_pc_yuan"].mean()[cities].to_numpy()
        gap = np.maximum(np.abs(income[:, None] - income[None, :]), 1.0)
        raw = np.where(np.isinf(d), 0, 1 / gap)
    else:
        pairs = set(read("from seeds.city_adjacency_2021").itertuples(index=False, name=None))
        raw = np.array([[float((i, j) in pairs or (j, i) in pairs) for j in cities] for i in cities])
        for island in np.flatnonzero(raw.sum(axis=1) == 0):
            raw[island, d[island].argmin()] = raw[d[island].argmin(), island] = 1
    table = {
        "weight": raw, "weight_row": raw / raw.sum(axis=1, keepdims=True),
        "weight_spectral": raw / np.abs(np.linalg.eigvals(raw)).max(),
    }  # fmt: skip
    ends = ["city_code_i", "city_code_j"]
    own = pd.DataFrame(itertools.product(cities, cities), columns=ends).assign(
        **{k: v.ravel() for k, v in table.items()}
    )
    for column in table:
        agree(built, own[own["weight"] > 0], column, keys=ends)


@pytest.mark.parametrize(
    ("study", "column"), [("common_prosperity", "market_integration"), ("green_development", "market_integration_gd")]
)
def test_market_integration(read, study, column):
    """|ln(RPI_i / RPI_j)| less its mean over all pairs, good by good; variance over the 16 goods; mean over the other cities; (1 / Seg)^(1/2)."""
    prices = read(
        f"select p.* from staging.stg_prices as p join panel.samples as s using (city_code, year) where s.study = '{study}'"
    )
    own = []
    for year, rows in prices.groupby("year"):
        logs = np.log(rows.pivot(index="city_code", columns="category", values="price_index"))
        assert logs.shape[1] == 16 and logs.notna().all(axis=None)
        x = logs.to_numpy()
        gap = np.abs(x[:, None, :] - x[None, :, :])
        upper = np.triu_indices(len(x), 1)
        q = gap - gap[upper].mean(axis=0)
        variance = q.var(axis=2, ddof=1)
        np.fill_diagonal(variance, 0)
        seg = variance.sum(axis=1) / (len(x) - 1)
        own.append(pd.DataFrame({"city_code": logs.index, "year": year, column: np.sqrt(1 / seg)}))
    agree(read(f"select city_code, year, {column} from studies.{study}"), pd.concat(own), column)
