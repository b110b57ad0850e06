"""Figures as SVG text: the same input gives the same bytes, and the report needs no other file."""

from __future__ import annotations

import io
from collections.abc import Sequence

import matplotlib as mpl
import pandas as pd
from matplotlib.figure import Figure

RC = {
    "svg.hashsalt": "nianjian",
    "svg.fonttype": "path",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
}
INK, ACCENT = "#333333", "#b03a2e"
TYPES = {
    1: ("1 frontier", "#b03a2e"),
    2: ("2 steady", "#d68910"),
    3: ("3 potential", "#1e8449"),
    4: ("4 high base, adjusting", "#2471a3"),
    5: ("5 stagnant", "#7f8c8d"),
}
SYNTHETIC = "SYNTHETIC DATA (nianjian demo)"


def event_study_figure(curve: pd.DataFrame, title: str, *, synthetic: bool = False) -> str:
    """Coefficients by relative time with their intervals.

    Args:
        curve: rows of `results.curves`: x relative time, y estimate, lower and upper limits.
        synthetic: write into the picture and its metadata that no number describes a real city.
    """
    points = curve.sort_values("x")
    with mpl.rc_context(RC):  # type: ignore[arg-type]
        figure = Figure(figsize=(7.2, 4.2), layout="constrained")
        axes = figure.subplots()
        axes.axhline(0, color=INK, linewidth=0.8)
        axes.axvline(-0.5, color=INK, linewidth=0.8, linestyle=":")
        errors = [points["y"] - points["lower"], points["upper"] - points["y"]]
        axes.errorbar(points["x"], points["y"], yerr=errors, fmt="o", color=ACCENT, ecolor=INK, capsize=3, markersize=5)
        axes.set_xlabel("Years since designation (ends binned)")
        axes.set_ylabel("Effect, 95 % interval")
        axes.set_title(title, loc="left", fontsize=11)
        axes.set_xticks([int(x) for x in points["x"]])
        return _svg(figure, synthetic)


def distance_band_figure(
    curve: pd.DataFrame, title: str, crossing: float | None = None, *, synthetic: bool = False
) -> str:
    """Effect of treated cities by their distance, with intervals and the distance where the effect changes sign.

    Bands that are not identified (NaN) leave a gap in the line.

    Args:
        curve: rows of `results.curves`: x upper edge of the band in km, y estimate, lower and upper limits.
        crossing: km, drawn as a vertical line; None or NaN where the effect does not change sign.
        synthetic: as in `event_study_figure`.
    """
    points = curve.sort_values("x")
    with mpl.rc_context(RC):  # type: ignore[arg-type]
        figure = Figure(figsize=(7.2, 4.2), layout="constrained")
        axes = figure.subplots()
        axes.axhline(0, color=INK, linewidth=0.8)
        errors = [points["y"] - points["lower"], points["upper"] - points["y"]]
        axes.errorbar(
            points["x"], points["y"], yerr=errors, fmt="-o", color=ACCENT, ecolor=INK, capsize=3, markersize=5
        )
        if crossing is not None and pd.notna(crossing):
            axes.axvline(crossing, color=INK, linewidth=0.8, linestyle=":")
            axes.annotate(f"{crossing:.0f} km", (crossing, 1), xycoords=("data", "axes fraction"),
                          xytext=(4, -10), textcoords="offset points", color=INK)  # fmt: skip
        axes.set_xlabel("Distance to treated cities, km (upper edge of the band)")
        axes.set_ylabel("Effect, 95 % interval")
        axes.set_title(title, loc="left", fontsize=11)
        axes.set_xticks(points["x"].tolist())
        return _svg(figure, synthetic)


def va_types_figure(types: pd.DataFrame, *, synthetic: bool = False) -> str:
    """Types of virtual agglomeration: share in the nation by growth, one point a city (or a city-year), with the cuts between types.

    Args:
        types: rows of `indices.va_types`: city_code, share, growth (a fraction a year), va_type (1 to 5; others are left out).
        synthetic: as in `event_study_figure`.
    """
    points = types.dropna(subset=["share", "growth", "va_type"])
    points = points.drop_duplicates(["city_code", "share", "growth"]).sort_values(["city_code", "share", "growth"])
    with mpl.rc_context(RC):  # type: ignore[arg-type]
        figure = Figure(figsize=(7.2, 4.6), layout="constrained")
        axes = figure.subplots()
        for kind, (label, colour) in TYPES.items():
            own = points[points["va_type"] == kind]
            axes.scatter(100 * own["share"], 100 * own["growth"], s=14, color=colour, label=f"{label} ({len(own)})")
        axes.axvline(
            100 * _between(points, "share", low=(3, 5), high=(1, 2, 4)), color=INK, linewidth=0.8, linestyle=":"
        )
        for low, high in (((4,), (2,)), ((2,), (1,))):  # the cuts of growth, among high shares
            axes.axhline(100 * _between(points, "growth", low, high), color=INK, linewidth=0.8, linestyle=":")
        axes.set_xscale("log")
        axes.set_xlabel("Share in the nation, % (logarithmic)")
        axes.set_ylabel("Growth, % a year")
        axes.legend(frameon=False, fontsize=8)
        return _svg(figure, synthetic)


def _between(points: pd.DataFrame, column: str, low: Sequence[int], high: Sequence[int]) -> float:
    """Halfway between the types below a cut and those above it; NaN, which draws no line, where either is empty."""
    below, above = (points.loc[points["va_type"].isin(kinds), column] for kinds in (low, high))
    return float((below.max() + above.min()) / 2)


def _svg(figure: Figure, synthetic: bool) -> str:
    metadata = {"Date": None, "Creator": None} | ({"Title": SYNTHETIC} if synthetic else {})
    if synthetic:
        figure.suptitle(SYNTHETIC, x=0.99, ha="right", color=ACCENT, fontsize=9, weight="bold")
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata=metadata)
    text = buffer.getvalue()
    return text[text.index("<svg") :]
