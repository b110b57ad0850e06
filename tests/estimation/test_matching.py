"""Propensity-score matching, entropy balancing and regression on the matched sample.

References (``oracles/psm``, LaLonde 614): MatchIt 4.7.1 and Matching 4.10.8. Three conventions explain every
difference:

- R's ``glm`` stops at a relative deviance change of 1e-8, so its scores differ by 3e-9 and its logit SE by 5e-5
relative.
- MatchIt breaks ties between controls with identical covariates by rounding noise of its scores. Pairs are therefore
  compared up to ties (equal distance to 1e-8); means, standardised differences and distribution gaps do not depend on
  the tie, variance ratios and outcome means do.
- Matching calls squared standardised distances within 1e-5 ties and gives every tied control the same weight.

MatchIt's ``m.order="data"`` (the treated choose in the order of the rows) is not offered, so that variant is not
compared.
"""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from linearmodels.datasets import jobtraining

from estimation.core.frame import EstimationError
from estimation.matching import match
from estimation.matching.balance import balance_table, effective_sample_size
from estimation.matching.entropy_balancing import entropy_balance
from estimation.matching.matched_did import matched_did
from estimation.matching.nearest import TIE, with_replacement, without_replacement
from estimation.matching.propensity import fit_logit
from estimation.panel import fit_panel

X = ["age", "educ", "black", "hispan", "married", "nodegree", "re74", "re75"]
MEASURES = {
    "Means Treated": "mean_treated", "Means Control": "mean_control", "Std. Mean Diff.": "smd",
    "Var. Ratio": "variance_ratio", "eCDF Mean": "ecdf_mean", "eCDF Max": "ecdf_max",
}  # fmt: skip
VARIANTS = {
    "nn1_noreplace": {},
    "nn1_noreplace_caliper005abs": {"caliper": 0.05, "caliper_unit": "absolute"},
    "nn1_replace": {"replace": True},
    "nn1_replace_caliper005abs": {"replace": True, "caliper": 0.05, "caliper_unit": "absolute"},
    "nn2_noreplace_caliper005abs": {"k": 2, "caliper": 0.05, "caliper_unit": "absolute"},
    "nn2_noreplace_caliper02sd": {"k": 2, "caliper": 0.2},
    "nn2_replace": {"k": 2, "replace": True},
    "nn1_replace_caliper005_commonsupport": {
        "replace": True, "caliper": 0.05, "caliper_unit": "absolute", "discard": "both",
    },
}  # fmt: skip

# The reference holds no pair lists for these.
WITHOUT_PAIR_LIST = ("nn1_replace_caliper005abs", "nn2_noreplace_caliper02sd")


@pytest.fixture(scope="module")
def lalonde(oracles):
    folder = oracles / "psm"
    df = pd.read_csv(folder / "lalonde_matchit614.csv")
    df["city_code"], df["year"] = np.arange(len(df)), 1
    return df, json.loads((folder / "expected.json").read_text()), folder


def att(df: pd.DataFrame, weights: pd.Series, y: str = "re78") -> float:
    one = df["treat"] == 1
    return np.average(df.loc[one, y], weights=weights[one]) - np.average(df.loc[~one, y], weights=weights[~one])


