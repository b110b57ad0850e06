"""Dynamic panels against xtabond2.

Provenance. Folder `gmm` of the oracles: abdata of Arellano and Bond (1991), 140 firms, and numbers computed to full precision by
a reference implementation that was checked against printed xtabond2 output. PRINTED below: Stata output of xtabond2 as published
in Roodman (2009, Stata Journal 9(1), sec. 3.3-3.4), in the xtabond2 help example and in a public benchmark of pydynpd.

Tolerances. Full-precision numbers: relative 1e-6, because with 113 to 120 instruments for 140 firms the moment covariance has a
condition number near 1e9 and two correct implementations agree to about 1e-8. Printed numbers: half a unit of the last digit.

Where the reference is doubtful. `small_se_factor` of the two difference-GMM cases (611/607 and 611/595 times 140/139) is not
what xtabond2 prints: its published difference-GMM example has N/(N-k+1) G/(G-1) = 611/596 140/139, tested below; the factors of the
system cases agree with it. `sargan_s2level_*` uses levels residuals, which xtabond2 stopped doing in version 2.4.3; the Sargan
statistic printed in 2009 divided by the number of levels rows, later versions by the transformed rows (the ratio is tested).
"""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from estimation.gmm import Gmm, GmmResult, Iv, fit_gmm

FULL = 1e-6


def years(first: int, last: int) -> list[str]:
    return [f"yr{year}" for year in range(first, last + 1)]


LAGS = ["L1.n", "L2.n", "w", "L1.w", "k", "L1.k", "L2.k", "ys", "L1.ys", "L2.ys"]
SHORT = ["L1.n", "w", "L1.w", "k", "L1.k"]
SPECS = {
    "S1_diff_n_l12_w_k": {
        "x": ["L1.n", "L2.n", "w", "k"],
        "gmm": [Gmm("n", (2, 4)), Gmm("w", (1, 3))],
        "iv": [Iv(["k"])],
        "system": False,
    },
    "S3_roodman_sys": {"x": LAGS + years(1980, 1984), "gmm": [Gmm(["L.n", "w", "k"])], "iv": [Iv(years(1980, 1984))]},
    "S4_BB98_sys": {
        "x": SHORT + years(1978, 1984),
        "gmm": [Gmm(["L.n", "L.w", "L.k"])],
        "iv": [Iv(years(1978, 1984), eq="level")],
        "h": 2,
    },
    "S4b_BB98_sys_h3": {
        "x": SHORT + years(1978, 1984),
        "gmm": [Gmm(["L.n", "L.w", "L.k"])],
        "iv": [Iv(years(1978, 1984), eq="level")],
    },
    "S5_AB91_T4a": {
        "x": LAGS + years(1979, 1984),
        "gmm": [Gmm("L.n")],
        "iv": [Iv([*LAGS[2:], *years(1979, 1984)])],
        "system": False,
    },
}


@pytest.fixture(scope="module")
def firms(oracles: Path) -> pd.DataFrame:
    return pd.read_csv(oracles / "gmm" / "abdata_stata.csv")


@pytest.fixture(scope="module")
def expected(oracles: Path) -> dict:
    return json.loads((oracles / "gmm" / "expected.json").read_text())["exact_gmm"]


def fit(firms: pd.DataFrame, name: str, **options: object) -> GmmResult:
    return fit_gmm(firms, "n", **{**SPECS[name], **options}, entity="id")  # type: ignore[arg-type]


def assert_close(actual: object, reference: object, rel: float = FULL) -> None:
    np.testing.assert_allclose(np.asarray(actual, dtype=float), np.asarray(reference, dtype=float), rtol=rel)


@pytest.mark.parametrize("name", SPECS)
def test_counts(firms: pd.DataFrame, expected: dict, name: str) -> None:
    result, reference = fit(firms, name), expected[name]
    assert (result.nobs, result.n_transformed) == (reference["nobs"], reference["n_diff"])
    assert (result.n_instruments, result.n_entities) == (reference["n_instr"], reference["n_units"])
    assert [term.replace("L.", "L1.") for term in result.coef.index] == reference["names"]
    assert not result.many_instruments and not result.singular_weighting and result.notes == ()


@pytest.mark.parametrize("name", SPECS)
def test_one_step(firms: pd.DataFrame, expected: dict, name: str) -> None:
    reference, result = expected[name]["onestep"], fit(firms, name, steps=1)
    assert_close(result.coef, reference["coef"])
    assert_close(result.se, reference["se_robust"])
    assert_close([result.ar[order].statistic for order in (1, 2)], [reference["ar"][order][0] for order in "12"])
    assert_close([result.ar[order].p_value for order in (1, 2)], [reference["ar"][order][1] for order in "12"])
    assert_close(result.sargan.statistic_nk, reference["sargan_s2diff_nk"])
    if reference["sargan_xtabond2"] is not None:
        assert_close(result.sargan.statistic, reference["sargan_xtabond2"])


@pytest.mark.parametrize("name", SPECS)
def test_one_step_conventional(firms: pd.DataFrame, expected: dict, name: str) -> None:
    result = fit(firms, name, steps=1, vcov="conventional", small=True)
    assert_close(result.se, expected[name]["onestep"]["se_conv_s2diff"])


