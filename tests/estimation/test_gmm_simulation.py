"""Dynamic panels by simulation with known truth: size of the tests, bias, coverage.

Replications use one generator each, spawned from one seed, so the numbers do not depend on the order or the number of workers.
A rejection rate of a nominal 5 % test over R replications has standard error sqrt(.05 .95 / R); bands are three of them.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

import numpy as np
import pandas as pd
import pytest

from estimation.gmm import Gmm, fit_gmm

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::estimation.gmm.GmmWarning")]
REPLICATIONS = 400
RHO, BETA = 0.6, 0.4


def draw(rng: np.random.Generator, entities: int = 200, periods: int = 8, persistence: float = 0.0) -> pd.DataFrame:
    """y = .6 L.y + .4 x + c + e, x predetermined, heteroskedastic e with optional AR(1) errors, stationary."""
    burn = 50
    effect = rng.normal(size=entities)
    scale = rng.uniform(0.5, 1.5, size=entities)
    y, x = np.zeros((2, entities, burn + periods))
    error = np.zeros(entities)
    for t in range(1, burn + periods):
        x[:, t] = 0.5 * x[:, t - 1] + 0.25 * error + 0.25 * effect + rng.normal(size=entities)
        error = persistence * error + scale * rng.normal(size=entities)
        y[:, t] = RHO * y[:, t - 1] + BETA * x[:, t] + effect + error
    return pd.DataFrame(
        {
            "city_code": np.repeat(np.arange(entities), periods),
            "year": np.tile(np.arange(2001, 2001 + periods), entities),
            "y": y[:, burn:].ravel(),
            "x": x[:, burn:].ravel(),
        }
    )


@lru_cache
def replicate(transform: str, system: bool, persistence: float = 0.0) -> pd.DataFrame:
    """One row a replication: estimates, errors, p-values."""
    records = []
    for rng in np.random.default_rng(20240607).spawn(REPLICATIONS):
        options = {
            "gmm": [Gmm("y", (2, 3), collapse=True), Gmm("x", (1, 2), collapse=True)],
            "system": system,
            "transform": transform,
        }
        frame = draw(rng, persistence=persistence)
        result = fit_gmm(frame, "y", ["L.y", "x"], **options)  # type: ignore[arg-type]
        plain = fit_gmm(frame, "y", ["L.y", "x"], windmeijer=False, **options)  # type: ignore[arg-type]
        assert result.n_instruments <= 7 < result.n_entities and result.notes == ()
        records.append(
            {
                "rho": result.coef["L.y"], "beta": result.coef["x"], "se": result.se["L.y"], "se_plain": plain.se["L.y"],
                "ar1": result.ar[1].p_value, "ar2": result.ar[2].p_value, "hansen": result.hansen.p_value,
                "difference": result.diff_hansen["GMM instruments for levels"].difference.p_value if system else 0.5,
            }
        )  # fmt: skip
    return pd.DataFrame(records)


def within_band(rejections: np.ndarray, nominal: float = 0.05) -> bool:
    return abs(rejections.mean() - nominal) <= 3 * np.sqrt(nominal * (1 - nominal) / len(rejections))


@pytest.mark.parametrize(("transform", "system"), [("fd", True), ("fd", False), ("fod", True), ("fod", False)])
class TestUnderTheModel:
    def test_size_of_ar2(self, transform: str, system: bool) -> None:
        assert within_band(replicate(transform, system)["ar2"].to_numpy() < 0.05)

    def test_size_of_hansen_with_few_collapsed_instruments(self, transform: str, system: bool) -> None:
        assert within_band(replicate(transform, system)["hansen"].to_numpy() < 0.05)

    def test_ar1_is_detected(self, transform: str, system: bool) -> None:
        assert (replicate(transform, system)["ar1"] < 0.05).mean() > 0.9

    def test_bias_of_the_lag_coefficient(self, transform: str, system: bool) -> None:
        """The planted coefficient within 5 % (the acceptance idea of feature F092)."""
        runs = replicate(transform, system)
        assert abs(runs["rho"].mean() - RHO) < 0.05 * RHO
        assert abs(runs["beta"].mean() - BETA) < 0.05 * BETA

    def test_coverage_with_the_windmeijer_correction(self, transform: str, system: bool) -> None:
        runs = replicate(transform, system)
        covered = (runs["rho"] - RHO).abs() <= 1.959964 * runs["se"]
        assert within_band(~covered.to_numpy())

    def test_correction_moves_errors_towards_the_sampling_spread(self, transform: str, system: bool) -> None:
        runs = replicate(transform, system)
        spread = runs["rho"].std()
        assert abs(runs["se"].mean() / spread - 1) < 0.08
        assert runs["se_plain"].mean() < runs["se"].mean()


def test_size_of_difference_in_hansen() -> None:
    assert within_band(replicate("fd", True)["difference"].to_numpy() < 0.05)


def test_ar2_has_power_against_correlated_errors() -> None:
    assert (replicate("fd", False, 0.4)["ar2"] < 0.05).mean() > 0.5


def many_instruments(rng: np.random.Generator) -> tuple[float, float, float]:
    """Uncorrected, corrected |t| > 1.96 and the Hansen p-value with as many instruments as the units can bear."""
    frame = draw(rng, entities=60)
    options = {"gmm": [Gmm("y", (2, None)), Gmm("x", (1, None))], "system": False}
    corrected = fit_gmm(frame, "y", ["L.y", "x"], **options)  # type: ignore[arg-type]
    plain = fit_gmm(frame, "y", ["L.y", "x"], windmeijer=False, **options)  # type: ignore[arg-type]
    miss = abs(corrected.coef["L.y"] - RHO)
    return miss / plain.se["L.y"], miss / corrected.se["L.y"], corrected.hansen.p_value


def test_windmeijer_correction_matters_with_many_instruments() -> None:
    """49 instruments for 60 units: uncorrected intervals cover far less than corrected ones, and Hansen hardly rejects."""
    runs = np.array([many_instruments(rng) for rng in np.random.default_rng(5).spawn(200)])
    coverage_plain, coverage_corrected = (runs[:, 0] < 1.96).mean(), (runs[:, 1] < 1.96).mean()
    assert coverage_plain < 0.3
    assert coverage_corrected > coverage_plain + 0.3
    assert (runs[:, 2] < 0.05).mean() < 0.05


def test_workers_do_not_change_the_numbers() -> None:
    serial = [many_instruments(rng) for rng in np.random.default_rng(5).spawn(6)]
    with ThreadPoolExecutor(3) as pool:
        parallel = list(pool.map(many_instruments, np.random.default_rng(5).spawn(6)))
    assert serial == parallel
