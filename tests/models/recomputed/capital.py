"""Capital stock and what follows from it: depreciation, first stock, prices, distortion of factors."""

from __future__ import annotations

import numpy as np
import pandas as pd

from tests.models.recomputed.expectation import Expectation, Read, sample

LAST_INDEX = 2019


def stock(
    delta: float = 0.096, initial: str = "growth", base_year: int = 2013, after_2019: str = "average"
) -> Expectation:
    """K_t = (1 - delta) K_t-1 + I_t / P_t, K_0 = I_0 / (g + delta) or I_0 / 0.10."""

    def compute(read: Read, value: str) -> pd.DataFrame:
        level = prices(read, base_year, after_2019)
        invested = read("panel.city_year").pivot(index="city_code", columns="year", values="fai_100m_yuan")
        province = read("seeds.cities").set_index("city_code")["province_code"]
        parts = []
        for city, row in invested.iterrows():
            nominal = row.dropna()
            real = (nominal / level.loc[province[city], nominal.index]).to_numpy()
            growth = (real[-1] / real[0]) ** (1 / (len(real) - 1)) - 1
            K = [real[0] / (0.10 if initial == "tenth" else growth + delta)]
            for flow in real[1:]:
                K.append((1 - delta) * K[-1] + flow)
            parts.append(
                pd.DataFrame({"city_code": city, "year": nominal.index, "real_investment": real, "capital": K})
            )
        return pd.concat(parts, ignore_index=True)

    return Expectation("indices.capital", compute)


def prices(read: Read, base_year: int, after_2019: str) -> pd.DataFrame:
    """Price level of investment, provinces by years, 1 in the base year."""
    series = read("staging.stg_series")
    series = series[series["variable"] == "fai_price_index_prev100"]
    change = series.pivot(index="place_code", columns="year", values="value") / 100
    recent = np.exp(np.log(change.loc[:, LAST_INDEX - 4 : LAST_INDEX]).mean(axis=1))
    first = read("panel.city_year")["year"].min()
    for year in range(LAST_INDEX + 1, read("panel.city_year")["year"].max() + 1):
        change[year] = recent if after_2019 == "average" else 1.0
    change = change.loc[:, first:]
    change[first] = 1.0
    level = change.cumprod(axis=1)
    return level.div(level[base_year], axis=0)


def distortion(price: float = 0.10, effects: str = "twoways") -> Expectation:
    """|alpha Y / (r K) - 1| and |beta Y / (w L) - 1|, elasticities by least squares on dummies."""

    def compute(read: Read, value: str) -> pd.DataFrame:
        rows = sample(read, "common_prosperity").merge(read("indices.capital"), on=["city_code", "year"])
        Y, K, L = rows["gdp_100m_yuan"], rows["capital"], rows["emp_total_10k"]
        blocks = [np.log(K).to_numpy()[:, None], np.log(L).to_numpy()[:, None], np.ones((len(rows), 1))]
        for column, names in {"city_code": ("entity", "twoways"), "year": ("time", "twoways")}.items():
            if effects in names:
                blocks.append(pd.get_dummies(rows[column], drop_first=True).to_numpy(dtype=float))
        alpha, beta = np.linalg.lstsq(np.hstack(blocks), np.log(Y), rcond=None)[0][:2]
        return rows[["city_code", "year"]].assign(
            alpha=alpha,
            beta=beta,
            dist_k=(alpha * Y / (price * K) - 1).abs(),
            dist_l=(beta * Y / (rows["wage_avg_yuan"] / 10000 * L) - 1).abs(),
        )

    return Expectation("indices.factor_distortion", compute)


EXPECTED = (
    {("capital_delta", text): stock(delta=float(text)) for text in ("0.05", "0.06", "0.10", "0.15")}
    | {("price_base_year", text): stock(base_year=int(text)) for text in ("2006", "2010")}
    | {("capital_price", text): distortion(price=float(text)) for text in ("0.05", "0.08", "0.12", "0.15")}
    | {("prodfun_effects", text): distortion(effects=text) for text in ("entity", "time", "none")}
    | {
        ("capital_initial", "tenth"): stock(initial="tenth"),
        ("fai_price_after_2019", "hold"): stock(after_2019="hold"),
    }
)
