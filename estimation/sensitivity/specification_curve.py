"""Specification curve: one coefficient over every combination of declared switches.

Source: Simonsohn, Simmons and Nelson (2020), Nature Human Behaviour 4.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Unpack

import numpy as np
import pandas as pd

from estimation.core.covariance import Vcov
from estimation.core.frame import EstimationError
from estimation.core.options import PanelOptions, SwitchedOptions
from estimation.core.within import Effects
from estimation.panel.fit import fit_panel

SampleRule = Callable[[pd.DataFrame], "pd.Series[bool]"] | None


@dataclass(frozen=True)
class SpecificationCurve:
    """All specifications.

    Attributes:
        table: one row a combination, estimates rising: the switches, ``estimate``, ``std_error``, ``p_value``,
            ``conf_low``, ``conf_high``, ``n_obs`` and ``reason`` (not empty where it could not be estimated).
        summary: number of specifications, of those estimated; median, smallest and largest estimate; shares positive,
            significantly positive, significantly negative at 5 % (of those estimated).
    """

    table: pd.DataFrame
    summary: pd.Series


def specification_curve(
    df: pd.DataFrame,
    term: str,
    *,
    outcomes: Sequence[str],
    controls: Mapping[str, Sequence[str]],
    effects: Sequence[Effects] = ("twoways",),
    vcov: Sequence[Vcov] = ("cluster",),
    samples: Mapping[str, SampleRule] | None = None,
    **options: Unpack[SwitchedOptions],
) -> SpecificationCurve:
    """Fit every combination of outcome, control set, effects, covariance and sample.

    Args:
        controls: named control sets, e.g. ``{"none": [], "all": [...]}``.
        samples: named rules from the frame to a boolean mask (None: all rows), e.g. ``{"all": None, "after 2010":
            lambda d: d["year"] > 2010}``.
        options: further options of `estimation.panel.fit_panel`, the same everywhere.

    Raises:
        EstimationError: an empty switch, a rule that does not return one mark a row, or no
            combination that can be estimated.
    """
    rules: Mapping[str, SampleRule] = samples or {"all": None}
    if not all((outcomes, controls, effects, vcov, rules)):
        raise EstimationError("every switch (outcomes, controls, effects, vcov, samples) needs at least one value")
    masks = {name: _mask(df, name, rule) for name, rule in rules.items()}
    rows = []
    for y, label, effect, cov, sample in product(outcomes, controls, effects, vcov, rules):
        switches = {"outcome": y, "controls": label, "effects": effect, "vcov": cov, "sample": sample}
        chosen: PanelOptions = {**options, "effects": effect, "vcov": cov}
        rows.append({**switches, **_one(df[masks[sample]], y, [term, *controls[label]], term, chosen)})
    table = pd.DataFrame(rows).sort_values("estimate", kind="stable", ignore_index=True)
    if table["estimate"].isna().all():
        raise EstimationError(f"no specification can be estimated; the first: {table['reason'].iloc[0]}")
    return SpecificationCurve(table, _summary(table))


def _mask(df: pd.DataFrame, name: str, rule: SampleRule) -> np.ndarray:
    if rule is None:
        return np.ones(len(df), dtype=bool)
    mask = np.asarray(rule(df))
    if mask.shape != (len(df),) or mask.dtype != bool:
        raise EstimationError(f"sample rule {name!r} must return one True or False a row")
    return mask


def _one(df: pd.DataFrame, y: str, x: Sequence[str], term: str, options: PanelOptions) -> dict[str, Any]:
    try:
        fit = fit_panel(df, y, x, **options)
    except EstimationError as error:
        empty = dict.fromkeys(("estimate", "std_error", "p_value", "conf_low", "conf_high"), np.nan)
        return {**empty, "n_obs": len(df), "reason": str(error)}
    row = next(row for row in fit.to_rows() if row["term"] == term)
    kept = ("estimate", "std_error", "p_value", "conf_low", "conf_high", "n_obs")
    return {**{key: row[key] for key in kept}, "reason": ""}


def _summary(table: pd.DataFrame) -> pd.Series:
    known = table.dropna(subset=["estimate"])
    significant = known["p_value"] < 0.05
    return pd.Series(
        {
            "n_specifications": len(table),
            "n_estimated": len(known),
            "median": known["estimate"].median(),
            "smallest": known["estimate"].min(),
            "largest": known["estimate"].max(),
            "share_positive": (known["estimate"] > 0).mean(),
            "share_significant_positive": ((known["estimate"] > 0) & significant).mean(),
            "share_significant_negative": ((known["estimate"] < 0) & significant).mean(),
        },
        name="specification_curve",
    )
