"""Difference and system GMM for dynamic panels, in the conventions of Stata's xtabond2 (Roodman 2009)."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, get_args

import numpy as np
import pandas as pd

from estimation.core.frame import EstimationError
from estimation.gmm.instruments import Gmm, Iv
from estimation.gmm.result import Fit, GmmResult, Options, assemble, notes_on
from estimation.gmm.steps import generalized_inverse, moments, solve
from estimation.gmm.system import CONSTANT, Spec, System, build_system

Transform = Literal["fd", "fod"]
Vcov = Literal["robust", "conventional"]
COLLINEAR = 1e-9


class GmmWarning(UserWarning):
    """Something about the instruments or the weighting matrix that the reader of the table must know."""


def fit_gmm(
    df: pd.DataFrame,
    y: str,
    x: Sequence[str] | str,
    *,
    gmm: Sequence[Gmm] | Gmm = (),
    iv: Sequence[Iv] | Iv = (),
    system: bool = True,
    steps: int = 2,
    h: int = 3,
    transform: Transform = "fd",
    windmeijer: bool = True,
    small: bool = False,
    time_dummies: bool = False,
    vcov: Vcov = "robust",
    sample: str | None = None,
    ar_orders: int = 2,
    entity: str = "city_code",
    time: str = "year",
) -> GmmResult:
    """Fit y_it = x_it'b + c_i + e_it by difference or system GMM.

    Lagged levels instrument the transformed equation, lagged differences the levels equation of a system.

    Args:
        df: long frame, one row an (entity, period). Gaps stay gaps: a row that is not in ``df`` has no lag to give; pass only
            the rows of a group to take lags inside it (``fit_gmm_by_group`` does).
        x: regressors; lags of any column are ``"L.n"``, ``"L1.n"``, ``"L2.n"``. A system has a constant, ``"_cons"``.
        gmm: GMM-style instruments, e.g. ``[Gmm("n", (2, 4), collapse=True)]``; names may carry lags.
        iv: standard instruments, e.g. ``[Iv(["k"], eq="level")]``; a row without one leaves the equation that uses it.
        system: with the levels equation (system GMM) or without (difference GMM).
        h: a-priori error covariance: 1 identity, 2 as DPD, 3 with the covariance between equations (xtabond2's default).
        transform: ``"fd"`` first differences or ``"fod"`` forward orthogonal deviations.
        windmeijer: correct the two-step standard errors (Windmeijer 2005); one-step errors are robust anyway.
        small: t and F; covariance times N/(N-k+1) G/(G-1), as in xtabond2's published examples (its version 3.7 has
            (N-1)/(N-k) instead, 0.002 % apart there).
        time_dummies: a dummy for every period of the sample but the first, as regressor and as standard instrument of the
            levels equation (of the transformed equation in difference GMM).
        vcov: ``"robust"`` (clustered by entity) or ``"conventional"`` (homoskedastic; one-step only).
        sample: column that is non-zero on the rows to estimate on; lags and instruments still use every row of ``df``.

    Raises:
        EstimationError: unknown columns or options, no usable row, fewer instruments than coefficients, or coefficients
            the instruments do not identify.

    Warns:
        GmmWarning: instruments reach the number of entities; a singular weighting matrix (generalised inverse used);
            collinear regressors dropped. Each is also a flag of the result.
    """
    options = Options(steps, h, windmeijer, small, vcov, ar_orders)
    _check(options, transform)
    terms = (x,) if isinstance(x, str) else tuple(x)
    styles = (gmm,) if isinstance(gmm, Gmm) else tuple(gmm)
    standard = (iv,) if isinstance(iv, Iv) else tuple(iv)
    _check_instruments(styles, standard)
    spec = Spec(y, terms, styles, standard, system, transform, time_dummies, sample, entity, time)
    fit = _estimate(df, spec, options)
    notes = notes_on(fit)
    for note in notes:
        warnings.warn(note, GmmWarning, stacklevel=2)
    return assemble(fit, notes)


def fit_gmm_by_group(
    df: pd.DataFrame,
    y: str,
    x: Sequence[str] | str,
    *,
    group: str,
    lags: Literal["inside", "before_split"] = "inside",
    **options: object,
) -> dict[object, GmmResult]:
    """``fit_gmm`` on each group of rows, e.g. the city-years of each tertile of the outcome.

    Args:
        group: column of group labels; rows without a label are in no group.
        lags: ``"inside"`` drops the other groups' rows first, so that a lag exists only where the same entity was in the
            same group the period before; ``"before_split"`` takes lags and instruments from the whole panel.
        options: passed on to ``fit_gmm``.

    Returns:
        Results by label, in sorted order.

    Raises:
        EstimationError: unknown column or option, or any error of a group's fit (the message names the group).
    """
    if group not in df.columns:
        raise EstimationError(f"group column {group} is not in the data; present: {', '.join(map(str, df.columns))}")
    if lags not in ("inside", "before_split"):
        raise EstimationError(f"lags={lags!r} is not one of inside, before_split")
    results: dict[object, GmmResult] = {}
    for label in sorted(df[group].dropna().unique()):
        inside = df[group] == label
        try:
            if lags == "inside":
                results[label] = fit_gmm(df[inside], y, x, **options)  # type: ignore[arg-type]
            else:
                marked = df.assign(_in_group=inside.fillna(False).astype(float))
                results[label] = fit_gmm(marked, y, x, sample="_in_group", **options)  # type: ignore[arg-type]
        except EstimationError as error:
            raise EstimationError(f"{group} = {label}: {error}") from error
    return results


def _check(options: Options, transform: str) -> None:
    allowed = {
        "steps": (options.steps, (1, 2)),
        "h": (options.h, (1, 2, 3)),
        "transform": (transform, get_args(Transform)),
        "vcov": (options.vcov, get_args(Vcov)),
    }
    for name, (value, choices) in allowed.items():
        if value not in choices:
            raise EstimationError(f"{name}={value!r} is not one of {', '.join(map(str, choices))}")
    if options.vcov == "conventional" and options.steps != 1:
        raise EstimationError("vcov='conventional' needs steps=1; two-step errors: windmeijer=True or False")
    if options.ar_orders < 1:
        raise EstimationError(f"ar_orders={options.ar_orders}: at least 1")


def _check_instruments(styles: Sequence[object], standard: Sequence[object]) -> None:
    for option, items, kind, example in (
        ("gmm", styles, Gmm, "Gmm('n', (2, None))"),
        ("iv", standard, Iv, "Iv(['k'])"),
    ):
        wrong = [item for item in items if not isinstance(item, kind)]
        if wrong:
            raise EstimationError(f"{option} holds {wrong[0]!r}; give a list of {kind.__name__}, e.g. [{example}]")


def _estimate(df: pd.DataFrame, spec: Spec, options: Options) -> Fit:
    data, dropped = _drop_collinear(build_system(df, spec))
    m = moments(data, options.h)
    _, n_instruments = generalized_inverse(m.ZHZ)
    if n_instruments < len(data.terms):
        raise EstimationError(
            f"not identified: {n_instruments} independent instrument(s) for {len(data.terms)} coefficients"
            f" ({', '.join(data.terms)}); add instruments or drop regressors"
        )
    first = solve(data, m, m.ZHZ)
    second = solve(data, m, first.Zu.T @ first.Zu)
    return Fit(spec, options, data, m, first, second, n_instruments, dropped)


def _drop_collinear(data: System) -> tuple[System, tuple[str, ...]]:
    """Leave out regressors that are linear combinations of the constant and of those before them."""
    k = len(data.terms)
    order = [*([k - 1] if data.is_system else []), *range(k - data.is_system)]
    flat = data.X.reshape(-1, k)
    basis = np.zeros((len(flat), 0))
    kept: list[int] = []
    for position in order:
        column = flat[:, position]
        rest = column - basis @ (basis.T @ column)
        rest -= basis @ (basis.T @ rest)
        size = np.linalg.norm(rest)
        if size > COLLINEAR * np.linalg.norm(column):
            kept.append(position)
            basis = np.column_stack([basis, rest / size])
    dropped = tuple(data.terms[p] for p in range(k) if p not in kept)
    if not any(data.terms[p] != CONSTANT for p in kept):
        raise EstimationError(f"no regressor varies in the sample: {', '.join(dropped)}")
    kept.sort()
    dy, dX, both = data.differences
    names = tuple(data.terms[p] for p in kept)
    return replace(data, X=data.X[:, :, kept], differences=(dy, dX[:, :, kept], both), terms=names), dropped
