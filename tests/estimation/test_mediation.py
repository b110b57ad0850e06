"""Mediation, moderation and moderated mediation.

References (``oracles/mediation_sensitivity``): R multilevel 2.8 (Sobel; double precision, so relative 1e-9) and R
mediation 4.5.1 (simulated effects and interval: compared within Monte Carlo error). Printed numbers are compared to
the digits printed.
"""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from estimation.core.entity_moments import bootstrap_multiplicities, entity_moments, solve_moments
from estimation.core.frame import EstimationError, panel_frame
from estimation.mediation import (
    channels,
    check_identity,
    mediate,
    moderate,
    moderated_mediation,
    product_tests,
)
from estimation.panel import fit_panel


@pytest.fixture(scope="module")
def reference(oracles):
    folder = oracles / "mediation_sensitivity"
    return folder, json.loads((folder / "expected.json").read_text())


def keyed(df: pd.DataFrame) -> pd.DataFrame:
    return df.assign(city_code=np.arange(len(df)), year=1)


def panel(rng: np.random.Generator, n_city: int = 40, n_year: int = 6) -> pd.DataFrame:
    """a = 0.4 + 0.3 w, b = 0.5, direct effect 0.2; errors independent, city and year effects."""
    n = n_city * n_year
    city, year = np.repeat(np.arange(n_city), n_year), np.tile(np.arange(n_year), n_city)
    d, w, x = rng.normal(size=(3, n))
    effect = rng.normal(size=n_city)[city] + rng.normal(size=n_year)[year]
    m = (0.4 + 0.3 * w) * d + 0.2 * w + 0.3 * x + effect + rng.normal(size=n)
    y = 0.2 * d + 0.5 * m - 0.1 * x + effect + rng.normal(size=n)
    return pd.DataFrame({"city_code": city, "year": year, "y": y, "m": m, "d": d, "w": w, "x": x})


@pytest.fixture(scope="module")
def df() -> pd.DataFrame:
    return panel(np.random.default_rng(1)).drop(index=[3, 50, 51]).reset_index(drop=True)


class TestOracle:
    @pytest.mark.parametrize(
        ("key", "file", "names"),
        [
            ("sobel_jobs", "jobs.csv", ("depress2", "treat", "job_seek")),
            ("sobel_mtcars", "mtcars.csv", ("mpg", "hp", "wt")),
        ],
    )
    def test_sobel(self, reference, key, file, names):
        folder, expected = reference
        fit = mediate(keyed(pd.read_csv(folder / file)), *names, effects="none")
        assert fit.indirect == pytest.approx(expected[key]["indirect"], rel=1e-9)
        assert fit.sobel.std_error == pytest.approx(expected[key]["se"], rel=1e-9)
        assert fit.sobel.statistic == pytest.approx(expected[key]["z"], rel=1e-9)
        rows = expected[key]["M2"]
        assert fit.direct == pytest.approx(rows[1][0], rel=1e-9) and fit.b == pytest.approx(rows[2][0], rel=1e-9)
        assert fit.models["outcome"].se[names[1]] == pytest.approx(rows[1][1], rel=1e-9)

    def test_simulated_effects(self, reference):
        """The reference adds econ_hard, sex and age; its effects are means of 1,000 simulations."""
        folder, expected = reference
        data = keyed(pd.read_csv(folder / "jobs.csv"))
        controls = ["econ_hard", "sex", "age"]
        rng = np.random.default_rng(1)
        fit = mediate(data, "depress2", "treat", "job_seek", controls, effects="none", draws=2000, rng=rng)
        simulated = expected["mediate_jobs"]
        noise = 3 * fit.sobel.std_error / np.sqrt(1000)
        assert fit.indirect == pytest.approx(simulated["acme"], abs=noise)
        assert fit.direct == pytest.approx(simulated["ade"], abs=3 * fit.se["direct"] / np.sqrt(1000))
        assert fit.ci == pytest.approx(simulated["acme_ci"], abs=0.004)


