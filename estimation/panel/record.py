"""The estimator of record: linearmodels fits the same design and must agree."""

from __future__ import annotations

from importlib.metadata import version

import numpy as np
import pandas as pd

from estimation.core.design import CONSTANT, PanelDesign
from estimation.core.frame import EstimationError

AGREEMENT = 1e-8


def record_coefficients(design: PanelDesign) -> pd.Series:
    """Point estimates of linearmodels' PanelOLS for a design, indexed by term."""
    from linearmodels.panel import PanelOLS  # imported here: takes seconds

    frame = design.frame
    index = pd.MultiIndex.from_arrays([frame.entity_codes, frame.time_codes], names=["entity", "time"])
    exog = pd.DataFrame(design.X, index=index, columns=list(design.terms))
    model = PanelOLS(
        pd.Series(design.y, index=index, name=design.dependent),
        exog,
        weights=None if design.weights is None else pd.Series(design.weights, index=index),
        entity_effects=design.effects in ("entity", "twoways"),
        time_effects=design.effects in ("time", "twoways"),
    )
    return model.fit(cov_type="unadjusted").params[list(design.terms)]


def confirm(design: PanelDesign, beta: np.ndarray) -> str:
    """A sentence that linearmodels gives the same estimates.

    The difference is relative to the size of the fitted contribution, |b| sd(x), so that a coefficient near zero is
    judged by what it contributes.

    Raises:
        EstimationError: a coefficient differs by more than 1e-8.
    """
    reference = record_coefficients(design)
    scale = design.X_within.std(axis=0)
    scale = np.where(np.array(design.terms) == CONSTANT, 1.0, scale)
    unit = np.abs(beta * scale) + design.y_within.std()
    difference = np.abs(reference.to_numpy() - beta) * scale / unit
    if difference.max() > AGREEMENT:
        worst = design.terms[int(difference.argmax())]
        raise EstimationError(
            f"{worst}: {beta[difference.argmax()]:.12g} here, {reference[worst]:.12g} from linearmodels; "
            "the column is nearly collinear or badly scaled: rescale it"
        )
    return f"Confirmed by linearmodels {version('linearmodels')} PanelOLS (differences below {AGREEMENT:.0e})."
