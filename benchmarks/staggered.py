"""Staggered estimators at 280 cities x 15 years, and their growth with the number of cities.

Run: ``python -m benchmarks.staggered``. Best of three runs, one process; the alternative is diff-diff in the same run.
"""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
from diff_diff import BaconDecomposition, CallawaySantAnna, ImputationDiD, SunAbraham

from benchmarks.placebo import report, seconds, simulate
from estimation.did import att_gt, bacon, did_multiplegt, event_study, imputation, sun_abraham, two_stage

CONTROLS = ["x0", "x1"]


def calls(df: pd.DataFrame) -> dict[str, object]:
    """The estimators by name, ready to call."""
    return {
        "Bacon": lambda: bacon(df, "y", "treat"),
        "event study -7..6, 2 controls": lambda: event_study(df, "y", "cohort", CONTROLS, window=(-7, 6)),
        "Callaway-Sant'Anna, 999 draws": lambda: att_gt(df, "y", "cohort", draws=999, rng=np.random.default_rng(1)),
        "Callaway-Sant'Anna, dr, 1 control, 999 draws": lambda: att_gt(
            df, "y", "cohort", ["x0"], draws=999, rng=np.random.default_rng(1)
        ),
        "Sun-Abraham, 2 controls": lambda: sun_abraham(df, "y", "cohort", CONTROLS),
        "imputation, 2 controls": lambda: imputation(df, "y", "cohort", CONTROLS),
        "two-stage, 2 controls": lambda: two_stage(df, "y", "cohort", CONTROLS),
        "de Chaisemartin-D'Haultfoeuille, 6 + 3": lambda: did_multiplegt(df, "y", "treat", effects=6, placebos=3),
    }


def alternatives(df: pd.DataFrame) -> dict[str, object]:
    """diff-diff on the same data."""
    data = df.assign(first=df["cohort"].fillna(0).astype(int))
    keys = {"outcome": "y", "unit": "city_code", "time": "year", "first_treat": "first"}
    return {
        "Bacon": lambda: BaconDecomposition().fit(data, **keys),
        "Callaway-Sant'Anna, 999 draws": lambda: CallawaySantAnna(n_bootstrap=999, seed=1).fit(data, **keys),
        "Sun-Abraham, 2 controls": lambda: SunAbraham().fit(data, **keys, covariates=CONTROLS),
        "imputation, 2 controls": lambda: ImputationDiD().fit(data, **keys, covariates=CONTROLS),
    }


def main() -> None:
    """Print times, ratios and growth."""
    warnings.simplefilter("ignore")
    df = simulate(280, 15)
    other = alternatives(df)
    report("280 x 15, seconds (diff-diff, ratio)")
    for name, call in calls(df).items():
        own = seconds(call, 3)
        theirs = seconds(other[name], 1) if name in other else None
        report(f"  {name}: {own:.3f}" + (f" ({theirs:.2f}, {theirs / own:.0f} x)" if theirs else ""))
    report("growth, seconds (300, 3,000, 30,000 cities x 15)")
    frames = [simulate(units, 15) for units in (300, 3_000, 30_000)]
    times = [{name: seconds(call, 1) for name, call in calls(frame).items()} for frame in frames]
    for name in times[0]:
        report(f"  {name}: " + ", ".join(f"{row[name]:.2f}" for row in times))


if __name__ == "__main__":
    main()
