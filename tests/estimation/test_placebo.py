"""Placebo lists, the resampling kernel, Romano-Wolf.

The kernel must equal the full estimator to 1e-10 (linearmodels and `fit_panel`) for every draw; permutation p-values are exact.
Kolmogorov-Smirnov and binomial limits are at the 99.9 % level with fixed seeds.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from linearmodels.panel import PanelOLS
from scipy import stats

from estimation.core.frame import EstimationError
from estimation.did.cohorts import cohort_frame
from estimation.panel import fit_panel
from estimation.placebo import permute_pilots, romano_wolf
from estimation.placebo.permutation import _random_lists, cohort_codes, permutation_p
from estimation.placebo.resampling import entity_kernel
from estimation.placebo.romano_wolf import step_down
from tests.estimation.staggered_world import staggered_panel

WAVES = {2014: 0.1, 2015: 0.15, 2016: 0.1}


@pytest.fixture(scope="module")
def df() -> pd.DataFrame:
    return staggered_panel(np.random.default_rng(31), n=60, waves=WAVES, controls=2, serial=0.5)


def kernel_results(df: pd.DataFrame, lists: np.ndarray, x: list[str], weights: str | None = None):
    numeric = ["y", *x, *([weights] if weights else [])]
    cohorts = cohort_frame(df, numeric, "cohort")
    frame = cohorts.frame
    mass = frame.array(weights) if weights else None
    kernel = entity_kernel(frame, frame.array("y"), frame.array(x), x, cohorts.periods, cohorts.groups, mass)
    return kernel.regress(lists, np.arange(len(frame.entities))), cohorts


@pytest.mark.parametrize("x", [[], ["x0", "x1"]])
@pytest.mark.parametrize("share", [1.0, 0.7])
@pytest.mark.parametrize("weights", [None, "w"])
def test_kernel_equals_the_estimator_for_every_draw(df, x, share, weights) -> None:
    data = df.sample(frac=share, random_state=1).assign(w=lambda d: 0.5 + d["city_code"] % 7)
    rng = np.random.default_rng(2)
    _, cohorts = kernel_results(data, np.zeros((1, 60), dtype=int), x, weights)
    lists = np.array([rng.permutation(cohort_codes(cohorts)) for _ in range(5)])
    drawn, _ = kernel_results(data, lists, x, weights)
    starts = np.append(cohorts.groups, np.inf)
    for number, codes in enumerate(lists):
        first = pd.Series(starts[codes], index=cohorts.frame.entities)
        wide = data.assign(d=(data["year"] >= data["city_code"].map(first)).astype(float))
        fit = fit_panel(wide, "y", ["d", *x], ssc="none", weights=weights)
        assert drawn.coef[number] == pytest.approx(fit.coef["d"], rel=1e-10, abs=1e-12)
        assert np.sqrt(drawn.variance[number]) == pytest.approx(fit.se["d"], rel=1e-10)
        assert drawn.ssr[number] == pytest.approx(fit.ssr, rel=1e-10)
        indexed = wide.set_index(["city_code", "year"])
        model = PanelOLS(
            indexed["y"],
            indexed[["d", *x]],
            weights=indexed["w"] if weights else None,
            entity_effects=True,
            time_effects=True,
        )
        assert drawn.coef[number] == pytest.approx(model.fit().params["d"], rel=1e-10, abs=1e-12)


def test_actual_estimate_and_convention_are_those_of_the_table(df) -> None:
    placebo = permute_pilots(df, "y", "cohort", ["x0"], draws=20, rng=np.random.default_rng(1), cluster="province")
    fit = fit_panel(df, "y", ["treat", "x0"], cluster="province")
    assert placebo.estimate == pytest.approx(fit.coef["treat"], rel=1e-10)
    assert placebo.std_error == pytest.approx(fit.se["treat"], rel=1e-10)
    assert placebo.p_value == pytest.approx(fit.p_values["treat"], rel=1e-8)
    assert fit.convention.split(". ", 1)[1] in placebo.convention
    assert len(placebo.to_rows()) == 21


@pytest.mark.parametrize("scheme", ["cities", "by_year"])
def test_waves_keep_their_sizes(df, scheme) -> None:
    cohorts = cohort_frame(df.sample(frac=0.8, random_state=3), ["y"], "cohort")
    groups = cohort_codes(cohorts)
    lists = _random_lists(cohorts, groups, scheme, 50, np.random.default_rng(4))
    assert all((np.bincount(drawn, minlength=4) == np.bincount(groups, minlength=4)).all() for drawn in lists)
    assert len({drawn.tobytes() for drawn in lists}) == 50


def test_by_year_draws_only_cities_observed_in_that_year(df) -> None:
    """Ten cities are not observed in 2015: they never enter that wave, while `cities` puts some there."""
    gone = df["city_code"].unique()[:10]
    data = df[~(df["city_code"].isin(gone) & (df["year"] == 2015))]
    cohorts = cohort_frame(data, ["y"], "cohort")
    rows = np.isin(cohorts.frame.entities, gone)
    groups = cohort_codes(cohorts)
    rng = np.random.default_rng(5)
    assert not any((drawn[rows] == 1).any() for drawn in _random_lists(cohorts, groups, "by_year", 100, rng))
    assert any((drawn[rows] == 1).any() for drawn in _random_lists(cohorts, groups, "cities", 100, rng))


def test_both_schemes_have_the_same_distribution_on_a_balanced_panel(df) -> None:
    draws = [
        permute_pilots(df, "y", "cohort", ["x0"], scheme=scheme, draws=1000, rng=np.random.default_rng(seed)).draws
        for seed, scheme in enumerate(["cities", "by_year"])
    ]
    assert stats.ks_2samp(*draws).pvalue > 0.001


def test_repeats_with_the_seed_and_ignores_row_order(df) -> None:
    one, two, three = (
        permute_pilots(data, "y", "cohort", ["x0"], draws=50, rng=np.random.default_rng(seed))
        for data, seed in ((df, 6), (df.sample(frac=1, random_state=7), 6), (df, 8))
    )
    np.testing.assert_allclose(one.draws, two.draws, rtol=1e-9, atol=1e-12)
    assert not np.allclose(one.draws, three.draws)


def test_exact_p_counts_the_actual_list() -> None:
    assert permutation_p(np.array([3.0, 1, -4, 3, 2])) == pytest.approx((1 + 2) / 5)
    assert permutation_p(np.array([3.0, np.nan, 1, 1, 1])) == pytest.approx((1 + 1) / 5)


def test_a_strong_effect_is_more_extreme_than_every_list() -> None:
    rng = np.random.default_rng(9)
    strong = staggered_panel(rng, n=30, waves={2013: 0.4}, effect=lambda k, g: 3 + 0 * k)
    assert permute_pilots(strong, "y", "cohort", draws=199, rng=rng).p_exact == pytest.approx(1 / 200)


@pytest.mark.slow
def test_p_exact_is_valid() -> None:
    """Under no effect the permutation p-value is uniform: 300 data sets, 5 % level inside the exact 99.9 % band."""
    rng = np.random.default_rng(9)
    p_values = []
    for _ in range(300):
        data = staggered_panel(
            rng, n=30, periods=range(2010, 2016), waves={2013: 0.4}, effect=lambda k, g: 0 * k, serial=0.9
        )
        p_values.append(permute_pilots(data, "y", "cohort", draws=99, rng=rng).p_exact)
    low, high = stats.binom.ppf([0.0005, 0.9995], 300, 0.05) / 300
    assert low <= np.mean(np.array(p_values) <= 0.05) <= high


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        ({}, {"scheme": "both"}, "cities, by_year"),
        ({}, {"draws": 0}, "at least 1"),
        ({"cohort": np.nan}, {}, "no treated entity"),
        ({"cohort": 2000}, {}, "absorbed"),
        ({"y": 1.0}, {}, "does not vary"),
        ({"x0": lambda d: d["city_code"] * 1.0}, {}, "x0 does not vary"),
        ({"x0": np.inf}, {}, "x0 is infinite"),
        ({"half": lambda d: d["year"] % 2}, {"cluster": "half"}, "splits entities"),
    ],
)
def test_bad_input_is_named(df, change, options, message) -> None:
    with pytest.raises(EstimationError, match=message):
        permute_pilots(
            df.assign(**change), "y", "cohort", ["x0"], **{"draws": 5, "rng": np.random.default_rng(1), **options}
        )


def test_wave_too_large_to_draw_is_named(df) -> None:
    """Everyone of wave 2016 is observed in 2016, but hardly anybody else."""
    data = df[(df["cohort"] == 2016) | (df["year"] != 2016) | (df["city_code"] == df["city_code"].iloc[0])]
    with pytest.raises(EstimationError, match="wave 2016 has 6 entities, but only"):
        permute_pilots(data, "y", "cohort", scheme="by_year", draws=200, rng=np.random.default_rng(1))


def naive_step_down(t: np.ndarray, draws: np.ndarray) -> np.ndarray:
    order, p = sorted(range(len(t)), key=lambda j: -abs(t[j])), {}
    last = 0.0
    for place, j in enumerate(order):
        left = order[place:]
        count = sum(max(abs(row[left])) >= abs(t[j]) for row in draws)
        last = max(last, (1 + count) / (1 + len(draws)))
        p[j] = last
    return np.array([p[j] for j in range(len(t))])


def test_step_down_written_out() -> None:
    rng = np.random.default_rng(10)
    t, draws = np.array([2.1, -0.3, 3.0, 1.2]), rng.normal(size=(200, 4))
    np.testing.assert_allclose(step_down(t, draws), naive_step_down(t, draws))


def test_romano_wolf_bootstrap_is_the_estimator_on_resampled_cities(df) -> None:
    data = df.assign(z=df["y"] + np.random.default_rng(1).normal(size=len(df)))
    result = romano_wolf(data, ["y", "z"], "treat", ["x0"], draws=4, rng=np.random.default_rng(11))
    cities = np.sort(data["city_code"].unique())
    counts = np.random.default_rng(11).multinomial(60, np.full(60, 1 / 60), size=4)
    by_city = dict(list(data.groupby("city_code")))
    for draw, count in enumerate(counts):
        parts = [
            by_city[c].assign(city_code=1000 * i + j)
            for i, (c, n) in enumerate(zip(cities, count, strict=True))
            for j in range(n)
        ]
        sample = pd.concat(parts)
        for column, outcome in enumerate(["y", "z"]):
            fit = fit_panel(sample, outcome, ["treat", "x0"], ssc="none")
            expected = (fit.coef["treat"] - result.table.loc[outcome, "estimate"]) / (
                fit.se["treat"] * np.sqrt(60 / 59)
            )
            assert result.draws[draw, column] == pytest.approx(expected, rel=1e-7)


def test_romano_wolf_adjusts_upwards_and_keeps_the_single_tests(df) -> None:
    rng = np.random.default_rng(12)
    data = df.assign(**{f"noise{j}": rng.normal(size=len(df)) for j in range(4)})
    names = ["y", *(f"noise{j}" for j in range(4))]
    result = romano_wolf(data, names, "treat", draws=300, rng=rng)
    assert (result.table["p_adjusted"] >= result.table["p_value"] * 0.5).all()
    assert result.table["p_adjusted"].drop("y").min() > result.table["p_value"].drop("y").min()
    assert result.table.loc["y", "p_value"] == pytest.approx(fit_panel(data, "y", "treat").p_values["treat"])
    with pytest.raises(EstimationError, match="at least two different outcomes"):
        romano_wolf(data, ["y"], "treat", rng=rng)


@pytest.mark.slow
def test_romano_wolf_controls_the_family_error() -> None:
    """Five true nulls with correlated outcomes, 400 data sets: any rejection at 5 % inside the exact 99.9 % band or below."""
    rng = np.random.default_rng(13)
    any_rejected = 0
    for _ in range(400):
        data = staggered_panel(rng, n=80, periods=range(2010, 2016), waves={2013: 0.5}, effect=lambda k, g: 0 * k)
        shared = rng.normal(size=len(data))
        for j in range(5):
            data[f"y{j}"] = shared + rng.normal(size=len(data))
        table = romano_wolf(data, [f"y{j}" for j in range(5)], "treat", draws=199, rng=rng).table
        any_rejected += bool((table["p_adjusted"] <= 0.05).any())
    assert any_rejected <= stats.binom.ppf(0.9995, 400, 0.05)
