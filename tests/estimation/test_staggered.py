"""Sun-Abraham, imputation, two-stage and de Chaisemartin-D'Haultfoeuille.

References on mpdta (R 4.2.2): fixest 0.14.2 sunab, didimputation 0.5.0, did2s 1.2.1. Tolerances: 1e-8 for sunab; 1e-6 for the other
two, whose first stage is fixest's iterative demeaning on the unbalanced untreated rows (agreement is 1e-7). Outside check:
diff-diff 3.13. No exceptions.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from diff_diff import ChaisemartinDHaultfoeuille, ImputationDiD

from estimation.core.frame import EstimationError
from estimation.did import att_gt, did_multiplegt, imputation, sun_abraham, two_stage
from estimation.panel import fit_panel
from tests.estimation.staggered_world import dummy_matrix, staggered_panel


@pytest.fixture(scope="module")
def df() -> pd.DataFrame:
    return staggered_panel(np.random.default_rng(21), n=60, effect=lambda k, g: 1 + k / 2, controls=2)


@pytest.fixture(scope="module")
def mpdta(oracles: Path) -> tuple[dict, pd.DataFrame]:
    folder = oracles / "staggered_did"
    return json.loads((folder / "expected.json").read_text()), pd.read_csv(folder / "mpdta.csv")


def test_sunab_numbers(mpdta) -> None:
    expected = mpdta[0]["mpdta_sunab"]
    fit = sun_abraham(mpdta[1], "lemp", "first.treat", entity="countyreal", record=True)
    events = [int(name.split("::")[1]) for name in expected["es_coef"]]
    np.testing.assert_allclose(fit.dynamic.loc[events, "estimate"], list(expected["es_coef"].values()), rtol=1e-8)
    np.testing.assert_allclose(fit.dynamic.loc[events, "std_error"], list(expected["es_se"].values()), rtol=1e-8)
    cells = fit.interactions.set_index(["event_time", "cohort"])["estimate"]
    for name, value in expected["cohort_coef"].items():
        _, event, _, cohort = name.replace(":cohort", "::cohort").split("::")
        assert cells[int(event), float(cohort)] == pytest.approx(value, rel=1e-8)
    att = expected["att"]
    assert fit.att.loc["att", "estimate"] == pytest.approx(att["Estimate"], rel=1e-8)
    assert fit.att.loc["att", "std_error"] == pytest.approx(att["Std. Error"], rel=1e-8)
    for name, value in expected["cohort"].items():
        assert fit.group.loc[float(name.split("::")[1]), "estimate"] == pytest.approx(value, rel=1e-8)


def test_didimputation_numbers(mpdta) -> None:
    expected = mpdta[0]["mpdta_imputation"]
    fit = imputation(mpdta[1], "lemp", "first.treat", entity="countyreal")
    rows = [("att", fit.att.loc["att"], expected["static"][0])]
    rows += [(row["term"], fit.dynamic.loc[int(row["term"])], row) for row in expected["event"]]
    for term, mine, theirs in rows:
        assert mine["estimate"] == pytest.approx(theirs["estimate"], rel=1e-6), term
        assert mine["std_error"] == pytest.approx(theirs["std.error"], rel=1e-6), term
        # didimputation prints limits with 1.96, this estimator with the normal quantile.
        assert mine["estimate"] - 1.96 * mine["std_error"] == pytest.approx(theirs["conf.low"], rel=1e-5), term


def test_did2s_numbers(mpdta) -> None:
    expected = mpdta[0]["mpdta_did2s"]
    fit = two_stage(mpdta[1], "lemp", "first.treat", entity="countyreal")
    assert fit.att.loc["att", "estimate"] == pytest.approx(expected["static_coef"]["treat_post::1"], rel=1e-6)
    assert fit.att.loc["att", "std_error"] == pytest.approx(expected["static_se"]["treat_post::1"], rel=1e-6)
    for name, value in expected["event_coef"].items():
        mine = fit.dynamic.loc[int(name.split("::")[1])]
        assert mine["estimate"] == pytest.approx(value, rel=1e-6)
        assert mine["std_error"] == pytest.approx(expected["event_se"][name], rel=1e-6)


def test_sun_abraham_is_callaway_with_universal_base(df) -> None:
    """Balanced panel, never-treated controls, no covariates: the same means of the same differences."""
    fit = sun_abraham(df, "y", "cohort")
    other = att_gt(df, "y", "cohort", base_period="universal").dynamic.table["att_egt"].drop(-1)
    np.testing.assert_allclose(fit.dynamic["estimate"], other, atol=1e-10)


def test_sun_abraham_shares_are_those_of_the_observations(df) -> None:
    data = df.sample(frac=0.9, random_state=2)
    fit = sun_abraham(data, "y", "cohort", ["x0"])
    cells = fit.interactions[fit.interactions["event_time"] == 1]
    share = cells["n_obs"] / cells["n_obs"].sum()
    assert fit.dynamic.loc[1, "estimate"] == pytest.approx(share @ cells["estimate"], rel=1e-12)
    treated = fit.interactions[fit.interactions["event_time"] >= 0]
    weights = treated["n_obs"] / treated["n_obs"].sum()
    assert fit.att.loc["att", "estimate"] == pytest.approx(weights @ treated["estimate"], rel=1e-12)


def test_sun_abraham_without_never_treated_uses_the_last_cohort(df) -> None:
    fit = sun_abraham(df[df["cohort"].notna()], "y", "cohort")
    assert fit.control_group == "last"
    assert "from 2016 on" in fit.unidentified["treated periods of the last cohort"]
    assert set(fit.interactions["cohort"]) == {2014}
    with pytest.raises(EstimationError, match="one cohort and no never-treated"):
        sun_abraham(df[df["cohort"] == 2014], "y", "cohort")


def test_sun_abraham_leaves_out_the_always_treated(df) -> None:
    data = df.assign(cohort=df["cohort"].replace(2014, 2010))
    fit = sun_abraham(data, "y", "cohort")
    assert "15 entities" in fit.unidentified["always treated"]
    assert set(fit.interactions["cohort"]) == {2016}


@pytest.mark.parametrize("weights", [None, "w"])
def test_imputation_written_out_with_dummies(df, weights) -> None:
    data = df.sample(frac=0.9, random_state=3).assign(w=lambda d: 0.5 + (d["city_code"] % 7))
    fit = imputation(data, "y", "cohort", ["x0", "x1"], weights=weights)
    w = data["w"].to_numpy() if weights else np.ones(len(data))
    Z = np.column_stack([data[["x0", "x1"]], dummy_matrix(data, "city_code", "year")])
    free = (data["treat"] == 0).to_numpy()
    root = np.sqrt(w[free])[:, None]
    beta = np.linalg.lstsq(Z[free] * root, data["y"].to_numpy()[free] * root[:, 0], rcond=None)[0]
    effect = data["y"].to_numpy() - Z @ beta
    event = (data["year"] - data["cohort"]).to_numpy()
    for k in fit.dynamic.index[fit.dynamic.index >= 0]:
        assert fit.dynamic.loc[k, "estimate"] == pytest.approx(
            np.average(effect[event == k], weights=w[event == k]), abs=1e-9
        )
    assert fit.att.loc["att", "estimate"] == pytest.approx(np.average(effect[~free], weights=w[~free]), abs=1e-9)


def test_imputation_equals_diff_diff(df) -> None:
    reference = ImputationDiD().fit(
        df.assign(first=df["cohort"].fillna(0).astype(int)), outcome="y", unit="city_code", time="year", first_treat="first",
    )  # fmt: skip
    fit = imputation(df, "y", "cohort")
    assert fit.att.loc["att", "estimate"] == pytest.approx(reference.overall_att, rel=1e-8)
    assert fit.effects.mean() == pytest.approx(reference.overall_att, rel=1e-8)


def test_two_stage_point_estimates_are_those_of_imputation(df) -> None:
    one, two = two_stage(df, "y", "cohort", ["x0"]), imputation(df, "y", "cohort", ["x0"])
    assert one.att.loc["att", "estimate"] == pytest.approx(two.att.loc["att", "estimate"], rel=1e-10)
    np.testing.assert_allclose(one.dynamic.loc[0:, "estimate"], two.dynamic.loc[0:, "estimate"], rtol=1e-9)


@pytest.mark.parametrize("estimator", [imputation, two_stage])
def test_what_cannot_be_imputed_is_reported(df, estimator) -> None:
    data = df.assign(cohort=df["cohort"].replace(2014, 2010))
    fit = estimator(data, "y", "cohort")
    assert "15 entities" in fit.unidentified["no untreated period"]
    alone = df[df["cohort"].notna()]
    late = estimator(alone, "y", "cohort")
    assert late.unidentified == {"no untreated entity": "periods 2016, 2017, 2018, 2019"}
    assert late.dynamic.index.max() == 1
    assert "leads left out" in late.pretrend.note or estimator is two_stage
    with pytest.raises(EstimationError, match=r"no (treated|untreated) observation"):
        estimator(df[df["cohort"] == 2014].assign(cohort=2010), "y", "cohort")


@pytest.mark.parametrize("estimator", [imputation, two_stage, sun_abraham])
def test_recovers_planted_heterogeneous_effects(estimator) -> None:
    data = staggered_panel(
        np.random.default_rng(22), n=40, waves={2012: 0.3, 2016: 0.3},
        effect=lambda k, g: np.where(g == 2012, 2.0 * (k + 1), 0.5), noise=1e-8, controls=1,
    )  # fmt: skip
    fit = estimator(data, "y", "cohort", ["x0"])
    truth = data[data["treat"] == 1].groupby(data["year"] - data["cohort"])["effect"].mean()
    np.testing.assert_allclose(fit.dynamic.loc[0:, "estimate"], truth, atol=1e-6)
    assert fit.att.loc["att", "estimate"] == pytest.approx(data.loc[data["treat"] == 1, "effect"].mean(), abs=1e-6)
    two_way = fit_panel(data, "y", ["treat", "x0"]).coef["treat"]
    assert abs(two_way - data.loc[data["treat"] == 1, "effect"].mean()) > 1


@pytest.mark.parametrize("estimator", [imputation, two_stage, sun_abraham])
def test_row_order_and_input_are_kept(df, estimator) -> None:
    copy = df.copy(deep=True)
    one = estimator(df, "y", "cohort", ["x0"])
    two = estimator(df.sample(frac=1, random_state=5), "y", "cohort", ["x0"])
    pd.testing.assert_series_equal(one.coef, two.coef, rtol=1e-10)
    pd.testing.assert_frame_equal(one.cov, two.cov, rtol=1e-8)
    pd.testing.assert_frame_equal(df, copy)
    assert one.to_rows()[0]["term"].startswith("event_")


@pytest.mark.parametrize("estimator", [imputation, two_stage, sun_abraham])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.assign(x0=1.0), "x0 does not vary once"),
        (lambda d: d.assign(cohort=np.nan), "no treated entity"),
        (lambda d: d.assign(y=np.inf), "y is infinite"),
        (lambda d: pd.concat([d, d.iloc[:1]]), "duplicated key"),
        (lambda d: d.drop(columns="x0"), "not in the data: x0"),
        (lambda d: d.assign(w=-1.0), "weights column w must be positive"),
    ],
)
def test_bad_input_is_named(df, estimator, change, message) -> None:
    weights = "w" if "w" in change(df) else None
    with pytest.raises(EstimationError, match=message):
        estimator(change(df), "y", "cohort", ["x0"], weights=weights)


def test_switchers_equal_diff_diff(df) -> None:
    fit = did_multiplegt(df, "y", "treat", effects=4, placebos=2)
    theirs = ChaisemartinDHaultfoeuille().fit(
        df, outcome="y", unit="city_code", time="year", treatment="treat", L_max=4
    )
    for horizon in range(1, 5):
        reference = theirs.event_study_effects[horizon]
        assert fit.dynamic.loc[horizon - 1, "estimate"] == pytest.approx(reference["effect"], rel=1e-9)
        assert fit.dynamic.loc[horizon - 1, "std_error"] == pytest.approx(reference["se"], rel=1e-9)
    for lag in (1, 2):
        reference = theirs.placebo_event_study[-lag]
        assert fit.dynamic.loc[-1 - lag, "estimate"] == pytest.approx(reference["effect"], rel=1e-9)
        assert fit.dynamic.loc[-1 - lag, "std_error"] == pytest.approx(reference["se"], rel=1e-9)


def test_switchers_are_callaway_with_not_yet_treated(df) -> None:
    fit = did_multiplegt(df, "y", "treat", effects=3)
    other = att_gt(df, "y", "cohort", control="notyet").dynamic.table["att_egt"]
    np.testing.assert_allclose(fit.dynamic["estimate"], other.loc[[0, 1, 2]], rtol=1e-10)
    assert fit.did_m.loc["did_m", "estimate"] == pytest.approx(other.loc[0])


def test_switching_off_counts_with_the_opposite_sign() -> None:
    """Two cities switch on (+3), one off (-3), one each stays: every switch says 3."""
    df = pd.DataFrame({"city_code": np.repeat(range(5), 2), "year": np.tile([1, 2], 5)})
    df["treat"] = [0, 1, 0, 1, 0, 0, 1, 0, 1, 1]
    df["y"] = [0.0, 4, 1, 5, 0, 1, 7, 5, 2, 3]  # common change +1
    fit = did_multiplegt(df, "y", "treat")
    assert fit.dynamic.loc[0, "estimate"] == pytest.approx(3)
    assert fit.did_m.loc["did_m", ["estimate", "n_obs"]].tolist() == pytest.approx([3, 3])


def test_switches_without_comparison_are_left_out_and_named(df) -> None:
    fit = did_multiplegt(df, "y", "treat", effects=7, placebos=6)
    assert set(fit.unidentified) == {"event_6", "event_-6", "event_-7"}
    with pytest.raises(EstimationError, match="nobody switches"):
        did_multiplegt(df.assign(treat=1.0), "y", "treat")
    with pytest.raises(EstimationError, match="at least 1"):
        did_multiplegt(df, "y", "treat", effects=0)
