"""Sensitivity analyses and robustness checks: every function behind one import."""

from estimation.fgls import Fgls, fit_fgls
from estimation.group_difference import GroupDifference, group_difference
from estimation.itcv import Itcv, itcv
from estimation.lags import lagged
from estimation.leave_one_out import LeaveOneOut, leave_one_out
from estimation.oster import Oster, oster_delta
from estimation.panel_tests import hausman, mundlak
from estimation.ppml import Ppml, fit_ppml
from estimation.robustness import (
    Variations,
    alternative_outcomes,
    lagged_controls,
    other_policies,
    outlier_treatments,
    sample_windows,
    without_units,
)
from estimation.specification_curve import SpecificationCurve, specification_curve
from estimation.tobit import Tobit, fit_tobit
from estimation.trimming import trim
from estimation.wild_bootstrap import WildBootstrap, wild_bootstrap
from estimation.winsor import winsorise

__all__ = [
    "Fgls",
    "GroupDifference",
    "Itcv",
    "LeaveOneOut",
    "Oster",
    "Ppml",
    "SpecificationCurve",
    "Tobit",
    "Variations",
    "WildBootstrap",
    "alternative_outcomes",
    "fit_fgls",
    "fit_ppml",
    "fit_tobit",
    "group_difference",
    "hausman",
    "itcv",
    "lagged",
    "lagged_controls",
    "leave_one_out",
    "mundlak",
    "oster_delta",
    "other_policies",
    "outlier_treatments",
    "sample_windows",
    "specification_curve",
    "trim",
    "wild_bootstrap",
    "winsorise",
    "without_units",
]
