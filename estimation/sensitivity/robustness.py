"""Families of robustness checks: each is the baseline regression with one thing changed, and every check keeps its
row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, Unpack, get_args

import numpy as np
import pandas as pd

from estimation.cleaning.winsor import QUANTILE, Quantile, winsorise
from estimation.core.frame import EstimationError
from estimation.core.options import PanelOptions
from estimation.core.terms import key_names, names
from estimation.panel.fit import PanelFit, fit_panel
from estimation.sensitivity.lags import lagged
from estimation.sensitivity.trimming import trim

Treatment = Literal["winsorise", "trim"]


@dataclass(frozen=True)
class Variations:
    """Regressions by name, in the order they were declared.

    Attributes:
        fits: those that could be estimated. reasons: why the others could not.
        order: all names.
    """

    fits: Mapping[str, PanelFit]
    reasons: Mapping[str, str]
    order: tuple[str, ...]

    def table(self, term: str) -> pd.DataFrame:
        """One row a variation: estimate, standard error, p-value, interval, observations and entities of ``term``."""
        kept = ("estimate", "std_error", "p_value", "conf_low", "conf_high", "n_obs", "n_entities")
        rows = []
        for name in self.order:
            fit = self.fits.get(name)
            row: dict[str, Any] = next((r for r in fit.to_rows() if r["term"] == term), {}) if fit else {}
            reason = self.reasons.get(name, "" if row else f"{term} is not in this regression")
            rows.append({**{key: row.get(key, np.nan) for key in kept}, "reason": reason})
        return pd.DataFrame(rows, index=pd.Index(self.order, name="variation"))


def _run(variations: Iterable[tuple[str, Callable[[], PanelFit]]]) -> Variations:
    fits, reasons, order = {}, {}, []
    for name, fit in variations:
        order.append(name)
        try:
            fits[name] = fit()
        except EstimationError as error:
            reasons[name] = str(error)
    if not fits:
        raise EstimationError(
            f"no variation can be estimated; the first: {next(iter(reasons.values()), 'none declared')}"
        )
    return Variations(fits, reasons, tuple(order))


def other_policies(
    df: pd.DataFrame, y: str, x: str | Sequence[str], policies: str | Sequence[str], **options: Unpack[PanelOptions]
) -> Variations:
    """The baseline (``base``), with each policy dummy in turn (by its name) and with ``all`` of them."""
    base, dummies = names(x), names(policies)
    sets = {"base": [], **{policy: [policy] for policy in dummies}, "all": dummies}
    return _run((name, partial(fit_panel, df, y, [*base, *added], **options)) for name, added in sets.items())


def alternative_outcomes(
    df: pd.DataFrame, outcomes: Sequence[str], x: str | Sequence[str], **options: Unpack[PanelOptions]
) -> Variations:
    """The same regressors for every outcome."""
    return _run((y, partial(fit_panel, df, y, x, **options)) for y in outcomes)


def lagged_controls(
    df: pd.DataFrame,
    y: str,
    x: str | Sequence[str],
    controls: str | Sequence[str],
    *,
    periods: Sequence[int] = (1,),
    **options: Unpack[PanelOptions],
) -> Variations:
    """The baseline, and all ``controls`` replaced by their lags (``lag 1`` ...); the first years of every entity are
    lost.
    """
    entity, time = key_names(options)

    def with_lag(p: int) -> PanelFit:
        moved = names(controls)
        data = lagged(df, moved, periods=p, entity=entity, time=time)
        prefix = "L." if p == 1 else f"L{p}."
        return fit_panel(data, y, [*names(x), *(f"{prefix}{name}" for name in moved)], **options)

    later = [(f"lag {p}", partial(with_lag, p)) for p in periods]
    return _run([("base", partial(fit_panel, df, y, [*names(x), *names(controls)], **options)), *later])


def sample_windows(
    df: pd.DataFrame,
    y: str,
    x: str | Sequence[str],
    windows: Mapping[str, tuple[Any, Any]],
    **options: Unpack[PanelOptions],
) -> Variations:
    """The baseline, and the rows of each window (first and last period, both included)."""
    time = key_names(options)[1]
    parts = {name: df[(df[time] >= first) & (df[time] <= last)] for name, (first, last) in windows.items()}
    return _samples(df, y, x, parts, options)


def without_units(
    df: pd.DataFrame,
    y: str,
    x: str | Sequence[str],
    left_out: Mapping[str, Sequence[Any]],
    *,
    column: str | None = None,
    **options: Unpack[PanelOptions],
) -> Variations:
    """The baseline, and without the listed values of ``column`` (default: the entity), e.g. the four municipalities.

    Raises:
        EstimationError: a value that does not occur, so that a misspelt city is not silently kept.
    """
    key = column or key_names(options)[0]
    unknown = {v for values in left_out.values() for v in values} - set(df[key].unique())
    if unknown:
        raise EstimationError(f"{key} never takes the value(s) {', '.join(map(str, sorted(unknown, key=str)))}")
    parts = {name: df[~df[key].isin(list(values))] for name, values in left_out.items()}
    return _samples(df, y, x, parts, options)


def _samples(
    df: pd.DataFrame, y: str, x: str | Sequence[str], parts: Mapping[str, pd.DataFrame], options: PanelOptions
) -> Variations:
    frames = {"base": df, **parts}
    return _run((name, partial(fit_panel, part, y, x, **options)) for name, part in frames.items())


def outlier_treatments(
    df: pd.DataFrame,
    y: str,
    x: str | Sequence[str],
    columns: str | Sequence[str],
    *,
    treatments: Mapping[str, tuple[Treatment, float, float]] | None = None,
    quantile: Quantile = QUANTILE,
    **options: Unpack[PanelOptions],
) -> Variations:
    """The baseline, and with ``columns`` winsorised or trimmed.

    Args:
        treatments: by name, the treatment and its lower and upper share; default winsorised and trimmed at 1 % and 99
            %. quantile: definition of the quantiles, see `estimation.cleaning.winsor.winsorise`.
    """
    chosen = treatments or {"winsorised 1 %": ("winsorise", 0.01, 0.99), "trimmed 1 %": ("trim", 0.01, 0.99)}
    unknown = [kind for kind, _, _ in chosen.values() if kind not in get_args(Treatment)]
    if unknown:
        raise EstimationError(f"treatment {unknown[0]!r} is not one of {', '.join(get_args(Treatment))}")
    entity, time = key_names(options)
    cut = names(columns)

    def treated(kind: str, low: float, high: float) -> PanelFit:
        if kind == "trim":
            return fit_panel(trim(df, cut, limits=(low, high), quantile=quantile), y, x, **options)
        limited = winsorise(df, cut, limits=(low, high), quantile=quantile, entity=entity, time=time)
        return fit_panel(limited.data, y, x, **options)

    later = [(name, partial(treated, *rule)) for name, rule in chosen.items()]
    return _run([("base", partial(fit_panel, df, y, x, **options)), *later])
