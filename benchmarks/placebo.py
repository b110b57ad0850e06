"""1,000 placebo lists at 280 cities x 15 years with 8 controls: the resampling kernel against loops over full fits.

Run: ``python -m benchmarks.placebo``. Loops are timed on a few fits and scaled to 1,000 (the count is printed); the kernel is timed
in full, with checks, standard errors and p-values. All in one process, one run, so that the ratios can be read.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import numpy as np
import pandas as pd
from linearmodels.panel import PanelOLS

from estimation.panel import fit_panel
from estimation.placebo import permute_pilots

DRAWS = 1000
CONTROLS = [f"x{j}" for j in range(8)]


def simulate(n: int, t: int, seed: int = 1) -> pd.DataFrame:
    """Panel with three waves (a third of the cities treated) and eight controls."""
    rng = np.random.default_rng(seed)
    city, year = np.repeat(np.arange(n), t), np.tile(np.arange(2006, 2006 + t), n)
    cohort = rng.choice([2014.0, 2015.0, 2016.0, np.nan], n, p=[0.11, 0.11, 0.11, 0.67])
    df = pd.DataFrame({"city_code": city, "year": year, "cohort": cohort[city]})
    for name in CONTROLS:
        df[name] = rng.normal(size=n * t) + rng.normal(size=n)[city]
    df["treat"] = (df["year"] >= df["cohort"]).astype(float)
    df["y"] = df[CONTROLS].sum(axis=1) + rng.normal(size=n)[city] + rng.normal(size=n * t)
    return df


def seconds(call: Callable[[], object], repeat: int) -> float:
    """Best time of one call out of ``repeat``."""
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)


def linearmodels_fit(indexed: pd.DataFrame) -> object:
    """One fit of the estimator of record with clustered errors."""
    model = PanelOLS(indexed["y"], indexed[["treat", *CONTROLS]], entity_effects=True, time_effects=True)
    return model.fit(cov_type="clustered", cluster_entity=True).std_errors


def bare_arrays(df: pd.DataFrame, n: int, t: int) -> Callable[[], float]:
    """The least that a refit needs: demean, solve, clustered variance, on ready arrays of a balanced panel."""
    data = df[["y", "treat", *CONTROLS]].to_numpy().reshape(n, t, -1)

    def fit() -> float:
        within = data - data.mean(1, keepdims=True) - data.mean(0) + data.mean((0, 1))
        flat = within.reshape(n * t, -1)
        y, X = flat[:, 0], flat[:, 1:]
        inverse = np.linalg.inv(X.T @ X)
        beta = inverse @ (X.T @ y)
        score = (X * (y - X @ beta)[:, None]).reshape(n, t, -1).sum(1)
        return float(np.sqrt((inverse @ (score.T @ score) @ inverse)[0, 0]))

    return fit


def report(line: str) -> None:
    """One line of the report."""
    sys.stdout.write(line + "\n")


def main() -> None:
    """Print times and ratios."""
    n, t = 280, 15
    df = simulate(n, t)
    kernel = seconds(lambda: permute_pilots(df, "y", "cohort", CONTROLS, draws=DRAWS, rng=np.random.default_rng(1)), 5)
    indexed = df.set_index(["city_code", "year"])
    loops = {
        "fast fit, fit_panel (fixest-style)": seconds(lambda: fit_panel(df, "y", ["treat", *CONTROLS]), 40),
        "estimator of record, linearmodels": seconds(lambda: linearmodels_fit(indexed), 15),
        "bare arrays, no checks (lower bound of any loop)": seconds(bare_arrays(df, n, t), 100),
    }
    report(f"{DRAWS} placebo lists, {n} x {t}, {len(CONTROLS)} controls: kernel {kernel:.3f} s")
    for name, each in loops.items():
        report(
            f"  loop over {name}: {each * 1e3:.2f} ms a fit, {each * DRAWS:.1f} s, {each * DRAWS / kernel:.0f} x the kernel"
        )
    report("growth of the kernel (15 years, 1,000 lists)")
    for units in (300, 3_000, 30_000):
        data = simulate(units, t)
        elapsed = seconds(
            lambda d=data: permute_pilots(d, "y", "cohort", CONTROLS, draws=DRAWS, rng=np.random.default_rng(1)), 1
        )
        report(f"  {units:>6} cities: {elapsed:.2f} s")


if __name__ == "__main__":
    main()
