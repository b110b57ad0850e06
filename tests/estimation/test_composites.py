"""Composite indices from indicator tables: methods by name, frozen base years, directions, overlap. Tolerance 1e-12 (closed forms)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from estimation.core.frame import EstimationError
from estimation.indices.composites import composite
from estimation.indices.systems import (
    METHODS,
    POLLUTANTS,
    base_years,
    frozen_years,
    index_directions,
    index_systems,
    open_directions,
    pollution_index,
    without_overlap,
)

ROOT = Path(__file__).resolve().parents[2]
SWITCHES = {
    "index_base_years": "all", "index_directions": "default", "index_overlap": "keep", "pca_standardise": "zscore",
    "pca_rescale": "none", "pca_k_rule": "kaiser", "topsis_norm": "minmax", "entropy_zero": "limit",
    "cp_gaps": "above_average", "cp_aging": "negative",
}  # fmt: skip
SIZES = {"common_prosperity": 20, "nq_topsis": 27, "green_index": 9, "np_entropy": 16}


def table(n_indicators: int, cities: int = 12, years: range = range(2013, 2018), seed: int = 0) -> pd.DataFrame:
    """Indicators of lognormal levels that grow, so that a new year moves limits."""
    rng = np.random.default_rng(seed)
    keys = pd.MultiIndex.from_product([[f"{k:06d}" for k in range(cities)], years], names=["city_code", "year"])
    growth = np.exp(0.1 * (keys.get_level_values("year").to_numpy() - years.start))[:, None]
    values = rng.lognormal(size=(len(keys), n_indicators)) * growth
    return pd.DataFrame(values, index=keys, columns=[f"i{k + 1:02d}" for k in range(n_indicators)]).reset_index()


def definitions() -> pd.DataFrame:
    rows = [
        {"index": name, "no": k + 1, "direction_printed": "-" if k == 0 else "not printed", "direction_default": "+"}
        for name, size in SIZES.items()
        for k in range(size)
    ]
    return pd.DataFrame(rows)


def scores_of(result: pd.DataFrame) -> pd.Series:
    return result.set_index(["city_code", "year"])["score"]


class TestComposite:
    @pytest.mark.parametrize("method", ["pca", "entropy", "topsis"])
    def test_an_index_that_cannot_be_computed_is_named(self, method):
        flat = table(3).assign(i02=0.0)
        with pytest.raises(EstimationError, match=r"^index toy: .*constant over the base rows: i02"):
            composite("toy", method, flat, dict.fromkeys(["i01", "i02", "i03"], "+"))

    def test_entropy_by_hand(self):
        """Two indicators, three rows: shares (0, 1/3, 2/3) and (0, 1/2, 1/2) after min-max; the second falls with its values."""
        frame = pd.DataFrame({"city_code": list("abc"), "year": 2015, "i01": [0.0, 1, 2], "i02": [3.0, 1, 1]})
        found = composite("toy", "entropy", frame, {"i01": "+", "i02": "-"})
        first = -(np.log(1 / 3) / 3 + 2 * np.log(2 / 3) / 3) / np.log(3)
        second = np.log(2) / np.log(3)
        weight = (1 - first) / (2 - first - second)
        np.testing.assert_allclose(found.scores["score"], [0, weight / 2 + 1 - weight, 1], atol=1e-12)
        stored = found.weights.set_index(["indicator", "statistic"])["value"]
        assert stored["i01", "weight"] == pytest.approx(weight, abs=1e-12)
        assert stored["i02", "entropy"] == pytest.approx(second, abs=1e-12)
        assert (found.weights[["base_first_year", "base_last_year", "n_base"]] == [2015, 2015, 3]).all().all()
        assert dict(zip(found.weights["indicator"], found.weights["direction"], strict=True)) == {
            "i01": "+",
            "i02": "-",
        }

    @pytest.mark.parametrize("method", ["pca", "entropy", "topsis"])
    def test_a_frozen_base_leaves_old_values_untouched_when_a_year_is_added(self, method):
        longer = table(4)
        shorter = longer[longer["year"] < 2017]
        directions = dict.fromkeys(["i01", "i02", "i03", "i04"], "+")
        before = composite("toy", method, shorter, directions, base_years=(2013, 2016))
        after = composite("toy", method, longer, directions, base_years=(2013, 2016))
        old = scores_of(before.scores)
        pd.testing.assert_series_equal(scores_of(after.scores)[old.index], old)
        pd.testing.assert_frame_equal(after.weights, before.weights)
        assert len(after.scores) > len(before.scores)

    @pytest.mark.parametrize("method", ["pca", "entropy", "topsis"])
    def test_unfrozen_the_change_is_shown(self, method):
        longer = table(4)
        directions = dict.fromkeys(["i01", "i02", "i03", "i04"], "+")
        before = composite("toy", method, longer[longer["year"] < 2017], directions)
        after = composite("toy", method, longer, directions)
        old = scores_of(before.scores)
        assert (scores_of(after.scores)[old.index] - old).abs().max() > 1e-3
        assert not before.weights["value"].equals(after.weights["value"])
        assert set(before.weights["base_last_year"]) == {2016}
        assert set(after.weights["base_last_year"]) == {2017}

    def test_row_order_and_incomplete_rows(self):
        frame = table(3)
        shuffled = frame.sample(frac=1, random_state=1)
        holed = pd.concat([shuffled, shuffled.head(1).assign(year=2030, i01=np.nan)])
        directions = dict.fromkeys(["i01", "i02", "i03"], "+")
        expected = composite("toy", "topsis", frame, directions).scores
        pd.testing.assert_frame_equal(composite("toy", "topsis", holed, directions).scores, expected)

    def test_nothing_complete_is_empty_with_types(self):
        found = composite("toy", "entropy", table(2).assign(i01=np.nan), {"i01": "+", "i02": "+"})
        assert found.scores.empty and found.weights.empty
        assert found.scores["score"].dtype == float and found.weights["n_base"].dtype == "int64"

    def test_unusable(self):
        with pytest.raises(EstimationError, match="pca, entropy, topsis"):
            composite("toy", "mean", table(2), {"i01": "+", "i02": "+"})
        with pytest.raises(EstimationError, match="no direction for i02"):
            composite("toy", "entropy", table(2), {"i01": "+"})
        with pytest.raises(EstimationError, match="no row in the base years 1990-1991"):
            composite("toy", "entropy", table(2), {"i01": "+", "i02": "+"}, base_years=(1990, 1991))


class TestSystems:
    def tables(self, years: range = range(2013, 2018)) -> dict[str, pd.DataFrame]:
        return {name: table(size, cities=30, years=years, seed=k) for k, (name, size) in enumerate(SIZES.items())}

    def test_every_system_by_its_method(self):
        systems = index_systems(self.tables(), definitions(), SWITCHES)
        assert list(systems) == list(METHODS)
        weights = systems["nq_topsis"].weights
        assert weights.loc[weights["statistic"] == "weight", "value"].sum() == pytest.approx(1, abs=1e-12)
        assert systems["nq_topsis"].scores["score"].between(0, 1).all()
        assert "loading_1" in set(systems["common_prosperity"].weights["statistic"])
        assert systems["green_index"].scores["index_name"].unique().tolist() == ["green_index"]

    def test_frozen_years_of_the_studies(self):
        """With declared base years the first years' scores of every system do not move when years are added."""
        samples = pd.DataFrame(
            [
                ("common_prosperity", 2013, 2015), ("new_quality_va_types", 2013, 2015), ("green_development", 2013, 2015),
                ("digital_industry", 2013, 2015),
            ],
            columns=["study", "base_first_year", "base_last_year"],
        )  # fmt: skip
        switches = SWITCHES | {"index_base_years": "frozen"}
        long, frozen = self.tables(), frozen_years(samples)
        short = {name: frame[frame["year"] <= 2015] for name, frame in long.items()}
        before = index_systems(short, definitions(), switches, frozen)
        after = index_systems(long, definitions(), switches, frozen)
        for name in METHODS:
            old = scores_of(before[name].scores)
            pd.testing.assert_series_equal(scores_of(after[name].scores)[old.index], old)
        with pytest.raises(EstimationError, match="study_samples"):
            index_systems(long, definitions(), switches)

    @pytest.mark.parametrize(
        ("switch", "value", "index"),
        [
            ("pca_standardise", "minmax", "common_prosperity"),
            ("pca_rescale", "minmax", "common_prosperity"),
            ("pca_k_rule", "cumulative", "common_prosperity"),
            ("cp_gaps", "equality", "common_prosperity"),
            ("cp_aging", "positive", "common_prosperity"),
            ("topsis_norm", "vector", "nq_topsis"),
            ("entropy_zero", "shift", "green_index"),
            ("index_directions", "printed", "np_entropy"),
            ("index_overlap", "drop", "np_entropy"),
            ("index_base_years", "first", "green_index"),
        ],
    )
    def test_every_switch_changes_its_index(self, switch, value, index):
        tables = self.tables()
        default = scores_of(index_systems(tables, definitions(), SWITCHES)[index].scores)
        changed = scores_of(index_systems(tables, definitions(), SWITCHES | {switch: value})[index].scores)
        assert (default - changed).abs().max() > 1e-8

    def test_pollution_is_an_entropy_index(self):
        emissions = table(3)
        found = pollution_index(emissions, SWITCHES)
        pd.testing.assert_frame_equal(
            found.scores, composite("pollution", "entropy", emissions, POLLUTANTS, options={"zero": "limit"}).scores
        )


