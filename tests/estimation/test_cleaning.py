"""Interpolation, winsorising, outliers, deflation and logs. Tolerance 1e-12: straight lines and products."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from linearmodels.datasets import wage_panel

from estimation.cleaning.deflation import deflate, extend_index, price_level
from estimation.cleaning.interpolation import interpolate
from estimation.cleaning.logs import log_with_rule
from estimation.cleaning.outlier_rules import replace_outliers
from estimation.cleaning.winsor import winsorise
from estimation.core.frame import EstimationError


def lines(n: int = 5, years: int = 10) -> pd.DataFrame:
    """City c has the value 10 c + 2 (year - 2010)."""
    city, year = np.repeat(np.arange(1, n + 1), years), np.tile(np.arange(2010, 2010 + years), n)
    return pd.DataFrame({"city_code": city, "year": year, "x": 10.0 * city + 2 * (year - 2010), "z": 1.0})


def with_gaps(df: pd.DataFrame, *cells: tuple[int, int]) -> pd.DataFrame:
    gap = pd.MultiIndex.from_frame(df[["city_code", "year"]]).isin(cells)
    return df.assign(x=df["x"].mask(gap))


class TestInterpolation:
    def test_planted_gaps_return_to_the_line(self):
        df = lines()
        gaps = [(1, 2012), (1, 2013), (2, 2015), (3, 2011), (3, 2012), (3, 2013)]
        result = interpolate(with_gaps(df, *gaps), ["x"])
        np.testing.assert_allclose(result.data["x"], df["x"], atol=1e-12)
        assert len(result.ledger) == 6
        assert set(result.ledger["status"]) == {"interpolated"}
        assert result.ledger["old_value"].isna().all()
        assert set(zip(result.ledger["city_code"], result.ledger["year"], strict=True)) == set(gaps)
        row = result.ledger[(result.ledger["city_code"] == 2)].iloc[0]
        assert (row["variable"], row["new_value"]) == ("x", 30.0)

    def test_ends_and_long_gaps_stay_missing(self):
        gaps = [(1, 2010), (1, 2011), (2, 2019), *[(4, year) for year in range(2012, 2016)]]
        df = with_gaps(lines(), *gaps)
        result = interpolate(df, ["x"])
        assert result.ledger.empty
        pd.testing.assert_frame_equal(result.data, df)
        longer = interpolate(df, ["x"], max_gap=None)
        assert len(longer.ledger) == 4
        assert interpolate(df, ["x"], max_gap=4).data["x"].isna().sum() == 3

    def test_extrapolation_only_when_asked(self):
        df = lines()
        gaps = [(1, 2010), (1, 2011), (2, 2019)]
        linear = interpolate(with_gaps(df, *gaps), ["x"], extrapolate="linear")
        np.testing.assert_allclose(linear.data["x"], df["x"])
        assert set(linear.ledger["status"]) == {"extrapolated"}
        held = interpolate(with_gaps(df, *gaps), ["x"], extrapolate="hold").data
        assert held.loc[0, "x"] == 14
        assert interpolate(with_gaps(df, *gaps), ["x"], extrapolate="hold", max_gap=1).data["x"].isna().sum() == 1

    def test_years_are_years_not_rows(self):
        df = pd.DataFrame({"city_code": 1, "year": [2010, 2011, 2014], "x": [0.0, np.nan, 8.0]})
        result = interpolate(df, ["x"])
        assert result.data["x"].tolist() == [0, 2, 8]
        far = pd.DataFrame({"city_code": 1, "year": [2010, 2011, 2015], "x": [0.0, np.nan, 10.0]})
        assert interpolate(far, ["x"]).ledger.empty, "four years without a value"

    def test_row_order_cities_and_other_columns_are_kept(self):
        df = with_gaps(lines(), (1, 2012), (5, 2013)).sample(frac=1, random_state=0)
        copy = df.copy()
        result = interpolate(df, ["x"])
        pd.testing.assert_frame_equal(df, copy)
        assert result.data.index.equals(df.index)
        np.testing.assert_allclose(result.data.sort_index()["x"], lines()["x"])
        never = interpolate(df.assign(x=np.nan), ["x"])
        assert never.data["x"].isna().all()

    def test_unusable(self):
        df = lines()
        cases = [
            (lambda: interpolate(df, ["y"]), "not in the data: y"),
            (lambda: interpolate(df.assign(x="a"), ["x"]), "not numeric"),
            (lambda: interpolate(df.assign(x=np.inf), ["x"]), "infinite"),
            (lambda: interpolate(pd.concat([df, df.head(1)]), ["x"]), "duplicated key"),
            (lambda: interpolate(df.assign(year=np.nan), ["x"]), "missing in 50 row"),
            (lambda: interpolate(df, ["x"], extrapolate="trend"), "none, linear, hold"),
            (lambda: interpolate(df, ["x"], max_gap=0), "at least 1"),
        ]
        for call, message in cases:
            with pytest.raises(EstimationError, match=message):
                call()


class TestWinsorising:
    def test_limits_share_and_dummies(self):
        rng = np.random.default_rng(0)
        df = lines(100, 10).assign(x=rng.normal(size=1000), pilot=rng.integers(0, 2, 1000))
        result = winsorise(df, ["x", "pilot", "z"])
        low, high = np.quantile(df["x"], [0.01, 0.99])
        assert result.data["x"].min() == low
        assert result.data["x"].max() == high
        inside = df["x"].between(low, high)
        pd.testing.assert_series_equal(result.data.loc[inside, "x"], df.loc[inside, "x"])
        assert len(result.ledger) == 20
        assert result.limits["n_changed"].tolist() == [20]
        pd.testing.assert_series_equal(result.data["pilot"], df["pilot"])

    def test_on_shipped_data_at_most_two_percent_change(self):
        data = wage_panel.load()
        result = winsorise(data, ["lwage", "hours", "union"], entity="nr")
        for column in ("lwage", "hours"):
            assert 0 < (result.ledger["variable"] == column).mean() <= 1
            assert (result.data[column] != data[column]).mean() <= 0.02 + 2 / len(data)
        assert (result.data["union"] == data["union"]).all()

    def test_stata_quantiles(self):
        """Of 1..50 the 1st percentile is the first value (0.5 is not whole), the 10th the mean of the 5th and 6th."""
        df = lines().assign(x=np.arange(1.0, 51))
        stata = winsorise(df, ["x"], limits=(0.1, 0.99), quantile="averaged_inverted_cdf").limits.iloc[0]
        assert (stata["low"], stata["high"]) == (5.5, 50)
        linear = winsorise(df, ["x"], limits=(0.1, 0.99)).limits.iloc[0]
        assert (linear["low"], linear["high"]) == pytest.approx((5.9, 49.51))

    def test_by_year_and_frozen_base(self):
        rng = np.random.default_rng(1)
        df = lines(100, 3).assign(x=rng.normal(size=300))
        df["x"] += 100 * (df["year"] == 2012)
        yearly = winsorise(df, ["x"], by="year")
        for year, group in df.groupby("year"):
            found = yearly.data.loc[group.index, "x"]
            assert found.max() == np.quantile(group["x"], 0.99)
            assert yearly.limits.set_index("group").loc[year, "low"] == np.quantile(group["x"], 0.01)
        base = (df["year"] < 2012).to_numpy()
        frozen = winsorise(df, ["x"], base=base)
        alone = winsorise(df[base], ["x"])
        np.testing.assert_array_equal(frozen.data.loc[base, "x"], alone.data["x"])
        assert frozen.data["x"].max() == alone.data["x"].max()

    def test_missing_stays_missing_and_unusable_is_refused(self):
        df = lines().assign(x=lambda d: d["x"].mask(d["year"] == 2012))
        result = winsorise(df, ["x"], limits=(0.1, 0.9))
        assert result.data["x"].isna().sum() == 5
        assert not result.ledger["old_value"].isna().any()
        for options, message in [
            ({"limits": (0.9, 0.1)}, "rise within"),
            ({"by": "province"}, "by='province'"),
            ({"quantile": "nearest"}, "linear, averaged_inverted_cdf"),
            ({"base": [True]}, "mask of length 50"),
            ({"base": np.zeros(50, dtype=bool)}, "no base value in group all"),
        ]:
            with pytest.raises(EstimationError, match=message):
                winsorise(df, ["x"], **options)


class TestOutliers:
    @pytest.mark.parametrize("rule", ["iqr", "mad", "zscore"])
    def test_the_planted_unemployment_cell_is_replaced(self, rule):
        rng = np.random.default_rng(0)
        df = lines(40, 10).assign(unemployed_rate=rng.uniform(0.01, 0.05, 400))
        planted = (df["city_code"] == 7) & (df["year"] == 2015)
        df.loc[planted, "unemployed_rate"] = 0.2548
        result = replace_outliers(df, ["unemployed_rate"], rule=rule)
        neighbours = df[(df["city_code"] == 7) & df["year"].isin([2014, 2016])]["unemployed_rate"]
        assert result.data.loc[planted, "unemployed_rate"].iloc[0] == pytest.approx(neighbours.mean())
        assert result.ledger[["city_code", "year", "old_value"]].to_numpy().tolist() == [[7, 2015, 0.2548]]
        assert result.ledger["status"].tolist() == ["outlier_interpolated"]
        assert result.limits["n_outliers"].tolist() == [1]

    def test_ends_are_left_missing_and_old_gaps_are_not_filled(self):
        df = with_gaps(lines(6), (2, 2014))
        df.loc[(df["city_code"] == 3) & (df["year"] == 2019), "x"] = 1e4
        result = replace_outliers(df, ["x"])
        assert result.ledger["status"].tolist() == ["outlier_left_missing"]
        assert result.data["x"].isna().sum() == 2

    def test_by_city_and_in_logs(self):
        df = lines(6)
        df.loc[(df["city_code"] == 1) & (df["year"] == 2015), "x"] = 70.0
        assert replace_outliers(df, ["x"]).ledger.empty, "70 is usual among all cities"
        by_city = replace_outliers(df, ["x"], by="city_code", rule="mad")
        assert by_city.ledger["city_code"].tolist() == [1]
        assert by_city.data["x"].equals(lines(6)["x"])
        logs = replace_outliers(df.assign(x=np.exp(df["x"] / 10)), ["x"], by="city_code", rule="mad", log=True)
        assert len(logs.ledger) == 1
        with pytest.raises(EstimationError, match="no logs"):
            replace_outliers(df.assign(x=df["x"] - 10), ["x"], log=True)

    def test_constant_and_short_groups_have_no_outliers(self):
        df = lines(2, 3).assign(z=[1, 1, 1, 5, 5, 500.0])
        assert replace_outliers(df, ["z"], by="city_code").ledger.empty
        assert replace_outliers(lines().assign(x=3.0), ["x"], rule="mad").ledger.empty
        with pytest.raises(EstimationError, match="iqr, mad, zscore"):
            replace_outliers(df, ["z"], rule="grubbs")
        with pytest.raises(EstimationError, match="above zero"):
            replace_outliers(df, ["z"], threshold=0)


def price_panel() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "city_code": [1] * 4 + [2] * 4,
            "year": [2012, 2013, 2014, 2015] * 2,
            "index": [np.nan, 103.0, 102.0, 105.0, 101.0, 110.0, 90.0, 100.0],
            "fai": [100.0, 200.0, 300.0, 400.0, 10.0, 20.0, 30.0, 40.0],
        }
    )


class TestDeflation:
    def test_levels_are_chained_products(self):
        level = price_level(price_panel(), "index", 2013)
        np.testing.assert_allclose(level, [1 / 1.03, 1, 1.02, 1.02 * 1.05, 1 / 1.1, 1, 0.9, 0.9])

    def test_base_year_keeps_nominal_values(self):
        df = price_panel()
        for base in (2012, 2013, 2015):
            real = deflate(df, "fai", "index", base)
            at_base = df["year"] == base
            np.testing.assert_allclose(real[at_base], df.loc[at_base, "fai"])
        first, second = (deflate(df, "fai", "index", base) for base in (2012, 2015))
        ratio = (first / second).groupby(df["city_code"])
        np.testing.assert_allclose(ratio.max(), ratio.min())

    def test_row_order_does_not_matter(self):
        df = price_panel()
        shuffled = df.sample(frac=1, random_state=1)
        np.testing.assert_allclose(
            deflate(shuffled, "fai", "index", 2013).sort_index(), deflate(df, "fai", "index", 2013)
        )

    def test_extension_rules(self):
        df = price_panel().assign(gdp_deflator=107.0)
        held = extend_index(df, "index", 2014, "hold")
        assert held.loc[[3, 7], "index"].tolist() == [100, 100]
        assert held["status"].tolist() == ["observed"] * 3 + ["extended_hold"] + ["observed"] * 3 + ["extended_hold"]
        mean = extend_index(df, "index", 2014, "average")
        assert mean.loc[3, "index"] == pytest.approx(np.sqrt(103 * 102))
        assert mean.loc[7, "index"] == pytest.approx((101 * 110 * 90) ** (1 / 3))
        other = extend_index(df, "index", 2014, "substitute", substitute="gdp_deflator")
        assert other.loc[[3, 7], "index"].tolist() == [107, 107]
        assert np.isnan(other.loc[0, "index"])

    def test_unusable(self):
        df = price_panel()
        cases = [
            (lambda: price_level(df, "index", 2010), "no row for the base year 2010"),
            (lambda: price_level(df[df["year"] != 2014], "index", 2013), "1 has no row for 2014"),
            (
                lambda: price_level(df.assign(index=df["index"].mask(df["year"] == 2014)), "index", 2013),
                "for 1 in 2014",
            ),
            (lambda: deflate(df, "gdp", "index", 2013), "not in the data: gdp"),
            (lambda: extend_index(df, "index", 2014, "trend"), "hold, average, substitute"),
            (lambda: extend_index(df, "index", 2014, "substitute"), "substitute is the column"),
            (lambda: extend_index(df, "index", 2000, "average"), "no value to extend index with for 1 in 2012"),
        ]
        for call, message in cases:
            with pytest.raises(EstimationError, match=message):
                call()


class TestLogs:
    def test_rules_by_hand(self):
        values = np.array([np.e, 0.0, 1.0, np.nan, 0.5])
        floored = log_with_rule(values)
        np.testing.assert_allclose(floored.log, [1, np.log(0.5), 0, np.nan, np.log(0.5)])
        assert (floored.n_zero, floored.n_negative, floored.floor) == (1, 0, 0.5)
        np.testing.assert_allclose(log_with_rule(values, "missing").log, [1, np.nan, 0, np.nan, np.log(0.5)])
        np.testing.assert_allclose(log_with_rule(values, "log1p").log, np.log1p(values))
        assert log_with_rule([-1.0, 0.0, 2.0]).n_negative == 1

    def test_unusable(self):
        with pytest.raises(EstimationError, match="nothing to floor"):
            log_with_rule([0.0, -1.0])
        with pytest.raises(EstimationError, match="above -1"):
            log_with_rule([-1.0], "log1p")
        with pytest.raises(EstimationError, match="floor, missing, log1p"):
            log_with_rule([1.0], "drop")
        with pytest.raises(EstimationError, match="infinite"):
            log_with_rule([np.inf])
