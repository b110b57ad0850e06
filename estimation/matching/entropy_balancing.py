"""Entropy balancing: control weights as even as possible whose covariate moments equal those of the treated.

The weights w_j = q_j exp(-c_j'l) / sum minimise sum w log(w/q) subject to sum w c_j = 0, where c_j are deviations
from the treated moments; l minimises the convex dual log sum q_j exp(-c_j'l). Source: Hainmueller (2012), Political
Analysis 20(1).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import logsumexp

from estimation.core.frame import EstimationError, panel_frame
from estimation.core.least_squares import dependent_columns, describe_dependence
from estimation.matching.balance import balance_table, effective_sample_size
from estimation.matching.pairs import binary_treatment, restored

MAX_STEPS = 200
TOLERANCE = 1e-9


@dataclass(frozen=True)
class EntropyBalance:
    """Balancing weights. Series are indexed like the frame given.

    Attributes:
        weights: 1 for a treated row, controls add up to the number of treated rows (within each group), 0 for rows
            not used.
        balance: see `estimation.matching.balance.balance_table`.
        groups: one row a group: rows of each kind, effective number of controls, largest weight share, left-over
            imbalance in treated standard deviations, and a note where the moments cannot be balanced.
        convention: every choice in words.
    """

    weights: pd.Series
    balance: pd.DataFrame
    groups: pd.DataFrame
    convention: str


def entropy_balance(
    df: pd.DataFrame,
    treat: str,
    x: str | Sequence[str],
    *,
    moments: int = 1,
    by: str | None = None,
    entity: str = "city_code",
    time: str = "year",
) -> EntropyBalance:
    """Balance means (``moments=1``), variances (2) and third moments (3) of the covariates.

    Args:
        df: long frame, one row an (entity, time). treat: 0/1 column. x: covariates.
        by: column within whose values the weights are found; None: all rows pooled.

    Raises:
        EstimationError: unusable input, ``treat`` not 0/1, ``moments`` not 1, 2 or 3, or no weights exist (the treated
            moments lie outside what the controls can reach). With ``by`` such a group is noted in ``groups``.
    """
    covariates = [x] if isinstance(x, str) else list(x)
    if moments not in (1, 2, 3):
        raise EstimationError(f"moments={moments} is not one of 1, 2, 3")
    frame = panel_frame(
        df.assign(__row__=np.arange(len(df))), [treat, *covariates, "__row__"],
        entity=entity, time=time, keep=[by] if by else [],
    )  # fmt: skip
    treated = binary_treatment(frame, treat, entity, time)
    groups = frame.data[by] if by else pd.Series("all", index=frame.data.index)
    weights, rows = np.zeros(len(treated)), []
    for label in sorted(groups.dropna().unique()):
        at = np.flatnonzero(groups == label)
        values, note = frame.array(covariates)[at], ""
        try:
            weights[at] = _group_weights(values, treated[at], covariates, moments)
        except EstimationError as error:
            if by is None:
                raise
            note = str(error)
        rows.append({"group": label, **_summary(values, treated[at], weights[at]), "note": note})
    if not weights.any():
        raise EstimationError(f"no value of {by} can be balanced: {rows[0]['note'] if rows else 'always missing'}")
    used = np.isin(groups, [row["group"] for row in rows if not row["note"]])
    table = {name: frame.array(name)[used] for name in covariates}
    where = f"within each {by}" if by else "all rows pooled"
    return EntropyBalance(
        weights=restored(df, frame.data["__row__"].to_numpy().astype(int), weights, 0.0).rename("weight"),
        balance=balance_table(table, treated[used], weights[used]),
        groups=pd.DataFrame(rows).set_index("group"),
        convention=f"Entropy balancing of the first {moments} moment(s), {where}; uniform base weights.",
    )


def _group_weights(values: np.ndarray, treated: np.ndarray, names: Sequence[str], moments: int) -> np.ndarray:
    """(n,) weights of one group: ones for treated, controls summing to their number."""
    one, zero = treated > 0, treated == 0
    if not one.any() or not zero.any():
        raise EstimationError(f"no {'control' if one.any() else 'treated'} row: nothing to balance")
    centred = values - values[one].mean(axis=0)
    columns, labels = [centred], list(names)
    for power in range(2, moments + 1):
        more = [j for j in range(len(names)) if len(np.unique(values[:, j])) > power]
        columns.append(centred[:, more] ** power)
        labels += [f"{names[j]}^{power}" for j in more]
    C = np.column_stack(columns)
    deviation = C[zero] - C[one].mean(axis=0)
    scale = np.maximum(C.std(axis=0), 1e-300)
    _check_identified(C, labels)
    share = _dual_weights(deviation / scale, labels)
    result = np.ones(len(treated))
    result[zero] = share * one.sum()
    return result


def _check_identified(C: np.ndarray, labels: Sequence[str]) -> None:
    full = np.column_stack([np.ones(len(C)), C])
    found = dependent_columns(full, full)
    if found:
        raise EstimationError(f"not identified: {describe_dependence(found, ['const', *labels])}; leave it out")


def _dual_weights(C: np.ndarray, labels: Sequence[str]) -> np.ndarray:
    """(n0,) weights adding up to one with C'w = 0, by Newton steps with halving on the dual."""
    dual, value = np.zeros(C.shape[1]), np.log(len(C))
    for _ in range(MAX_STEPS):
        exponent = -C @ dual
        w = np.exp(exponent - logsumexp(exponent))
        gradient = C.T @ w
        if np.abs(gradient).max() < TOLERANCE:
            return w
        hessian = C.T @ (C * w[:, None]) - np.outer(gradient, gradient)
        step = np.linalg.lstsq(hessian, gradient, rcond=1e-14)[0]
        length = 1.0
        while length > 1e-10:
            trial = float(logsumexp(-C @ (dual + length * step)))
            if trial <= value - 1e-4 * length * float(gradient @ step):
                break
            length /= 2
        dual, value = dual + length * step, trial
    worst = labels[int(np.abs(gradient).argmax())]
    raise EstimationError(
        f"no weights on the {len(C)} controls balance {worst}: the treated lie outside what the controls can reach; "
        "use fewer covariates or moments, or larger groups"
    )


def _summary(values: np.ndarray, treated: np.ndarray, weights: np.ndarray) -> dict[str, float]:
    control = weights[treated == 0]
    total = control.sum()
    left = np.nan
    if total > 0:
        gap = values[treated > 0].mean(axis=0) - control @ values[treated == 0] / total
        spread = values[treated > 0].std(axis=0)
        left = float(np.max(np.abs(gap) / np.where(spread > 0, spread, np.inf)))
    return {
        "n_treated": int((treated > 0).sum()),
        "n_control": int((treated == 0).sum()),
        "effective_control": effective_sample_size(control),
        "largest_share": float(control.max() / total) if total > 0 else np.nan,
        "imbalance": left,
    }
