"""Absorbing effects equals regressing on dummy variables. Tolerance 1e-10 relative to the data: rounding of both routes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from estimation.core.within import Within
from tests.estimation.staggered_world import dummy_matrix


def unbalanced(rng: np.random.Generator, n: int, t: int, share: float) -> pd.DataFrame:
    full = pd.DataFrame({"i": np.repeat(np.arange(n), t), "t": np.tile(np.arange(t), n)})
    rows = full.sample(frac=share, random_state=int(rng.integers(1 << 30)))
    return rows.assign(i=pd.factorize(rows["i"])[0], t=pd.factorize(rows["t"])[0])


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("share", [1.0, 0.6, 0.25])
@pytest.mark.parametrize(("n", "t"), [(12, 5), (5, 12)])
def test_twoway_residuals_equal_dummy_regression(n: int, t: int, share: float, weighted: bool) -> None:
    rng = np.random.default_rng([n, t, int(100 * share)])
    df = unbalanced(rng, n, t, share)
    values = rng.normal(size=(len(df), 3)) * [1, 1e3, 1e-3] + 50
    weights = rng.uniform(0.2, 5, len(df)) if weighted else np.ones(len(df))
    Z = dummy_matrix(df, "i", "t") * np.sqrt(weights)[:, None]
    scaled = values * np.sqrt(weights)[:, None]
    expected = (scaled - Z @ np.linalg.lstsq(Z, scaled, rcond=None)[0]) / np.sqrt(weights)[:, None]
    within = Within(df["i"].to_numpy(), df["t"].to_numpy(), "twoways", weights if weighted else None)
    np.testing.assert_allclose(within.transform(values), expected, atol=1e-10 * np.abs(values).max())
    assert within.n_absorbed == np.linalg.matrix_rank(Z)


def test_balanced_demeaning_is_the_textbook_formula() -> None:
    values = np.random.default_rng(0).normal(size=(7, 4))
    within = Within(np.repeat(np.arange(7), 4), np.tile(np.arange(4), 7), "twoways")
    expected = values - values.mean(1, keepdims=True) - values.mean(0) + values.mean()
    np.testing.assert_allclose(within.transform(values.ravel()), expected.ravel(), atol=1e-14)


def test_unconnected_blocks_are_demeaned_separately() -> None:
    """Two blocks without a shared entity or period: rank is N + T - 2, each block is exact on its own."""
    i, t = np.array([0, 0, 1, 1, 2, 2, 3, 3]), np.array([0, 1, 0, 1, 2, 3, 2, 3])
    values = np.random.default_rng(1).normal(size=8)
    within = Within(i, t, "twoways")
    alone = Within(i[:4], t[:4], "twoways").transform(values[:4])
    assert within.n_absorbed == 6
    np.testing.assert_allclose(within.transform(values)[:4], alone, atol=1e-14)


def test_singletons_are_fitted_exactly_and_input_is_kept() -> None:
    i, t = np.array([0, 0, 0, 1]), np.array([0, 1, 2, 1])
    values = np.array([1.0, 2.0, 5.0, 9.0])
    kept = values.copy()
    assert abs(Within(i, t, "twoways").transform(values)[3]) < 1e-14
    np.testing.assert_array_equal(values, kept)
