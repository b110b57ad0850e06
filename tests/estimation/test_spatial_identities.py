"""Spatial panels against the same thing done the slow way, and against closed forms.

Tolerances: both sides are exact up to optimisation. The brute-force maximiser stops at 1e-10 in rho, where the
likelihood is flat to 1e-13; 1e-6 on parameters and 1e-8 on ln L leave room for that and nothing else. Identities that
involve no optimiser hold to rounding (1e-9 or better).
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from scipy.stats import chi2

from estimation.panel import fit_panel
from estimation.spatial import effects_tests, fit_spatial, impacts, lm_tests, spatial_hausman, spatial_weights
from estimation.spatial.bounds import all_eigenvalues, extreme_eigenvalues, rho_interval
from estimation.spatial.data import remove_effects, spatial_design, spatial_panel
from estimation.spatial.effects import interpolated
from estimation.spatial.inverse import inverse_traces, resolvent
from estimation.spatial.logdet import log_determinant
from estimation.spatial.random import fit_random
from tests.estimation.spatial_naive import (
    dummies,
    dummy_variable_ml,
    frame,
    neighbours,
    one_way,
    orthonormal,
    simulate,
    stacked_loglik,
)

N, T = 14, 5


def case(kind: str = "row", seed: int = 0, **truth: object) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(seed)
    W = one_way(N, rng) if kind == "one_way" else neighbours(N, rng, standardise=kind)
    return simulate(W, T, rng, **({"rho": 0.35, "theta": (0.4, 0.2)} | truth)), W  # type: ignore[arg-type]


def arrays(df: pd.DataFrame, W: np.ndarray, lagged: bool) -> tuple[np.ndarray, np.ndarray]:
    y, X = df["y"].to_numpy(), df[["x1", "x2"]].to_numpy()
    big_W = np.kron(W, np.eye(T))
    return y, np.hstack([X, big_W @ X]) if lagged else X


@pytest.mark.parametrize("kind", ["row", "spectral", "one_way"])
@pytest.mark.parametrize("effects", ["none", "entity", "time", "twoways"])
@pytest.mark.parametrize("model", ["sar", "sem", "sdm", "slx", "sac", "sdem"])
def test_convention_a_is_dummy_variable_maximum_likelihood(model: str, effects: str, kind: str) -> None:
    df, W = case(kind, lam=0.3 if model in ("sem", "sdem", "sac") else 0.0)
    fit = fit_spatial(df, "y", ["x1", "x2"], W, model=model, effects=effects)  # type: ignore[arg-type]
    y, X = arrays(df, W, model in ("sdm", "slx", "sdem"))
    k, D = X.shape[1], dummies(N, T, effects)
    if effects == "none":  # the constant belongs to the mean and is filtered with it
        X, D = np.hstack([X, D]), np.empty((N * T, 0))
    start = (np.nan_to_num(fit.rho), np.nan_to_num(fit.lambda_))
    rho, lam, b, ll = dummy_variable_ml(y, X, D, W, model, start)
    assert fit.loglik == pytest.approx(ll, abs=1e-8)
    assert np.nan_to_num(fit.rho) == pytest.approx(rho, abs=1e-6)
    assert np.nan_to_num(fit.lambda_) == pytest.approx(lam, abs=1e-6)
    np.testing.assert_allclose(fit.coef.iloc[:k], b[:k], atol=2e-6)


@pytest.mark.parametrize("effects", ["entity", "time", "twoways"])
@pytest.mark.parametrize("model", ["sar", "sem", "sac"])
def test_transform_is_maximum_likelihood_of_the_transformed_data(model: str, effects: str) -> None:
    df, W = case(lam=0.3 if model != "sar" else 0.0)
    fit = fit_spatial(df, "y", ["x1", "x2"], W, model=model, effects=effects, lee_yu="transform")  # type: ignore[arg-type]
    left = orthonormal(N) if effects in ("time", "twoways") else np.eye(N)
    right = orthonormal(T) if effects in ("entity", "twoways") else np.eye(T)
    Y = left.T @ df["y"].to_numpy().reshape(N, T) @ right
    X = np.einsum("ni,ntk,ts->isk", left, df[["x1", "x2"]].to_numpy().reshape(N, T, 2), right)
    start = (np.nan_to_num(fit.rho), np.nan_to_num(fit.lambda_))
    none = np.empty((Y.size, 0))
    rho, lam, b, ll = dummy_variable_ml(Y.ravel(), X.reshape(-1, 2), none, left.T @ W @ left, model, start)
    assert fit.loglik == pytest.approx(ll, abs=1e-8)
    assert np.nan_to_num(fit.rho) == pytest.approx(rho, abs=1e-6)
    assert np.nan_to_num(fit.lambda_) == pytest.approx(lam, abs=1e-6)
    np.testing.assert_allclose(fit.coef.iloc[:2], b, atol=2e-6)


@pytest.mark.parametrize("model", ["sar", "sdm", "sem", "sac"])
def test_no_other_point_of_the_interval_is_better(model: str) -> None:
    df, W = case("spectral", lam=-0.4 if model in ("sem", "sac") else 0.0)
    fit = fit_spatial(df, "y", ["x1", "x2"], W, model=model)  # type: ignore[arg-type]
    y, X = arrays(df, W, model == "sdm")
    lower, upper = fit.rho_bounds
    grid = np.linspace(lower, upper, 22)[1:-1]
    both = model == "sac"
    points = [(r, s) for r in grid for s in (grid if both else [0.0])]
    points = [(s, r) for r, s in points] if model == "sem" else points
    best = max(stacked_loglik(y, X, dummies(N, T, "twoways"), W, r, s)[0] for r, s in points)
    assert best <= fit.loglik + 1e-9


@pytest.mark.parametrize("kind", ["row", "spectral", "one_way"])
def test_standard_errors_are_the_inverse_of_the_expected_information(kind: str) -> None:
    """The information is the covariance of the score; entity effects, transformed data, where the model is exact."""
    df, W = case(kind, lam=0.25)
    fit = fit_spatial(df, "y", ["x1", "x2"], W, model="sac", effects="entity", lee_yu="transform")
    F = orthonormal(T)
    X = np.einsum("ntk,ts->nsk", df[["x1", "x2"]].to_numpy().reshape(N, T, 2), F).reshape(-1, 2)
    big_W, eye = np.kron(W, np.eye(T - 1)), np.eye(N * (T - 1))
    R, S = eye - fit.lambda_ * big_W, eye - fit.rho * big_W
    G, H = big_W @ np.linalg.inv(S), big_W @ np.linalg.inv(R)
    A = R @ G @ np.linalg.inv(R)
    b, s2 = fit.coef[["x1", "x2"]].to_numpy(), fit.sigma2
    mean = R @ G @ X @ b
    info = np.zeros((5, 5))
    columns = np.column_stack([R @ X, mean])
    info[:3, :3] = columns.T @ columns / s2
    info[2, 2] += np.trace(A @ A) + np.trace(A.T @ A)
    info[2, 3] = info[3, 2] = np.trace(A @ H) + np.trace(A.T @ H)
    info[3, 3] = np.trace(H @ H) + np.trace(H.T @ H)
    info[2, 4] = info[4, 2] = np.trace(A) / s2
    info[3, 4] = info[4, 3] = np.trace(H) / s2
    info[4, 4] = len(eye) / (2 * s2**2)
    cov = np.linalg.inv(info)
    np.testing.assert_allclose(fit.cov.to_numpy(), cov[:4, :4], rtol=1e-7, atol=1e-10)
    assert fit.sigma2_se == pytest.approx(np.sqrt(cov[4, 4]), rel=1e-8)


def test_transformed_information_with_time_effects_is_that_of_the_transformed_weights() -> None:
    df, W = case()
    fit = fit_spatial(df, "y", ["x1", "x2"], W, model="sar", lee_yu="transform")
    F, FT = orthonormal(N), orthonormal(T)
    Ws = F.T @ W @ F
    X = np.einsum("ni,ntk,ts->isk", F, df[["x1", "x2"]].to_numpy().reshape(N, T, 2), FT)
    G = Ws @ np.linalg.inv(np.eye(N - 1) - fit.rho * Ws)
    b, s2, k = fit.coef[["x1", "x2"]].to_numpy(), fit.sigma2, 2
    mean = np.einsum("ij,jtk,k->it", G, X, b).ravel()
    flat = X.reshape(-1, 2)
    info = np.zeros((4, 4))
    columns = np.column_stack([flat, mean])
    info[:3, :3] = columns.T @ columns / s2
    info[k, k] += (T - 1) * (np.trace(G @ G) + np.trace(G.T @ G))
    info[k, 3] = info[3, k] = (T - 1) * np.trace(G) / s2
    info[3, 3] = (N - 1) * (T - 1) / (2 * s2**2)
    np.testing.assert_allclose(fit.cov.to_numpy(), np.linalg.inv(info)[:3, :3], rtol=1e-7, atol=1e-10)


def test_time_effects_leak_into_the_information_where_rows_sum_differently() -> None:
    """Convention A with unequal row sums: the Hessian of the likelihood over rho must see W1 times the year effects."""
    rng = np.random.default_rng(3)
    W = neighbours(30, rng, standardise="spectral")
    df = simulate(W, 40, rng, rho=0.3)
    fit = fit_spatial(df, "y", ["x1", "x2"], W, model="sar", effects="time")
    panel = spatial_panel(df, "y", ["x1", "x2"], W)
    design = spatial_design(panel, ["x1", "x2"], (), effects="time", time_convention="A", lag_regressors=False)
    omega = np.linalg.eigvals(W).real
    X = design.X0.reshape(-1, 2)
    Wy = design.y1.ravel()
    residual = Wy - X @ np.linalg.lstsq(X, Wy, rcond=None)[0]
    observed = 40 * ((omega / (1 - fit.rho * omega)) ** 2).sum() + residual @ residual / fit.sigma2
    trace = 40 * (omega / (1 - fit.rho * omega)).sum()
    observed -= 2 * trace**2 / (30 * 40)
    assert fit.se["rho"] == pytest.approx(observed**-0.5, rel=0.05)


@pytest.mark.parametrize("effects", ["none", "entity", "time", "twoways"])
def test_conventions_agree_where_time_effects_are_absent(effects: str) -> None:
    df, W = case("spectral")
    fits = [
        fit_spatial(df, "y", ["x1", "x2"], W, effects=effects, time_convention=c)  # type: ignore[arg-type]
        for c in ("A", "B", "C")
    ]
    gaps = [float(np.abs(f.coef - fits[0].coef).max()) for f in fits[1:]]
    if effects in ("none", "entity"):
        assert max(gaps) < 1e-9
    else:
        assert min(gaps) > 1e-6


def test_conventions_as_written_down() -> None:
    df, W = case("spectral")
    panel = spatial_panel(df, "y", ["x1", "x2"], W)
    y, X = panel.y, panel.X

    def centred(v: np.ndarray) -> np.ndarray:
        return remove_effects(v, "twoways")

    def lag(v: np.ndarray) -> np.ndarray:
        return np.einsum("ij,j...->i...", W, v)

    expected = {
        "A": (centred(lag(y)), centred(lag(X))),
        "B": (lag(centred(y)), centred(lag(X))),
        "C": (lag(centred(y)), lag(centred(X))),
    }
    for convention, (wy, wx) in expected.items():
        design = spatial_design(
            panel, ["x1", "x2"], ["x1", "x2"], effects="twoways",
            time_convention=convention, lag_regressors=False,  # type: ignore[arg-type]
        )  # fmt: skip
        np.testing.assert_allclose(design.y1, wy, atol=1e-12)
        np.testing.assert_allclose(design.X0[:, :, 2:], wx, atol=1e-12)


@pytest.mark.parametrize("kind", ["row", "spectral", "one_way"])
@pytest.mark.parametrize("method", ["eigen", "lu"])
def test_log_determinant_and_trace_equal_the_dense_ones(kind: str, method: str) -> None:
    _, W = case(kind)
    weights = spatial_weights(sparse.csr_array(W))
    logdet = log_determinant(weights, method)  # type: ignore[arg-type]
    lower, upper = logdet.bounds
    for rho in np.linspace(lower, upper, 9)[1:-1]:
        S = np.eye(N) - rho * W
        assert float(logdet.value(rho)) == pytest.approx(np.linalg.slogdet(S)[1], abs=1e-10)
        assert float(logdet.trace(rho)) == pytest.approx(np.trace(W @ np.linalg.inv(S)), rel=1e-9, abs=1e-9)


def test_chebyshev_is_close_to_exact_and_says_how_close() -> None:
    rng = np.random.default_rng(5)
    weights = spatial_weights(sparse.csr_array(neighbours(400, rng)))
    exact, approximate = log_determinant(weights, "eigen"), log_determinant(weights, "chebyshev")
    for rho in (-0.6, -0.2, 0.0, 0.3, 0.8):
        error = float(approximate.value(rho) - exact.value(rho))
        assert abs(error) <= 4 * approximate.standard_error(rho) + 1e-6  # type: ignore[attr-defined]
        step = 1e-5
        slope = float(approximate.value(rho + step) - approximate.value(rho - step)) / (2 * step)
        assert float(approximate.trace(rho)) == pytest.approx(-slope, abs=1e-5)
    assert abs(float(approximate.value(0.8) - exact.value(0.8))) < 0.02 * abs(float(exact.value(0.8)))


def test_chebyshev_fit_is_close_and_flagged() -> None:
    rng = np.random.default_rng(6)
    W = neighbours(150, rng)
    df = simulate(W, 4, rng, rho=0.4)
    exact = fit_spatial(df, "y", ["x1", "x2"], sparse.csr_array(W), model="sar", effects="entity")
    rough = fit_spatial(df, "y", ["x1", "x2"], sparse.csr_array(W), model="sar", effects="entity", logdet="chebyshev")
    assert abs(rough.rho - exact.rho) < 0.25 * exact.se["rho"]
    assert rough.se["rho"] == pytest.approx(exact.se["rho"], rel=0.1)
    assert any("approximate log-determinant" in flag for flag in rough.flags)
    assert "Chebyshev" in rough.convention
    assert not exact.flags
    assert impacts(rough, draws=50).total["x1"] == pytest.approx(impacts(exact, draws=50).total["x1"], rel=0.02)


@pytest.mark.parametrize("kind", ["row", "spectral", "one_way"])
def test_sparse_factorisation_gives_the_same_fit_as_eigenvalues(kind: str) -> None:
    df, W = case(kind)
    eigen = fit_spatial(df, "y", ["x1", "x2"], W, effects="entity", logdet="eigen")
    lu = fit_spatial(df, "y", ["x1", "x2"], sparse.csr_array(W), effects="entity", logdet="lu")
    np.testing.assert_allclose(lu.coef, eigen.coef, atol=1e-9)
    np.testing.assert_allclose(lu.cov, eigen.cov, atol=1e-10)
    assert lu.loglik == pytest.approx(eigen.loglik, abs=1e-9)
    assert lu.rho_bounds == pytest.approx(eigen.rho_bounds, rel=1e-8)
    a, b = (impacts(fit, draws=200, rng=np.random.default_rng(1)) for fit in (eigen, lu))
    np.testing.assert_allclose(b.draws, a.draws, atol=1e-8)
    np.testing.assert_allclose(b.se_delta, a.se_delta, atol=1e-9)


@pytest.mark.parametrize("kind", ["row", "spectral", "one_way"])
def test_extreme_eigenvalues_bound_rho_as_all_of_them_do(kind: str) -> None:
    rng = np.random.default_rng(7)
    W = one_way(260, rng) if kind == "one_way" else neighbours(260, rng, standardise=kind)
    weights = spatial_weights(sparse.csr_array(W))
    assert rho_interval(extreme_eigenvalues(weights)) == pytest.approx(rho_interval(all_eigenvalues(weights)), rel=1e-6)


@pytest.mark.parametrize("kind", ["row", "spectral", "one_way"])
def test_traces_of_inverses(kind: str) -> None:
    _, W = case(kind)
    weights = spatial_weights(sparse.csr_array(W))
    logdet = log_determinant(weights, "lu")
    rho, lam = 0.4, -0.3
    traces = inverse_traces(resolvent(weights, rho, logdet), resolvent(weights, lam, logdet))
    G, H = W @ np.linalg.inv(np.eye(N) - rho * W), W @ np.linalg.inv(np.eye(N) - lam * W)
    expected = [G, H, G @ G, H @ H, G.T @ G, H.T @ H, H @ G, H.T @ G]
    got = [traces.g, traces.h, traces.gg, traces.hh, traces.gtg, traces.hth, traces.hg, traces.htg]
    np.testing.assert_allclose(got, [np.trace(M) for M in expected], atol=1e-10)
    np.testing.assert_allclose(traces.ones_g, G.T @ np.ones(N), atol=1e-12)
    np.testing.assert_allclose(traces.ones_h, H.T @ np.ones(N), atol=1e-12)


@pytest.mark.parametrize("kind", ["row", "spectral", "one_way"])
@pytest.mark.parametrize("model", ["sar", "sdm", "sac", "slx", "sdem", "sem"])
def test_impacts_equal_the_matrix_of_partial_derivatives(model: str, kind: str) -> None:
    df, W = case(kind)
    fit = fit_spatial(df, "y", ["x1", "x2"], W, model=model, effects="entity")  # type: ignore[arg-type]
    found = impacts(fit, draws=40, rng=np.random.default_rng(2))
    for name in ("x1", "x2"):
        theta = fit.coef.get(f"W#{name}", 0.0)
        S = np.eye(N) - np.nan_to_num(fit.rho) * W
        derivatives = np.linalg.solve(S, fit.coef[name] * np.eye(N) + theta * W)
        assert found.direct[name] == pytest.approx(np.trace(derivatives) / N, abs=1e-10)
        assert found.total[name] == pytest.approx(derivatives.sum() / N, abs=1e-10)
        assert found.indirect[name] == pytest.approx((derivatives.sum() - np.trace(derivatives)) / N, abs=1e-10)
    np.testing.assert_allclose(found.draws[:, 0] + found.draws[:, 1], found.draws[:, 2], atol=1e-12)


@pytest.mark.parametrize("kind", ["row", "spectral"])
def test_delta_method_uses_the_gradient_of_the_effects(kind: str) -> None:
    df, W = case(kind)
    fit = fit_spatial(df, "y", ["x1", "x2"], W, effects="entity")
    terms = ["x1", "x2", "W#x1", "W#x2", "rho"]

    def effects(p: np.ndarray) -> np.ndarray:
        inverse = np.linalg.inv(np.eye(N) - p[4] * W)
        out = []
        for j in range(2):
            M = inverse @ (p[j] * np.eye(N) + p[2 + j] * W)
            out.append([np.trace(M) / N, (M.sum() - np.trace(M)) / N, M.sum() / N])
        return np.array(out)

    at, step = fit.coef[terms].to_numpy(), 1e-6
    gradient = np.stack([(effects(at + step * e) - effects(at - step * e)) / (2 * step) for e in np.eye(5)], axis=-1)
    cov = fit.cov.loc[terms, terms].to_numpy()
    expected = np.sqrt(np.einsum("vep,pq,veq->ve", gradient, cov, gradient))
    np.testing.assert_allclose(impacts(fit, draws=10).se_delta.to_numpy(), expected, rtol=1e-6)


def test_simulated_and_delta_standard_errors_agree_in_a_large_sample() -> None:
    rng = np.random.default_rng(8)
    W = neighbours(120, rng)
    fit = fit_spatial(simulate(W, 10, rng, rho=0.3, theta=(0.5, 0.5)), "y", ["x1", "x2"], W)
    found = impacts(fit, draws=20_000, rng=rng)
    np.testing.assert_allclose(found.se_simulated, found.se_delta, rtol=0.04)
    assert found.n_rejected == 0
    low = found.conf_low.loc["x1", "total"]
    assert low == pytest.approx(np.quantile(found.draws[:, 2, 0], 0.025))


def test_only_the_treatment_lagged() -> None:
    df, W = case()
    fit = fit_spatial(df, "y", ["x1", "x2"], W, lag_x=["x1"])
    assert list(fit.coef.index) == ["x1", "x2", "W#x1", "rho"]
    df["wx1"] = np.kron(W, np.eye(T)) @ df["x1"].to_numpy()
    by_hand = fit_spatial(df, "y", ["x1", "x2", "wx1"], W, model="sar")
    np.testing.assert_allclose(fit.coef.to_numpy(), by_hand.coef.to_numpy(), atol=1e-10)
    assert fit.loglik == pytest.approx(by_hand.loglik, abs=1e-10)
    assert np.isnan(fit.tests["lr_sem"].statistic)
    assert "same regressors" in fit.tests["lr_sem"].note
    assert fit.tests["wald_sar"].df == 1


def test_a_regressor_may_enter_lagged_only() -> None:
    df, W = case()
    fit = fit_spatial(df, "y", "x1", W, lag_x=["x1", "x2"])
    assert list(fit.coef.index) == ["x1", "W#x1", "W#x2", "rho"]
    found = impacts(fit, draws=20)
    M = np.linalg.solve(np.eye(N) - fit.rho * W, fit.coef["W#x2"] * W)
    assert found.direct["x2"] == pytest.approx(np.trace(M) / N, abs=1e-12)


def test_nested_tests_equal_separate_fits_and_numerical_gradients() -> None:
    df, W = case()
    fits = {m: fit_spatial(df, "y", ["x1", "x2"], W, model=m) for m in ("sdm", "sar", "sem")}  # type: ignore[arg-type]
    sdm = fits["sdm"]
    for name in ("sar", "sem"):
        ratio = 2 * (sdm.loglik - fits[name].loglik)
        assert sdm.tests[f"lr_{name}"].statistic == pytest.approx(ratio, abs=1e-8)
        assert sdm.tests[f"lr_{name}"].p_value == pytest.approx(chi2.sf(ratio, 2), rel=1e-6)
    terms = ["x1", "x2", "W#x1", "W#x2", "rho"]
    at, cov = sdm.coef[terms].to_numpy(), sdm.cov.loc[terms, terms].to_numpy()
    J = np.array([[at[4], 0, 1, 0, at[0]], [0, at[4], 0, 1, at[1]]])
    gap = at[2:4] + at[4] * at[:2]
    assert sdm.tests["wald_sem"].statistic == pytest.approx(gap @ np.linalg.solve(J @ cov @ J.T, gap), rel=1e-9)


def test_a_pooled_sem_is_not_nested_where_rows_sum_differently() -> None:
    df, W = case("spectral")
    found = fit_spatial(df, "y", ["x1", "x2"], W, effects="none").tests
    assert np.isnan(found["lr_sem"].statistic)
    assert "row sums" in found["wald_sem"].note
    assert found["lr_sar"].statistic >= 0


@pytest.mark.parametrize("effects", ["none", "entity", "time", "twoways"])
@pytest.mark.parametrize("kind", ["row", "spectral"])
def test_transformed_lm_tests_are_those_of_the_transformed_data(effects: str, kind: str) -> None:
    """For equal row sums the test is the LM test of F'y; for others the error test still is."""
    df, W = case(kind)
    left = orthonormal(N) if effects in ("time", "twoways") else np.eye(N)
    right = orthonormal(T) if effects in ("entity", "twoways") else np.eye(T)
    Y = left.T @ df["y"].to_numpy().reshape(N, T) @ right
    raw_X = df[["x1", "x2"]].to_numpy().reshape(N, T, 2)
    if effects == "none":
        raw_X = np.concatenate([raw_X, np.ones((N, T, 1))], axis=2)
    X = np.einsum("ni,ntk,ts->isk", left, raw_X, right)
    Ws, flat = left.T @ W @ left, X.reshape(Y.size, -1)
    b = np.linalg.lstsq(flat, Y.ravel(), rcond=None)[0]
    e = Y - X @ b
    s2, periods = (e**2).mean(), Y.shape[1]
    trace = periods * np.trace(Ws)
    T_W = periods * (np.trace(Ws @ Ws) + np.trace(Ws.T @ Ws)) - 2 * trace**2 / Y.size
    found = lm_tests(df, "y", ["x1", "x2"], W, effects=effects, form="transformed")  # type: ignore[arg-type]
    score_err = (e * (Ws @ e)).sum() / s2 - trace
    assert found.lm_err.statistic == pytest.approx(score_err**2 / T_W, rel=1e-9)
    if kind == "spectral" and effects in ("time", "twoways"):
        return
    v = (Ws @ (X @ b)).ravel()
    v = v - flat @ np.linalg.lstsq(flat, v, rcond=None)[0]
    score_lag, J = (e * (Ws @ Y)).sum() / s2 - trace, v @ v / s2 + T_W
    assert found.lm_lag.statistic == pytest.approx(score_lag**2 / J, rel=1e-9)
    assert found.rlm_lag.statistic == pytest.approx((score_lag - score_err) ** 2 / (J - T_W), rel=1e-8)
    # Joint test: each simple test plus the robust test of the other (Anselin et al. 1996).
    assert found.lm_both.statistic == pytest.approx(found.lm_err.statistic + found.rlm_lag.statistic, rel=1e-9)
    assert found["lm_both"].statistic == pytest.approx(found.lm_lag.statistic + found.rlm_err.statistic, rel=1e-9)