class TestPrintedNumbers:
    def test_industrial_upgrading_sobel(self):
        """0.1435 (t 5.34) and 0.0216 (t 8.37) give z = 4.50; 0.0031 of 0.0130, 24 %."""
        z = product_tests(0.1435, 0.1435 / 5.34, 0.0216, 0.0216 / 8.37)["sobel"]
        assert z.statistic == pytest.approx(4.50, abs=0.005)
        assert z.estimate == pytest.approx(0.0031, abs=0.00005)
        assert z.estimate / 0.0130 == pytest.approx(0.24, abs=0.005)
        assert z.p_value < 0.05
        assert check_identity(0.0130, 0.0099, 0.1435, 0.0216, decimals=4).holds

    @pytest.mark.parametrize(
        ("mediator", "direct", "a", "b", "holds"),
        [
            ("Ina", -0.012, -0.227, 0.006, True),
            ("Ind", -0.013, -0.235, 0.017, False),
            ("Mar", -0.012, -1.692, 0.078, False),
        ],
    )
    def test_green_development_identity(self, mediator, direct, a, b, holds):
        """Total effect -0.013: the printed decompositions through Ind and Mar do not add up within rounding."""
        assert check_identity(-0.013, direct, a, b, decimals=3).holds is holds

    def test_mar_adds_up_when_divided_by_hundred(self):
        assert check_identity(-0.013, -0.012, -1.692 / 100, 0.078, decimals=3).holds


class TestFormulas:
    def test_three_variances(self):
        tests = product_tests(0.5, 0.1, 0.4, 0.2)
        assert tests["sobel"].std_error == pytest.approx(np.sqrt(0.25 * 0.04 + 0.16 * 0.01))
        assert tests["aroian"].std_error == pytest.approx(np.sqrt(0.25 * 0.04 + 0.16 * 0.01 + 0.0004))
        assert tests["goodman"].std_error == pytest.approx(np.sqrt(0.25 * 0.04 + 0.16 * 0.01 - 0.0004))

    def test_goodman_is_undefined_for_small_products(self):
        assert np.isnan(product_tests(0.01, 0.1, 0.01, 0.2)["goodman"].statistic)

    @pytest.mark.parametrize("effects", ["none", "entity", "time", "twoways"])
    @pytest.mark.parametrize("vcov", ["iid", "robust", "cluster"])
    def test_identity_on_one_sample(self, df, effects, vcov):
        holed = df.assign(m=df["m"].where(df.index != 4), x=df["x"].where(df.index != 9))
        fit = mediate(holed, "y", "d", "m", "x", effects=effects, vcov=vcov)
        assert fit.identity.holds and abs(fit.identity.gap) < 1e-10
        assert fit.total == pytest.approx(fit.direct + fit.indirect, abs=1e-10)
        assert fit.n_dropped == 2 and {model.nobs for model in fit.models.values()} == {len(df) - 2}

    def test_quadratic_treatment_term_by_term(self, df):
        data = df.assign(d_sq=df["d"] ** 2)
        assert mediate(data, "y", "d", "m", ["d_sq", "x"]).identity.holds
        assert mediate(data, "y", "d_sq", "m", ["d", "x"]).identity.holds

    def test_steps_are_the_panel_regressions(self, df):
        fit = mediate(df, "y", "d", "m", "x", vcov="cluster")
        assert fit.a == pytest.approx(fit_panel(df, "m", ["d", "x"]).coef["d"], rel=1e-12)
        outcome = fit_panel(df, "y", ["d", "m", "x"])
        assert fit.b == pytest.approx(outcome.coef["m"], rel=1e-12)
        assert fit.se["direct"] == pytest.approx(outcome.se["d"], rel=1e-12)
        assert channels(df, "d", ["m"], "x")["m"].coef["d"] == pytest.approx(fit.a, rel=1e-12)

    def test_suppression_is_flagged(self, df):
        flipped = df.assign(y=df["y"] - 0.6 * df["d"])
        fit = mediate(flipped, "y", "d", "m", "x")
        assert fit.suppression and np.isnan(fit.share_mediated)
        plain = mediate(df, "y", "d", "m", "x")
        assert not plain.suppression and plain.share_mediated == pytest.approx(plain.indirect / plain.total)


