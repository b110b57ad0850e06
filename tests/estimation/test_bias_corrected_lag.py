"""City effects with a lag: the moments hold exactly, estimates are unbiased where least squares is not, intervals cover.

Tolerances: 1e-8 relative for identities; simulations allow 3.3 standard errors of their mean or share (1 in 1,000).
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from estimation.core.frame import EstimationError
from estimation.panel import BiasCorrectedLag, fit_bias_corrected_lag, fit_bias_reduced
from estimation.panel.bias_corrected_lag import Cities, bias_of_lag, solve

TRUTH = {"L.y": 0.8, "x": 0.5}


def panel(rng: np.random.Generator, cities: int = 60, years: int = 7, lag: float = TRUTH["L.y"]) -> pd.DataFrame:
    """Effects and starts that have nothing to do with a steady state, persistent x, errors of unequal size."""
    x = np.cumsum(rng.normal(size=(cities, years)), axis=1)
    sizes = rng.uniform(0.5, 1.5, (cities, 1))
    effects, y = rng.normal(size=cities), np.empty((cities, years))
    errors = sizes * rng.normal(size=(cities, years))
    y[:, 0] = 3 * rng.normal(size=cities) + effects
    for year in range(1, years):
        y[:, year] = lag * y[:, year - 1] + TRUTH["x"] * x[:, year] + effects + errors[:, year]
    keys = {"city_code": np.repeat(range(cities), years), "year": np.tile(range(2000, 2000 + years), cities)}
    return pd.DataFrame(keys | {"y": y.ravel(), "x": x.ravel()})


def lagged(df: pd.DataFrame) -> pd.DataFrame:
    """The frame with the lag as a column, without first years."""
    df = df.sort_values(["city_code", "year"])
    return df.assign(**{"L.y": df.groupby("city_code")["y"].shift()}).dropna()


@pytest.fixture(scope="module")
def df() -> pd.DataFrame:
    """Unbalanced: cities enter late, and one has two years only."""
    full = panel(np.random.default_rng(2))
    late = (full["city_code"] % 4 == 1) & (full["year"] < 2003)
    short = (full["city_code"] == 2) & (full["year"] < 2005)
    return full[~late & ~short]


@pytest.mark.parametrize("lag", [-0.5, 0.0, 0.6, 1.0, 1.04])
@pytest.mark.parametrize("years", [2, 3, 8])
def test_the_bias_of_the_moment_is_the_polynomial(lag: float, years: int) -> None:
    """Lags are L e with L_ts = r^(t-1-s), so E[(L e)'M e] = trace(L'M) for errors of variance one."""
    at = np.arange(years)
    gap = at[:, None] - 1 - at[None, :]
    lags = np.where(gap >= 0, float(lag) ** np.maximum(gap, 0), 0.0)
    assert -np.trace(lags.T @ (np.eye(years) - 1 / years)) == pytest.approx(bias_of_lag(years)(lag), abs=1e-12)


def test_the_estimate_solves_the_moments(df: pd.DataFrame) -> None:
    fit, used = fit_bias_corrected_lag(df, "y", "x"), lagged(df)
    used = used[used.groupby("city_code")["y"].transform("size") > 1]
    means = used.groupby("city_code")[["y", "L.y", "x"]].transform("mean")
    left = used[["y", "L.y", "x"]] - means
    u = left["y"] - left[["L.y", "x"]] @ fit.coef[["L.y", "x"]]
    sizes = used.groupby("city_code")["y"].transform("size")
    n, cities = len(used), used["city_code"].nunique()
    factor = (n - cities) / (n - cities - 2)
    bias = np.array([bias_of_lag(size)(fit.coef["L.y"]) for size in sizes])
    assert abs(left["x"] @ u) < 1e-8 * np.linalg.norm(left["x"]) * np.linalg.norm(u)
    assert left["L.y"] @ u + factor * (bias / (sizes - 1) * u**2).sum() == pytest.approx(0, abs=1e-8 * (u @ u))
    assert (fit.nobs, fit.n_entities, fit.df_resid) == (n, cities, n - cities - 2)


def test_least_squares_and_the_mixture_of_variances_are_those_of_fit_bias_reduced(df: pd.DataFrame) -> None:
    """Satterthwaite's degrees of freedom of a mixture are one over its sum of squares."""
    fit, used = fit_bias_corrected_lag(df, "y", "x"), lagged(df)
    used = used[used.groupby("city_code")["y"].transform("size") > 1]
    plain = fit_bias_reduced(used, "y", ["L.y", "x"], effects="entity")
    np.testing.assert_allclose(fit.uncorrected, plain.coef, rtol=1e-9)
    left = used[["y", "L.y", "x"]] - used.groupby("city_code")[["y", "L.y", "x"]].transform("mean")
    parts: dict[int, list[np.ndarray]] = {}
    for _, rows in left.groupby(used["city_code"]):
        parts.setdefault(len(rows), []).append(rows.to_numpy())
    found = solve([Cities(np.stack(part)[:, :, 1:], np.stack(part)[:, :, 0]) for part in parts.values()])
    np.testing.assert_allclose(found.beta, fit.coef, rtol=1e-9)
    np.testing.assert_allclose(1 / (found.spectra**2).sum(axis=1), plain.df_by_term, rtol=1e-8)
    assert (fit.df_by_term > 0.9 * plain.df_by_term).all()
    assert fit.coef["L.y"] > plain.coef["L.y"]


