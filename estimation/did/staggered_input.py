"""What the staggered estimators share: checked input, and the joint test of leads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from estimation.core.covariance import ErrorStructure
from estimation.core.design import check_varies, positive_weights, regressors
from estimation.core.error_structure import carried_columns, error_structure
from estimation.core.results import HypothesisTest
from estimation.core.within import Within
from estimation.did.cohorts import Cohorts, cohort_frame
from estimation.panel.fit import wald_test


@dataclass(frozen=True)
class StaggeredInput:
    """A checked panel with cohorts.

    Attributes:
        cohorts: panel and treatment history. outcome: (n,). controls: names; X: (n, k) their values.
        mass: (n,) observation weights, ones without weights. structure: clusters of the rows.
    """

    cohorts: Cohorts
    outcome: np.ndarray
    controls: list[str]
    X: np.ndarray
    mass: np.ndarray
    structure: ErrorStructure


def control_names(x: str | Sequence[str] | None, y: str) -> list[str]:
    """Names of the controls; an empty list for None or an empty sequence."""
    return regressors(x, y) if x is not None and len(x) else []


def staggered_input(
    df: pd.DataFrame,
    y: str,
    cohort: str,
    x: str | Sequence[str] | None,
    *,
    cluster: str | None,
    weights: str | None,
    entity: str,
    time: str,
) -> StaggeredInput:
    """Check outcome, controls, weights, cohorts and clusters.

    Raises:
        EstimationError: see `estimation.did.cohorts.cohort_frame` and `estimation.core.error_structure.error_structure`.
    """
    controls = control_names(x, y)
    carried = carried_columns("cluster", cluster, entity, time)
    numeric = [y, *controls, *([weights] if weights else [])]
    cohorts = cohort_frame(df, numeric, cohort, entity=entity, time=time, keep=carried)
    frame = cohorts.frame
    structure = error_structure(frame, "cluster", cluster, entity=entity, time=time)
    mass = positive_weights(frame.array(weights), weights) if weights else np.ones(len(cohorts.periods))
    outcome = frame.array(y)
    check_varies(y, outcome, Within(frame.entity_codes, frame.time_codes, "twoways", mass).transform(outcome))
    return StaggeredInput(cohorts, outcome, controls, frame.array(controls), mass, structure)


def listed(reasons: Mapping[str, str], most: int = 3) -> str:
    """The first few reasons on one line, with the count of those left out."""
    text = "; ".join(f"{name}: {reason}" for name, reason in list(reasons.items())[:most])
    return text if len(reasons) <= most else f"{text} and {len(reasons) - most} more"


def leads_test(estimate: np.ndarray, cov: np.ndarray, leads: np.ndarray, df_t: float) -> HypothesisTest:
    """Joint test of the estimates that ``leads`` (boolean) marks; NaN with a note if there are none."""
    if not leads.any():
        return HypothesisTest(np.nan, None, np.nan, "no lead is estimated")
    return wald_test(estimate[leads], cov[np.ix_(leads, leads)], df_t)
