"""Staggered difference in differences: every estimator behind one import."""

from estimation.bacon import BaconDecomposition, bacon
from estimation.callaway import GroupTimeEffects, att_gt
from estimation.event_study import EventStudy, event_study
from estimation.imputation import Imputation, imputation
from estimation.sun_abraham import SunAbraham, sun_abraham
from estimation.two_stage import TwoStage, two_stage

__all__ = [
    "BaconDecomposition",
    "EventStudy",
    "GroupTimeEffects",
    "Imputation",
    "SunAbraham",
    "TwoStage",
    "att_gt",
    "bacon",
    "event_study",
    "imputation",
    "sun_abraham",
    "two_stage",
]