def test_without_bias_to_correct_errors_are_those_of_fit_bias_reduced() -> None:
    """Errors that are a thousandth of the lag's variation leave nothing to correct."""
    df = panel(np.random.default_rng(5))
    smooth = df.assign(y=df["y"] * 0)
    rng = np.random.default_rng(6)
    for rows in smooth.groupby("city_code").groups.values():
        y = rng.normal()
        for row in rows:
            y = TRUTH["L.y"] * y + TRUTH["x"] * df.loc[row, "x"] + 1e-4 * rng.normal()
            smooth.loc[row, "y"] = y
    fit, plain = (
        fit_bias_corrected_lag(smooth, "y", "x"),
        fit_bias_reduced(lagged(smooth), "y", ["L.y", "x"], effects="entity"),
    )
    np.testing.assert_allclose(fit.coef, plain.coef, rtol=1e-6)
    np.testing.assert_allclose(fit.se, plain.se, rtol=1e-3)


def test_order_units_and_city_constants_do_not_matter(df: pd.DataFrame) -> None:
    fit = fit_bias_corrected_lag(df, "y", "x")
    moved = df.assign(y=1e4 * df["y"], x=df["x"] / 1e3 + df["city_code"]).sample(frac=1, random_state=1)
    other = fit_bias_corrected_lag(moved, "y", "x")
    np.testing.assert_allclose(other.statistics, fit.statistics, rtol=1e-7)
    assert other.coef["L.y"] == pytest.approx(fit.coef["L.y"], rel=1e-8)


def fits(draws: int, **options: float) -> list[BiasCorrectedLag]:
    rng = np.random.default_rng(8)
    return [fit_bias_corrected_lag(panel(rng, **options), "y", "x") for _ in range(draws)]  # type: ignore[arg-type]


@pytest.mark.slow
@pytest.mark.parametrize("lag", [0.8, 1.02])
def test_estimates_are_unbiased_and_intervals_cover_where_least_squares_does_not(lag: float) -> None:
    """400 draws; what is left is of second order, a tenth of a standard error at most."""
    found = fits(400, lag=lag)
    truth = np.array([lag, TRUTH["x"]])
    apart = np.array([fit.coef for fit in found]) - truth
    plain = np.array([fit.uncorrected for fit in found]) - truth
    inside = [np.abs(fit.coef - truth) <= (fit.conf_int()["conf_high"] - fit.coef) for fit in found]
    share = np.mean(inside, axis=0)
    margin = 3.3 * np.sqrt(0.95 * 0.05 / len(found))
    assert (np.abs(apart.mean(axis=0)) < 0.1 * apart.std(axis=0) + 3.3 * apart.std(axis=0) / np.sqrt(len(found))).all()
    assert (np.abs(plain.mean(axis=0)) > 0.5 * plain.std(axis=0)).all()
    assert (np.abs(share - 0.95) < margin).all()


def test_what_cannot_be_estimated(df: pd.DataFrame) -> None:
    gap = df[~((df["city_code"] == 3) & (df["year"] == 2003))]
    with pytest.raises(EstimationError, match="3 has a gap in year"):
        fit_bias_corrected_lag(gap, "y", "x")
    with pytest.raises(EstimationError, match=r"1 city_code\(s\) with three years"):
        fit_bias_corrected_lag(df[df["city_code"] == 3], "y", "x")
    with pytest.raises(EstimationError, match="fixed"):
        fit_bias_corrected_lag(df.assign(fixed=df["city_code"] ** 2), "y", ["x", "fixed"])
    with pytest.raises(EstimationError, match="does not vary"):
        fit_bias_corrected_lag(df.assign(y=df["city_code"] * 1.0), "y", "x")
    only = df.assign(only=((df["city_code"] == 6) & (df["year"] > 2003)).astype(float))
    fit = fit_bias_corrected_lag(only, "y", ["x", "only"])
    assert np.isnan(fit.se["only"]) and fit.se["x"] > 0
