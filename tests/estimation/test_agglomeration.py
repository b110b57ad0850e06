"""Location quotients, virtual agglomeration, co-agglomeration, PRODY/EXPY and distances.

Tolerances: 1e-12 for closed forms and hand fixtures; 1e-8 (relative 1e-12 in fact) against REAT 3.0.3 and matrix algebra in
base R on world trade 1998-2000.
"""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from estimation.agglomeration import (
    ConstantIndexWarning,
    UnderflowWarning,
    coagglomeration,
    distance_decay_agglomeration,
    expy,
    industry_prody,
    location_quotient,
    prody,
    va_types,
    virtual_agglomeration,
)
from estimation.core.distance import distance_bands, great_circle_km
from estimation.core.frame import EstimationError

THREE_CITIES = np.array([[0.0, 2.0, 4.0], [2.0, 0.0, 5.0], [4.0, 5.0, 0.0]])


def employment(n: int = 30, periods: int = 5, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    whole = rng.lognormal(3, 1, (n, periods))
    return whole * rng.uniform(0.001, 0.05, (n, periods)), whole


def geography(n: int = 30, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return great_circle_km(rng.uniform(75, 130, n), rng.uniform(18, 50, n))


def test_location_quotient_against_reat(oracles: Path):
    expected = json.loads((oracles / "location_trade" / "expected.json").read_text())
    published = location_quotient([1714.0], [79006.0], national=(879213, 15593224))
    assert published[0] == pytest.approx(expected["lq_published"]["computed"], abs=1e-12)
    table = pd.read_csv(oracles / "location_trade" / "goettingen_emp.csv").set_index("WZ2008_Code")
    industries = expected["lq_goettingen2017"]["industry"]
    rows = table.loc[industries]
    total = table.loc["A-R"]
    found = location_quotient(
        rows["Goettingen2017"], total["Goettingen2017"], national=(rows["BRD2017"], total["BRD2017"])
    )
    np.testing.assert_allclose(found, expected["lq_goettingen2017"]["LQ"], atol=1e-12)


def test_prody_and_expy_of_world_trade(oracles: Path):
    folder = oracles / "location_trade"
    trade = pd.read_csv(folder / "world_trade_1998_2000.csv", dtype={"product": str}, keep_default_na=False)
    income = pd.read_csv(folder / "world_gdp_pc_1998_2000.csv", keep_default_na=False).set_index("country")["gdp_pc"]
    income = pd.to_numeric(income)
    both = sorted(set(trade["country"]) & set(income.index))
    exports = trade[trade["country"].isin(both)].pivot_table(
        index="country", columns="product", values="value", aggfunc="sum", fill_value=0
    )
    complexity = pd.Series(prody(exports, income[exports.index]), index=exports.columns)
    reference = pd.read_csv(folder / "prody_expected.csv", dtype={"product": str}).set_index("product")["PRODY"]
    np.testing.assert_allclose(complexity[reference.index], reference, rtol=1e-12)
    baskets = pd.Series(expy(exports, complexity), index=exports.index)
    reference = pd.read_csv(folder / "expy_expected.csv", keep_default_na=False).set_index("country")["EXPY"]
    np.testing.assert_allclose(baskets[reference.index], reference.astype(float), rtol=1e-12)


def test_employment_weighted_mean_quotient_is_one_each_year():
    part, whole = employment()
    part[3, 2] = np.nan
    quotients = location_quotient(part, whole)
    assert np.isnan(quotients[3, 2])
    weights = np.where(np.isnan(quotients), 0, whole)
    np.testing.assert_allclose(np.nansum(quotients * weights, axis=0) / weights.sum(axis=0), 1, atol=1e-12)
    pooled = location_quotient(np.nan_to_num(part), whole, national="pooled")
    assert (pooled * whole).sum() / whole.sum() == pytest.approx(1)


def test_location_quotient_by_hand():
    np.testing.assert_allclose(location_quotient([10, 30], [100, 100]), [0.5, 1.5])
    years = location_quotient([[10.0, 20.0], [30.0, 20.0]], [[100.0, 100.0], [100.0, 300.0]])
    np.testing.assert_allclose(years, [[0.5, 2.0], [1.5, 2 / 3]])


def test_virtual_agglomeration_of_three_cities_by_hand():
    lq = np.array([1.0, 2.0, 0.5])
    far = np.array([2 / 2 + 0.5 / 4, 1 / 2 + 0.5 / 5, 1 / 4 + 2 / 5])
    np.testing.assert_allclose(virtual_agglomeration(lq, THREE_CITIES), lq + far)
    np.testing.assert_allclose(virtual_agglomeration(lq, THREE_CITIES, own=1), lq + far)
    np.testing.assert_allclose(virtual_agglomeration(lq, THREE_CITIES, own="exclude"), far)
    np.testing.assert_allclose(virtual_agglomeration(lq, THREE_CITIES, own=0), far)
    area = np.pi * np.array([9.0, 36.0, 2.25])
    internal = virtual_agglomeration(lq, THREE_CITIES, own="internal", area_km2=area)
    np.testing.assert_allclose(internal, far + lq / np.array([2.0, 4.0, 1.0]))
    np.testing.assert_allclose(virtual_agglomeration(lq, THREE_CITIES, unit_km=10), lq + 10 * far)
    reach = 1 + np.array([1 / 2 + 1 / 4, 1 / 2 + 1 / 5, 1 / 4 + 1 / 5])
    np.testing.assert_allclose(virtual_agglomeration(lq, THREE_CITIES, quotient="i"), lq * reach)
    np.testing.assert_allclose(virtual_agglomeration(lq, THREE_CITIES, row_normalise=True), (lq + far) / reach)
    np.testing.assert_allclose(virtual_agglomeration(np.ones(3), THREE_CITIES, row_normalise=True), 1)


def test_the_diagonal_is_never_divided_by():
    lq = np.column_stack([[1.0, 2.0, 0.5], [1.0, 1.0, 1.0]])
    for diagonal in (0.0, np.nan, np.inf, 7.0):
        distances = THREE_CITIES.copy()
        np.fill_diagonal(distances, diagonal)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            result = virtual_agglomeration(lq, distances)
        np.testing.assert_allclose(result, virtual_agglomeration(lq, THREE_CITIES))
        assert np.isfinite(result).all()


def test_the_double_sum_is_constant_and_says_so():
    lq = location_quotient(*employment())
    distances = geography()
    single = virtual_agglomeration(lq, distances)
    with pytest.warns(ConstantIndexWarning, match="same value"):
        double = virtual_agglomeration(lq, distances, form="double")
    np.testing.assert_allclose(double.std(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(double[0], single.sum(axis=0))
    assert (single.std(axis=0) > 0).all()


def test_missing_quotients_are_refused_or_skipped():
    lq = location_quotient(*employment())
    distances = geography()
    lq[4, 1] = np.nan
    with pytest.raises(EstimationError, match=r"first at \(4, 1\)"):
        virtual_agglomeration(lq, distances)
    skipped = virtual_agglomeration(lq, distances, missing="skip")
    assert np.isnan(skipped[4, 1])
    rest = np.delete(np.arange(30), 4)
    expected = virtual_agglomeration(lq[rest, 1], distances[np.ix_(rest, rest)])
    np.testing.assert_allclose(skipped[rest, 1], expected)


def test_decay_of_an_equal_economy_is_one():
    distances = geography(12)
    kappa = distance_decay_agglomeration(np.full(12, 3.0), np.full(12, 60.0), distances)
    np.testing.assert_allclose(kappa, 1, atol=1e-12)


def test_decay_by_hand():
    part, whole = np.array([2.0, 6.0]), np.array([10.0, 30.0])
    distances = np.array([[0.0, 100 * np.log(2)], [100 * np.log(2), 0.0]])
    kappa = distance_decay_agglomeration(part, whole, distances)
    national = 8 / 40
    expected = [(2 + 6 / 2) / 1.5 / 10 / national, (6 + 2 / 2) / 1.5 / 30 / national]
    np.testing.assert_allclose(kappa, expected)
    both = distance_decay_agglomeration(np.column_stack([part, 2 * part]), np.column_stack([whole, whole]), distances)
    np.testing.assert_allclose(both, np.column_stack([expected, expected]))


def test_decay_in_single_kilometres_leaves_the_own_term_and_warns():
    part, whole = (values[:, 0] for values in employment(12))
    with pytest.warns(UnderflowWarning, match="own term"):
        kappa = distance_decay_agglomeration(part, whole, 100 + 100 * THREE_CITIES.max() * _off(12), unit_km=1)
    np.testing.assert_allclose(kappa, location_quotient(part, whole))


def _off(n: int) -> np.ndarray:
    return np.ones((n, n)) - np.eye(n)


def test_coagglomeration_forms():
    rng = np.random.default_rng(0)
    first, second = rng.lognormal(size=(2, 50))
    symmetric = coagglomeration(first, second)
    assert ((symmetric >= 0) & (symmetric <= 1)).all()
    np.testing.assert_array_equal(symmetric, coagglomeration(second, first))
    np.testing.assert_allclose(coagglomeration(first, first), 1)
    printed = coagglomeration(first, second, form="printed")
    np.testing.assert_allclose(printed, 1 - np.abs(first - second) / first)
    assert (printed < 0).any()
    np.testing.assert_allclose(coagglomeration([1.0, 0.0], [3.0, 0.0]), [0.5, np.nan])


def test_prody_and_expy_of_two_countries_and_two_products_by_hand():
    exports = np.array([[80.0, 20.0], [10.0, 30.0]])
    income = np.array([1000.0, 5000.0])
    # Shares .8 .2 and .25 .75: weights .8/1.05 and .25/1.05; .2/.95 and .75/.95.
    complexity = prody(exports, income)
    np.testing.assert_allclose(complexity, [(800 + 1250) / 1.05, (200 + 3750) / 0.95])
    baskets = expy(exports, complexity)
    np.testing.assert_allclose(baskets, [0.8 * complexity[0] + 0.2 * complexity[1], complexity @ [0.25, 0.75]])
    assert ((baskets >= complexity.min()) & (baskets <= complexity.max())).all()


def test_prody_of_products_and_countries_without_trade():
    exports = np.array([[80.0, 20.0, 0.0], [10.0, 30.0, 0.0], [0.0, 0.0, 0.0]])
    complexity = prody(exports, [1000.0, 5000.0, np.nan])
    np.testing.assert_allclose(complexity[:2], prody(exports[:2, :2], [1000.0, 5000.0]))
    assert np.isnan(complexity[2])
    assert np.isnan(expy(exports, complexity)[2])
    with pytest.raises(EstimationError, match="first column 2"):
        expy([[1.0, 1.0, 1.0]], complexity)
    with pytest.raises(EstimationError, match="first in row 0"):
        prody(exports, [np.nan, 5000.0, 1.0])
    np.testing.assert_allclose(
        industry_prody([1.0, 3.0, 5.0, np.nan], ["C13", "C13", "C14", "C14"], ["C13", "C14", "C15"]), [2, 5, np.nan]
    )


def va_panel(n: int = 60, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    start, growth = rng.lognormal(0, 0.6, n), rng.normal(0.05, 0.05, n)
    rows = [(c, 2005 + t, start[c] * (1 + growth[c]) ** t) for c in range(n) for t in range(6)]
    return pd.DataFrame(rows, columns=["city_code", "year", "va"])


@pytest.mark.parametrize("level", ["city", "city_year"])
@pytest.mark.parametrize("low_middle", [3, 5])
def test_types_partition_the_sample(level, low_middle):
    result = va_types(va_panel(), level=level, low_middle=low_middle)
    typed = result.table[result.table["va_type"].notna()]
    assert set(typed["va_type"]) == {1, 2, 3, 4, 5}
    np.testing.assert_allclose(typed[[f"V{k}" for k in range(1, 6)]].sum(axis=1), typed["va"], atol=1e-12)
    assert ((typed[[f"V{k}" for k in range(1, 6)]] > 0).sum(axis=1) == 1).all()
    if level == "city":
        assert (typed.groupby("city_code")["va_type"].min() == typed.groupby("city_code")["va_type"].max()).all()
        assert len(typed) == 360
    else:
        assert (result.table["va_type"].isna() == (result.table["year"] == 2005)).all()


def test_types_by_hand():
    """Six cities over one year: shares cut at the median, growth of 0, 5 and 10 % in thirds."""
    start = {1: 10.0, 2: 11.0, 3: 12.0, 4: 1.0, 5: 1.1, 6: 1.2}
    growth = {1: 1.10, 2: 1.05, 3: 1.00, 4: 1.10, 5: 1.05, 6: 1.00}
    rows = [(c, 2000 + t, start[c] * growth[c] ** t) for c in start for t in (0, 1)]
    df = pd.DataFrame(rows, columns=["city_code", "year", "va"])
    types = va_types(df).table.groupby("city_code")["va_type"].first()
    assert types.to_dict() == {1: 1, 2: 2, 3: 4, 4: 3, 5: 3, 6: 5}
    types = va_types(df, low_middle=5).table.groupby("city_code")["va_type"].first()
    assert types[5] == 5


def test_types_refuse_unusable_data():
    df = va_panel()
    with pytest.raises(EstimationError, match="above zero"):
        va_types(df.assign(va=df["va"].where(df.index != 0, 0.0)))
    with pytest.raises(EstimationError, match="have one, e"):
        va_types(df[(df["city_code"] != 7) | (df["year"] == 2005)])
    with pytest.raises(EstimationError, match="cuts must lie"):
        va_types(df, growth_cuts=(0.7, 0.3))
    with pytest.raises(EstimationError, match="city, city_year"):
        va_types(df, level="year")


@pytest.mark.parametrize("level", ["city", "city_year"])
def test_an_index_that_is_constant_over_cities_has_no_types(level):
    """Three cities with 4.5 and then 9: a third of the nation each, growth 1 each; the types of the same cities with 4.5, 5 and 6 differ."""
    cities = pd.DataFrame({"city_code": list("aabbcc"), "year": [2015, 2016] * 3, "va": [4.5, 9.0] * 3})
    table = va_types(cities, level=level).table
    assert table["share"].to_numpy() == pytest.approx(1 / 3)
    assert table["growth"].dropna().to_numpy() == pytest.approx(1)
    assert table[["va_type", "V1", "V2", "V3", "V4", "V5"]].isna().all().all()
    assert va_types(cities.assign(va=[4.5, 9, 5, 9, 6, 9]), level="city").table["va_type"].notna().all()


def test_great_circle_distances():
    """A quarter of the equator, pole to pole, Beijing to Hangzhou (about 1,120 km)."""
    distances = great_circle_km([0, 90, 0, 0], [0, 0, 90, -90], radius_km=6371.0)
    np.testing.assert_allclose(distances[0, 1], np.pi / 2 * 6371, rtol=1e-12)
    np.testing.assert_allclose(distances[2, 3], np.pi * 6371, rtol=1e-12)
    np.testing.assert_array_equal(distances, distances.T)
    np.testing.assert_array_equal(np.diag(distances), 0)
    beijing_hangzhou = great_circle_km([116.4053, 120.1551], [39.905, 30.2741])
    assert beijing_hangzhou[0, 1] == pytest.approx(1124, abs=3)
    near = great_circle_km([116.0, 116.0], [40.0, 40.0 + 1e-6])[0, 1]
    assert near == pytest.approx(np.radians(1e-6) * 6371.01, rel=1e-6)
    with pytest.raises(EstimationError, match="lat is missing or beyond 90 degrees in row 1"):
        great_circle_km([0, 0], [0, 116])


def test_distance_bands_by_hand():
    treated = np.array([[0, 1], [0, 0], [1, 1]])
    bands = distance_bands(THREE_CITIES, treated, [0, 2, 4, 5])
    assert bands.shape == (3, 2, 3)
    # City 0: city 2 (treated always) at 4 lies in (2, 4]; city 1 is never treated.
    np.testing.assert_array_equal(bands[0], [[0, 1, 0], [0, 1, 0]])
    # City 1: city 0 (from period 1) at 2 in (0, 2], city 2 at 5 in (4, 5].
    np.testing.assert_array_equal(bands[1], [[0, 0, 1], [1, 0, 1]])
    # City 2: its own treatment does not count.
    np.testing.assert_array_equal(bands[2], [[0, 0, 0], [0, 1, 0]])
    with pytest.raises(EstimationError, match="rise"):
        distance_bands(THREE_CITIES, treated, [0, 4, 2])
    with pytest.raises(EstimationError, match="0 and 1"):
        distance_bands(THREE_CITIES, treated * 2, [0, 2])


def test_unusable_input_is_refused():
    lq = np.ones(3)
    same_place = THREE_CITIES.copy()
    same_place[0, 1] = same_place[1, 0] = 0
    crooked = THREE_CITIES.copy()
    crooked[0, 1] = 3
    cases = [
        (lambda: location_quotient([1.0], [1.0, 2.0]), "different shapes"),
        (lambda: location_quotient([1.0, -1.0], [1.0, 2.0]), r"at \(1,\)"),
        (lambda: location_quotient([1.0, 1.0], [1.0, 0.0]), "emp > 0"),
        (lambda: location_quotient([0.0, 0.0], [1.0, 1.0]), "national employment"),
        (lambda: location_quotient([1.0], [1.0], national="province"), "yearly, pooled"),
        (lambda: virtual_agglomeration(lq, same_place), "units 0 and 1 is 0.0"),
        (lambda: virtual_agglomeration(lq, crooked), "not symmetric"),
        (lambda: virtual_agglomeration(lq, THREE_CITIES[:2]), "square"),
        (lambda: virtual_agglomeration(np.ones(4), THREE_CITIES), "3 x 3 for 4"),
        (lambda: virtual_agglomeration(lq, THREE_CITIES, own="nearest"), "one, exclude, internal"),
        (lambda: virtual_agglomeration(lq, THREE_CITIES, own=None), "one, exclude, internal"),
        (lambda: virtual_agglomeration(lq, THREE_CITIES, own=-1), "weight >= 0"),
        (lambda: virtual_agglomeration(lq, THREE_CITIES, own="internal"), "area_km2"),
        (lambda: virtual_agglomeration(lq, THREE_CITIES, unit_km=0), "above zero"),
        (lambda: virtual_agglomeration(lq, THREE_CITIES, quotient="k"), "j, i"),
        (lambda: virtual_agglomeration(lq, THREE_CITIES, form="triple"), "single, double"),
        (lambda: virtual_agglomeration(-lq, THREE_CITIES), "not negative"),
        (lambda: distance_decay_agglomeration([np.nan, 1, 1], [1, 1, 1], THREE_CITIES), "missing"),
        (lambda: coagglomeration([1.0], [1.0, 2.0]), "different shapes"),
        (lambda: coagglomeration([-1.0], [1.0]), "negative"),
        (lambda: coagglomeration([1.0], [1.0], form="ratio"), "symmetric, printed"),
        (lambda: prody([[1.0, np.nan]], [1.0]), "no trade is 0"),
        (lambda: expy([[1.0, 1.0]], [1.0]), "each of 2 products"),
    ]
    for call, message in cases:
        with pytest.raises(EstimationError, match=message):
            call()


@pytest.mark.parametrize("level", ["city", "city_year"])
def test_a_frozen_base_moves_no_city_to_another_type(level):
    df = va_panel()
    last = int(df["year"].max())
    short, base = df[df["year"] < last], (int(df["year"].min()), last - 2)
    keys = ["city_code", "year"]
    before, after = (va_types(f, level=level, base=base).table.set_index(keys)["va_type"] for f in (short, df))
    pd.testing.assert_series_equal(before, after.loc[before.index])
    sizes = va_types(df, level=level, base=base).table
    assert (
        sizes["va_type"].notna().sum() > 0
        and (sizes.filter(like="V").sum(axis=1) - sizes["va"])[sizes["va_type"].notna()].abs().max() < 1e-12
    )


def test_differently_labelled_input_is_refused():
    part, whole = pd.Series([1.0, 2], ["a", "b"]), pd.Series([10.0, 10], ["b", "a"])
    with pytest.raises(EstimationError, match="emp_i and emp have different row labels"):
        location_quotient(part, whole)
    distances = pd.DataFrame([[0.0, 5], [5, 0]], index=["b", "a"], columns=["b", "a"])
    with pytest.raises(EstimationError, match="lq and D have different row labels"):
        virtual_agglomeration(part, distances)
    np.testing.assert_allclose(virtual_agglomeration(part, distances.loc[["a", "b"], ["a", "b"]]), [1.4, 2.2])


@pytest.mark.parametrize("national", [None, 5, "monthly", (1.0,)])
def test_national_ratio_is_named_or_a_pair(national):
    with pytest.raises(EstimationError, match="yearly, pooled or a pair"):
        location_quotient([1.0, 2.0], [10.0, 10.0], national=national)
