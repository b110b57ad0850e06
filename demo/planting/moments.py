"""Means and standard deviations of the papers' descriptive tables beside those of the demo."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from demo.planting import (
    common_prosperity,
    digital_industry,
    green_development,
    industrial_upgrading,
    new_quality_va_types,
)
from demo.planting.desk import Desk, View
from demo.planting.measures import capital, distortions, market, policy, robot_density, virtual
from demo.samples import study
from demo.tables import records

PRINTED = Path(__file__).with_name("moments.csv")


def moments(desk: Desk) -> list[dict[str, Any]]:
    """One entry a variable: paper, variable, printed mean and sd, those of the demo, and the distance in printed sds."""
    built = {
        "common_prosperity": _common_prosperity(desk), "industrial_upgrading": _industrial_upgrading(desk),
        "new_quality_va_types": _new_quality(desk), "green_development": _green_development(desk),
        "digital_industry": _digital_industry(desk),
    }  # fmt: skip
    out = []
    for row in records(PRINTED):
        values = built[row["paper"]][row["variable"]]
        mean, sd = float(row["mean"]), float(row["sd"])
        out.append({
            "paper": row["paper"], "variable": row["variable"], "printed_mean": mean, "printed_sd": sd,
            "mean": round(float(values.mean()), 6), "sd": round(float(values.std(ddof=1)), 6),
            "distance": round(float((values.mean() - mean) / sd), 3),
        })  # fmt: skip
    return out


def _view(desk: Desk, paper: str) -> View:
    return View(desk, study(paper))


def _common_prosperity(desk: Desk) -> Mapping[str, np.ndarray]:
    view = _view(desk, "common_prosperity")
    dist_k, dist_l = distortions(view)
    return {
        "CP": common_prosperity.index(view)[1],
        "DID": policy(view, "broadband_china"),
        "VG": virtual(view),
        "distK": dist_k,
        "distL": dist_l,
        **common_prosperity.controls(view),
    }


def _industrial_upgrading(desk: Desk) -> Mapping[str, np.ndarray]:
    view = _view(desk, "industrial_upgrading")
    return {
        "did": policy(view, "broadband_china"),
        "cac": np.exp(industrial_upgrading.coagglomeration(view)[0]),
        "lnstru": industrial_upgrading.sophistication(view),
    }


def _new_quality(desk: Desk) -> Mapping[str, np.ndarray]:
    view = _view(desk, "new_quality_va_types")
    return {
        "NQ": new_quality_va_types.index(new_quality_va_types.indicators(view))[0],
        "VA": virtual(view),
        **new_quality_va_types.types(view),
        "MS": view("students_secondary"),
        "TI": view("medical_insured"),
        "CT": view("passenger_volume"),
        "FI": view("output_foreign_firms") * 1e4,
        "DI": view("gdp_growth"),
    }


def _green_development(desk: Desk) -> Mapping[str, np.ndarray]:
    view = _view(desk, "green_development")
    score = green_development.efficiency(view, capital(view)).reshape(len(view.rows), -1)
    return {
        "Gtfp": green_development.growth(score),
        "Va": virtual(view),
        **green_development.controls(view),
        "Ina": np.log1p(view("patents_granted")),
        "Ind": green_development.structure(view),
        "Mar": market(view),
    }


def _digital_industry(desk: Desk) -> Mapping[str, np.ndarray]:
    view = _view(desk, "digital_industry")
    columns = [view(name) for name in digital_industry.INDICATORS]
    return {
        "New-productivity": np.asarray(digital_industry.productivity_index(columns, robot_density(view)).score),
        **digital_industry.regressors(view),
    }
