"""Composite indices.

Tolerances: 1e-10 where both sides are double-precision closed forms of the same data (psych 2.2.9, topsis 1.0, prcomp of
R 4.2.2 for US arrests and cars; hand fixtures). scikit-learn agrees to 1e-10 up to the sign of a component.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.decomposition import PCA

from estimation.core.frame import EstimationError
from estimation.indices import entropy_weights, kmo, pca_index, topsis

HAND = np.array([[1.0, 10.0, 5.0], [2.0, 8.0, 5.5], [3.0, 6.0, 9.0], [5.0, 2.0, 6.0]])
HAND_DIRECTIONS = ["+", "-", "+"]


def city_indicators(n: int = 120, p: int = 6, seed: int = 0) -> pd.DataFrame:
    """Indicators that share two factors."""
    rng = np.random.default_rng(seed)
    factors = rng.normal(size=(n, 2))
    values = factors @ rng.normal(size=(2, p)) + 0.7 * rng.normal(size=(n, p))
    return pd.DataFrame(values, columns=[f"x{j}" for j in range(p)])


def test_us_arrests_against_r(oracles: Path):
    expected = json.loads((oracles / "index_weights" / "expected.json").read_text())["R"]
    data = pd.read_csv(oracles / "index_weights" / "usarrests.csv").set_index("state")
    result = pca_index(data, k_rule=4)
    np.testing.assert_allclose(result.eigenvalues, expected["pca_usarrests"]["eigenvalues"], rtol=1e-12)
    rotation = pd.DataFrame(expected["pca_usarrests"]["rotation"]).set_index("var")[["PC1", "PC2", "PC3", "PC4"]]
    np.testing.assert_allclose(np.abs(result.loadings), np.abs(rotation), atol=1e-12)
    assert (result.loadings.sum(axis=0) >= 0).all()
    two = pca_index(data, k_rule=2)
    assert two.explained == pytest.approx(sum(expected["pca_usarrests"]["pve"][:2]))
    # prcomp divides by the sample standard deviation, the index by the population one, and their signs differ.
    flip = np.sign((rotation * result.loadings).sum(axis=0)).to_numpy()[:2]
    scores = two.components * flip * np.sqrt(49 / 50)
    first = pd.Series(scores @ two.weights, index=data.index)
    reference = pd.Series(expected["pca_usarrests"]["index_first2_weighted"])
    np.testing.assert_allclose(first[reference.index], reference, atol=1e-12)
    adequacy = expected["kmo_bartlett_usarrests"]
    assert result.kmo == pytest.approx(adequacy["KMO"], abs=1e-12)
    np.testing.assert_allclose(result.msa, [adequacy["MSAi"][name] for name in data.columns], atol=1e-12)
    assert result.bartlett.statistic == pytest.approx(adequacy["bartlett_chisq"], rel=1e-12)
    assert result.bartlett.df == adequacy["df"]
    assert result.bartlett.p_value == pytest.approx(adequacy["p"], rel=1e-8)


def test_cars_against_r_and_pymcdm(oracles: Path):
    expected = json.loads((oracles / "index_weights" / "expected.json").read_text())
    data = pd.read_csv(oracles / "index_weights" / "mtcars.csv").set_index("car")[["mpg", "hp", "wt", "qsec"]]
    directions = ["+", "+", "-", "-"]
    python = expected["python"]
    for key, options in {
        "entropy_sum_norm_raw": {"share_of": "raw"},
        "entropy_minmax_no_shift(0ln0=0)": {},
        "entropy_minmax_plus_0.0001": {"zero": "shift"},
        "entropy_minmax_plus_0.01": {"zero": 0.01},
        "entropy_minmax_plus_1.0": {"zero": 1.0},
    }.items():
        found = entropy_weights(data, directions, **options)
        np.testing.assert_allclose(found.entropy, python[key]["e"], atol=1e-12)
        np.testing.assert_allclose(found.weights, python[key]["w"], atol=1e-10)
    score = entropy_weights(data, directions).score
    np.testing.assert_allclose(score, list(python["entropy_composite_score_minmax"].values()), atol=1e-12)
    given = topsis(data, [0.4, 0.3, 0.2, 0.1], directions, norm="vector").score
    np.testing.assert_allclose(given, list(expected["R"]["topsis_mtcars"]["score"].values()), atol=1e-12)
    weights = entropy_weights(data, directions)
    for norm in ("vector", "minmax"):
        np.testing.assert_allclose(
            topsis(data, weights, norm=norm).score, python["pymcdm"][f"topsis_{norm}"], atol=1e-12
        )


def test_entropy_and_topsis_by_hand():
    x = np.array([[0, 0, 0], [0.25, 0.25, 0.125], [0.5, 0.5, 1], [1, 1, 0.25]])
    p = x / x.sum(axis=0)
    e = np.array([-sum(q * np.log(q) for q in column if q > 0) / np.log(4) for column in p.T])
    w = (1 - e) / (1 - e).sum()
    entropy = entropy_weights(HAND, HAND_DIRECTIONS)
    np.testing.assert_allclose(entropy.scaled, x, atol=1e-15)
    np.testing.assert_allclose(entropy.weights, w, atol=1e-12)
    np.testing.assert_allclose(entropy.score, x @ w, atol=1e-12)
    plus = np.sqrt(((w - w * x) ** 2).sum(axis=1))
    minus = np.sqrt(((w * x) ** 2).sum(axis=1))
    result = topsis(HAND, entropy)
    np.testing.assert_allclose(result.score, minus / (plus + minus), atol=1e-12)
    assert result.score[0] == 0
    np.testing.assert_array_equal(result.signs, [1, -1, 1])


def test_entropy_numbers_worked_out():
    """Two rows 0 and 1: shares 0 and 1, entropy 0, equal weights; a row of thirds has entropy ln 3 / ln 3 = 1."""
    result = entropy_weights([[1.0, 5.0], [2.0, 3.0]], ["+", "-"])
    np.testing.assert_allclose(result.entropy, 0, atol=1e-15)
    np.testing.assert_allclose(result.weights, 0.5)
    np.testing.assert_allclose(result.score, [0, 1])
    # Column 2: scores 0, 1, 1 have entropy ln 2 / ln 3; column 1: 0, 0, 1 has entropy 0.
    result = entropy_weights([[0.0, 0.0], [0.0, 9.0], [4.0, 9.0]])
    np.testing.assert_allclose(result.entropy, [0, np.log(2) / np.log(3)])
    np.testing.assert_allclose(result.weights[0], 1 / (2 - np.log(2) / np.log(3)))


def test_nested_pollution_index_enters_like_an_indicator():
    rng = np.random.default_rng(1)
    pollution = entropy_weights(rng.lognormal(size=(30, 3)), ["+", "+", "+"])
    outer = pd.DataFrame({"gdp_pc": rng.lognormal(size=30), "env_pollution_index": pollution.score})
    directions = {"gdp_pc": "+", "env_pollution_index": "-"}
    weights = entropy_weights(outer, directions)
    result = topsis(outer, weights)
    assert weights.weights.sum() == pytest.approx(1)
    assert ((result.score >= 0) & (result.score <= 1)).all()
    dirtier = outer.assign(env_pollution_index=outer["env_pollution_index"].where(outer.index != 3, 2.0))
    frozen = topsis(dirtier, weights, base=outer.index != 3)
    assert frozen.score[3] < topsis(outer, weights, base=outer.index != 3).score[3]


def test_pca_reproduces_svd_and_scikit_learn():
    data = city_indicators()
    directions = ["+", "-", "+", "+", "-", "+"]
    z = np.where(np.array(directions) == "+", 1, -1) * stats.zscore(data.to_numpy())
    u, s, vt = np.linalg.svd(z, full_matrices=False)
    signs = np.where(vt.sum(axis=1) < 0, -1, 1)
    result = pca_index(data, directions, k_rule=3)
    np.testing.assert_allclose(result.components, (u * s * signs)[:, :3], atol=1e-10)
    np.testing.assert_allclose(result.eigenvalues, s**2 / len(z), rtol=1e-10)
    np.testing.assert_allclose(result.score, (u * s * signs)[:, :3] @ (s[:3] ** 2 / (s[:3] ** 2).sum()), atol=1e-10)
    reference = PCA(n_components=3).fit(z)
    np.testing.assert_allclose(np.abs(result.loadings.T), np.abs(reference.components_), atol=1e-10)
    np.testing.assert_allclose(result.raw, z @ result.indicator_weights, atol=1e-10)
    assert result.explained == pytest.approx(reference.explained_variance_ratio_.sum())


def test_pca_does_not_depend_on_units_or_order():
    data = city_indicators(seed=2)
    result = pca_index(data, rescale="minmax")
    other = pca_index(data * [1e6, 1e-6, 3, 0.1, 7, 1] + [5, 0, -1e3, 2, 0, 1], rescale="minmax")
    np.testing.assert_allclose(other.score, result.score, atol=1e-9)
    order = np.random.default_rng(0).permutation(len(data))
    np.testing.assert_allclose(pca_index(data.iloc[order], rescale="minmax").score, result.score[order], atol=1e-9)
    assert result.score.min() == pytest.approx(0, abs=1e-12)
    assert result.score.max() == pytest.approx(1)


def test_a_reversed_indicator_with_reversed_direction_changes_nothing():
    data = city_indicators(seed=3)
    turned = data.assign(x2=-data["x2"])
    for standardise in ("zscore", "minmax"):
        first = pca_index(data, standardise=standardise)
        second = pca_index(turned, ["+", "+", "-", "+", "+", "+"], standardise=standardise)
        np.testing.assert_allclose(first.score, second.score, atol=1e-10)


def test_component_rules():
    data = city_indicators(seed=4)
    values = pca_index(data).eigenvalues
    assert len(pca_index(data).weights) == (values > 1).sum()
    shares = np.cumsum(values) / values.sum()
    assert len(pca_index(data, k_rule="cumulative").weights) == np.argmax(shares >= 0.85) + 1
    assert len(pca_index(data, k_rule=0.5).weights) == np.argmax(shares >= 0.5) + 1
    assert len(pca_index(data, k_rule=1).weights) == 1
    for rule in (0, 7, 1.5, "elbow", True):
        with pytest.raises(EstimationError, match="k_rule"):
            pca_index(data, k_rule=rule)


def test_printed_scale_and_its_constants():
    result = pca_index(city_indicators(seed=5), rescale="shift_scale")
    assert result.score.mean() == pytest.approx(0.6003)
    assert result.score.std() == pytest.approx(0.0480)
    np.testing.assert_allclose(result.score, result.shift + result.factor * result.raw)


def test_sign_rules():
    data = city_indicators(seed=6)
    for rule in ("loadings_sum", "largest"):
        loadings = pca_index(data, k_rule=6, sign=rule).loadings
        if rule == "loadings_sum":
            assert (loadings.sum(axis=0) >= 0).all()
        else:
            assert (loadings[np.abs(loadings).argmax(axis=0), range(6)] > 0).all()
    pair = np.random.default_rng(0).normal(size=(50, 2)) @ [[1, 0.5], [0, 1]]
    second = pca_index(pair, k_rule=2).loadings[:, 1]
    np.testing.assert_allclose(second, [np.sqrt(0.5), -np.sqrt(0.5)], atol=1e-9)


@pytest.mark.parametrize("kind", ["pca", "entropy", "topsis"])
def test_a_frozen_base_leaves_old_values_when_a_year_is_added(kind):
    old = city_indicators(n=80, seed=7)
    new = pd.concat([old, 2 * city_indicators(n=20, seed=8) + 3], ignore_index=True)
    base = np.arange(100) < 80

    def score(data, base=None):
        if kind == "pca":
            return pca_index(data, rescale="minmax", base=base).score
        weights = entropy_weights(data, base=base)
        return weights.score if kind == "entropy" else topsis(data, weights, base=base).score

    np.testing.assert_allclose(score(new, base)[:80], score(old), atol=1e-13)
    assert np.abs(score(new)[:80] - score(old)).max() > 1e-3
    np.testing.assert_array_equal(score(new, np.flatnonzero(base)), score(new, base))


def test_missing_rows_are_refused_or_left_without_a_score():
    data = city_indicators(seed=9)
    data.loc[4, "x1"] = np.nan
    for function in (pca_index, entropy_weights):
        with pytest.raises(EstimationError, match="x1 in row 4"):
            function(data)
        result = function(data, missing="drop")
        assert np.isnan(result.score[4])
        np.testing.assert_allclose(np.delete(result.score, 4), function(data.drop(index=4)).score, atol=1e-12)
        assert result.n_base == 119


def test_sampling_adequacy_of_degenerate_matrices():
    data = city_indicators(seed=10)
    data["copy"] = 2 * data["x0"]
    result = pca_index(data)
    assert np.isnan(result.kmo)
    assert np.isnan(result.bartlett.statistic)
    assert "singular" in result.bartlett.note
    overall, each = kmo(np.array([[1, 0.5], [0.5, 1]]))
    assert overall == pytest.approx(0.5)
    np.testing.assert_allclose(each, 0.5)


def test_bartlett_has_its_size():
    rng = np.random.default_rng(11)
    rejected = [pca_index(rng.normal(size=(80, 4))).bartlett.p_value < 0.05 for _ in range(400)]
    assert np.mean(rejected) == pytest.approx(0.05, abs=0.033)  # 3 standard errors of a share at 400 draws


def test_bad_indicators_and_options_are_refused():
    data = city_indicators(seed=12)
    cases = [
        (lambda: pca_index(data.assign(x3=1.0)), "constant over the base rows: x3"),
        (lambda: pca_index(data, ["+"] * 5), "5 direction"),
        (lambda: pca_index(data, ["+"] * 5 + ["up"]), "direction 'up'"),
        (lambda: pca_index(data, {"x0": "+"}), "x1"),
        (lambda: pca_index(data.assign(x0="a")), "not numeric"),
        (lambda: pca_index(data.replace(data.iloc[3, 2], np.inf)), "x2 is infinite in row 3"),
        (lambda: pca_index(data["x0"]), "must be a table"),
        (lambda: pca_index(data, base=np.zeros(120, dtype=bool)), "at least two"),
        (lambda: pca_index(data, base=[500]), "base must be"),
        (lambda: pca_index(data, standardise="rank"), "zscore, minmax, none"),
        (lambda: pca_index(data, rescale="logit"), "none, minmax, shift_scale"),
        (lambda: pca_index(data, missing="fill"), "error, drop"),
        (lambda: entropy_weights(data, zero="drop"), "limit, shift"),
        (lambda: entropy_weights(data, zero=-1.0), "limit, shift"),
        (lambda: entropy_weights(data, share_of="raw"), "negative values"),
        (lambda: topsis(data, [1.0, 2.0]), "6 finite weights"),
        (lambda: topsis(data, np.zeros(6)), "not all zero"),
        (lambda: topsis(data, np.ones(6), norm="max"), "minmax, vector, none"),
    ]
    for call, message in cases:
        with pytest.raises(EstimationError, match=message):
            call()


def test_equal_eigenvalues_are_refused():
    square = np.array([[1, 1], [1, -1], [-1, 1], [-1, -1]], dtype=float)
    with pytest.raises(EstimationError, match="eigenvalues 1 and 2 are equal"):
        pca_index(square, k_rule=1)


def test_tables_for_storage():
    data = city_indicators(seed=13)
    assert pca_index(data, k_rule=2).to_frame().columns.tolist() == [
        "indicator",
        "sign",
        "weight",
        "msa",
        "loading_1",
        "loading_2",
    ]
    weights = entropy_weights(data)
    assert weights.to_frame()["weight"].sum() == pytest.approx(1)
    assert topsis(data, weights).to_frame()["indicator"].tolist() == list(data.columns)


def test_labels_are_matched_by_name_never_by_position():
    frame = pd.DataFrame(np.random.default_rng(4).normal(size=(12, 3)), columns=["a", "b", "c"])
    signs = {"c": "-", "a": "+", "b": "-"}
    by_dict = entropy_weights(frame, signs)
    np.testing.assert_array_equal(by_dict.weights, entropy_weights(frame, pd.Series(signs)).weights)
    weights = pd.Series({"c": 0.5, "a": 0.2, "b": 0.3})
    np.testing.assert_array_equal(topsis(frame, weights, signs).score, topsis(frame, [0.2, 0.3, 0.5], signs).score)
    with pytest.raises(EstimationError, match="directions and indicators differ: c, d"):
        entropy_weights(frame, pd.Series({"a": 1, "b": 1, "d": 1}))
    with pytest.raises(EstimationError, match="weights and indicators differ"):
        topsis(frame, weights.rename({"c": "z"}), signs)


@pytest.mark.parametrize(
    "wrong",
    [{"zero": None}, {"zero": [1]}, {"zero": True}, {"zero": -1.0}, {"directions": 5}, {"directions": [[1], [1]]}],
)
def test_wrong_options_of_entropy_weights_are_one_clear_error(wrong):
    with pytest.raises(EstimationError):
        entropy_weights(np.random.default_rng(4).normal(size=(12, 2)), **wrong)


def test_wrong_weights_of_topsis_are_one_clear_error():
    with pytest.raises(EstimationError, match="w must hold 2"):
        topsis(np.random.default_rng(4).normal(size=(12, 2)), ["a", "b"])