def test_bias_correction_is_one_step_towards_the_transformed_estimate() -> None:
    rng = np.random.default_rng(9)
    W = neighbours(25, rng)
    df = simulate(W, 12, rng, rho=0.4)
    none, bias, exact = (
        fit_spatial(df, "y", ["x1", "x2"], W, model="sar", lee_yu=option) for option in ("none", "bias", "transform")
    )  # type: ignore[arg-type]
    assert abs(bias.rho - exact.rho) < 0.3 * abs(none.rho - exact.rho)
    assert bias.sigma2 == pytest.approx(exact.sigma2, rel=0.02)
    assert bias.loglik == none.loglik


def test_random_effects_likelihood_equals_the_dense_one() -> None:
    df, W = case("row", effects="entity")
    panel = spatial_panel(df, "y", ["x1", "x2"], W)
    design = spatial_design(panel, ["x1", "x2"], (), effects="none", time_convention="A", lag_regressors=False)
    fit = fit_random(panel, design, log_determinant(panel.weights))
    X = np.column_stack([df[["x1", "x2"]], np.ones(N * T)])
    y, big_W = df["y"].to_numpy(), np.kron(W, np.eye(T))
    mean = np.full((T, T), 1 / T)

    def loglik(rho: float, phi: float, s2: float, b: np.ndarray) -> float:
        omega = s2 * np.kron(np.eye(N), np.eye(T) + (1 / phi - 1) * mean)
        u = y - rho * big_W @ y - X @ b
        log_det = np.linalg.slogdet(np.eye(N * T) - rho * big_W)[1] - np.linalg.slogdet(omega)[1] / 2
        return float(log_det - N * T / 2 * np.log(2 * np.pi) - u @ np.linalg.solve(omega, u) / 2)

    b, rho = fit.estimate[:3], fit.estimate[3]
    at = loglik(rho, fit.phi, fit.sigma2, b)
    assert fit.loglik == pytest.approx(at, abs=1e-8)
    start = np.concatenate([b, [rho, fit.phi, fit.sigma2]])

    def full(p: np.ndarray) -> float:
        return loglik(p[3], p[4], p[5], p[:3])

    step = 1e-4 * np.maximum(np.abs(start), 0.01)
    for j, e in enumerate(np.diag(step)):
        slope = (full(start + e) - full(start - e)) / (2 * step[j])
        assert abs(slope * step[j]) < 1e-6, j


