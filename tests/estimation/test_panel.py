"""Panel OLS against dummy variables, linearmodels, statsmodels, formulas written out, and fixest's printed numbers.

Tolerances: 1e-10 relative for identities (rounding of two routes to the same number); 1e-8 for fixest 0.14.2 (R 4.2.2; its
iterative demeaning stops at 1e-6 of the data, standard errors of the unbalanced panel agree to 5e-11); the published number of
Stock and Watson to its printed digits. One exception: with weights fixest prints ssr as u'u, `PanelFit.ssr` is u'Wu; the test
compares the residuals.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from linearmodels.datasets import wage_panel
from linearmodels.panel import PanelOLS
from scipy import stats

from estimation.core.frame import EstimationError
from estimation.panel import fit_panel
from tests.estimation.staggered_world import dummy_least_squares, staggered_panel

X = ["expersq", "married", "union"]
KEYS = {"entity": "nr", "time": "year"}
EFFECTS = {"none": (), "entity": ("nr",), "time": ("year",), "twoways": ("nr", "year")}


@pytest.fixture(scope="module")
def wages() -> pd.DataFrame:
    """Unbalanced sample of linearmodels' wage panel (545 men, 1980-1987), shuffled, with weights and provinces."""
    df = wage_panel.load()
    df = df[df["nr"].isin(df["nr"].unique()[:120])].sample(frac=0.85, random_state=1)
    rng = np.random.default_rng(2)
    return df.assign(w=rng.uniform(0.3, 3, len(df)), region=df["nr"] % 11, const=1.0)


@pytest.mark.parametrize("weights", [None, "w"])
@pytest.mark.parametrize("effects", EFFECTS)
def test_coefficients_and_classical_errors_equal_dummy_variables(wages, effects, weights) -> None:
    fit = fit_panel(wages, "lwage", X, effects=effects, vcov="iid", weights=weights, record=True, **KEYS)
    w = None if weights is None else wages["w"].to_numpy()
    beta, inverse, residuals = dummy_least_squares(wages, "lwage", X, *EFFECTS[effects], weights=w)
    ssr = np.sum((1 if w is None else w) * residuals**2)
    np.testing.assert_allclose(fit.coef[X], beta, rtol=1e-10)
    np.testing.assert_allclose(fit.cov.loc[X, X], inverse * ssr / fit.df_resid, rtol=1e-9)
    assert fit.ssr == pytest.approx(ssr, rel=1e-10)
    assert "Confirmed by linearmodels" in fit.convention
    assert fit.df_t == fit.df_resid == len(wages) - 3 - {"none": 1, "entity": 120, "time": 8, "twoways": 127}[effects]


@pytest.mark.parametrize("effects", EFFECTS)
def test_r_squared_and_constant_equal_linearmodels(wages, effects) -> None:
    fit = fit_panel(wages, "lwage", X, effects=effects, **KEYS)
    indexed = wages.set_index(["nr", "year"])
    model = PanelOLS(
        indexed["lwage"],
        indexed[[*X, "const"]],
        entity_effects="nr" in EFFECTS[effects],
        time_effects="year" in EFFECTS[effects],
    )
    reference = model.fit()
    for mine, theirs in {
        fit.r2_within: reference.rsquared,
        fit.r2_overall: reference.rsquared_overall,
        fit.r2_inclusive: reference.rsquared_inclusive,
        fit.r2_between: reference.rsquared_between,
        fit.constant_grand_mean: reference.params["const"],
        fit_panel(wages, "lwage", X, effects=effects, vcov="iid", **KEYS).constant_grand_mean_se: reference.std_errors[
            "const"
        ],
    }.items():
        assert mine == pytest.approx(theirs, rel=1e-10)
    n, k = fit.nobs, fit.nobs - fit.df_resid
    assert fit.r2_adj == pytest.approx(1 - (1 - fit.r2_inclusive) * (n - 1) / (n - k), rel=1e-12)


def test_clustered_errors_of_lsdv_equal_linearmodels(wages) -> None:
    indexed = wages.set_index(["nr", "year"])
    model = PanelOLS(indexed["lwage"], indexed[X], entity_effects=True, time_effects=True)
    one = model.fit(cov_type="clustered", cluster_entity=True, group_debias=True, count_effects=True)
    fit = fit_panel(wages, "lwage", X, ssc="lsdv", **KEYS)
    np.testing.assert_allclose(fit.se, one.std_errors[X], rtol=1e-10)


