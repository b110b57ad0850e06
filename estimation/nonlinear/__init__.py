"""Quadratic relations: turning points and their intervals, tests of a U shape, a moderated U."""

from estimation.nonlinear.moderated_u import ModeratedU, Shift, fit_moderated_u, shift_numerator
from estimation.nonlinear.quadratic import (
    Quadratic,
    UTest,
    delta_interval,
    fieller_interval,
    fit_quadratic,
    lind_mehlum_test,
    turning_point,
)
from estimation.nonlinear.two_lines import TwoLines

__all__ = [
    "ModeratedU",
    "Quadratic",
    "Shift",
    "TwoLines",
    "UTest",
    "delta_interval",
    "fieller_interval",
    "fit_moderated_u",
    "fit_quadratic",
    "lind_mehlum_test",
    "shift_numerator",
    "turning_point",
]
