"""Moderation: the effect of a treatment as a function of another variable (Aiken and West 1991)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Unpack

import pandas as pd

from estimation.core.frame import EstimationError
from estimation.core.options import PanelOptions
from estimation.core.results import Estimates
from estimation.core.terms import (
    PERCENTILES,
    estimation_sample,
    inherited,
    marginal_effects,
    names,
    percentile_values,
    product_name,
    with_columns,
)
from estimation.panel.fit import PanelFit, fit_panel


@dataclass(frozen=True, kw_only=True)
class Moderation(Estimates):
    """Regression with a product term.

    Attributes:
        marginal_effects: effect of the treatment at percentiles and the mean of the moderator (in the moderator's own
            unit).
        centres: values subtracted before the product was formed (empty without centring).
        fit: the regression.
    """

    marginal_effects: pd.DataFrame
    centres: Mapping[str, float] = field(default_factory=dict)
    fit: PanelFit


def moderate(
    df: pd.DataFrame,
    y: str,
    treat: str,
    moderator: str,
    x: str | Sequence[str] = (),
    *,
    centre: bool = False,
    percentiles: Sequence[float] = PERCENTILES,
    level: float = 0.95,
    **options: Unpack[PanelOptions],
) -> Moderation:
    """y = t T + w W + p T#W + controls; the effect of T at W = v is t + p v.

    Args:
        centre: subtract the sample means of T and W before anything else; p and the effects at given W do not change.
        percentiles: of the moderator, at which marginal effects are computed.
        options: as `estimation.panel.fit_panel`. A moderator that the effects absorb (constant within cities) is left
            out of the regression, which the convention says.

    Raises:
        EstimationError: as `fit_panel`.
    """
    controls, product = names(x), product_name(treat, moderator)
    sample = estimation_sample(df, [y, treat, moderator, *controls], options)
    observed = sample.data[moderator].to_numpy(float)
    means = {name: float(sample.data[name].mean()) for name in (treat, moderator)} if centre else {}
    data = sample.data.assign(**{name: sample.data[name] - mean for name, mean in means.items()})
    data = with_columns(data, {product: data[treat] * data[moderator]})
    fit = fit_with_main_effect(data, y, [treat, moderator, product, *controls], moderator, options)
    at = percentile_values(observed, percentiles)
    table = marginal_effects(fit, treat, product, at, shift=means.get(moderator, 0.0), level=level)
    centring = f" {treat} and {moderator} centred at their sample means." if centre else " Not centred."
    return Moderation(
        **inherited(fit),
        estimator="moderation",
        convention=fit.convention + centring,
        n_dropped=sample.n_dropped,
        marginal_effects=table,
        centres=means,
        fit=fit,
    )


def fit_with_main_effect(
    data: pd.DataFrame, y: str, x: Sequence[str], main_effect: str, options: PanelOptions
) -> PanelFit:
    """Panel regression that leaves out ``main_effect`` where the effects absorb it, and no other column.

    Raises:
        EstimationError: another column is not identified, or the main effect is collinear with other columns.
    """
    fit = fit_panel(data, y, x, collinear="drop", **options)
    absorbed = "does not vary" in fit.dropped.get(main_effect, "does not vary")
    if not absorbed or any(name != main_effect for name in fit.dropped):
        raise EstimationError(f"not identified: {'; '.join(fit.dropped.values())}; leave the column(s) out")
    return fit
