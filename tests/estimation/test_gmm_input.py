"""Dynamic panels: bad input, flags, invariances, lags inside groups of rows.

Invariances are exact algebra; 1e-8 relative covers the rounding of differently scaled or ordered sums.
"""

from __future__ import annotations

import dataclasses
import warnings

import numpy as np
import pandas as pd
import pytest

from estimation.core.frame import EstimationError
from estimation.gmm import Gmm, GmmWarning, Iv, fit_gmm, fit_gmm_by_group
from tests.estimation.test_gmm_reference import simulate

SPEC = {"gmm": [Gmm("y", (2, 3), collapse=True), Gmm("x", (1, 2), collapse=True)], "iv": [Iv("z")]}


@pytest.fixture(scope="module")
def panel() -> pd.DataFrame:
    return simulate(np.random.default_rng(21), 90, 8)


def fit(frame: pd.DataFrame, x: list[str] | str = ("L.y", "x", "z"), **options: object):
    return fit_gmm(frame, "y", x, **{**SPEC, **options})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": 3}, "steps=3 is not one of 1, 2"),
        ({"h": 4}, "h=4 is not one of 1, 2, 3"),
        ({"transform": "within"}, "transform='within' is not one of fd, fod"),
        ({"vcov": "hac"}, "vcov='hac' is not one of robust, conventional"),
        ({"vcov": "conventional"}, "needs steps=1"),
        ({"ar_orders": 0}, "ar_orders=0: at least 1"),
        (
            {"system": False, "iv": [Iv("z", eq="level")]},
            r"iv\(z, eq\(level\)\): difference GMM has no levels equation",
        ),
        ({"gmm": [Gmm("w", (2, 2))]}, "column\\(s\\) not in the data: w"),
        ({"iv": [Iv("L.w")]}, "column\\(s\\) not in the data: w"),
        ({"gmm": [Gmm("y", (2, 2), collapse=True)], "iv": []}, "not identified: 3 independent instrument"),
        ({"sample": "nowhere"}, "column\\(s\\) not in the data: nowhere"),
        ({"gmm": "y"}, r"gmm holds 'y'; give a list of Gmm"),
        ({"gmm": {"y": (2, 3)}}, r"gmm holds 'y'; give a list of Gmm"),
        ({"iv": ["x"]}, r"iv holds 'x'; give a list of Iv"),
    ],
)
def test_errors_name_what_is_wrong(panel: pd.DataFrame, options: dict, message: str) -> None:
    with pytest.raises(EstimationError, match=message):
        fit(panel, **options)


@pytest.mark.parametrize(
    "arguments", [{"lags": (3, 2)}, {"lags": (-1, 2)}, {"lags": (1.5, 2)}, {"lags": (1, 2, 3)}, {"eq": "levels"}]
)
def test_instrument_specifications_are_checked(arguments: dict) -> None:
    with pytest.raises(EstimationError):
        Gmm("y", **arguments)


def test_lag_limits_have_several_spellings(panel: pd.DataFrame) -> None:
    unlimited = [fit(panel, gmm=[Gmm("y", lags, collapse=True)]).hansen for lags in ((2, None), (2, np.inf), (2, 99))]
    assert len({test.statistic for test in unlimited}) == 1
    assert Gmm("y", 2).window == (2, 2)
    assert Gmm("y").window == (1, None)
    assert Gmm(("y", "x"), (2, None), "diff", True).label == "gmm(y x, lag(2 .) collapse eq(diff))"


def test_regressor_names_are_checked(panel: pd.DataFrame) -> None:
    with pytest.raises(EstimationError, match="x is empty"):
        fit(panel, [])
    with pytest.raises(EstimationError, match=r"listed twice.*: x"):
        fit(panel, ["L.y", "x", "x"])
    with pytest.raises(EstimationError, match=r"equal to the outcome.*: y"):
        fit(panel, ["y", "x"])
    with pytest.raises(EstimationError, match=r"no usable row for y on L9\.y"):
        fit(panel, ["L9.y"])


def test_key_and_value_errors(panel: pd.DataFrame) -> None:
    with pytest.raises(EstimationError, match="duplicated key"):
        fit(pd.concat([panel, panel.iloc[[3]]]))
    with pytest.raises(EstimationError, match=r"x is infinite in row\(s\) 5"):
        fit(panel.assign(x=panel["x"].where(panel.index != 5, np.inf)))
    with pytest.raises(EstimationError, match="fractional values"):
        fit(panel.assign(year=panel["year"] + 0.5))
    with pytest.raises(EstimationError, match="year is not a number"):
        fit(panel.assign(year=panel["year"].astype(str) + "a"))
    with pytest.raises(EstimationError, match="key"):
        fit(panel.assign(year=panel["year"].where(panel.index != 2)))


