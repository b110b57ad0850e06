"""Dynamic panels against a slow row-by-row version, against linearmodels, and against identities.

The row-by-row version (`gmm_naive.py`) shares no code with the estimator and keeps to unbalanced panels with gaps and missing
values; both are exact algebra on the same sums, so 1e-6 relative leaves room for the conditioning of the moment covariance
only. linearmodels 7.1 (IV2SLS, IVGMM with clustered weights) solves the same exactly defined problem: 1e-8.
"""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pytest
from linearmodels.datasets import wage_panel
from linearmodels.iv import IV2SLS, IVGMM

from estimation.gmm import Gmm, Iv, fit_gmm
from estimation.gmm.arrays import build_grid, forward_orthogonal, transform_matrix
from tests.estimation.gmm_naive import naive_gmm

pytestmark = pytest.mark.filterwarnings("ignore::estimation.gmm.GmmWarning")


def simulate(rng: np.random.Generator, entities: int, periods: int, rho: float = 0.5) -> pd.DataFrame:
    """y = rho L.y + 0.4 x + c + e with x predetermined and z exogenous; stationary start."""
    burn = 60
    effect = rng.normal(size=entities)
    y, x, z = (np.zeros((entities, burn + periods)) for _ in range(3))
    previous = np.zeros(entities)
    for t in range(1, burn + periods):
        z[:, t] = 0.5 * z[:, t - 1] + rng.normal(size=entities)
        x[:, t] = 0.5 * x[:, t - 1] + 0.3 * previous + 0.3 * effect + rng.normal(size=entities)
        previous = rng.normal(size=entities)
        y[:, t] = rho * y[:, t - 1] + 0.4 * x[:, t] + 0.3 * z[:, t] + effect + previous
    columns = {"y": y, "x": x, "z": z}
    frame = pd.DataFrame({name: values[:, burn:].ravel() for name, values in columns.items()})
    frame.insert(0, "year", np.tile(np.arange(2001, 2001 + periods), entities))
    frame.insert(0, "city_code", np.repeat(np.arange(entities), periods))
    return frame


@pytest.fixture(scope="module")
def holed() -> pd.DataFrame:
    """35 entities, 8 periods, a fifth of the rows gone and a few values missing."""
    rng = np.random.default_rng(7)
    frame = simulate(rng, 35, 8)
    frame = frame[rng.random(len(frame)) > 0.15].copy()
    for name in ("y", "x", "z"):
        frame.loc[rng.random(len(frame)) < 0.04, name] = np.nan
    return frame


