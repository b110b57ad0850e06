"""Callaway-Sant'Anna group-time effects and their averages.

Reference: R did 2.1.2 (analytic standard errors) on mpdta, 13 configurations. Tolerances: 1e-8 relative without covariates and
for `reg`; 1e-6 for `dr` and `ipw` with covariates (R's glm stops at 1e-8 of the deviance; agreement is 2e-9 or better).

Exception: `overall_se` of the group averages. did 2.1.2 builds the influence of the estimated cohort shares with
`wif(keepers = 1:length(glist), pg = pgg, G = G, group = group)`, where `group` is the list of all (g, t) cells: the first G
entries of it all belong to the first cohort, so each share is compared with the wrong cohort. `_slip_of_did` repeats that and meets
the printed number; the estimator uses each cohort's own membership (0.2 to 0.5 % difference here).
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from diff_diff import CallawaySantAnna

from estimation.core.frame import EstimationError
from estimation.did import att_gt
from estimation.did.callaway_averages import GroupTime
from estimation.did.doubly_robust import logit, two_period_effect
from tests.estimation.staggered_world import staggered_panel

CONTROL = {"nevertreated": "never", "notyettreated": "notyet"}
CONFIGURATIONS = [f"mpdta_{x}_{m}_{c}" for x in ("none", "lpop") for m in ("dr", "reg", "ipw") for c in CONTROL]


@pytest.fixture(scope="module")
def df() -> pd.DataFrame:
    return staggered_panel(np.random.default_rng(7), n=80, effect=lambda k, g: 1 + k, controls=1)


@pytest.fixture(scope="module")
def mpdta(oracles: Path) -> tuple[dict, pd.DataFrame]:
    folder = oracles / "staggered_did"
    return json.loads((folder / "expected.json").read_text()), pd.read_csv(folder / "mpdta.csv")


def _fit(mpdta, name: str):
    _, covariate, method, control = name.split("_")[:4]
    x = None if covariate == "none" else [covariate]
    base = "universal" if name.endswith("universal") else "varying"
    options = {"control": CONTROL[control], "method": method, "base_period": base, "entity": "countyreal"}
    return att_gt(mpdta[1], "lemp", "first.treat", x, **options)


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_did_numbers(mpdta, name) -> None:
    expected, fit = mpdta[0][name], _fit(mpdta, name)
    rtol = 1e-6 if "lpop_dr" in name or "lpop_ipw" in name else 1e-8
    assert fit.att_gt[["group", "time"]].to_numpy().T.tolist() == [expected["group"], expected["t"]]
    np.testing.assert_allclose(fit.att_gt["att"], expected["att"], rtol=rtol)
    np.testing.assert_allclose(fit.att_gt["se"], expected["se"], rtol=rtol)
    assert fit.pretrend.statistic == pytest.approx(expected["W"][0][0], rel=rtol)
    assert fit.pretrend.p_value == pytest.approx(expected["Wpval"][0][0], abs=1e-5)
    for kind, printed in {
        "simple": "simple",
        "dynamic": "dynamic",
        "group": "group_agg",
        "calendar": "calendar",
    }.items():
        mine, theirs = getattr(fit, kind), expected[printed]
        assert mine.overall_att == pytest.approx(theirs["overall_att"], rel=rtol)
        if kind != "group":
            assert mine.overall_se == pytest.approx(theirs["overall_se"], rel=rtol)
        if kind != "simple":
            assert mine.egt.tolist() == theirs["egt"]
            np.testing.assert_allclose(mine.att_egt, theirs["att_egt"], rtol=rtol)
            np.testing.assert_allclose(mine.se_egt, theirs["se_egt"], rtol=rtol)


def test_universal_base_numbers(mpdta) -> None:
    expected, fit = (
        mpdta[0]["mpdta_none_dr_nevertreated_universal"],
        _fit(mpdta, "mpdta_none_dr_nevertreated_universal"),
    )
    np.testing.assert_allclose(fit.att_gt["att"], expected["att"], rtol=1e-8, atol=1e-15)
    np.testing.assert_allclose(fit.att_gt["se"], np.array(expected["se"], dtype=float), rtol=1e-8)
    np.testing.assert_allclose(fit.dynamic.att_egt, expected["dynamic"]["att_egt"], rtol=1e-8, atol=1e-15)
    np.testing.assert_allclose(fit.dynamic.se_egt, np.array(expected["dynamic"]["se_egt"], dtype=float), rtol=1e-8)


def _slip_of_did(cells: GroupTime) -> float:
    """Standard error of the group average with the cohort shares compared as did 2.1.2 compares them."""
    group, time = cells.table["group"].to_numpy(float), cells.table["time"].to_numpy(float)
    groups = np.unique(group)
    p = np.array([np.mean(cells.first == g) for g in groups])
    chosen = [(group == g) & (time >= g) for g in groups]
    values = np.array([cells.att[c].mean() for c in chosen])
    influence = np.column_stack([cells.influence[:, c].mean(axis=1) for c in chosen]) @ (p / p.sum())
    gap = (cells.first[:, None] == group[: len(groups)]) - p
    wobble = gap / p.sum() - gap.sum(axis=1, keepdims=True) * p / p.sum() ** 2
    return float(np.sqrt(np.sum((influence + wobble @ values) ** 2))) / len(cells.first)


@pytest.mark.parametrize("name", ["mpdta_none_dr_nevertreated", "mpdta_lpop_reg_notyettreated"])
def test_group_standard_error_differs_from_did_by_its_indexing_only(mpdta, name, monkeypatch) -> None:
    kept = []
    import estimation.did.callaway as module

    original = module.aggregate_all
    monkeypatch.setattr(module, "aggregate_all", lambda cells, how, y: kept.append(cells) or original(cells, how, y))
    fit = _fit(mpdta, name)
    printed = mpdta[0][name]["group_agg"]["overall_se"]
    assert _slip_of_did(kept[0]) == pytest.approx(printed, rel=1e-8)
    assert fit.group.overall_se == pytest.approx(printed, rel=0.006)
    assert fit.group.overall_se != pytest.approx(printed, rel=1e-4)


@pytest.mark.slow
def test_group_standard_error_agrees_with_resampling() -> None:
    """What decides between the two: the spread of the estimate over fresh samples with random cohort sizes (300 draws)."""
    rng = np.random.default_rng(11)
    estimates, errors = [], []
    for _ in range(300):
        n = 150
        first = rng.choice([2, 3, np.nan], n, p=[0.3, 0.3, 0.4])
        year = np.tile(range(4), n)
        df = pd.DataFrame({"city_code": np.repeat(range(n), 4), "year": year, "cohort": np.repeat(first, 4)})
        df["y"] = np.where(df["cohort"] == 2, 6.0, 0.0) * (df["year"] >= df["cohort"]) + 0.5 * rng.normal(size=4 * n)
        fit = att_gt(df, "y", "cohort")
        estimates.append(fit.group.overall_att)
        errors.append(fit.group.overall_se)
    assert np.mean(errors) == pytest.approx(np.std(estimates), rel=0.15)


def test_cells_are_differences_of_means(df) -> None:
    fit = att_gt(df, "y", "cohort", control="notyet")
    wide = df.set_index(["city_code", "year"])["y"].unstack()
    first = df.groupby("city_code")["cohort"].first()
    for row in fit.att_gt.itertuples():
        base = row.group - 1 if row.time >= row.group else row.time - 1
        change = wide[row.time] - wide[base]
        pool = first.isna() | (first > max(row.time, base)) & (first != row.group)
        assert row.att == pytest.approx(change[first == row.group].mean() - change[pool].mean(), abs=1e-12)
        assert (row.n_treated, row.n_control) == ((first == row.group).sum(), pool.sum())


@pytest.mark.parametrize("method", ["reg", "ipw"])
def test_equals_diff_diff_with_covariates(df, method) -> None:
    """Not `dr`: diff-diff does not normalise the control weights there, R's drdid_panel and this estimator do."""
    theirs = CallawaySantAnna(control_group="never_treated", estimation_method=method, base_period="varying")
    data = df.assign(first=df["cohort"].fillna(0).astype(int), z=df.groupby("city_code")["x0"].transform("first"))
    reference = theirs.fit(data, outcome="y", unit="city_code", time="year", first_treat="first", covariates=["z"])
    fit = att_gt(data, "y", "cohort", ["z"], method=method)
    cells = fit.att_gt.set_index(["group", "time"])
    for key, cell in reference.group_time_effects.items():
        assert cells.loc[key, "att"] == pytest.approx(cell["effect"], rel=1e-8)
        assert cells.loc[key, "se"] == pytest.approx(cell["se"], rel=1e-8)