class TestOracle:
    def test_logit(self, lalonde):
        df, expected, _ = lalonde
        fit = fit_logit(df[X].to_numpy(float), df["treat"].to_numpy(float), X)
        for term, value in expected["logit_ps"]["coef"].items():
            name = "const" if term == "(Intercept)" else term
            assert fit.coef[name] == pytest.approx(value, rel=1e-6)
            assert fit.se[name] == pytest.approx(expected["logit_ps"]["se"][term], rel=1e-4)
        assert fit.loglik == pytest.approx(expected["logit_ps"]["loglik"], rel=1e-9)
        assert match(df, "treat", X).ps.to_numpy() == pytest.approx(df["ps"].to_numpy(), abs=1e-8)
        theirs = sm.Logit(df["treat"], sm.add_constant(df[X])).fit(disp=0, tol=1e-14, maxiter=100)
        assert fit.se[X].to_numpy() == pytest.approx(theirs.bse[X].to_numpy(), rel=1e-8)

    @pytest.mark.parametrize("variant", [v for v in VARIANTS if v not in WITHOUT_PAIR_LIST])
    def test_pairs_up_to_ties(self, lalonde, variant):
        df, expected, folder = lalonde
        reference = pd.read_csv(folder / expected[variant]["pairs"])
        ours = match(df, "treat", X, ties="first", **VARIANTS[variant]).pairs
        score = df["ps"]
        by_id = df.set_index("id")["ps"]
        mine = (score[ours["treated"]].to_numpy() - score[ours["match"]].to_numpy()).round(7)
        theirs = (by_id[reference["treated"]].to_numpy() - by_id[reference["match"]].to_numpy()).round(7)
        left = pd.DataFrame({"who": df["id"][ours["treated"]].to_numpy(), "distance": np.abs(mine)})
        right = pd.DataFrame({"who": reference["treated"], "distance": np.abs(theirs)})
        pd.testing.assert_frame_equal(
            left.sort_values(["who", "distance"], ignore_index=True),
            right.sort_values(["who", "distance"], ignore_index=True),
            check_dtype=False, atol=1e-6,
        )  # fmt: skip

    @pytest.mark.parametrize("variant", VARIANTS)
    def test_balance_tables(self, lalonde, variant):
        df, expected, _ = lalonde
        result = match(df, "treat", X, **VARIANTS[variant])
        tied = VARIANTS[variant].get("replace", False)
        for stage, suffix in (("balance_all", "before"), ("balance_matched", "after")):
            for row in expected[variant][stage]:
                name = "ps" if row["var"] == "distance" else row["var"]
                for theirs, ours in MEASURES.items():
                    if row[theirs] is None or (tied and suffix == "after" and theirs == "Var. Ratio"):
                        continue
                    value = result.balance.loc[name, f"{ours}_{suffix}"]
                    assert value == pytest.approx(row[theirs], rel=1e-6, abs=1e-8), (name, ours)

    @pytest.mark.parametrize("variant", VARIANTS)
    def test_counts(self, lalonde, variant):
        df, expected, _ = lalonde
        reference = {row["_row"]: row for row in expected[variant]["n"]}
        support = match(df, "treat", X, **VARIANTS[variant]).common_support.iloc[0]
        assert support["matched_treated"] == reference["Matched"]["Treated"]
        if not VARIANTS[variant].get("replace"):
            assert support["matched_control"] == reference["Matched"]["Control"]
            assert support["effective_control"] == pytest.approx(reference["Matched (ESS)"]["Control"], rel=1e-9)
        if VARIANTS[variant].get("discard"):
            assert support["outside_treated"] == reference["Discarded"]["Treated"]
            assert support["outside_control"] == reference["Discarded"]["Control"]

    @pytest.mark.parametrize("variant", [v for v, o in VARIANTS.items() if not o.get("replace")])
    def test_effect_without_replacement(self, lalonde, variant):
        df, expected, _ = lalonde
        weights = match(df, "treat", X, **VARIANTS[variant]).weights
        assert att(df, weights) == pytest.approx(expected[variant]["att"], rel=1e-6)

    @pytest.mark.parametrize("variant", ["nn1_replace", "nn2_replace", "nn1_noreplace"])
    def test_regression_on_the_reference_pairs(self, lalonde, variant):
        """With MatchIt's own pairs the weighted regression gives MatchIt's effect and standard error."""
        df, expected, folder = lalonde
        pairs = pd.read_csv(folder / expected[variant]["pairs"])
        row = pd.Series(df.index, index=df["id"])
        weights = pd.Series(0.0, index=df.index)
        weights[row[pairs["treated"].unique()]] = 1.0
        share = 1 / pairs.groupby("treated")["match"].transform("size")
        np.add.at(weights.to_numpy(), row[pairs["match"]].to_numpy(), share.to_numpy())
        values = weights.to_numpy().copy()
        result = replace(match(df, "treat", X), weights=pd.Series(values, index=df.index))
        data, options = df, {"vcov": "robust"}
        if expected[variant]["se_type"].startswith("vcovCL"):
            pair = pd.Series(-1, index=df.index)
            pair[row[pairs["treated"]]] = np.arange(len(pairs))
            pair[row[pairs["match"]]] = np.arange(len(pairs))
            data, options = df.assign(pair=pair), {"vcov": "cluster", "cluster": "pair"}
        fit = matched_did(data, result, "re78", "treat", effects="none", **options)
        assert fit.coef["treat"] == pytest.approx(expected[variant]["att"], rel=1e-9)
        assert fit.se["treat"] == pytest.approx(expected[variant]["se"], rel=1e-9)

    @pytest.mark.parametrize("k", [1, 2])
    def test_coarser_ties_explain_the_matching_package(self, lalonde, k):
        df, expected, _ = lalonde
        reference = expected[f"Match_pkg_M{k}_tiesTRUE"]
        ps, one = match(df, "treat", X).ps.to_numpy(), df["treat"].to_numpy() == 1
        squared = ((ps[one][:, None] - ps[~one][None, :]) / ps.std(ddof=1)) ** 2
        tied = squared <= np.sort(squared, axis=1)[:, [k - 1]] + 1e-5
        mean_control = (tied @ df.loc[~one, "re78"].to_numpy()) / tied.sum(axis=1)
        assert df.loc[one, "re78"].mean() - mean_control.mean() == pytest.approx(reference["att"], rel=1e-8)
        assert tied.sum() == reference["n_matched"]