@pytest.mark.parametrize("name", SPECS)
def test_two_step(firms: pd.DataFrame, expected: dict, name: str) -> None:
    reference = expected[name]["twostep"]
    result, plain = fit(firms, name), fit(firms, name, windmeijer=False)
    assert_close(result.coef, reference["coef"])
    assert_close(result.se, reference["se_windmeijer"])
    assert_close(plain.se, reference["se_uncorrected"])
    assert_close(result.hansen.statistic, reference["hansen"])
    assert result.hansen.df == reference["hansen_df"]
    assert_close(result.hansen.p_value, reference["hansen_p"])
    assert_close([result.ar[order].statistic for order in (1, 2)], [reference["ar"][order][0] for order in "12"])
    assert_close([plain.ar[i].statistic for i in (1, 2)], [reference["ar_uncorrectedV"][i][0] for i in "12"])


def test_third_order_autocorrelation(firms: pd.DataFrame, expected: dict) -> None:
    result = fit(firms, "S3_roodman_sys", ar_orders=3)
    assert_close(result.ar[3].statistic, expected["S3_roodman_sys"]["twostep"]["ar"]["3"][0], 1e-5)


@pytest.mark.parametrize("name", ["S3_roodman_sys", "S4_BB98_sys", "S4b_BB98_sys_h3"])
def test_small_sample_factor_of_systems(firms: pd.DataFrame, expected: dict, name: str) -> None:
    ratio = fit(firms, name, small=True).se / fit(firms, name).se
    assert_close(ratio, np.full(len(ratio), expected[name]["onestep"]["small_se_factor"]), 1e-12)


def test_printed_difference_gmm(firms: pd.DataFrame, expected: dict) -> None:
    printed, result = expected["S1_diff_n_l12_w_k"]["published"], fit(firms, "S1_diff_n_l12_w_k")
    np.testing.assert_allclose(result.coef, printed["coef"], atol=5.1e-8)
    np.testing.assert_allclose(result.se, printed["se"], atol=5.1e-8)
    assert f"{result.sargan.statistic:.2f} ({result.sargan.df})" == printed["sargan"]
    assert (
        f"{result.hansen.statistic:.2f} ({result.hansen.df}) p={result.hansen.p_value:.3f}".replace("0.0", ".0")
        == (printed["hansen"])
    )
    assert [round(result.ar[order].statistic, 2) for order in (1, 2)] == [printed["ar1"], printed["ar2"]]
    differences = {
        "gmm(n, lag(2 4))": (23.75, 15, 0.069, 24.11, 17, 0.117),
        "gmm(w, lag(1 3))": (17.25, 14, 0.243, 30.61, 18, 0.032),
        "iv(k)": (38.33, 31, 0.171, 9.53, 1, 0.002),
    }
    assert {key: rounded(pair) for key, pair in result.diff_hansen.items()} == differences


def rounded(pair: object) -> tuple[float, ...]:
    tests = (pair.excluding, pair.difference)  # type: ignore[attr-defined]
    return tuple(value for test in tests for value in (round(test.statistic, 2), test.df, round(test.p_value, 3)))


def test_printed_help_example_with_small(firms: pd.DataFrame, expected: dict) -> None:
    printed, result = expected["S3_roodman_sys"]["published"], fit(firms, "S3_roodman_sys", small=True)
    np.testing.assert_allclose(result.coef, printed["coef"], atol=5.1e-8)
    np.testing.assert_allclose(result.se, printed["se"], atol=5.1e-7)
    assert (round(result.wald.statistic, 2), result.wald.df) == (1128.31, (15, 139.0))


@pytest.mark.filterwarnings("ignore:.*linearly independent:estimation.gmm.GmmWarning")
def test_printed_blundell_bond_example(firms: pd.DataFrame) -> None:
    """Roodman (2009, p. 118): all nine year dummies given, two of them dropped; the 2009 Sargan divides by levels rows."""
    spec = {
        **SPECS["S4b_BB98_sys_h3"],
        "x": SHORT + years(1976, 1984),
        "iv": [Iv(years(1976, 1984), eq="level")],
    }
    with pytest.warns(UserWarning, match="collinearity: yr1976, yr1984"):
        result = fit_gmm(firms, "n", **spec, steps=1, small=True, entity="id")  # type: ignore[arg-type]
    slopes = {
        "L1.n": (0.9356053, 0.026569),
        "w": (-0.6309761, 0.1192834),
        "L1.w": (0.4826203, 0.1383132),
        "k": (0.4839299, 0.0544281),
        "L1.k": (-0.4243928, 0.059088),
        "yr1977": (-0.0240573, 0.0296969),
        "yr1983": (0.0038132, 0.0171959),
        "_cons": (0.5522011, 0.1971607),
    }
    for term, (coefficient, error) in slopes.items():
        assert result.coef[term] == pytest.approx(coefficient, abs=5.1e-8)
        assert result.se[term] == pytest.approx(error, abs=5.1e-8)
    assert (round(result.wald.statistic, 2), result.wald.df) == (1154.36, (12, 139.0))
    assert (round(result.hansen.statistic, 2), result.hansen.df) == (110.70, 100)
    assert round(result.sargan.statistic * result.nobs / result.n_transformed, 2) == 186.90
    assert rounded(result.diff_hansen["GMM instruments for levels"])[:2] == (84.33, 79)
    assert rounded(result.diff_hansen["GMM instruments for levels"])[3:] == (26.37, 21, 0.193)
    standard = next(pair for label, pair in result.diff_hansen.items() if label.startswith("iv("))
    assert rounded(standard) == (107.79, 93, 0.140, 2.91, 7, 0.893)