class TestBootstrap:
    @pytest.mark.parametrize("effects", ["none", "entity", "time", "twoways"])
    def test_moments_equal_regressions_on_resampled_rows(self, df, effects):
        """Every draw equals the regression on a frame in which each drawn city is a city of its own."""
        frame = panel_frame(df, ["y", "m", "d", "x"])
        moments = entity_moments(frame, ["y", "m", "d", "x"], effects, frame.array(["y", "m", "d", "x"]))
        times = bootstrap_multiplicities(np.random.default_rng(3), len(frame.entities), 5)
        small = moments.partial(times, ["y", "m", "d"])
        a, b = solve_moments(small, 1, [2])[:, 0], solve_moments(small, 0, [1, 2])[:, 0]
        for draw in range(5):
            pieces, label = [], 0
            for city, count in zip(frame.entities, times[draw].astype(int), strict=True):
                for _ in range(count):
                    pieces.append(df[df["city_code"] == city].assign(city_code=label))
                    label += 1
            drawn = pd.concat(pieces)
            assert a[draw] == pytest.approx(fit_panel(drawn, "m", ["d", "x"], effects=effects).coef["d"], rel=1e-8)
            outcome = fit_panel(drawn, "y", ["d", "m", "x"], effects=effects)
            assert b[draw] == pytest.approx(outcome.coef["m"], rel=1e-8)

    def test_reproducible_and_free_of_row_order(self, df):
        first = mediate(df, "y", "d", "m", "x", draws=50, rng=np.random.default_rng(1))
        second = mediate(df.sample(frac=1, random_state=1), "y", "d", "m", "x", draws=50, rng=np.random.default_rng(1))
        assert second.ci == pytest.approx(first.ci, rel=1e-9)
        assert "50 draws" in first.convention and first.n_failed == 0

    def test_weights_enter_the_bootstrap(self, df):
        weighted = df.assign(weight=np.where(df["city_code"] < 20, 1.0, 1e-9))
        half = df[df["city_code"] < 20]
        options = {"draws": 400, "rng": np.random.default_rng(1)}
        fit = mediate(weighted, "y", "d", "m", "x", weights="weight", **options)
        assert fit.indirect == pytest.approx(mediate(half, "y", "d", "m", "x").indirect, rel=1e-5)
        assert fit.draws.std() == pytest.approx(
            mediate(half, "y", "d", "m", "x", draws=400, rng=np.random.default_rng(2)).draws.std(), rel=0.25
        )

    def test_draws_need_a_generator(self, df):
        with pytest.raises(EstimationError, match="draws need rng"):
            mediate(df, "y", "d", "m", draws=10)

    def test_unidentified_draws_are_counted(self):
        """One treated city of four: about a third of the samples miss it, which is refused."""
        data = panel(np.random.default_rng(2), n_city=4)
        data["d"] = ((data["city_code"] == 0) & (data["year"] > 2)).astype(float)
        with pytest.raises(EstimationError, match="identify the effect"):
            mediate(data, "y", "d", "m", draws=200, rng=np.random.default_rng(1))

    def test_without_draws_there_is_no_interval(self, df):
        assert np.isnan(mediate(df, "y", "d", "m").ci).all()


class TestModeration:
    def test_marginal_effects_by_hand(self, df):
        fit = moderate(df, "m", "d", "w", "x")
        row = fit.marginal_effects.loc["p75"]
        w = np.percentile(df["w"], 75)
        assert row["value"] == w
        assert row["effect"] == pytest.approx(fit.coef["d"] + fit.coef["d#w"] * w)
        variance = fit.cov.loc["d", "d"] + 2 * w * fit.cov.loc["d", "d#w"] + w**2 * fit.cov.loc["d#w", "d#w"]
        assert row["std_error"] == pytest.approx(np.sqrt(variance))

    def test_centring_changes_main_effects_only(self, df):
        plain, centred = moderate(df, "m", "d", "w", "x"), moderate(df, "m", "d", "w", "x", centre=True)
        assert centred.coef["d#w"] == pytest.approx(plain.coef["d#w"], rel=1e-9)
        pd.testing.assert_frame_equal(centred.marginal_effects, plain.marginal_effects, rtol=1e-8)
        assert centred.coef["d"] == pytest.approx(plain.marginal_effects.loc["mean", "effect"], rel=1e-8)
        assert centred.se["d"] == pytest.approx(plain.marginal_effects.loc["mean", "std_error"], rel=1e-8)
        assert "centred" in centred.convention and centred.centres["w"] == pytest.approx(df["w"].mean())

    def test_moderator_absorbed_by_city_effects(self, df):
        fit = moderate(df.assign(level=df["city_code"] % 2), "y", "d", "level", "x")
        assert list(fit.coef.index) == ["d", "d#level", "x"] and "level" in fit.convention

    def test_collinear_controls_are_not_dropped_silently(self, df):
        with pytest.raises(EstimationError, match="not identified"):
            moderate(df.assign(x2=df["x"] * 2), "y", "d", "w", ["x", "x2"])

    def test_the_frame_is_not_changed(self, df):
        before = df.copy()
        moderate(df, "y", "d", "w", "x", centre=True)
        pd.testing.assert_frame_equal(df, before)

    def test_existing_column_of_the_same_name(self, df):
        with pytest.raises(EstimationError, match="rename it"):
            moderate(df.assign(**{"d#w": 1.0}), "y", "d", "w", ["x", "d#w"])


