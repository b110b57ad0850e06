"""Tests between spatial models, bias correction and random effects against separate fits and dense likelihoods."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chi2

from estimation.panel import fit_panel
from estimation.spatial import effects_tests, fit_spatial, lm_tests, spatial_hausman
from estimation.spatial.data import spatial_design, spatial_panel
from estimation.spatial.logdet import log_determinant
from estimation.spatial.random import fit_random
from tests.estimation.spatial_naive import (
    N,
    T,
    case,
    frame,
    neighbours,
    orthonormal,
    simulate,
)


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
