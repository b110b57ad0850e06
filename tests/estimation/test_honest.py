"""Rambachan-Roth bounds and pre-trend power.

Tolerances: the closed form of the conditional test must take the same decision as the linear programs of Andrews, Roth and Pakes
(written out below, scipy HiGHS) at every point, and the statistics agree to 1e-8; fixed-length intervals agree with diff-diff 3.13's
optimiser to 1e-4 of their length (the optimum is flat) and are never longer; power to 2e-3 (simulation of 200,000 draws).
"""

from __future__ import annotations

import numpy as np
import pytest
from diff_diff import honest_did as outside
from scipy.optimize import linprog
from scipy.stats import chi2, norm, truncnorm

from estimation.core.frame import EstimationError
from estimation.did import EventCoefficients, att_gt, event_study, honest_did, imputation, sun_abraham
from estimation.did.honest_magnitudes import _accepts, _moments, _rays, magnitudes_interval
from estimation.did.honest_smoothness import folded_critical_value, shortest_interval, smoothness_interval
from estimation.did.pretrend_power import rejection_probability
from estimation.placebo import pretrend_power
from tests.estimation.staggered_world import staggered_panel

CASES = [(3, 3, [1, 0, 0]), (2, 2, [0.5, 0.5]), (4, 4, [0, 0, 1, 0]), (3, 3, [1, -1, 0.5])]


