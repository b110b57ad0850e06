"""Unit roots in panels: Im, Pesaran and Shin; Fisher-type tests; Harris and Tzavalis for short panels.

The null of every test is that all series have a unit root. Series of a few years say little: each result carries its number
of periods, and a test outside the range of its tables returns NaN and says why.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.tsa.adfvalues import mackinnonp

from estimation.core.frame import EstimationError, PanelFrame, panel_frame
from estimation.core.results import HypothesisTest

Trend = Literal["constant", "trend"]
_MACKINNON = {"constant": "c", "trend": "ct"}

# Mean and variance of the Dickey-Fuller t with T observations in the regression and p lagged differences: Im, Pesaran and
# Shin (2003), Journal of Econometrics 115, table 3; rows p = 0..8, columns T; NaN: not tabulated.
_TABLE_T = (10, 15, 20, 25, 30, 40, 50, 60, 70, 100)
_NA = np.nan
_MEAN = {
    "constant": (
        (-1.504, -1.514, -1.522, -1.520, -1.526, -1.523, -1.527, -1.519, -1.524, -1.532),
        (-1.488, -1.503, -1.516, -1.514, -1.519, -1.520, -1.524, -1.519, -1.522, -1.530),
        (-1.319, -1.387, -1.428, -1.443, -1.460, -1.476, -1.493, -1.490, -1.498, -1.514),
        (-1.306, -1.366, -1.413, -1.433, -1.453, -1.471, -1.489, -1.486, -1.495, -1.512),
        (-1.171, -1.260, -1.329, -1.363, -1.394, -1.428, -1.454, -1.458, -1.470, -1.495),
        (_NA, _NA, -1.313, -1.351, -1.384, -1.421, -1.451, -1.454, -1.467, -1.494),
        (_NA, _NA, _NA, -1.289, -1.331, -1.380, -1.418, -1.427, -1.444, -1.476),
        (_NA, _NA, _NA, -1.273, -1.319, -1.371, -1.411, -1.423, -1.441, -1.474),
        (_NA, _NA, _NA, -1.212, -1.266, -1.329, -1.377, -1.393, -1.415, -1.456),
    ),
    "trend": (
        (-2.166, -2.167, -2.168, -2.167, -2.172, -2.173, -2.176, -2.174, -2.174, -2.177),
        (-2.173, -2.169, -2.172, -2.172, -2.173, -2.177, -2.180, -2.178, -2.176, -2.179),
        (-1.914, -1.999, -2.047, -2.074, -2.095, -2.120, -2.137, -2.143, -2.146, -2.158),
        (-1.922, -1.977, -2.032, -2.065, -2.091, -2.117, -2.137, -2.142, -2.146, -2.158),
        (-1.750, -1.823, -1.911, -1.968, -2.009, -2.057, -2.091, -2.103, -2.114, -2.135),
        (_NA, _NA, -1.888, -1.955, -1.998, -2.051, -2.087, -2.101, -2.111, -2.135),
        (_NA, _NA, _NA, -1.868, -1.923, -1.995, -2.042, -2.065, -2.081, -2.113),
        (_NA, _NA, _NA, -1.851, -1.912, -1.986, -2.036, -2.063, -2.079, -2.112),
        (_NA, _NA, _NA, -1.761, -1.835, -1.925, -1.987, -2.024, -2.046, -2.088),
    ),
}
_VARIANCE = {
    "constant": (
        (1.069, 0.923, 0.851, 0.809, 0.789, 0.770, 0.760, 0.749, 0.736, 0.735),
        (1.255, 1.011, 0.915, 0.861, 0.831, 0.803, 0.781, 0.770, 0.753, 0.745),
        (1.421, 1.078, 0.969, 0.905, 0.865, 0.830, 0.798, 0.789, 0.766, 0.754),
        (1.759, 1.181, 1.037, 0.952, 0.907, 0.858, 0.819, 0.802, 0.782, 0.761),
        (2.080, 1.279, 1.097, 1.005, 0.946, 0.886, 0.842, 0.819, 0.801, 0.771),
        (_NA, _NA, 1.171, 1.055, 0.980, 0.912, 0.863, 0.839, 0.814, 0.781),
        (_NA, _NA, _NA, 1.114, 1.023, 0.942, 0.886, 0.858, 0.834, 0.795),
        (_NA, _NA, _NA, 1.164, 1.062, 0.968, 0.910, 0.875, 0.851, 0.806),
        (_NA, _NA, _NA, 1.217, 1.105, 0.996, 0.929, 0.896, 0.871, 0.818),
    ),
    "trend": (
        (1.132, 0.869, 0.763, 0.713, 0.690, 0.655, 0.633, 0.621, 0.610, 0.597),
        (1.453, 0.975, 0.845, 0.769, 0.734, 0.687, 0.654, 0.641, 0.627, 0.605),
        (1.627, 1.036, 0.882, 0.796, 0.756, 0.702, 0.661, 0.653, 0.634, 0.613),
        (2.482, 1.214, 0.983, 0.861, 0.808, 0.735, 0.688, 0.674, 0.650, 0.625),
        (3.947, 1.332, 1.052, 0.913, 0.845, 0.759, 0.705, 0.685, 0.662, 0.629),
        (_NA, _NA, 1.165, 0.991, 0.899, 0.792, 0.730, 0.705, 0.673, 0.638),
        (_NA, _NA, _NA, 1.055, 0.945, 0.828, 0.753, 0.725, 0.689, 0.650),
        (_NA, _NA, _NA, 1.145, 1.009, 0.872, 0.786, 0.747, 0.713, 0.661),
        (_NA, _NA, _NA, 1.208, 1.063, 0.902, 0.808, 0.766, 0.728, 0.670),
    ),
}


@dataclass(frozen=True)
class PanelUnitRoot:
    """Panel unit root tests of one variable.

    Attributes:
        tests: ``ips`` (W-t-bar), ``fisher_p`` (Maddala and Wu; chi-squared), ``fisher_pm`` (Choi's modified P), ``fisher_z``
            (Choi's inverse normal), ``harris_tzavalis``.
        series: one row an entity: ``t`` of the lagged level, ``n_obs`` in its regression, ``p_value`` (MacKinnon 1994).
        n_skipped: entities whose series is too short or does not vary.
        lags, trend: of the augmented Dickey-Fuller regressions.
    """

    tests: dict[str, HypothesisTest]
    series: pd.DataFrame
    n_skipped: int
    lags: int
    trend: str


def panel_unit_root(
    df: pd.DataFrame,
    column: str,
    *,
    lags: int = 0,
    trend: Trend = "constant",
    demean: bool = False,
    entity: str = "city_code",
    time: str = "year",
) -> PanelUnitRoot:
    """Tests on D y_it = a_i (+ b_i t) + rho_i y_i,t-1 + sum_k c_ik D y_i,t-k + e_it, entity by entity or pooled.

    - IPS: W = sqrt(N) (mean t - mean E[t]) / sqrt(mean Var[t]), moments from the authors' table at each entity's number of
      observations and lags; lower tail. At least 10 observations in a regression.
    - Fisher: P = -2 sum ln p_i ~ chi2(2N); Pm = -sum(ln p_i + 1)/sqrt(N), upper tail; Z = sum Phi^-1(p_i)/sqrt(N), lower tail.
      The p_i are asymptotic in T.
    - Harris and Tzavalis (1999): pooled within estimate of y on its lag, centred and scaled by its exact moments for fixed T as
      N grows; balanced panels, no lags. The test for many cities and few years.

    Args:
        lags: lagged differences, the same for all. trend: deterministic terms. demean: subtract the yearly mean first (a
            common shock).

    Raises:
        EstimationError: unusable data, holes in a series, unknown options, or no usable series.
    """
    if trend not in get_args(Trend):
        raise EstimationError(f"trend={trend!r} is not one of {', '.join(get_args(Trend))}")
    if isinstance(lags, bool) or not isinstance(lags, int) or lags < 0:
        raise EstimationError(f"lags={lags!r} must be a whole number >= 0")
    frame = panel_frame(df, [column], entity=entity, time=time)
    y = frame.array(column)
    if demean:
        y = y - (np.bincount(frame.time_codes, y) / np.bincount(frame.time_codes))[frame.time_codes]
    groups = _series(frame, time)
    found = [dickey_fuller(y[rows], lags, trend) for rows in groups]
    used = [(label, *result) for label, result in zip(frame.entities, found, strict=True) if result is not None]
    if not used:
        raise EstimationError(f"no series of {column} is long enough for {lags} lag(s) and varies")
    series = pd.DataFrame(used, columns=["entity", "t", "n_obs"])
    series["p_value"] = [float(mackinnonp(t, regression=_MACKINNON[trend])) for t in series["t"]]
    tests = {"ips": _ips(series, lags, trend), **_fisher(series["p_value"].to_numpy())}
    tests["harris_tzavalis"] = _harris_tzavalis(y, groups, lags, trend)
    return PanelUnitRoot(tests, series, len(found) - len(used), lags, trend)


def _series(frame: PanelFrame, time: str) -> list[np.ndarray]:
    """Rows of each entity; periods must follow each other without a hole."""
    starts = np.flatnonzero(np.diff(frame.entity_codes)) + 1
    groups = np.split(np.arange(len(frame.data)), starts)
    for label, rows in zip(frame.entities, groups, strict=True):
        if (np.diff(frame.time_codes[rows]) != 1).any():
            raise EstimationError(
                f"the series of {label} has a hole in {time}: a unit root test needs consecutive periods"
            )
    return groups


def dickey_fuller(y: np.ndarray, lags: int, trend: str) -> tuple[float, int] | None:
    """t of the lagged level and observations of one augmented Dickey-Fuller regression; None if it cannot be run."""
    change = np.diff(y)
    n = len(change) - lags
    k = 1 + lags + (2 if trend == "trend" else 1)
    if n <= k:
        return None
    columns = [y[lags:-1], *(change[lags - j : len(change) - j] for j in range(1, lags + 1)), np.ones(n)]
    if trend == "trend":
        columns.append(np.arange(n, dtype=float))
    X, left = np.column_stack(columns), change[lags:]
    length = np.linalg.norm(X, axis=0)
    if not length.all():
        return None
    q, r = np.linalg.qr(X / length)
    residual = left - q @ (q.T @ left)
    if np.abs(np.diag(r)).min() < 1e-10 or residual @ residual <= 1e-20 * (left @ left):
        return None
    # With the level first, its t is the partial one: R is upper triangular, so solve for row 0 of the inverse.
    row = np.linalg.solve(r, np.eye(k))[0]
    sigma = np.sqrt(residual @ residual / (n - k))
    return float(row @ (q.T @ left) / (sigma * np.linalg.norm(row))), n


def _ips(series: pd.DataFrame, lags: int, trend: str) -> HypothesisTest:
    shortest = int(series["n_obs"].min())
    if lags > 8 or shortest < _TABLE_T[0]:
        note = f"moments are tabulated from {_TABLE_T[0]} observations and up to 8 lags; the shortest series has {shortest}"
        return HypothesisTest(np.nan, None, np.nan, note)
    moments = [np.interp(series["n_obs"], _TABLE_T, np.array(table[trend][lags])) for table in (_MEAN, _VARIANCE)]
    if np.isnan(moments).any():
        note = f"moments with {lags} lags are not tabulated for {shortest} observations"
        return HypothesisTest(np.nan, None, np.nan, note)
    w = np.sqrt(len(series)) * (series["t"].mean() - moments[0].mean()) / np.sqrt(moments[1].mean())
    return HypothesisTest(float(w), None, float(stats.norm.cdf(w)), f"N={len(series)}, mean t {series['t'].mean():.4f}")


def _fisher(p: np.ndarray) -> dict[str, HypothesisTest]:
    logs = np.log(np.maximum(p, np.finfo(float).tiny))
    n = len(p)
    chi2 = float(-2 * logs.sum())
    modified = float(-(logs + 1).sum() / np.sqrt(n))
    z = float(stats.norm.ppf(np.clip(p, np.finfo(float).tiny, 1 - 1e-16)).sum() / np.sqrt(n))
    note = f"N={n}; individual p-values are asymptotic in the number of periods"
    return {
        "fisher_p": HypothesisTest(chi2, 2.0 * n, float(stats.chi2.sf(chi2, 2 * n)), note),
        "fisher_pm": HypothesisTest(modified, None, float(stats.norm.sf(modified)), note),
        "fisher_z": HypothesisTest(z, None, float(stats.norm.cdf(z)), note),
    }


def _harris_tzavalis(y: np.ndarray, groups: list[np.ndarray], lags: int, trend: str) -> HypothesisTest:
    """z of the pooled within estimate; T is the number of observations in each regression."""
    lengths = {len(rows) for rows in groups}
    if len(lengths) > 1 or lags > 0:
        return HypothesisTest(np.nan, None, np.nan, "needs a balanced panel and no lags")
    n_periods = lengths.pop()
    T, n = n_periods - 1, len(groups)
    if n_periods < (5 if trend == "trend" else 3):
        return HypothesisTest(np.nan, None, np.nan, f"too few periods ({n_periods})")
    levels = y[np.concatenate(groups)].reshape(n, n_periods)
    now, before = _detrended(levels[:, 1:], trend), _detrended(levels[:, :-1], trend)
    below = float((before**2).sum())
    if not below > 0:
        return HypothesisTest(np.nan, None, np.nan, "the variable does not vary within entities")
    rho = float((now * before).sum() / below)
    if trend == "constant":
        mean = 1 - 3 / (T + 1)
        variance = 3 * (17 * T**2 - 20 * T + 17) / (5 * (T - 1) * (T + 1) ** 3)
    else:
        mean = 1 - 15 / (2 * (T + 2))
        variance = 15 * (193 * T**2 - 728 * T + 1147) / (112 * (T + 2) ** 3 * (T - 2))
    z = float(np.sqrt(n) * (rho - mean) / np.sqrt(variance))
    return HypothesisTest(
        z, None, float(stats.norm.cdf(z)), f"rho {rho:.4f}, expected {mean:.4f} under the null; N={n}, T={T}"
    )


def _detrended(values: np.ndarray, trend: str) -> np.ndarray:
    """(n, T) deviations from each row's mean, or from its line."""
    periods = np.arange(values.shape[1], dtype=float)
    X = np.column_stack([np.ones(len(periods)), periods]) if trend == "trend" else np.ones((len(periods), 1))
    q, _ = np.linalg.qr(X)
    return np.asarray(values - values @ q @ q.T)