def test_constants_equal_the_regressions_that_print_them(wages) -> None:
    """Base-year constant: least squares with year dummies (first left out) and city effects that average to zero."""
    fit = fit_panel(wages, "lwage", X, **KEYS)
    years = pd.get_dummies(wages["year"], drop_first=True, dtype=float)
    cities = pd.get_dummies(wages["nr"], dtype=float)
    centred = cities.sub(cities.mean()).iloc[:, 1:]
    # Dummies in deviation from their sample mean force the (observation-weighted) mean effect to zero.
    Z = np.column_stack([wages[X], np.ones(len(wages)), years, centred]).astype(float)
    beta = np.linalg.lstsq(Z, wages["lwage"].to_numpy(), rcond=None)[0]
    assert fit.constant_base_year == pytest.approx(beta[3], rel=1e-9)
    classical = fit_panel(wages, "lwage", X, vcov="iid", **KEYS)
    residuals = wages["lwage"].to_numpy() - Z @ beta
    pseudo = np.linalg.pinv(Z, rcond=1e-12)
    sigma = np.sqrt(residuals @ residuals / classical.df_resid)
    assert classical.constant_base_year_se == pytest.approx(sigma * np.linalg.norm(pseudo[3]), rel=1e-8)
    sums = pd.Series(pseudo[3] * residuals).groupby(wages["nr"].to_numpy()).sum()
    bare = fit_panel(wages, "lwage", X, ssc="none", **KEYS)
    assert bare.constant_base_year_se == pytest.approx(np.sqrt(np.sum(sums**2)), rel=1e-8)
    grand = wages["lwage"].mean() - wages[X].mean() @ fit.coef
    assert fit.constant_grand_mean == pytest.approx(grand, rel=1e-12)
    one_way = fit_panel(wages, "lwage", X, effects="entity", **KEYS)
    assert one_way.constant_base_year == one_way.constant_grand_mean


def test_pooled_errors_equal_statsmodels(wages) -> None:
    ols = sm.OLS(wages["lwage"], wages[[*X, "const"]])
    robust = fit_panel(wages, "lwage", X, effects="none", vcov="robust", **KEYS)
    np.testing.assert_allclose(robust.se, ols.fit(cov_type="HC1").bse, rtol=1e-10)
    groups = pd.factorize(wages["nr"])[0]
    clustered = fit_panel(wages, "lwage", X, effects="none", vcov="cluster", **KEYS)
    expected = ols.fit(cov_type="cluster", cov_kwds={"groups": groups, "use_correction": True}, use_t=True)
    np.testing.assert_allclose(clustered.se, expected.bse, rtol=1e-10)
    np.testing.assert_allclose(clustered.p_values, expected.pvalues, rtol=1e-8)
    plain = fit_panel(wages, "lwage", X, effects="none", vcov="robust", ssc="none", **KEYS)
    np.testing.assert_allclose(plain.se, ols.fit(cov_type="HC0").bse, rtol=1e-10)


@pytest.mark.parametrize(
    ("effects", "ssc", "counted"),
    [
        ("twoways", "fixest", 3 + 8),
        ("twoways", "lsdv", 3 + 120 + 7),
        ("twoways", "xtreg", 3 + 8),
        ("entity", "fixest", 3 + 1),
        ("entity", "xtreg", 3 + 1),
        ("entity", "lsdv", 3 + 120),
        ("time", "fixest", 3 + 8),
        ("none", "fixest", 3 + 1),
    ],
)
def test_conventions_differ_by_their_factor_only(wages, effects, ssc, counted) -> None:
    bare = fit_panel(wages, "lwage", X, effects=effects, ssc="none", **KEYS)
    fit = fit_panel(wages, "lwage", X, effects=effects, ssc=ssc, **KEYS)
    n, groups = len(wages), 120
    factor = (n - 1) / (n - counted) * groups / (groups - 1)
    np.testing.assert_allclose(fit.cov, bare.cov * factor, rtol=1e-12)
    assert fit.df_t == groups - 1
    assert np.isinf(bare.df_t)
    assert f"K={counted}" in fit.convention
    assert f"ssc={ssc}" in fit.convention


