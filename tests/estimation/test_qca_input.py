"""Configurations: bad input, flags, panels, tables, robustness. Figures are compared exactly or to rounding (1e-12)."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pandas as pd
import pytest

from estimation.core.frame import EstimationError
from estimation.qca import (
    QcaWarning,
    calibrate,
    minimize,
    necessity,
    percentile_anchors,
    simultaneous_rows,
    super_subset,
    truth_table,
)
from estimation.qca.anchors_and_cutoffs import QcaSpec, robustness
from estimation.qca.layout import solution_table
from estimation.qca.panel import panel_consistency, solutions_by_group, unit_means
from estimation.qca.sets import parse_expression


def cities(n: int = 60, seed: int = 3) -> pd.DataFrame:
    """Raw city-level data in which high A with low B, or high C, brings the outcome."""
    rng = np.random.default_rng(seed)
    A, B, C, D = rng.normal(size=(4, n))
    outcome = np.maximum(np.minimum(A, -B), C) + 0.25 * rng.normal(size=n)
    return pd.DataFrame({"city_code": np.arange(n), "A": A, "B": B, "C": C, "D": D, "Y": outcome})


ANCHORS = (-1.6, 0.0, 1.6)


def calibrated(raw: pd.DataFrame) -> pd.DataFrame:
    return raw.assign(**{name: calibrate(raw[name], ANCHORS) for name in "ABCDY"})


@pytest.fixture(scope="module")
def fuzzy() -> pd.DataFrame:
    return calibrated(cities())


@pytest.fixture(scope="module")
def table(fuzzy: pd.DataFrame):
    return truth_table(fuzzy, "Y", list("ABCD"), incl=0.8, freq=1, pri=0.6)


@pytest.mark.parametrize(
    ("change", "arguments", "message"),
    [
        ({}, {"outcome": "Z"}, r"column\(s\) not in the data: Z"),
        ({}, {"conditions": ["A", "Q"]}, r"column\(s\) not in the data: Q"),
        ({}, {"conditions": []}, "no condition given"),
        ({}, {"conditions": ["A", "A"]}, r"given twice or equal to the outcome: A"),
        ({}, {"conditions": ["A", "Y"]}, r"given twice or equal to the outcome: Y"),
        ({"A": 7.0}, {}, r"A is outside \[0, 1\] \(not calibrated\) in case\(s\) 0, 1, 2, 3, 4 and 55 more"),
        ({"A": np.nan}, {}, "A is missing in case"),
        ({"A": np.inf}, {}, r"A is outside \[0, 1\]"),
        ({"A": "high"}, {}, "A is not numeric; calibrate it first"),
        ({"Y": 0.0}, {}, "no case has any membership in Y"),
        ({"year": 2000, "city_code": 1}, {}, r"duplicated case \(city_code, year\): 1-2000"),
        ({}, {"incl": 1.2}, "lie in"),
        ({}, {"incl": (0.8, 0.7, 0.6)}, "one consistency cut-off or a pair"),
        ({}, {"pri": -0.1}, "lie in"),
        ({}, {"freq": 0}, "whole number from 1"),
        ({}, {"freq": 1.5}, "whole number from 1"),
    ],
)
def test_errors_name_what_is_wrong(fuzzy: pd.DataFrame, change: dict, arguments: dict, message: str) -> None:
    options = {"outcome": "Y", "conditions": list("AB"), **arguments}
    with pytest.raises(EstimationError, match=message):
        truth_table(fuzzy.assign(**change), **options)


def test_too_many_conditions(fuzzy: pd.DataFrame) -> None:
    wide = fuzzy.assign(**{f"X{i}": fuzzy["A"] for i in range(13)})
    with pytest.raises(EstimationError, match="13 conditions: at most 12"):
        truth_table(wide, "Y", [f"X{i}" for i in range(13)])


@pytest.mark.parametrize(
    ("anchors", "idm"),
    [
        ((1, 1, 2), 0.95),
        ((1, 3, 2), 0.95),
        ((1, 2), 0.95),
        ((1, 2, np.nan), 0.95),
        ({"a": 1}, 0.95),
        ((1, 2, 3), 0.5),
        ("e=1,c=2,i=3", 0.95),
        ({"e": "low", "c": 2, "i": 3}, 0.95),
    ],
)
def test_anchors_are_checked(anchors: object, idm: float) -> None:
    with pytest.raises(EstimationError):
        calibrate([1.0, 2.0], anchors, idm=idm)  # type: ignore[call-overload]


def test_uncalibratable_values() -> None:
    with pytest.raises(EstimationError, match="not numeric"):
        calibrate(["a"], (1, 2, 3))  # type: ignore[call-overload]
    with pytest.raises(EstimationError, match="hardly varies"):
        percentile_anchors([3.0] * 20)
    with pytest.raises(EstimationError, match="no finite value"):
        percentile_anchors([np.nan])
    np.testing.assert_array_equal(calibrate([-np.inf, np.inf], (1, 2, 3)), [0.0, 1.0])


def test_condition_without_variation_is_flagged(fuzzy: pd.DataFrame) -> None:
    with pytest.warns(QcaWarning, match="without variation.*: A"):
        tt = truth_table(fuzzy.assign(A=0.9), "Y", list("AB"))
    assert tt.constant == ("A",) and tt.notes
    assert set(tt.table.loc[tt.table["A"] == 0, "OUT"]) == {"?"}
    with pytest.warns(QcaWarning, match="without variation: A"):
        assert necessity(fuzzy.assign(A=0.9), "Y", list("AB")).trivial == ("A",)


def test_cases_at_one_half_belong_nowhere_and_are_flagged(fuzzy: pd.DataFrame) -> None:
    half = fuzzy.assign(A=fuzzy["A"].where(fuzzy["city_code"] != 7, 0.5))
    with pytest.warns(QcaWarning, match=r"1 case\(s\) with a membership of exactly 0.5 belong to no configuration: 7"):
        tt = truth_table(half, "Y", list("ABCD"))
    assert tt.unassigned == ("7",)
    assert tt.table["n"].sum() == len(fuzzy) - 1


def test_contradictory_rows_are_listed() -> None:
    data = pd.DataFrame({"A": [1, 1, 1, 0, 0], "Y": [1, 1, 0, 0, 0]}, dtype=float)
    tt = truth_table(data, "Y", ["A"], incl=0.6)
    assert tt.contradictory == (2,)
    assert tt.deviant == {2: ("2",)}
    assert tt.table["OUT"].tolist() == ["0", "1"]
    assert truth_table(data, "Y", ["A"], incl=(0.9, 0.5)).table["OUT"].tolist() == ["0", "C"]


def test_rows_sufficient_for_outcome_and_negation() -> None:
    """Low memberships are consistent subsets of Y and of ~Y alike: A in both has .8/.85; PRI is zero and removes it."""
    data = pd.DataFrame({"A": [0.55, 0.1, 0.1, 0.1], "Y": 0.5})
    pair = [truth_table(data, outcome, ["A"], incl=0.9) for outcome in ("Y", "~Y")]
    assert simultaneous_rows(*pair) == (2,)
    strict = [truth_table(data, outcome, ["A"], incl=0.9, pri=0.51) for outcome in ("Y", "~Y")]
    assert simultaneous_rows(*strict) == ()
    with pytest.raises(EstimationError, match="different conditions"):
        simultaneous_rows(pair[0], truth_table(data.assign(B=data["A"]), "Y", ["B"]))


def test_empty_solution_is_flagged(fuzzy: pd.DataFrame) -> None:
    tt = truth_table(fuzzy, "Y", list("ABCD"), incl=1.0)
    with pytest.warns(QcaWarning, match="the solution is empty"):
        solution = minimize(tt)
    assert solution.empty and solution.models == () and math.isnan(solution.inclS)
    assert solution.table.empty and solution.to_rows() == [] and solution.essential == ()
    assert solution.notes == ("no configuration is sufficient for Y at these cut-offs: the solution is empty",)
    with pytest.raises(EstimationError, match="is empty"):
        solution_table(solution)


def test_frequency_above_all_rows_leaves_only_remainders(fuzzy: pd.DataFrame) -> None:
    tt = truth_table(fuzzy, "Y", list("ABCD"), freq=1000)
    assert set(tt.table["OUT"]) == {"?"} and tt.table["n"].sum() == len(fuzzy)
    with pytest.warns(QcaWarning):
        assert minimize(tt, kind="parsimonious").empty


@pytest.mark.filterwarnings("ignore::estimation.qca.sets.QcaWarning")
def test_everything_sufficient_is_an_error() -> None:
    data = pd.DataFrame({"A": [0.9, 0.1], "B": [0.8, 0.7], "Y": [1.0, 1.0]})
    for kind in ("parsimonious", "conservative"):
        tt = truth_table(data, "Y", ["A"] if kind == "conservative" else ["A", "B"])
        with pytest.raises(EstimationError, match="the constant 1"):
            minimize(tt, kind=kind)  # type: ignore[arg-type]


def test_options_of_minimize(table) -> None:
    with pytest.raises(EstimationError, match="kind='complex' is not one of conservative, parsimonious, intermediate"):
        minimize(table, kind="complex")  # type: ignore[arg-type]
    with pytest.raises(EstimationError, match="needs dir_exp"):
        minimize(table, kind="intermediate")
    with pytest.raises(EstimationError, match="does not use dir_exp"):
        minimize(table, dir_exp="1,1,1,1")
    for wrong, message in [
        ("1,1,1", "3 entries for 4"),
        ("1,2,0,-", "not 1, 0"),
        ("A, ~A", "expected both ways"),
        ("A, ~Q", "unknown"),
    ]:
        with pytest.raises(EstimationError, match=message):
            minimize(table, kind="intermediate", dir_exp=wrong)


def test_spellings_of_directional_expectations(table) -> None:
    spellings = [
        "1,0,1,-",
        [1, 0, 1, None],
        (1, 0, 1, "-"),
        "A, ~B, C",
        ["A", "~B", "C"],
        {"A": 1, "B": 0, "C": 1, "D": None},
    ]
    solutions = [minimize(table, kind="intermediate", dir_exp=spelling) for spelling in spellings]
    assert len({frozenset(model.formula for model in solution.models) for solution in solutions}) == 1
    assert {solution.dir_exp for solution in solutions} == {(1, 0, 1, None)}


def test_planted_configurations_are_found(table) -> None:
    solution = minimize(table, kind="intermediate", dir_exp="1,0,1,-")
    assert {frozenset(model) for model in solution.models} == {frozenset({"C", "A*~B"})}
    assert solution.inclS > 0.85 and solution.covS > 0.8


def test_solutions_are_nested(fuzzy: pd.DataFrame) -> None:
    """Conservative within intermediate within parsimonious: as sets of configurations, and so in coverage."""
    tt = truth_table(fuzzy[:25], "Y", list("ABCD"), incl=0.8, pri=0.6)
    conservative = minimize(tt)
    parsimonious = minimize(tt, kind="parsimonious")
    no_expectation = minimize(tt, kind="intermediate", dir_exp="-,-,-,-")
    assert {frozenset(m) for m in no_expectation.models} == {frozenset(m) for m in conservative.models}
    intermediate = minimize(tt, kind="intermediate", dir_exp="1,0,1,-")
    assert conservative.covS <= intermediate.covS + 1e-12
    assert intermediate.covS <= max(model.covS for model in parsimonious.models) + 1e-12
    for solution in (conservative, intermediate, parsimonious):
        for model in solution.models:
            terms = [parse_expression(text, tt.conditions)[0] for text in model]
            covered = {row for row in range(16) if any(term.covers(row) for term in terms)}
            assert set(tt.rows("1")) <= covered
            assert covered.isdisjoint(tt.rows("0", "C"))


def test_coverages_add_up(table) -> None:
    for model in minimize(table, kind="parsimonious").models:
        assert (model.table["covU"] <= model.table["covS"] + 1e-12).all()
        assert model.table["covU"].sum() <= model.covS + 1e-12 <= model.table["covS"].sum() + 2e-12


def test_order_of_cases_does_not_change_a_bit(fuzzy: pd.DataFrame) -> None:
    mixed = fuzzy.sample(frac=1, random_state=2)
    one, other = (truth_table(data, "Y", list("ABCD"), incl=0.8, pri=0.6) for data in (fuzzy, mixed))
    pd.testing.assert_frame_equal(one.table.drop(columns="cases"), other.table.drop(columns="cases"), check_exact=True)
    models = [minimize(tt, kind="parsimonious").table.drop(columns="cases") for tt in (one, other)]
    pd.testing.assert_frame_equal(*models, check_exact=True)
    pd.testing.assert_frame_equal(
        necessity(fuzzy, "Y", list("AB")).table, necessity(mixed, "Y", list("AB")).table, check_exact=True
    )


def test_input_is_not_changed_and_results_are_frozen(fuzzy: pd.DataFrame, table) -> None:
    before = fuzzy.copy(deep=True)
    truth_table(fuzzy, "~Y", list("ABCD"))
    pd.testing.assert_frame_equal(fuzzy, before)
    with pytest.raises(dataclasses.FrozenInstanceError):
        table.freq = 3
    rows = minimize(table, kind="parsimonious").to_rows()
    assert {"outcome", "kind", "model", "term", "inclS", "PRI", "covS"} <= set(rows[0])


def test_case_labels(fuzzy: pd.DataFrame) -> None:
    assert "0" in truth_table(fuzzy, "Y", ["A"]).table["cases"].str.cat(sep=",").split(",")
    assert "0-2010" in truth_table(fuzzy.assign(year=2010), "Y", ["A"]).table["cases"].str.cat(sep=",")
    named = fuzzy.drop(columns="city_code").set_axis([f"c{i}" for i in range(len(fuzzy))])
    assert "c0" in truth_table(named, "Y", ["A"]).table["cases"].str.cat(sep=",")


def test_expressions() -> None:
    terms = parse_expression("A*~B + C", ["A", "B", "C"])
    assert [term.text(["A", "B", "C"]) for term in terms] == ["A*~B", "C"]
    for wrong in ("A*Q", "A*~A", "A + ", ""):
        with pytest.raises(EstimationError):
            parse_expression(wrong, ["A", "B"])


def test_super_subset_depth(fuzzy: pd.DataFrame) -> None:
    found = super_subset(fuzzy, "Y", list("ABC"), incl=0.85, depth=2)
    assert len(found) and all(text.count("*") + text.count(" + ") <= 1 for text in found.index)
    with pytest.raises(EstimationError, match="depth=0"):
        super_subset(fuzzy, "Y", ["A"], depth=0)


def test_solution_table_marks_core_and_peripheral(table) -> None:
    layout = solution_table(minimize(table, kind="intermediate", dir_exp="1,0,1,-"))
    column = layout.labels["A*~B"]
    assert layout.states.loc["A", column].endswith("present") and layout.states.loc["B", column].endswith("absent")
    assert layout.states.loc["D", column] == ""
    assert layout.table.loc["C", layout.labels["C"]] == "●"
    assert list(layout.table.index[:4]) == list("ABCD")
    assert layout.table.loc["consistency", column] == round(
        minimize(table, kind="parsimonious").models[0].table.loc["A*~B", "inclS"], 3
    )
    assert "● core present" in layout.legend


def test_solution_table_symbols_by_hand() -> None:
    """R snapshot (Emmenegger): S*R core in three configurations, C*L*P*~V with core P*~V or L*P by source model: P only."""
    rows = dict.fromkeys((27, 37, 47, 48, 56, 64), 1.0) | dict.fromkeys((2, 5, 10, 20, 25, 33, 57), 0.0)
    data = pd.DataFrame(
        [[float((row - 1) >> (5 - i) & 1) for i in range(6)] + [out] for row, out in rows.items()],
        columns=list("SCLRPVY"),
    )
    tt = truth_table(data, "Y", list("SCLRPV"), incl=0.9)
    layout = solution_table(minimize(tt, kind="intermediate", dir_exp="1,1,1,1,1,0"))
    assert layout.labels == {"S*R*~V": "1a", "S*C*R*P": "1b", "S*L*R*P": "1c", "C*L*P*~V": "2"}
    assert layout.table.loc[list("SCLRPV"), "2"].tolist() == ["", "•", "•", "", "●", "ⓧ"]
    assert layout.table.loc[list("SCLRPV"), "1a"].tolist() == ["●", "", "", "●", "", "ⓧ"]
    plain = solution_table(minimize(tt, kind="parsimonious"), model=1)
    assert set(plain.states.to_numpy().ravel()) == {"", "core present", "core absent"}
    assert "⊗" in plain.table.to_numpy()
    with pytest.raises(EstimationError, match="model=5"):
        solution_table(minimize(tt, kind="parsimonious"), model=5)
    with pytest.raises(EstimationError, match="need parsimonious="):
        solution_table(minimize(tt))
    assert solution_table(minimize(tt), parsimonious=minimize(tt, kind="parsimonious")).table.shape[1] == len(
        minimize(tt).models[0]
    )


def panel(years: int = 4) -> pd.DataFrame:
    frames = [cities(30, seed).assign(year=2010 + seed) for seed in range(years)]
    raw = pd.concat(frames, ignore_index=True)
    return calibrated(raw)


def test_panel_consistency_by_hand() -> None:
    data = pd.DataFrame(
        {"city_code": [1, 1, 2, 2], "year": [1, 2, 1, 2], "A": [0.8, 0.4, 0.6, 0.2], "Y": [0.6, 0.5, 0.7, 0.1]}
    )
    result = panel_consistency(data, "Y", "A")
    assert result.pooled["inclS"] == pytest.approx((0.6 + 0.4 + 0.6 + 0.1) / 2.0)
    assert result.between["inclS"].tolist() == pytest.approx([1.2 / 1.4, 0.5 / 0.6])
    assert result.within["inclS"].tolist() == pytest.approx([1.0 / 1.2, 0.7 / 0.8])
    shares = np.array([1.2 / 1.4, 0.5 / 0.6])
    distance = np.sqrt((((shares / shares.sum()) - 0.5) ** 2).sum())
    assert result.distance_between == pytest.approx(distance)
    assert result.adjusted_between == pytest.approx(distance / np.sqrt(2 / 12))


def test_panel_consistency_of_a_solution() -> None:
    data = panel()
    tt = truth_table(data, "Y", list("ABCD"), incl=0.8, freq=2, pri=0.6)
    solution = minimize(tt, kind="parsimonious")
    result = panel_consistency(data, "Y", solution.models[0].formula)
    assert result.pooled["inclS"] == pytest.approx(solution.inclS, rel=1e-12)
    assert result.pooled["covS"] == pytest.approx(solution.covS, rel=1e-12)
    assert len(result.between) == 4 and len(result.within) == 30
    assert 0 <= result.distance_between < 1 and result.adjusted_within > result.distance_within
    with pytest.raises(EstimationError, match="column year is not in the data"):
        panel_consistency(data.drop(columns="year"), "Y", "A")


def test_within_consistency_without_membership_is_undefined() -> None:
    data = pd.DataFrame(
        {"city_code": [1, 1, 2, 2], "year": [1, 2, 1, 2], "A": [0.0, 0.0, 0.6, 0.2], "Y": [0.6, 0.5, 0.7, 0.1]}
    )
    result = panel_consistency(data, "Y", "A")
    assert math.isnan(result.within.loc[1, "inclS"]) and result.distance_within == 0


def test_unit_means() -> None:
    data = pd.DataFrame({"city_code": [2, 1, 2, 1], "year": [1, 1, 2, 2], "x": [1.0, 5.0, 3.0, np.nan]})
    assert unit_means(data, ["x"]).to_numpy().tolist() == [[1.0, 5.0], [2.0, 2.0]]
    with pytest.raises(EstimationError, match="x has no value at all for 1"):
        unit_means(data.assign(x=[1.0, np.nan, 3.0, np.nan]), ["x"])
    with pytest.raises(EstimationError, match=r"column\(s\) not in the data: z"):
        unit_means(data, ["z"])


def test_solutions_by_group() -> None:
    data = panel()
    data["level"] = np.where(data["city_code"] % 2 == 0, "high", "low")
    solutions = solutions_by_group(data, "Y", list("ABC"), group="level", incl=0.8, kind="parsimonious")
    assert list(solutions) == ["high", "low"]
    by_hand = minimize(truth_table(data[data["level"] == "high"], "Y", list("ABC"), incl=0.8), kind="parsimonious")
    assert [m.formula for m in solutions["high"].models] == [m.formula for m in by_hand.models]
    with pytest.raises(EstimationError, match="group column tier"):
        solutions_by_group(data, "Y", ["A"], group="tier")
    with pytest.raises(EstimationError, match=r"level = (high|low): .*needs dir_exp"):
        solutions_by_group(data, "Y", ["A"], group="level")


def test_robustness() -> None:
    raw = cities(80, 9)
    spec = QcaSpec("Y", tuple("ABCD"), {name: percentile_anchors(raw[name]) for name in "ABCDY"}, pri=0.6)
    other = {name: percentile_anchors(raw[name], (10, 50, 90)) for name in "ABCD"}
    result = robustness(
        raw,
        spec,
        incl=[0.75, 0.8, 0.85],
        freq=[2],
        pri=[0.5, 1.0],
        anchors={"p10-p90": other, "narrow": {"A": (0, 0, 1)}},
    )
    table = result.table.set_index(["changed", "value"])
    assert bool(table.loc[("incl", 0.8), "same"]) and table.loc[("incl", 0.8), "overlap"] == pytest.approx(1)
    assert table.loc[("incl", 0.8), "shared_terms"] == 1
    assert "solution is empty" in table.loc[("pri", 1.0), "note"] and not table.loc[("pri", 1.0), "same"]
    assert "not strictly ascending" in table.loc[("anchors", "narrow"), "note"]
    assert table.loc[("anchors", "p10-p90"), "models"] >= 1 and 0 < table.loc[("anchors", "p10-p90"), "overlap"] <= 1
    assert len(table) == 8 and 0 < result.share_same < 1
    with pytest.raises(EstimationError, match="change columns the analysis does not use: Q"):
        robustness(raw, spec, anchors={"wrong": {"Q": 1.0}})
    with pytest.raises(EstimationError, match="no anchors or no column for D"):
        robustness(raw.drop(columns="D"), spec)
