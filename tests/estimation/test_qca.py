"""Configurations against the R package QCA.

Provenance. Folder `fsqca` of the oracles: QCA 3.23 on R 4.2.2, Lipset data. SNAPSHOT below: output of the package's own test suite
(QCA 3.2x, tests of truthTable() and minimize()) for the data sets d.represent (Krook), CVF (Cebotari and Vink), d.jobsecurity
(Emmenegger) and LC (Lipset, crisp); only printed rows and formulas, rebuilt here as crisp cases.

Tolerances. Memberships and fits are the same sums in another order: 1e-12. Printed figures: half a unit of the last digit.
Truth tables and formulas must be identical. R prints no unique coverage for a single term; here it equals raw coverage.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from estimation.qca import calibrate, minimize, necessity, percentile_anchors, super_subset, truth_table

ANCHORS = {
    "DEV": (400, 550, 900),
    "URB": (25, 50, 65),
    "LIT": (50, 75, 90),
    "IND": (20, 30, 40),
    "STB": (15, 9.5, 5),
    "SURV": (-9, 0, 10),
}
LABELS = {"Industrialized": 1, "Not industrialized": 0, "High urbanization": 1, "Unstable": 0}
CONDITIONS = ["DEV", "URB", "LIT", "IND", "STB"]
CASES = ["LF_SURV", "LF_SURV_3c_075", "LF_SURV_pri"]


@pytest.fixture(scope="module")
def folder(oracles: Path) -> Path:
    return oracles / "fsqca"


@pytest.fixture(scope="module")
def expected(folder: Path) -> dict:
    return json.loads((folder / "expected.json").read_text())


@pytest.fixture(scope="module")
def lipset(folder: Path) -> pd.DataFrame:
    """Fuzzy memberships; some cells carry the label of the set instead of 1 or 0."""
    return pd.read_csv(folder / "lipset_fuzzy.csv", index_col=0).replace(LABELS).astype(float)


def solved(lipset: pd.DataFrame, spec: dict):
    return truth_table(
        lipset, spec["outcome"], spec["conditions"], incl=spec["incl.cut"], freq=spec["n.cut"], pri=spec["pri.cut"]
    )


def as_models(terms: list) -> set[frozenset[str]]:
    return {frozenset(model) for model in (terms if isinstance(terms[0], list) else [terms])}


def test_calibration(folder: Path) -> None:
    raw = pd.read_csv(folder / "lipset_raw.csv", index_col=0)
    reference = pd.read_csv(folder / "calibrated_direct_QCA_default.csv", index_col=0)
    for name, anchors in ANCHORS.items():
        np.testing.assert_allclose(calibrate(raw[name], anchors), reference[name], rtol=1e-12)
    other = pd.read_csv(folder / "calibrated_idm95.csv", index_col=0)
    np.testing.assert_allclose(calibrate(raw["DEV"], ANCHORS["DEV"], idm=0.95), other["DEV"], rtol=1e-12)


@pytest.mark.parametrize("name", CASES)
def test_truth_tables(lipset: pd.DataFrame, folder: Path, expected: dict, name: str) -> None:
    spec = expected[name]
    table = solved(lipset, spec).table
    reference = pd.read_csv(folder / spec["truth_table"], dtype=str).set_index("row")
    assert list(table.columns) == [*spec["conditions"], "OUT", "n", "incl", "PRI", "cases"]
    assert list(table.index.astype(str)) == list(reference.index)
    for column in [*spec["conditions"], "OUT", "n"]:
        assert list(table[column].astype(str)) == list(reference[column])
    assert list(table["cases"]) == list(reference["cases"].fillna(""))
    for column in ("incl", "PRI"):
        np.testing.assert_allclose(
            table[column], pd.to_numeric(reference[column], errors="coerce"), rtol=1e-12, atol=1e-15
        )


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("kind", ["conservative", "parsimonious", "intermediate"])
def test_solutions(lipset: pd.DataFrame, expected: dict, name: str, kind: str) -> None:
    spec = expected[name]
    tt = solved(lipset, spec)
    if kind == "intermediate":
        reference = spec[kind]["i.sol"]["C1P1"]
        solution = minimize(tt, kind="intermediate", dir_exp=spec[kind]["dir.exp"])
        terms, whole = reference["solution"], reference["sol.incl.cov"]
        model = solution.models[0]
        assert list(model.simplifying) == [int(row) for row in np.atleast_1d(reference["EC"])]
        assert list(model.difficult) == [int(row) for row in np.atleast_1d(reference["DC"])]
        assert model.sources == ("C1P1",)
    else:
        reference = spec[kind]
        solution = minimize(tt, kind=kind)  # type: ignore[arg-type]
        terms, whole = reference["terms"], reference["solution_incl_cov"]
        assert set(solution.prime_implicants) == set(np.atleast_1d(reference["PIs"]))
        assert set(solution.essential) == set(np.atleast_1d(reference["essential"]))
    assert {frozenset(model) for model in solution.models} == as_models(terms)
    for row in reference["incl.cov"]:
        mine = solution.models[0].table.loc[row["term"]]
        for column in ("inclS", "PRI", "covS", "covU"):
            wanted = row["covS"] if row[column] is None else row[column]
            assert mine[column] == pytest.approx(wanted, rel=1e-12)
        assert mine["cases"] == row["cases"]
    for column in ("inclS", "PRI", "covS"):
        assert getattr(solution, column) == pytest.approx(whole[0][column], rel=1e-12)


@pytest.mark.parametrize(("outcome", "suffix"), [("SURV", "SURV"), ("~SURV", "nSURV")])
def test_necessity(lipset: pd.DataFrame, expected: dict, outcome: str, suffix: str) -> None:
    result = necessity(lipset, outcome, CONDITIONS)
    reference = pd.DataFrame(expected["necessity_LF"]).set_index("cond")
    assert list(result.table.index) == list(reference.index)
    for column in ("inclN", "RoN", "covN"):
        np.testing.assert_allclose(result.table[column], reference[f"{column}_{suffix}"], rtol=1e-12)
    assert result.necessary == (("LIT", "STB") if outcome == "SURV" else ())


def test_super_subsets(lipset: pd.DataFrame, expected: dict) -> None:
    reference = pd.DataFrame(expected["superSubset_LF_09"]).set_index("expr")
    found = super_subset(lipset, "SURV", CONDITIONS, incl=0.9, ron=0.6)
    assert list(found.index) == list(reference.index)
    np.testing.assert_allclose(found[["inclN", "RoN", "covN"]], reference[["inclN", "RoN", "covN"]], rtol=1e-12)


def test_negated_outcome_is_the_outcome_of_one_minus(lipset: pd.DataFrame) -> None:
    by_name = truth_table(lipset, "~SURV", CONDITIONS, incl=0.8)
    by_hand = truth_table(lipset.assign(dead=1 - lipset["SURV"]), "dead", CONDITIONS, incl=0.8)
    pd.testing.assert_frame_equal(by_name.table, by_hand.table)
    assert by_name.outcome == "~SURV"


def crisp(conditions: str, rows: dict[int, tuple[int, int]]) -> tuple[pd.DataFrame, list[str]]:
    """Cases of a printed crisp truth table: row number -> (output, cases)."""
    names = conditions.split()
    k = len(names)
    records = [
        [(row - 1) >> (k - 1 - i) & 1 for i in range(k)] + [out] for row, (out, n) in rows.items() for _ in range(n)
    ]
    return pd.DataFrame(records, columns=[*names, "Y"], dtype=float), names


KROOK = {
    3: (0, 2), 4: (1, 1), 9: (0, 1), 11: (0, 4), 12: (1, 1), 18: (0, 1), 21: (1, 1), 24: (1, 1), 25: (0, 3), 26: (1, 1),
    27: (1, 1), 28: (1, 2), 29: (1, 1), 32: (1, 2),
}  # fmt: skip
LIPSET_CRISP = {1: (0, 3), 2: (0, 2), 5: (0, 2), 6: (0, 1), 22: (1, 2), 23: (0, 1), 24: (1, 2), 31: (0, 1), 32: (1, 4)}
PROTEST = dict.fromkeys((31, 29, 27, 15, 30, 24, 32, 5, 16), (1, 1)) | dict.fromkeys(
    (28, 8, 10, 6, 22, 20, 14, 2), (0, 1)
)
SECURITY = dict.fromkeys((27, 37, 47, 48, 56, 64), (1, 1)) | dict.fromkeys((2, 5, 10, 20, 25, 33, 57), (0, 1))


def formulas(solution: object) -> set[frozenset[str]]:
    return {frozenset(model.terms) for model in solution.models}  # type: ignore[attr-defined]


def split(*texts: str) -> set[frozenset[str]]:
    return {frozenset(part.strip() for part in text.split("+")) for text in texts}


def test_snapshot_krook() -> None:
    data, names = crisp("ES QU WS WM LP", KROOK)
    tt = truth_table(data, "Y", names, incl=1)
    conservative = minimize(tt)
    assert formulas(conservative) == split("~ES*~WS*WM*LP + ES*QU*~WS*WM + ES*QU*~WS*LP + ES*WS*~WM*~LP + ES*WS*WM*LP")
    absent = minimize(truth_table(data, "~Y", names, incl=1))
    assert formulas(absent) == split("~ES*~WS*WM*~LP + QU*~WS*~WM*~LP + ES*~QU*~WS*~WM*LP")
    parsimonious = minimize(tt, kind="parsimonious")
    assert formulas(parsimonious) == split("WS + ES*WM + QU*LP + ~ES*LP", "WS + ES*WM + QU*LP + WM*LP")
    assert parsimonious.essential == ("WS", "ES*WM", "QU*LP")
    assert set(parsimonious.prime_implicants) == {
        "WS", "~ES*LP", "ES*WM", "QU*LP", "WM*LP", "ES*~QU*~LP", "~QU*~WM*~LP"
    }  # fmt: skip
    unique = {frozenset(model.terms): model.table["covU"].round(3).to_dict() for model in parsimonious.models}
    first = unique[next(iter(split("WS + ES*WM + QU*LP + ~ES*LP")))]
    assert first == {"WS": 0.182, "ES*WM": 0.091, "QU*LP": 0.091, "~ES*LP": 0.091}
    raw = parsimonious.table.drop_duplicates("term").set_index("term")["covS"].round(3).to_dict()
    assert raw == {"WS": 0.455, "ES*WM": 0.545, "QU*LP": 0.545, "~ES*LP": 0.182, "WM*LP": 0.636}
    assumptions = {frozenset(model.terms): model.simplifying for model in parsimonious.models}
    shared = (5, 6, 7, 8, 10, 13, 14, 15, 16, 19, 20, 22, 23, 30, 31)
    assert assumptions[next(iter(split("WS + ES*WM + QU*LP + ~ES*LP")))] == (2, *shared)
    assert assumptions[next(iter(split("WS + ES*WM + QU*LP + WM*LP")))] == shared


def test_snapshot_lipset_crisp() -> None:
    data, names = crisp("DEV URB LIT IND STB", LIPSET_CRISP)
    present, absent = (truth_table(data, outcome, names, incl=1) for outcome in ("Y", "~Y"))
    assert formulas(minimize(present)) == split("DEV*~URB*LIT*STB + DEV*LIT*IND*STB")
    assert formulas(minimize(absent)) == split("~DEV*~URB*~IND + DEV*LIT*IND*~STB")
    assert formulas(minimize(present, kind="parsimonious")) == split("DEV*STB")
    assert minimize(present, kind="parsimonious").models[0].simplifying == (18, 20, 26, 28, 30)
    negative = minimize(absent, kind="parsimonious")
    assert formulas(negative) == split("~DEV + ~STB")
    assert negative.models[0].table[["covS", "covU"]].round(3).to_numpy().tolist() == [[0.8, 0.3], [0.7, 0.2]]


def test_snapshot_four_tied_models() -> None:
    data, names = crisp("DEMOC ETHFRACT GEOCON POLDIS NATPRIDE", PROTEST)
    solution = minimize(truth_table(data, "Y", names, incl=0.8), kind="parsimonious")
    common = "~NATPRIDE + DEMOC*GEOCON*POLDIS"
    assert formulas(solution) == split(
        f"{common} + ~DEMOC*ETHFRACT*POLDIS + DEMOC*ETHFRACT*GEOCON",
        f"{common} + ~DEMOC*ETHFRACT*POLDIS + DEMOC*ETHFRACT*~POLDIS",
        f"{common} + DEMOC*ETHFRACT*GEOCON + ETHFRACT*GEOCON*POLDIS",
        f"{common} + DEMOC*ETHFRACT*~POLDIS + ETHFRACT*GEOCON*POLDIS",
    )
    assert set(solution.essential) == {"~NATPRIDE", "DEMOC*GEOCON*POLDIS"}


def test_snapshot_intermediate_from_two_parsimonious_models() -> None:
    data, names = crisp("S C L R P V", SECURITY)
    tt = truth_table(data, "Y", names, incl=0.9)
    assert formulas(minimize(tt, kind="parsimonious")) == split("S*R + L*P", "S*R + P*~V")
    solution = minimize(tt, kind="intermediate", dir_exp="1,1,1,1,1,0")
    assert formulas(solution) == split("S*R*~V + S*C*R*P + S*L*R*P + C*L*P*~V")
    assert solution.models[0].sources == ("C1P1", "C1P2")
    assert solution.models[0].simplifying == (31, 39, 45, 53, 55, 59, 61, 63)


def test_two_consistency_cut_offs_mark_contradictions(lipset: pd.DataFrame) -> None:
    tt = truth_table(lipset, "SURV", CONDITIONS, incl=(0.8, 0.5))
    assert tt.rows("C") == [4, 5, 23]
    assert formulas(minimize(tt)) == formulas(minimize(truth_table(lipset, "SURV", CONDITIONS, incl=0.8)))


def test_worked_example_by_hand() -> None:
    """Four cases, two conditions; every figure written out.

    A*B memberships: .8 .3 .4 .1; outcome .9 .4 .2 .1: S(min) 1.4, S(x) 1.6, S(min(x,y,1-y)) .1+.3+.2+.1 = .7, S(y) 1.6.
    """
    data = pd.DataFrame({"A": [0.8, 0.7, 0.4, 0.1], "B": [0.9, 0.3, 0.6, 0.2], "Y": [0.9, 0.4, 0.2, 0.1]})
    table = truth_table(data, "Y", ["A", "B"], incl=0.8).table
    assert table["n"].tolist() == [1, 1, 1, 1]
    assert table.loc[4, "incl"] == pytest.approx(1.4 / 1.6)
    assert table.loc[4, "PRI"] == pytest.approx((1.4 - 0.7) / (1.6 - 0.7))
    assert table["cases"].tolist() == ["3", "2", "1", "0"]
    need = necessity(data, "Y", ["A"]).table
    assert need.loc["A"].tolist() == pytest.approx([1.5 / 1.6, 2.0 / 2.5, 1.5 / 2.0])


def test_anchors_and_crossover_are_exact() -> None:
    for anchors in [(1.0, 2.0, 5.0), (5.0, 2.0, 1.0)]:
        np.testing.assert_allclose(calibrate(np.array(anchors), anchors), [0.05, 0.5, 0.95], rtol=1e-14)
    assert calibrate([2.0], {"e": 1, "c": 2, "i": 5})[0] == 0.5
    np.testing.assert_allclose(calibrate([5.0], (1, 2, 5), idm=0.9), 0.9)
    np.testing.assert_array_equal(calibrate([1.0, 2.0, 3.0, np.nan], 2.0), [0.0, 1.0, 1.0, np.nan])


def test_percentile_anchors() -> None:
    values = pd.Series(np.arange(101.0))
    assert percentile_anchors(values) == (5.0, 50.0, 95.0)
    members = calibrate(values, percentile_anchors(values))
    assert members.iloc[[5, 50, 95]].tolist() == pytest.approx([0.05, 0.5, 0.95])
    assert members.index.equals(values.index) and (np.diff(members) > 0).all()