def test_two_way_clusters_take_the_smaller_count_and_nest_both_effects(wages) -> None:
    fit = fit_panel(wages, "lwage", X, vcov="twoway", **KEYS)
    parts = [fit_panel(wages, "lwage", X, cluster=c, ssc="none", **KEYS).cov for c in ("nr", "year")]
    each = wages.assign(row=np.arange(len(wages)))
    parts.append(fit_panel(each, "lwage", X, cluster="row", ssc="none", **KEYS).cov)
    n = len(wages)
    expected = (parts[0] + parts[1] - parts[2]) * (n - 1) / (n - 4) * 8 / 7
    np.testing.assert_allclose(fit.cov, expected, rtol=1e-10)
    assert fit.df_t == 7


def test_driscoll_kraay_written_out(wages) -> None:
    fit = fit_panel(wages, "lwage", X, vcov="driscoll_kraay", bandwidth=2, **KEYS)
    beta, inverse, residuals = dummy_least_squares(wages, "lwage", X, "nr", "year")
    Z = np.column_stack([dummy_least_squares(wages, x, X[:0], "nr", "year")[2] for x in X])
    h = pd.DataFrame(Z * residuals[:, None]).groupby(wages["year"].to_numpy()).sum().to_numpy()
    meat = h.T @ h
    for lag in (1, 2):
        cross = sum(np.outer(h[t], h[t - lag]) for t in range(lag, len(h)))
        meat = meat + (1 - lag / 3) * (cross + cross.T)
    n = len(wages)
    expected = inverse @ meat @ inverse * (n - 1) / (n - 3 - 120) * 8 / 7
    np.testing.assert_allclose(fit.cov, expected, rtol=1e-8)
    np.testing.assert_allclose(fit.coef, beta, rtol=1e-10)
    assert fit.vcov == "driscoll_kraay(lags=2)"
    assert (
        fit_panel(wages, "lwage", X, vcov="driscoll_kraay", **KEYS).vcov == "driscoll_kraay(lags=1)"
    )  # floor(8^(1/4))


