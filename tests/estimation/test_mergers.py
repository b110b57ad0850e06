"""Mergers, splits and abolitions worked by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from estimation.cleaning.mergers import Abolition, apply_history
from estimation.core.frame import EstimationError

SEEDS = Path(__file__).resolve().parents[2] / "seeds"
MERGER = (Abolition("M", "B", 2002, ("A",)),)
SPLIT = (Abolition("S", "B", 2001, ("A", "C")),)


def panel() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "city_code": ["A", "A", "A", "B", "B", "C", "C", "C"],
            "year": [2001, 2002, 2003, 2001, 2002, 2001, 2002, 2003],
            "gdp": [100.0, 110.0, 150.0, 20.0, 22.0, 7.0, 8.0, 9.0],
            "pop": [10.0, 10.0, 12.0, 5.0, 5.0, 1.0, 1.0, 1.0],
            "gdp_pc": [10.0, 11.0, 12.5, 4.0, 4.4, 7.0, 8.0, 9.0],
            "region": ["east"] * 8,
        }
    )


def test_merge_adds_and_weighs() -> None:
    result = apply_history(
        panel(), MERGER, {"M": "merge"}, extensive=["gdp", "pop"], weights={"gdp_pc": "pop"}, keep=["region"]
    )
    a = result.frame[result.frame["city_code"].eq("A")].set_index("year")
    assert a["gdp"].tolist() == [120.0, 132.0, 150.0]
    assert a["pop"].tolist() == [15.0, 15.0, 12.0]
    # (10 x 10 + 5 x 4) / 15 = 8 and (10 x 11 + 5 x 4.4) / 15 = 8.8
    assert a["gdp_pc"].tolist() == pytest.approx([8.0, 8.8, 12.5], rel=1e-15)
    assert set(result.frame["city_code"]) == {"A", "C"}
    assert result.log[["event_id", "choice", "city_code", "year", "effect"]].to_numpy().tolist() == [
        ["M", "merge", "A", 2001, "merged"],
        ["M", "merge", "A", 2002, "merged"],
    ]


def test_merge_of_consistent_ratios_equals_ratio_of_sums() -> None:
    merged = apply_history(
        panel(), MERGER, {"M": "merge"}, extensive=["gdp", "pop"], weights={"gdp_pc": "pop"}, keep=["region"]
    ).frame
    np.testing.assert_allclose(merged["gdp_pc"], merged["gdp"] / merged["pop"], rtol=1e-14)


def test_a_missing_part_makes_the_merged_value_missing() -> None:
    gap = panel()
    gap.loc[gap["city_code"].eq("B") & gap["year"].eq(2002), "gdp"] = np.nan
    gap = gap[~(gap["city_code"].eq("B") & gap["year"].eq(2001))]
    result = apply_history(
        gap, MERGER, {"M": "merge"}, extensive=["gdp", "pop"], weights={"gdp_pc": "pop"}, keep=["region"]
    )
    a = result.frame[result.frame["city_code"].eq("A")].set_index("year")
    assert a["gdp"].isna().tolist() == [True, True, False]
    assert a["pop"].isna().tolist() == [True, False, False]
    assert result.log["effect"].tolist() == ["missing: the abolished unit has no row", "merged"]


def test_drop_and_keep() -> None:
    late = pd.concat([panel(), pd.DataFrame({"city_code": ["B"], "year": [2003], "gdp": [1.0]})], ignore_index=True)
    dropped = apply_history(late, MERGER, {"M": "drop"}).frame
    assert set(dropped["city_code"]) == {"A", "C"}
    assert dropped.loc[dropped["city_code"].eq("A"), "gdp"].tolist() == [100.0, 110.0, 150.0]
    kept = apply_history(late, MERGER, {"M": "keep"})
    assert kept.frame.loc[kept.frame["city_code"].eq("B"), "year"].tolist() == [2001, 2002]
    assert kept.log["effect"].tolist() == ["dropped"]
    assert set(apply_history(late, MERGER, {"M": "drop_with_successors"}).frame["city_code"]) == {"C"}


def test_a_split_is_merged_only_with_given_shares() -> None:
    rules = {"extensive": ["gdp", "pop"], "weights": {"gdp_pc": "pop"}, "keep": ["region"]}
    with pytest.raises(EstimationError, match="split between"):
        apply_history(panel(), SPLIT, {"S": "merge"}, **rules)
    with pytest.raises(EstimationError, match="add up to 1"):
        apply_history(panel(), SPLIT, {"S": "merge"}, shares={"S": {"A": 0.5, "C": 0.4}}, **rules)
    frame = apply_history(panel(), SPLIT, {"S": "merge"}, shares={"S": {"A": 0.75, "C": 0.25}}, **rules).frame
    first = frame[frame["year"].eq(2001)].set_index("city_code")
    assert first["gdp"].to_dict() == {"A": 115.0, "C": 12.0}
    assert first.at["C", "gdp_pc"] == pytest.approx((1 * 7 + 1.25 * 4) / 2.25, rel=1e-15)
    assert first["gdp"].sum() == panel().loc[panel()["year"].eq(2001), "gdp"].sum()


def test_what_is_not_chosen_or_ruled_raises() -> None:
    with pytest.raises(EstimationError, match="choose one of"):
        apply_history(panel(), MERGER, {})
    with pytest.raises(EstimationError, match="allowed"):
        apply_history(panel(), MERGER, {"M": "guess"})
    with pytest.raises(EstimationError, match="no such events"):
        apply_history(panel(), MERGER, {"M": "drop", "X": "drop"})
    with pytest.raises(EstimationError, match="region"):
        apply_history(panel(), MERGER, {"M": "merge"}, extensive=["gdp", "pop"], weights={"gdp_pc": "pop"})
    with pytest.raises(EstimationError, match="repeat"):
        apply_history(pd.concat([panel(), panel()]), MERGER, {"M": "drop"})


def test_frames_without_the_unit_need_no_choice_and_nothing_is_mutated() -> None:
    frame = panel()
    before = frame.copy()
    apply_history(frame, MERGER, {"M": "merge"}, extensive=["gdp", "pop"], weights={"gdp_pc": "pop"}, keep=["region"])
    pd.testing.assert_frame_equal(frame, before)
    without = frame[frame["city_code"].ne("B")]
    result = apply_history(without, MERGER, {})
    pd.testing.assert_frame_equal(result.frame, without.sort_values(["city_code", "year"], ignore_index=True))
    assert len(result.log) == 0


def test_row_order_does_not_matter() -> None:
    rules = {"extensive": ["gdp", "pop"], "weights": {"gdp_pc": "pop"}, "keep": ["region"]}
    one = apply_history(panel(), MERGER, {"M": "merge"}, **rules).frame
    other = apply_history(panel().sample(frac=1, random_state=3), MERGER, {"M": "merge"}, **rules).frame
    pd.testing.assert_frame_equal(one, other)


def test_the_seeds_name_the_successors_of_every_abolished_unit() -> None:
    cities = pd.read_csv(SEEDS / "cities.csv", dtype=str, keep_default_na=False)
    pairs = pd.read_csv(SEEDS / "city_event_successors.csv", dtype=str, keep_default_na=False)
    found = pairs.groupby("old_code")["successor_code"].agg(set).to_dict()
    assert set(cities.loc[cities["valid_to"] != "", "city_code"]) == set(found)
    assert found["371200"] == {"370100"} and found["341400"] == {"340100", "340200", "340500"}
