"""The stacked system of a dynamic panel: transformed equation, levels equation and their instruments, entity by entity."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from estimation.core.frame import EstimationError
from estimation.gmm.arrays import Grid, build_grid, first_difference, forward_orthogonal, shift
from estimation.gmm.instruments import Columns, Gmm, Iv, add_gmm_style, add_standard

CONSTANT = "_cons"
TIME_DUMMIES = "time dummies"


@dataclass(frozen=True)
class Spec:
    """What is estimated: the arguments of ``fit_gmm`` that shape the system."""

    y: str
    x: tuple[str, ...]
    gmm: tuple[Gmm, ...]
    iv: tuple[Iv, ...]
    system: bool
    transform: str
    time_dummies: bool
    sample: str | None
    entity: str
    time: str


@dataclass(frozen=True)
class System:
    """Stacked data, zero wherever a row is not used.

    Attributes:
        y: (N, R) left-hand side; R = T, or 2T with the transformed rows first.
        X: (N, R, k) regressors.
        Z: (N, R, j) instruments, no column entirely zero.
        used: (N, R) rows that enter an equation.
        differences: (y, X, used) in first differences, (N, T), (N, T, k), (N, T): the data of the AR tests.
        terms: k names, the constant last in a system.
        dummies: names of the time dummies.
        groups: j group labels; ``gmm_level`` marks GMM-style columns of the levels equation.
        n_rows: rows of the input.
    """

    y: np.ndarray
    X: np.ndarray
    Z: np.ndarray
    used: np.ndarray
    differences: tuple[np.ndarray, np.ndarray, np.ndarray]
    terms: tuple[str, ...]
    dummies: tuple[str, ...]
    instruments: tuple[str, ...]
    groups: tuple[str, ...]
    gmm_level: np.ndarray
    is_system: bool
    transform: str
    n_rows: int

    @property
    def length(self) -> int:
        """Periods T."""
        return self.used.shape[1] // (2 if self.is_system else 1)

    @property
    def used_transformed(self) -> np.ndarray:
        """(N, T) rows of the transformed equation."""
        return self.used[:, : self.length]

    @property
    def used_main(self) -> np.ndarray:
        """(N, T) rows of the equation whose observations are counted: levels in a system, transformed otherwise."""
        return self.used[:, -self.length :]


def build_system(df: pd.DataFrame, spec: Spec) -> System:
    """Lay out both equations and their instruments.

    Raises:
        EstimationError: unknown columns, no usable row, an instrument specification that fits no equation.
    """
    _check_equations(spec)
    extra = [spec.sample] if spec.sample else []
    iv_terms = [name for group in spec.iv for name in group.names]
    gmm_terms = [name for group in spec.gmm for name in group.names]
    grid = build_grid(df, [spec.y, *spec.x, *iv_terms, *gmm_terms, *extra], entity=spec.entity, time=spec.time)
    y0, X0 = grid.term(spec.y), [grid.term(name) for name in spec.x]
    complete = np.all(np.isfinite([y0, *X0]), axis=0)
    sampled = complete if spec.sample is None else complete & (np.nan_to_num(grid.term(spec.sample)) != 0)
    names, X0, iv, grid = _with_dummies(spec, grid, X0, sampled)
    base = np.all(np.isfinite([grid.term(name) for group in iv for name in group.names] or [y0]), axis=0)
    transform = _transformation(spec.transform, complete & (base if iv else True))
    columns = _standard_columns(spec, iv, grid, transform)
    ty, tX = transform(y0), [transform(column) for column in X0]
    used = _used_rows(spec, sampled, [ty, *tX], columns)
    for group in spec.gmm:
        add_gmm_style(columns, group, grid, used, spec.system)
    _check_outcome(spec, y0[used[1]] if spec.system else ty[used[0]])
    terms = [*spec.x, *names]
    if spec.system:
        terms.append(CONSTANT)
        X0, tX = [*X0, np.ones(y0.shape)], [*tX, np.zeros(y0.shape)]
    blocks = [(ty, tX, columns.transformed), (y0, X0, columns.level)]
    return _stack(spec, blocks if spec.system else blocks[:1], used, columns, (y0, X0, complete), terms, names, len(df))


def _check_equations(spec: Spec) -> None:
    if not spec.x:
        raise EstimationError("x is empty: name at least one regressor, e.g. 'L.y'")
    doubled = {name for name in spec.x if spec.x.count(name) > 1 or name in (spec.y, CONSTANT)}
    if doubled:
        raise EstimationError(
            f"regressor(s) listed twice, equal to the outcome or reserved: {', '.join(sorted(doubled))}"
        )
    if not spec.system:
        groups: list[Gmm | Iv] = [*spec.gmm, *spec.iv]
        stray = [group.label for group in groups if group.eq == "level"]
        if stray:
            raise EstimationError(
                f"{', '.join(stray)}: difference GMM has no levels equation; use eq='diff' or system=True"
            )


def _check_outcome(spec: Spec, values: np.ndarray) -> None:
    centre = values[0] if spec.system else 0.0
    if np.all(values == centre):
        where = "is constant" if spec.system else "does not change over time"
        raise EstimationError(f"{spec.y} {where} in the sample: there is nothing to explain")


def _with_dummies(
    spec: Spec, grid: Grid, X0: list[np.ndarray], sampled: np.ndarray
) -> tuple[list[str], list[np.ndarray], tuple[Iv, ...], Grid]:
    """Dummies of the sample's periods but the first, as regressors and as instruments."""
    if not spec.time_dummies:
        return [], X0, spec.iv, grid
    periods = np.flatnonzero(sampled.any(axis=0))[1:]
    dummies = {f"{spec.time}_{grid.periods[p]}": np.eye(len(grid.periods))[p] for p in periods}
    taken = set(dummies) & (set(spec.x) | set(grid.columns))
    if taken:
        raise EstimationError(f"time_dummies=True would overwrite {', '.join(sorted(taken))}; rename the column(s)")
    columns = {name: np.broadcast_to(row, grid.exists.shape) for name, row in dummies.items()}
    wide = Grid({**grid.columns, **columns}, grid.exists, grid.entities, grid.periods)
    iv = (*spec.iv, Iv(tuple(dummies), eq="level" if spec.system else "diff")) if dummies else spec.iv
    return list(dummies), [*X0, *columns.values()], iv, wide


