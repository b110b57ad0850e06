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
from demo.planting.measures import capital, cleaned, distortions, market, policy, robot_density, virtual
from demo.samples import study
from demo.tables import records

PRINTED = Path(__file__).with_name("moments.csv")
CLOSE = 0.05
OTHER_SEED = "levels of the laws are set for the default seed"


def moments(desk: Desk) -> list[dict[str, Any]]:
    """One entry a printed variable.

    paper, variable, printed mean and sd; those of the demo, on the scale of the switch `scale` where the paper printed another
    definition than it states; distance of the means in printed sds; whether both are met within `CLOSE`; and the reason where they are not.
    """
    built = {
        "common_prosperity": _common_prosperity(desk), "industrial_upgrading": _industrial_upgrading(desk),
        "new_quality_va_types": _new_quality(desk), "green_development": _green_development(desk),
        "digital_industry": _digital_industry(desk),
    }  # fmt: skip
    return [_entry(row, built[row["paper"]][row["variable"]]) for row in records(PRINTED)]


def _entry(row: dict[str, str], values: np.ndarray) -> dict[str, Any]:
    printed_mean, printed_sd = float(row["mean"]), float(row["sd"])
    mean, sd = float(np.nanmean(values)), float(np.nanstd(values, ddof=1))
    met = abs(mean / printed_mean - 1) <= CLOSE and abs(sd / printed_sd - 1) <= CLOSE
    return {
        "paper": row["paper"], "variable": row["variable"], "printed_mean": printed_mean, "printed_sd": printed_sd,
        "scale": row["scale"], "mean": round(mean, 6), "sd": round(sd, 6),
        "distance": round((mean - printed_mean) / printed_sd, 3), "met": met,
        "reason": "" if met else row["reason"] or OTHER_SEED,
    }  # fmt: skip


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
        "finance": view("loans") / view("gdp"),
        "fdi": view("fdi_actual") / view("gdp"),
        "ind": view("va_secondary") / view("gdp"),
    }


def _industrial_upgrading(desk: Desk) -> Mapping[str, np.ndarray]:
    view = _view(desk, "industrial_upgrading")
    people, land = industrial_upgrading.allocation(view), industrial_upgrading.land_use(view, capital(view))
    return {
        "did": policy(view, "broadband_china"),
        "cac": cleaned(view, np.exp(industrial_upgrading.coagglomeration(view)[0])),
        "lnstru": industrial_upgrading.sophistication(view),
        "ecol": cleaned(view, people),
        "eland": cleaned(view, land),
        "rel": cleaned(view, industrial_upgrading.coordination(people, land)),
        **industrial_upgrading.controls(view),
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
        "Fina": (view("deposits") + view("loans")) / view("gdp"),
        "Ina": np.log1p(view("patents_granted")),
        "Ind": _angle([view(f"va_{sector}") for sector in ("primary", "secondary", "tertiary")]),
        "Mar": market(view),
    }


def _digital_industry(desk: Desk) -> Mapping[str, np.ndarray]:
    view = _view(desk, "digital_industry")
    columns = [view(name) for name in digital_industry.INDICATORS]
    return {
        "New-productivity": np.asarray(digital_industry.productivity_index(columns, robot_density(view)).score),
        **digital_industry.regressors(view),
    }


def _angle(sectors: list[np.ndarray]) -> np.ndarray:
    """Angle index 3 t1 + 2 t2 + t3 of the sectors' shares, t the angle to each axis."""
    norm = np.sqrt(sum(part**2 for part in sectors))
    return np.asarray(sum(weight * np.arccos(part / norm) for weight, part in zip((3, 2, 1), sectors, strict=True)))
