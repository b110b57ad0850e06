"""Quadratic relations, tests of a U shape, the moderated U.

References are the printed numbers of the papers (to the digits printed), hand-worked cases, and two identities: the
Fieller set is the inverted t test of b1 + 2 r b2 = 0, and Lind and Mehlum's test rejects at 5 % exactly when the 90 %
Fieller interval lies inside the data. Everything is closed-form, so tolerances are rounding (1e-9) unless stated.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from linearmodels.datasets import wage_panel
from scipy import stats

from estimation.core.frame import EstimationError
from estimation.nonlinear import (
    delta_interval,
    fieller_interval,
    fit_moderated_u,
    fit_quadratic,
    lind_mehlum_test,
    shift_numerator,
    turning_point,
)
from estimation.nonlinear.two_lines import restricted_cubic_spline
from estimation.panel import fit_panel


def panel(rng: np.random.Generator, n_city: int = 60, n_year: int = 6, shape: float = 0.2) -> pd.DataFrame:
    """U with its turning point at 1.25 (an inverse U for a negative ``shape``); w moves it."""
    n = n_city * n_year
    city, year = np.repeat(np.arange(n_city), n_year), np.tile(np.arange(n_year), n_city)
    v, w, x = rng.gamma(2.0, 0.6, n), rng.normal(size=n), rng.normal(size=n)
    effect = rng.normal(size=n_city)[city] + rng.normal(size=n_year)[year]
    y = -2.5 * shape * v + shape * v**2 + 0.3 * x + effect + 0.3 * rng.normal(size=n)
    return pd.DataFrame({"city_code": city, "year": year, "y": y, "v": v, "w": w, "x": x})


@pytest.fixture(scope="module")
def df() -> pd.DataFrame:
    return panel(np.random.default_rng(1))


class TestPrintedNumbers:
    @pytest.mark.parametrize(
        ("b1", "b2", "printed"),
        [(-0.016, 0.007, 1.143), (-0.013, 0.006, 1.083), (-0.037, 0.038, 0.487), (-0.211, 0.115, 0.917)],
    )
    def test_turning_points_of_green_development(self, b1, b2, printed):
        """Table 2 (1), (2) and Table 6 east, central."""
        assert turning_point(b1, b2) == pytest.approx(printed, abs=0.0005)

    def test_shift_of_table_8(self):
        """-0.843, 0.585, 0.180, -0.121: -0.003297, to the left; the U turns over at Infra = 4.83."""
        assert shift_numerator(-0.843, 0.585, 0.180, -0.121) == pytest.approx(-0.003297, abs=5e-7)
        flips_at = -0.585 / -0.121
        assert flips_at == pytest.approx(4.83, abs=0.005)


class TestIntervals:
    def test_delta_by_hand(self):
        """b = (-2, 1), V = diag(.04, .01): gradient (-.5, -1), so se = sqrt(.01 + .01)."""
        se, (low, high) = delta_interval(-2.0, 1.0, np.diag([0.04, 0.01]), 2.0)
        assert se == pytest.approx(np.sqrt(0.02))
        assert (low, high) == pytest.approx((1 - 2 * np.sqrt(0.02), 1 + 2 * np.sqrt(0.02)))

    @settings(max_examples=200, deadline=None)
    @given(
        b1=st.floats(-3, 3), b2=st.floats(-2, 2), s1=st.floats(0.05, 2), s2=st.floats(0.05, 2), r=st.floats(-0.95, 0.95)
    )
    def test_fieller_is_the_inverted_test(self, b1, b2, s1, s2, r):
        V = np.array([[s1**2, r * s1 * s2], [r * s1 * s2, s2**2]])
        pieces = fieller_interval(b1, b2, V, 1.96)
        for point in np.concatenate([np.linspace(-6, 6, 49), [1e5, -1e5]]):
            t2 = (b1 + 2 * point * b2) ** 2 / (V[0, 0] + 4 * point * V[0, 1] + 4 * point**2 * V[1, 1])
            if abs(t2 - 1.96**2) < 1e-6:
                continue
            assert any(low <= point <= high for low, high in pieces) == (t2 < 1.96**2)

    def test_insignificant_curvature_gives_an_unbounded_set(self):
        assert fieller_interval(-0.1, 0.05, np.diag([1.0, 1.0]), 1.96) == ((-np.inf, np.inf),)
        two = fieller_interval(-3.0, 0.05, np.diag([0.01, 0.01]), 1.96)
        assert len(two) == 2 and two[0][0] == -np.inf and two[1][1] == np.inf

    def test_fieller_narrows_to_delta_when_precise(self):
        V = np.diag([1e-8, 1e-8])
        ((low, high),) = fieller_interval(-2.0, 1.0, V, 1.96)
        assert (low, high) == pytest.approx(delta_interval(-2.0, 1.0, V, 1.96)[1], rel=1e-6)


class TestLindMehlum:
    def test_hand_worked(self):
        """Slopes -1 + v at 0 and 4: -1 and 3, se .25 and sqrt(.0625 + 64 * .0025)."""
        test = lind_mehlum_test(-1.0, 0.5, np.diag([0.0625, 0.0025]), 0.0, 4.0)
        assert (test.slope_low, test.slope_high) == (-1.0, 3.0)
        assert test.t_low == pytest.approx(-4.0)
        assert test.t_high == pytest.approx(3 / np.sqrt(0.0625 + 64 * 0.0025))
        assert test.statistic == pytest.approx(4.0) and test.p_value == pytest.approx(stats.norm.sf(4.0))
        assert test.shape == "U"

    def test_turning_point_outside_is_trivially_not_rejected(self):
        test = lind_mehlum_test(-1.0, 0.5, np.diag([0.01, 0.01]), 2.0, 4.0)
        assert np.isnan(test.statistic) and test.p_value == 1.0 and "outside" in test.note

    @settings(max_examples=200, deadline=None)
    @given(
        b1=st.floats(-3, 3), b2=st.floats(-2, 2), s1=st.floats(0.05, 1), s2=st.floats(0.05, 1), r=st.floats(-0.9, 0.9)
    )
    def test_rejects_exactly_when_the_90_percent_fieller_interval_is_inside(self, b1, b2, s1, s2, r):
        V = np.array([[s1**2, r * s1 * s2], [r * s1 * s2, s2**2]])
        test = lind_mehlum_test(b1, b2, V, -1.5, 2.0)
        pieces = fieller_interval(b1, b2, V, stats.norm.ppf(0.95))
        if abs(test.p_value - 0.05) < 1e-6:
            return
        inside = len(pieces) == 1 and pieces[0][0] > -1.5 and pieces[0][1] < 2.0
        assert (test.p_value < 0.05) == inside


class TestQuadratic:
    def test_is_the_panel_regression(self, df):
        fit = fit_quadratic(df, "y", "v", "x")
        plain = fit_panel(df.assign(v_sq=df["v"] ** 2), "y", ["v", "v_sq", "x"])
        assert fit.coef.equals(plain.coef) and fit.cov.equals(plain.cov)
        assert fit.turning_point == pytest.approx(-plain.coef["v"] / 2 / plain.coef["v_sq"])
        assert fit.share_beyond == np.mean(df["v"] > fit.turning_point)
        assert fit.inside_range and fit.range == (df["v"].min(), df["v"].max())

    def test_an_existing_square_is_used_and_checked(self, df):
        squared = df.assign(v_sq=df["v"] ** 2)
        assert fit_quadratic(squared, "y", "v", ["v_sq", "x"]).coef.equals(fit_quadratic(df, "y", "v", "x").coef)
        with pytest.raises(EstimationError, match="rename it"):
            fit_quadratic(df.assign(v_sq=1.0), "y", "v")

    def test_curve_is_lowest_at_the_turning_point(self, df):
        fit = fit_quadratic(df, "y", "v", "x", points=2001)
        assert fit.curve["x"][fit.curve["y"].idxmin()] == pytest.approx(fit.turning_point, abs=0.01)
        assert (fit.curve["lower"] <= fit.curve["y"]).all() and (fit.curve["y"] <= fit.curve["upper"]).all()

    def test_wage_profile(self):
        """Experience profile of the Vella-Verbeek panel: an inverse U whose delta and Fieller intervals agree."""
        data = wage_panel.load()
        fit = fit_quadratic(data, "lwage", "exper", ["hours"], effects="entity", entity="nr", two_lines=False)
        assert fit.lind_mehlum.shape == "inverse U"
        low, high = fit.fieller_ci
        assert low < fit.turning_point < high

    @pytest.mark.parametrize(("shape", "name"), [(0.2, "U"), (-0.2, "inverse U")])
    def test_two_lines_find_the_shape(self, shape, name):
        fit = fit_quadratic(panel(np.random.default_rng(2), shape=shape), "y", "v", "x")
        assert fit.two_lines.supported and fit.two_lines.shape == name and fit.lind_mehlum.shape == name
        assert fit.two_lines.flat_region[0] <= fit.two_lines.break_point <= fit.two_lines.flat_region[1]

    def test_two_lines_do_not_find_a_u_in_a_logarithm(self):
        """A rising concave curve: the quadratic turns down inside the data, the two lines do not."""
        data = panel(np.random.default_rng(3), n_city=200)
        data["y"] = np.log(data["v"] + 0.05) + 0.3 * data["x"]
        fit = fit_quadratic(data, "y", "v", "x")
        assert fit.inside_range and fit.lind_mehlum.p_value < 0.05
        assert not fit.two_lines.supported and fit.two_lines.slope_high > 0

    def test_too_few_values_are_noted(self, df):
        fit = fit_quadratic(df.assign(v=np.random.default_rng(1).integers(0, 3, len(df))), "y", "v", "x")
        assert np.isnan(fit.two_lines.break_point) and "distinct values" in fit.two_lines.note

    def test_binary_variable_is_collinear_with_its_square(self, df):
        with pytest.raises(EstimationError, match="b_sq is a combination of b"):
            fit_quadratic(df.assign(b=(df["v"] > 1) * 1.0), "y", "b")

    def test_missing_rows_and_row_order(self, df):
        holed = df.assign(v=df["v"].where(df.index != 5))
        fit = fit_quadratic(holed, "y", "v", "x")
        assert fit.n_dropped == 1 and fit.nobs == len(df) - 1
        again = fit_quadratic(holed.sample(frac=1, random_state=1), "y", "v", "x")
        assert again.turning_point == pytest.approx(fit.turning_point, rel=1e-10)

    def test_spline_is_linear_beyond_the_outer_knots(self):
        v = np.linspace(0, 1, 1001)
        basis = restricted_cubic_spline(v)
        tail = basis[v > np.quantile(v, 0.95)]
        assert np.abs(np.diff(tail, n=2, axis=0)).max() < 1e-12


class TestModeratedU:
    def test_is_the_panel_regression_and_delta_by_hand(self, df):
        fit = fit_moderated_u(df, "y", "v", "w", "x")
        data = df.assign(v_sq=df["v"] ** 2)
        data = data.assign(**{"v#w": data["v"] * data["w"], "v_sq#w": data["v_sq"] * data["w"]})
        terms = ["v", "v_sq", "v#w", "v_sq#w"]
        plain = fit_panel(data, "y", [*terms, "w", "x"])
        assert fit.coef.to_numpy() == pytest.approx(plain.coef.to_numpy(), rel=1e-10)
        t1, t2, t3, t4 = plain.coef[terms]
        assert fit.shift.numerator == pytest.approx(t1 * t4 - t2 * t3)
        gradient = np.array([t4, -t3, -t2, t1])
        V = plain.cov.loc[terms, terms].to_numpy()
        assert fit.shift.std_error == pytest.approx(np.sqrt(gradient @ V @ gradient))
        assert fit.flips_at == pytest.approx(-t2 / t4)

    def test_turning_points_and_derivatives_by_finite_differences(self, df):
        fit = fit_moderated_u(df, "y", "v", "w", "x", percentiles=(50,))
        t1, t2, t3, t4 = fit.coef[["v", "v_sq", "v#w", "v_sq#w"]]
        row = fit.turning_points.loc["p50"]

        def point(w, t=(t1, t2, t3, t4)):
            return -(t[0] + t[2] * w) / (2 * (t[1] + t[3] * w))

        w, h = row["value"], 1e-5
        assert row["turning_point"] == pytest.approx(point(w))
        assert row["derivative"] == pytest.approx((point(w + h) - point(w - h)) / (2 * h), rel=1e-6)
        V = fit.cov.loc[["v", "v_sq", "v#w", "v_sq#w"], ["v", "v_sq", "v#w", "v_sq#w"]].to_numpy()
        theta = np.array([t1, t2, t3, t4])

        def numeric(function):
            return np.array([(function(theta + h * e) - function(theta - h * e)) / (2 * h) for e in np.eye(4)])

        g = numeric(lambda t: point(w, t))
        assert row["std_error"] == pytest.approx(np.sqrt(g @ V @ g), rel=1e-5)
        g = numeric(lambda t: (t[0] * t[3] - t[1] * t[2]) / (2 * (t[1] + t[3] * w) ** 2))
        assert row["derivative_se"] == pytest.approx(np.sqrt(g @ V @ g), rel=1e-5)

    def test_planted_shift(self):
        """y gains 0.1 v w: the numerator is -t2 t3 = -0.02, so the turning point moves left."""
        data = panel(np.random.default_rng(5), n_city=200)
        data["y"] += 0.1 * data["v"] * data["w"]
        rng = np.random.default_rng(1)
        fit = fit_moderated_u(data, "y", "v", "w", "x", draws=500, rng=rng)
        assert fit.shift.direction == "left" and fit.shift.p_value < 1e-4
        assert abs(fit.shift.numerator + 0.02) < 3 * fit.shift.std_error
        assert np.diff(fit.shift.bootstrap_ci)[0] == pytest.approx(np.diff(fit.shift.ci)[0], rel=0.2)
        assert np.isnan(fit_moderated_u(data, "y", "v", "w", "x").shift.bootstrap_ci[0])

    def test_moderator_absorbed_by_the_city_effects(self, df):
        fit = fit_moderated_u(df.assign(west=df["city_code"] % 2), "y", "v", "west", "x")
        assert "west" not in fit.coef.index and "west" in fit.convention


@pytest.mark.slow
def test_coverage_of_turning_point_and_shift():
    """1,000 draws: delta and Fieller intervals and the shift inside the exact 99.9 % band of a 95 % interval."""
    delta, fieller, shift = 0, 0, 0
    for draw in range(1000):
        data = panel(np.random.default_rng([51, draw]))
        fit = fit_quadratic(data, "y", "v", "x", vcov="iid", two_lines=False)
        delta += fit.delta_ci[0] <= 1.25 <= fit.delta_ci[1]
        fieller += any(low <= 1.25 <= high for low, high in fit.fieller_set)
        moved = fit_moderated_u(data, "y", "v", "w", "x", vcov="iid").shift
        shift += moved.ci[0] <= 0.0 <= moved.ci[1]
    assert 926 <= delta <= 971
    assert 926 <= fieller <= 971
    assert 926 <= shift <= 971
