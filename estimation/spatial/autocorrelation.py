"""Moran's I, global (also year by year) and local, with analytic and permutation inference.

I = (n/S0) z'Wz / z'z. Moments under normality and randomisation: Cliff and Ord (1981). Local
I_i = z_i sum_j w_ij z_j / m2 with m2 = z'z/n, so that for a row-standardised W the mean of I_i is I (Anselin 1995; R's
spdep; esda divides by n - 1 instead); conditional moments: Sokal, Oden and Thomson (1998), A7 and A8.
W is used as given.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats
from scipy.sparse import csr_array

from estimation.core.draws import generator_of
from estimation.core.frame import EstimationError, panel_frame
from estimation.spatial.data import check_balanced
from estimation.spatial.weights import Islands, SpatialWeights, spatial_weights


@dataclass(frozen=True, kw_only=True)
class Moran:
    """Moran's I of one cross-section.

    Attributes:
        I: the statistic. EI: its mean -1/(n - 1) without spatial dependence.
        VI_norm, z_norm, p_norm: variance, z and two-sided p under normality.
        VI_rand, z_rand, p_rand: the same under randomisation.
        p_sim: pseudo p of the permutations, (extreme + 1)/(R + 1) in the tail where I lies (one-sided, as esda); NaN
            without permutations. EI_sim, VI_sim: mean and variance over permutations. sim: (R,) permuted values.
        n: units. permutations: R. convention: how W was used. flags: of the weights.
    """

    I: float  # noqa: E741
    EI: float
    VI_norm: float
    z_norm: float
    p_norm: float
    VI_rand: float
    z_rand: float
    p_rand: float
    p_sim: float
    EI_sim: float
    VI_sim: float
    sim: np.ndarray = field(repr=False)
    n: int
    permutations: int
    convention: str
    flags: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class MoranByYear:
    """Moran's I of every period.

    Attributes:
        table: one row a period, columns I, EI, VI_norm, z_norm, p_norm, VI_rand, z_rand, p_rand, p_sim.
        periods: the whole result of each period. variable: the column.
    """

    variable: str
    table: pd.DataFrame
    periods: dict[Any, Moran] = field(repr=False)

    def to_rows(self) -> list[dict[str, Any]]:
        """One dict a period, with the columns of ``results.tests`` that the test knows."""
        return [
            {"test": f"moran({self.variable}, {period})", "statistic": m.I, "df": None, "p_value": m.p_rand,
             "note": f"z {m.z_rand:.4f} under randomisation, two-sided; permutation p {m.p_sim:.4g} one-sided"}
            for period, m in self.periods.items()
        ]  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class LocalMoran:
    """Local Moran statistics.

    Attributes:
        table: one row a unit: I, EI, VI, z, p_value (analytic, conditional, two-sided), p_sim (conditional
            permutations, as in `Moran`), quadrant (HH, LH, LL, HL: own value and that of the neighbours,
            above or below the mean).
        permutations: R. convention: how W was used.
    """

    table: pd.DataFrame
    permutations: int
    convention: str


def moran(
    y: Any, W: Any, *, permutations: int = 999, rng: np.random.Generator | None = None, islands: Islands = "error"
) -> Moran:
    """Moran's I of one cross-section.

    Args:
        y: (n,) values; the index of a Series is matched with the labels of W, an array is taken in W's order.
        W: see `estimation.spatial.weights.spatial_weights`.
        permutations: number of random permutations (0 for none). rng: generator; None takes ``default_rng(0)``.

    Raises:
        EstimationError: y is missing, infinite, constant, of the wrong size, or has fewer than 4 values; unusable W.
    """
    values, weights = _inputs(y, W, islands)
    return _moran(values, weights, permutations, generator_of(rng))


def moran_by_year(
    df: pd.DataFrame,
    y: str,
    W: Any,
    *,
    permutations: int = 999,
    rng: np.random.Generator | None = None,
    entity: str = "city_code",
    time: str = "year",
    islands: Islands = "error",
) -> MoranByYear:
    """Moran's I of column ``y`` in every period of a balanced panel.

    Each period draws from its own child of ``rng``, so that its numbers do not depend on how periods are spread over
    workers.

    Raises:
        EstimationError: as `moran`, naming the period; unusable frame; a panel that is not balanced.
    """
    frame = panel_frame(df, [y], entity=entity, time=time)
    check_balanced(frame, entity, time)
    weights = spatial_weights(W, frame.entities, islands=islands)
    values = frame.array(y).reshape(len(frame.entities), len(frame.times))
    children = generator_of(rng).spawn(len(frame.times))
    periods = {}
    for label, column, child in zip(frame.times.tolist(), values.T, children, strict=True):
        try:
            periods[label] = _moran(column, weights, permutations, child)
        except EstimationError as error:
            raise EstimationError(f"{time} {label}: {y}: {error}") from error
    names = ["I", "EI", "VI_norm", "z_norm", "p_norm", "VI_rand", "z_rand", "p_rand", "p_sim"]
    table = pd.DataFrame({p: [getattr(m, name) for name in names] for p, m in periods.items()}, index=names).T
    return MoranByYear(variable=y, table=table.rename_axis(time), periods=periods)


def local_moran(
    y: Any, W: Any, *, permutations: int = 999, rng: np.random.Generator | None = None, islands: Islands = "error"
) -> LocalMoran:
    """Local Moran statistic of every unit of one cross-section; arguments and errors as `moran`."""
    values, weights = _inputs(y, W, islands)
    _check_permutations(permutations)
    z = _deviations(values, weights)
    n, matrix = weights.n, csr_array(weights.matrix)
    m2 = float(z @ z) / n
    lag = weights.lag(z)
    sums, squares = np.asarray(matrix.sum(axis=1)).ravel(), np.asarray(matrix.power(2).sum(axis=1)).ravel()
    local = z * lag / m2
    mean = -(z**2) * sums / ((n - 1) * m2)
    variance = (z / m2) ** 2 * n / (n - 2) * (squares - sums**2 / (n - 1)) * (m2 - z**2 / (n - 1))
    with np.errstate(divide="ignore", invalid="ignore"):
        score = np.where(variance > 0, (local - mean) / np.sqrt(variance), np.nan)
    generator = generator_of(rng)
    quadrant = np.select([(z > 0) & (lag > 0), (z <= 0) & (lag > 0), (z <= 0) & (lag <= 0)], ["HH", "LH", "LL"], "HL")
    table = pd.DataFrame(
        {"I": local, "EI": mean, "VI": variance, "z": score, "p_value": 2 * stats.norm.sf(np.abs(score)),
         "p_sim": _conditional_p(z, matrix, local * m2, permutations, generator), "quadrant": quadrant},
        index=pd.Index(weights.units, name="unit"),
    )  # fmt: skip
    return LocalMoran(table=table, permutations=permutations, convention=weights.describe())


def _inputs(y: Any, W: Any, islands: Islands) -> tuple[np.ndarray, SpatialWeights]:
    """(n,) values and the weights in their order."""
    if isinstance(y, pd.Series) and isinstance(y.index, pd.MultiIndex):
        raise EstimationError("y has an index of several levels; use moran_by_year for a panel")
    try:
        values = np.asarray(y, dtype=float)
    except (TypeError, ValueError) as error:
        raise EstimationError(f"y is not numeric: {error}") from error
    if values.ndim != 1:
        raise EstimationError(
            f"y must be one cross-section; its shape is {values.shape}; use moran_by_year for a panel"
        )
    if isinstance(y, pd.Series) and not y.index.is_unique:
        raise EstimationError("the index of y is not unique")
    weights = spatial_weights(W, np.asarray(y.index) if isinstance(y, pd.Series) else None, islands=islands)
    if weights.n != len(values):
        raise EstimationError(f"y has {len(values)} values but W is {weights.n}x{weights.n}")
    return values, weights


def _check_permutations(permutations: int) -> None:
    if permutations < 0 or permutations != int(permutations):
        raise EstimationError(f"permutations={permutations}: a whole number, 0 for none")


def _deviations(values: np.ndarray, weights: SpatialWeights) -> np.ndarray:
    """(n,) deviations from the mean, checked to be defined and not all zero."""
    bad = ~np.isfinite(values)
    if bad.any():
        raise EstimationError(f"{int(bad.sum())} value(s) missing or infinite, first for unit {weights.units[bad][0]}")
    if len(values) < 4:
        raise EstimationError(f"{len(values)} units are too few: the variance of Moran's I needs at least 4")
    z = values - values.mean()
    if np.linalg.norm(z) <= 1e-12 * np.linalg.norm(values):
        raise EstimationError("all values are equal: Moran's I is not defined")
    return z


def _moran(values: np.ndarray, weights: SpatialWeights, permutations: int, rng: np.random.Generator) -> Moran:
    _check_permutations(permutations)
    z = _deviations(values, weights)
    matrix, n = csr_array(weights.matrix), weights.n
    s0 = float(matrix.sum())
    scale = n / (s0 * float(z @ z))
    observed, mean = scale * float(z @ weights.lag(z)), -1 / (n - 1)
    normal, random = _variances(z, matrix, mean)
    z_norm, z_rand = (observed - mean) / np.sqrt(normal), (observed - mean) / np.sqrt(random)
    shuffled = rng.permuted(np.tile(z, (permutations, 1)), axis=1)
    sim = scale * (shuffled * weights.lag(shuffled.T).T).sum(axis=1) if permutations else np.empty(0)
    return Moran(
        I=observed, EI=mean, VI_norm=normal, z_norm=float(z_norm), p_norm=float(2 * stats.norm.sf(abs(z_norm))),
        VI_rand=random, z_rand=float(z_rand), p_rand=float(2 * stats.norm.sf(abs(z_rand))),
        p_sim=float(_pseudo_p(sim[:, None], np.array([observed]))[0]),
        EI_sim=float(sim.mean()) if permutations else np.nan, VI_sim=float(sim.var()) if permutations else np.nan,
        sim=sim, n=n, permutations=permutations, convention=weights.describe(), flags=weights.flags,
    )  # fmt: skip


def _variances(z: np.ndarray, matrix: csr_array, mean: float) -> tuple[float, float]:
    """Variance of I under normality and under randomisation (Cliff and Ord 1981, eq. 1.35 and 1.39)."""
    n = len(z)
    s0 = float(matrix.sum())
    s1 = float((matrix + matrix.T).power(2).sum()) / 2
    s2 = float(((np.asarray(matrix.sum(axis=1)).ravel() + np.asarray(matrix.sum(axis=0)).ravel()) ** 2).sum())
    normal = (n**2 * s1 - n * s2 + 3 * s0**2) / ((n - 1) * (n + 1) * s0**2) - mean**2
    kurtosis = n * float((z**4).sum()) / float(z @ z) ** 2
    upper = n * ((n**2 - 3 * n + 3) * s1 - n * s2 + 3 * s0**2)
    lower = kurtosis * ((n**2 - n) * s1 - 2 * n * s2 + 6 * s0**2)
    random = (upper - lower) / ((n - 1) * (n - 2) * (n - 3) * s0**2) - mean**2
    return normal, random


def _pseudo_p(simulated: np.ndarray, observed: np.ndarray) -> np.ndarray:
    """(k,) (extreme + 1)/(R + 1) of (R, k) simulated values, in the tail where each observed value lies.

    Ties count as extreme in either tail; values within rounding are ties.
    """
    draws = len(simulated)
    if draws == 0:
        return np.full(len(observed), np.nan)
    rounding = 1e-12 * np.abs(simulated).max(axis=0)
    above = (simulated >= observed - rounding).sum(axis=0)
    below = (simulated <= observed + rounding).sum(axis=0)
    return (np.minimum(above, below) + 1) / (draws + 1)


def _conditional_p(
    z: np.ndarray, matrix: csr_array, observed: np.ndarray, permutations: int, rng: np.random.Generator
) -> np.ndarray:
    """(n,) pseudo p-values: the neighbours of each unit are drawn from all other units, its own value stays."""
    n = len(z)
    if permutations == 0:
        return np.full(n, np.nan)
    most = int(np.diff(matrix.indptr).max())
    picks = rng.permuted(np.tile(np.arange(n - 1), (permutations, 1)), axis=1)[:, :most]
    p_values = np.empty(n)
    for i in range(n):
        weights = matrix.data[matrix.indptr[i] : matrix.indptr[i + 1]]
        others = np.delete(z, i)
        simulated = z[i] * (others[picks[:, : len(weights)]] @ weights)
        p_values[i] = _pseudo_p(simulated[:, None], observed[[i]])[0]
    return p_values
