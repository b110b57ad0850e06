"""Coupling coordination of two subsystems."""

from __future__ import annotations

from typing import Any, Literal, get_args

import numpy as np

from estimation.core.frame import EstimationError

Form = Literal["standard", "printed"]


def coupling_coordination(a: Any, b: Any, *, form: Form = "standard") -> np.ndarray:
    """Coupling coordination degree of two scores on the same scale (normalise them first, usually to [0, 1]).

    Args:
        a, b: arrays of the same shape, not negative; NaN stays NaN.
        form: ``standard``: sqrt(C T) with C = 2 sqrt(ab)/(a + b) and T = (a + b)/2, which is (ab)^(1/4);
            ``printed``: [2 sqrt(ab)/(a + b)]^(1/2) (1/2)^(1/4) (a + b)^(1/4), as one paper prints it, which is the fourth
            root of the harmonic mean, [2ab/(a + b)]^(1/4).

    Returns:
        Degrees, in [0, 1] for scores in [0, 1]; 0 where either score is 0.

    Raises:
        EstimationError: different shapes, negative or infinite scores, or an unknown form.
    """
    if form not in get_args(Form):
        raise EstimationError(f"form={form!r} is not one of {', '.join(get_args(Form))}")
    first, second = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    if first.shape != second.shape:
        raise EstimationError(f"the two scores have different shapes: {first.shape} and {second.shape}")
    for name, values in (("a", first), ("b", second)):
        wrong = (values < 0) | np.isinf(values)
        if wrong.any():
            raise EstimationError(f"{name} is negative or infinite in {int(wrong.sum())} place(s): normalise it first")
    product = first * second
    if form == "standard":
        return np.asarray(product**0.25)
    total = first + second
    harmonic = np.divide(2 * product, total, out=np.where(np.isnan(total), np.nan, 0.0), where=total > 0)
    return np.asarray(harmonic**0.25)