def test_recovers_planted_effects_where_two_way_ols_does_not() -> None:
    rng = np.random.default_rng(12)
    df = staggered_panel(
        rng, n=400, waves={2012: 0.4, 2016: 0.4}, effect=lambda k, g: np.where(g == 2012, 2.0 * (k + 1), 0.5), noise=0.1
    )
    fit = att_gt(df, "y", "cohort")
    truth = df[df["treat"] == 1].groupby(df["year"] - df["cohort"])["effect"].mean()
    post = fit.dynamic.table.loc[0:, "att_egt"]
    np.testing.assert_allclose(post, truth.loc[post.index], atol=0.1)


def test_propensity_equals_statsmodels() -> None:
    rng = np.random.default_rng(13)
    X = np.column_stack([np.ones(300), rng.normal(size=300) * 1e3, rng.normal(size=300)])
    D = (rng.random(300) < 1 / (1 + np.exp(-(X @ [0.2, 0.001, 1])))).astype(float)
    expected = sm.Logit(D, X).fit(disp=0, method="newton", tol=1e-12).predict()
    np.testing.assert_allclose(logit(D, X, ["const", "a", "b"]).probability, expected, rtol=1e-8)


def test_methods_agree_without_covariates() -> None:
    rng = np.random.default_rng(14)
    change, treated = rng.normal(size=50), rng.random(50) < 0.4
    # A covariate that is exactly balanced and unrelated keeps the weighting code in play.
    X = np.column_stack([np.ones(50), np.zeros(50)])
    X[np.flatnonzero(treated)[:2], 1] = 1, -1
    X[np.flatnonzero(~treated)[:2], 1] = 1, -1
    change[np.abs(X[:, 1]) == 1] = 0
    results = [two_period_effect(change, treated, X, method, ["z"]) for method in ("dr", "reg", "ipw")]
    means = change[treated].mean() - change[~treated].mean()
    assert two_period_effect(change, treated, X[:, :1], "dr", []).att == pytest.approx(means, rel=1e-12)
    assert results[0].att == pytest.approx(means, rel=1e-9)
    for other in results[1:]:
        assert other.att == pytest.approx(results[0].att, rel=1e-9)
    assert results[0].influence.mean() == pytest.approx(0, abs=1e-12)


