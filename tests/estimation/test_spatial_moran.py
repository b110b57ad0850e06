"""Moran's I: against esda on data of libpysal's examples, by hand, and by exhaustive permutation.

Tolerances: analytic quantities are closed forms on both sides (1e-10). Permutation p-values of two generators with
9,999 draws differ by at most 4 standard errors, sqrt(2 * .25/9999) * 4 = .029, or by the ties that esda leaves out of
the lower tail.
"""

from __future__ import annotations

from itertools import permutations
from typing import Any

import esda
import libpysal
import numpy as np
import pandas as pd
import pytest

from estimation.core.frame import EstimationError
from estimation.spatial import local_moran, moran, moran_by_year
from tests.estimation.spatial_naive import neighbours, one_way, simulate

LINE = np.array([[0, 1, 0, 0], [1, 0, 1, 0], [0, 1, 0, 1], [0, 0, 1, 0]], dtype=float)


@pytest.fixture(scope="module")
def columbus() -> tuple[np.ndarray, Any]:
    table = libpysal.io.open(libpysal.examples.get_path("columbus.dbf"))
    W = libpysal.io.open(libpysal.examples.get_path("columbus.gal")).read()
    return np.array(table.by_col("HOVAL")), W


def test_by_hand() -> None:
    """y = 1, 2, 4, 9 on a line: z = -3, -2, 0, 5; z'Wz = 2 (6 + 0 + 0) = 12; z'z = 38; I = (4/6)(12/38)."""
    found = moran(np.array([1.0, 2, 4, 9]), LINE, permutations=0)
    assert pytest.approx(4 / 6 * 12 / 38) == found.I
    assert pytest.approx(-1 / 3) == found.EI
    assert np.isnan(found.p_sim)


def test_randomisation_moments_are_those_of_all_permutations() -> None:
    y = np.array([1.0, 2.0, 4.0, 9.0, 3.5, -2.0])
    W = neighbours(6, np.random.default_rng(0))
    W[0, 1] *= 2  # not row-standardised, not symmetric
    found = moran(y, W, permutations=0)
    z = y - y.mean()
    every = [len(y) / W.sum() * float(np.array(p) @ W @ np.array(p)) / float(z @ z) for p in permutations(z)]
    assert pytest.approx(np.mean(every), abs=1e-12) == found.EI
    assert pytest.approx(np.var(every), rel=1e-10) == found.VI_rand
    sampled = moran(y, W, permutations=20_000, rng=np.random.default_rng(1))
    assert pytest.approx(found.EI, abs=5 * (found.VI_rand / 20_000) ** 0.5) == sampled.EI_sim
    assert pytest.approx(found.VI_rand, rel=0.05) == sampled.VI_sim


@pytest.mark.parametrize("transform", ["r", "b"])
def test_global_equals_esda(columbus: Any, transform: str) -> None:
    y, W = columbus
    W.transform = transform
    theirs = esda.Moran(y, W, transformation=transform, permutations=9999)
    ours = moran(y, W, permutations=9999)
    for name in ("I", "EI", "VI_norm", "VI_rand", "z_norm", "z_rand", "p_norm", "p_rand"):
        assert getattr(ours, name) == pytest.approx(getattr(theirs, name), abs=1e-10), name
    assert ours.p_sim == pytest.approx(theirs.p_sim, abs=0.029)


@pytest.mark.filterwarnings("ignore:The alternative hypothesis:DeprecationWarning")
def test_local_equals_esda(columbus: Any) -> None:
    y, W = columbus
    W.transform = "r"
    theirs = esda.Moran_Local(y, W, transformation="r", permutations=9999, seed=1)
    ours = local_moran(y, W, permutations=9999).table
    n = len(y)
    np.testing.assert_allclose(ours["I"], theirs.Is * n / (n - 1), atol=1e-10)
    np.testing.assert_allclose(ours["EI"], theirs.EIc, atol=1e-10)
    np.testing.assert_allclose(ours["VI"], theirs.VIc, atol=1e-10)
    assert (ours["quadrant"] == np.array(["", "HH", "LH", "LL", "HL"])[theirs.q]).all()
    np.testing.assert_allclose(ours["p_sim"], theirs.p_sim, atol=0.029)
    assert ours["I"].mean() == pytest.approx(moran(y, W, permutations=0).I)