class TestModeratedMediation:
    def test_first_stage(self, df):
        fit = moderated_mediation(df, "y", "d", "m", "w", "x", moderated_direct=True)
        one = moderate(df, "m", "d", "w", "x")
        assert fit.mediator_fit.coef["d#w"] == pytest.approx(one.coef["d#w"], rel=1e-12)
        assert fit.index == pytest.approx(one.coef["d#w"] * fit.outcome_fit.coef["m"])
        row = fit.indirect.loc["p50"]
        assert row["effect"] == pytest.approx(one.marginal_effects.loc["p50", "effect"] * fit.outcome_fit.coef["m"])
        slope = np.diff(fit.indirect["effect"]) / np.diff(fit.indirect["value"])
        assert slope == pytest.approx(np.full(len(slope), fit.index))

    @pytest.mark.parametrize("stage", ["first", "second", "both"])
    def test_bootstrap_agrees_with_the_delta_method(self, stage):
        data = panel(np.random.default_rng(4), n_city=150)
        delta = moderated_mediation(data, "y", "d", "m", "w", "x", stage=stage, vcov="cluster")
        drawn = moderated_mediation(
            data, "y", "d", "m", "w", "x", stage=stage, vcov="cluster", draws=1000, rng=np.random.default_rng(1)
        )
        wide, narrow = (table["conf_high"] - table["conf_low"] for table in (drawn.indirect, delta.indirect))
        assert wide.to_numpy() == pytest.approx(narrow.to_numpy(), rel=0.15)
        assert drawn.indirect["effect"].equals(delta.indirect["effect"])
        assert np.isnan(delta.index) == (stage == "both")

    def test_unknown_stage(self, df):
        with pytest.raises(EstimationError, match="first, second, both"):
            moderated_mediation(df, "y", "d", "m", "w", stage="third")


@pytest.mark.slow
def test_coverage_of_the_indirect_effect():
    """1,000 draws, a = 0.4, b = 0.5: bootstrap and Sobel intervals inside the exact 99.9 % band of a 95 % interval."""
    bootstrap, sobel = 0, 0
    for draw in range(1000):
        rng = np.random.default_rng([41, draw])
        data = panel(rng, n_city=80, n_year=5)
        data["m"] = data["m"] - 0.3 * data["w"] * data["d"] - 0.2 * data["w"]
        data["y"] = data["y"] - 0.5 * (0.3 * data["w"] * data["d"] + 0.2 * data["w"])
        fit = mediate(data, "y", "d", "m", "x", draws=500, rng=rng)
        bootstrap += fit.ci[0] <= 0.2 <= fit.ci[1]
        sobel += abs(fit.indirect - 0.2) <= 1.96 * fit.sobel.std_error
    assert 926 <= bootstrap <= 971
    assert 926 <= sobel <= 971


@pytest.mark.slow
def test_coverage_of_marginal_and_conditional_indirect_effects():
    marginal, conditional = 0, 0
    for draw in range(1000):
        data = panel(np.random.default_rng([42, draw]), n_city=60)
        row = moderate(data, "m", "d", "w", "x").marginal_effects.loc["p90"]
        marginal += row["conf_low"] <= 0.4 + 0.3 * row["value"] <= row["conf_high"]
        row = moderated_mediation(data, "y", "d", "m", "w", "x").indirect.loc["p90"]
        conditional += row["conf_low"] <= (0.4 + 0.3 * row["value"]) * 0.5 <= row["conf_high"]
    assert 926 <= marginal <= 971
    assert 926 <= conditional <= 971