class TestNeighbours:
    def test_ties_are_the_mean_over_all_ways_to_break_them(self):
        """Scores at distance .1, .2, .2, .2; k = 2: the nearest takes one slot, the tied three share the other."""
        found = with_replacement(
            np.array([0.5]), np.array([0.7, 0.4, 0.3, 0.7, 0.9]), np.arange(5), k=2, limit=np.inf, average=True
        )[0]
        assert found.controls.tolist() == [1, 0, 2, 3]
        assert found.shares == pytest.approx([1 / 2, 1 / 6, 1 / 6, 1 / 6])
        assert found.ranks.tolist() == [1, 2, 2, 2]
        first = with_replacement(
            np.array([0.5]), np.array([0.7, 0.4, 0.3, 0.7, 0.9]), np.arange(5), k=2, limit=np.inf, average=False
        )[0]
        assert first.controls.tolist() == [1, 0] and first.shares.tolist() == [0.5, 0.5]

    @settings(max_examples=60, deadline=None)
    @given(seed=st.integers(0, 10_000), k=st.integers(1, 4), limit=st.sampled_from([0.05, 0.2, np.inf]))
    def test_with_replacement_equals_brute_force(self, seed, k, limit):
        rng = np.random.default_rng(seed)
        treated, controls = rng.integers(0, 12, 6) / 12, rng.integers(0, 12, 9) / 12
        for score, found in zip(
            treated, with_replacement(treated, controls, np.arange(9), k, limit, True), strict=True
        ):
            distance = np.abs(controls - score)
            allowed = np.flatnonzero(distance <= limit + TIE)
            expected = np.zeros(9)
            if len(allowed):
                slots = min(k, len(allowed))
                threshold = np.sort(distance[allowed])[slots - 1]
                near = allowed[distance[allowed] < threshold - TIE]
                tied = allowed[np.abs(distance[allowed] - threshold) <= TIE]
                expected[near], expected[tied] = 1 / slots, (slots - len(near)) / len(tied) / slots
            ours = np.zeros(9)
            ours[found.controls] = found.shares
            assert ours == pytest.approx(expected)

    @settings(max_examples=60, deadline=None)
    @given(seed=st.integers(0, 10_000), k=st.integers(1, 3), limit=st.sampled_from([0.05, 0.2, np.inf]))
    def test_without_replacement_equals_brute_force(self, seed, k, limit):
        rng = np.random.default_rng(seed)
        treated, controls = rng.integers(0, 12, 5) / 12, rng.integers(0, 12, 9) / 12
        free, chosen = set(range(9)), [[] for _ in treated]
        order = sorted(range(5), key=lambda i: (-treated[i], i))
        for turn in range(k):
            for i in order:
                options = [
                    (abs(controls[j] - treated[i]), j) for j in free if abs(controls[j] - treated[i]) <= limit + TIE
                ]
                if len(chosen[i]) < turn or not options:
                    continue
                nearest = min(d for d, _ in options)
                j = min(j for d, j in options if d <= nearest + TIE)
                free.remove(j)
                chosen[i].append(j)
        found = without_replacement(treated, controls, np.arange(5), np.arange(9), k, limit)
        assert [list(neighbours.controls) for neighbours in found] == chosen


def panel(rng: np.random.Generator, n_city: int = 60, n_year: int = 8, effect: float = 0.4) -> pd.DataFrame:
    """Staggered adoption among cities with larger x; outcomes trend with x, so unmatched DID is biased."""
    city, year = np.repeat(np.arange(n_city), n_year), np.tile(np.arange(n_year), n_city)
    base = rng.normal(size=n_city)
    pilot = (base + rng.logistic(size=n_city) > 0.5).astype(float)
    x = base[city] + 0.3 * rng.normal(size=len(city))
    did = pilot[city] * (year >= 4)
    y = effect * did + 0.3 * x + rng.normal(size=n_city)[city] + 0.1 * year + 0.5 * rng.normal(size=len(city))
    return pd.DataFrame({"city_code": city, "year": year + 2010, "y": y, "x": x, "pilot": pilot[city], "did": did})


