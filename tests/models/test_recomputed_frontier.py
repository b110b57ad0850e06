"""Green total factor productivity recomputed with linear programs of its own: EBM efficiency on the pooled frontier, and its yearly ratio."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import linprog

from tests.models.by_hand import KEYS, agree

pytestmark = pytest.mark.slow

INPUTS = ["capital", "emp_total_10k", "electricity_10k_kwh"]
GOOD = ["gdp_100m_yuan"]
BAD = ["so2_industrial_t", "dust_industrial_t", "wastewater_industrial_10k_t"]


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
            options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10},
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
