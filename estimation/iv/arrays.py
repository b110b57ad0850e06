"""The arrays of an instrumental-variable regression, with the effects removed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from estimation.core.covariance import AbsorbedEffects, Covariance, ErrorStructure, Ssc, estimate_covariance
from estimation.core.design import CONSTANT, panel_design
from estimation.core.frame import EstimationError, PanelFrame
from estimation.core.least_squares import check_full_rank, least_squares
from estimation.core.options import CovarianceOptions, PanelOptions, check_options
from estimation.core.terms import estimation_sample, names, structure_of
from estimation.core.within import Effects


@dataclass(frozen=True)
class IVArrays:
    """y = D b + X g + u with instruments Z, every array with the effects removed.

    Attributes:
        y: (n,). D: (n, K) endogenous. X: (n, k) exogenous, with the constant if there are no effects. Z: (n, L)
            excluded instruments.
        endog, exog, instruments: their names.
        structure, absorbed, ssc: error structure and counting convention of the covariances.
    """

    frame: PanelFrame
    dependent: str
    y: np.ndarray
    D: np.ndarray
    X: np.ndarray
    Z: np.ndarray
    endog: tuple[str, ...]
    exog: tuple[str, ...]
    instruments: tuple[str, ...]
    structure: ErrorStructure
    absorbed: AbsorbedEffects
    ssc: Ssc

    @property
    def n(self) -> int:
        """Observations."""
        return len(self.y)

    @cached_property
    def all_instruments(self) -> np.ndarray:
        """(n, L + k) all instruments, the excluded ones first."""
        return np.column_stack([self.Z, self.X])

    @cached_property
    def regressors(self) -> np.ndarray:
        """(n, K + k) all regressors, the endogenous ones first."""
        return np.column_stack([self.D, self.X])

    def partialled(self, values: np.ndarray) -> np.ndarray:
        """Residuals of (n,) or (n, m) values from the exogenous regressors."""
        return values if self.X.shape[1] == 0 else least_squares(values, self.X).residuals

    @cached_property
    def endog_partialled(self) -> np.ndarray:
        """(n, K) endogenous variables less their projection on X."""
        return self.partialled(self.D)

    @cached_property
    def instruments_partialled(self) -> np.ndarray:
        """(n, L) excluded instruments less their projection on X."""
        return self.partialled(self.Z)

    def covariance(
        self, regressors: np.ndarray, residuals: np.ndarray, bread: np.ndarray, ssc: Ssc | None = None
    ) -> Covariance:
        """Covariance of a regression on (n, p) regressors under the structure and (unless given) convention of the
        model.
        """
        scores = regressors * residuals[:, None]
        return estimate_covariance(
            bread, scores, float(residuals @ residuals), self.structure, self.absorbed, ssc or self.ssc
        )

    def on_instruments(self, left: np.ndarray, ssc: Ssc | None = None) -> tuple[np.ndarray, Covariance]:
        """Regression of (n,) values on W: coefficients (L + k,) and their covariance."""
        ols = least_squares(left, self.all_instruments)
        return ols.beta, self.covariance(self.all_instruments, ols.residuals, ols.bread, ssc)

    @property
    def ssc_of_f(self) -> Ssc:
        """Convention of the F statistics of the instruments: they keep a small-sample factor under ``ssc="none"``
        (ivreg2).
        """
        return "fixest" if self.ssc == "none" else self.ssc


def prepare(
    df: pd.DataFrame,
    y: str,
    x: str | Sequence[str] | None,
    endog: str | Sequence[str],
    instruments: str | Sequence[str],
    effects: Effects,
    options: CovarianceOptions,
) -> IVArrays:
    """Arrays of the model from a frame; raises as `iv_arrays` and `estimation.core.frame.panel_frame`."""
    check_options(options, CovarianceOptions)
    exog, endogenous, excluded = names(x), names(endog), names(instruments)
    panel_options = PanelOptions(**options)
    frame = estimation_sample(df, [y, *exog, *endogenous, *excluded], panel_options).frame
    structure = structure_of(frame, panel_options)
    return iv_arrays(frame, y, exog, endogenous, excluded, effects, structure, options.get("ssc", "fixest"))


def iv_arrays(
    frame: PanelFrame,
    y: str,
    x: Sequence[str],
    endog: Sequence[str],
    instruments: Sequence[str],
    effects: Effects,
    structure: ErrorStructure,
    ssc: Ssc,
) -> IVArrays:
    """Arrays of the model, checked for the order and rank conditions.

    Raises:
        EstimationError: fewer instruments than endogenous variables, a name used twice, or columns that are collinear.
    """
    regressors = _distinct(y, x, endog, instruments)
    design = panel_design(frame, y, regressors, effects)
    within, observed = design.X_within, design.X
    k, K = len(x), len(endog)
    exog = [*range(k), *range(len(regressors), within.shape[1])]
    columns = {"X": exog, "D": list(range(k, k + K)), "Z": list(range(k + K, len(regressors)))}
    terms = list(design.terms)
    # The constant goes first, so that it is never the column that is blamed.
    first = sorted(exog, key=lambda i: terms[i] != CONSTANT)
    for block in ("Z", "D"):
        chosen = first + columns[block]
        check_full_rank(within[:, chosen], observed[:, chosen], [terms[i] for i in chosen])
    return IVArrays(
        frame=frame,
        dependent=y,
        y=design.y_within,
        D=within[:, columns["D"]],
        X=within[:, columns["X"]],
        Z=within[:, columns["Z"]],
        endog=tuple(endog),
        exog=tuple(terms[i] for i in exog),
        instruments=tuple(instruments),
        structure=structure,
        absorbed=design.absorbed,
        ssc=ssc,
    )


def _distinct(y: str, x: Sequence[str], endog: Sequence[str], instruments: Sequence[str]) -> list[str]:
    """All right-hand names in the order exogenous, endogenous, instruments."""
    right = [*x, *endog, *instruments]
    repeated = sorted({name for name in [y, *right] if [y, *right].count(name) > 1})
    if repeated or CONSTANT in right:
        raise EstimationError(f"column(s) named more than once (or {CONSTANT!r}): {', '.join(repeated) or CONSTANT}")
    if not endog:
        raise EstimationError("endog names no variable: use estimation.panel.fit_panel")
    if len(instruments) < len(endog):
        raise EstimationError(
            f"{len(endog)} endogenous variable(s) ({', '.join(endog)}) need at least as many instruments; "
            f"got {len(instruments)} ({', '.join(instruments) or 'none'})"
        )
    return right