def test_random_effects_information_equals_the_expected_one() -> None:
    """Information of a normal vector: m_i' O^-1 m_j + tr(O^-1 O_i O^-1 O_j)/2, with derivatives of the reduced form."""
    df, W = case("row", effects="entity")
    panel = spatial_panel(df, "y", ["x1", "x2"], W)
    design = spatial_design(panel, ["x1", "x2"], (), effects="none", time_convention="A", lag_regressors=False)
    fit = fit_random(panel, design, log_determinant(panel.weights))
    X, big_W = np.column_stack([df[["x1", "x2"]], np.ones(N * T)]), np.kron(W, np.eye(T))
    mean = np.kron(np.eye(N), np.full((T, T), 1 / T))

    def moments(p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        inverse = np.linalg.inv(np.eye(N * T) - p[3] * big_W)
        omega = p[5] * (np.eye(N * T) + (1 / p[4] - 1) * mean)
        return inverse @ X @ p[:3], inverse @ omega @ inverse.T

    at = np.concatenate([fit.estimate, [fit.phi, fit.sigma2]])
    step = 1e-6 * np.maximum(np.abs(at), 0.1)
    derivatives = []
    for e in np.diag(step):
        (m1, o1), (m0, o0) = moments(at + e), moments(at - e)
        derivatives.append(((m1 - m0) / (2 * e.sum()), (o1 - o0) / (2 * e.sum())))
    inverse = np.linalg.inv(moments(at)[1])
    info = np.array(
        [[a @ inverse @ c + np.trace(inverse @ A @ inverse @ C) / 2 for c, C in derivatives] for a, A in derivatives]
    )
    np.testing.assert_allclose(fit.cov, np.linalg.inv(info)[:4, :4], rtol=1e-4, atol=1e-9)


def test_hausman_common_variance_is_always_defined() -> None:
    for seed in range(6):
        df, W = case(seed=seed, effects="entity")
        for model in ("sar", "sdm"):
            for effects in ("entity", "twoways"):
                found = spatial_hausman(df, "y", ["x1", "x2"], W, model=model, effects=effects)  # type: ignore[arg-type]
                assert found.statistic > 0
                assert found.df == (2 if model == "sar" else 4)


def test_hausman_of_effects_correlated_with_the_regressors_rejects() -> None:
    rng = np.random.default_rng(10)
    W = neighbours(60, rng)
    alpha = rng.standard_normal((60, 1, 1))
    X = rng.standard_normal((60, 6, 2)) + alpha
    y = np.linalg.solve(np.eye(60) - 0.3 * W, X.sum(axis=2) - 2 * alpha[:, :, 0] + rng.standard_normal((60, 6)))
    assert spatial_hausman(frame(y, X), "y", ["x1", "x2"], W, model="sar").p_value < 1e-6


def test_effects_tests_are_likelihood_ratios() -> None:
    df, W = case()
    found = effects_tests(df, "y", ["x1", "x2"], W, model="sem")
    fits = {
        e: fit_spatial(df, "y", ["x1", "x2"], W, model="sem", effects=e).loglik  # type: ignore[arg-type]
        for e in ("entity", "time", "twoways")
    }
    assert found["entity"].statistic == pytest.approx(2 * (fits["twoways"] - fits["time"]), abs=1e-8)
    assert found["entity"].df == N - 1
    assert found["time"].statistic == pytest.approx(2 * (fits["twoways"] - fits["entity"]), abs=1e-8)
    assert found["time"].df == T - 1


def test_effects_tests_without_spatial_terms_have_the_exact_f_form() -> None:
    df, W = case()
    found = effects_tests(df, "y", ["x1", "x2"], W, model="ols")
    fits = {e: fit_panel(df, "y", ["x1", "x2"], effects=e) for e in ("entity", "time", "twoways")}  # type: ignore[arg-type]
    for tested, kept, q in (("entity", "time", N - 1), ("time", "entity", T - 1)):
        full, restricted = fits["twoways"], fits[kept]
        expected = (restricted.ssr - full.ssr) / q / (full.ssr / full.df_resid)
        assert found[f"{tested}_f"].statistic == pytest.approx(expected, rel=1e-9)
        assert found[f"{tested}_f"].df == (q, full.df_resid)


def test_interpolation_is_exact_or_falls_back_to_the_function() -> None:
    points = np.random.default_rng(0).uniform(-0.5, 0.9, 700)
    calls = []

    def smooth(r: np.ndarray) -> np.ndarray:
        calls.append(len(r))
        return 1 / (1 - 0.9 * r)

    np.testing.assert_allclose(interpolated(smooth, points), 1 / (1 - 0.9 * points), rtol=1e-9)
    assert max(calls) < 200
    np.testing.assert_array_equal(interpolated(np.sign, points), np.sign(points))


def test_row_order_and_label_order_do_not_matter() -> None:
    df, W = case()
    labels = sorted(df["city_code"].unique())
    labelled = pd.DataFrame(W, index=labels, columns=labels)
    shuffled = df.sample(frac=1, random_state=1)
    turned = labelled.loc[labels[::-1], labels[::-1]]
    a, b = fit_spatial(df, "y", ["x1", "x2"], W), fit_spatial(shuffled, "y", ["x1", "x2"], turned)
    pd.testing.assert_series_equal(a.coef, b.coef, rtol=1e-11)
    pd.testing.assert_frame_equal(a.cov, b.cov, rtol=1e-9)
    pd.testing.assert_series_equal(a.residuals, b.residuals, rtol=1e-9)
    assert "differed from the panel's" in b.convention
    assert "unlabelled" in a.convention


def test_residuals_and_measures_of_fit() -> None:
    df, W = case()
    fit = fit_spatial(df, "y", ["x1", "x2"], W)
    e = fit.residuals.to_numpy().reshape(N, T)
    assert fit.sigma2 == pytest.approx((e**2).mean(), rel=1e-12)
    np.testing.assert_allclose(e.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(e.mean(axis=1), 0, atol=1e-12)
    y = df["y"]
    assert fit.r2 == pytest.approx(1 - (e**2).sum() / ((y - y.mean()) ** 2).sum())
    assert 0 < fit.corr2 < fit.r2 < 1
    assert fit.nobs == N * T
    assert fit.df_resid == N * T - (N + T - 1) - 5
    parameters = 5 + N + T - 1 + 1
    assert fit.information_criteria()["aic"] == pytest.approx(2 * parameters - 2 * fit.loglik)
    row = fit.to_rows()[-1]
    assert row["term"] == "rho"
    assert row["estimate"] == fit.rho