def test_bootstrap_agrees_with_analytic_errors_and_repeats(df) -> None:
    """5,000 draws: interquartile standard errors within 8 % (about three of their own standard errors) of the analytic."""
    analytic = att_gt(df, "y", "cohort")
    boot = [att_gt(df, "y", "cohort", draws=5000, rng=np.random.default_rng(1)) for _ in range(2)]
    pd.testing.assert_frame_equal(boot[0].att_gt, boot[1].att_gt)
    np.testing.assert_allclose(boot[0].att_gt["se"], analytic.att_gt["se"], rtol=0.08)
    assert boot[0].critical_value > analytic.critical_value
    np.testing.assert_allclose(boot[0].se, boot[0].att_gt["se"], rtol=1e-12)
    np.testing.assert_allclose(boot[0].dynamic.se, boot[0].dynamic.se_egt, rtol=1e-12)
    np.testing.assert_allclose(analytic.dynamic.se, analytic.dynamic.se_egt, rtol=1e-12)


def test_clusters_sum_the_influence(df) -> None:
    one = att_gt(df, "y", "cohort", cluster="province")
    assert "province" in one.convention
    same = att_gt(df.assign(own=df["city_code"] % 100000), "y", "cohort", cluster="own")
    pd.testing.assert_frame_equal(same.att_gt, att_gt(df, "y", "cohort").att_gt)
    assert (one.att_gt["se"] != same.att_gt["se"]).any()


def test_what_cannot_be_estimated_is_reported(df) -> None:
    city = df["city_code"].unique()
    data = df.copy()
    data.loc[data["city_code"] == city[0], "cohort"] = 2010
    data = data.drop(data[(data["city_code"] == city[1]) & (data["year"] == 2013)].index)
    data.loc[data["city_code"] == city[2], "cohort"] = 2050
    fit = att_gt(data, "y", "cohort")
    assert "1 entities" in fit.unidentified["treated from the first period on"]
    assert "1 entities" in fit.unidentified["not observed in every period"]
    assert fit.n_entities == 78 and fit.n_dropped == 19
    assert 2050 not in fit.att_gt["group"].to_numpy()


def test_without_never_treated_the_last_cohort_is_the_comparison(df) -> None:
    treated = df[df["cohort"].notna()]
    with pytest.raises(EstimationError, match="use control='notyet'"):
        att_gt(treated, "y", "cohort")
    fit = att_gt(treated, "y", "cohort", control="notyet")
    assert set(fit.att_gt["group"]) == {2014}
    assert fit.att_gt["time"].max() == 2015
    assert "from 2016 on" in fit.unidentified["no comparison left"]


def test_anticipation_moves_the_base(df) -> None:
    fit = att_gt(df, "y", "cohort", anticipation=1).att_gt.set_index(["group", "time"])
    wide = df.set_index(["city_code", "year"])["y"].unstack()
    first = df.groupby("city_code")["cohort"].first()
    change = wide[2015] - wide[2012]
    assert fit.loc[(2014, 2015), "att"] == pytest.approx(change[first == 2014].mean() - change[first.isna()].mean())


def test_separating_covariate_is_reported_not_estimated(df) -> None:
    data = df.assign(z=df["cohort"].notna() * 1.0 + 0.01 * df["x0"])
    with pytest.raises(EstimationError, match="separate treated and control"):
        att_gt(data, "y", "cohort", ["z"], method="ipw")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"control": "all"}, "never, notyet"),
        ({"method": "ols"}, "dr, reg, ipw"),
        ({"base_period": "first"}, "varying, universal"),
        ({"draws": 10}, "needs rng"),
        ({"cluster": "year"}, "one value for each city_code"),
    ],
)
def test_bad_options_are_named(df, options, message) -> None:
    with pytest.raises(EstimationError, match=message):
        att_gt(df, "y", "cohort", **options)
