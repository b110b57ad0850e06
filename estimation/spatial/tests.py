"""Lagrange-multiplier tests for a spatial lag and a spatial error in panels, after ordinary least squares.

Raw form (Anselin, Le Gallo and Jayet 2008; Elhorst 2014, 3.4), e and X demeaned, s2 = e'e/(NT):
LM_lag = (e'Wy/s2)^2 / J, LM_err = (e'We/s2)^2 / (T T_W), T_W = tr(WW + W'W), J = (WXb)'M(WXb)/s2 + T T_W.
Removing time effects gives e'We a negative mean that these forms leave out, so that they over-reject.

Transformed form (Lee and Yu 2010; Debarsy and Ertur 2010 for entity effects): the same scores for the orthonormally
transformed data, where W becomes F'WF with trace -1'W1/N. Their mean T' tr(F'WF) is taken off, s2 = e'e/m, and the
variances are those of the transformed model, net of estimating s2. Only moments of F'WF enter, so that W may have any
row sums.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from scipy import stats
from scipy.sparse import csr_array

from estimation.core.frame import EstimationError
from estimation.core.least_squares import least_squares
from estimation.core.results import HypothesisTest
from estimation.core.within import Effects
from estimation.spatial.data import SpatialDesign, SpatialPanel, TimeConvention, spatial_design, spatial_panel
from estimation.spatial.weights import Islands

Form = Literal["raw", "transformed"]


@dataclass(frozen=True, kw_only=True)
class LmTests:
    """Lagrange-multiplier tests, each chi2(1) under no spatial dependence.

    Attributes:
        lm_lag, lm_err: against a spatial lag, a spatial error. rlm_lag, rlm_err: robust to the other one.
        lm_both: joint test of both, chi2(2).
        effects, form: options. convention: the choices made, in words.
    """

    lm_lag: HypothesisTest
    lm_err: HypothesisTest
    rlm_lag: HypothesisTest
    rlm_err: HypothesisTest
    lm_both: HypothesisTest
    effects: Effects
    form: Form
    convention: str

    @property
    def tests(self) -> Mapping[str, HypothesisTest]:
        """The tests by name."""
        return {name: getattr(self, name) for name in ("lm_lag", "lm_err", "rlm_lag", "rlm_err", "lm_both")}

    def __getitem__(self, name: str) -> HypothesisTest:
        return self.tests[name]

    def to_rows(self) -> list[dict[str, Any]]:
        """One dict a test, with the columns of ``results.tests`` that the tests know."""
        return [
            {"test": f"{name} ({self.effects}, {self.form})", "statistic": t.statistic, "df": t.df,
             "p_value": t.p_value, "note": t.note}
            for name, t in self.tests.items()
        ]  # fmt: skip


@dataclass(frozen=True)
class _Scores:
    """(2,) scores for lag and error at zero, net of their means, and their (2, 2) covariance."""

    at_zero: np.ndarray
    covariance: np.ndarray


def lm_tests(
    df: pd.DataFrame,
    y: str,
    x: str | Sequence[str],
    W: Any,
    *,
    effects: Effects = "twoways",
    form: Form = "raw",
    entity: str = "city_code",
    time: str = "year",
    islands: Islands = "error",
) -> LmTests:
    """LM and robust LM tests of the model without spatial terms.

    Args:
        df, y, x, W: as in `estimation.spatial.fit_spatial`.
        form: ``raw`` as usually printed; ``transformed`` with nominal size also under time effects.

    Raises:
        EstimationError: unknown options or unusable input.
    """
    for name, value, allowed in (("effects", effects, get_args(Effects)), ("form", form, get_args(Form))):
        if value not in allowed:
            raise EstimationError(f"{name}={value!r} is not one of {', '.join(allowed)}")
    panel = spatial_panel(df, y, x, W, entity=entity, time=time, islands=islands)
    if effects in ("entity", "twoways") and panel.y.shape[1] < 2:
        raise EstimationError(f"{effects} effects need at least 2 periods; the panel has 1")
    convention: TimeConvention = "C" if form == "raw" else "A"
    design = spatial_design(
        panel, panel.names, (), effects=effects, time_convention=convention, lag_regressors=False
    )  # fmt: skip
    scores = _raw_scores(panel, design) if form == "raw" else _transformed_scores(panel, design)
    over_rejects = form == "raw" and effects in ("time", "twoways")
    note = "over-rejects with time effects; the transformed form has nominal size" if over_rejects else ""
    return LmTests(
        **_statistics(scores, note), effects=effects, form=form,
        convention=f"LM tests after OLS, effects: {effects}, {form} form; {panel.weights.describe()}.",
    )  # fmt: skip


def _statistics(scores: _Scores, note: str) -> dict[str, HypothesisTest]:
    """Simple and robust tests (Anselin, Bera, Florax and Yoon 1996) from two scores and their covariance."""
    (lag, err), V = scores.at_zero, scores.covariance
    shared = V[0, 1]
    robust_lag = (lag - shared / V[1, 1] * err) ** 2 / (V[0, 0] - shared**2 / V[1, 1])
    robust_err = (err - shared / V[0, 0] * lag) ** 2 / (V[1, 1] - shared**2 / V[0, 0])
    both = float(scores.at_zero @ np.linalg.solve(V, scores.at_zero))
    values = {
        "lm_lag": (lag**2 / V[0, 0], 1), "lm_err": (err**2 / V[1, 1], 1), "rlm_lag": (robust_lag, 1),
        "rlm_err": (robust_err, 1), "lm_both": (both, 2),
    }  # fmt: skip
    return {
        name: HypothesisTest(float(value), float(df), float(stats.chi2.sf(value, df)), note)
        for name, (value, df) in values.items()
    }


def _raw_scores(panel: SpatialPanel, design: SpatialDesign) -> _Scores:
    """Elhorst's form: everything demeaned first, then lagged."""
    k, (n, periods) = len(design.terms), design.shape
    X = design.X0.reshape(-1, k)
    ols = least_squares(design.y0.ravel(), X)
    e = ols.residuals
    s2 = float(e @ e) / (n * periods)
    lagged_fit = panel.weights.lag((X @ ols.beta).reshape(n, periods)).ravel()
    unexplained = least_squares(lagged_fit, X).residuals
    trace = periods * (_sum_of_products(panel) + _sum_of_squares(panel))
    J = float(unexplained @ unexplained) / s2 + trace
    values = np.array([e @ design.y1.ravel(), e @ panel.weights.lag(e.reshape(n, periods)).ravel()]) / s2
    return _Scores(values, np.array([[J, trace], [trace, trace]]))