@pytest.fixture(scope="module")
def df() -> pd.DataFrame:
    return panel(np.random.default_rng(1))


class TestPanelMatching:
    def test_by_period_matches_within_the_period(self, df):
        result = match(df, "pilot", "x", k=2, replace=True, caliper=0.25, by="year")
        assert (result.pairs["treated_time"] == result.pairs["match_time"]).all()
        assert (result.pairs["distance"] <= 0.25 * result.ps.groupby(df["year"]).std().max()).all()
        assert result.common_support.index.tolist() == list(range(2010, 2018))
        alone = match(df[df["year"] == 2013], "pilot", "x", k=2, replace=True, caliper=0.25)
        assert result.ps[df["year"] == 2013].to_numpy() == pytest.approx(alone.ps.to_numpy(), rel=1e-12)
        assert result.weights[df["year"] == 2013].to_numpy() == pytest.approx(alone.weights.to_numpy(), rel=1e-12)

    def test_weights_add_up(self, df):
        for options in ({}, {"replace": True}, {"k": 2, "replace": True}, {"k": 3, "caliper": 0.5}):
            result = match(df, "pilot", "x", **options)
            treated = df["pilot"] == 1
            assert result.weights[treated].sum() == pytest.approx(result.weights[~treated].sum())
            assert result.pairs["weight"].sum() == pytest.approx(result.weights[treated].sum())
            if not options.get("replace"):
                assert not result.pairs.duplicated(["match", "match_time"]).any()

    def test_matching_balances(self, df):
        balance = match(df, "pilot", "x", replace=True, caliper=0.1).balance
        assert abs(balance.loc["x", "bias_pct_after"]) < 10 < abs(balance.loc["x", "bias_pct_before"])

    def test_groups_without_treated_are_reported(self, df):
        result = match(df, "did", "x", replace=True, by="year")
        note = result.common_support["note"]
        assert note[2010].startswith("no treated row") and note[2015] == ""
        assert result.ps[df["year"] == 2010].isna().all() and (result.weights[df["year"] == 2010] == 0).all()

    def test_row_order_does_not_matter(self, df):
        shuffled = df.sample(frac=1, random_state=5)
        for options in ({}, {"replace": True}, {"k": 2, "by": "year"}):
            first, second = match(df, "pilot", "x", **options), match(shuffled, "pilot", "x", **options)
            assert second.weights.loc[df.index].to_numpy() == pytest.approx(first.weights.to_numpy(), abs=1e-12)

    def test_the_frame_is_not_changed_and_missing_rows_get_no_weight(self, df):
        holed = df.assign(x=df["x"].where(df.index != 7))
        before = holed.copy()
        result = match(holed, "pilot", "x")
        pd.testing.assert_frame_equal(holed, before)
        assert np.isnan(result.ps[7]) and result.weights[7] == 0 and not result.on_support[7]

    def test_logit_caliper_is_on_the_linear_predictor(self, df):
        result = match(df, "pilot", "x", replace=True, caliper=0.1, caliper_unit="sd_logit")
        linear = np.log(result.ps / (1 - result.ps))
        keyed = linear.to_numpy()[:, None]
        assert result.pairs["distance"].max() <= 0.1 * np.std(keyed, ddof=1) + 1e-12

    def test_samples_of_the_regression(self, df):
        result = match(df, "pilot", "x", k=2, replace=True, caliper=0.2)
        weighted = matched_did(df, result, "y", "did", "x")
        kept = df[result.weights > 0].assign(w=result.weights)
        assert weighted.coef.equals(fit_panel(kept, "y", ["did", "x"], weights="w").coef)
        once = matched_did(df, result, "y", "did", "x", sample="matched")
        assert once.coef.equals(fit_panel(kept, "y", ["did", "x"]).coef)
        support = matched_did(df, result, "y", "did", "x", sample="support")
        assert support.nobs == result.on_support.sum()


