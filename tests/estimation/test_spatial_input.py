"""What the spatial estimators say to bad input, and what they flag. No reference data needed."""

from __future__ import annotations

import pickle
import subprocess
import sys
from dataclasses import replace
from typing import Any

import libpysal
import numpy as np
import pandas as pd
import pytest
from libpysal.graph import Graph
from scipy import sparse

from estimation.core.frame import EstimationError
from estimation.spatial import (
    check_rho,
    choose_model,
    effects_tests,
    fit_spatial,
    impacts,
    lm_tests,
    spatial_hausman,
    spatial_weights,
)
from estimation.spatial.logdet import log_determinant
from tests.estimation.spatial_naive import neighbours, one_way, simulate

N, T = 12, 5
X = ["x1", "x2"]


def case(seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(seed)
    W = neighbours(N, rng)
    return simulate(W, T, rng, rho=0.3), W


def labelled(W: np.ndarray) -> pd.DataFrame:
    units = np.arange(len(W)) + 100
    return pd.DataFrame(W, index=units, columns=units)


def ring(n: int) -> np.ndarray:
    """Two neighbours each on a circle; the smallest eigenvalue is cos(pi) = -1 for even n."""
    eye = np.eye(n)
    return (np.roll(eye, 1, axis=1) + np.roll(eye, -1, axis=1)) / 2


def changed(W: np.ndarray, **cells: Any) -> np.ndarray:
    out = W.copy()
    for at, value in cells.items():
        i, j = (slice(None) if part == "all" else int(part) for part in at[1:].split("_"))
        out[i, j] = value
    return out


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda W: changed(W, w3_3=0.5), r"non-zero diagonal for 103"),
        (lambda W: changed(changed(W, w3_all=0.0), wall_3=0.0), r"islands \(no neighbour\): 103"),
        (lambda W: changed(W, w4_all=0.0), r"all-zero rows \(others neighbour them\): 104"),
        (lambda W: changed(W, w1_2=np.nan), "1 missing or infinite weight"),
        (lambda W: changed(W, w1_2=np.inf), "1 missing or infinite weight"),
        (lambda W: changed(W, w1_2=-0.1), "1 negative weight"),
        (lambda W: W[:, :-1], "must be square"),
        (lambda W: W[:-1, :-1], "W is 11x11 but the panel has 12 entities"),
        (lambda W: np.zeros_like(W), "no weight: every unit is an island"),
        (lambda W: W.astype(str), None),
        (lambda W: np.full(W.shape, "a"), "W is not numeric"),
        (lambda W: W.tolist(), "W is a list"),
        (lambda W: labelled(W).rename(index={103: 999}, columns={103: 999}), "entities not in W: 103; units of W not in the panel: 999"),
        (lambda W: labelled(W).rename(index={103: 999}), "index and columns of W hold different labels: 103, 999"),
        (lambda W: labelled(W).set_axis(["a"] * N, axis=0), "duplicated labels"),
        (lambda W: labelled(W).rename(index=str, columns=str), r"differ in type only \(str in W, int in the panel\)"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("wrap", [lambda W: W, lambda W: sparse.csr_array(W) if isinstance(W, np.ndarray) else W])
def test_bad_weights_are_named(change: Any, message: str | None, wrap: Any) -> None:
    df, W = case()
    bad = change(W)
    if isinstance(bad, np.ndarray) and bad.dtype.kind in "fi":
        bad = wrap(bad)
    if message is None:  # numbers written as text are numbers
        np.testing.assert_allclose(fit_spatial(df, "y", X, bad).coef, fit_spatial(df, "y", X, W).coef)
        return
    with pytest.raises(EstimationError, match=message):
        fit_spatial(df, "y", X, bad)
    with pytest.raises(EstimationError, match=message):
        lm_tests(df, "y", X, bad)


def test_allowed_islands_have_no_lag_and_are_flagged() -> None:
    df, W = case()
    alone = changed(changed(W, w3_all=0.0), wall_3=0.0)
    fit = fit_spatial(df, "y", X, alone, effects="entity", islands="allow")
    assert any("islands (no neighbour): 103; their spatial lag is zero" in flag for flag in fit.flags)
    assert "not row-standardised" in fit.convention
    with pytest.raises(EstimationError, match="islands='drop' is not one of error, allow"):
        fit_spatial(df, "y", X, alone, islands="drop")  # type: ignore[arg-type]


def test_asymmetry_is_flagged_and_complex_eigenvalues_are_handled() -> None:
    rng = np.random.default_rng(2)
    W = one_way(N, rng)
    fit = fit_spatial(simulate(W, 20, rng, rho=0.4), "y", X, W, model="sar")
    assert any("W is asymmetric" in flag and "->" in flag for flag in fit.flags)
    assert abs(fit.rho - 0.4) < 4 * fit.se["rho"]
    values = np.linalg.eigvals(W)
    assert np.abs(values.imag).max() > 0.1
    for end in fit.rho_bounds:
        assert np.isfinite(end)
    for rho in np.linspace(*fit.rho_bounds, 41)[1:-1]:
        assert np.linalg.det(np.eye(N) - rho * W) > 0
    assert not fit_spatial(*[case()[0], "y", X, case()[1]]).flags  # type: ignore[arg-type]


def test_a_row_standardised_matrix_is_known_to_be_similar_to_a_symmetric_one() -> None:
    _, W = case()
    weights = spatial_weights(W)
    assert weights.scale is not None
    similar = weights.symmetric()
    np.testing.assert_allclose(similar, similar.T)
    np.testing.assert_allclose(np.linalg.eigvalsh(similar), np.sort(np.linalg.eigvals(W).real), atol=1e-12)
    assert spatial_weights(one_way(N, np.random.default_rng(0))).scale is None
    # Symmetric pattern, but no scale balances the two directions around a triangle.
    assert spatial_weights(np.array([[0, 1, 2.0], [2, 0, 1], [1, 2, 0]])).scale is None
    two_parts = np.kron(np.eye(2), np.array([[0, 1.0], [3.0, 0]]))
    assert spatial_weights(two_parts).scale is not None


def test_every_kind_of_weights_gives_the_same_fit() -> None:
    df, W = case()
    expected = fit_spatial(df, "y", X, W)
    units = np.arange(N) + 100
    named = {int(u): {int(v): W[i, j] for j, v in enumerate(units) if W[i, j]} for i, u in enumerate(units)}
    pysal = libpysal.weights.W({u: list(v) for u, v in named.items()}, {u: list(v.values()) for u, v in named.items()})
    pairs = [(u, v, w) for u, row in named.items() for v, w in row.items()]
    focal, neighbour, value = zip(*pairs, strict=True)
    graph = Graph.from_arrays(np.array(focal), np.array(neighbour), np.array(value))
    counted = libpysal.weights.full2W(W)
    frames = [labelled(W), pd.DataFrame(W), pysal, graph, counted, sparse.coo_matrix(W), sparse.csc_array(W)]
    for other in frames:
        found = fit_spatial(df, "y", X, other)
        np.testing.assert_allclose(found.coef, expected.coef, atol=1e-9)
    assert "unlabelled" in fit_spatial(df, "y", X, counted).convention
    assert "matched by label" in fit_spatial(df, "y", X, graph).convention


def test_user_data_are_not_changed() -> None:
    df, W = case()
    df_before, W_before = df.copy(), W.copy()
    as_sparse = sparse.csr_array(W)
    as_sparse.data[0] = 0.0
    stored = as_sparse.nnz
    impacts(fit_spatial(df, "y", X, W), draws=10)
    spatial_weights(as_sparse, islands="allow")
    assert as_sparse.nnz == stored
    pd.testing.assert_frame_equal(df, df_before)
    np.testing.assert_array_equal(W, W_before)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model": "gns"}, "model='gns' is not one of sar, sem, sdm, slx, sac, sdem"),
        ({"effects": "both"}, "effects='both' is not one of none, entity, time, twoways"),
        ({"time_convention": "D"}, "time_convention='D' is not one of A, B, C"),
        ({"lee_yu": "yes"}, "lee_yu='yes' is not one of none, transform, bias"),
        ({"logdet": "magic"}, "logdet='magic' is not one of auto, eigen, lu, chebyshev"),
        ({"lee_yu": "bias", "effects": "none"}, "with effects='none' only 'none' is allowed"),
        ({"lee_yu": "transform", "time_convention": "B"}, "defined for time_convention='A' only"),
        ({"model": "sar", "lag_x": ["x1"]}, "lag_x is used by the models sdm, slx, sdem only, not sar"),
        ({"lag_x": []}, "lag_x must name at least one column"),
        ({"lag_x": ["x1", "x1"]}, "each once"),
        ({"lag_x": ["z"]}, r"column\(s\) not in the data: z"),
        ({"lag_x": ["y"]}, "lag_x names the dependent y"),
    ],
)
def test_bad_options_list_what_is_allowed(options: dict[str, Any], message: str) -> None:
    df, W = case()
    with pytest.raises(EstimationError, match=message):
        fit_spatial(df, "y", X, W, **options)


