"""Determinants, traces, eigenvalues and inverses of spatial weights against dense ones (to rounding, 1e-9 or better, unless said)."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from estimation.spatial import fit_spatial, impacts, spatial_weights
from estimation.spatial.bounds import all_eigenvalues, extreme_eigenvalues, rho_interval
from estimation.spatial.effects import interpolated
from estimation.spatial.inverse import inverse_traces, resolvent
from estimation.spatial.logdet import log_determinant
from tests.estimation.spatial_naive import (
    N,
    case,
    neighbours,
    one_way,
    simulate,
)


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


def test_interpolation_is_exact_or_falls_back_to_the_function() -> None:
    points = np.random.default_rng(0).uniform(-0.5, 0.9, 700)
    calls = []

    def smooth(r: np.ndarray) -> np.ndarray:
        calls.append(len(r))
        return 1 / (1 - 0.9 * r)

    np.testing.assert_allclose(interpolated(smooth, points), 1 / (1 - 0.9 * points), rtol=1e-9)
    assert max(calls) < 200
    np.testing.assert_array_equal(interpolated(np.sign, points), np.sign(points))