class TestEntropyBalancing:
    @pytest.mark.parametrize("moments", [1, 2, 3])
    def test_moments_are_equal(self, moments):
        data = jobtraining.load().dropna(subset=["hrsemp", "employ", "sales", "grant"]).reset_index(drop=True)
        data = data.assign(city_code=np.arange(len(data)), year=1)
        x = ["hrsemp", "employ", "union"]
        result = entropy_balance(data, "grant", x, moments=moments)
        one, zero = data["grant"] == 1, data["grant"] == 0
        assert result.weights[zero].sum() == pytest.approx(one.sum())
        for name in x:
            for power in range(1, moments + 1 if name != "union" else 2):
                centred = ((data[name] - data.loc[one, name].mean()) / data[name].std()) ** power
                control = np.average(centred[zero], weights=result.weights[zero])
                assert control == pytest.approx(centred[one].mean(), abs=1e-7)

    def test_hand_worked(self):
        """Controls at 0 and 1, treated mean .8: the weights are .2 and .8 of each treated."""
        data = pd.DataFrame({"city_code": range(4), "year": 1, "d": [0, 0, 1, 1], "x": [0.0, 1.0, 0.7, 0.9]})
        weights = entropy_balance(data, "d", "x").weights
        assert weights[:2].to_numpy() == pytest.approx([0.4, 1.6], abs=1e-7)

    def test_infeasible_is_named(self):
        data = pd.DataFrame({"city_code": range(4), "year": 1, "d": [0, 0, 1, 1], "x": [0.0, 1.0, 2.0, 3.0]})
        with pytest.raises(EstimationError, match="balance x: the treated lie outside"):
            entropy_balance(data, "d", "x")

    def test_by_period_and_regression(self, df):
        result = entropy_balance(df, "pilot", "x", by="year")
        assert (result.groups["note"] == "").all() and (result.groups["imbalance"] < 1e-8).all()
        fit = matched_did(df, result, "y", "did", "x")
        assert fit.nobs == len(df)
        with pytest.raises(EstimationError, match="needs a propensity-score matching"):
            matched_did(df, result, "y", "did", sample="support")


class TestErrors:
    def test_treatment_must_be_binary(self, df):
        with pytest.raises(EstimationError, match="pilot must be 0 or 1"):
            match(df.assign(pilot=df["pilot"] + 1), "pilot", "x")

    def test_one_group_only(self, df):
        with pytest.raises(EstimationError, match="no control row"):
            match(df[df["pilot"] == 1], "pilot", "x")

    def test_perfect_prediction(self, df):
        with pytest.raises(EstimationError, match="perfectly"):
            match(df.assign(z=df["pilot"] * 2 + 0.001 * df["x"]), "pilot", ["z"])

    def test_collinear_covariates(self, df):
        with pytest.raises(EstimationError, match="z is a combination of x"):
            match(df.assign(z=df["x"] * 2), "pilot", ["x", "z"])

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"caliper_unit": "sd"}, "sd_ps, sd_logit, absolute"),
            ({"ties": "random"}, "average, first"),
            ({"k": 0}, "positive whole number"),
            ({"caliper": -1.0}, "must be positive"),
            ({"discard": "all"}, "none, treated, control, both"),
        ],
    )
    def test_options(self, df, options, message):
        with pytest.raises(EstimationError, match=message):
            match(df, "pilot", "x", **options)

    def test_regression_wants_the_matched_frame(self, df):
        result = match(df, "pilot", "x")
        with pytest.raises(EstimationError, match="same index"):
            matched_did(df.head(50), result, "y", "did")


def test_balance_measures_by_hand():
    x, d = np.array([1.0, 3.0, 0.0, 2.0, 4.0]), np.array([1.0, 1.0, 0.0, 0.0, 0.0])
    row = balance_table({"x": x}, d, np.array([1.0, 1.0, 1.0, 1.0, 0.0])).loc["x"]
    assert row["mean_treated_before"] == 2 and row["mean_control_before"] == 2 and row["mean_control_after"] == 1
    assert row["smd_after"] == pytest.approx(1 / np.sqrt(2))
    assert row["variance_ratio_before"] == pytest.approx(2 / 4) and row["variance_ratio_after"] == pytest.approx(1)
    assert row["ecdf_max_after"] == pytest.approx(1 / 2)
    assert effective_sample_size(np.array([1.0, 1.0, 2.0])) == pytest.approx(16 / 6)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["matching", "entropy"])
def test_coverage_of_did_on_the_matched_sample(method):
    """1,000 draws inside the exact 99.9 % band of a 95 % interval (cities independent, effect constant)."""
    covered = 0
    for draw in range(1000):
        data = panel(np.random.default_rng([21, draw]), n_city=120, n_year=6)
        if method == "matching":
            matched = match(data, "pilot", "x", k=2, replace=True, by="year")
        else:
            matched = entropy_balance(data, "pilot", "x", by="year")
        low, high = matched_did(data, matched, "y", "did", "x").conf_int().loc["did"]
        covered += low <= 0.4 <= high
    assert 926 <= covered <= 971