def test_options_of_the_tests() -> None:
    df, W = case()
    for call, message in (
        (lambda: lm_tests(df, "y", X, W, form="exact"), "form='exact' is not one of raw, transformed"),  # type: ignore[arg-type]
        (lambda: lm_tests(df, "y", X, W, effects="x"), "effects='x' is not one of"),  # type: ignore[arg-type]
        (lambda: spatial_hausman(df, "y", X, W, model="sem"), "model='sem' is not one of sar, sdm"),  # type: ignore[arg-type]
        (lambda: spatial_hausman(df, "y", X, W, effects="time"), "effects='time' is not one of entity, twoways"),  # type: ignore[arg-type]
        (lambda: spatial_hausman(df, "y", X, W, variance="x"), "variance='x' is not one of common, own"),  # type: ignore[arg-type]
        (lambda: effects_tests(df, "y", X, W, model="x"), "model='x' is not one of ols, sar"),
        (lambda: choose_model(df, "y", X, W, effects="x"), "effects='x' is not one of"),  # type: ignore[arg-type]
        (lambda: impacts(fit_spatial(df, "y", X, W), draws=1), "at least 2 draws"),
        (lambda: impacts(fit_spatial(df, "y", X, W), draws=9).to_rows("exact"), "not one of simulated, delta"),
    ):
        with pytest.raises(EstimationError, match=message):
            call()


