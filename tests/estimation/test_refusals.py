"""Input that used to give a wrong number or a raw library error: each has a defined result or names the trouble.

Tolerance: none, the results are exact (NaN, infinite, or an error).
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from estimation.core.frame import EstimationError
from estimation.did import att_gt, event_study, imputation
from estimation.iv import fit_iv
from estimation.matching import match
from estimation.panel import fit_panel
from estimation.sensitivity import itcv, oster_delta, wild_bootstrap


@pytest.fixture
def df() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    n, t = 30, 6
    frame = pd.DataFrame({"city_code": np.repeat(np.arange(n), t), "year": np.tile(np.arange(2000, 2000 + t), n)})
    for name in ("x", "z", "m", "w"):
        frame[name] = rng.normal(size=n * t)
    cohort = np.where(frame["city_code"] < 10, 2003, 0)
    return frame.assign(y=frame["x"] + rng.normal(size=n * t), half=frame["city_code"] % 2, cohort=cohort)


def test_a_column_named_twice(df):
    with pytest.raises(EstimationError, match="several columns of the data are named x"):
        fit_panel(pd.concat([df, df[["x"]]], axis=1), "y", "x")


def test_no_regressor(df):
    for call in (
        lambda: fit_panel(df, "y", None),
        lambda: oster_delta(df, "y", "x", None),
        lambda: match(df, "half", None),
        lambda: match(df, "half", []),
    ):
        with pytest.raises(EstimationError, match=r"x names no|no regressor"):
            call()


class TestCohortsOffTheScale:
    @pytest.mark.parametrize(
        ("value", "words"), [(2003.5, "2003.5 lies between two periods"), (-1, "cohort -1 is negative")]
    )
    def test_refused(self, df, value, words):
        data = df.assign(cohort=np.where(df["city_code"] < 10, value, 0))
        for call in (
            lambda: event_study(data, "y", "cohort", window=(-2, 2)),
            lambda: att_gt(data, "y", "cohort"),
            lambda: imputation(data, "y", "cohort"),
        ):
            with pytest.raises(EstimationError, match=words):
                call()

    def test_dates_are_no_periods(self, df):
        data = df.assign(year=pd.to_datetime(df["year"].astype(str)))
        with pytest.raises(EstimationError, match="year must be numeric"):
            event_study(data, "y", "cohort", window=(-2, 2))

    def test_fractional_periods_take_fractional_cohorts(self, df):
        """Half years: the scale is halved, the estimates stay."""
        halves = df.assign(year=df["year"] / 2, cohort=df["cohort"] / 2)
        assert imputation(halves, "y", "cohort").att.loc["att", "estimate"] == pytest.approx(
            imputation(df, "y", "cohort").att.loc["att", "estimate"], rel=1e-12
        )


class TestScoresThatCancel:
    """One city alone identifies the coefficient: its clustered variance is zero up to rounding, whatever the data."""

    def test_two_cities(self, df):
        fit = fit_panel(df[df["city_code"] < 2], "y", "x")
        assert np.isfinite(fit.coef["x"]) and np.isnan(fit.se["x"])
        assert "not defined" in fit.convention and np.isnan(fit.tests["slopes"].p_value)

    def test_one_treated_city_without_year_effects(self, df):
        data = df.assign(treat=((df["city_code"] == 3) & (df["year"] > 2002)).astype(int))
        fit = fit_panel(data, "y", ["treat", "x"], effects="entity")
        # The control keeps a slight spread over the other cities, through x; without it nothing is left.
        alone = fit_panel(data, "y", "treat", effects="entity")
        assert np.isfinite(fit.se["x"]) and np.isnan(alone.se["treat"])
        assert np.isfinite(fit_panel(data, "y", "treat", effects="entity", vcov="robust").se["treat"])

    def test_an_ordinary_panel_is_untouched(self, df):
        fit = fit_panel(df.assign(x=df["x"] * 1e-9), "y", ["x", "z"])
        assert fit.se.notna().all() and "not defined" not in fit.convention


def test_more_instruments_than_clusters(df):
    fit = fit_iv(df[df["city_code"] < 4], "y", [], "x", ["z", "m", "w", "half", "year"], effects="none")
    assert np.isfinite(fit.coef["x"]) and np.isfinite(fit.se["x"])
    assert np.isnan(fit.first_stage["x"].partial_f) and np.isnan(fit.hansen.statistic)
    assert np.isnan(fit.tests["anderson_rubin"].p_value) and fit.ar_set == () and np.isnan(fit.ar_interval).all()


def test_joint_test_with_fewer_clusters_than_coefficients(df):
    """Four clusters give a covariance of rank 3 at most; rounding must not count as a fourth direction."""
    data = df.assign(c=df["city_code"] % 4)
    joint = fit_panel(data, "y", ["x", "z", "m", "w"], cluster="c").tests["slopes"]
    assert "covariance of rank 3 for 4 coefficients" in joint.note
    assert joint.df == (3.0, 3.0) and joint.statistic < 1e6


class TestWildBootstrapWithFewClusters:
    @pytest.mark.parametrize("clusters", [2, 4])
    def test_p_cannot_reach_five_percent(self, df, clusters):
        """2^G sign patterns, two of which return the sample: p is at least 2 / 2^G, so no value is rejected."""
        data = df.assign(c=df["city_code"] % clusters)
        result = wild_bootstrap(data, "y", "x", cluster="c", draws=999, rng=np.random.default_rng(1))
        assert result.p_value >= 2 / 2**clusters
        assert result.ci == (-np.inf, np.inf)

    def test_six_clusters_can(self, df):
        data = df.assign(c=df["city_code"] % 6)
        result = wild_bootstrap(data, "y", "x", cluster="c", draws=999, rng=np.random.default_rng(1))
        assert np.isfinite(result.ci).all() and result.ci[0] < result.estimate < result.ci[1]


def test_itcv_needs_numbers():
    for arguments in ((np.nan, 0.4, 100, 3), (2, 0.4, np.inf, 3)):
        with pytest.raises(EstimationError, match="must be finite"):
            itcv(*arguments)


class TestCallawayNamesItsCaveats:
    def test_entities_left_out(self, df):
        result = att_gt(df.drop(index=[0, 50]), "y", "cohort")
        assert "left out: not observed in every period: 2 entities" in result.convention

    def test_small_cohorts(self, df):
        data = df.assign(cohort=np.where(df["city_code"] < 3, 2003, 0))
        assert "2003 (3)" in att_gt(data, "y", "cohort").convention
        assert "unreliable" not in att_gt(df, "y", "cohort").convention
