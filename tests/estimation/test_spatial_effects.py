"""Direct, indirect and total effects against the matrix of partial derivatives, and their standard errors."""

from __future__ import annotations

import numpy as np
import pytest

from estimation.spatial import fit_spatial, impacts
from tests.estimation.spatial_naive import (
    N,
    T,
    case,
    neighbours,
    simulate,
)


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
