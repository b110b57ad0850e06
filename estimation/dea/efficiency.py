"""Data envelopment analysis: radial, SBM, EBM, directional, closest and farthest targets; ML and GML indices.

Linear programs are solved by HiGHS against the whole reference set (`estimation.dea.solver`).

Sources: Charnes, Cooper and Rhodes (1978); Banker, Charnes and Cooper (1984); Tone (2001, 2003) for SBM without and with
undesirable outputs; Tone and Tsutsui (2010) for EBM; Chung, Faere and Grosskopf (1997) for the directional distance;
Aparicio, Ruiz and Sirvent (2007) for closest targets.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from estimation.core.frame import EstimationError
from estimation.dea.data import parts
from estimation.dea.direction import directions
from estimation.dea.models import (
    BadTarget,
    Disposability,
    Model,
    Orientation,
    Outside,
    Rts,
    Specification,
    evaluate,
    slack_weights,
)
from estimation.dea.programs import Parts
from estimation.dea.solver import INFEASIBLE, OPTIMAL


@dataclass(frozen=True)
class DeaResult:
    """Efficiency of n units against R reference units.

    Attributes:
        score: (n,) efficiency: 1 on the frontier, below 1 inside, above 1 beyond it (possible only for units outside the
            reference); NaN where the program has no solution. Radial in: theta; radial out: 1/phi; radial none: theta/phi;
            SBM, EBM: the ratio; ddf: (1 - beta mean(gx/x0)) / (1 + beta mean((gy/y0, gb/b0))), which is Chung, Faere and
            Grosskopf's 1/(1 + beta) for the direction (0, y0, b0) and the radial score for (x0, y0) under constant
            returns.
        distance: (n,) the optimum as the literature prints it: phi for radial out, beta for ddf, otherwise the score.
        slacks: (x, y, b) of shapes (n, m), (n, s), (n, p) in original units: what remains between the radial (or
            directional) projection and the target; not negative. For units scored by super-SBM (``outside="super"``) they
            are measured from the unit itself and negative where it beats the frontier.
        targets: (x, y, b), the combination of reference units that the unit is compared with.
        lambdas: (n, R) weights of the reference units.
        status: (n,) ``optimal``, ``infeasible`` or ``unbounded``.
        options: the choices made, including the slack weights used.
    """

    score: np.ndarray
    distance: np.ndarray
    slacks: Parts
    targets: Parts
    lambdas: np.ndarray
    status: np.ndarray
    options: Mapping[str, Any]

    @property
    def n_infeasible(self) -> int:
        """Number of units whose program is infeasible."""
        return int((self.status == INFEASIBLE).sum())

    @property
    def is_solved(self) -> np.ndarray:
        """(n,) whether the program has an optimum."""
        return np.asarray(self.status == OPTIMAL)


def dea(
    X: Any,
    Y: Any,
    B: Any = None,
    *,
    ref: Any = None,
    model: Model = "radial",
    orientation: Orientation = "none",
    rts: Rts = "crs",
    eps: float | tuple[float, ...] | None = None,
    weights: str | tuple[np.ndarray, ...] | None = None,
    disposability: Disposability = "strong",
    direction: Any = None,
    bad_target: BadTarget = "phi",
    outside: Outside = "infeasible",
    second_stage: bool = True,
) -> DeaResult:
    """Efficiency scores, slacks and targets of units against a frontier.

    Args:
        X, Y, B: (n, m) inputs, (n, s) desirable and (n, p) undesirable outputs, not negative; above zero for the slack
            models (sbm, ebm, closest, farthest).
        ref: the reference set: None (the units themselves), a mask (n,) or positions among the units, or a tuple
            ``(X, Y)`` or ``(X, Y, B)`` of other units.
        model: ``radial`` (CCR, BCC); ``sbm``; ``ebm`` with theta <= 1 <= phi; ``ddf``; ``farthest`` and ``closest``: the
            targets on the strongly efficient frontier that dominate the unit with the smallest SBM ratio (this is SBM
            itself) and with the largest one (a mixed-integer program a unit).
        orientation: ``in`` holds outputs (phi = 1), ``out`` holds inputs (theta = 1), ``none`` takes theta/phi. For ddf it
            sets the default direction: none (x0, y0, b0), in (x0, 0, 0), out (0, y0, b0).
        rts: constant or variable returns (weights add up to one).
        eps, weights: of EBM: a number or one each for (x, y, b); arrays (x, y, b), or ``"equal"`` for SBM's 1/m and
            1/(s + p). What is not given comes from the affinity of the reference data.
        disposability: of the undesirables in radial, ebm and ddf: ``strong`` lets them have a slack, ``weak`` holds them
            exactly at phi b0 (ddf: b0 - beta gb). Variable returns use the same single weights (Faere and Grosskopf).
        direction: of ddf: (gx, gy, gb), each a row for all units or a table with a row a unit.
        bad_target: radial and ebm: undesirables are held to phi b0 (default), or to (2 - phi) b0.
        outside: sbm, farthest: units beyond the frontier are infeasible, or scored above one by super-SBM.
        second_stage: maximise the slacks that the score ignores (radial, oriented and directional models, epsilon zero).

    Returns:
        `DeaResult`. EBM with epsilon 0 is the radial score; with epsilon 1 and equal weights it is SBM (without
        undesirables, or with ``bad_target="two_minus_phi"``).

    Raises:
        EstimationError: unusable data (named by row), or options that do not go together (the allowed ones are listed).
    """
    units = parts(X, Y, B)
    reference = _reference(ref, units)
    slack = slack_weights(model, units.sizes, eps, weights, reference)
    specification = Specification(model, orientation, rts, disposability, bad_target, outside, slack)
    result = evaluate(
        units,
        reference,
        specification,
        direction=directions(direction, units, model, orientation),
        second_stage=second_stage,
    )
    parts_found = result.score, result.distance, result.slacks, result.targets, result.lambdas, result.status
    return DeaResult(*parts_found, {**vars(specification), "n_reference": len(reference.x)})


def _reference(ref: Any, units: Parts) -> Parts:
    """The reference units: the units, some of them, or others."""
    if ref is None:
        return units
    if isinstance(ref, tuple | list) and len(ref) in (2, 3) and all(np.ndim(part) in (1, 2) for part in ref):
        others = parts(*ref)
        if others.sizes != units.sizes:
            raise EstimationError(f"ref has {others.sizes} inputs, outputs, undesirables; the units have {units.sizes}")
        return others
    chosen = np.asarray(ref)
    if chosen.ndim != 1 or chosen.dtype.kind not in "bui":
        raise EstimationError("ref must be None, a mask or positions of units, or a tuple (X, Y) or (X, Y, B)")
    if chosen.dtype.kind == "b" and len(chosen) != len(units.x):
        raise EstimationError(f"ref is a mask of length {len(chosen)} for {len(units.x)} units")
    reference = Parts(*(values[chosen] for values in units))
    if len(reference.x) == 0:
        raise EstimationError("ref selects no unit")
    return reference
