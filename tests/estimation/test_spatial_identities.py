"""Spatial panels against the same thing done the slow way, and against closed forms.

Tolerances: both sides are exact up to optimisation. The brute-force maximiser stops at 1e-10 in rho, where the
likelihood is flat to 1e-13; 1e-6 on parameters and 1e-8 on ln L leave room for that and nothing else. Identities that
involve no optimiser hold to rounding (1e-9 or better).
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from estimation.spatial import fit_spatial
from estimation.spatial.data import remove_effects, spatial_design, spatial_panel
from tests.estimation.spatial_naive import (
    N,
    T,
    arrays,
    case,
    dummies,
    dummy_variable_ml,
    neighbours,
    orthonormal,
    simulate,
    stacked_loglik,
)


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
