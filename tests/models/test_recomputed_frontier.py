"""Green productivity and land-use efficiency recomputed with linear programs of their own.

EBM efficiency on the pooled frontier and its yearly ratio; the cumulated Malmquist-Luenberger index of slacks-based efficiency.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import linprog

from tests.models.by_hand import KEYS, agree

pytestmark = pytest.mark.slow

INPUTS = ["capital", "emp_total_10k", "electricity_10k_kwh"]
GOOD = ["gdp_100m_yuan"]
BAD = ["so2_industrial_t", "dust_industrial_t", "wastewater_industrial_10k_t"]
TIGHT = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}


def affinity(items):
    """eps = (m - rho) / (m - 1) and weights from the principal eigenvector of S_ab = 1 - 2 D(a, b), D = mean |c - mean c| / range, c = ln(b / a)."""
    m = items.shape[1]
    if m == 1:
        return 0.0, np.ones(1)
    s = np.eye(m)
    for a in range(m):
        for b in range(m):
            c = np.log(items[:, b] / items[:, a])
            if a != b:
                s[a, b] = 1 - 2 * np.abs(c - c.mean()).mean() / (c.max() - c.min())
    values, vectors = np.linalg.eigh(s)
    first = np.abs(vectors[:, -1])
    return (m - values[-1]) / (m - 1), first / first.sum()


def efficiency(x, y, b):
    """min (theta - eps_x sum w s / x0) / (phi + eps_y sum w s / y0 + eps_b sum w s / b0), theta <= 1 <= phi, constant returns, by Charnes and Cooper.

    Columns of a program: theta, phi and the scale tau of the two, the intensities, and the slacks of x, y and b.
    """
    n, (p, q, r) = len(x), (x.shape[1], y.shape[1], b.shape[1])
    (ex, wx), (ey, wy), (eb, wb) = affinity(x), affinity(y), affinity(b)
    at = np.cumsum([3, n, p, q])
    size = at[-1] + r
    scores = []
    for k in range(n):
        cost = np.zeros(size)
        cost[0], cost[at[1] : at[2]] = 1, -ex * wx / x[k]
        denominator = np.zeros(size)
        denominator[1], denominator[at[2] : at[3]], denominator[at[3] :] = 1, ey * wy / y[k], eb * wb / b[k]
        rows = np.zeros((p + q + r, size))
        rows[:, 3 : at[1]] = np.vstack([(x / x[k]).T, (y / y[k]).T, (b / b[k]).T])
        rows[:p, 0], rows[p:, 1] = -1, -1
        rows[np.arange(p), at[1] + np.arange(p)] = 1 / x[k]
        rows[p + np.arange(q), at[2] + np.arange(q)] = -1 / y[k]
        rows[p + q + np.arange(r), at[3] + np.arange(r)] = 1 / b[k]
        bounds = np.zeros((2, size))
        bounds[0, [0, 2]], bounds[1, [1, 2]] = [1, -1], [-1, 1]  # theta <= tau <= phi
        found = linprog(
            cost,
            A_ub=bounds,
            b_ub=[0, 0],
            A_eq=np.vstack([rows, denominator]),
            b_eq=np.append(np.zeros(p + q + r), 1),
            method="highs",
            options=TIGHT,
        )
        assert found.status == 0
        scores.append(found.fun)
    return np.array(scores)


def test_green_productivity(read):
    """gtfp = E(t) / E(t - 1) on the frontier of all rows; the first year is 1."""
    own = read(
        """
        select p.*, c.capital from panel.city_year as p
        join panel.samples as s using (city_code, year) join indices.capital as c using (city_code, year)
        where s.study = 'green_development' order by city_code, year
        """
    )
    units = [own[names].to_numpy() / own[names].to_numpy().mean(axis=0) for names in (INPUTS, GOOD, BAD)]
    own["ebm_score"] = efficiency(*units)
    own["gtfp"] = (own["ebm_score"] / own.groupby("city_code")["ebm_score"].shift()).fillna(1.0)
    built = read("select city_code, year, ebm_score, gtfp from studies.green_development")
    assert (own.groupby("city_code")[KEYS[1]].diff().dropna() == 1).all()
    agree(built, own, "ebm_score")
    agree(built, own, "gtfp")


def slacks_based(unit, peers, beyond):
    """(1 - mean s-/x0) / (1 + mean s/(y0, b0)) with the largest slacks; for a unit beyond the peers' frontier the smallest expansion, above one.

    Columns of a program: the scale tau of Charnes and Cooper, the intensities, the slacks of inputs, good and bad outputs.
    """
    x0, y0, b0 = unit
    X, Y, B = peers
    n, p, q, r = len(X), len(x0), len(y0), len(b0)
    sign = -1 if beyond else 1
    outputs = 1 / np.concatenate([y0, b0]) / (q + r)
    cost = np.concatenate([[1], np.zeros(n), -sign / x0 / p, np.zeros(q + r)])
    scale = np.concatenate([[1], np.zeros(n + p), sign * outputs])
    rows = np.zeros((p + q + r, 1 + n + p + q + r))
    rows[:, 0] = -1
    rows[:, 1 : 1 + n] = np.vstack([(X / x0).T, (Y / y0).T, (B / b0).T])
    move = np.concatenate([1 / x0, -1 / y0, 1 / b0])
    rows[np.arange(p + q + r), 1 + n + np.arange(p + q + r)] = sign * move
    if not beyond:
        found = linprog(
            cost, A_eq=np.vstack([rows, scale]), b_eq=np.append(np.zeros(p + q + r), 1), method="highs", options=TIGHT
        )
        return found.fun if found.status == 0 else None
    better = np.concatenate([np.ones(p), -np.ones(q), np.ones(r)])[:, None]
    room = np.zeros((q, rows.shape[1]))  # no output shrinks below zero
    room[:, 0], room[np.arange(q), 1 + n + p + np.arange(q)] = -1, 1 / y0
    found = linprog(
        cost, A_ub=np.vstack([rows * better, room]), b_ub=np.zeros(p + 2 * q + r), A_eq=[scale], b_eq=[1], method="highs", options=TIGHT
    )  # fmt: skip
    assert found.status == 0
    return found.fun


def test_land_use_efficiency(read):
    """Product of ML = sqrt(E_{t-1}(t) / E_{t-1}(t-1) * E_t(t) / E_t(t-1)) from one in the first year, each frontier of its own year."""
    land = ["capital", "construction_land_km2_districts", "emp_nonagri_10k_districts"]
    good = ["va_nonagri_100m_yuan_districts", "wage_avg_yuan_districts", "green_coverage_pct_districts"]
    own = read(
        """
        select p.*, c.capital, p.so2_industrial_t * p.gdp_100m_yuan_districts / p.gdp_100m_yuan as so2_district from panel.city_year as p
        join panel.samples as s using (city_code, year) join indices.capital as c using (city_code, year)
        where s.study = 'industrial_upgrading' order by city_code, year
        """
    )
    parts = [own[names].to_numpy() / own[names].to_numpy().mean(axis=0) for names in (land, good, ["so2_district"])]
    years, codes = own["year"].to_numpy(), own["city_code"].to_numpy()

    def score(row, year):
        unit, peers = [part[row] for part in parts], [part[years == year] for part in parts]
        inside = slacks_based(unit, peers, beyond=False)
        return slacks_based(unit, peers, beyond=True) if inside is None else inside

    eland = np.ones(len(own))
    for row in range(1, len(own)):
        if codes[row] == codes[row - 1]:
            now, before = years[row], years[row - 1]
            first = score(row, before) / score(row - 1, before)
            second = score(row, now) / score(row - 1, now)
            eland[row] = eland[row - 1] * np.sqrt(first * second)
    agree(
        read("select city_code, year, eland from studies.industrial_upgrading_built"),
        own.assign(eland=eland),
        "eland",
    )