def test_constant_regressor_is_dropped_with_a_warning(panel: pd.DataFrame) -> None:
    with pytest.warns(GmmWarning, match="collinearity: level, twice"):
        result = fit(panel.assign(level=3.0, twice=2 * panel["x"]), ["L.y", "x", "level", "twice", "z"])
    assert result.dropped == ("level", "twice")
    np.testing.assert_allclose(result.coef, fit(panel).coef, rtol=1e-8)


def test_nothing_varies(panel: pd.DataFrame) -> None:
    with pytest.raises(EstimationError, match="no regressor varies in the sample: one"):
        fit(panel.assign(one=1.0), ["one"], system=False)


def test_constant_outcome(panel: pd.DataFrame) -> None:
    with pytest.raises(EstimationError, match="y is constant in the sample"):
        fit(panel.assign(y=5.0), ["x"])
    with pytest.raises(EstimationError, match="y does not change over time in the sample"):
        fit(panel.assign(y=panel["city_code"] / 7), ["x"], system=False)


def test_perfect_fit_is_flagged(panel: pd.DataFrame) -> None:
    with pytest.warns(GmmWarning, match="perfect fit"):
        result = fit(panel.assign(y=1 + 2 * panel["x"]), ["x"], gmm=[Gmm("x", (1, 2), collapse=True)], iv=[])
    np.testing.assert_allclose(result.coef, [2, 1], rtol=1e-10)


def test_too_many_instruments_are_flagged() -> None:
    frame = simulate(np.random.default_rng(2), 25, 9)
    with pytest.warns(GmmWarning) as caught:
        result = fit_gmm(frame, "y", ["L.y", "x"], gmm=[Gmm("y", (2, None)), Gmm("x", (1, None))])
    assert result.many_instruments and result.n_instruments >= result.n_entities == 25
    assert result.singular_weighting
    texts = [str(item.message) for item in caught]
    assert any("instruments for 25 entities" in text for text in texts)
    assert any("rank 25 of" in text and "generalised inverse" in text for text in texts)
    assert tuple(texts) == result.notes
    assert np.isfinite(result.coef).all()


def test_instruments_equal_to_entities_are_flagged() -> None:
    frame = simulate(np.random.default_rng(4), 7, 9)
    with pytest.warns(GmmWarning, match="6 instruments for 6 entities|7 instruments for 7 entities"):
        result = fit_gmm(frame, "y", ["L.y", "x"], gmm=[Gmm(["y", "x"], (2, 3), collapse=True)])
    assert result.n_instruments == result.n_entities and result.many_instruments


def test_repeated_instruments_change_nothing_but_the_flag(panel: pd.DataFrame) -> None:
    once = fit(panel)
    with pytest.warns(GmmWarning, match="linearly independent"):
        twice = fit(panel, iv=[Iv("z"), Iv(["z"], eq="both")], gmm=[*SPEC["gmm"], Gmm("y", (2, 2), "both", True)])  # type: ignore[list-item]
    assert twice.n_instruments == once.n_instruments and twice.singular_weighting
    np.testing.assert_allclose(twice.coef, once.coef, rtol=1e-8)
    np.testing.assert_allclose(twice.se, once.se, rtol=1e-7)
    assert twice.hansen.statistic == pytest.approx(once.hansen.statistic, rel=1e-7)


def test_row_order_and_labels_do_not_matter(panel: pd.DataFrame) -> None:
    mixed = panel.sample(frac=1, random_state=1).rename(columns={"city_code": "unit", "year": "t"})
    mixed["unit"] = mixed["unit"].map(lambda code: f"u{code:04d}")
    other = fit(mixed, entity="unit", time="t", gmm=SPEC["gmm"])
    np.testing.assert_array_equal(other.coef, fit(panel).coef)
    np.testing.assert_array_equal(other.cov, fit(panel).cov)


def test_units_of_measurement_do_not_matter(panel: pd.DataFrame) -> None:
    """A control in yuan instead of 100 million yuan: the printed paper lost its coefficients that way."""
    scaled = fit(panel.assign(x=panel["x"] * 1e8, z=panel["z"] * 1e-5))
    plain = fit(panel)
    np.testing.assert_allclose(scaled.coef * [1, 1e8, 1e-5, 1], plain.coef, rtol=1e-8)
    np.testing.assert_allclose(scaled.se * [1, 1e8, 1e-5, 1], plain.se, rtol=1e-7)
    assert scaled.hansen.statistic == pytest.approx(plain.hansen.statistic, rel=1e-7)
    assert scaled.n_instruments == plain.n_instruments


def test_input_is_not_changed(panel: pd.DataFrame) -> None:
    before = panel.copy(deep=True)
    fit(panel, time_dummies=True)
    pd.testing.assert_frame_equal(panel, before)


