"""Bias-reduced clustered errors: closed forms, statsmodels' HC2, dense matrices, and intervals that cover.

Tolerances: 1e-8 relative for identities (roots of matrices whose eigenvalues reach down to 1e-3). Exact by theory: with clusters of one
observation CR2 is HC2, for two groups Welch's variance with the degrees of freedom of Imbens and Kolesar (2016, section 2.3).
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import stats

from estimation.core.frame import EstimationError
from estimation.panel import BiasReduced, fit_bias_reduced, fit_panel

EFFECTS = {"none": (), "entity": ("city_code",), "time": ("year",), "twoways": ("city_code", "year")}


def panel(seed: int = 0, cities: int = 12, years: int = 6, share: float = 0.8) -> pd.DataFrame:
    """An unbalanced panel with one city of large x, shuffled."""
    rng = np.random.default_rng(seed)
    keys = pd.MultiIndex.from_product([range(cities), range(2010, 2010 + years)], names=["city_code", "year"])
    df = keys.to_frame(index=False)
    df["x"] = rng.normal(size=len(df)) * np.where(df["city_code"] == 0, 4.0, 1.0)
    df["did"] = ((df["city_code"] < 3) & (df["year"] >= 2013)).astype(float)
    df["y"] = rng.normal(size=len(df)) + 0.3 * df["x"]
    df["province"] = df["city_code"] % 5
    return df.sample(frac=share, random_state=seed)


def dummies(df: pd.DataFrame, x: list[str], effects: str) -> np.ndarray:
    """(n, p) regressors followed by a full-rank set of dummies and a constant."""
    parts = [df[x].to_numpy(float), np.ones((len(df), 1))]
    parts += [pd.get_dummies(df[name], drop_first=True).to_numpy(float) for name in EFFECTS[effects]]
    return np.hstack(parts)


def by_hand(df: pd.DataFrame, x: list[str], effects: str, cluster: str) -> tuple[np.ndarray, np.ndarray]:
    """Standard errors and degrees of freedom from the (n, n) projection, cluster by cluster, as the papers print them."""
    Z, y = dummies(df, x, effects), df["y"].to_numpy()
    bread = np.linalg.inv(Z.T @ Z)
    M = np.eye(len(Z)) - Z @ bread @ Z.T
    groups = [np.flatnonzero((df[cluster] == label).to_numpy()) for label in df[cluster].unique()]
    errors, degrees = [], []
    for j in range(len(x)):
        maps = []
        for rows in groups:
            values, vectors = np.linalg.eigh(M[np.ix_(rows, rows)])
            root = vectors @ np.diag([v**-0.5 if v > 1e-9 else 0.0 for v in values]) @ vectors.T
            maps.append(M[:, rows] @ root @ Z[rows] @ bread[:, j])
        G = np.array(maps)
        errors.append(np.sqrt(((G @ y) ** 2).sum()))
        eigenvalues = np.linalg.eigvalsh(G @ G.T)
        degrees.append(eigenvalues.sum() ** 2 / (eigenvalues**2).sum())
    return np.array(errors), np.array(degrees)


@pytest.mark.parametrize("cluster", ["city_code", "province"])
@pytest.mark.parametrize("effects", EFFECTS)
def test_absorbed_effects_give_what_dummies_give(effects: str, cluster: str) -> None:
    df, x = panel(), ["x", "did"]
    fit = fit_bias_reduced(df, "y", x, effects=effects, cluster=cluster)
    errors, degrees = by_hand(df, x, effects, cluster)
    np.testing.assert_allclose(fit.se[x], errors, rtol=1e-8)
    np.testing.assert_allclose(fit.df_by_term[x], degrees, rtol=1e-8)
    np.testing.assert_allclose(fit.coef, fit_panel(df, "y", x, effects=effects).coef, rtol=1e-12)


def test_clusters_of_one_observation_give_hc2() -> None:
    df = panel().assign(own=lambda d: np.arange(len(d)))
    fit = fit_bias_reduced(df, "y", ["x", "did"], effects="none", cluster="own")
    reference = sm.OLS(df["y"].to_numpy(), sm.add_constant(df[["x", "did"]].to_numpy(), prepend=False)).fit(
        cov_type="HC2"
    )
    np.testing.assert_allclose(fit.se, reference.bse, rtol=1e-10)


def test_two_groups_give_welch_and_the_degrees_of_freedom_of_imbens_and_kolesar() -> None:
    n1, n0 = 3, 27
    rng = np.random.default_rng(1)
    df = pd.DataFrame({"city_code": range(n1 + n0), "year": 2010, "d": [1.0] * n1 + [0.0] * n0})
    df["y"] = rng.normal(size=n1 + n0)
    fit = fit_bias_reduced(df, "y", "d", effects="none")
    treated, others = df.loc[df["d"] == 1, "y"], df.loc[df["d"] == 0, "y"]
    assert fit.se["d"] == pytest.approx(np.sqrt(treated.var() / n1 + others.var() / n0), rel=1e-10)
    expected = (n0 + n1) ** 2 * (n0 - 1) * (n1 - 1) / (n1**2 * (n1 - 1) + n0**2 * (n0 - 1))
    assert fit.df_by_term["d"] == pytest.approx(expected, rel=1e-10)
    assert fit.p_values["d"] == pytest.approx(2 * stats.t(expected).sf(abs(fit.statistics["d"])), rel=1e-10)
    low, high = fit.conf_int().loc["d"]
    assert (high - low) / 2 == pytest.approx(stats.t(expected).ppf(0.975) * fit.se["d"], rel=1e-10)


@pytest.mark.parametrize("effects", ["entity", "twoways"])
def test_the_variance_is_unbiased_under_independent_equal_errors(effects: str) -> None:
    """The mean of V over +-e_i for every observation i is its expectation: (1/n) sum_i V(sqrt(n) e_i)."""
    df, x = panel(cities=8, years=4), ["x", "did"]
    mean = np.zeros(2)
    for i in range(len(df)):
        unit = df.assign(y=np.where(np.arange(len(df)) == i, 1.0, 0.0))
        mean += np.diag(fit_bias_reduced(unit, "y", x, effects=effects).cov.loc[x, x])
    Z = dummies(df, x, effects)
    np.testing.assert_allclose(mean, np.diag(np.linalg.inv(Z.T @ Z))[:2], rtol=1e-8)


def test_a_coefficient_of_a_single_cluster_has_no_variance_and_the_others_have() -> None:
    df = panel(share=1.0)
    df["only"] = ((df["city_code"] == 2) & (df["year"] >= 2013)).astype(float)
    fit = fit_bias_reduced(df, "y", ["x", "only"])
    assert np.isnan(fit.se["only"]) and np.isnan(fit.df_by_term["only"]) and fit.se["x"] > 0
    assert "Not defined for only" in fit.convention
    rows = {row["term"]: row for row in fit.to_rows()}
    assert np.isnan(rows["only"]["p_value"]) and 0 < rows["x"]["p_value"] < 1


def test_order_of_rows_and_units_do_not_matter() -> None:
    df = panel()
    first, second = (
        fit_bias_reduced(d, "y", ["x", "did"]) for d in (df, df.sample(frac=1, random_state=4).assign(x=df["x"] * 1e6))
    )
    assert second.statistics["x"] == pytest.approx(first.statistics["x"], rel=1e-8)
    np.testing.assert_allclose(second.df_by_term, first.df_by_term, rtol=1e-8)


def intervals(seed: int, draws: int) -> dict[str, np.ndarray]:
    """Whether intervals of both kinds cover 0.5 in each draw: 30 cities, three treated, errors correlated within cities."""
    df = panel(seed, cities=30, share=1.0).sort_values(["city_code", "year"])
    rng = np.random.default_rng(seed)
    covered: dict[str, list[bool]] = {"CR2": [], "CR1": []}
    for _ in range(draws):
        city = np.repeat(rng.normal(size=(30, 3)), 2, axis=1).ravel()
        df["y"] = 0.5 * df["did"] + city + rng.normal(size=len(df))
        fits: dict[str, BiasReduced | object] = {
            "CR2": fit_bias_reduced(df, "y", ["did", "x"]), "CR1": fit_panel(df, "y", ["did", "x"]),
        }  # fmt: skip
        for name, fit in fits.items():
            low, high = fit.conf_int().loc["did"]  # type: ignore[union-attr,attr-defined]
            covered[name].append(low <= 0.5 <= high)
    return {name: np.array(found) for name, found in covered.items()}


def test_intervals_cover_with_three_treated_cities_where_the_usual_ones_do_not() -> None:
    draws = 400
    share = {name: found.mean() for name, found in intervals(3, draws).items()}
    margin = 3.3 * np.sqrt(0.95 * 0.05 / draws)
    assert abs(share["CR2"] - 0.95) < margin
    assert share["CR1"] < 0.95 - margin


@pytest.mark.parametrize(
    ("change", "options", "words"),
    [
        ({"one": 1}, {"cluster": "one"}, "single group"),
        ({}, {"cluster": "absent"}, "absent"),
        ({}, {"effects": "both"}, "not one of none, entity, time, twoways"),
        ({"x": 1.0}, {}, "not identified"),
    ],
)
def test_bad_input_is_named(change: dict[str, object], options: dict[str, str], words: str) -> None:
    with pytest.raises(EstimationError, match=words):
        fit_bias_reduced(panel().assign(**change), "y", ["x", "did"], **options)


def test_a_joint_test_of_one_coefficient_is_its_t_test() -> None:
    fit = fit_bias_reduced(panel(), "y", ["x", "did"], joint=["did"])
    test = fit.tests["joint_zero"]
    assert test.statistic == pytest.approx(fit.statistics["did"] ** 2, rel=1e-8)
    assert test.df == (1.0, pytest.approx(fit.df_by_term["did"], rel=1e-8))
    assert test.p_value == pytest.approx(fit.p_values["did"], rel=1e-8)


def test_a_joint_test_of_means_is_hotellings_t_squared() -> None:
    """Clusters with the same design: V is Wishart with G - 1 degrees of freedom, the test of q means exact."""
    G, q = 9, 3
    rng = np.random.default_rng(7)
    values = rng.normal(size=(G, q)) @ rng.normal(size=(q, q)) + 0.4
    df = pd.DataFrame({"city_code": np.repeat(range(G), q), "year": np.tile(range(q), G), "y": values.ravel()})
    names = [f"at_{year}" for year in range(1, q)]
    df = df.assign(**{name: (df["year"] == year).astype(float) for year, name in enumerate(names, start=1)})
    test = fit_bias_reduced(df, "y", names, effects="entity", joint=names).tests["joint_zero"]
    apart = values[:, 1:] - values[:, :1]
    hotelling = G * apart.mean(axis=0) @ np.linalg.solve(np.cov(apart.T), apart.mean(axis=0))
    p = q - 1
    assert test.df == (p, pytest.approx(G - p, rel=1e-8))
    assert test.statistic == pytest.approx(hotelling * (G - p) / (p * (G - 1)), rel=1e-8)


def test_a_joint_test_does_not_depend_on_units_or_the_order_of_terms() -> None:
    df = panel().assign(z=lambda d: d["x"] * 1e5 + d["did"])
    one = fit_bias_reduced(df, "y", ["x", "did"], joint=["x", "did"]).tests["joint_zero"]
    two = fit_bias_reduced(df, "y", ["did", "z"], joint=["z", "did"]).tests["joint_zero"]
    assert (two.statistic, two.p_value) == pytest.approx((one.statistic, one.p_value), rel=1e-6)
    assert two.df == pytest.approx(one.df, rel=1e-6)


def test_what_cannot_be_tested_jointly() -> None:
    df = panel(share=1.0)
    with pytest.raises(EstimationError, match="joint must name regressors"):
        fit_bias_reduced(df, "y", ["x", "did"], joint=["z"])
    for clusters, defined in ((2, False), (4, True)):
        few = df[df["city_code"] < clusters].assign(z=lambda d: d["x"] ** 2)
        test = fit_bias_reduced(few, "y", ["x", "z"], joint=["x", "z"]).tests["joint_zero"]
        assert np.isfinite(test.p_value) == defined
        assert test.note.startswith("eta=" if defined else "not defined")
