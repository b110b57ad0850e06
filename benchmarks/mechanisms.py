"""Instruments, mechanisms, matching and sensitivity: seconds and ratios in one run.

* 1,000 bootstrap draws of an indirect effect, 1,000 permutations of a group and 999 wild bootstrap draws at 280 x 15 with 8
  controls, against refitting the panel regressions draw by draw (timed on a few draws and scaled up).
* Two-stage least squares with two-way effects and all its tests, against linearmodels' `IV2SLS` on dummy variables.
* Growth over 300, 3,000 and 30,000 units (``--quick`` leaves the largest out).

Run as ``python -m benchmarks.mechanisms``.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import numpy as np
import pandas as pd
from linearmodels.iv import IV2SLS

from estimation.heterogeneity.group_difference import group_difference
from estimation.iv import fit_iv
from estimation.matching import match
from estimation.matching.entropy_balancing import entropy_balance
from estimation.mediation import mediate
from estimation.nonlinear import fit_quadratic
from estimation.panel import fit_panel
from estimation.sensitivity.wild_bootstrap import wild_bootstrap

CONTROLS = [f"x{j}" for j in range(1, 9)]
FEW = 10


def panel(n_city: int, n_year: int, seed: int = 1) -> pd.DataFrame:
    """Long frame with an endogenous variable d, its instruments, a mediator m and a city-level treatment."""
    rng = np.random.default_rng(seed)
    n = n_city * n_year
    city, year = np.repeat(np.arange(n_city), n_year), np.tile(np.arange(n_year), n_city)
    frame = pd.DataFrame(rng.normal(size=(n, 8)), columns=CONTROLS)
    z1, z2, common, base = rng.normal(size=(4, n))
    d = 0.5 * z1 + 0.3 * z2 + common + rng.normal(size=n)
    m = 0.4 * d + rng.normal(size=n)
    y = 0.3 * d + 0.5 * m + common + frame["x1"] + rng.normal(size=n_city)[city] + rng.normal(size=n)
    treated = rng.normal(size=n_city)[city] + 0.5 * frame["x1"] + base > 1.5
    return frame.assign(city_code=city, year=year, z1=z1, z2=z2, d=d, m=m, y=y, west=city % 2, treated=treated * 1.0)


def seconds(task: Callable[[], object], repeats: int = 3) -> float:
    """Best processor time of several runs, which does not depend on what else the machine does."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        task()
        times.append(time.process_time() - start)
    return min(times)


def report(name: str, ours: float, theirs: float) -> None:
    """One line: both times and their ratio."""
    sys.stdout.write(f"{name:<58} {ours:8.3f} s {theirs:9.2f} s   {theirs / ours:7.0f}x\n")


def refit_mediation(df: pd.DataFrame, draws: int) -> None:
    """Bootstrap by rebuilding the frame and fitting both regressions."""
    rng, cities = np.random.default_rng(1), df["city_code"].unique()
    parts = dict(list(df.groupby("city_code")))
    for _ in range(draws):
        chosen = rng.choice(cities, len(cities))
        drawn = pd.concat([parts[c].assign(city_code=i) for i, c in enumerate(chosen)])
        fit_panel(drawn, "m", ["d", *CONTROLS], vcov="iid")
        fit_panel(drawn, "y", ["d", "m", *CONTROLS], vcov="iid")


def refit_permutation(df: pd.DataFrame, draws: int) -> None:
    """Permutation by two regressions a draw."""
    rng, cities = np.random.default_rng(1), df["city_code"].unique()
    for _ in range(draws):
        west = df["city_code"].isin(rng.permutation(cities)[: len(cities) // 2])
        for part in (df[west], df[~west]):
            fit_panel(part, "y", ["d", *CONTROLS], vcov="iid")


def refit_wild(df: pd.DataFrame, draws: int) -> None:
    """Wild bootstrap by one regression a draw."""
    rng = np.random.default_rng(1)
    restricted = fit_panel(df, "y", CONTROLS)
    u = restricted.residuals.to_numpy()
    for _ in range(draws):
        signs = rng.choice([-1.0, 1.0], df["city_code"].nunique())[df["city_code"]]
        fit_panel(df.assign(y=df["y"] - u + u * signs), "y", ["d", *CONTROLS])


def dummy_iv(df: pd.DataFrame) -> None:
    """linearmodels on dummy variables, with the tests of the first stage."""
    dummies = pd.get_dummies(df[["city_code", "year"]].astype(str), drop_first=True, dtype=float)
    exog = pd.concat([df[CONTROLS], dummies], axis=1).assign(const=1.0)
    fit = IV2SLS(df["y"], exog, df[["d"]], df[["z1", "z2"]]).fit(cov_type="clustered", clusters=df["city_code"])
    _ = fit.first_stage.kleibergen_paap_f, fit.sargan


def against_refitting() -> None:
    """Kernels against loops at 280 x 15."""
    df, x = panel(280, 15), CONTROLS
    rng = np.random.default_rng(1)
    sys.stdout.write(f"{'280 x 15, 8 controls':<58} {'here':>10} {'the long way':>11}   ratio\n")
    ours = seconds(lambda: mediate(df, "y", "d", "m", x, draws=1000, rng=rng))
    report("indirect effect, 1,000 bootstrap draws", ours, seconds(lambda: refit_mediation(df, FEW), 1) * 1000 / FEW)
    ours = seconds(lambda: group_difference(df, "y", "d", "west", x, method="permutation", draws=1000, rng=rng))
    report("group difference, 1,000 permutations", ours, seconds(lambda: refit_permutation(df, FEW), 1) * 1000 / FEW)
    ours = seconds(lambda: wild_bootstrap(df, "y", "d", x, draws=999, rng=rng))
    report("wild cluster bootstrap with interval, 999 draws", ours, seconds(lambda: refit_wild(df, FEW), 1) * 999 / FEW)
    ours = seconds(lambda: fit_iv(df, "y", x, "d", ["z1", "z2"]))
    report("2SLS, all tests and Anderson-Rubin set (linearmodels: dummies)", ours, seconds(lambda: dummy_iv(df), 1))


def growth(sizes: list[int]) -> None:
    """Seconds by number of units (15 periods)."""
    sys.stdout.write(f"\n{'seconds by units (15 periods)':<44}" + "".join(f"{size:>10}" for size in sizes) + "\n")
    frames = [panel(size, 15) for size in sizes]
    rng = np.random.default_rng(1)
    tasks: dict[str, Callable[[pd.DataFrame], object]] = {
        "2SLS with every test": lambda df: fit_iv(df, "y", CONTROLS, "d", ["z1", "z2"]),
        "quadratic without two lines": lambda df: fit_quadratic(df, "y", "d", CONTROLS, two_lines=False),
        "matching 1:2 with replacement, by year": lambda df: match(
            df, "treated", CONTROLS, k=2, replace=True, by="year"
        ),
        "entropy balancing by year": lambda df: entropy_balance(df, "treated", CONTROLS, by="year"),
        "mediation, 200 bootstrap draws": lambda df: mediate(df, "y", "d", "m", CONTROLS, draws=200, rng=rng),
    }
    for name, task in tasks.items():
        times = [seconds(lambda df=df, task=task: task(df), 1) for df in frames]  # type: ignore[misc]
        sys.stdout.write(f"{name:<44}" + "".join(f"{value:10.2f}" for value in times) + "\n")


if __name__ == "__main__":
    against_refitting()
    growth([300, 3000] if "--quick" in sys.argv else [300, 3000, 30000])
