"""Group labels for splits: quantiles with a named scope, and cut rules with named edges.

Every edge belongs to the class above it (500 is "500-1000"), the last class of a bounded scale includes its end.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal, get_args

import numpy as np
import pandas as pd

from estimation.core.frame import EstimationError

Scope = Literal["pooled", "time", "entity"]
QUANTILE_LABELS = {2: ("low", "high"), 3: ("low", "mid", "high")}
CITY_SIZE_EDGES = (100.0, 300.0, 500.0, 1000.0)
CITY_SIZE_LABELS = ("<100", "100-300", "300-500", "500-1000", ">=1000")
COORDINATION_EDGES = (0.3, 0.5, 0.7)
COORDINATION_LABELS = ("0-0.3", "0.3-0.5", "0.5-0.7", "0.7-1")


def quantile_groups(
    df: pd.DataFrame,
    column: str,
    n_groups: int = 2,
    *,
    scope: Scope = "pooled",
    labels: Sequence[str] | None = None,
    entity: str = "city_code",
    time: str = "year",
) -> pd.Series:
    """Group of each row: strictly above a quantile is the higher group, so with two groups high > median, low <=
    median.

    Args:
        scope: ``pooled`` quantiles of all rows, ``time`` of each period, ``entity`` of the entities' means (the group
            then never changes within an entity).
        labels: from low to high; default low/high, low/mid/high, q1, q2, ...

    Returns:
        Labels indexed like ``df``; missing where the value is missing.

    Raises:
        EstimationError: unknown scope, a wrong number of labels, or a column that is absent.
    """
    if scope not in get_args(Scope):
        raise EstimationError(f"scope={scope!r} is not one of {', '.join(get_args(Scope))}")
    names = list(labels or QUANTILE_LABELS.get(n_groups) or [f"q{i + 1}" for i in range(n_groups)])
    if n_groups < 2 or len(names) != n_groups:
        raise EstimationError(f"{n_groups} groups need as many labels (at least two), got {', '.join(names)}")
    missing = [name for name in (column, entity, time) if name not in df.columns]
    if missing:
        raise EstimationError(f"column(s) not in the data: {', '.join(missing)}")
    values = df[column].astype(float)
    shares = np.arange(1, n_groups) / n_groups
    if scope == "time":
        code = values.groupby(df[time]).transform(lambda v: _above(v, v, shares))
    elif scope == "entity":
        means = values.groupby(df[entity]).mean()
        code = df[entity].map(_above(means, means, shares))
    else:
        code = _above(values, values, shares)
    return _labelled(code, names).rename(f"{column}_group")


def _above(values: pd.Series, reference: pd.Series, shares: np.ndarray) -> pd.Series:
    """How many quantiles of ``reference`` each value exceeds (NaN where missing)."""
    known = reference.dropna().to_numpy()
    edges = np.quantile(known, shares) if len(known) else np.empty(0)
    counts = np.searchsorted(edges, values.to_numpy(), side="left").astype(float)
    return pd.Series(np.where(values.isna(), np.nan, counts), index=values.index)


def _labelled(code: pd.Series, names: Sequence[str]) -> pd.Series:
    text = np.array([*names, None], dtype=object)
    return pd.Series(text[code.fillna(len(names)).to_numpy(dtype=int)], index=code.index)


def cut_groups(
    values: pd.Series, edges: Sequence[float], labels: Sequence[str], *, bounds: tuple[float, float] | None = None
) -> pd.Series:
    """Class of each value between rising inner edges; an edge belongs to the class above it.

    Args:
        bounds: smallest and largest admissible value, both included.

    Raises:
        EstimationError: edges that do not rise, a wrong number of labels, or a value outside the bounds.
    """
    if len(labels) != len(edges) + 1 or any(a >= b for a, b in pairwise(edges)):
        raise EstimationError(f"{len(edges)} rising edges need {len(edges) + 1} labels; got {edges} and {labels}")
    numbers = values.astype(float)
    if bounds is not None:
        outside = (numbers < bounds[0]) | (numbers > bounds[1])
        if outside.any():
            rows = ", ".join(map(str, numbers.index[outside][:5]))
            raise EstimationError(
                f"{values.name} must lie in [{bounds[0]:g}, {bounds[1]:g}]; it does not in row(s) {rows}"
            )
    code = np.searchsorted(np.asarray(edges), numbers.to_numpy(), side="right").astype(float)
    return _labelled(pd.Series(np.where(numbers.isna(), np.nan, code), index=values.index), labels)


def city_size_class(population_10k: pd.Series) -> pd.Series:
    """Size class from population in ten thousand persons: below 100, 100-300, 300-500, 500-1000, 1000 and more."""
    return cut_groups(population_10k, CITY_SIZE_EDGES, CITY_SIZE_LABELS, bounds=(0.0, np.inf)).rename("city_size")


def coordination_bin(coordination: pd.Series) -> pd.Series:
    """Coordination class of a degree in [0, 1]: [0, .3), [.3, .5), [.5, .7), [.7, 1]."""
    classes = cut_groups(coordination, COORDINATION_EDGES, COORDINATION_LABELS, bounds=(0.0, 1.0))
    return classes.rename("coordination_bin")
