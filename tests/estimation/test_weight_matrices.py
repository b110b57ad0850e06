"""Spatial weights: by hand on four cities, by identities, and against libpysal. Tolerance 1e-12: closed forms."""

from __future__ import annotations

import libpysal
import numpy as np
import pandas as pd
import pytest

from estimation.cities.weight_matrices import contiguity, economic_distance, inverse_distance, weight_matrix
from estimation.core.distance import great_circle_km
from estimation.core.frame import EstimationError

UNITS = [110000, 120000, 130100, 460100]
PAIRS = [(110000, 120000), (120000, 130100), (110000, 999999)]


def distances(n: int = 20, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return great_circle_km(rng.uniform(100, 120, n), rng.uniform(22, 42, n))


def test_contiguity_by_hand():
    matrix = contiguity(PAIRS, UNITS)
    np.testing.assert_array_equal(matrix, [[0, 1, 0, 0], [1, 0, 1, 0], [0, 1, 0, 0], [0, 0, 0, 0]])
    both = contiguity([*PAIRS, (120000, 110000)], UNITS)
    np.testing.assert_array_equal(both, matrix)


def test_islands_by_each_rule():
    matrix = contiguity(PAIRS, UNITS)
    D = np.array([[0, 1, 2, 9], [1, 0, 1, 8], [2, 1, 0, 7], [9, 8, 7, 0]], dtype=float)
    with pytest.raises(EstimationError, match="1 unit\\(s\\) without a neighbour: 460100"):
        weight_matrix(matrix, UNITS)
    zero = weight_matrix(matrix, UNITS, islands="zero")
    np.testing.assert_allclose(zero.matrix.sum(axis=1), [1, 1, 1, 0])
    assert zero.islands == (460100,)
    nearest = weight_matrix(matrix, UNITS, islands="nearest", D=D)
    np.testing.assert_allclose(nearest.matrix, [[0, 1, 0, 0], [0.5, 0, 0.5, 0], [0, 0.5, 0, 0.5], [0, 0, 1, 0]])
    assert nearest.islands == (460100,)
    with pytest.raises(EstimationError, match="needs the distances"):
        weight_matrix(matrix, UNITS, islands="nearest")


@pytest.mark.parametrize("kind", ["contiguity", "inverse", "squared", "cutoff", "economic", "economic and distance"])
def test_normalisations(kind):
    D = distances()
    income = np.random.default_rng(1).lognormal(10, 0.5, 20)
    raw = {
        "contiguity": (np.quantile(D, 0.4) > D) * (1 - np.eye(20)),
        "inverse": inverse_distance(D),
        "squared": inverse_distance(D, power=2),
        "cutoff": inverse_distance(D, cutoff=900),
        "economic": economic_distance(income),
        "economic and distance": economic_distance(income, D),
    }[kind]
    np.testing.assert_array_equal(raw, raw.T)
    np.testing.assert_array_equal(np.diag(raw), 0)
    rows = weight_matrix(raw, range(20))
    np.testing.assert_allclose(rows.matrix.sum(axis=1), 1, atol=1e-12)
    assert rows.eigenvalues[-1] == pytest.approx(1)
    np.testing.assert_allclose(rows.eigenvalues, np.sort(np.linalg.eigvals(rows.matrix).real), atol=1e-9)
    spectral = weight_matrix(raw, range(20), normalisation="spectral")
    assert np.abs(np.linalg.eigvalsh(spectral.matrix)).max() == pytest.approx(1)
    np.testing.assert_allclose(spectral.matrix, raw / np.abs(np.linalg.eigvalsh(raw)).max(), rtol=1e-12)
    plain = weight_matrix(raw, range(20), normalisation="none")
    np.testing.assert_allclose(plain.matrix, raw)
    low, high = rows.rho_bounds
    assert low < -1 + 1e-9
    assert high == pytest.approx(1)
    for edge in (low, high):
        assert np.linalg.det(np.eye(20) - edge * rows.matrix) == pytest.approx(0, abs=1e-8)


def test_inverse_distance_by_hand():
    D = np.array([[0.0, 2.0, 4.0], [2.0, 0.0, 5.0], [4.0, 5.0, 0.0]])
    np.testing.assert_allclose(inverse_distance(D), [[0, 0.5, 0.25], [0.5, 0, 0.2], [0.25, 0.2, 0]])
    np.testing.assert_allclose(
        inverse_distance(D, power=2, cutoff=4), [[0, 0.25, 0.0625], [0.25, 0, 0], [0.0625, 0, 0]]
    )
    np.testing.assert_allclose(economic_distance([1.0, 3.0, 2.0])[0], [0, 0.5, 1])
    np.testing.assert_allclose(economic_distance([1.0, 3.0, 2.0], D)[0], [0, 0.25, 0.25])
    np.testing.assert_allclose(economic_distance([1.0, 1.0, 2.0], smallest_gap=0.1)[0], [0, 10, 1])


def test_contiguity_equals_libpysal():
    lattice = libpysal.weights.lat2W(4, 5)
    pairs = [(i, j) for i, neighbours in lattice.neighbors.items() for j in neighbours]
    lattice.transform = "r"
    np.testing.assert_allclose(weight_matrix(contiguity(pairs, range(20)), range(20)).matrix, lattice.full()[0])


def test_tables_round_trip():
    result = weight_matrix(contiguity(PAIRS[:2], UNITS[:3]), UNITS[:3])
    table = result.to_table()
    assert table.columns.tolist() == ["unit_i", "unit_j", "weight"]
    wide = table.pivot_table(index="unit_i", columns="unit_j", values="weight", fill_value=0.0)
    pd.testing.assert_frame_equal(wide, result.to_frame(), check_names=False)


def test_unusable_weights_are_refused():
    D = distances(4)
    one_way = inverse_distance(D)
    one_way[0, 1] *= 2
    cases = [
        (lambda: contiguity([(1, 1)], [1, 2]), "own neighbour"),
        (lambda: contiguity([("1", "2")], [1, 2]), "labels of one kind"),
        (lambda: contiguity([(1, 2)], [1, 2, 2]), "more than once"),
        (lambda: inverse_distance(D, power=0), "above zero"),
        (lambda: economic_distance([1.0, 1.0, 2.0]), "units 0 and 1 have equal values"),
        (lambda: economic_distance([1.0, np.nan, 2.0]), "finite"),
        (lambda: weight_matrix(one_way, range(4)), "not symmetric"),
        (lambda: weight_matrix(-inverse_distance(D), range(4)), "not negative"),
        (lambda: weight_matrix(inverse_distance(D), range(3)), "for 3 units"),
        (lambda: weight_matrix(inverse_distance(D), range(4), normalisation="max"), "row, spectral, none"),
        (lambda: weight_matrix(inverse_distance(D), range(4), islands="drop"), "error, zero, nearest"),
        (lambda: weight_matrix(np.zeros((4, 4)), range(4), islands="zero", normalisation="spectral"), "every weight"),
    ]
    for call, message in cases:
        with pytest.raises(EstimationError, match=message):
            call()