CASES = [
    (system, h, transform, style)
    for system, h, transform, style in product(
        (True, False), (1, 2, 3), ("fd", "fod"), ("collapse", "limits", "equations")
    )
    if style != "equations" or system
]
STYLES = {
    "collapse": (
        [{"var": "y", "first": 2, "last": 9, "eq": "both", "collapse": True}, {"var": "x", "first": 1, "last": 3, "eq": "both", "collapse": True}],
        [{"var": "z", "eq": "both"}],
    ),
    "limits": (
        [{"var": "y", "first": 2, "last": 3, "eq": "both", "collapse": False}, {"var": "x", "first": 1, "last": 1, "eq": "both", "collapse": True}],
        [{"var": "z", "eq": "diff"}],
    ),
    "equations": (
        [
            {"var": "y", "first": 2, "last": 2, "eq": "diff", "collapse": True},
            {"var": "y", "first": 1, "last": 2, "eq": "level", "collapse": True},
            {"var": "x", "first": 0, "last": 2, "eq": "both", "collapse": True},
        ],
        [{"var": "z", "eq": "level"}],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("system", "h", "transform", "style"), CASES)
def test_against_row_by_row(holed: pd.DataFrame, system: bool, h: int, transform: str, style: str) -> None:
    styles, standard = STYLES[style]
    naive = naive_gmm(holed, "y", [("y", 1), ("x", 0), ("z", 0)], styles, standard, system, h, transform)
    options = {
        "gmm": [Gmm(g["var"], (g["first"], g["last"]), g["eq"], g["collapse"]) for g in styles],
        "iv": [Iv(item["var"], item["eq"]) for item in standard],
        "system": system,
        "h": h,
        "transform": transform,
    }
    one = fit_gmm(holed, "y", ["L.y", "x", "z"], steps=1, **options)  # type: ignore[arg-type]
    two = fit_gmm(holed, "y", ["L.y", "x", "z"], **options)  # type: ignore[arg-type]
    np.testing.assert_allclose(one.coef, naive.coef1, rtol=1e-6)
    np.testing.assert_allclose(one.cov, naive.cov1, rtol=1e-6, atol=1e-12)
    np.testing.assert_allclose(two.coef, naive.coef2, rtol=1e-6)
    np.testing.assert_allclose(two.cov, naive.cov2, rtol=1e-5, atol=1e-10)
    assert two.hansen.statistic == pytest.approx(naive.hansen, rel=1e-6)
    assert one.sargan.statistic == pytest.approx(naive.sargan, rel=1e-6)
    if transform == "fd":
        np.testing.assert_allclose([one.ar[m].statistic for m in (1, 2)], naive.ar1, rtol=1e-6)
        np.testing.assert_allclose([two.ar[m].statistic for m in (1, 2)], naive.ar2, rtol=1e-6)


@pytest.fixture(scope="module")
def wages() -> pd.DataFrame:
    return wage_panel.load()[["nr", "year", "lwage", "hours", "union", "married"]].astype(float)


def test_two_stage_least_squares_in_differences(wages: pd.DataFrame) -> None:
    """h=1, one step: 2SLS of D.lwage on D.L.lwage, D.union with L2.lwage, L3.lwage (zero where missing) and D.union."""
    result = fit_gmm(
        wages, "lwage", ["L.lwage", "union"], gmm=[Gmm("lwage", (2, 3), collapse=True)], iv=[Iv("union")],
        system=False, steps=1, h=1, entity="nr",
    )  # fmt: skip
    by_man = wages.sort_values(["nr", "year"]).groupby("nr")
    frame = wages.sort_values(["nr", "year"]).assign(
        d=by_man["lwage"].diff(), dl=by_man["lwage"].diff().groupby(wages["nr"]).shift(1), du=by_man["union"].diff(),
        z2=by_man["lwage"].shift(2), z3=by_man["lwage"].shift(3).fillna(0.0),
    ).dropna(subset=["d", "dl", "du", "z2"])  # fmt: skip
    iv = IV2SLS(frame["d"], frame[["du"]], frame[["dl"]], frame[["z2", "z3"]])
    reference = iv.fit(cov_type="clustered", clusters=frame["nr"], debiased=False)
    np.testing.assert_allclose(result.coef[["union", "L.lwage"]], reference.params, rtol=1e-8)
    np.testing.assert_allclose(result.se[["union", "L.lwage"]], reference.std_errors, rtol=1e-8)


def test_two_step_against_ivgmm(wages: pd.DataFrame) -> None:
    """h=1, two steps: clustered GMM on the stacked differences, its J statistic and uncorrected errors."""
    result = fit_gmm(
        wages, "lwage", ["L.lwage", "union"], gmm=[Gmm("lwage", (2, 4), collapse=True), Gmm("hours", (1, 1), collapse=True)],
        iv=[Iv("union")], system=False, h=1, windmeijer=False, entity="nr",
    )  # fmt: skip
    ordered = wages.sort_values(["nr", "year"])
    lag = {k: ordered.groupby("nr")["lwage"].shift(k) for k in (1, 2, 3, 4)}
    frame = ordered.assign(
        d=ordered["lwage"] - lag[1], dl=lag[1] - lag[2], du=ordered["union"] - ordered.groupby("nr")["union"].shift(1),
        z2=lag[2], z3=lag[3].fillna(0.0), z4=lag[4].fillna(0.0), h1=ordered.groupby("nr")["hours"].shift(1),
    ).dropna(subset=["d", "dl", "du", "z2"])  # fmt: skip
    # the weighting matrix of the second step: one clustered moment covariance from 2SLS residuals
    model = IVGMM(
        frame["d"],
        frame[["du"]],
        frame[["dl"]],
        frame[["z2", "z3", "z4", "h1"]],
        weight_type="clustered",
        clusters=frame["nr"],
    )
    reference = model.fit(iter_limit=2, cov_type="clustered", clusters=frame["nr"])
    np.testing.assert_allclose(result.coef[["union", "L.lwage"]], reference.params, rtol=1e-8)
    assert result.hansen.statistic == pytest.approx(reference.j_stat.stat, rel=1e-8)
    assert result.hansen.df == reference.j_stat.df


def test_transforms_coincide_on_balanced_panels() -> None:
    """Arellano and Bover (1995): with all lags as instruments, one-step differences and deviations give the same estimate."""
    frame = simulate(np.random.default_rng(3), 60, 6)
    fits = [
        fit_gmm(
            frame, "y", ["L.y", "x"], gmm=[Gmm("y", (2, None)), Gmm("x", (1, None))], system=False, steps=1, transform=t
        )
        for t in ("fd", "fod")
    ]
    np.testing.assert_allclose(fits[0].coef, fits[1].coef, rtol=1e-8)
    np.testing.assert_allclose(fits[0].se, fits[1].se, rtol=1e-8)
    for order in (1, 2):
        assert fits[0].ar[order].statistic == pytest.approx(fits[1].ar[order].statistic, rel=1e-8)


def test_deviations_are_orthonormal() -> None:
    M = transform_matrix("fod", 9)[1:]
    np.testing.assert_allclose(M @ M.T, np.eye(8), atol=1e-14)
    np.testing.assert_allclose(M @ np.ones(9), 0.0, atol=1e-14)
    values = np.random.default_rng(0).normal(size=(1, 9))
    np.testing.assert_allclose(
        forward_orthogonal(values, np.ones((1, 9), dtype=bool))[0, 1:], M @ values[0], rtol=1e-12
    )


def test_deviations_keep_rows_that_differences_lose() -> None:
    frame = simulate(np.random.default_rng(5), 80, 8)
    gaps = frame[(frame["year"] != 2004) | (frame["city_code"] % 2 == 0)]
    options = {"gmm": [Gmm("y", (2, 3), collapse=True)], "iv": [Iv("z")], "system": False}
    fd = fit_gmm(gaps, "y", ["L.y", "z"], **options)  # type: ignore[arg-type]
    fod = fit_gmm(gaps, "y", ["L.y", "z"], transform="fod", **options)  # type: ignore[arg-type]
    assert fd.nobs == 40 * 6 + 40 * 3
    assert fod.nobs == 40 * 6 + 40 * 4


def test_hand_worked_lags_inside_gaps() -> None:
    """One city in 2001, 2002, 2004, 2005: L.n exists in 2002 and 2005 only, L2.n in 2004 only."""
    frame = pd.DataFrame({"city_code": 1, "year": [2001, 2002, 2004, 2005], "n": [1.0, 2.0, 4.0, 8.0]})
    grid = build_grid(frame, ["n"], entity="city_code", time="year")
    assert list(grid.periods) == [2001, 2002, 2003, 2004, 2005]
    np.testing.assert_array_equal(grid.term("L.n")[0], [np.nan, 1.0, np.nan, np.nan, 4.0])
    np.testing.assert_array_equal(grid.term("L1.n")[0], grid.term("L.n")[0])
    np.testing.assert_array_equal(grid.term("L2.n")[0], [np.nan, np.nan, np.nan, 2.0, np.nan])
    np.testing.assert_array_equal(grid.term("L.L.n")[0], [np.nan] * 5)


def test_instrument_count_by_hand() -> None:
    """T = 6, y(2 .) uncollapsed: 1 + 2 + 3 + 4 lags for 2003-2006, and one difference for each of 2003-2006 in levels."""
    frame = simulate(np.random.default_rng(11), 50, 6)
    difference = fit_gmm(frame, "y", "L.y", gmm=Gmm("y", (2, None)), system=False)
    system = fit_gmm(frame, "y", "L.y", gmm=Gmm("y", (2, None)))
    collapsed = fit_gmm(frame, "y", "L.y", gmm=Gmm("y", (2, None), collapse=True))
    assert (difference.n_instruments, system.n_instruments, collapsed.n_instruments) == (10, 10 + 4 + 1, 4 + 1 + 1)


def test_difference_in_hansen_by_refitting() -> None:
    """The test of a group is the drop in J when the rest is re-estimated with the same block of the moment covariance."""
    frame = simulate(np.random.default_rng(13), 120, 7)
    result = fit_gmm(frame, "y", ["L.y", "x"], gmm=[Gmm("y", (2, 3), collapse=True), Gmm("x", (1, 2), collapse=True)])
    tested = [pair for pair in result.diff_hansen.values() if np.isfinite(float(pair))]
    assert len(tested) >= 2
    for pair in tested:
        assert (float(pair), pair.p_value) == (pair.difference.statistic, pair.difference.p_value)
        assert (pair.statistic, pair.df) == (pair.difference.statistic, pair.difference.df)
        assert pair.difference.statistic >= 0
        assert pair.excluding.df + pair.difference.df == result.hansen.df
        if pair.excluding.df:
            total = pair.excluding.statistic + pair.difference.statistic
            assert total == pytest.approx(result.hansen.statistic, rel=1e-10)
    assert set(result.diff_hansen) == {
        "GMM instruments for levels", "gmm(y, lag(2 3) collapse)", "gmm(x, lag(1 2) collapse)"
    }  # fmt: skip
