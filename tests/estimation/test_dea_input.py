"""What the efficiency models refuse, allow and leave alone: options, shapes, bad cells, reference sets."""

from __future__ import annotations

import numpy as np
import pytest

from estimation.core.frame import EstimationError
from estimation.dea import dea
from tests.estimation.dea_world import TOLERANCE, economy


def test_reference_as_mask_positions_and_tables_agree():
    X, Y, B = economy(seed=10)
    mask = np.arange(len(X)) % 2 == 0
    options = {"model": "ddf", "orientation": "out", "disposability": "weak"}
    by_mask = dea(X, Y, B, ref=mask, **options)
    by_position = dea(X, Y, B, ref=np.flatnonzero(mask), **options)
    by_table = dea(X, Y, B, ref=(X[mask], Y[mask], B[mask]), **options)
    np.testing.assert_array_equal(by_mask.score, by_position.score)
    np.testing.assert_array_equal(by_mask.score, by_table.score)
    assert by_mask.lambdas.shape == (24, 12)
    assert (by_mask.score > 1 + TOLERANCE).any(), "units outside the reference may lie beyond the frontier"


def test_infeasible_units_are_counted_and_missing():
    X, Y = np.array([[1.0], [1.0], [0.2]]), np.array([[2.0], [1.0], [1.0]])
    result = dea(X, Y, ref=[0, 1], model="radial", orientation="in", rts="vrs")
    np.testing.assert_array_equal(result.status, ["optimal", "optimal", "optimal"])
    assert result.score[2] == pytest.approx(5.0)
    beyond = dea(X, Y * [[1.0], [1.0], [3.0]], ref=[0, 1], model="radial", orientation="in", rts="vrs")
    np.testing.assert_array_equal(beyond.status, ["optimal", "optimal", "infeasible"])
    assert beyond.n_infeasible == 1
    assert np.isnan(beyond.score[2])
    assert np.isnan(beyond.targets.x[2]).all()
    assert beyond.is_solved.tolist() == [True, True, False]


def test_zeros_are_allowed_where_nothing_is_divided_by_them():
    X, Y, B = economy(seed=15)
    X[3, 1] = 0
    B[5, 0] = 0
    for model in ("radial", "ddf"):
        result = dea(X, Y, B, model=model)
        assert np.isfinite(result.score).all()
    for model in ("sbm", "ebm", "closest"):
        with pytest.raises(EstimationError, match=r"X is zero in row\(s\) 3"):
            dea(X, Y, B, model=model)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": "additive"}, "not one of radial, sbm"),
        ({"rts": "nirs"}, "not one of crs, vrs"),
        ({"orientation": "input"}, "not one of none, in, out"),
        ({"disposability": "free"}, "not one of strong, weak"),
        ({"model": "sbm", "disposability": "weak"}, "defined for model radial, ebm, ddf"),
        ({"model": "sbm", "eps": 0.5}, "options of model='ebm'"),
        ({"model": "ebm", "eps": 1.5}, r"\[0, 1\]"),
        ({"model": "ebm", "weights": "uniform"}, "not one of equal"),
        ({"model": "ebm", "weights": ([1, 1], [1])}, "lengths"),
        ({"model": "ddf", "bad_target": "two_minus_phi"}, "defined for model radial, ebm"),
        ({"model": "radial", "outside": "super"}, "defined for model sbm, farthest"),
        ({"model": "closest", "orientation": "in"}, "orientation='none' only"),
        ({"model": "sbm", "direction": (1, 1)}, "option of model='ddf'"),
        ({"model": "ddf", "direction": (np.ones(2), np.ones(2))}, "undesirable outputs"),
        ({"model": "ddf", "direction": (np.ones(2), np.ones(2), np.ones(2))}, "gx has shape"),
        ({"ref": np.zeros(24, dtype=bool)}, "selects no unit"),
        ({"ref": np.ones(3, dtype=bool)}, "mask of length 3"),
        ({"ref": 0.5}, "ref must be"),
    ],
)
def test_options_that_do_not_go_together_are_refused(change, message):
    X, Y, B = economy()
    with pytest.raises(EstimationError, match=message):
        dea(X, Y, B, **change)


@pytest.mark.parametrize(
    ("cell", "value", "message"),
    [
        ((2, 1), np.nan, "row 2, column 1"),
        ((2, 1), np.inf, "row 2, column 1"),
        ((0, 0), -1.0, "row 0, column 0"),
        ((4, slice(None)), 0.0, "zero throughout"),
    ],
)
def test_bad_cells_are_named(cell, value, message):
    X, Y, B = economy()
    X[cell] = value
    with pytest.raises(EstimationError, match=message):
        dea(X, Y, B)


def test_shapes_and_text_are_refused():
    X, Y, B = economy()
    with pytest.raises(EstimationError, match="same rows"):
        dea(X[:-1], Y, B)
    with pytest.raises(EstimationError, match="not numeric"):
        dea([["a"]], [[1.0]])
    with pytest.raises(EstimationError, match="ref has"):
        dea(X, Y, B, ref=(X, Y))
    with pytest.raises(EstimationError, match="zero for every reference unit"):
        dea(X, Y, 0 * B)


def test_inputs_are_left_alone():
    X, Y, B = economy()
    copies = [v.copy() for v in (X, Y, B)]
    dea(X, Y, B, model="ebm")
    for values, copy in zip((X, Y, B), copies, strict=True):
        np.testing.assert_array_equal(values, copy)


@pytest.mark.parametrize(("wrong", "message"), [({"eps": "x"}, "eps=x must be"), ({"weights": 5}, "equal, None")])
def test_wrong_options_of_ebm_are_one_clear_error(wrong, message):
    X, Y = np.array([[1.0, 2], [2, 1], [2, 2]]), np.ones((3, 1))
    with pytest.raises(EstimationError, match=message):
        dea(X, Y, model="ebm", **wrong)
