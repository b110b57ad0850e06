"""Sums of weighted squares against the F distribution, where they have one, and against draws."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import f, t

from estimation.core.quadratic_forms import matched_df, probability_not_positive, squared_t_probability


@pytest.mark.parametrize(("n", "statistic"), [(1, 3.0), (3, 10.0), (14, 4.6), (280, 3.9)])
def test_equal_weights_are_the_f_distribution(n: int, statistic: float) -> None:
    assert squared_t_probability(statistic, np.full(n, 1 / n)) == pytest.approx(f.cdf(statistic, 1, n), abs=1e-7)


def test_signs_and_units() -> None:
    weights = np.array([2.0, 0.5, -1.0, -0.3])
    share = probability_not_positive(weights)
    assert probability_not_positive(1e9 * weights) == pytest.approx(share, abs=1e-9)
    assert probability_not_positive(-weights) == pytest.approx(1 - share, abs=1e-7)
    assert probability_not_positive(np.array([1.0, 2.0])) == pytest.approx(0.0, abs=1e-5)


def test_unequal_weights_agree_with_draws() -> None:
    rng = np.random.default_rng(3)
    weights = np.array([1.5, 0.2, -0.7, -0.7, -0.1])
    share = float((rng.normal(size=(400_000, 5)) ** 2 @ weights <= 0).mean())
    assert probability_not_positive(weights) == pytest.approx(share, abs=4 * 0.5 / np.sqrt(400_000))


@pytest.mark.parametrize("n", [1, 2, 5, 60])
@pytest.mark.parametrize("level", [0.9, 0.95])
def test_matched_degrees_of_freedom_of_equal_weights_are_their_number(n: int, level: float) -> None:
    assert matched_df(np.full(n, 1 / n), level) == pytest.approx(n, rel=1e-3)


def test_matched_degrees_of_freedom_make_the_interval_exact_where_satterthwaites_do_not() -> None:
    spectrum = np.array([0.7, *np.full(30, 0.01)])
    exact, satterthwaite = matched_df(spectrum), 1 / (spectrum**2).sum()
    cover = [squared_t_probability(float(t.ppf(0.975, df)) ** 2, spectrum) for df in (exact, satterthwaite)]
    assert cover[0] == pytest.approx(0.95, abs=1e-5)
    assert cover[1] > 0.97
