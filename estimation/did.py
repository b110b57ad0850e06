"""Staggered difference in differences: every estimator behind one import."""

from estimation.bacon import BaconDecomposition, bacon
from estimation.callaway import GroupTimeEffects, att_gt
from estimation.event_study import EventStudy, event_study
from estimation.honest import EventCoefficients, HonestBounds, honest_did
from estimation.imputation import Imputation, imputation
from estimation.sun_abraham import SunAbraham, sun_abraham
from estimation.switchers import SwitcherEffects, did_multiplegt
from estimation.two_stage import TwoStage, two_stage
from estimation.twoway_weights import TwowayWeights, twoway_weights

__all__ = [
    "BaconDecomposition",
    "EventCoefficients",
    "EventStudy",
    "GroupTimeEffects",
    "HonestBounds",
    "Imputation",
    "SunAbraham",
    "SwitcherEffects",
    "TwoStage",
    "TwowayWeights",
    "att_gt",
    "bacon",
    "did_multiplegt",
    "event_study",
    "honest_did",
    "imputation",
    "sun_abraham",
    "two_stage",
    "twoway_weights",
]
