"""Data envelopment analysis.

Tolerances: 1e-8 against exact references (the programs have optimal vertices; HiGHS is run at 1e-9, and the deaR numbers
carry 1e-12 of their own solver). References: Tone (2001, 2003) examples as computed by deaR 1.5.3 and by exact fractions;
every model once more as a dense scipy `linprog` written out from the formulas in this file."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import linprog

from estimation.dea import affinity, dea
from tests.estimation.dea_world import TOLERANCE, economy

TONE_X = np.array([[4, 3], [6, 3], [8, 1], [8, 1], [2, 4]], dtype=float)
TONE_Y = np.array([[2, 3], [2, 3], [6, 2], [6, 1], [1, 4]], dtype=float)
BAD_X = np.ones((9, 1))
BAD_Y = np.array([1, 2, 6, 8, 9, 5, 4, 6, 4], dtype=float)[:, None]
BAD_B = np.array([1, 1, 2, 4, 7, 2, 3, 4, 6], dtype=float)[:, None]


def ratio_by_linprog(X, Y, B, o, *, wx, wy, wb, theta, phi, free_b=True, contract=False, vrs=False):
    """Charnes-Cooper program of the ratio family, variables t, theta, phi, s-, s+, sb (original units), lambda."""
    n, m, s, p = len(X), X.shape[1], Y.shape[1], B.shape[1]
    k = 3 + m + s + p
    cost = np.zeros(k + n)
    cost[1] = 1
    cost[3 : 3 + m] = -wx / X[o]
    A = np.zeros((m + s + p + 1, k + n))
    b = np.zeros(m + s + p + 1)
    A[:m, 1], A[:m, 3 : 3 + m], A[:m, k:] = -X[o], np.eye(m), X.T
    A[m : m + s, 2], A[m : m + s, 3 + m : 3 + m + s], A[m : m + s, k:] = -Y[o], -np.eye(s), Y.T
    rows = slice(m + s, m + s + p)
    A[rows, 2], A[rows, 3 + m + s : k], A[rows, k:] = (B[o] if contract else -B[o]), np.eye(p), B.T
    A[rows, 0] = -2 * B[o] if contract else 0
    A[-1, 2], A[-1, 3 + m : 3 + m + s], A[-1, 3 + m + s : k] = 1, wy / Y[o], wb / B[o]
    b[-1] = 1
    if vrs:
        A = np.vstack([A, np.r_[-1.0, np.zeros(k - 1), np.ones(n)]])
        b = np.r_[b, 0]
    upper_rows, equal_rows = [], []
    for column, kind in ((1, theta), (2, phi)):
        row = np.zeros(k + n)
        row[0], row[column] = -1, 1
        if kind == "one":
            equal_rows.append(row)
        elif kind != "free":
            upper_rows.append(row if kind == "at most one" else -row)
    if equal_rows:
        A, b = np.vstack([A, *equal_rows]), np.r_[b, np.zeros(len(equal_rows))]
    bounds = [(0, None)] * (3 + m + s) + [(0, None if free_b else 0)] * p + [(0, None)] * n
    limits = {"A_ub": np.array(upper_rows), "b_ub": np.zeros(len(upper_rows))} if upper_rows else {}
    found = linprog(cost, A_eq=A, b_eq=b, bounds=bounds, method="highs", **limits)
    assert found.status == 0
    return found.fun


def distance_by_linprog(X, Y, B, o, direction, *, weak, vrs):
    """max beta of the directional distance."""
    gx, gy, gb = direction
    n = len(X)
    upper = np.vstack([np.c_[gx[o], X.T], np.c_[gy[o], -Y.T]])
    right = np.r_[X[o], -Y[o]]
    equal, equal_right = np.c_[gb[o], B.T], B[o]
    if not weak:
        upper, right = np.vstack([upper, equal]), np.r_[right, equal_right]
        equal, equal_right = np.zeros((0, n + 1)), np.zeros(0)
    if vrs:
        equal, equal_right = np.vstack([equal, np.r_[0, np.ones(n)]]), np.r_[equal_right, 1]
    found = linprog(
        np.r_[-1, np.zeros(n)], upper, right, equal, equal_right, [(None, None)] + [(0, None)] * n, method="highs"
    )
    assert found.status == 0
    return -found.fun


def sbm_weights(X, Y, B):
    m, s, p = X.shape[1], Y.shape[1], B.shape[1]
    return {"wx": np.full(m, 1 / m), "wy": np.full(s, 1 / (s + p)), "wb": np.full(p, 1 / (s + p))}


@pytest.mark.parametrize(
    ("model", "orientation", "rts", "expected"),
    [
        ("sbm", "none", "crs", [0.797979797979798, 0.5681818181818182, 1, 2 / 3, 1]),
        ("sbm", "none", "vrs", [9 / 11, 0.606060606060606, 1, 2 / 3, 1]),
        ("sbm", "in", "crs", [0.8484848484848485, 0.7196969696969697, 1, 1, 1]),
        ("sbm", "in", "vrs", [1, 5 / 6, 1, 1, 1]),
        ("sbm", "out", "crs", [9 / 11, 0.606060606060606, 1, 2 / 3, 1]),
        ("sbm", "out", "vrs", [9 / 11, 0.7272727272727273, 1, 2 / 3, 1]),
        ("radial", "none", "crs", [0.9, 5 / 6, 1, 1, 1]),
        ("radial", "in", "crs", [0.9, 5 / 6, 1, 1, 1]),
        ("radial", "in", "vrs", [1, 5 / 6, 1, 1, 1]),
        ("radial", "out", "crs", [0.9, 5 / 6, 1, 1, 1]),
        ("radial", "out", "vrs", [0.9, 0.9, 1, 1, 1]),
        ("farthest", "none", "crs", [0.797979797979798, 0.5681818181818182, 1, 2 / 3, 1]),
    ],
)
def test_tone_2001(model, orientation, rts, expected):
    result = dea(TONE_X, TONE_Y, model=model, orientation=orientation, rts=rts)
    np.testing.assert_allclose(result.score, expected, atol=TOLERANCE)
    assert set(result.status) == {"optimal"}
    assert result.n_infeasible == 0


@pytest.mark.parametrize(
    ("rts", "expected"),
    [
        ("crs", [0.1, 0.25, 1, 1, 1, 0.75, 3 / 7, 2 / 3, 24 / 67]),
        ("vrs", [2 / 3, 1, 1, 1, 1, 10 / 11, 12 / 17, 0.8, 0.6]),
    ],
)
def test_tone_2003_with_undesirables(rts, expected):
    result = dea(BAD_X, BAD_Y, BAD_B, model="sbm", rts=rts)
    np.testing.assert_allclose(result.score, expected, atol=TOLERANCE)


def test_oracle_scores_slacks_and_targets(oracles: Path):
    folder = oracles / "dea"
    expected = json.loads((folder / "expected.json").read_text())
    frame = pd.read_csv(folder / "tone2001.csv")
    X, Y = frame[["Input1", "Input2"]], frame[["Output1", "Output2"]]
    np.testing.assert_allclose(dea(X, Y).score, expected["exact_lp"]["tone2001"]["ccr"], atol=TOLERANCE)
    for case in ("no_crs", "no_vrs", "io_crs", "oo_crs", "oo_vrs"):  # io_vrs has several optimal slacks
        reference = expected["deaR"][f"tone2001_sbm_{case}"]
        orientation = {"no": "none", "io": "in", "oo": "out"}[case[:2]]
        found = dea(X, Y, model="sbm", orientation=orientation, rts=case[3:])
        np.testing.assert_allclose(found.score, list(reference["eff"].values()), atol=TOLERANCE)
        for side, slacks in (("input", found.slacks.x), ("output", found.slacks.y)):
            rows = [list(row.values())[1:3] for row in reference["slacks"][f"slack_{side}"]]
            np.testing.assert_allclose(slacks, rows, atol=TOLERANCE)
    frame = pd.read_csv(folder / "tone2003_undesirable.csv")
    for rts in ("crs", "vrs"):
        found = dea(frame["x"], frame["yg"], frame["yb"], model="sbm", rts=rts)
        np.testing.assert_allclose(found.score, expected["exact_lp"]["tone2003"][f"sbm_und_{rts}"], atol=TOLERANCE)
        targets = expected["deaR"][f"tone2003_sbm_undesirable_{rts}"]["targets"]
        np.testing.assert_allclose(found.targets.x[:, 0], [t["x"] for t in targets["target_input"]], atol=TOLERANCE)
        np.testing.assert_allclose(found.targets.b[:, 0], [t["yb"] for t in targets["target_output"]], atol=TOLERANCE)


@pytest.mark.parametrize("rts", ["crs", "vrs"])
@pytest.mark.parametrize(
    ("options", "bounds"),
    [
        ({"model": "sbm"}, ("one", "one")),
        ({"model": "ebm"}, ("at most one", "at least one")),
        ({"model": "ebm", "eps": 0.4, "weights": "equal"}, ("at most one", "at least one")),
        ({"model": "ebm", "eps": 0.4, "weights": "equal", "disposability": "weak"}, ("at most one", "at least one")),
        ({"model": "ebm", "eps": 0.4, "weights": "equal", "orientation": "in"}, ("at most one", "one")),
        ({"model": "ebm", "eps": 0.4, "weights": "equal", "orientation": "out"}, ("one", "at least one")),
        (
            {"model": "ebm", "eps": 0.4, "weights": "equal", "bad_target": "two_minus_phi"},
            ("at most one", "at least one"),
        ),
        ({"model": "radial"}, ("at most one", "at least one")),
        ({"model": "radial", "orientation": "in"}, ("free", "one")),
        ({"model": "radial", "orientation": "out", "disposability": "weak"}, ("one", "free")),
    ],
)
def test_ratio_models_equal_the_program_written_out(options, bounds, rts):
    X, Y, B = economy()
    found = dea(X, Y, B, rts=rts, **options)
    weights = found.options["slack_weights"]
    if options["model"] == "sbm":
        weights = sbm_weights(X, Y, B)
    elif options.get("weights") == "equal":
        weights = {name: 0.4 * w for name, w in sbm_weights(X, Y, B).items()}
    else:
        weights = dict(zip(("wx", "wy", "wb"), weights, strict=True))
    if options.get("orientation") == "in":
        weights = weights | {"wy": 0 * weights["wy"], "wb": 0 * weights["wb"]}
    if options.get("orientation") == "out":
        weights = weights | {"wx": 0 * weights["wx"]}
    expected = [
        ratio_by_linprog(
            X,
            Y,
            B,
            o,
            **weights,
            theta=bounds[0],
            phi=bounds[1],
            free_b=options.get("disposability") != "weak",
            contract="bad_target" in options,
            vrs=rts == "vrs",
        )
        for o in range(len(X))
    ]
    np.testing.assert_allclose(found.score, expected, atol=TOLERANCE)


@pytest.mark.parametrize("rts", ["crs", "vrs"])
@pytest.mark.parametrize("disposability", ["strong", "weak"])
@pytest.mark.parametrize("orientation", ["none", "in", "out"])
def test_directional_distance_equals_the_program_written_out(orientation, disposability, rts):
    X, Y, B = economy(seed=1)
    found = dea(X, Y, B, model="ddf", orientation=orientation, disposability=disposability, rts=rts)
    use = {"none": (1, 1, 1), "in": (1, 0, 0), "out": (0, 1, 1)}[orientation]
    direction = [u * values for u, values in zip(use, (X, Y, B), strict=True)]
    weak, vrs = disposability == "weak", rts == "vrs"
    expected = np.array([distance_by_linprog(X, Y, B, o, direction, weak=weak, vrs=vrs) for o in range(len(X))])
    np.testing.assert_allclose(found.distance, expected, atol=TOLERANCE)
    scores = {"none": (1 - expected) / (1 + expected), "in": 1 - expected, "out": 1 / (1 + expected)}
    np.testing.assert_allclose(found.score, scores[orientation], atol=TOLERANCE)


def test_a_given_direction_is_used():
    X, Y, B = economy(seed=2)
    direction = (np.zeros(3), np.array([1.0, 2.0]), np.array([0.5, 0.1]))
    tables = [np.broadcast_to(g, values.shape) for g, values in zip(direction, (X, Y, B), strict=True)]
    found = dea(X, Y, B, model="ddf", direction=direction, disposability="weak")
    expected = [distance_by_linprog(X, Y, B, o, tables, weak=True, vrs=False) for o in range(len(X))]
    np.testing.assert_allclose(found.distance, expected, atol=TOLERANCE)


@pytest.mark.parametrize("rts", ["crs", "vrs"])
def test_ebm_lies_between_radial_and_sbm(rts):
    X, Y, B = economy(seed=3)
    sbm = dea(X, Y, model="sbm", rts=rts).score
    radial = dea(X, Y, model="radial", rts=rts).score
    zero = dea(X, Y, model="ebm", eps=0, rts=rts).score
    half = dea(X, Y, model="ebm", eps=0.5, weights="equal", rts=rts).score
    one = dea(X, Y, model="ebm", eps=1, weights="equal", rts=rts).score
    np.testing.assert_allclose(zero, radial, atol=TOLERANCE)
    np.testing.assert_allclose(one, sbm, atol=TOLERANCE)
    assert (half <= zero + TOLERANCE).all()
    assert (half >= one - TOLERANCE).all()
    with_bad = dea(X, Y, B, model="ebm", eps=1, weights="equal", bad_target="two_minus_phi", rts=rts).score
    np.testing.assert_allclose(with_bad, dea(X, Y, B, model="sbm", rts=rts).score, atol=TOLERANCE)


def test_ebm_at_zero_is_the_ccr_score():
    X, Y, _ = economy(seed=4)
    ccr = dea(X, Y, model="radial", orientation="in").score
    np.testing.assert_allclose(dea(X, Y, model="ebm", eps=0).score, ccr, atol=TOLERANCE)
    np.testing.assert_allclose(dea(X, Y, model="ddf").score, ccr, atol=TOLERANCE)


@pytest.mark.parametrize("model", ["radial", "sbm", "ebm", "ddf", "farthest", "closest"])
def test_scores_are_at_most_one_and_the_frontier_scores_one(model):
    X, Y, B = economy(n=16, seed=5)
    result = dea(X, Y, B, model=model)
    assert (result.score <= 1 + TOLERANCE).all()
    assert (result.score > 0).all()
    assert np.isclose(result.score, 1, atol=TOLERANCE).sum() >= 1
    for name, values in zip("xyb", (X, Y, B), strict=True):
        np.testing.assert_allclose(result.lambdas @ values, getattr(result.targets, name), rtol=1e-7)
        assert (getattr(result.slacks, name) >= 0).all()


def test_strongly_efficient_units_score_one_without_undesirables():
    X, Y, _ = economy(seed=6)
    efficient = dea(X, Y, model="sbm").score > 1 - TOLERANCE
    for model in ("radial", "ebm", "ddf", "closest", "farthest"):
        np.testing.assert_allclose(dea(X, Y, model=model).score[efficient], 1, atol=TOLERANCE)


def test_targets_of_the_second_stage_are_strongly_efficient():
    X, Y, B = economy(seed=7)
    for options in ({"model": "radial", "orientation": "in"}, {"model": "ddf"}, {"model": "sbm", "orientation": "out"}):
        targets = dea(X, Y, B, **options).targets
        again = dea(targets.x, targets.y, targets.b, ref=(X, Y, B), model="sbm")
        np.testing.assert_allclose(again.score, 1, atol=1e-7)


def test_scores_do_not_depend_on_units_order_or_duplicates():
    X, Y, B = economy(seed=8)
    order = np.random.default_rng(0).permutation(len(X))
    for model in ("radial", "sbm", "ebm", "ddf"):
        for rts in ("crs", "vrs"):
            score = dea(X, Y, B, model=model, rts=rts).score
            scaled = dea(X * [1e4, 1e-4, 7], Y * [1e-3, 5], B * [1e3, 1e-6], model=model, rts=rts).score
            np.testing.assert_allclose(scaled, score, atol=TOLERANCE)
            shuffled = dea(X[order], Y[order], B[order], model=model, rts=rts).score
            np.testing.assert_allclose(shuffled, score[order], atol=TOLERANCE)
            twice = dea(X, Y, B, ref=tuple(np.vstack([v, v]) for v in (X, Y, B)), model=model, rts=rts, eps=None).score
            np.testing.assert_allclose(twice, score, atol=TOLERANCE)


def test_the_same_call_gives_the_same_bytes():
    X, Y, B = economy(seed=9)
    first, second = (dea(X, Y, B, model="ebm") for _ in range(2))
    assert first.score.tobytes() == second.score.tobytes()
    assert first.lambdas.tobytes() == second.lambdas.tobytes()


def test_weak_disposability_needs_the_inefficient_reference_units():
    """The dirty unit C is dominated by B, yet under weak disposability it holds up the frontier for D."""
    X = np.ones((4, 1))
    Y = np.array([[1.0], [2.0], [1.5], [1.4]])
    B = np.array([[0.5], [1.0], [3.0], [2.95]])
    assert dea(X, Y, B, model="sbm").score[2] < 0.6
    options = {"model": "ddf", "orientation": "out", "disposability": "weak"}
    # On the segment from B to C: 1.4 (1 + beta) = 2 - (2.95 (1 - beta) - 1) / 4.
    assert dea(X, Y, B, **options).distance[3] == pytest.approx((0.6 - 1.95 / 4) / (1.4 - 2.95 / 4), abs=TOLERANCE)
    assert dea(X, Y, B, ref=[0, 1, 3], **options).distance[3] == pytest.approx(0, abs=TOLERANCE)
    assert dea(X, Y, B, ref=[0, 1], **options).status[3] == "infeasible"


def test_many_reference_units_are_priced_in_even_when_the_start_is_infeasible():
    X, Y, B = economy(n=150, seed=11)
    found = dea(X[:5], Y[:5], B[:5], ref=(X[::-1], Y[::-1], B[::-1]), model="sbm")
    expected = [ratio_by_linprog(X, Y, B, o, **sbm_weights(X, Y, B), theta="one", phi="one") for o in range(5)]
    np.testing.assert_allclose(found.score, expected, atol=TOLERANCE)


def test_super_sbm_beyond_the_frontier():
    """One input, one output: the ratio of productivities; inside the frontier nothing changes."""
    X, Y = np.array([[1.0], [2.0], [1.0]]), np.array([[1.0], [1.0], [3.0]])
    plain = dea(X, Y, ref=[0, 1], model="sbm")
    assert plain.status[2] == "infeasible"
    lifted = dea(X, Y, ref=[0, 1], model="sbm", outside="super")
    np.testing.assert_allclose(lifted.score, [1, 0.5, 3], atol=TOLERANCE)


def test_super_sbm_written_out():
    X, Y, B = economy(n=30, seed=12)
    beyond = np.flatnonzero(dea(X, Y, B, model="sbm").score > 1 - TOLERANCE)[0]
    others = np.delete(np.arange(30), beyond)
    found = dea(
        X[[beyond]], Y[[beyond]], B[[beyond]], ref=(X[others], Y[others], B[others]), model="sbm", outside="super"
    )
    x, y, b = X[beyond], Y[beyond], B[beyond]
    n = len(others)
    # Variables t, worsened inputs, shrunk outputs, worsened undesirables (times t), lambda.
    cost = np.r_[0, 1 / (3 * x), np.zeros(4 + n)]
    upper = [np.c_[np.zeros((3, 1)), -np.eye(3), np.zeros((3, 4)), X[others].T]]
    upper += [np.c_[np.zeros((2, 4)), np.eye(2), np.zeros((2, 2)), -Y[others].T]]
    upper += [np.c_[np.zeros((2, 6)), -np.eye(2), B[others].T]]
    upper += [np.c_[x, -np.eye(3), np.zeros((3, 4 + n))], np.c_[-y, np.zeros((2, 3)), np.eye(2), np.zeros((2, 2 + n))]]
    upper += [np.c_[b, np.zeros((2, 5)), -np.eye(2), np.zeros((2, n))]]
    # Denominator: mean over outputs and undesirables of kept shares, with 2 - b/b0 for undesirables.
    norm = np.r_[2 * 2 / 4, np.zeros(3), 1 / (4 * y), -1 / (4 * b), np.zeros(n)]
    matrix = np.vstack(upper)
    solved = linprog(cost, matrix, np.zeros(len(matrix)), norm[None], [1.0], method="highs")
    assert found.score[0] == pytest.approx(solved.fun, abs=TOLERANCE)
    assert found.score[0] > 1


def closest_by_enumeration(X, Y, o):
    """Two inputs, one output of 1: the efficient frontier is a chain of segments; the best point on it dominating o."""
    efficient = np.flatnonzero(dea(X, Y, model="sbm", rts="vrs").score > 1 - 1e-7)
    chain = efficient[np.argsort(X[efficient, 0])]
    best = -np.inf
    for a, b in pairwise(chain):
        share = np.linspace(0, 1, 200001)[:, None]
        points = share * X[a] + (1 - share) * X[b]
        points = points[(points <= X[o] + 1e-12).all(axis=1)]
        if len(points):
            best = max(best, (1 - (X[o] - points) / X[o]).mean(axis=1).max())
    return best


def test_closest_target_by_enumeration():
    X = np.array([[1, 6], [2, 3], [4, 1.5], [7, 1], [5, 5], [6, 2.5], [3, 7], [8, 1]])
    Y = np.ones((8, 1))
    found = dea(X, Y, model="closest", rts="vrs")
    for o in (4, 5, 6):
        assert found.score[o] == pytest.approx(closest_by_enumeration(X, Y, o), abs=1e-5)
    np.testing.assert_allclose(found.score[:4], 1, atol=TOLERANCE)
    # (8, 1) is radially efficient but not strongly: its only dominating efficient point is (7, 1).
    np.testing.assert_allclose(found.targets.x[7], [7, 1], atol=1e-7)
    assert found.score[7] == pytest.approx(1 - (1 / 8) / 2, abs=TOLERANCE)


@pytest.mark.parametrize("rts", ["crs", "vrs"])
def test_closest_targets_are_efficient_and_nearer_than_farthest(rts):
    X, Y, B = economy(n=14, seed=13)
    near, far = dea(X, Y, B, model="closest", rts=rts), dea(X, Y, B, model="farthest", rts=rts)
    assert (near.score >= far.score - TOLERANCE).all()
    assert (near.score > far.score + 1e-3).any()
    again = dea(near.targets.x, near.targets.y, near.targets.b, ref=(X, Y, B), model="sbm", rts=rts)
    np.testing.assert_allclose(again.score, 1, atol=1e-6)


def test_affinity():
    rng = np.random.default_rng(0)
    base = rng.lognormal(0, 1, 50)
    same = affinity(np.column_stack([base, 3 * base, 10 * base]))
    assert same.eps == pytest.approx(0, abs=1e-12)
    np.testing.assert_allclose(same.weights, 1 / 3, atol=1e-12)
    # c takes two values equally often: D = 1/2, affinity 0, epsilon 1.
    opposite = affinity(np.array([[1.0, 1.0], [1.0, 4.0]]))
    assert opposite.eps == pytest.approx(1)
    np.testing.assert_allclose(opposite.weights, 0.5)
    # Three units with c = ln 2, ln 4, ln 4: mean |c - mean| / range = 4/9, S = 1/9, rho = 10/9, epsilon = 8/9.
    three = affinity(np.array([[1.0, 2.0], [1.0, 4.0], [1.0, 4.0]]))
    assert three.eps == pytest.approx(8 / 9)
    assert affinity(base[:, None]).eps == 0
    assert affinity(base[:, None]).weights.tolist() == [1.0]


def test_epsilon_and_weights_come_from_the_data():
    X, Y, B = economy(seed=14)
    found = dea(X, Y, B, model="ebm").options["slack_weights"]
    for part, values in zip(found, (X, Y, B), strict=True):
        expected = affinity(values)
        np.testing.assert_allclose(part, expected.eps * expected.weights)
    given = dea(X, Y, B, model="ebm", eps=(0.2, 0.3, 0.4), weights=([1, 0, 0], [0.5, 0.5], [0.1, 0.9]))
    np.testing.assert_allclose(given.options["slack_weights"].b, [0.04, 0.36])
