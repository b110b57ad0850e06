"""Samples after cleaning: quantiles of winsorising, rules for outliers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from tests.models.recomputed.expectation import Expectation, Read

MAX_GAP = 3


def cleaned(study: str, clean: Callable[[pd.Series, pd.DataFrame], pd.Series]) -> Expectation:
    """The continuous columns of a study's built sample, each cleaned for itself."""

    def compute(read: Read, value: str) -> pd.DataFrame:
        built = read(f"studies.{study}_built").sort_values(["city_code", "year"], ignore_index=True)
        seed = read("seeds.study_variables")
        names = seed.loc[(seed["study"] == study) & (seed["kind"] == "continuous"), "column_name"]
        columns = {name: clean(built[name].astype(float), built) for name in names}
        return built[["city_code", "year"]].assign(**columns)

    return Expectation(f"studies.{study}", compute)


def winsorised(share: float = 0.01, by_year: bool = False, quantile: Callable | None = None) -> Expectation:
    """Values beyond the quantiles become the quantiles; columns of two values are left alone."""
    chosen = quantile or of_stata

    def clean(values: pd.Series, built: pd.DataFrame) -> pd.Series:
        if values.nunique() <= 2:
            return values
        groups = values.groupby(built["year"]) if by_year else [(0, values)]
        limited = [own.clip(*(chosen(own.dropna().to_numpy(), q) for q in (share, 1 - share))) for _, own in groups]
        return pd.concat(limited).sort_index()

    return cleaned("industrial_upgrading", clean)


def of_stata(values: np.ndarray, q: float) -> float:
    """The order statistic above n q, or the mean of the two around it where n q is a whole number."""
    ordered, place = np.sort(values), len(values) * q
    if abs(place - round(place)) < 1e-9:
        return float(ordered[[round(place) - 1, round(place)]].mean())
    return float(ordered[int(np.floor(place))])


def without_outliers(rule: str = "iqr", width: float = 2.2, log: bool = True) -> Expectation:
    """Values beyond the limits lie on the line between the neighbouring years; without a line they are missing."""

    def clean(values: pd.Series, built: pd.DataFrame) -> pd.Series:
        judged = np.log(values.where(values > 0)) if log else values
        low, high = limits(judged.dropna(), rule, width)
        odd = (judged < low) | (judged > high)
        parts = [
            on_the_line(own.mask(odd[own.index] | (log & (own <= 0))), built["year"])
            for _, own in values.groupby(built["city_code"])
        ]
        line = pd.concat(parts).sort_index()
        return values.where(~odd, line)

    return cleaned("digital_industry", clean)


def limits(known: pd.Series, rule: str, width: float) -> tuple[float, float]:
    """Centre and spread of the rule; none for fewer than four values or without a spread."""
    if len(known) < 4:
        return -np.inf, np.inf
    if rule == "iqr":
        low, high = known.quantile(0.25), known.quantile(0.75)
        spread = high - low
    elif rule == "mad":
        low = high = known.median()
        spread = 1.4826 * (known - low).abs().median()
    else:
        low = high = known.mean()
        spread = known.std(ddof=1)
    return (low - width * spread, high + width * spread) if spread > 0 else (-np.inf, np.inf)


def on_the_line(own: pd.Series, years: pd.Series) -> pd.Series:
    """Interior gaps of at most three years on a straight line."""
    known = own.dropna()
    if len(known) < 2:
        return own
    at, when = years[own.index].to_numpy(), years[known.index].to_numpy()
    before = np.searchsorted(when, at, side="right") - 1
    inside = (before >= 0) & (before < len(when) - 1)
    gap = np.where(inside, when[np.minimum(before + 1, len(when) - 1)] - when[np.maximum(before, 0)] - 1, MAX_GAP + 1)
    line = pd.Series(np.interp(at, when, known.to_numpy()), own.index).where(gap <= MAX_GAP)
    return own.fillna(line)


EXPECTED = (
    {("winsor_share", text): winsorised(share=float(text)) for text in ("0.025", "0.05")}
    | {("outlier_width", text): without_outliers(width=float(text)) for text in ("1.5", "3", "5", "10")}
    | {("outlier_rule", text): without_outliers(rule=text) for text in ("mad", "zscore")}
    | {
        ("winsor_by", "year"): winsorised(by_year=True),
        ("winsor_by", "none"): cleaned("industrial_upgrading", lambda values, built: values),
        ("winsor_quantile", "linear"): winsorised(quantile=np.quantile),
        ("outlier_rule", "none"): cleaned("digital_industry", lambda values, built: values),
        ("outlier_scale", "level"): without_outliers(log=False),
    }
)
