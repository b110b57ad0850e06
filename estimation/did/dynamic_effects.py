"""Mean effects by event time, cohort or calendar period: averages of unit-level effects and their tables."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from estimation.core.results import critical_value


@dataclass(frozen=True)
class Targets:
    """Means to estimate: columns of weights on treated rows that sum to one.

    Attributes:
        labels: (m,) label of each mean. weights: (n, m). counts: (m,) rows averaged.
    """

    labels: np.ndarray
    weights: np.ndarray
    counts: np.ndarray


def targets(keys: np.ndarray, rows: np.ndarray, mass: np.ndarray) -> Targets:
    """One mean for every distinct key among ``rows``.

    Args:
        keys: (n,) event time, cohort, period, or a constant for the overall mean. rows: (n,) which rows count.
        mass: (n,) observation weights.
    """
    labels = np.unique(keys[rows])
    member = rows[:, None] & (keys[:, None] == labels)
    weights = member * mass[:, None]
    return Targets(labels, weights / weights.sum(axis=0), member.sum(axis=0))


def effects_table(
    labels: np.ndarray,
    name: str,
    estimate: np.ndarray,
    error: np.ndarray,
    counts: np.ndarray,
    df_t: float,
    level: float,
) -> pd.DataFrame:
    """Index ``name``: estimate, std_error, conf_low, conf_high, n_obs."""
    half = critical_value(level, df_t) * error
    whole = np.all(labels == np.round(labels)) if labels.dtype.kind == "f" else False
    index = pd.Index(labels.astype(int) if whole else labels, name=name)
    return pd.DataFrame(
        {
            "estimate": estimate,
            "std_error": error,
            "conf_low": estimate - half,
            "conf_high": estimate + half,
            "n_obs": counts,
        },
        index=index,
    )