def test_transformation_with_time_effects_needs_equal_row_sums() -> None:
    rng = np.random.default_rng(0)
    W = neighbours(N, rng, standardise="spectral")
    df = simulate(W, T, rng)
    with pytest.raises(EstimationError, match="whose rows all have the same sum"):
        fit_spatial(df, "y", X, W, lee_yu="transform")
    assert np.isfinite(fit_spatial(df, "y", X, W, lee_yu="transform", effects="entity").rho)
    assert np.isfinite(fit_spatial(df, "y", X, W, lee_yu="bias").rho)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda df: df.drop(index=7), r"1 of 60 \(city_code, year\) cells are missing, e.g. \(101, 2002\)"),
        (lambda df: df.assign(x1=df["x1"].where(df.index != 7)), r"1 row\(s\) were dropped for missing values"),
        (lambda df: df.assign(x1=df["x1"].where(df.index != 7, np.inf)), r"x1 is infinite in row\(s\) 7"),
        (lambda df: pd.concat([df, df.iloc[[3]]]), "duplicated key"),
        (lambda df: df.assign(x2=2 * df["x1"]), "x2 is a combination of x1"),
        (lambda df: df.assign(x2=df["city_code"] * 1.0), "x2 does not vary once the constant or effects are removed"),
        (lambda df: df.assign(y=3.0), "y does not vary once the twoways effects are removed"),
        (lambda df: df.assign(y=df["city_code"] + df["year"]), "y does not vary"),
        (lambda df: df.assign(x1=df["x1"].astype(str) + "a"), "x1 is not numeric"),
        (lambda df: df[df["year"] == 2000], "twoways effects"),
        (lambda df: df.assign(y=df["x1"] + df["x2"]), "fit the outcome perfectly"),
    ],
)
def test_bad_panels_are_named(change: Any, message: str) -> None:
    df, W = case()
    with pytest.raises(EstimationError, match=message):
        fit_spatial(change(df), "y", X, W)


def test_treatment_common_to_all_neighbours_has_no_lag_of_its_own() -> None:
    """Every unit neighbours every other one: W x = (N mean - x)/(N - 1), which time effects leave collinear with x."""
    rng = np.random.default_rng(0)
    W = (np.ones((N, N)) - np.eye(N)) / (N - 1)
    df = simulate(W, T, rng)
    with pytest.raises(EstimationError, match=r"W#x1 is a combination of x1"):
        fit_spatial(df, "y", X, W)


