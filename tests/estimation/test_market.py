"""Market segmentation: hand fixture, a direct triple loop, identities. Tolerance 1e-12: closed forms."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest

from estimation.core.frame import EstimationError
from estimation.economy.market import market_segmentation


def prices(n: int = 8, goods: int = 5, years: int = 3, seed: int = 0) -> tuple[pd.DataFrame, list[str]]:
    rng = np.random.default_rng(seed)
    names = [f"rpi_{k + 1:02d}" for k in range(goods)]
    keys = pd.MultiIndex.from_product([range(100, 100 + n), range(2013, 2013 + years)], names=["city_code", "year"])
    values = 100 * rng.lognormal(0.02, 0.03, (len(keys), goods))
    return pd.DataFrame(values, index=keys, columns=names).reset_index(), names


def by_loops(df: pd.DataFrame, goods: list[str], year: int, *, ddof: int, own_pairs: bool) -> dict[int, float]:
    """Segmentation of one year straight from the formulas."""
    table = df[df["year"] == year].set_index("city_code")[goods]
    cities = list(table.index)
    gap = {
        (i, j): np.array([abs(np.log(table.at[i, g] / table.at[j, g])) for g in goods])
        for i in cities
        for j in cities
        if i != j
    }
    result = {}
    for i in cities:
        pairs = (
            [gap[i, j] for j in cities if j != i]
            if own_pairs
            else [gap[pair] for pair in itertools.combinations(cities, 2)]
        )
        mean = np.mean(pairs, axis=0)
        result[i] = np.mean([np.var(gap[i, j] - mean, ddof=ddof) for j in cities if j != i])
    return result


@pytest.mark.parametrize("ddof", [0, 1])
@pytest.mark.parametrize("demean", ["all_pairs", "own_pairs"])
def test_segmentation_equals_the_loops(demean, ddof):
    df, goods = prices()
    table = market_segmentation(df, goods, demean=demean, ddof=ddof).table
    for year in (2013, 2015):
        expected = by_loops(df, goods, year, ddof=ddof, own_pairs=demean == "own_pairs")
        found = table[table["year"] == year].set_index("city_code")["segmentation"]
        np.testing.assert_allclose(found, pd.Series(expected)[found.index], rtol=1e-12)
    np.testing.assert_allclose(table["integration"], 1 / np.sqrt(table["segmentation"]))
    assert (table["partners"] == 7).all()


def test_three_cities_and_two_goods_by_hand():
    """Good a: log prices 0, .1, .3; good b: 0, 0, .2. |dQ| of (1,2), (1,3), (2,3): a .1 .3 .2, b 0 .2 .2.

    Means .2 and .4/3; q_a = -.1, .1, 0; q_b = -2/15, 1/15, 1/15. With two goods the sample variance is (q_a - q_b)^2 / 2:
    differences 1/30, 1/30, -1/15, variances 1/1800, 1/1800, 1/450.
    """
    df = pd.DataFrame(
        {"city_code": [1, 2, 3], "year": 2013, "a": 100 * np.exp([0, 0.1, 0.3]), "b": 100 * np.exp([0, 0, 0.2])}
    )
    result = market_segmentation(df, ["a", "b"])
    expected = np.array([1 / 1800, (1 / 1800 + 1 / 450) / 2, (1 / 1800 + 1 / 450) / 2])
    np.testing.assert_allclose(result.table["segmentation"], expected, rtol=1e-10)
    hundredths = market_segmentation(df, ["a", "b"], scale=0.01, ddof=0).table
    np.testing.assert_allclose(hundredths["integration"], 0.01 / np.sqrt(expected / 2), rtol=1e-10)
    neighbours = np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]])
    weighted = market_segmentation(df, ["a", "b"], weights=neighbours).table
    np.testing.assert_allclose(weighted["segmentation"], [1 / 1800, expected[1], 1 / 450], rtol=1e-10)
    assert weighted["partners"].tolist() == [1, 2, 1]


def test_identical_prices_have_segmentation_zero_and_no_integration():
    df, goods = prices()
    df[goods] = 102.0
    result = market_segmentation(df, goods)
    assert (result.table["segmentation"] == 0).all()
    assert result.table["integration"].isna().all()
    assert result.n_zero == len(df)


def test_a_common_price_change_of_a_good_does_not_matter():
    df, goods = prices(seed=1)
    first = market_segmentation(df, goods).table
    second = market_segmentation(df.assign(rpi_01=df["rpi_01"] * 1.3), goods).table
    np.testing.assert_allclose(first["segmentation"], second["segmentation"], rtol=1e-10)


def test_row_order_does_not_matter():
    df, goods = prices(seed=2)
    shuffled = market_segmentation(df.sample(frac=1, random_state=0), goods).table
    pd.testing.assert_frame_equal(market_segmentation(df, goods).table, shuffled)


def test_missing_goods_and_cities():
    df, goods = prices(seed=3)
    df.loc[df["city_code"] == 103, goods[1:]] = np.nan
    table = market_segmentation(df, goods).table
    alone = table["city_code"] == 103
    assert table.loc[alone, "segmentation"].isna().all()
    assert (table.loc[alone, "partners"] == 0).all()
    assert (table.loc[~alone, "partners"] == 6).all()
    # Good 1 of the city still enters the mean of good 1; without it the others agree with a panel of seven.
    df.loc[df["city_code"] == 103, goods] = np.nan
    rest = market_segmentation(df, goods).table
    expected = market_segmentation(df[df["city_code"] != 103], goods).table
    np.testing.assert_allclose(rest.loc[rest["city_code"] != 103, "segmentation"], expected["segmentation"], rtol=1e-12)


def test_a_missing_good_of_one_city():
    df, goods = prices(n=3, years=1, seed=4)
    df.loc[0, "rpi_02"] = np.nan
    table = market_segmentation(df, goods).table.set_index("city_code")["segmentation"]
    logs = np.log(df.set_index("city_code")[goods])
    gaps = pd.DataFrame(
        {pair: (logs.loc[pair[0]] - logs.loc[pair[1]]).abs() for pair in [(100, 101), (100, 102), (101, 102)]}
    )
    variances = gaps.sub(gaps.mean(axis=1), axis=0).var(ddof=1)
    assert table[100] == pytest.approx((variances[(100, 101)] + variances[(100, 102)]) / 2)
    assert table[102] == pytest.approx((variances[(100, 102)] + variances[(101, 102)]) / 2)


def test_unusable_input_is_refused():
    df, goods = prices()
    cases = [
        (lambda: market_segmentation(df, goods[:1]), "two different goods"),
        (lambda: market_segmentation(df.assign(rpi_02=0.0), goods), "rpi_02 is 0.0 for 100 in 2013"),
        (lambda: market_segmentation(df, goods, demean="none"), "all_pairs, own_pairs"),
        (lambda: market_segmentation(df, goods, ddof=2), "0 or 1"),
        (lambda: market_segmentation(df, goods, weights=np.ones((3, 3))), r"\(8, 8\)"),
        (lambda: market_segmentation(pd.concat([df, df.head(1)]), goods), "duplicated key"),
    ]
    for call, message in cases:
        with pytest.raises(EstimationError, match=message):
            call()
