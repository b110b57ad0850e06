"""Goodman-Bacon decomposition and the weights of the two-way estimator.

Tolerances: 1e-10 for identities and for bacondecomp 0.1.1 (R 4.2.2; estimates and weights agree to 2e-14); the published
Stata output of castle to its three digits. No exceptions.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from diff_diff.chaisemartin_dhaultfoeuille import twowayfeweights

from estimation.core.frame import EstimationError
from estimation.did import bacon, twoway_weights
from estimation.panel import fit_panel
from tests.estimation.staggered_world import staggered_panel

WAVES = {2010: 0.2, 2012: 0.2, 2015: 0.1, 2018: 0.2}


@pytest.fixture(scope="module")
def df() -> pd.DataFrame:
    """Always, early, middle, late and never treated."""
    return staggered_panel(np.random.default_rng(4), waves=WAVES, effect=lambda k, g: 1 + 0.3 * k)


def test_identities(df) -> None:
    result = bacon(df, "y", "treat")
    table = result.comparisons
    assert table["weight"].sum() == pytest.approx(1, abs=1e-12)
    assert table["weight"] @ table["estimate"] == pytest.approx(fit_panel(df, "y", "treat").coef["treat"], abs=1e-11)
    assert len(table) == 3 * 2 + 3 + 3
    assert set(table["type"]) == set(result.by_type.index) and len(result.by_type) == 4
    assert (table["weight"] > 0).all()
    np.testing.assert_allclose(result.by_type["weight"].sum(), 1)


def test_every_comparison_is_its_own_two_way_regression(df) -> None:
    first = df["cohort"].fillna(np.inf)
    for row in bacon(df, "y", "treat").comparisons.itertuples():
        pair = df[first.isin([row.treated, row.untreated])]
        if row.type == "Earlier vs Later Treated":
            pair = pair[pair["year"] < row.untreated]
        elif row.type == "Later vs Earlier Treated":
            pair = pair[pair["year"] >= row.untreated]
        pair = pair.assign(d=((first[pair.index] == row.treated) & (pair["treat"] == 1)).astype(float))
        assert row.estimate == pytest.approx(fit_panel(pair, "y", "d").coef["d"], abs=1e-10)


def test_hand_worked_two_groups() -> None:
    """Treated 1, 2 -> 5 and control 1 -> 2: one comparison, (5 - 1.5 ...) by hand is 3.5 - 1 = 2.5, weight 1."""
    df = pd.DataFrame({"city_code": [1, 1, 2, 2, 3, 3], "year": [1, 2] * 3, "treat": [0, 1, 0, 1, 0, 0]})
    df["y"] = [1.0, 5.0, 2.0, 5.0, 1.0, 2.0]
    result = bacon(df, "y", "treat")
    assert result.comparisons.to_dict("records") == [
        {"treated": 2, "untreated": np.inf, "estimate": 2.5, "weight": 1.0, "type": "Treated vs Untreated"}
    ]
    assert result.twfe_coef == pytest.approx(2.5)


def test_order_of_rows_does_not_matter(df) -> None:
    one, two = bacon(df, "y", "treat"), bacon(df.sample(frac=1, random_state=1), "y", "treat")
    pd.testing.assert_frame_equal(one.comparisons, two.comparisons)
    assert one.to_rows()[0].keys() >= {"treated", "untreated", "estimate", "weight", "type"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.drop(d.index[3]), "balanced panel: 1 city_code"),
        (lambda d: d.assign(treat=d["treat"] * 0.5), "must be 0 or 1"),
        (lambda d: d.assign(treat=((d["year"] == 2014) & (d["cohort"] == 2012)) * 1.0), "switches off"),
        (lambda d: d.assign(treat=0.0), "no comparison"),
        (lambda d: d.assign(treat=1.0), "no comparison"),
        (lambda d: d.assign(treat=(d["year"] > 2014) * 1.0), "no comparison"),
        (lambda d: pd.concat([d, d.iloc[:1]]), "duplicated key"),
    ],
)
def test_bad_input_is_named(df, change, message) -> None:
    with pytest.raises(EstimationError, match=message):
        bacon(change(df), "y", "treat")


@pytest.mark.parametrize(
    ("case", "data", "y", "treat", "time"),
    [
        ("castle_l_homicide", "twfe/castle.csv", "l_homicide", "post", "year"),
        ("castle_homicide", "twfe/castle.csv", "homicide", "post", "year"),
        ("math_reform_incearn", "bacon/math_reform.csv", "incearn_ln", "reform_math", "class"),
    ],
)
def test_bacondecomp_numbers(oracles: Path, case, data, y, treat, time) -> None:
    expected = json.loads((oracles / "bacon" / "expected.json").read_text())[case]
    pairs = pd.read_csv(oracles / "bacon" / expected["file"]).replace(99999, np.inf)
    result = bacon(pd.read_csv(oracles / data), y, treat, entity="state", time=time)
    keys = ["treated", "untreated", "type"]
    both = pairs.merge(result.comparisons, on=keys, how="outer", suffixes=("", "_own"), validate="one_to_one")
    assert len(both) == expected["n_2x2"] == len(result.comparisons)
    np.testing.assert_allclose(both["estimate_own"], both["estimate"], rtol=1e-10, atol=1e-13)
    np.testing.assert_allclose(both["weight_own"], both["weight"], rtol=1e-10)
    assert result.twfe_coef == pytest.approx(expected["twfe_coef"], rel=1e-10)
    for kind in expected["by_type"]:
        assert result.by_type.loc[kind["type"], "weight"] == pytest.approx(kind["weight"], rel=1e-10)
        assert result.by_type.loc[kind["type"], "avg_estimate"] == pytest.approx(kind["avg_estimate"], rel=1e-9)


def test_stata_output_of_castle(oracles: Path) -> None:
    """Stata's ddtiming/bacondecomp: .060 x -.006, .032 x .070, .908 x .088."""
    table = bacon(pd.read_csv(oracles / "twfe" / "castle.csv"), "l_homicide", "post", entity="state").by_type
    printed = {"Earlier vs Later Treated": (0.06, -0.006), "Later vs Earlier Treated": (0.032, 0.07)}
    for kind, numbers in {**printed, "Treated vs Untreated": (0.908, 0.088)}.items():
        assert tuple(table.loc[kind, ["weight", "avg_estimate"]].round(3)) == numbers