def _transformed_scores(panel: SpatialPanel, design: SpatialDesign) -> _Scores:
    """Scores of the orthonormally transformed data; P the projection off the effects, e = M P y."""
    k, (n, periods) = len(design.terms), design.shape
    entity, time = design.effects in ("entity", "twoways"), design.effects in ("time", "twoways")
    kept = periods - 1 if entity else periods
    m = kept * (n - 1 if time else n)
    X = design.X0.reshape(-1, k)
    ols = least_squares(design.y0.ravel(), X)
    e = ols.residuals.reshape(n, periods)
    s2 = float((e**2).sum()) / m
    lagged_mean = design.without_effects(panel.weights.lag(panel.y - e)).ravel()
    unexplained = least_squares(lagged_mean, X).residuals
    trace, lag_part, shared = _centred_traces(panel, time)
    values = np.array([(e * design.y1).sum(), (e * panel.weights.lag(e)).sum()]) / s2 - kept * trace
    covariance = kept * np.array([[lag_part, shared], [shared, shared]]) - 2 * (kept * trace) ** 2 / m
    covariance[0, 0] += float(unexplained @ unexplained) / s2
    return _Scores(values, covariance)


def _centred_traces(panel: SpatialPanel, centred: bool) -> tuple[float, float, float]:
    """tr(JWJ), tr(JWJW + JWW'), tr(JWJW + JWJW') with J = I - 11'/N, or with J = I."""
    products, squares = _sum_of_products(panel), _sum_of_squares(panel)
    if not centred:
        return 0.0, products + squares, products + squares
    n = panel.weights.n
    rows = np.asarray(panel.weights.matrix.sum(axis=1)).ravel()
    columns = np.asarray(panel.weights.matrix.sum(axis=0)).ravel()
    total = rows.sum()
    jwjw = products - 2 * float(columns @ rows) / n + (total / n) ** 2
    jww = squares - float(columns @ columns) / n
    jwjwt = jww - float(rows @ rows) / n + (total / n) ** 2
    return -float(total) / n, jwjw + jww, jwjw + jwjwt


def _sum_of_products(panel: SpatialPanel) -> float:
    """tr(WW)."""
    W = panel.weights.matrix
    return float((W * W.T).sum()) if isinstance(W, np.ndarray) else float(csr_array(W.multiply(W.T)).sum())


def _sum_of_squares(panel: SpatialPanel) -> float:
    """tr(W'W)."""
    W = panel.weights.matrix
    return float((W**2).sum()) if isinstance(W, np.ndarray) else float((W.data**2).sum())
