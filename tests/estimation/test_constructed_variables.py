"""Constructed variables of the papers: structure indices, coordination, capital, distortion, allocation, robots.

Tolerance 1e-12 unless said: closed forms against hand values. The planted economy is recovered to 1e-10 (exact data).
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from linearmodels.datasets import wage_panel

from estimation.core.frame import EstimationError
from estimation.economy.allocation_efficiency import allocation_efficiency, olley_pakes
from estimation.economy.capital import perpetual_inventory
from estimation.economy.coordination import coupling_coordination
from estimation.economy.factor_distortion import cobb_douglas, distortion
from estimation.economy.industrial_structure import sector_shares, structure_angle, structure_sum
from estimation.economy.robots import robots_by_employment, robots_printed


class TestStructure:
    def test_sum_by_hand_and_range(self):
        np.testing.assert_allclose(structure_sum([10, 0, 1], [20, 0, 0], [70, 5, 0]), [2.6, 3, 1])
        rng = np.random.default_rng(0)
        values = structure_sum(*rng.lognormal(size=(3, 200)))
        assert ((values > 1) & (values < 3)).all()

    def test_angle_closed_forms(self):
        assert structure_angle(1, 1, 1) == pytest.approx(6 * np.arccos(1 / np.sqrt(3)))
        # All services: angles pi/2, pi/2, 0 -> 5 pi/2; all agriculture: 0, pi/2, pi/2 -> 3 pi/2.
        np.testing.assert_allclose(structure_angle([0, 1], [0, 0], [1, 0]), [2.5 * np.pi, 1.5 * np.pi])
        rng = np.random.default_rng(1)
        first = rng.lognormal(size=(3, 100))
        shares = first / first.sum(axis=0)
        angles = np.arccos(shares / np.linalg.norm(shares, axis=0))
        expected = sum(angles[j] for k in range(3) for j in range(k + 1))
        np.testing.assert_allclose(structure_angle(*first), expected)

    def test_services_growth_raises_both(self):
        before, after = (10, 50, 40), (8, 42, 50)
        assert structure_sum(*after) > structure_sum(*before)
        assert structure_angle(*after) > structure_angle(*before)

    def test_missing_and_unusable(self):
        assert np.isnan(structure_sum(np.nan, 1, 1))
        np.testing.assert_allclose(sector_shares([1.0], [1.0], [2.0]), [[0.25, 0.25, 0.5]])
        with pytest.raises(EstimationError, match="sector 2"):
            structure_angle([1.0], [-1.0], [1.0])
        with pytest.raises(EstimationError, match="zero in all three"):
            structure_sum([0.0], [0.0], [0.0])


class TestCoordination:
    def test_forms_on_random_draws(self):
        a, b = np.random.default_rng(0).uniform(0.001, 1, (2, 500))
        c, t = 2 * np.sqrt(a * b) / (a + b), (a + b) / 2
        np.testing.assert_allclose(coupling_coordination(a, b), np.sqrt(c * t))
        np.testing.assert_allclose(coupling_coordination(a, b), (a * b) ** 0.25)
        printed = coupling_coordination(a, b, form="printed")
        np.testing.assert_allclose(printed, c**0.5 * 0.5**0.25 * (a + b) ** 0.25)
        np.testing.assert_allclose(printed, (2 / (1 / a + 1 / b)) ** 0.25)
        assert ((printed > 0) & (printed <= 1)).all()

    def test_equal_scores_zero_and_missing(self):
        assert coupling_coordination(0.25, 0.25) == pytest.approx(0.5)
        assert coupling_coordination(0.25, 0.25, form="printed") == pytest.approx(0.25**0.25)
        for form in ("standard", "printed"):
            np.testing.assert_array_equal(coupling_coordination([0.0, 0.0], [0.0, 1.0], form=form), 0)
            assert np.isnan(coupling_coordination(np.nan, 1.0, form=form))

    def test_unusable(self):
        with pytest.raises(EstimationError, match="a is negative"):
            coupling_coordination(-0.1, 1)
        with pytest.raises(EstimationError, match="standard, printed"):
            coupling_coordination(1, 1, form="cube")
        with pytest.raises(EstimationError, match="different shapes"):
            coupling_coordination([1.0], [1.0, 2.0])


def investment_panel(g: float, years: int = 60, delta_start: float = 1.0) -> pd.DataFrame:
    year = np.arange(2000, 2000 + years)
    return pd.DataFrame({"city_code": 1, "year": year, "fai": 100 * (1 + g) ** (year - 2000), "price": delta_start})


class TestCapital:
    @pytest.mark.parametrize("g", [0.0, 0.05, 0.12])
    @pytest.mark.parametrize("delta", [0.05, 0.096])
    def test_ratio_converges_under_constant_growth(self, g, delta):
        result = perpetual_inventory(investment_panel(g, 400), "fai", delta=delta, initial="tenth").table
        opening = result["capital"].shift() / result["real_investment"]
        assert opening.iloc[-1] == pytest.approx(1 / (g + delta), rel=1e-6)
        closing = result["capital"] / result["real_investment"]
        assert closing.iloc[-1] == pytest.approx((1 + g) / (g + delta), rel=1e-6)

    def test_by_hand(self):
        df = pd.DataFrame(
            {
                "city_code": [1, 1, 1, 2, 2, 2],
                "year": [2013, 2014, 2015] * 2,
                "fai": [100.0, 121.0, 133.1, 50.0, 60.0, 72.0],
                "price": [1.0, 1.1, 1.1] * 2,
            }
        )
        result = perpetual_inventory(df, "fai", "price")
        real = np.array([100, 110, 121])
        np.testing.assert_allclose(result.growth[1], 0.1)
        k0 = 100 / (0.1 + 0.096)
        k1 = 0.904 * k0 + 110
        np.testing.assert_allclose(result.table["real_investment"][:3], real)
        np.testing.assert_allclose(result.table["capital"][:3], [k0, k1, 0.904 * k1 + 121])
        tenth = perpetual_inventory(df, "fai", "price", initial="tenth").table
        assert tenth["capital"].iloc[3] == pytest.approx(500)
        fixed = perpetual_inventory(df, "fai", "price", growth=0.08).table
        assert fixed["capital"].iloc[0] == pytest.approx(100 / 0.176)
        pooled = perpetual_inventory(df, "fai", "price", growth="pooled")
        np.testing.assert_allclose(pooled.growth, (0.1 + (72 / 1.1 / 50) ** 0.5 - 1) / 2)

    def test_holes_and_unusable_values(self):
        df = investment_panel(0.05, 6)
        with pytest.raises(EstimationError, match="missing before 2003 for 1"):
            perpetual_inventory(df[df["year"] != 2002], "fai")
        with pytest.raises(EstimationError, match="missing before 2003"):
            perpetual_inventory(df.assign(fai=df["fai"].where(df["year"] != 2002)), "fai")
        late = perpetual_inventory(df.assign(fai=df["fai"].where(df["year"] > 2001)), "fai").table
        assert late["year"].min() == 2002
        with pytest.raises(EstimationError, match="above zero; it is 0"):
            perpetual_inventory(df.assign(fai=df["fai"].where(df["year"] != 2001, 0.0)), "fai")
        with pytest.raises(EstimationError, match=r"growth \+ depreciation"):
            perpetual_inventory(investment_panel(-0.2, 6), "fai")
        with pytest.raises(EstimationError, match="one year of investment"):
            perpetual_inventory(df.head(1), "fai")
        with pytest.raises(EstimationError, match="growth, tenth"):
            perpetual_inventory(df, "fai", initial="zero")


def planted_economy(n: int = 40, years: int = 8, seed: int = 0) -> pd.DataFrame:
    """Y = A_it K^.4 L^.5 with city and year effects only, wage and rent equal to the marginal products."""
    rng = np.random.default_rng(seed)
    city, year = np.repeat(np.arange(n), years), np.tile(np.arange(2010, 2010 + years), n)
    k, labour = rng.lognormal(5, 1, n * years), rng.lognormal(3, 1, n * years)
    y = np.exp(rng.normal(size=n)[city] + 0.03 * (year - 2010)) * k**0.4 * labour**0.5
    df = pd.DataFrame({"city_code": city, "year": year, "y": y, "k": k, "l": labour})
    return df.assign(r=0.4 * y / k, w=0.5 * y / labour)


class TestDistortion:
    def test_planted_economy_without_distortion_gives_zero(self):
        df = planted_economy()
        function = cobb_douglas(df, "y", "k", "l")
        assert function.alpha == pytest.approx(0.4, abs=1e-10)
        assert function.beta == pytest.approx(0.5, abs=1e-10)
        result = distortion(df, function, "w", capital_price="r")
        np.testing.assert_allclose(result[["dist_k", "dist_l"]], 0, atol=1e-9)

    def test_by_hand(self):
        df = planted_economy()
        function = cobb_douglas(df, "y", "k", "l")
        row = df.iloc[[3]].assign(w=lambda d: d["w"] * 2)
        result = distortion(row, function, "w", capital_price=float(row["r"].iloc[0]) / 3)
        assert result["dist_k"].iloc[0] == pytest.approx(2)
        assert result["dist_l"].iloc[0] == pytest.approx(0.5)
        assert result["mpk"].iloc[0] == pytest.approx(row["r"].iloc[0])

    def test_pooled_and_fixed_effects_differ_and_pooled_is_least_squares(self):
        df = planted_economy(seed=1)
        pooled = cobb_douglas(df, "y", "k", "l", effects="none")
        X = np.column_stack([np.ones(len(df)), np.log(df["k"]), np.log(df["l"])])
        beta = np.linalg.lstsq(X, np.log(df["y"]), rcond=None)[0]
        assert pooled.alpha == pytest.approx(beta[1])
        assert pooled.beta == pytest.approx(beta[2])

    def test_unusable(self):
        df = planted_economy()
        function = cobb_douglas(df, "y", "k", "l")
        with pytest.raises(EstimationError, match="k must be above zero to take logs"):
            cobb_douglas(df.assign(k=df["k"].where(df.index > 2, 0)), "y", "k", "l")
        with pytest.raises(EstimationError, match="w must be above zero; it is not in row 1"):
            distortion(df.assign(w=df["w"].where(df.index != 1, 0)), function, "w")
        with pytest.raises(EstimationError, match="not in the data: pay"):
            distortion(df, function, "pay")
        assert distortion(df.assign(w=df["w"].where(df.index != 1)), function, "w")["dist_l"].isna().sum() == 1


class TestAllocation:
    def test_olley_pakes_identity(self):
        rng = np.random.default_rng(0)
        for _ in range(20):
            m, size = rng.normal(size=12), rng.lognormal(size=12)
            split = olley_pakes(m, size)
            assert split.weighted == pytest.approx(split.mean + split.covariance, abs=1e-12)
            assert split.weighted == pytest.approx(np.average(m, weights=size), abs=1e-12)

    def test_identity_on_shipped_data(self):
        data = wage_panel.load()
        split = olley_pakes(data["lwage"], data["hours"])
        assert split.weighted == pytest.approx(split.mean + split.covariance, abs=1e-12)

    def test_efficiency_by_hand(self):
        firms = pd.DataFrame(
            {
                "city_code": [1, 1, 2, 2, 3],
                "year": 2010,
                "output": [100.0, 300.0, 50.0, 50.0, 9.0],
                "staff": [10.0, 10.0, 5.0, 10.0, 1.0],
                "employees": [100.0, 50.0, 10.0, 100.0, 10.0],
            }
        )
        # City 1: mpl 10, 30 and shares .1, .2: 2 (10 * .05) = 1. City 2: mpl 10, 5; shares .5, .1: 2 (2.5 * .2) = 1.
        firms.loc[3, "output"] = 100.0  # mpl 10, 10: no covariance
        result = allocation_efficiency(firms, "output", "staff", "employees", normalise="none").table
        np.testing.assert_allclose(result["ecol"], [1, 0, 0], atol=1e-12)
        assert result["n_firms"].tolist() == [2, 2, 1]
        scaled = allocation_efficiency(firms, "output", "staff", "employees").table
        np.testing.assert_allclose(scaled["ecol"], [1, 0.001, 0.001])
        doubled = allocation_efficiency(firms, "output", "staff", "employees", elasticity=2.0, normalise="none").table
        np.testing.assert_allclose(doubled["ecol"], [2, 0, 0], atol=1e-12)

    def test_firms_left_out_are_counted(self):
        firms = pd.DataFrame(
            {
                "city_code": [1, 1, 1, 2],
                "year": 2010,
                "output": [100.0, 300.0, np.nan, 5.0],
                "staff": [10.0, 10.0, 10.0, 0.0],
                "employees": [100.0, 50.0, 10.0, 10.0],
            }
        )
        result = allocation_efficiency(firms, "output", "staff", "employees", normalise="none")
        assert result.n_dropped == 2
        assert result.table["city_code"].tolist() == [1]
        with pytest.raises(EstimationError, match="all equal"):
            allocation_efficiency(firms, "output", "staff", "employees")
        with pytest.raises(EstimationError, match="negative"):
            allocation_efficiency(firms.assign(output=-1.0), "output", "staff", "employees")
        with pytest.raises(EstimationError, match="not in the data: rd"):
            allocation_efficiency(firms, "output", "rd", "employees")


class TestRobots:
    def test_city_sum_is_the_national_total(self):
        rng = np.random.default_rng(0)
        robots, employment = rng.integers(0, 1000, (6, 4)), rng.lognormal(size=(30, 6))
        cities = robots_by_employment(robots, employment)
        np.testing.assert_allclose(cities.sum(axis=0), robots.sum(axis=0))
        assert cities.shape == (30, 4)

    def test_by_hand(self):
        found = robots_by_employment([100, 10], [[1, 0], [3, 5]])
        np.testing.assert_allclose(found, [25, 85])
        np.testing.assert_allclose(robots_printed(110, [4.0, 8.0], 40.0), [11, 22])
        years = robots_printed([110, 220], [[4.0, 4.0], [8.0, 8.0]], [40.0, 44.0])
        np.testing.assert_allclose(years, [[11, 20], [22, 40]])

    def test_unusable(self):
        with pytest.raises(EstimationError, match="industry 1 has robots but no employment"):
            robots_by_employment([100, 10], [[1, 0], [3, 0]])
        np.testing.assert_allclose(robots_by_employment([100, 0], [[1, 0], [3, 0]]), [25, 75])
        with pytest.raises(EstimationError, match="cities by 2"):
            robots_by_employment([100, 10], [1, 0])
        with pytest.raises(EstimationError, match="not negative"):
            robots_by_employment([100, -1], [[1, 1]])
        with pytest.raises(EstimationError, match="above zero"):
            robots_printed(1, [1.0], 0.0)