def _transformation(transform: str, complete: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    if transform == "fd":
        return first_difference
    return lambda values: forward_orthogonal(values, complete)


def _standard_columns(
    spec: Spec, iv: tuple[Iv, ...], grid: Grid, transform: Callable[[np.ndarray], np.ndarray]
) -> Columns:
    columns = Columns()
    if spec.system:
        shape = grid.exists.shape
        columns.add(np.zeros(shape), np.ones(shape), CONSTANT, CONSTANT)
    for position, group in enumerate(iv):
        label = TIME_DUMMIES if spec.time_dummies and position == len(spec.iv) else None
        add_standard(columns, group, grid, transform, spec.system, label)
    return columns


def _used_rows(
    spec: Spec, sampled: np.ndarray, transformed: Sequence[np.ndarray], columns: Columns
) -> tuple[np.ndarray, np.ndarray]:
    """(N, T) rows of the transformed and of the levels equation.

    With orthogonal deviations the row that stands at t belongs to the observation of t-1.
    """
    owner = sampled if spec.transform == "fd" else np.nan_to_num(shift(sampled.astype(float), 1)) > 0
    used_transformed = owner & np.all(np.isfinite([*transformed, *columns.transformed]), axis=0)
    used_level = sampled & np.all(np.isfinite([sampled.astype(float), *columns.level]), axis=0)
    main = used_level if spec.system else used_transformed
    if not main.any():
        raise EstimationError(
            f"no usable row for {spec.y} on {', '.join(spec.x)}: every row lacks a variable, a lag or a standard instrument"
            f" (lags are one unit of {spec.time}; difference GMM also needs the row before)"
        )
    return used_transformed, used_level


def _stack(
    spec: Spec,
    blocks: Sequence[tuple[np.ndarray, list[np.ndarray], list[np.ndarray]]],
    used: tuple[np.ndarray, np.ndarray],
    columns: Columns,
    levels: tuple[np.ndarray, list[np.ndarray], np.ndarray],
    terms: Sequence[str],
    dummies: Sequence[str],
    n_rows: int,
) -> System:
    rows = np.concatenate(used[: len(blocks)], axis=1)
    keep = rows.any(axis=1)
    rows = rows[keep]

    def stacked(parts: Sequence[np.ndarray]) -> np.ndarray:
        return np.where(rows, np.concatenate(parts, axis=1)[keep], 0.0)

    y = stacked([block[0] for block in blocks])
    X = np.stack([stacked(parts) for parts in zip(*(block[1] for block in blocks), strict=True)], axis=2)
    Z = np.stack([stacked(parts) for parts in zip(*(block[2] for block in blocks), strict=True)], axis=2)
    filled = Z.any(axis=(0, 1))
    picked = np.flatnonzero(filled)
    y0, X0, complete = levels
    dy, dX = first_difference(y0), [first_difference(column) for column in X0]
    both = complete & np.nan_to_num(shift(complete.astype(float), 1)).astype(bool)
    differences = (
        np.where(both, dy, 0.0)[keep],
        np.stack([np.where(both, column, 0.0)[keep] for column in dX], axis=2),
        both[keep],
    )
    return System(
        y, X, Z[:, :, filled], rows, differences, tuple(terms), tuple(dummies),
        tuple(columns.names[p] for p in picked), tuple(columns.groups[p] for p in picked),
        np.array([columns.gmm_level[p] for p in picked], dtype=bool), spec.system, spec.transform, n_rows,
    )  # fmt: skip
