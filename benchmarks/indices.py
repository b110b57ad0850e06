"""How long the indices take: directional programs, distance-weighted indices, market segmentation. One core, one run.

    python -m benchmarks.indices [--all]

- 4,200 directional programs (3 inputs, 1 output, 3 undesirables, weak disposability) against 4,200 references, against scipy
  `linprog` on the same programs (100 of them and scaled up; ``--all`` runs every one) and, if it is installed, DEAPack's
  `ChungFareGrosskopfDDF` (GPL, an outside check only: ``pip install DEAPack==2.0.1`` into a scratch environment beside this
  project). Scores are compared.
- Virtual agglomeration and distance decay for 340 and 3,400 units over 17 years, against a loop over units.
- Market segmentation of 279 cities, 16 goods, 8 years, against a loop over pairs.

Seconds are processor time on one core. Peak memory is that of the process after each part.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import resource
import sys
import time
from collections.abc import Callable
from functools import partial
from itertools import combinations
from typing import Any

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
from scipy.optimize import linprog  # noqa: E402

from estimation.agglomeration import (  # noqa: E402
    distance_decay_agglomeration,
    location_quotient,
    virtual_agglomeration,
)
from estimation.core.distance import great_circle_km  # noqa: E402
from estimation.dea import dea  # noqa: E402
from estimation.dea.models import Model  # noqa: E402
from estimation.economy.market import market_segmentation  # noqa: E402

UNITS = 4200
SAMPLE = 100


def timed(function: Callable[[], Any]) -> tuple[Any, float]:
    """Result and processor seconds (one thread: the wall time of an idle machine)."""
    start = time.process_time()
    result = function()
    return result, time.process_time() - start


def peak_mb() -> float:
    """Largest resident size of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def report(text: str) -> None:
    """One line of the report."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def economy(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Inputs, output and undesirables of n units."""
    rng = np.random.default_rng(seed)
    X = rng.lognormal(0, 0.5, (n, 3))
    Y = (X**0.3).prod(axis=1, keepdims=True) * rng.lognormal(0, 0.3, (n, 1))
    return X, Y, Y * rng.lognormal(0, 0.5, (n, 3))


def by_linprog(X: np.ndarray, Y: np.ndarray, B: np.ndarray, o: int) -> float:
    """max beta: X lam <= x0, Y lam >= (1 + beta) y0, B lam = (1 - beta) b0."""
    n = len(X)
    upper = np.vstack([np.c_[np.zeros(X.shape[1]), X.T], np.c_[Y[o], -Y.T]])
    found = linprog(
        np.r_[-1.0, np.zeros(n)],
        upper,
        np.r_[X[o], -Y[o]],
        np.c_[B[o], B.T],
        B[o],
        [(None, None)] + [(0, None)] * n,
        method="highs",
    )
    return float(-found.fun)


def directional(everything: bool) -> None:
    """4,200 programs against 4,200 references."""
    X, Y, B = economy(UNITS)
    result, ours = timed(lambda: dea(X, Y, B, model="ddf", orientation="out", disposability="weak", second_stage=False))
    count = UNITS if everything else SAMPLE
    rows = np.linspace(0, UNITS - 1, count).astype(int)
    reference, seconds = timed(lambda: np.array([by_linprog(X, Y, B, o) for o in rows]))
    scipy_seconds = seconds * UNITS / count
    gap = np.abs(result.distance[rows] - reference).max()
    how = "all" if everything else f"{count} of {UNITS}, scaled"
    report(f"directional programs, {UNITS} x {UNITS}: {ours:.2f} s ({1e3 * ours / UNITS:.2f} ms each)")
    report(f"  scipy linprog ({how}): {scipy_seconds:.1f} s; ratio 1/{scipy_seconds / ours:.1f} (wanted: at most 1/6)")
    report(
        f"  largest difference of beta: {gap:.1e}; infeasible: {result.n_infeasible}; peak memory {peak_mb():.0f} MB"
    )
    _, both = timed(lambda: dea(X, Y, B, model="ddf", orientation="out", disposability="weak"))
    report(f"  with the second stage (slacks): {both:.2f} s")
    deapack(X, Y, B, ours, result.distance)


def deapack(X: np.ndarray, Y: np.ndarray, B: np.ndarray, ours: float, distance: np.ndarray) -> None:
    """The same problem by DEAPack, where it is installed."""
    if importlib.util.find_spec("deapack") is None:
        report("  DEAPack: not installed, not compared (wanted: under half of its time)")
        return
    module = importlib.import_module("deapack")
    frame = pd.DataFrame(np.hstack([X, Y, B]), columns=["x1", "x2", "x3", "y", "b1", "b2", "b3"])
    frame.insert(0, "dmu", [f"u{i:05d}" for i in range(len(frame))])
    data = module.DEAData.from_frame(
        frame, dmu="dmu", inputs=("x1", "x2", "x3"), outputs="y", bad_outputs=("b1", "b2", "b3")
    )
    result, seconds = timed(lambda: module.ChungFareGrosskopfDDF(compute_slacks=False).fit(data))
    summary = result.summary()
    name = "dmu_id" if "dmu_id" in summary else "dmu"  # 2.0.1 renamed the column
    theirs = summary.set_index(name)["distance"].reindex(frame["dmu"]).to_numpy()
    gap = np.abs(theirs - distance).max()
    report(
        f"  DEAPack {module.__version__}: {seconds:.1f} s; ratio {ours / seconds:.3f} (wanted: under 0.5); largest difference {gap:.1e}"
    )