def test_result_is_frozen_and_becomes_rows(panel: pd.DataFrame) -> None:
    result = fit(panel)
    with pytest.raises(dataclasses.FrozenInstanceError):
        result.nobs = 0  # type: ignore[misc]
    rows = result.to_rows()
    assert [row["term"] for row in rows] == ["L.y", "x", "z", "_cons"]
    assert rows[0]["estimator"] == "system_gmm" and rows[0]["vcov"] == "windmeijer"
    assert {"ar1", "ar2", "sargan", "sargan_nk", "hansen", "wald"} <= set(result.tests)
    assert "xtabond2" in result.convention and "Windmeijer" in result.convention
    assert result.n_dropped == len(panel) - result.nobs


def test_exactly_identified_has_no_hansen(panel: pd.DataFrame) -> None:
    result = fit(panel, ["L.y"], gmm=[Gmm("y", 2, collapse=True)], iv=[], system=False)
    assert result.hansen.df == 0 and np.isnan(result.hansen.statistic)
    assert "exactly identified" in result.hansen.note and "exactly identified" in result.sargan.note


def test_too_few_periods_for_an_ar_test(panel: pd.DataFrame) -> None:
    result = fit(panel[panel["year"] <= 2004], ["L.y", "x"], gmm=[Gmm("y", (2, 3), collapse=True), Gmm("x", (1, 2))])
    assert np.isfinite(result.ar[1].statistic)
    assert np.isnan(result.ar[2].statistic) and "2 period(s) apart" in result.ar[2].note


def test_singletons_are_left_out(panel: pd.DataFrame) -> None:
    alone = pd.DataFrame({"city_code": [9001, 9002], "year": [2003, 2005], "y": 1.0, "x": 2.0, "z": 3.0})
    with_alone = fit(pd.concat([panel, alone]))
    assert with_alone.n_entities == 90
    np.testing.assert_allclose(with_alone.coef, fit(panel).coef, rtol=1e-12)


def test_dummy_names_do_not_overwrite(panel: pd.DataFrame) -> None:
    with pytest.raises(EstimationError, match="would overwrite year_2003"):
        fit(panel.assign(year_2003=1.0), ["L.y", "x", "year_2003"], time_dummies=True)


def test_a_column_may_itself_be_called_a_lag(panel: pd.DataFrame) -> None:
    shifted = panel.assign(**{"L.y": panel.groupby("city_code")["y"].shift(1)})
    np.testing.assert_allclose(fit(shifted).coef, fit(panel).coef, rtol=1e-12)


def grouped(panel: pd.DataFrame) -> pd.DataFrame:
    labels = pd.qcut(panel["y"], 3, labels=["low", "mid", "high"]).astype(str)
    return panel.assign(level=labels)


def test_lags_inside_groups_and_before_the_split(panel: pd.DataFrame) -> None:
    """City-years split by tertile: inside a group a lag needs the same city in the same group the year before."""
    frame = grouped(panel)
    options = {"gmm": [Gmm("y", (2, 2), collapse=True)], "iv": [Iv("z")]}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GmmWarning)
        inside = fit_gmm_by_group(frame, "y", ["L.y", "z"], group="level", **options)  # type: ignore[arg-type]
        before = fit_gmm_by_group(frame, "y", ["L.y", "z"], group="level", lags="before_split", **options)  # type: ignore[arg-type]
    previous = frame.groupby("city_code")["level"].shift(1)
    for label in ("high", "low", "mid"):
        mine = frame["level"] == label
        assert inside[label].nobs == int((mine & (previous == label)).sum())
        assert before[label].nobs == int((mine & previous.notna()).sum())
    assert list(inside) == ["high", "low", "mid"]
    assert sum(result.nobs for result in before.values()) == 90 * 7
    assert sum(result.nobs for result in inside.values()) < 90 * 7


def test_group_errors_name_the_group(panel: pd.DataFrame) -> None:
    with pytest.raises(EstimationError, match="group column tier is not in the data"):
        fit_gmm_by_group(panel, "y", "L.y", group="tier")
    with pytest.raises(EstimationError, match="lags='after' is not one of inside, before_split"):
        fit_gmm_by_group(grouped(panel), "y", "L.y", group="level", lags="after")  # type: ignore[arg-type]
    lonely = panel.assign(level=np.where(panel.index == 0, "one", "rest"))
    with pytest.raises(EstimationError, match="level = one: no usable row"):
        fit_gmm_by_group(lonely, "y", "L.y", group="level", gmm=Gmm("y", (2, 3), collapse=True))


def test_periods_must_count_by_one(panel: pd.DataFrame) -> None:
    with pytest.raises(EstimationError, match="year holds dates"):
        fit(panel.assign(year=pd.to_datetime(panel["year"].astype(str).str.zfill(4), format="%Y")))
    with pytest.raises(EstimationError, match="year spans 70001 periods"):
        fit(panel.assign(year=(panel["year"] - panel["year"].min()) * 10_000))
