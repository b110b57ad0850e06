"""Event study by two-way fixed effects.

Tolerances: 1e-10 for identities; 1e-8 against fixest 0.14.2 `feols(l_homicide ~ i(rel, ref = c(-1, -1000)) | state + year)` on
the castle doctrine panel (all 14 coefficients and standard errors agree to 2e-12).
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from estimation.core.frame import EstimationError
from estimation.did import event_study
from estimation.panel import fit_panel
from tests.estimation.staggered_world import dummy_least_squares, staggered_panel


@pytest.fixture(scope="module")
def df() -> pd.DataFrame:
    return staggered_panel(np.random.default_rng(1), n=40, controls=1)


def test_equals_dummy_variables(df) -> None:
    fit = event_study(df, "y", "cohort", ["x0"], window=(-3, 2))
    event = (df["year"] - df["cohort"]).clip(-3, 2)
    names = {k: f"e{k}" for k in (-3, -2, 0, 1, 2)}
    wide = df.assign(**{name: (event == k).astype(float) for k, name in names.items()})
    beta, *_ = dummy_least_squares(wide, "y", [*names.values(), "x0"], "city_code", "year")
    np.testing.assert_allclose(fit.coef, beta, rtol=1e-9)
    assert list(fit.coef.index) == [f"event_{k}" for k in names] + ["x0"]
    assert fit.dynamic.loc[-1, ["estimate", "std_error"]].tolist() == [0, 0]
    assert fit.dynamic["n_obs"].sum() == df["cohort"].notna().sum()


@pytest.mark.parametrize("never", [np.nan, 0, np.inf])
def test_ways_to_write_never_treated(df, never) -> None:
    expected = event_study(df, "y", "cohort", window=(-3, 3))
    other = event_study(df.assign(cohort=df["cohort"].fillna(never)), "y", "cohort", window=(-3, 3))
    pd.testing.assert_series_equal(expected.coef, other.coef)


def test_unobserved_lags_are_reported(df) -> None:
    """Waves 2014 and 2016 in 2010-2019: leads to -6, lags to +5; the window asks for more."""
    fit = event_study(df, "y", "cohort", window=(-8, 7))
    assert set(fit.unidentified) == {-8, -7, 6, 7}
    assert "7 period(s) after treatment" in fit.unidentified[7]
    assert fit.dynamic.loc[7, "status"] == "unidentified"
    assert np.isnan(fit.dynamic.loc[7, "estimate"])
    assert "event_7" not in fit.coef
    assert not event_study(df, "y", "cohort", window=(-6, 5)).unidentified


def test_window_of_the_broadband_papers() -> None:
    """2006-2020, waves 2014-2016, window -7..7: lag 7 cannot be observed (the first wave ends at +6), the rest can."""
    df = staggered_panel(
        np.random.default_rng(6), n=30, periods=range(2006, 2021), waves={2014: 0.1, 2015: 0.2, 2016: 0.1}
    )
    fit = event_study(df, "y", "cohort", window=(-7, 7), level=0.9)
    assert set(fit.unidentified) == {7}
    assert list(fit.dynamic.index[fit.dynamic["status"] == "estimated"]) == [*range(-7, -1), *range(7)]
    half = (fit.dynamic["conf_high"] - fit.dynamic["estimate"])[2]
    assert half == pytest.approx(stats.t(29).ppf(0.95) * fit.dynamic["std_error"][2])


def test_pretrend_is_the_joint_f_test(df) -> None:
    fit = event_study(df, "y", "cohort", window=(-4, 3))
    leads = [f"event_{k}" for k in (-4, -3, -2)]
    wald = fit.coef[leads] @ np.linalg.solve(fit.cov.loc[leads, leads], fit.coef[leads]) / 3
    assert fit.pretrend.statistic == pytest.approx(wald, rel=1e-10)
    assert fit.pretrend.df == (3, 39)
    assert fit.pretrend.p_value == pytest.approx(stats.f.sf(wald, 3, 39), rel=1e-8)


def test_unbinned_ends_leave_outside_rows_in_the_reference(df) -> None:
    fit = event_study(df, "y", "cohort", window=(-2, 1), bin_ends=False)
    event = df["year"] - df["cohort"]
    wide = df.assign(a=(event == -2) * 1.0, b=(event == 0) * 1.0, c=(event == 1) * 1.0)
    expected = fit_panel(wide, "y", ["a", "b", "c"])
    np.testing.assert_allclose(fit.coef, expected.coef, rtol=1e-12)
    assert f"{int(((event < -2) | (event > 1)).sum())} observations outside" in fit.convention


def test_implicit_base_of_a_paper_without_omitted_period(df) -> None:
    """base=None with unbinned ends: all window dummies, earlier periods are the reference."""
    fit = event_study(df, "y", "cohort", window=(-2, 5), base=None, bin_ends=False)
    assert len(fit.coef) == 8


def test_all_treated_needs_binning_or_two_bases(df) -> None:
    treated = staggered_panel(np.random.default_rng(5), waves={2014: 0.5, 2015: 0.5})
    with pytest.raises(EstimationError, match="no never-treated entity: bin the ends, or give more base periods"):
        event_study(treated, "y", "cohort", window=(-5, 5))
    two = event_study(treated, "y", "cohort", window=(-5, 5), base=(-1, -4), bin_ends=False)
    assert two.base == (-1, -4)
    assert event_study(treated, "y", "cohort", window=(-3, 3)).nobs == len(treated)


def test_recovers_planted_dynamics_without_noise() -> None:
    """One wave and no noise: effects 1 + k/2 by event time are found to rounding."""
    df = staggered_panel(np.random.default_rng(2), waves={2015: 0.5}, effect=lambda k, g: 1 + k / 2, noise=1e-9, n=20)
    fit = event_study(df, "y", "cohort", window=(-5, 4))
    np.testing.assert_allclose(fit.dynamic["estimate"], [0] * 5 + [1, 1.5, 2, 2.5, 3], atol=1e-7)


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        ({}, {"window": (3, -3)}, "must run from"),
        ({}, {"window": (-3, 3), "base": -5}, "outside the window"),
        ({}, {"window": (-3, 3), "base": -3}, "binned end"),
        ({"cohort": np.nan}, {"window": (-3, 3)}, "no treated entity"),
        ({"cohort": "none"}, {"window": (-3, 3)}, "cohort is not numeric"),
        ({"cohort": lambda d: d["cohort"] + d["year"] % 2}, {"window": (-3, 3)}, "cohort differs within"),
        ({"year": lambda d: d["year"].astype(str) + "a"}, {"window": (-3, 3)}, "year must be numeric"),
        ({"x0": np.nan}, {"window": (-3, 3), "x": ["x0"]}, "no complete row"),
    ],
)
def test_bad_input_is_named(df, change, options, message) -> None:
    with pytest.raises(EstimationError, match=message):
        event_study(df.assign(**change), "y", "cohort", **options)


def test_one_cohort_and_always_treated_are_estimated() -> None:
    df = staggered_panel(np.random.default_rng(3), waves={2010: 0.2, 2015: 0.4}, n=30)
    fit = event_study(df, "y", "cohort", window=(-3, 3))
    assert np.isfinite(fit.coef).all()


def test_fixest_castle_numbers(oracles: Path) -> None:
    expected = json.loads((oracles / "twfe" / "expected.json").read_text())["castle_event_study"]
    castle = pd.read_csv(oracles / "twfe" / "castle_eventtime.csv")
    fit = event_study(castle, "l_homicide", "first_year", window=(-9, 5), entity="state", record=True)
    order = [int(name.split("::")[1]) for name in expected["coef"]]
    np.testing.assert_allclose(fit.dynamic.loc[order, "estimate"], list(expected["coef"].values()), rtol=1e-8)
    np.testing.assert_allclose(
        fit.dynamic.loc[order, "std_error"], list(expected["se"]["cluster_state"].values()), rtol=1e-8
    )
    assert fit.fit.r2_inclusive == pytest.approx(expected["r2"], rel=1e-10)
    assert fit.fit.r2_within == pytest.approx(expected["within_r2"], rel=1e-8)
    assert fit.fit.ssr == pytest.approx(expected["ssr"], rel=1e-10)