@pytest.mark.filterwarnings("ignore:.*linearly independent:estimation.gmm.GmmWarning")
def test_printed_difference_example_with_small(firms: pd.DataFrame) -> None:
    """Roodman (2009, p. 112): predetermined wages and capital, one step, robust, small."""
    with pytest.warns(UserWarning, match="collinearity: yr1976, yr1977, yr1984"):
        result = fit_gmm(
            firms,
            "n",
            [*LAGS, *years(1976, 1984)],
            gmm=[Gmm(["L.n", "L.w", "L.k"])],
            iv=[Iv(["ys", "L.ys", "L2.ys", *years(1976, 1984)])],
            system=False,
            steps=1,
            small=True,
            entity="id",
        )
    assert result.coef["L1.n"] == pytest.approx(0.8179867, abs=5.1e-8)
    assert result.se["L1.n"] == pytest.approx(0.0859761, abs=5.1e-8)
    assert result.se["L1.ys"] == pytest.approx(0.2639274, abs=5.1e-8)
    assert (round(result.wald.statistic, 2), result.wald.df) == (85.30, (16, 140.0))
    assert (result.n_instruments, round(result.sargan.statistic, 2), round(result.hansen.statistic, 2)) == (
        90,
        120.62,
        73.72,
    )
    assert [round(result.ar[order].statistic, 2) for order in (1, 2)] == [-5.39, -0.78]
    standard = next(pair for label, pair in result.diff_hansen.items() if label.startswith("iv("))
    assert rounded(standard)[:2] + rounded(standard)[3:] == (56.99, 65, 16.72, 9, 0.053)


def test_printed_arellano_bond_wald(firms: pd.DataFrame) -> None:
    result = fit(firms, "S5_AB91_T4a", steps=1)
    assert (round(result.wald.statistic, 2), result.wald.df) == (1727.45, 16)


def test_time_dummies_equal_hand_made_ones(firms: pd.DataFrame) -> None:
    spec = SPECS["S4b_BB98_sys_h3"]
    by_hand = fit_gmm(firms, "n", **{**spec, "x": SHORT + years(1978, 1984)}, entity="id")  # type: ignore[arg-type]
    made = fit_gmm(firms, "n", **{**spec, "x": SHORT, "iv": []}, time_dummies=True, entity="id")  # type: ignore[arg-type]
    assert list(made.coef.index) == [*SHORT, *[f"year_{year}" for year in range(1978, 1985)], "_cons"]
    assert_close(made.coef, by_hand.coef, 1e-9)
    assert made.tests["wald_time_dummies"].df == 7
    assert_close(made.tests["wald_time_dummies"].statistic, by_hand.joint_test(years(1978, 1984)).statistic, 1e-9)


def test_time_dummies_in_difference_gmm(firms: pd.DataFrame, expected: dict) -> None:
    spec = {**SPECS["S5_AB91_T4a"], "x": LAGS, "iv": [Iv(LAGS[2:])]}
    result = fit_gmm(firms, "n", **spec, time_dummies=True, entity="id")  # type: ignore[arg-type]
    assert_close(result.coef[LAGS], expected["S5_AB91_T4a"]["twostep"]["coef"][:10])


def test_r_plm_table_4b(firms: pd.DataFrame, oracles: Path) -> None:
    """R plm 2.6.2 pgmm, one step: dummies entered undifferenced span the same space; it takes logs in double precision of what
    this file holds as logs in single precision (7 digits), hence 2e-5."""
    reference = json.loads((oracles / "gmm" / "expected.json").read_text())["R"]["AB1991_T4b_onestep"]
    slopes = ["L1.n", "L2.n", "w", "L1.w", "k", "ys", "L1.ys"]
    result = fit_gmm(
        firms, "n", slopes, gmm=[Gmm("L.n")], iv=[Iv(slopes[2:])], system=False, steps=1, time_dummies=True, entity="id"
    )
    robust = reference["robust_or_windmeijer"]
    assert_close(result.coef[slopes], list(robust["coef"].values())[:7], 2e-5)
    assert_close(result.se[slopes], list(robust["se"].values())[:7], 2e-5)
    assert_close([result.ar[1].statistic, result.ar[2].statistic], [robust["m1"][0][0], robust["m2"][0][0]], 2e-5)
    assert_close(result.joint_test(slopes).statistic, robust["wald_coef"], 2e-5)


def test_no_warning_on_clean_specifications(firms: pd.DataFrame) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit(firms, "S1_diff_n_l12_w_k")
