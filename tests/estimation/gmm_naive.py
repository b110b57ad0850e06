"""Dynamic-panel GMM written out row by row, slowly: what the vectorised estimator is compared with.

One dictionary a row, loops over rows, instruments in dictionaries keyed by name, Moore-Penrose inverses. Rules of xtabond2 for
unbalanced panels with gaps: the row of a forward orthogonal deviation stands one period after its observation; H is that of a
complete panel restricted to the used rows.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass
class Row:
    """One row of the stacked system: equation, period, left side, regressors, instruments."""

    level: bool
    period: int
    y: float
    x: np.ndarray
    z: dict[str, float]


@dataclass
class NaiveFit:
    """Both steps with their covariances and tests."""

    coef1: np.ndarray
    cov1: np.ndarray
    coef2: np.ndarray
    cov2: np.ndarray
    hansen: float
    sargan: float
    ar1: list[float]
    ar2: list[float]


class Panel:
    """Values of one entity by period; a lag exists on rows that are there."""

    def __init__(self, rows: dict[int, dict[str, float]]) -> None:
        self.rows = rows

    def value(self, name: str, lag: int, period: int) -> float:
        if period not in self.rows or period - lag not in self.rows:
            return np.nan
        return self.rows[period - lag][name]

    def change(self, name: str, period: int) -> float:
        return self.value(name, 0, period) - self.value(name, 0, period - 1)


def naive_gmm(
    df: pd.DataFrame,
    y: str,
    x: list[tuple[str, int]],
    gmm: list[dict],
    iv: list[dict],
    system: bool,
    h: int,
    transform: str,
) -> NaiveFit:
    """``gmm`` items: var, first, last, eq, collapse; ``iv`` items: var, eq."""
    first_period, last_period = int(df["year"].min()), int(df["year"].max())
    entities = []
    for _, group in df.groupby("city_code", sort=True):
        panel = Panel({int(r["year"]): dict(r) for _, r in group.iterrows()})
        entities.append(rows_of(panel, y, x, gmm, iv, system, transform, first_period, last_period))
    names = sorted({name for rows in entities for row in rows for name in row.z})
    blocks = [
        (
            np.array([row.y for row in rows]),
            np.array([row.x for row in rows]).reshape(len(rows), -1),
            np.array([[row.z.get(name, 0.0) for name in names] for row in rows]),
            prior(rows, h, transform, system, first_period, last_period),
            rows,
        )
        for rows in entities
        if rows
    ]
    return estimate(blocks, h, transform, system)


def rows_of(
    panel: Panel, y: str, x: list, gmm: list, iv: list, system: bool, transform: str, start: int, stop: int
) -> list[Row]:
    def levels(period: int) -> np.ndarray:
        return np.array([panel.value(y, 0, period), *[panel.value(n, k, period) for n, k in x], 1.0])

    standard = [item["var"] for item in iv]
    complete = [p for p in range(start, stop + 1) if np.isfinite(levels(p)).all()]
    full = [p for p in complete if all(np.isfinite(panel.value(v, 0, p)) for v in standard)]

    def moved(values, owner: int, position: int):
        if transform == "fd":
            return values(position) - values(position - 1)
        later = [p for p in full if p > owner]
        return np.sqrt(len(later) / (len(later) + 1)) * (values(owner) - np.mean([values(p) for p in later], axis=0))

    rows = []
    for position in range(start, stop + 1):
        owner = position if transform == "fd" else position - 1
        if owner not in complete or (transform == "fod" and not [p for p in full if p > owner]):
            continue
        data = moved(levels, owner, position)
        z = {
            f"iv:{i}": moved(lambda p, v=item["var"]: panel.value(v, 0, p), owner, position)
            for i, item in enumerate(iv)
            if item["eq"] != "level"
        }
        if not np.isfinite([*data, *z.values()]).all():
            continue
        rows.append(
            Row(
                False,
                position,
                data[0],
                data[1:] if system else data[1:-1],
                {**z, **lagged_levels(panel, gmm, position)},
            )
        )
    for period in complete if system else []:
        z = {f"iv:{i}": panel.value(item["var"], 0, period) for i, item in enumerate(iv) if item["eq"] != "diff"}
        if np.isfinite(list(z.values())).all():
            data = levels(period)
            rows.append(
                Row(
                    True,
                    period,
                    data[0],
                    data[1:],
                    {**z, "one": 1.0, **lagged_changes(panel, gmm, period, stop - start)},
                )
            )
    return rows


def lagged_levels(panel: Panel, gmm: list, period: int) -> dict[str, float]:
    found: dict[str, float] = defaultdict(float)
    for i, item in enumerate(gmm):
        if item["eq"] == "level":
            continue
        for source in panel.rows:
            lag = period - source
            if item["first"] <= lag <= item["last"]:
                value = panel.rows[source][item["var"]]
                key = f"d:{i}:{lag}" + ("" if item["collapse"] else f":{period}")
                found[key] += 0.0 if np.isnan(value) else value
    return found


def lagged_changes(panel: Panel, gmm: list, period: int, deepest: int) -> dict[str, float]:
    found: dict[str, float] = {}
    for i, item in enumerate(gmm):
        lags = (
            range(item["first"], min(item["last"], deepest - 1) + 1)
            if item["eq"] == "level"
            else [max(item["first"] - 1, 0)]
        )
        for lag in lags if item["eq"] != "diff" else []:
            value = panel.change(item["var"], period - lag)
            found[f"l:{i}:{lag}" + ("" if item["collapse"] else f":{period}")] = 0.0 if np.isnan(value) else value
    return found


def prior(rows: list[Row], h: int, transform: str, system: bool, start: int, stop: int) -> np.ndarray:
    """H of the used rows from the weights each row puts on the errors of a complete panel."""
    if h == 1:
        return np.eye(len(rows))
    weights = []
    for row in rows:
        weight = dict.fromkeys(range(start, stop + 1), 0.0)
        if row.level:
            weight[row.period] = 1.0
        elif transform == "fd":
            weight[row.period], weight[row.period - 1] = 1.0, -1.0
        else:
            later = stop - row.period + 1
            scale = np.sqrt(later / (later + 1))
            weight.update(dict.fromkeys(range(row.period, stop + 1), -scale / later))
            weight[row.period - 1] = scale
        weights.append(list(weight.values()))
    W = np.array(weights)
    H = W @ W.T
    if h == 2 and system:
        level = np.array([row.level for row in rows])
        H[level[:, None] != level[None, :]] = 0.0
    return H


def estimate(blocks: list, h: int, transform: str, system: bool) -> NaiveFit:
    ZX = sum(Z.T @ X for _, X, Z, _, _ in blocks)
    Zy = sum(Z.T @ y for y, _, Z, _, _ in blocks)

    def step(A: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        bread = np.linalg.inv(ZX.T @ A @ ZX)
        return bread @ ZX.T @ A @ Zy, bread

    A1 = np.linalg.pinv(sum(Z.T @ H @ Z for _, _, Z, H, _ in blocks), rcond=1e-12)
    b1, bread1 = step(A1)
    S = sum(np.outer(Z.T @ (y - X @ b1), Z.T @ (y - X @ b1)) for y, X, Z, _, _ in blocks)
    cov1 = bread1 @ ZX.T @ A1 @ S @ A1 @ ZX @ bread1
    A2 = np.linalg.pinv(S, rcond=1e-12)
    b2, bread2 = step(A2)
    g2 = Zy - ZX @ b2
    D = np.zeros((len(b1), len(b1)))
    for column in range(len(b1)):
        inner = np.zeros_like(S)
        for y, X, Z, _, _ in blocks:
            product = np.outer(Z.T @ X[:, column], Z.T @ (y - X @ b1))
            inner += product + product.T
        D[:, column] = bread2 @ ZX.T @ A2 @ inner @ A2 @ g2
    cov2 = bread2 + D @ bread2 + bread2 @ D.T + D @ cov1 @ D.T
    squares, count = 0.0, 0
    for y, X, _, _, rows in blocks:
        picked = np.array([row.level == (system and h == 1) for row in rows], dtype=bool)
        squares += ((y - X @ b1)[picked] ** 2).sum()
        count += picked.sum()
    s2 = squares / count / (2 if transform == "fd" and h != 1 else 1)
    g1 = Zy - ZX @ b1
    ar = {}
    if transform == "fd":
        ar = {
            1: [autocorrelation(blocks, ZX, A1, bread1, b1, cov1, m) for m in (1, 2)],
            2: [autocorrelation(blocks, ZX, A2, bread2, b2, cov2, m) for m in (1, 2)],
        }
    return NaiveFit(b1, cov1, b2, cov2, g2 @ A2 @ g2, g1 @ A1 @ g1 / s2, ar.get(1, []), ar.get(2, []))


def autocorrelation(blocks: list, ZX, A, bread, coef, covariance, order: int) -> float:
    """Arellano and Bond (1991): sum of e_t e_t-m over its standard error."""
    total, own, cross, xw = 0.0, 0.0, 0.0, 0.0
    for y, X, Z, _, rows in blocks:
        e = y - X @ coef
        place = {row.period: i for i, row in enumerate(rows) if not row.level}
        pairs = [(i, place[p - order]) for p, i in place.items() if p - order in place]
        inner = sum(e[i] * e[j] for i, j in pairs)
        total += inner
        own += inner**2
        cross = cross + (Z.T @ e) * inner
        xw = xw + sum((X[i] * e[j] for i, j in pairs), np.zeros(X.shape[1]))
    variance = own - 2 * xw @ bread @ ZX.T @ A @ cross + xw @ covariance @ xw
    return total / np.sqrt(variance)