def estimates(n_pre: int, n_post: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    p = n_pre + n_post
    root = rng.normal(size=(p, p + 4))
    beta = 0.1 * rng.normal(size=p) + np.append(np.zeros(n_pre), np.full(n_post, 0.5))
    return beta, root @ root.T / 200


def moment_inequalities(beta, cov, n_pre, l_vec, m, s, sign, theta):
    """y - X delta <= 0 with nuisance delta, post-period moments only, as in HonestDiD's ARP functions."""
    difference = np.diff(np.insert(np.eye(len(beta)), n_pre, 0, axis=0), axis=0)
    v = sign * difference[s]
    A = np.vstack([difference[n_pre:] - m * v, -difference[n_pre:] - m * v])
    pivot = int(np.flatnonzero(l_vec)[0])
    basis = np.vstack([l_vec, np.delete(np.eye(len(l_vec)), pivot, axis=0)])
    rotated = A[:, n_pre:] @ np.linalg.inv(basis)
    return A @ beta - rotated[:, 0] * theta, rotated[:, 1:], A @ cov @ A.T


def linear_program(y, X, V):
    """Smallest eta with y - X delta <= eta sd, and the dual solution."""
    sd = np.sqrt(np.diag(V))
    solution = linprog(
        np.append(1, np.zeros(X.shape[1])), A_ub=-np.column_stack([sd, X]), b_ub=-y, bounds=[(None, None)] * (X.shape[1] + 1),
        method="highs-ds",
    )  # fmt: skip
    return solution.fun, -solution.ineqlin.marginals


def truncation(eta, gamma, y, X, V):
    """Ends of the values of gamma'y at which gamma stays optimal, given the part of y independent of it."""
    sd, variance = np.sqrt(np.diag(V)), gamma @ V @ gamma
    b = V @ gamma / variance
    rest = y - b * eta

    def best(c: float) -> tuple[float, np.ndarray]:
        solution = linprog(
            -(rest + b * c), A_eq=np.column_stack([sd, X]).T, b_eq=np.append(1, np.zeros(X.shape[1])), method="highs-ds"
        )
        return -solution.fun, solution.x

    ends = []
    for far in (eta - 50 * np.sqrt(variance), eta + 50 * np.sqrt(variance)):
        c = far
        for _ in range(50):
            value, vertex = best(c)
            if abs(value - c) < 1e-9 * (1 + abs(c)):
                break
            c = (vertex @ rest) / (1 - vertex @ b)
        ends.append(np.copysign(np.inf, far - eta) if c == far else c)
    return ends


@pytest.mark.parametrize(("n_pre", "n_post", "l_vec"), CASES)
def test_closed_form_equals_the_linear_programs(n_pre, n_post, l_vec) -> None:
    beta, cov = estimates(n_pre, n_post, 5)
    l_vec = np.array(l_vec, dtype=float)
    errors = np.random.default_rng(1).standard_normal((1000, len(beta))) @ np.linalg.cholesky(cov).T
    alpha, kappa = 0.05, 0.005
    centre = l_vec @ beta[n_pre:]
    for index, (rows, slope) in enumerate(_rays(cov, n_pre, l_vec, 0.7)):
        moments = _moments(beta, cov, rows, slope, kappa, errors)
        for theta in centre + np.array([-0.9, -0.3, 0.6]):
            y, X, V = moment_inequalities(beta, cov, n_pre, l_vec, 0.7, index // 2, 1 - 2 * (index % 2), theta)
            eta, gamma = linear_program(y, X, V)
            assert (moments.level - moments.slope * theta).max() == pytest.approx(eta, abs=1e-8)
            sd = np.sqrt(gamma @ V @ gamma)
            low, high = truncation(eta, gamma, y, X, V)
            size = (alpha - kappa) / (1 - kappa)
            cutoff = max(0, truncnorm.ppf(1 - size, low / sd, min(high, moments.critical) / sd))
            expected = eta <= moments.critical and eta / sd <= cutoff
            assert _accepts(moments, np.array([theta]), alpha)[0] == expected


def test_least_favourable_value_is_that_of_the_program() -> None:
    _, cov = estimates(3, 3, 6)
    l_vec = np.array([1.0, 0, 0])
    draws = np.random.default_rng(2).standard_normal((200, 6)) @ np.linalg.cholesky(cov).T
    rows, _ = next(iter(_rays(cov, 3, l_vec, 1.0)))
    for draw in draws[:40]:
        y, X, V = moment_inequalities(draw, cov, 3, l_vec, 1.0, 0, 1, 0.0)
        assert (rows @ draw).max() == pytest.approx(linear_program(y, X, V)[0], abs=1e-9)


@pytest.mark.parametrize(
    ("n_pre", "n_post", "l_vec", "m"),
    [
        (3, 3, [1, 0, 0], 0.0),
        (2, 2, [0.5, 0.5], 0.01),
        (4, 4, [0, 0, 1, 0], 0.05),
        (3, 3, [1, -1, 0.5], 0.5),
        (5, 1, [1], 0.05),
    ],
)
def test_fixed_length_intervals_equal_diff_diff(n_pre, n_post, l_vec, m) -> None:
    beta, cov = estimates(n_pre, n_post, 7)
    l_vec = np.array(l_vec, dtype=float)
    low, high = smoothness_interval(beta, cov, n_pre, l_vec, m, 0.95)
    other = outside._compute_optimal_flci(beta[:n_pre], beta[n_pre:], cov, l_vec, n_pre, n_post, m, 0.05)
    length = high - low
    assert length == pytest.approx(other[1] - other[0], rel=1e-5)
    assert length <= (other[1] - other[0]) * (1 + 1e-9)
    np.testing.assert_allclose([low, high], other, atol=1e-4 * length)


def test_worst_case_bias_is_attained_by_a_bent_trend() -> None:
    """The stated half length holds against every trend in the class: brute force over its extreme points."""
    rng = np.random.default_rng(8)
    _, cov = estimates(4, 3, 8)
    l_vec, m = np.array([0.2, 0.3, 0.5]), 0.1
    weights, half = shortest_interval(cov, 4, l_vec, m, 0.95)
    v = np.append(weights, l_vec)
    worst = 0.0
    for _ in range(3000):
        bends, slope = rng.choice([-m, m], 6), rng.normal()
        after = np.array([r * slope + sum((r - t) * bends[t] for t in range(r)) for r in (1, 2, 3)])
        before = np.array([-q * slope + sum((q - t) * bends[2 + t] for t in range(1, q)) for q in (4, 3, 2, 1)])
        worst = max(worst, abs(v @ np.append(before, after)))
    sd = np.sqrt(v @ cov @ v)
    assert half == pytest.approx(folded_critical_value(worst / sd, 0.95)[0] * sd, rel=1e-9)


def test_folded_critical_value() -> None:
    for t in (0.0, 0.3, 1.0, 4.0, 40.0):
        c, slope = folded_critical_value(t, 0.95)
        assert norm.cdf(c - t) - norm.cdf(-c - t) == pytest.approx(0.95, abs=1e-12)
        other = folded_critical_value(t + 1e-6, 0.95)[0]
        assert slope == pytest.approx((other - c) / 1e-6, abs=1e-5)


def test_no_violation_is_about_the_usual_interval_and_bounds_grow() -> None:
    beta, cov = estimates(4, 3, 9)
    events = EventCoefficients(np.array([-5, -4, -3, -2, 0, 1, 2]), beta, cov)
    result = honest_did(events, m=[0, 0.5, 1, 2])
    assert result.table["conf_low"].is_monotonic_decreasing and result.table["conf_high"].is_monotonic_increasing
    usual = result.original["conf_high"] - result.original["conf_low"]
    none = result.table.loc[0, "conf_high"] - result.table.loc[0, "conf_low"]
    assert none == pytest.approx(usual, rel=0.02)
    # Identified set: +- m times the largest first difference before treatment.
    largest = np.abs(np.diff(np.append(beta[:4], 0))).max()
    assert result.table.loc[1, "id_high"] - result.table.loc[1, "id_low"] == pytest.approx(2 * largest)
    repeated = honest_did(events, m=[0, 0.5, 1, 2])
    assert repeated.table.equals(result.table)
    np.testing.assert_equal(repeated.breakdown, result.breakdown)
    assert {"restriction", "m", "conf_low"} <= result.to_rows()[0].keys()


def test_breakdown_is_where_zero_enters() -> None:
    beta, cov = estimates(4, 3, 10)
    events = EventCoefficients(np.array([-5, -4, -3, -2, 0, 1, 2]), beta, cov / 20)
    for restriction in ("relative_magnitudes", "smoothness"):
        value = honest_did(events, restriction=restriction).breakdown
        below = honest_did(events, restriction=restriction, m=[0.98 * value]).table.iloc[0]
        above = honest_did(events, restriction=restriction, m=[1.02 * value]).table.iloc[0]
        assert below["conf_low"] > 0 > above["conf_low"]
    weak = EventCoefficients(events.event_times, beta * 0.01, cov)
    assert np.isnan(honest_did(weak).breakdown)


def test_takes_every_event_study_with_one_base() -> None:
    df = staggered_panel(np.random.default_rng(11), waves={2015: 0.5}, n=40)
    study = honest_did(event_study(df, "y", "cohort", window=(-5, 4)), event_time={0: 0.5, 1: 0.5})
    cohorts = honest_did(sun_abraham(df, "y", "cohort"), event_time={0: 0.5, 1: 0.5})
    group_time = honest_did(att_gt(df, "y", "cohort", base_period="universal"), event_time={0: 0.5, 1: 0.5})
    assert study.original["estimate"] == pytest.approx(cohorts.original["estimate"], abs=1e-10)
    assert study.original["estimate"] == pytest.approx(group_time.original["estimate"], abs=1e-10)
    with pytest.raises(EstimationError, match="universal"):
        honest_did(att_gt(df, "y", "cohort"))
    with pytest.raises(EstimationError, match="not Imputation"):
        honest_did(imputation(df, "y", "cohort"))


@pytest.mark.parametrize(
    ("times", "options", "message"),
    [
        ([-3, -2, -1, 0], {}, "must be the base"),
        ([0, 1, 2, 3], {}, "estimates before -1"),
        ([-4, -2, 0, 1], {}, "gap"),
        ([-3, -2, 0, 1], {"event_time": 5}, r"event_time \[5\]"),
        ([-3, -2, 0, 1], {"m": [-1]}, "must not be negative"),
        ([-3, -2, 0, 1], {"restriction": "trend"}, "relative_magnitudes, smoothness"),
    ],
)
def test_bad_input_is_named(times, options, message) -> None:
    with pytest.raises(EstimationError, match=message):
        honest_did(EventCoefficients(np.array(times), np.zeros(4), np.eye(4)), **options)


@pytest.mark.slow
@pytest.mark.parametrize("restriction", ["relative_magnitudes", "smoothness"])
def test_coverage_at_the_edge_of_the_class(restriction) -> None:
    """1,000 draws with the worst admissible trend: at least 92.6 % (the intervals may be conservative)."""
    rng = np.random.default_rng(12)
    _, cov = estimates(3, 2, 12)
    l_vec = np.array([1.0, 0])
    if restriction == "smoothness":
        m, trend = 0.1, np.array([-0.3, -0.2, -0.1, 0.2, 0.5])  # second differences 0, 0, .1, .1
    else:
        m, trend = 1.0, np.array([-0.3, -0.3, -0.3, 0.3, 0.3])
    root = np.linalg.cholesky(cov)
    noise = rng.standard_normal((2000, 5))
    covered = 0
    for _ in range(1000):
        beta = trend + np.array([0, 0, 0, 1.0, 1.0]) + root @ rng.standard_normal(5)
        if restriction == "smoothness":
            low, high = smoothness_interval(beta, cov, 3, l_vec, m, 0.95)
        else:
            low, high = magnitudes_interval(beta, cov, 3, l_vec, m, 0.95, noise)
        covered += low <= 1.0 <= high
    assert covered / 1000 >= 0.926


@pytest.mark.parametrize("test", ["individual", "joint"])
def test_pretrend_power_by_simulation(test) -> None:
    beta, cov = estimates(4, 2, 13)
    events = EventCoefficients(np.array([-5, -4, -3, -2, 0, 1]), beta, cov)
    result = pretrend_power(events, power=0.6, test=test)
    rng = np.random.default_rng(14)
    leads = result.slope * np.array([-4, -3, -2, -1.0])
    draws = leads + rng.standard_normal((200_000, 4)) @ np.linalg.cholesky(cov[:4, :4]).T
    if test == "joint":
        rejected = np.einsum("ij,ij->i", draws, np.linalg.solve(cov[:4, :4], draws.T).T) > chi2.ppf(0.95, 4)
    else:
        rejected = (np.abs(draws) > norm.ppf(0.975) * np.sqrt(np.diag(cov)[:4])).any(axis=1)
    assert result.power == pytest.approx(0.6, abs=1e-4)
    assert rejected.mean() == pytest.approx(0.6, abs=4e-3)
    # Passing the test makes the leads look flatter than they are.
    kept = draws[~rejected].mean(axis=0)
    np.testing.assert_allclose(result.table["trend_after_passing"].iloc[:4], kept, atol=0.01 * np.abs(leads).max())
    given = pretrend_power(events, slope=result.slope, test=test)
    assert given.power == pytest.approx(result.power, abs=1e-6)
    assert rejection_probability(np.zeros(1), np.eye(1), test, 0.95) == pytest.approx(0.05, abs=1e-9)


def test_pretrend_power_refuses_a_power_below_the_size() -> None:
    beta, cov = estimates(4, 2, 13)
    with pytest.raises(EstimationError, match="size of the test"):
        pretrend_power(EventCoefficients(np.array([-5, -4, -3, -2, 0, 1]), beta, cov), power=0.01)