def other_models() -> None:
    """The models of the papers on 2,232 city-years, and closest targets of 60 units."""
    X, Y, B = economy(2232, seed=1)
    models: tuple[Model, ...] = ("radial", "sbm", "ebm")
    for model in models:
        _, seconds = timed(partial(dea, X, Y, B, model=model))
        report(f"{model}, 2232 x 2232 with slacks and targets: {seconds:.2f} s")
    _, seconds = timed(lambda: dea(X[:60], Y[:60], B[:60], model="closest"))
    report(f"closest targets (mixed-integer), 60 x 60: {seconds:.2f} s; peak memory {peak_mb():.0f} MB")


def agglomeration_by_loop(lq: np.ndarray, lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
    """One unit at a time."""
    result = np.empty_like(lq)
    phi, lam = np.radians(lat), np.radians(lon)
    for i in range(len(lq)):
        half = np.sin((phi - phi[i]) / 2) ** 2 + np.cos(phi) * np.cos(phi[i]) * np.sin((lam - lam[i]) / 2) ** 2
        distance = 2 * 6371.01 * np.arcsin(np.sqrt(half))
        distance[i] = 1.0
        result[i] = (lq / distance[:, None]).sum(axis=0)
    return result


def distance_weighted(n: int, years: int = 17) -> None:
    """Distances, quotients and both distance-weighted indices."""
    rng = np.random.default_rng(2)
    lon, lat = rng.uniform(75, 130, n), rng.uniform(18, 50, n)
    whole = rng.lognormal(3, 1, (n, years))
    part = whole * rng.uniform(0.001, 0.05, (n, years))

    def indices() -> tuple[np.ndarray, np.ndarray]:
        D = great_circle_km(lon, lat)
        return virtual_agglomeration(location_quotient(part, whole), D), distance_decay_agglomeration(part, whole, D)

    (va, _), ours = timed(indices)
    expected, loop = timed(lambda: agglomeration_by_loop(location_quotient(part, whole), lon, lat))
    gap = np.abs(va / expected - 1).max()
    report(
        f"distances, virtual agglomeration and distance decay, {n} units x {years} years: {ours:.3f} s; a loop for the first "
        f"alone {loop:.3f} s, ratio {ours / loop:.2f}; relative difference {gap:.0e}; peak memory {peak_mb():.0f} MB"
    )


def segmentation_by_loop(table: pd.DataFrame, goods: list[str], year: int) -> pd.Series:
    """One pair at a time, one year."""
    logs = np.log(table.loc[table["year"] == year, goods].to_numpy())
    pairs = list(combinations(range(len(logs)), 2))
    gaps = np.array([np.abs(logs[i] - logs[j]) for i, j in pairs])
    q = gaps - gaps.mean(axis=0)
    total = np.zeros(len(logs))
    for (i, j), row in zip(pairs, q, strict=True):
        variance = row.var(ddof=1)
        total[i] += variance
        total[j] += variance
    return pd.Series(total / (len(logs) - 1))


def market(n: int = 279, n_goods: int = 16, years: int = 8) -> None:
    """All pairs of cities."""
    rng = np.random.default_rng(3)
    goods = [f"rpi_{k:02d}" for k in range(1, n_goods + 1)]
    keys = pd.MultiIndex.from_product([range(n), range(2013, 2013 + years)], names=["city_code", "year"])
    df = pd.DataFrame(100 * rng.lognormal(0.02, 0.03, (len(keys), n_goods)), index=keys, columns=goods).reset_index()
    result, ours = timed(lambda: market_segmentation(df, goods))
    expected, one_year = timed(lambda: segmentation_by_loop(df, goods, 2013))
    found = result.table.loc[result.table["year"] == 2013, "segmentation"].to_numpy()
    gap = np.abs(found / expected.to_numpy() - 1).max()
    report(
        f"market segmentation, {n} cities x {n_goods} goods x {years} years: {ours:.2f} s (wanted: under 3 s); a loop over "
        f"pairs {years * one_year:.1f} s (one year, scaled), ratio {ours / (years * one_year):.2f}; relative difference {gap:.0e}; "
        f"peak memory {peak_mb():.0f} MB"
    )


def main() -> None:
    """Run everything on one core."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--all", action="store_true", help="run linprog on every program (minutes)")
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    market()
    distance_weighted(340)
    distance_weighted(3400)
    directional(options.all)
    other_models()


if __name__ == "__main__":
    main()
