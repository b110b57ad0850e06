"""Sensitivity analyses and robustness checks: every function behind one import."""

from estimation.cleaning.winsor import winsorise
from estimation.heterogeneity.group_difference import GroupDifference, group_difference
from estimation.panel.tests import hausman, mundlak
from estimation.sensitivity.fgls import Fgls, fit_fgls
from estimation.sensitivity.itcv import Itcv, itcv
from estimation.sensitivity.lags import lagged
from estimation.sensitivity.leave_one_out import LeaveOneOut, leave_one_out
from estimation.sensitivity.oster import Oster, oster_delta
from estimation.sensitivity.ppml import Ppml, fit_ppml
from estimation.sensitivity.robustness import (
    Variations,
    alternative_outcomes,
    lagged_controls,
    other_policies,
    outlier_treatments,
    sample_windows,
    without_units,
)
from estimation.sensitivity.specification_curve import SpecificationCurve, specification_curve
from estimation.sensitivity.tobit import Tobit, fit_tobit
from estimation.sensitivity.trimming import trim
from estimation.sensitivity.wild_bootstrap import WildBootstrap, wild_bootstrap

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