def test_rho_that_cannot_occur() -> None:
    """digital_industry, table 5: rho = -2.1086 with a row-standardised contiguity matrix."""
    W = ring(N)
    found = check_rho(-2.1086, W)
    assert not found.possible
    assert "cannot occur for this W" in found.message
    assert "smallest real eigenvalue above -0.4742" in found.message
    assert found.bounds == pytest.approx((-1.0, 1.0))
    assert check_rho(0.4, W).possible
    assert "largest real eigenvalue below" in check_rho(1.2, W).message
    # The same number is possible where the eigenvalues are small enough.
    assert check_rho(-2.1086, 0.4 * W).possible
    with pytest.raises(EstimationError, match="not a finite number"):
        check_rho(np.nan, W)
    with pytest.raises(EstimationError, match="all eigenvalues of W are zero"):
        check_rho(0.1, np.triu(np.ones((4, 4)), 1))


def test_a_chebyshev_determinant_needs_real_eigenvalues() -> None:
    with pytest.raises(EstimationError, match="needs a W that is similar to a symmetric matrix"):
        log_determinant(spatial_weights(one_way(N, np.random.default_rng(0))), "chebyshev")


def test_keys_may_have_other_names_and_text_labels() -> None:
    df, W = case()
    renamed = df.rename(columns={"city_code": "id", "year": "t"}).assign(id=lambda d: "c" + d["id"].astype(str))
    found = fit_spatial(renamed, "y", X, W, entity="id", time="t")
    np.testing.assert_allclose(found.coef, fit_spatial(df, "y", X, W).coef, atol=1e-12)
    assert found.residuals.index.names == ["id", "t"]


def test_a_cross_section_works_without_entity_effects() -> None:
    rng = np.random.default_rng(1)
    W = neighbours(200, rng)
    df = simulate(W, 1, rng, rho=0.5, effects="none")
    fit = fit_spatial(df, "y", X, W, model="sar", effects="none")
    assert abs(fit.rho - 0.5) < 4 * fit.se["rho"]
    assert "const" in fit.coef
    assert "const" not in impacts(fit, draws=10).direct


def test_draws_do_not_depend_on_threads_or_hash_seed() -> None:
    """The same numbers from processes with 1 and 2 threads and other hash seeds."""
    code = (
        "import numpy as np;"
        "from tests.estimation.spatial_naive import neighbours, simulate;"
        "from estimation.spatial import *;"
        "rng = np.random.default_rng(0);"
        "W = neighbours(40, rng, standardise='spectral'); df = simulate(W, 6, rng, rho=.3);"
        "i = impacts(fit_spatial(df, 'y', ['x1', 'x2'], W), draws=300, rng=np.random.default_rng(5));"
        "m = moran_by_year(df, 'y', W, permutations=99, rng=np.random.default_rng(5));"
        "l = local_moran(df[df.year == 2000].set_index('city_code')['y'], W, permutations=99).table;"
        "print([f'{v:.11e}' for v in [*i.draws.ravel()[:60], *i.se_simulated.to_numpy().ravel()]]);"
        "print(m.table.p_sim.tolist(), l.p_sim.tolist())"
    )
    outputs = set()
    for threads, seed in (("1", "0"), ("2", "7")):
        env = {"OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads, "PYTHONHASHSEED": seed, "PATH": ""}
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env)
        outputs.add(done.stdout)
    assert len(outputs) == 1


def test_draws_of_rho_outside_the_bounds_are_drawn_again_and_counted() -> None:
    df, W = case()
    fit = fit_spatial(df, "y", X, W)
    narrow = replace(fit, rho_bounds=(fit.rho - fit.se["rho"], fit.rho + fit.se["rho"]))
    found = impacts(narrow, draws=4000, rng=np.random.default_rng(0))
    # 68.3 % of the draws fall inside one standard error.
    assert found.n_rejected == pytest.approx(4000 * (1 / 0.6827 - 1), rel=0.1)
    widest = impacts(fit, draws=4000, rng=np.random.default_rng(0))
    assert (found.se_simulated["total"] < widest.se_simulated["total"]).all()
    with pytest.raises(EstimationError, match="most draws leave its bounds"):
        impacts(replace(fit, rho_bounds=(fit.rho - 1e-6, fit.rho + 1e-6)), draws=10)
    assert f"{found.n_rejected} drawn again" in found.convention
    assert len(found.draws) == 4000
    rows = found.to_rows()
    assert {row["term"] for row in rows} == {f"{e}({x})" for e in ("direct", "indirect", "total") for x in X}
    assert found.to_rows("delta")[0]["estimate"] == rows[0]["estimate"]