def test_conley_written_out() -> None:
    rng = np.random.default_rng(3)
    df = staggered_panel(rng, n=25, periods=range(2010, 2014), waves={2012: 0.5}, controls=1)
    places = pd.DataFrame({"city_lat": rng.uniform(22, 40, 25), "city_lon": rng.uniform(100, 120, 25)})
    df = df.join(places, on=(df["city_code"] - 110000) // 100)
    for kernel in ("uniform", "bartlett"):
        fit = fit_panel(df, "y", ["treat", "x0"], vcov="conley", cutoff_km=500, kernel=kernel)
        beta, inverse, residuals = dummy_least_squares(df, "y", ["treat", "x0"], "city_code", "year")
        Z = np.column_stack([dummy_least_squares(df, x, [], "city_code", "year")[2] for x in ("treat", "x0")])
        scores = Z * residuals[:, None]
        phi, lam = np.radians(df["city_lat"].to_numpy()), np.radians(df["city_lon"].to_numpy())
        sine = (
            np.sin((phi[:, None] - phi) / 2) ** 2
            + np.cos(phi)[:, None] * np.cos(phi) * np.sin((lam[:, None] - lam) / 2) ** 2
        )
        distance = 2 * 6371.01 * np.arcsin(np.sqrt(np.clip(sine, 0, 1)))
        strength = np.where(distance <= 500, 1.0 if kernel == "uniform" else 1 - distance / 500, 0)
        n = len(df)
        expected = inverse @ scores.T @ strength @ scores @ inverse * (n - 1) / (n - 2 - 4)
        np.testing.assert_allclose(fit.cov, expected, rtol=1e-7)
        np.testing.assert_allclose(fit.coef, beta, rtol=1e-9)
    near = fit_panel(df, "y", ["treat", "x0"], vcov="conley", cutoff_km=1e-3, ssc="none")
    np.testing.assert_allclose(near.cov, fit_panel(df, "y", ["treat", "x0"], ssc="none").cov, rtol=1e-12)


def test_slopes_test_is_the_wald_statistic(wages) -> None:
    fit = fit_panel(wages, "lwage", X, **KEYS)
    wald = fit.coef @ np.linalg.solve(fit.cov, fit.coef) / 3
    assert fit.tests["slopes"].statistic == pytest.approx(wald, rel=1e-10)
    assert fit.tests["slopes"].p_value == pytest.approx(stats.f.sf(wald, 3, 119), rel=1e-8)


def test_row_order_labels_and_units_do_not_matter(wages) -> None:
    first = fit_panel(wages, "lwage", X, **KEYS)
    shuffled = fit_panel(wages.sample(frac=1, random_state=9), "lwage", X, **KEYS)
    pd.testing.assert_series_equal(first.coef, shuffled.coef, rtol=1e-12)
    pd.testing.assert_frame_equal(first.cov, shuffled.cov, rtol=1e-10)
    scaled = fit_panel(wages.assign(union=wages["union"] * 1e-9), "lwage", X, **KEYS)
    assert scaled.coef["union"] == pytest.approx(first.coef["union"] * 1e9, rel=1e-9)
    assert scaled.statistics["union"] == pytest.approx(first.statistics["union"], rel=1e-9)


def test_user_data_is_not_changed(wages) -> None:
    copy = wages.copy(deep=True)
    fit_panel(wages, "lwage", X, weights="w", **KEYS)
    pd.testing.assert_frame_equal(wages, copy)


def test_missing_rows_are_dropped_and_counted(wages) -> None:
    holes = wages.copy()
    holes.iloc[:7, holes.columns.get_loc("union")] = np.nan
    fit = fit_panel(holes, "lwage", X, **KEYS)
    assert (fit.nobs, fit.n_dropped) == (len(wages) - 7, 7)
    pd.testing.assert_series_equal(fit.coef, fit_panel(wages.iloc[7:], "lwage", X, **KEYS).coef)


def test_singletons_are_kept_and_counted(wages) -> None:
    single = wages.iloc[[0]].assign(nr=10**6)
    with_single = fit_panel(pd.concat([wages, single]), "lwage", X, **KEYS)
    assert with_single.n_singletons == 1
    np.testing.assert_allclose(with_single.coef, fit_panel(wages, "lwage", X, **KEYS).coef, rtol=1e-9)


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        ({"z": lambda d: 2 * d["union"] - d["married"]}, {"x": [*X, "z"]}, r"z is a combination of married, union"),
        ({"z": lambda d: d["nr"] * 2.0}, {"x": [*X, "z"]}, r"z does not vary once"),
        ({"z": lambda d: 1.0}, {"x": [*X, "z"], "effects": "none"}, r"z (is a combination|does not vary)"),
        ({"lwage": lambda d: 3.0}, {}, r"lwage does not vary"),
        ({"lwage": lambda d: d["nr"] * 1.0}, {}, r"lwage does not vary once the twoways effects"),
        ({"union": lambda d: np.inf}, {}, r"union is infinite"),
        ({"union": lambda d: "a"}, {}, r"union is not numeric"),
        ({"w": lambda d: 0.0}, {"weights": "w"}, r"weights column w must be positive"),
        ({}, {"x": []}, r"no regressor"),
        ({}, {"x": ["union", "union"]}, r"each column once"),
        ({}, {"x": ["nothing"]}, r"not in the data: nothing"),
        ({}, {"effects": "both"}, r"none, entity, time, twoways"),
        ({}, {"vcov": "HC3"}, r"iid, robust, cluster, twoway, driscoll_kraay, conley"),
        ({}, {"ssc": "stata"}, r"fixest, lsdv, xtreg, none"),
        ({}, {"ssc": "xtreg", "vcov": "robust"}, r"ssc='xtreg' is defined for"),
        ({}, {"ssc": "xtreg", "effects": "none"}, r"needs entity effects"),
        ({}, {"ssc": "xtreg", "cluster": "year"}, r"nested"),
        ({}, {"vcov": "iid", "cluster": "region"}, r"cluster='region' is used by"),
        ({}, {"vcov": "twoway", "cluster": "region"}, r"needs 2 cluster column"),
        ({}, {"vcov": "conley"}, r"not in the data: city_lat, city_lon"),
        ({"city_lat": lambda d: 30.0, "city_lon": lambda d: 110.0}, {"vcov": "conley"}, r"needs cutoff_km"),
        ({}, {"vcov": "driscoll_kraay", "bandwidth": 8}, r"bandwidth=8"),
        ({"one": lambda d: 1}, {"cluster": "one"}, r"single group"),
        (
            {"region": lambda d: d["region"].where(d["nr"] != d["nr"].iloc[0])},
            {"cluster": "region"},
            r"region is missing in",
        ),
    ],
)
def test_bad_input_is_named(wages, change, options, message) -> None:
    df = wages.assign(**{name: make(wages) for name, make in change.items()})
    with pytest.raises(EstimationError, match=message):
        fit_panel(df, "lwage", **{"x": X, **KEYS, **options})


