"""Goodman-Bacon decomposition: the two-way estimator as a weighted mean of all two-group, two-period comparisons."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from estimation.core.design import check_varies
from estimation.core.frame import EstimationError, PanelFrame, panel_frame
from estimation.core.within import Within

NEVER = np.inf
TYPES = (
    "Earlier vs Later Treated",
    "Later vs Earlier Treated",
    "Later vs Always Treated",
    "Treated vs Untreated",
)


@dataclass(frozen=True)
class BaconDecomposition:
    """The decomposition of one two-way coefficient.

    Attributes:
        comparisons: one row a comparison: treated (first treated period), untreated (that of the comparison group; inf never
            treated, the first period of the panel always treated), estimate, weight, type (one of ``TYPES``).
        by_type: index type: weight (sum), avg_estimate (weighted mean), n.
        coef: the two-way fixed-effects coefficient, indexed by the treatment; equals sum(weight * estimate).
        nobs, n_entities: size of the (balanced) panel.
        convention: what was computed, in a sentence.
    """

    comparisons: pd.DataFrame
    by_type: pd.DataFrame
    coef: pd.Series
    nobs: int
    n_entities: int
    convention: str

    @property
    def twfe_coef(self) -> float:
        """The two-way coefficient as a number."""
        return float(self.coef.iloc[0])

    def to_rows(self) -> list[dict[str, object]]:
        """One dict a comparison."""
        return [{str(key): value for key, value in row.items()} for row in self.comparisons.to_dict("records")]


def bacon(df: pd.DataFrame, y: str, treat: str, *, entity: str = "city_code", time: str = "year") -> BaconDecomposition:
    """Decompose the coefficient of ``treat`` in y = b treat + entity and time effects (Goodman-Bacon 2021, theorem 1).

    Args:
        treat: 0/1 column that never switches back. The panel must be balanced.

    Raises:
        EstimationError: the panel is not balanced, ``treat`` is not 0/1 or switches off, or nobody changes treatment.
    """
    frame = panel_frame(df, [y, treat], entity=entity, time=time)
    outcome, treatment = _wide(frame, y, entity), _wide(frame, treat, entity)
    first = _first_treated(treatment, frame, treat, entity)
    starts, sizes, means = _group_means(outcome, first)
    rows = list(_comparisons(starts, sizes, means, len(frame.times)))
    if not rows:
        raise EstimationError(f"no comparison: every entity has the same history of {treat}")
    n_entities, n_times = outcome.shape
    within = Within(frame.entity_codes, frame.time_codes, "twoways")
    check_varies(y, outcome.ravel(), within.transform(outcome.ravel()))
    spread = within.transform(treatment.ravel())
    variance = float(spread @ spread) / outcome.size
    table = pd.DataFrame(rows, columns=["treated", "untreated", "estimate", "weight", "type"])
    table["weight"] /= variance * n_entities**2
    labels = dict(enumerate(frame.times)) | {n_times: NEVER}
    table["treated"], table["untreated"] = table["treated"].map(labels), table["untreated"].map(labels)
    coef = float(spread @ outcome.ravel()) / float(spread @ spread)
    _check_identity(table, coef, outcome)
    return BaconDecomposition(
        comparisons=table,
        by_type=_by_type(table),
        coef=pd.Series({treat: coef}, name="estimate"),
        nobs=outcome.size,
        n_entities=n_entities,
        convention=f"Goodman-Bacon decomposition, no controls, balanced {n_entities} x {n_times}; weights sum to 1.",
    )


def _wide(frame: PanelFrame, column: str, entity: str) -> np.ndarray:
    """(N, T) values of a balanced panel."""
    if not frame.is_balanced:
        counts = np.bincount(frame.entity_codes)
        short = frame.entities[counts < len(frame.times)]
        raise EstimationError(
            f"the decomposition needs a balanced panel: {len(short)} {entity} lack some of the {len(frame.times)} periods, "
            f"e.g. {', '.join(map(str, short[:5]))}; drop them or shorten the window"
        )
    return frame.array(column).reshape(len(frame.entities), len(frame.times))


def _first_treated(treatment: np.ndarray, frame: PanelFrame, treat: str, entity: str) -> np.ndarray:
    """(N,) index of the first treated period; T if never treated."""
    if not np.isin(treatment, (0, 1)).all():
        raise EstimationError(f"{treat} must be 0 or 1; found {np.setdiff1d(treatment, (0, 1))[:5]}")
    if (np.diff(treatment, axis=1) < 0).any():
        off = frame.entities[(np.diff(treatment, axis=1) < 0).any(axis=1)]
        raise EstimationError(f"{treat} switches off for {len(off)} {entity}, e.g. {', '.join(map(str, off[:5]))}")
    return np.where(treatment.any(axis=1), treatment.argmax(axis=1), treatment.shape[1])


def _group_means(outcome: np.ndarray, first: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Start (index), size and (groups, T) mean outcome of every treatment group."""
    starts, codes, sizes = np.unique(first, return_inverse=True, return_counts=True)
    means = np.zeros((len(starts), outcome.shape[1]))
    np.add.at(means, codes.ravel(), outcome)
    return starts, sizes, means / sizes[:, None]


def _comparisons(
    starts: np.ndarray, sizes: np.ndarray, means: np.ndarray, n_times: int
) -> Iterator[tuple[int, int, float, float, str]]:
    """(treated start, comparison start, estimate, unnormalised weight, type) of every ordered pair of groups."""
    for k, start in enumerate(starts):
        for c, control in enumerate(starts):
            if k == c or start in (0, n_times):
                continue
            begin, end = (control, n_times) if control < start else (0, control)
            estimate = _double_difference(means[k], means[c], start, begin, end)
            weight = sizes[k] * sizes[c] * (end - start) * (start - begin) / n_times**2
            yield int(start), int(control), estimate, weight, _type(start, control, n_times)


def _double_difference(treated: np.ndarray, control: np.ndarray, start: int, begin: int, end: int) -> float:
    """Change of the treated less that of the comparison from [begin, start) to [start, end)."""
    gap = treated - control
    return float(gap[start:end].mean() - gap[begin:start].mean())


def _type(start: int, control: int, n_times: int) -> str:
    if control == n_times:
        return TYPES[3]
    if control == 0:
        return TYPES[2]
    return TYPES[0] if start < control else TYPES[1]


def _by_type(table: pd.DataFrame) -> pd.DataFrame:
    product = (table["weight"] * table["estimate"]).groupby(table["type"]).sum()
    weights = table.groupby("type")["weight"]
    summary = {"weight": weights.sum(), "avg_estimate": product / weights.sum(), "n": weights.size()}
    return pd.DataFrame(summary)


def _check_identity(table: pd.DataFrame, coef: float, outcome: np.ndarray) -> None:
    """The weights sum to one and the weighted comparisons to the coefficient; anything else is a defect."""
    weights = table["weight"].to_numpy(dtype=float)
    total, weighted = weights.sum(), float(weights @ table["estimate"].to_numpy(dtype=float))
    if abs(total - 1) > 1e-10 or abs(weighted - coef) > 1e-10 * max(outcome.std(), abs(coef)):
        raise EstimationError(
            f"the decomposition does not add up: weights {total!r}, sum {weighted!r}, coefficient {coef!r}"
        )