def test_choice_of_the_model_on_known_truths() -> None:
    rng = np.random.default_rng(11)
    W = neighbours(80, rng)
    truths = {
        "ols": {}, "sar": {"rho": 0.4}, "sem": {"lam": 0.5}, "sdm": {"rho": 0.4, "theta": (0.6, 0.6)},
    }  # fmt: skip
    for name, truth in truths.items():
        found = choose_model(simulate(W, 10, rng, **truth), "y", X, W)  # type: ignore[arg-type]
        assert found.model == name, (name, found.reasons)
    assert {"lm_lag_transformed", "lr_sar", "wald_sem", "effects_entity", "hausman"} <= set(found.table.index)
    assert found.to_rows()[0]["test"] == "lm_lag_raw"


def test_extreme_scales_of_regressors_do_not_matter() -> None:
    df, W = case()
    scaled = df.assign(x1=df["x1"] * 1e9, x2=df["x2"] * 1e-9)
    a, b = fit_spatial(df, "y", X, W, model="sac"), fit_spatial(scaled, "y", X, W, model="sac")
    assert b.rho == pytest.approx(a.rho, abs=1e-8)
    assert b.lambda_ == pytest.approx(a.lambda_, abs=1e-8)
    assert b.coef["x1"] * 1e9 == pytest.approx(a.coef["x1"], rel=1e-7)
    assert b.se["x2"] * 1e-9 == pytest.approx(a.se["x2"], rel=1e-7)


def test_results_travel_between_processes() -> None:
    df, W = case()
    for given, method in ((W, "eigen"), (sparse.csr_array(W), "lu")):
        fit = fit_spatial(df, "y", X, given, logdet=method)  # type: ignore[arg-type]
        copy = pickle.loads(pickle.dumps(fit))
        np.testing.assert_array_equal(impacts(copy, draws=20).draws, impacts(fit, draws=20).draws)


def test_regressors_do_not_hide_terms_of_the_model() -> None:
    df, W = case()
    for name, model in (("rho", "sar"), ("lambda", "sem"), ("W#x2", "sdm")):
        named = df.rename(columns={"x1": name})
        with pytest.raises(EstimationError, match=f"x names {name}, also a term of the model {model}"):
            fit_spatial(named, "y", [name, "x2"], W, model=model)  # type: ignore[arg-type]
    assert np.isfinite(fit_spatial(df.rename(columns={"x1": "lambda"}), "y", ["lambda", "x2"], W, model="sar").rho)


def test_random_effects_point_to_the_hausman_test() -> None:
    df, W = case()
    with pytest.raises(EstimationError, match=r"none, entity, time, twoways; random effects: .*spatial_hausman"):
        fit_spatial(df, "y", X, W, effects="random")  # type: ignore[arg-type]


def test_counting_labels_that_are_not_the_entities_are_flagged() -> None:
    df, W = case()
    counted = df.assign(city_code=df["city_code"] - 100)
    counts = pd.DataFrame(W)
    assert not fit_spatial(counted, "y", X, counts).flags
    assert not fit_spatial(df, "y", X, counts).flags
    moved = counted.assign(city_code=counted["city_code"].replace(3, 99))
    (flag,) = fit_spatial(moved, "y", X, counts).flags
    assert "labels of W count 0 to 11 and are not the entities (e.g. 99)" in flag


def test_draws_and_generators_are_checked() -> None:
    df, W = case()
    fit = fit_spatial(df, "y", X, W)
    same = [impacts(fit, draws=20, rng=rng).draws for rng in (None, np.random.default_rng(0), 0)]  # type: ignore[arg-type]
    np.testing.assert_array_equal(same[0], same[1])
    np.testing.assert_array_equal(same[0], same[2])
    with pytest.raises(EstimationError, match="rng='x' is not a numpy Generator"):
        impacts(fit, draws=20, rng="x")  # type: ignore[arg-type]
    with pytest.raises(EstimationError, match=r"draws=10.5: a whole number"):
        impacts(fit, draws=10.5)  # type: ignore[arg-type]
