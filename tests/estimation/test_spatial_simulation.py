"""Spatial panels by simulation with known truth; slow, fixed seeds, one core.

Bands. A rejection rate of R draws at 5 % has standard error sqrt(.05 * .95/R); the exact 99.9 % binomial band is used.
A mean of R estimates is compared with 4 standard errors of the mean. Where an estimator is known to be off (raw LM
tests, direct rho with time effects), the test shows that too: a test that could not see the fault would prove nothing.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import sparse
from scipy.spatial import cKDTree
from scipy.stats import binom

from estimation.spatial import effects_tests, fit_spatial, impacts, lm_tests, moran, spatial_hausman
from tests.estimation.spatial_naive import frame, neighbours, simulate

pytestmark = pytest.mark.slow
X = ["x1", "x2"]


def band(draws: int, level: float = 0.05) -> tuple[float, float]:
    """Exact 99.9 % band of a rejection rate."""
    low, high = binom.ppf([0.0005, 0.9995], draws, level)
    return low / draws, high / draws


class Panels:
    """Draws of y for one fixed W, one fixed X and fixed effects."""

    def __init__(self, n: int, periods: int, *, seed: int, standardise: str = "row", effects: str = "twoways") -> None:
        self.rng = np.random.default_rng(seed)
        self.W = neighbours(n, self.rng, standardise=standardise)
        alpha = self.rng.standard_normal((n, 1)) * (effects in ("entity", "twoways"))
        gamma = 2 * self.rng.standard_normal((1, periods)) * (effects in ("time", "twoways"))
        self.X = self.rng.standard_normal((n, periods, 2)) + 0.5 * (alpha + gamma)[:, :, None]
        self.effects = alpha + gamma
        self.shape = (n, periods)

    def draw(self, *, rho: float = 0.0, lam: float = 0.0, theta: tuple[float, float] = (0.0, 0.0)) -> Any:
        eye = np.eye(self.shape[0])
        u = np.linalg.solve(eye - lam * self.W, self.rng.standard_normal(self.shape))
        mean = self.X.sum(axis=2) + np.einsum("ij,jtk,k->it", self.W, self.X, np.array(theta)) + self.effects
        return frame(np.linalg.solve(eye - rho * self.W, mean + u), self.X)


@pytest.mark.parametrize(
    ("n", "periods", "effects", "standardise"),
    [
        (46, 30, "twoways", "row"),
        (46, 30, "twoways", "spectral"),
        (46, 30, "time", "row"),
        (46, 6, "entity", "row"),
        (80, 1, "none", "row"),
        (280, 15, "twoways", "row"),
    ],
)
def test_nominal_size_of_transformed_lm_tests(n: int, periods: int, effects: str, standardise: str) -> None:
    draws = 600 if n < 280 else 300
    panels = Panels(n, periods, seed=1, standardise=standardise, effects=effects)
    rejected = {form: np.zeros(5) for form in ("raw", "transformed")}
    for _ in range(draws):
        df = panels.draw()
        for form, count in rejected.items():
            found = lm_tests(df, "y", X, panels.W, effects=effects, form=form).tests  # type: ignore[arg-type]
            count += [test.p_value < 0.05 for test in found.values()]
    low, high = band(draws)
    rates = rejected["transformed"] / draws
    assert ((low <= rates) & (rates <= high)).all(), rates
    if effects in ("time", "twoways") and periods == 30:
        assert rejected["raw"][1] / draws > 0.15  # the error test: 21 to 28 % is known for 46 x 30


def test_power_of_the_robust_lm_tests_goes_to_the_right_side() -> None:
    panels = Panels(80, 10, seed=2)
    for truth, side, other in (({"rho": 0.15}, "rlm_lag", "rlm_err"), ({"lam": 0.2}, "rlm_err", "rlm_lag")):
        hits = np.zeros(2)
        for _ in range(200):
            found = lm_tests(panels.draw(**truth), "y", X, panels.W, form="transformed")
            hits += [found[side].p_value < 0.05, found[other].p_value < 0.05]
        assert hits[0] / 200 > 0.6
        assert hits[1] / 200 < 0.15


@pytest.mark.parametrize("effects", ["entity", "time", "twoways"])
def test_bias_of_rho(effects: str) -> None:
    """Direct estimates of rho are biased downwards by time effects; both corrections remove the bias."""
    panels = Panels(40, 10, seed=3, effects=effects)
    estimates = {option: [] for option in ("none", "bias", "transform")}  # type: dict[str, list[float]]
    sigma2 = {option: [] for option in estimates}  # type: dict[str, list[float]]
    for _ in range(300):
        df = panels.draw(rho=0.4, theta=(0.5, 0.0))
        for option in estimates:
            fit = fit_spatial(df, "y", X, panels.W, effects=effects, lee_yu=option)  # type: ignore[arg-type]
            estimates[option].append(fit.rho)
            sigma2[option].append(fit.sigma2)
    bias = {option: float(np.mean(v) - 0.4) for option, v in estimates.items()}
    error = float(np.std(estimates["transform"]) / np.sqrt(300))
    # The exact estimator keeps a bias of order 1/(NT), within .01 here.
    assert abs(bias["transform"]) < 4 * error + 0.01
    assert abs(bias["bias"]) < 4 * error + 0.01
    if effects != "entity":
        assert bias["none"] < -0.02
        assert abs(bias["transform"]) < abs(bias["none"]) / 2
    assert np.mean(sigma2["transform"]) == pytest.approx(1, abs=0.03)
    assert np.mean(sigma2["bias"]) == pytest.approx(1, abs=0.03)
    assert np.mean(sigma2["none"]) < np.mean(sigma2["transform"]) - 0.01


@pytest.mark.parametrize(
    ("model", "truth"),
    [
        ("sar", {"rho": 0.4}),
        ("sem", {"lam": 0.4}),
        ("sac", {"rho": 0.3, "lam": 0.3}),
        ("sdm", {"rho": 0.3, "theta": (0.5, -0.5)}),
        ("sdem", {"lam": 0.3, "theta": (0.5, -0.5)}),
        ("slx", {"theta": (0.5, -0.5)}),
    ],
)
def test_recovery_and_coverage_of_every_model(model: str, truth: dict[str, Any]) -> None:
    panels, draws = Panels(60, 8, seed=4), 300
    covered, estimates = [], []
    target = {"x1": 1.0, "x2": 1.0, "rho": truth.get("rho"), "lambda": truth.get("lam")}
    target |= dict(zip(["W#x1", "W#x2"], truth.get("theta", (None, None)), strict=True))
    for _ in range(draws):
        fit = fit_spatial(panels.draw(**truth), "y", X, panels.W, model=model, lee_yu="transform")  # type: ignore[arg-type]
        goal = np.array([target[term] for term in fit.coef.index], dtype=float)
        limits = fit.conf_int().to_numpy()
        covered.append((limits[:, 0] <= goal) & (goal <= limits[:, 1]))
        estimates.append(fit.coef.to_numpy() - goal)
    error = np.std(estimates, axis=0) / np.sqrt(draws)
    assert (np.abs(np.mean(estimates, axis=0)) < 4 * error + 0.015).all()
    low, high = band(draws)
    share = np.mean(covered, axis=0)
    assert ((1 - high <= share) & (share <= 1 - low)).all(), dict(zip(fit.coef.index, share, strict=True))


@pytest.mark.parametrize("periods", [4, 15])
def test_measured_coverage_of_impacts(periods: int, record_property: Any) -> None:
    """95 % intervals of direct, indirect and total effects: percentile of the draws and delta method."""
    panels, draws, rho, theta = Panels(60, periods, seed=5), 300, 0.4, (0.5, -0.3)
    eye = np.eye(60)
    truth = {}
    for j, name in enumerate(X):
        M = np.linalg.solve(eye - rho * panels.W, eye + theta[j] * panels.W)
        truth[name] = np.array([np.trace(M), M.sum() - np.trace(M), M.sum()]) / 60
    inside = {"simulated": np.zeros((2, 3)), "delta": np.zeros((2, 3))}
    goal = np.array([truth[name] for name in X])
    for _ in range(draws):
        fit = fit_spatial(panels.draw(rho=rho, theta=theta), "y", X, panels.W, lee_yu="transform")
        found = impacts(fit, draws=500, rng=panels.rng)
        inside["simulated"] += (found.conf_low.to_numpy() <= goal) & (goal <= found.conf_high.to_numpy())
        at = np.column_stack([found.direct, found.indirect, found.total])
        inside["delta"] += np.abs(at - goal) <= 1.96 * found.se_delta.to_numpy()
    low, high = band(draws)
    for name, count in inside.items():
        share = count / draws
        record_property(f"coverage_{name}", share.round(3).tolist())
        print(f"T={periods} {name}: direct, indirect, total of x1, x2 = {share.round(3).tolist()}")  # noqa: T201
        assert ((1 - high - 0.01 <= share) & (share <= 1 - low + 0.01)).all(), (name, share)


@pytest.mark.parametrize("model", ["sar", "sdm"])
@pytest.mark.parametrize("effects", ["entity", "twoways"])
def test_size_of_hausman(effects: str, model: str) -> None:
    rng, draws = np.random.default_rng(6), 200
    W = neighbours(50, rng)
    rejected = np.zeros(2)
    for _ in range(draws):
        Z = rng.standard_normal((50, 8, 2)) + rng.standard_normal((50, 1, 2))
        year = rng.standard_normal((1, 8)) if effects == "twoways" else 0.0
        mean = Z.sum(axis=2) + rng.standard_normal((50, 1)) + year
        y = np.linalg.solve(np.eye(50) - 0.3 * W, mean + rng.standard_normal((50, 8)))
        df = frame(y, Z)
        for i, with_rho in enumerate((False, True)):
            found = spatial_hausman(df, "y", X, W, model=model, effects=effects, with_rho=with_rho)  # type: ignore[arg-type]
            rejected[i] += found.p_value < 0.05
    low, high = band(draws)
    assert ((low - 0.005 <= rejected / draws) & (rejected / draws <= high + 0.01)).all(), rejected / draws


def test_size_of_nested_tests() -> None:
    """LR and Wald of the Durbin model against SAR (truth: SAR) and against SEM (truth: SEM), transformed likelihood."""
    panels, draws = Panels(60, 8, seed=7), 300
    low, high = band(draws)
    for truth, name in (({"rho": 0.3}, "sar"), ({"lam": 0.3}, "sem")):
        rejected = np.zeros(2)
        for _ in range(draws):
            tests = fit_spatial(panels.draw(**truth), "y", X, panels.W, lee_yu="transform").tests
            rejected += [tests[f"{kind}_{name}"].p_value < 0.05 for kind in ("lr", "wald")]
        assert ((low <= rejected / draws) & (rejected / draws <= high)).all(), (name, rejected / draws)


def test_size_of_the_effects_tests() -> None:
    """The chi2 form over-rejects, as its note says; the F form is near 5 %."""
    panels, draws = Panels(60, 8, seed=8, effects="none"), 200
    rejected = dict.fromkeys(("time", "entity", "time_f", "entity_f"), 0)
    for _ in range(draws):
        found = effects_tests(panels.draw(rho=0.3), "y", X, panels.W, model="sar")
        rejected = {name: count + (found[name].p_value < 0.05) for name, count in rejected.items()}
    for tested in ("time", "entity"):
        assert rejected[tested] / draws > 0.08
        assert rejected[f"{tested}_f"] / draws < 0.12
        assert "over-rejects" in found[tested].note


def test_size_of_moran() -> None:
    rng, draws = np.random.default_rng(9), 1500
    W = neighbours(60, rng)
    hits = np.zeros(2)
    for _ in range(draws):
        found = moran(rng.standard_normal(60) ** 3, W, permutations=199, rng=rng)
        # The permutation p is one-sided in the tail of I: doubled it is two-sided.
        hits += [found.p_rand < 0.05, 2 * found.p_sim <= 0.05]
    low, high = band(draws)
    assert ((low - 0.01 <= hits / draws) & (hits / draws <= high + 0.01)).all(), hits / draws


def test_large_sparse_panel_recovers_the_truth() -> None:
    rng = np.random.default_rng(10)
    points = rng.random((2000, 2))
    near = cKDTree(points).query(points, k=5)[1][:, 1:]
    A = sparse.csr_array((np.ones(8000), (np.repeat(np.arange(2000), 4), near.ravel())), shape=(2000, 2000))
    A = ((A + A.T) > 0).astype(float)
    W = sparse.csr_array(sparse.diags_array(1 / A.sum(axis=1)) @ A)
    df = simulate(W.toarray(), 4, rng, rho=0.5, theta=(0.5, 0.0))
    fit = fit_spatial(df, "y", X, W, lee_yu="transform")
    assert "sparse LU" in fit.convention
    assert abs(fit.rho - 0.5) < 4 * fit.se["rho"]
    found = impacts(fit)
    assert abs(found.total["x1"] - 1.5 / 0.5) < 4 * found.se_simulated.loc["x1", "total"]