class TestRules:
    def test_base_years(self):
        years = pd.Series([2013, 2014, 2015])
        assert base_years(years, "all") is None
        assert base_years(years, "first") == (2013, 2013)
        assert base_years(years, "frozen", (2013, 2014)) == (2013, 2014)
        assert base_years(years.iloc[:0], "first") is None
        with pytest.raises(EstimationError, match="all, frozen, first"):
            base_years(years, "last")

    def test_directions(self):
        rows = pd.DataFrame({
            "index": "g", "no": [1, 2], "direction_printed": ["-", "not printed"], "direction_default": ["+", "-"],
        })  # fmt: skip
        assert index_directions(rows, "g", "default") == {"i01": "+", "i02": "-"}
        assert index_directions(rows, "g", "printed") == {"i01": "-", "i02": "-"}
        with pytest.raises(EstimationError, match="no definition"):
            index_directions(rows, "h", "default")
        with pytest.raises(EstimationError, match="default, printed"):
            index_directions(rows, "g", "corrected")

    def test_directions_the_paper_leaves_open(self):
        with (ROOT / "seeds" / "index_indicators.csv").open(encoding="utf-8") as lines:
            listed = index_directions(pd.read_csv(lines), "common_prosperity", "default")
        assert listed | open_directions("above_average", "negative") == listed
        chosen = open_directions("equality", "positive")
        assert chosen == {f"i{k:02d}": "-" for k in range(7, 17)} | {"i18": "+"}
        with pytest.raises(EstimationError, match="above_average, equality"):
            open_directions("printed", "negative")

    def test_overlap(self):
        assert "i18" not in without_overlap("nq_topsis", table(27), "drop")
        assert without_overlap("green_index", table(9), "drop").shape[1] == 11
        assert without_overlap("nq_topsis", table(27), "keep").shape[1] == 29
        with pytest.raises(EstimationError, match="keep, drop"):
            without_overlap("nq_topsis", table(27), "some")
