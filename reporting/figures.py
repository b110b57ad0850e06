"""Figures as SVG text: the same input gives the same bytes, and the report needs no other file."""

from __future__ import annotations

import io

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


def _svg(figure: Figure, synthetic: bool) -> str:
    metadata = {"Date": None, "Creator": None} | ({"Title": SYNTHETIC} if synthetic else {})
    if synthetic:
        figure.suptitle(SYNTHETIC, x=0.99, ha="right", color=ACCENT, fontsize=9, weight="bold")
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata=metadata)
    text = buffer.getvalue()
    return text[text.index("<svg") :]
