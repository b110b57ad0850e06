"""Malmquist-Luenberger indices: definitions, circularity, stationarity, counting of what could not be solved.

Tolerance 1e-8: indices are ratios of scores that agree with their programs to about 1e-10.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from estimation.core.frame import EstimationError
from estimation.dea import dea, gml, ml

TOLERANCE = 1e-8


def panel(n: int = 10, periods: int = 4, seed: int = 0) -> pd.DataFrame:
    """Cities with capital, labour, output and two pollutants, growing at their own pace."""
    rng = np.random.default_rng(seed)
    rows = []
    for city in range(n):
        k, labour = rng.lognormal(1, 0.6), rng.lognormal(0, 0.6)
        for year in range(2013, 2013 + periods):
            k *= rng.uniform(1.0, 1.15)
            y = k**0.5 * labour**0.5 * rng.lognormal(0, 0.15) * 1.03 ** (year - 2013)
            so2, dust = y * rng.lognormal(0, 0.3, 2)
            rows.append((100 + city, year, k, labour, y, so2, dust))
    return pd.DataFrame(rows, columns=["city_code", "year", "k", "l", "y", "so2", "dust"])


def arrays(df: pd.DataFrame) -> dict:
    return {
        "X": df[["k", "l"]],
        "Y": df[["y"]],
        "B": df[["so2", "dust"]],
        "entity": df["city_code"],
        "time": df["year"],
    }


@pytest.mark.parametrize(
    "options",
    [{}, {"model": "ebm"}, {"model": "sbm"}, {"model": "radial", "orientation": "in"}, {"model": "ebm", "rts": "vrs"}],
)
def test_gml_is_circular(options):
    df = panel()
    result = gml(**arrays(df), **options)
    table = result.to_frame()
    for _, city in table.groupby("entity"):
        city = city.sort_values("time")
        yearly = city["index"].iloc[1:].prod()
        assert yearly == pytest.approx(city["score"].iloc[-1] / city["score"].iloc[0], rel=1e-12)
        assert city["cumulated"].iloc[-1] == pytest.approx(yearly, rel=1e-12)
    np.testing.assert_allclose(table["index"], table["efficiency_change"] * table["technical_change"], rtol=1e-12)
    assert result.n_infeasible == 0
    assert result.n_programs == 80


def test_gml_scores_are_those_of_the_pooled_frontier():
    df = panel()
    data = arrays(df)
    result = gml(**data)
    pooled = dea(data["X"], data["Y"], data["B"], model="ddf", orientation="out", disposability="weak")
    np.testing.assert_allclose(result.score, pooled.score, atol=TOLERANCE)
    np.testing.assert_allclose(result.score, 1 / (1 + pooled.distance), atol=TOLERANCE)
    ebm = gml(**data, model="ebm")
    np.testing.assert_allclose(ebm.score, dea(data["X"], data["Y"], data["B"], model="ebm").score, atol=TOLERANCE)
    assert ebm.options["orientation"] == "none"
    assert ebm.options["disposability"] == "strong"


def test_gml_efficiency_change_is_that_of_the_own_periods():
    df = panel(seed=1)
    result = gml(**arrays(df), model="ebm", eps=0.5, weights="equal")
    own = np.full(len(df), np.nan)
    for year in df["year"].unique():
        rows = (df["year"] == year).to_numpy()
        part = df[rows]
        own[rows] = dea(
            part[["k", "l"]], part[["y"]], part[["so2", "dust"]], model="ebm", eps=0.5, weights="equal"
        ).score
    expected = pd.Series(own).groupby(df["city_code"]).transform(lambda e: e / e.shift()).fillna(1.0)
    np.testing.assert_allclose(result.efficiency_change, expected, atol=TOLERANCE)


def test_ml_is_the_geometric_mean_of_four_distances():
    df = panel(seed=2)
    result = ml(**arrays(df)).to_frame().set_index(["entity", "time"])["index"]
    for year in (2014, 2016):
        old, new = df[df["year"] == year - 1], df[df["year"] == year]

        def distance(units, frontier):
            parts = [frontier[["k", "l"]], frontier[["y"]], frontier[["so2", "dust"]]]
            return dea(
                units[["k", "l"]],
                units[["y"]],
                units[["so2", "dust"]],
                ref=tuple(p.to_numpy() for p in parts),
                model="ddf",
                orientation="out",
                disposability="weak",
            ).distance

        ratio_old = (1 + distance(old, old)) / (1 + distance(new, old))
        ratio_new = (1 + distance(old, new)) / (1 + distance(new, new))
        expected = np.sqrt(ratio_old * ratio_new)
        found = result.loc[list(zip(new["city_code"], new["year"], strict=True))].to_numpy()
        np.testing.assert_allclose(found, expected, atol=TOLERANCE, equal_nan=True)


def test_malmquist_by_hand():
    """One input, one output, constant returns: the index is the growth of productivity, the frontier is the best unit."""
    df = pd.DataFrame(
        {
            "city_code": [1, 1, 2, 2],
            "year": [2000, 2001, 2000, 2001],
            "x": [1.0, 1.0, 1.0, 2.0],
            "y": [2.0, 3.0, 1.0, 2.0],
        }
    )
    result = ml(df["x"], df["y"], entity=df["city_code"], time=df["year"], model="radial", orientation="in")
    np.testing.assert_allclose(result.index, [1, 1.5, 1, 1.0], atol=TOLERANCE)
    np.testing.assert_allclose(result.efficiency_change, [1, 1, 1, 2 / 3], atol=TOLERANCE)
    np.testing.assert_allclose(result.technical_change, [1, 1.5, 1, 1.5], atol=TOLERANCE)
    whole = gml(df["x"], df["y"], entity=df["city_code"], time=df["year"], model="radial", orientation="in")
    np.testing.assert_allclose(whole.index, [1, 1.5, 1, 1.0], atol=TOLERANCE)
    np.testing.assert_allclose(whole.score, [2 / 3, 1, 1 / 3, 1 / 3], atol=TOLERANCE)


@pytest.mark.parametrize("options", [{}, {"model": "sbm"}, {"model": "ebm"}])
def test_a_stationary_economy_has_index_one(options):
    one = panel(periods=1)
    df = pd.concat([one.assign(year=year) for year in (2013, 2014, 2015)])
    for function in (ml, gml):
        result = function(**arrays(df), **options)
        np.testing.assert_allclose(result.index, 1, atol=TOLERANCE)
        np.testing.assert_allclose(result.cumulated, 1, atol=TOLERANCE)


def test_infeasible_programs_are_counted_and_named():
    df = panel(seed=3)
    plain = ml(**arrays(df), model="sbm")
    lost = np.isnan(plain.index)
    assert lost.any(), "a unit beyond the old frontier has no SBM score"
    assert plain.n_infeasible >= lost.sum()
    assert all(status.startswith("infeasible (t") for status in plain.status[lost])
    after = plain.to_frame().sort_values(["entity", "time"])
    for _, city in after.groupby("entity"):
        broken = city["index"].isna().cummax()
        assert city["cumulated"].isna().equals(broken)
    lifted = ml(**arrays(df), model="sbm", outside="super")
    assert lifted.n_infeasible == 0
    assert np.isfinite(lifted.index).all()
    np.testing.assert_allclose(lifted.index[~lost], plain.index[~lost], atol=TOLERANCE)


def test_sequential_frontier_never_regresses():
    data = {name: values for name, values in arrays(panel(seed=4)).items() if name != "B"}
    result = ml(**data, model="radial", orientation="in", frontier="sequential")
    assert (result.technical_change >= 1 - TOLERANCE).all()


def test_gaps_first_period_and_base():
    df = panel(n=4)
    cut = df.drop(index=df.index[(df["city_code"] == 101) & (df["year"] == 2014)]).sample(frac=1, random_state=1)
    result = gml(**arrays(cut), model="ebm", first="missing", base="efficiency").to_frame()
    first = result["time"] == 2013
    assert (result.loc[first, "status"] == "first period").all()
    assert result.loc[first, "index"].isna().all()
    np.testing.assert_array_equal(result.loc[first, "cumulated"], result.loc[first, "score"])
    gap = (result["entity"] == 101) & (result["time"] == 2015)
    assert result.loc[gap, "status"].tolist() == ["previous period missing"]
    assert result.loc[gap, "index"].isna().all()
    assert (result["entity"].to_numpy() == cut["city_code"].to_numpy()).all()
    ordered = gml(**arrays(cut.sort_values(["city_code", "year"])), model="ebm", first="missing").to_frame()
    merged = result.merge(ordered, on=["entity", "time"])
    np.testing.assert_allclose(merged["index_x"], merged["index_y"], atol=TOLERANCE, equal_nan=True)


def test_bad_panels_and_options_are_refused():
    df = panel(n=3)
    data = arrays(df)
    with pytest.raises(EstimationError, match="100 appears more than once in 2013"):
        ml(**{**data, "time": df["year"].replace(2014, 2013)})
    with pytest.raises(EstimationError, match="one label a row"):
        gml(**{**data, "time": df["year"].iloc[:-1]})
    with pytest.raises(EstimationError, match="missing"):
        gml(**{**data, "entity": df["city_code"].astype(float).where(df["city_code"] > 100)})
    with pytest.raises(EstimationError, match="not one of one, missing"):
        gml(**data, first="zero")
    with pytest.raises(EstimationError, match="not one of one, efficiency"):
        ml(**data, base="level")
    with pytest.raises(EstimationError, match="not one of contemporaneous, sequential"):
        ml(**data, frontier="window")
    with pytest.raises(EstimationError, match="weak"):
        gml(**data, model="sbm", disposability="weak")
    with pytest.raises(EstimationError, match="no option modle; options of the efficiency model: model"):
        gml(**data, modle="sbm")