def test_two_way_weights_reproduce_the_coefficient(df) -> None:
    """Under exact parallel trends the coefficient is the weighted sum of the effects."""
    exact = df.assign(y=df["effect"] + df["city_code"] * 0.01 + df["year"] ** 2 * 0.001)
    result = twoway_weights(exact, "y", "treat")
    effects = exact.set_index(["city_code", "year"])["effect"].loc[result.weights.index]
    assert result.weights.sum() == pytest.approx(1)
    assert result.weights @ effects == pytest.approx(result.twfe_coef, abs=1e-9)
    assert result.twfe_coef == pytest.approx(fit_panel(exact, "y", "treat").coef["treat"], abs=1e-9)
    assert result.n_negative > 0


def test_two_way_weights_equal_diff_diff(df) -> None:
    """diff-diff 3.13 `twowayfeweights`: coefficient, sigma and the share of negative weights."""
    mine = twoway_weights(df, "y", "treat")
    theirs = twowayfeweights(df, outcome="y", unit="city_code", time="year", treatment="treat")
    assert mine.twfe_coef == pytest.approx(theirs.beta_fe, rel=1e-9)
    assert mine.sigma == pytest.approx(theirs.sigma_fe, rel=1e-9)
    assert mine.n_negative / len(mine.weights) == pytest.approx(theirs.fraction_negative)


def test_sigma_bounds_are_attained(df) -> None:
    """Effects proportional to the (centred) weights with standard deviation sigma have mean zero and give the coefficient."""
    result = twoway_weights(df, "y", "treat")
    relative = result.weights * len(result.weights)
    effects = (relative - 1) * result.twfe_coef / relative.var(ddof=0)
    assert effects.mean() == pytest.approx(0, abs=1e-10)
    assert result.weights @ effects == pytest.approx(result.coef)
    assert effects.std(ddof=0) == pytest.approx(result.sigma)
    assert result.sigma_sign >= result.sigma


def test_weights_with_one_wave_are_equal() -> None:
    df = staggered_panel(np.random.default_rng(6), waves={2015: 0.5}, n=20)
    result = twoway_weights(df, "y", "treat")
    assert result.n_negative == 0 and np.isinf(result.sigma) and np.isinf(result.sigma_sign)
    np.testing.assert_allclose(result.weights, 1 / len(result.weights), rtol=1e-9)
