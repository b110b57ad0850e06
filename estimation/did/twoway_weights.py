"""Which weights the two-way estimator gives to each treated observation's effect, and how much heterogeneity it tolerates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from estimation.core.design import check_varies
from estimation.core.frame import EstimationError, panel_frame
from estimation.core.least_squares import check_full_rank, least_squares
from estimation.core.within import Within
from estimation.did.staggered_input import control_names


@dataclass(frozen=True)
class TwowayWeights:
    """Weights of the two-way fixed-effects coefficient (de Chaisemartin and D'Haultfoeuille 2020, theorem 1).

    Attributes:
        weights: one row a treated observation, indexed by (entity, time); sums to 1. The coefficient estimates the sum of
            weight * effect under parallel trends.
        coef: the two-way coefficient, indexed by the treatment.
        n_positive, n_negative: number of weights above and below zero. sum_positive, sum_negative: their sums.
        sigma: smallest standard deviation of the effects over treated observations for which the average effect may be zero
            (corollary 1); a small value means that heterogeneity matters. inf where all weights are equal.
        sigma_sign: smallest standard deviation for which every effect may have the opposite sign; inf without negative weights.
        convention: what was computed, in a sentence.
    """

    weights: pd.Series
    coef: pd.Series
    n_positive: int
    n_negative: int
    sum_positive: float
    sum_negative: float
    sigma: float
    sigma_sign: float
    convention: str

    @property
    def twfe_coef(self) -> float:
        """The two-way coefficient as a number."""
        return float(self.coef.iloc[0])

    def to_rows(self) -> list[dict[str, object]]:
        """One dict a summary statistic."""
        names = ("twfe_coef", "n_positive", "n_negative", "sum_positive", "sum_negative", "sigma", "sigma_sign")
        return [{"statistic": name, "value": float(getattr(self, name))} for name in names]


def twoway_weights(
    df: pd.DataFrame,
    y: str,
    treat: str,
    x: str | Sequence[str] | None = None,
    *,
    entity: str = "city_code",
    time: str = "year",
) -> TwowayWeights:
    """Weights w_it = e_it / sum over treated of e_it, e the residual of treatment on effects and controls.

    Raises:
        EstimationError: ``treat`` is not 0/1, or is explained by the effects and controls.
    """
    controls = control_names(x, y)
    frame = panel_frame(df, [y, treat, *controls], entity=entity, time=time)
    treatment, outcome, X = frame.array(treat), frame.array(y), frame.array(controls)
    if not np.isin(treatment, (0, 1)).all():
        raise EstimationError(f"{treat} must be 0 or 1; found {np.setdiff1d(treatment, (0, 1))[:5]}")
    within = Within(frame.entity_codes, frame.time_codes, "twoways")
    columns, names = np.column_stack([X, treatment]), [*controls, treat]
    demeaned = within.transform(columns)
    check_full_rank(demeaned, columns, names)
    check_varies(y, outcome, within.transform(outcome))
    residual = demeaned[:, -1]
    if controls:
        residual = least_squares(residual, demeaned[:, :-1]).residuals
    treated = treatment == 1
    coef = float(residual @ outcome) / float(residual @ residual)
    weights = residual[treated] / residual[treated].sum()
    index = pd.MultiIndex.from_frame(frame.data.loc[treated, [entity, time]])
    negative = weights < -1e-12
    positive = weights > 1e-12
    return TwowayWeights(
        weights=pd.Series(weights, index=index, name="weight"),
        coef=pd.Series({treat: coef}, name="estimate"),
        n_positive=int(positive.sum()),
        n_negative=int(negative.sum()),
        sum_positive=float(weights[positive].sum()),
        sum_negative=float(weights[negative].sum()),
        sigma=_sigma(coef, weights),
        sigma_sign=_sigma_sign(coef, weights) if negative.any() else np.inf,
        convention=f"Weights of {treat} in the two-way regression of {y}{', with controls' if controls else ''}; "
        f"{int(treated.sum())} treated observations.",
    )


def _sigma(coef: float, weights: np.ndarray) -> float:
    """|coef| / sd of n1 * weight."""
    spread = (weights * len(weights)).std()
    return float(abs(coef) / spread) if spread > 1e-12 else np.inf


def _sigma_sign(coef: float, weights: np.ndarray) -> float:
    """|coef| / sqrt(T_s + S_s^2 / (1 - P_s)) at the first s (weights in decreasing order) with w_s < -S_s / (1 - P_s)."""
    relative = np.sort(weights * len(weights))[::-1]
    share = 1 / len(relative)
    P = share * np.arange(len(relative), 0, -1)
    S = share * relative[::-1].cumsum()[::-1]
    T = share * (relative[::-1] ** 2).cumsum()[::-1]
    with np.errstate(divide="ignore"):
        bound = np.where(P < 1, -S / np.maximum(1 - P, 1e-300), -np.inf)
    s = int(np.flatnonzero((relative < bound) & (P < 1))[0])
    return float(abs(coef) / np.sqrt(T[s] + S[s] ** 2 / (1 - P[s])))
