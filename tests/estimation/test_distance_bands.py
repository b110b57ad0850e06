"""Distance bands and spillover-free controls: hand-worked exposure, planted decay, and named errors.

Tolerances: exposure is exact; the planted coefficients are recovered to rounding without noise (1e-9) and inside four
standard errors with it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from estimation.core.frame import EstimationError
from estimation.panel import fit_panel
from estimation.spatial import fit_distance_bands, spillover_did
from estimation.spatial.distance_bands import EDGES_KM, band_columns, distance_matrix


def plane(n: int, size_km: float, seed: int) -> tuple[np.random.Generator, np.ndarray]:
    rng = np.random.default_rng(seed)
    points = rng.random((n, 2)) * size_km
    return rng, np.hypot(*(points[:, None] - points[None]).transpose(2, 0, 1))


def staggered(n: int, periods: int, D: np.ndarray, rng: np.random.Generator, share: float = 0.25) -> pd.DataFrame:
    df = pd.DataFrame({"city_code": np.repeat(np.arange(n), periods), "year": np.tile(np.arange(periods), n)})
    start = np.where(rng.random(n) < share, rng.integers(2, periods - 1, n), periods + 1)
    df["did"] = (df["year"] >= np.repeat(start, periods)).astype(int)
    df["x1"] = rng.standard_normal(n * periods)
    df["base"] = np.repeat(rng.standard_normal(n), periods) + np.tile(rng.standard_normal(periods), n)
    return df


def test_exposure_by_hand() -> None:
    """Units on a line at 0, 100, 150, 300, 1000 km; the first is treated from period 1, the third in period 2."""
    at = np.array([0.0, 100, 150, 300, 1000])
    D = np.abs(at[:, None] - at)
    df = pd.DataFrame({"city_code": np.repeat(np.arange(5), 3), "year": np.tile([0, 1, 2], 5), "did": 0})
    df.loc[(df["city_code"] == 0) & (df["year"] >= 1), "did"] = 1
    df.loc[(df["city_code"] == 2) & (df["year"] == 2), "did"] = 1
    found = band_columns(df, "did", D)
    assert list(found.columns) == [f"band_{s}" for s in range(150, 1201, 150)]
    wide = {name: found[name].to_numpy().reshape(5, 3) for name in found}
    # (0, 150]: units 1 and 2 see unit 0 from period 1; units 0, 1, 3 see unit 2 in period 2. A unit never sees itself.
    np.testing.assert_array_equal(wide["band_150"], [[0, 0, 1], [0, 1, 1], [0, 1, 1], [0, 0, 1], [0, 0, 0]])
    # (150, 300]: unit 3 sees unit 0 at exactly 300; nobody else.
    np.testing.assert_array_equal(wide["band_300"], [[0, 0, 0], [0, 0, 0], [0, 0, 0], [0, 1, 1], [0, 0, 0]])
    np.testing.assert_array_equal(wide["band_900"], [[0, 0, 0], [0, 0, 0], [0, 0, 0], [0, 0, 0], [0, 0, 1]])
    np.testing.assert_array_equal(wide["band_1050"][4], [0, 1, 1])
    assert sum(w.sum() for w in wide.values()) == 11


def test_planted_decay_is_recovered_exactly_without_noise() -> None:
    rng, D = plane(120, 2500, 0)
    df = staggered(120, 9, D, rng)
    planted = dict(zip(EDGES_KM[1:], [0.5, -0.4, -0.2, 0, 0.1, 0, 0, -0.1], strict=True))
    bands = band_columns(df, "did", D)
    df["y"] = df["base"] + 0.8 * df["did"] + 0.3 * df["x1"]
    df["y"] += sum(value * bands[f"band_{edge}"] for edge, value in planted.items())
    found = fit_distance_bands(df, "y", "did", ["x1"], D)
    np.testing.assert_allclose(found.curve["estimate"], list(planted.values()), atol=1e-9)
    assert found.fits["joint"].coef["did"] == pytest.approx(0.8, abs=1e-9)
    # Straight line from .5 at 150 km to -.4 at 300 km.
    assert found.crossing_km == pytest.approx(150 + 150 * 0.5 / 0.9, abs=1e-6)
    assert found.crossings.loc[0, "direction"] == "positive to negative"
    assert found.crossings.loc[0, "between"] == "band_150 and band_300"


def test_crossing_point_and_its_error_by_simulation() -> None:
    rng, D = plane(150, 1500, 1)
    df = staggered(150, 8, D, rng, share=0.1)
    bands = band_columns(df, "did", D, edges_km=(0, 150, 300))
    points, errors = [], []
    for _ in range(60):
        df["y"] = df["base"] + 2 * bands["band_150"] - 2 * bands["band_300"] + rng.standard_normal(len(df))
        found = fit_distance_bands(df, "y", "did", [], D, edges_km=(0, 150, 300), vcov="iid")
        points.append(found.crossing_km)
        errors.append(found.crossings.loc[0, "std_error"])
    assert np.mean(points) == pytest.approx(225, abs=4 * np.std(points) / np.sqrt(60))
    assert np.mean(errors) == pytest.approx(np.std(points), rel=0.4)


def test_joint_and_separate_fits_are_the_panel_regressions() -> None:
    rng, D = plane(60, 1200, 2)
    df = staggered(60, 6, D, rng, share=0.1)
    df["y"] = df["base"] + rng.standard_normal(len(df))
    edges = (0, 150, 300, 450)
    bands = band_columns(df, "did", D, edges_km=edges)
    data = pd.concat([df, bands], axis=1)
    joint = fit_distance_bands(df, "y", "did", ["x1"], D, edges_km=edges)
    by_hand = fit_panel(data, "y", ["did", "x1", *bands])
    np.testing.assert_allclose(joint.curve["estimate"], by_hand.coef[list(bands)])
    np.testing.assert_allclose(joint.curve["conf_low"], by_hand.conf_int().loc[list(bands), "conf_low"])
    separate = fit_distance_bands(df, "y", "did", ["x1"], D, edges_km=edges, mode="separate", vcov="robust")
    for name in bands:
        alone = fit_panel(data, "y", ["did", "x1", name], vcov="robust")
        assert separate.curve.loc[name, "std_error"] == pytest.approx(alone.se[name])
    assert separate.crossings["std_error"].isna().all()
    assert [row["term"] for row in separate.to_rows()] == list(bands)
    assert [row["x"] for row in joint.curve_rows()] == [150, 300, 450]
    assert joint.curve["n_exposed"].tolist() == [int(bands[name].sum()) for name in bands]
    assert list(joint.curve["lower_km"]) == [0, 150, 300]
    assert joint.fits["joint"].convention == joint.convention


def test_a_band_without_exposure_is_reported_not_estimated() -> None:
    rng, D = plane(40, 500, 3)
    df = staggered(40, 6, D, rng, share=0.1)
    df["y"] = df["base"] + rng.standard_normal(len(df))
    found = fit_distance_bands(df, "y", "did", ["x1"], D)
    empty = found.curve.loc["band_1200"]
    assert empty["n_exposed"] == 0
    assert np.isnan(empty["estimate"])
    assert "band_1200 does not vary" in empty["note"]


def test_rows_without_outcome_still_expose_their_neighbours() -> None:
    rng, D = plane(40, 900, 4)
    df = staggered(40, 6, D, rng)
    df["y"] = df["base"] + rng.standard_normal(len(df))
    holes = df.assign(y=df["y"].where((df["did"] == 0) | (df["year"] != 4)))
    found = fit_distance_bands(holes, "y", "did", ["x1"], D, edges_km=(0, 200))
    bands = band_columns(df, "did", D, edges_km=(0, 200))
    by_hand = fit_panel(pd.concat([holes, bands], axis=1), "y", ["did", "x1", "band_200"])
    assert found.fits["joint"].nobs == holes["y"].notna().sum() < len(df)
    assert found.curve.loc["band_200", "estimate"] == pytest.approx(by_hand.coef["band_200"])
    assert found.curve.loc["band_200", "n_exposed"] == bands["band_200"].sum()


def test_row_order_and_labels() -> None:
    rng, D = plane(30, 900, 5)
    df = staggered(30, 5, D, rng)
    shuffled = df.sample(frac=1, random_state=0)
    labelled = pd.DataFrame(D).loc[::-1, ::-1]
    a, b = band_columns(df, "did", D), band_columns(shuffled, "did", labelled)
    pd.testing.assert_frame_equal(a, b.sort_index())
    assert list(b.index) == list(shuffled.index)
    more = pd.DataFrame(np.pad(D, (0, 1), constant_values=5.0), index=range(31), columns=range(31))
    np.testing.assert_array_equal(distance_matrix(more, np.arange(30)), D)


def bad(D: np.ndarray, i: int, j: int, value: float, both: bool = True) -> np.ndarray:
    out = D.copy()
    out[i, j] = value
    if both:
        out[j, i] = value
    return out


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda D: D[:-1, :-1], "distances must be 20x20"),
        (lambda D: bad(D, 1, 2, np.nan), "finite and not negative"),
        (lambda D: bad(D, 1, 2, -3.0), "finite and not negative"),
        (lambda D: bad(D, 1, 1, 2.0), "to itself must be zero"),
        (lambda D: bad(D, 1, 2, 99.0, both=False), "not symmetric"),
        (lambda D: bad(D, 1, 2, 0.0), "1 and 2 are at distance zero"),
        (lambda D: pd.DataFrame(D).iloc[:-2], r"no distance for 2 unit\(s\), e.g. 18, 19"),
    ],
)
def test_bad_distances(change: Any, message: str) -> None:
    rng, D = plane(20, 900, 6)
    df = staggered(20, 5, D, rng)
    with pytest.raises(EstimationError, match=message):
        band_columns(df, "did", change(D))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"edges_km": (0,)}, "at least two values"),
        ({"edges_km": (0, 300, 150)}, "must rise"),
        ({"mode": "both"}, "mode='both' is not one of joint, separate"),
    ],
)
def test_bad_options(options: Any, message: str) -> None:
    rng, D = plane(20, 900, 7)
    df = staggered(20, 5, D, rng).assign(y=1.0)
    with pytest.raises(EstimationError, match=message):
        fit_distance_bands(df, "y", "did", ["x1"], D, **options)


def test_bad_treatment_and_columns() -> None:
    rng, D = plane(20, 900, 8)
    df = staggered(20, 5, D, rng)
    df["y"] = df["base"] + rng.standard_normal(len(df))
    with pytest.raises(EstimationError, match="did must be 0 or 1"):
        band_columns(df.assign(did=df["did"] * 2), "did", D)
    with pytest.raises(EstimationError, match=r"did is missing in 1 row\(s\)"):
        band_columns(df.assign(did=df["did"].where(df.index != 3)), "did", D)
    with pytest.raises(EstimationError, match="cells are missing"):
        band_columns(df.drop(index=3), "did", D)
    with pytest.raises(EstimationError, match=r"already have column\(s\) band_150"):
        fit_distance_bands(df.assign(band_150=1.0), "y", "did", [], D)
    with pytest.raises(EstimationError, match="x1 does not vary"):
        fit_distance_bands(df.assign(x1=1.0), "y", "did", ["x1"], D)


def test_spillover_free_controls_by_hand_and_their_estimate() -> None:
    """Treatment raises y by 1 and that of neighbours within 100 km by .6: only the clean estimate is right."""
    rng, D = plane(300, 4000, 9)
    periods = 6
    pilots = rng.choice(300, 40, replace=False)
    df = pd.DataFrame({"city_code": np.repeat(np.arange(300), periods), "year": np.tile(np.arange(periods), 300)})
    ever = np.isin(np.arange(300), pilots)
    df["did"] = (np.repeat(ever, periods) & (df["year"] >= 3)).astype(int)
    near = ((D[:, pilots] <= 250) & (D[:, pilots] > 0)).any(axis=1) & ~ever
    df["y"] = df["did"] + 0.6 * np.repeat(near, periods) * (df["year"] >= 3) + 0.05 * rng.standard_normal(len(df))
    found = spillover_did(df, "y", "did", [], D, radius_km=250)
    assert set(found.excluded) == set(np.flatnonzero(near))
    assert found.n_excluded_rows == near.sum() * periods
    assert found.clean.coef["did"] == pytest.approx(1.0, abs=4 * found.clean.se["did"])
    assert found.full.coef["did"] < 1 - 0.5 * 0.6 * near.sum() / (300 - 40)
    current = spillover_did(df, "y", "did", [], D, radius_km=250, rule="current")
    assert current.n_excluded_rows == near.sum() * 3
    assert current.excluded[0][1] == 3


def test_spillover_errors() -> None:
    rng, D = plane(20, 100, 10)
    df = staggered(20, 5, D, rng, share=0.5)
    df["y"] = rng.standard_normal(len(df))
    with pytest.raises(EstimationError, match="no never-treated unit lies beyond 5000 km"):
        spillover_did(df, "y", "did", [], D, radius_km=5000)
    with pytest.raises(EstimationError, match="must be positive"):
        spillover_did(df, "y", "did", [], D, radius_km=0)
    with pytest.raises(EstimationError, match="rule='never' is not one of ever, current"):
        spillover_did(df, "y", "did", [], D, radius_km=10, rule="never")  # type: ignore[arg-type]


def test_one_control_may_be_named_alone() -> None:
    rng, D = plane(20, 900, 9)
    df = staggered(20, 5, D, rng)
    df["y"] = df["base"] + df["x1"] + rng.standard_normal(len(df))
    alone, listed = (fit_distance_bands(df, "y", "did", x, D).curve for x in ("x1", ["x1"]))
    pd.testing.assert_frame_equal(alone, listed)
    one, two = (spillover_did(df, "y", "did", x, D, radius_km=100).clean.coef for x in ("x1", ["x1"]))
    pd.testing.assert_series_equal(one, two)