def test_duplicated_keys_are_named(wages) -> None:
    with pytest.raises(EstimationError, match="duplicated key"):
        fit_panel(pd.concat([wages, wages.iloc[:2]]), "lwage", X, **KEYS)


def test_too_few_observations_are_refused() -> None:
    df = pd.DataFrame({"city_code": [1, 1, 2, 2], "year": [1, 2, 1, 2], "y": [1.0, 2, 4, 3], "x": [0.0, 1, 0, 0]})
    with pytest.raises(EstimationError, match="no residual degree of freedom"):
        fit_panel(df, "y", "x", vcov="iid")


def test_collinear_columns_can_be_left_out_by_name(wages) -> None:
    df = wages.assign(z=wages["union"] * 3, const_by_man=wages["nr"] * 1.0)
    fit = fit_panel(df, "lwage", [*X, "z", "const_by_man"], collinear="drop", **KEYS)
    assert set(fit.dropped) == {"z", "const_by_man"}
    assert "z is a combination of union" in fit.convention
    pd.testing.assert_series_equal(fit.coef, fit_panel(wages, "lwage", X, **KEYS).coef)


def test_rows_carry_the_columns_of_the_results_table(wages) -> None:
    row = fit_panel(wages, "lwage", X, **KEYS).to_rows()[0]
    assert {"dependent", "term", "estimate", "std_error", "p_value", "n_obs", "n_entities", "estimator", "vcov"} <= set(
        row
    )


@pytest.fixture(scope="module")
def reference(oracles: Path) -> tuple[dict, dict[str, pd.DataFrame]]:
    """Numbers of fixest and their data: castle doctrine and US traffic fatalities."""
    folder = oracles / "twfe"
    fatal = pd.read_csv(folder / "fatalities_aer.csv")
    answered = fatal[["jail", "service"]].notna().all(axis=1)
    fatal = fatal.assign(
        frate=fatal["fatal"] / fatal["pop"] * 1e4,
        **{
            f"drinkagec[{a},{a + 1})": fatal["drinkage"].between(a, a + 1, inclusive="left") * 1.0 for a in (18, 19, 20)
        },
        punishyes=fatal[["jail", "service"]].eq("yes").any(axis=1).where(answered).astype(float),
        **{"I(miles/1000)": fatal["miles"] / 1000, "log(income)": np.log(fatal["income"])},
    )
    castle = pd.read_csv(folder / "castle.csv")
    return json.loads((folder / "expected.json").read_text()), {"castle": castle, "fatalities": fatal}


SE_NAMES = {"iid": "iid", "hetero_HC1": "robust", "cluster_state": "cluster", "twoway": "twoway"}


@pytest.mark.parametrize(
    ("model", "data", "y", "weights"),
    [
        ("castle_twfe", "castle", "l_homicide", None),
        ("castle_twfe_controls_w", "castle", "l_homicide", "popwt"),
        ("fatalities_twfe", "fatalities", "frate", None),
        ("fatalities_full", "fatalities", "frate", None),
    ],
)
def test_fixest_numbers(reference, model, data, y, weights) -> None:
    expected, frames = reference[0][model], reference[1]
    x = list(expected["coef"])
    for name, se in expected["se"].items():
        fit = fit_panel(frames[data], y, x, vcov=SE_NAMES[name], weights=weights, entity="state", record=True)
        np.testing.assert_allclose(fit.coef[x], list(expected["coef"].values()), rtol=1e-8)
        np.testing.assert_allclose(fit.se[x], [se[term] for term in x], rtol=1e-8)
    assert fit.nobs == expected["nobs"]
    assert fit.r2_inclusive == pytest.approx(expected["r2"], rel=1e-10)
    assert fit.r2_within == pytest.approx(expected["within_r2"], rel=1e-8)
    assert fit.rmse == pytest.approx(expected["rmse"], rel=1e-10)
    assert np.sum(fit.residuals**2) == pytest.approx(expected["ssr"], rel=1e-10)


def test_stock_and_watson_table(reference) -> None:
    """Stock and Watson, Introduction to Econometrics, table 10.1 column 3: -0.64 (0.36)."""
    fit = fit_panel(reference[1]["fatalities"], "frate", "beertax", entity="state")
    assert (round(fit.coef["beertax"], 2), round(fit.se["beertax"], 2)) == (-0.64, 0.36)