def test_local_permutations_count_ties_in_either_tail() -> None:
    """A unit with one neighbour: I takes one value per possible neighbour, so the pseudo p is a count of ranks."""
    y = np.array([5.0, 1.0, 2.0, 3.0, 4.0])
    W = np.zeros((5, 5))
    W[0, 1] = W[1, 0] = W[2, 3] = W[3, 2] = W[4, 3] = 1.0
    found = local_moran(y, W, permutations=20_000, rng=np.random.default_rng(0)).table
    # Unit 0 (z = 2) has the smallest of 1, 2, 3, 4 as neighbour: P(I <= observed) = 1/4.
    assert found["p_sim"].iloc[0] == pytest.approx(0.25, abs=0.015)


def test_by_year_equals_each_cross_section_and_its_own_child_generator() -> None:
    rng = np.random.default_rng(3)
    W = neighbours(20, rng)
    df = simulate(W, 4, rng, rho=0.5)
    found = moran_by_year(df.sample(frac=1, random_state=0), "y", W, permutations=199, rng=np.random.default_rng(9))
    children = np.random.default_rng(9).spawn(4)
    for year, child in zip(range(2000, 2004), children, strict=True):
        y = df[df["year"] == year].set_index("city_code")["y"]
        alone = moran(y, W, permutations=199, rng=child)
        assert found.table.loc[year, "I"] == pytest.approx(alone.I, abs=1e-14)
        assert found.table.loc[year, "p_sim"] == alone.p_sim
    assert found.table.index.name == "year"
    assert found.to_rows()[0]["test"] == "moran(y, 2000)"


def test_series_is_matched_by_label() -> None:
    rng = np.random.default_rng(4)
    W = pd.DataFrame(neighbours(15, rng), index=list("abcdefghijklmno"), columns=list("abcdefghijklmno"))
    y = pd.Series(rng.standard_normal(15), index=W.index)
    turned = y.sample(frac=1, random_state=0)
    assert pytest.approx(moran(y, W, permutations=0).I, abs=1e-14) == moran(turned, W, permutations=0).I
    assert list(local_moran(turned, W, permutations=0).table.index) == list(turned.index)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.ones(6), "all values are equal"),
        (np.array([1, 2, np.nan, 4, 5, 6]), r"1 value\(s\) missing or infinite, first for unit 2"),
        (np.arange(5.0), "y has 5 values but W is 6x6"),
        (np.ones((6, 2)), "must be one cross-section"),
        (pd.Series(np.arange(6.0), index=[0, 0, 1, 2, 3, 4]), "index of y is not unique"),
        (pd.Series(np.arange(6.0), index=pd.MultiIndex.from_product([[1, 2], [1, 2, 3]])), "use moran_by_year"),
    ],
)
def test_bad_values(y: Any, message: str) -> None:
    W = neighbours(6, np.random.default_rng(0))
    for function in (moran, local_moran):
        with pytest.raises(EstimationError, match=message):
            function(y, W)


def test_bad_permutations_and_text() -> None:
    W = neighbours(6, np.random.default_rng(0))
    for function in (moran, local_moran):
        with pytest.raises(EstimationError, match="permutations=-1: a whole number"):
            function(np.arange(6.0), W, permutations=-1)
        with pytest.raises(EstimationError, match="y is not numeric"):
            function(list("abcdef"), W)


def test_bad_weights_and_years() -> None:
    rng = np.random.default_rng(0)
    W = neighbours(8, rng)
    df = simulate(W, 3, rng)
    with pytest.raises(EstimationError, match="year 2001: y: all values are equal"):
        moran_by_year(df.assign(y=df["y"].where(df["year"] != 2001, 1.0)), "y", W)
    with pytest.raises(EstimationError, match=r"1 of 24 \(city_code, year\) cells are missing"):
        moran_by_year(df.drop(index=0), "y", W)
    with pytest.raises(EstimationError, match="non-zero diagonal"):
        moran(np.arange(8.0), W + np.eye(8))
    with pytest.raises(EstimationError, match="too few"):
        moran(np.arange(3.0), LINE[:3, :3])
    alone = W.copy()
    alone[2], alone[:, 2] = 0, 0
    flags = moran(np.arange(8.0), alone, islands="allow", permutations=9).flags
    assert "islands" in flags[0]
    assert "asymmetric" in moran(np.arange(9.0), one_way(9, rng), permutations=9).flags[0]
